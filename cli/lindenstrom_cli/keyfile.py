"""Version 3 key files (the Web3 secret storage definition): scrypt, AES-128-CTR, keccak MAC.

https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage. Written out here because the
usual library takes half a second to import; the tests exchange files with it.
"""

import hashlib
import hmac
import json
import secrets
import uuid
from typing import Any

from lindenstrom.core.hashing import keccak

SCRYPT_N = 2**18
SCRYPT_N_RANDOM_PASSWORD = 2**4  # a random password of 256 bits needs no stretching
_BLOCK = 8
_MAX_SCRYPT_MEMORY = 2**30


class WrongMac(Exception):  # becomes WrongPassword where the alias is known
    """The password does not fit the file."""


class NotAKeyFile(Exception):  # becomes BadKeyFile where the path is known
    """The text is no version 3 key file with scrypt."""


def encrypt(key: bytes, address: bytes, password: bytes, n: int) -> str:
    """JSON text of a key file. n: scrypt's cost, a power of two."""
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    derived = _derive(password, salt, n, _BLOCK, 1)
    cipher = _ctr(derived[:16], iv, key)
    crypto = {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": iv.hex()},
        "ciphertext": cipher.hex(),
        "kdf": "scrypt",
        "kdfparams": {"dklen": 32, "n": n, "r": _BLOCK, "p": 1, "salt": salt.hex()},
        "mac": keccak(derived[16:32] + cipher).hex(),
    }
    return json.dumps({"version": 3, "id": str(uuid.uuid4()), "address": address.hex(), "crypto": crypto}, indent=2)


def decrypt(text: str, password: bytes) -> bytes:
    """32-byte key of a key file. Raises WrongMac, NotAKeyFile."""
    try:
        crypto: dict[str, Any] = json.loads(text)["crypto"]
        kdf = crypto["kdfparams"]
        if crypto["kdf"] != "scrypt" or crypto["cipher"] != "aes-128-ctr":
            raise NotAKeyFile
        cipher = bytes.fromhex(crypto["ciphertext"])
        derived = _derive(password, bytes.fromhex(kdf["salt"]), int(kdf["n"]), int(kdf["r"]), int(kdf["p"]))
        mac, iv = bytes.fromhex(crypto["mac"]), bytes.fromhex(crypto["cipherparams"]["iv"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAKeyFile from None
    if not hmac.compare_digest(keccak(derived[16:32] + cipher), mac):
        raise WrongMac
    return _ctr(derived[:16], iv, cipher)


def address_in(text: str) -> bytes:
    """20-byte address that a key file names, without unlocking it. Raises NotAKeyFile."""
    try:
        address = bytes.fromhex(json.loads(text)["address"].removeprefix("0x"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAKeyFile from None
    if len(address) != 20:
        raise NotAKeyFile
    return address


def _derive(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=_MAX_SCRYPT_MEMORY, dklen=32)


def _ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    from Crypto.Cipher import AES

    return AES.new(key, AES.MODE_CTR, nonce=b"", initial_value=iv).encrypt(data)

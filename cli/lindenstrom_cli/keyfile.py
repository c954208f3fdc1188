"""Version 3 key files (the Web3 secret storage definition): scrypt, AES-128-CTR, keccak MAC.

A key on P-256 lies in the same container under no version, with the curve's name and x‖y in place of the address, so
that no wallet takes it for an account.

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
from lindenstrom.signing import ADDRESS_BYTES, P256_KEY_BYTES, Curve

SCRYPT_N = 2**18
SCRYPT_N_RANDOM_PASSWORD = 2**4  # a random password of 256 bits needs no stretching
P256 = "p256"
_BLOCK = 8
_MAX_SCRYPT_MEMORY = 2**30


class WrongMac(Exception):  # becomes WrongPassword where the alias is known
    """The password does not fit the file."""


class NotAKeyFile(Exception):  # becomes BadKeyFile where the path is known
    """The text is no version 3 key file with scrypt."""


def encrypt(secret: bytes, key: bytes, password: bytes, n: int) -> str:
    """JSON text of a key file. key: the address, or x‖y of P-256. n: scrypt's cost, a power of two."""
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    derived = _derive(password, salt, n, _BLOCK, 1)
    cipher = _ctr(derived[:16], iv, secret)
    crypto = {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": iv.hex()},
        "ciphertext": cipher.hex(),
        "kdf": "scrypt",
        "kdfparams": {"dklen": 32, "n": n, "r": _BLOCK, "p": 1, "salt": salt.hex()},
        "mac": keccak(derived[16:32] + cipher).hex(),
    }
    named = {"version": 3, "address": key.hex()}
    if Curve.of(key) is Curve.P256:
        named = {"curve": P256, "public_key": key.hex()}
    return json.dumps({**named, "id": str(uuid.uuid4()), "crypto": crypto}, indent=2)


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


def key_in(text: str) -> bytes:
    """What a key file names, without unlocking it: an address, or 64 bytes x‖y of P-256. Raises NotAKeyFile."""
    try:
        named = json.loads(text)
        place, size = ("public_key", P256_KEY_BYTES) if named.get("curve") == P256 else ("address", ADDRESS_BYTES)
        key = bytes.fromhex(named[place].removeprefix("0x"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAKeyFile from None
    if len(key) != size:
        raise NotAKeyFile
    return key


def _derive(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=_MAX_SCRYPT_MEMORY, dklen=32)


def _ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    from Crypto.Cipher import AES

    return AES.new(key, AES.MODE_CTR, nonce=b"", initial_value=iv).encrypt(data)

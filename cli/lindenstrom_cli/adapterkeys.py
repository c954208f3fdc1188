"""Opening an adapter's keys where adapter.toml says they lie. A key is never taken from an argument or a variable."""

import os
import re
from pathlib import Path

from lindenstrom.errors import KeyProblem
from lindenstrom.metering.config import KeyPlace
from lindenstrom.signing import SECP256K1_ORDER, Curve, key_of
from lindenstrom_cli import keyfile
from lindenstrom_cli.errors import BadKeyFile, NoSuchKey, OpenKeyFile, WrongPassword
from lindenstrom_cli.files import readable_by_others
from lindenstrom_cli.home import Home
from lindenstrom_cli.keys import Signer

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with credentials (systemd.exec(5), LoadCredential=)."""
_SECRET = re.compile(r"0x[0-9a-fA-F]{64}")


class NoPassword(KeyProblem):
    """A key's password lies nowhere."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the password of {path} lies nowhere; write it into {path.with_suffix('.password')} (mode 0600), or name "
            "its place in adapter.toml ([key] password_file or password_credential)"
        )


class NoCredential(KeyProblem):
    """The service manager gave no such credential."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no credential {name!r} was handed over; add LoadCredential={name}:/path (or LoadCredentialEncrypted) to "
            "the unit and start it by systemd"
        )


class BadCredential(KeyProblem):
    """A credential is no key."""

    def __init__(self, name: str) -> None:
        super().__init__(f"credential {name!r} is no private key of secp256k1; it must hold 0x and 64 hex digits")


def open_key(place: KeyPlace, home: Home) -> Signer:
    """The key, ready to sign. Raises NoSuchKey, NoPassword, WrongPassword, BadKeyFile, OpenKeyFile, NoCredential."""
    if place.credential:
        return _from_credential(place.credential)
    path = place.file or home.keys / f"{place.alias}.json"
    if not path.is_file():
        raise NoSuchKey(path.stem, path.parent)
    try:
        text = path.read_text(encoding="utf-8")
        key = keyfile.key_in(text)
        secret = keyfile.decrypt(text, _password(place, path).encode())
    except keyfile.WrongMac:
        raise WrongPassword(path.stem) from None
    except (keyfile.NotAKeyFile, UnicodeDecodeError):
        raise BadKeyFile(path) from None
    return Signer(alias=path.stem, key=key_of(secret, Curve.of(key)), secret=secret)


def _password(place: KeyPlace, path: Path) -> str:
    if place.password_credential:
        return _credential(place.password_credential)
    beside = place.password_file or path.with_suffix(".password")
    if not beside.is_file():
        raise NoPassword(path)
    if readable_by_others(beside):
        raise OpenKeyFile(beside)
    return beside.read_text(encoding="utf-8").rstrip("\r\n")


def _from_credential(name: str) -> Signer:
    text = _credential(name).strip()
    if not _SECRET.fullmatch(text) or not 0 < int(text, 16) < SECP256K1_ORDER:
        raise BadCredential(name)
    secret = bytes.fromhex(text[2:])
    return Signer(alias=name, key=key_of(secret, Curve.SECP256K1), secret=secret)


def _credential(name: str) -> str:
    folder = os.environ.get(CREDENTIALS, "")
    path = Path(folder) / name
    if not folder or not path.is_file():
        raise NoCredential(name)
    return path.read_text(encoding="utf-8").rstrip("\r\n")

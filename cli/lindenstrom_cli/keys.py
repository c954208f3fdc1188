"""Keys of a home: keys/<alias>.json, and beside an unattended one its password in keys/<alias>.password."""

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from lindenstrom.signing import address_of, sign_digest
from lindenstrom_cli import keyfile
from lindenstrom_cli.errors import BadAlias, BadKeyFile, KeyExists, NoKeyFor, NoSuchKey, OpenKeyFile, WrongPassword
from lindenstrom_cli.files import readable_by_others, write_secret
from lindenstrom_cli.prompter import Prompter

_ALIAS = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key as its file names it, still locked."""

    alias: str
    address: bytes
    unattended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """An unlocked key. Its repr never shows the key."""

    alias: str
    address: bytes
    secret: bytes = field(repr=False)

    def sign(self, digest: bytes) -> bytes:
        """65-byte signature over a 32-byte digest."""
        return sign_digest(self.secret, digest)


@dataclass(slots=True, kw_only=True)
class KeyRing:
    """The keys in one folder. Passwords come from --password-file, from the file beside the key, or from a prompt."""

    folder: Path
    prompter: Prompter
    password_file: Path | None = None
    _open: dict[str, Signer] = field(default_factory=dict, repr=False)

    def create(self, alias: str, *, unattended: bool = False, secret: bytes | None = None) -> KeyEntry:
        """Make a key (or keep a given one). Raises BadAlias, KeyExists, InputNeeded."""
        path = self._path(alias)
        if path.exists():
            raise KeyExists(alias)
        secret = secret or _fresh_secret()
        address = address_of(secret)
        if unattended:
            password = secrets.token_hex(32)
            write_secret(self._password_path(alias), password + "\n")
            cost = keyfile.SCRYPT_N_RANDOM_PASSWORD
        else:
            password = self._given_password() or self.prompter.new_password(alias)
            cost = keyfile.SCRYPT_N
        write_secret(path, keyfile.encrypt(secret, address, password.encode(), cost))
        return KeyEntry(alias=alias, address=address, unattended=unattended)

    def list(self) -> tuple[KeyEntry, ...]:
        """All keys by alias; nothing is unlocked. Raises BadKeyFile."""
        return tuple(self.entry(path.stem) for path in sorted(self.folder.glob("*.json")))

    def entry(self, alias: str) -> KeyEntry:
        """One key, locked. Raises BadAlias, NoSuchKey, BadKeyFile."""
        path = self._path(alias)
        if not path.is_file():
            raise NoSuchKey(alias, self.folder)
        try:
            address = keyfile.address_in(path.read_text(encoding="utf-8"))
        except (keyfile.NotAKeyFile, UnicodeDecodeError):
            raise BadKeyFile(path) from None
        return KeyEntry(alias=alias, address=address, unattended=self._password_path(alias).exists())

    def has(self, alias: str) -> bool:
        """Whether a key has this alias."""
        return self._path(alias).is_file()

    def unlock(self, alias: str) -> Signer:
        """A key ready to sign; asked for once a run. Raises NoSuchKey, WrongPassword, BadKeyFile, OpenKeyFile."""
        if alias not in self._open:
            self.entry(alias)
            path = self._path(alias)
            try:
                secret = keyfile.decrypt(path.read_text(encoding="utf-8"), self._password(alias).encode())
            except keyfile.WrongMac:
                raise WrongPassword(alias) from None
            except keyfile.NotAKeyFile:
                raise BadKeyFile(path) from None
            self._open[alias] = Signer(alias=alias, address=address_of(secret), secret=secret)
        return self._open[alias]

    def find(self, address: bytes) -> KeyEntry | None:
        """The key with an address, if it is here."""
        return next((entry for entry in self.list() if entry.address == address), None)

    def signer_for(self, address: bytes, who: str) -> Signer:
        """The unlocked key with an address. Raises NoKeyFor."""
        entry = self.find(address)
        if entry is None:
            raise NoKeyFor(who, self.folder)
        return self.unlock(entry.alias)

    def _path(self, alias: str) -> Path:
        return self.folder / f"{checked_alias(alias)}.json"

    def _password_path(self, alias: str) -> Path:
        return self.folder / f"{alias}.password"

    def _given_password(self) -> str | None:
        return None if self.password_file is None else _read_password(self.password_file)

    def _password(self, alias: str) -> str:
        beside = self._password_path(alias)
        if beside.is_file():
            return _read_password(beside)
        return self._given_password() or self.prompter.password(alias)


def checked_alias(alias: str) -> str:
    """An alias that is a plain file name. Raises BadAlias."""
    if not _ALIAS.fullmatch(alias):
        raise BadAlias
    return alias


def _read_password(path: Path) -> str:
    if readable_by_others(path):
        raise OpenKeyFile(path)
    return path.read_text(encoding="utf-8").rstrip("\r\n")


def _fresh_secret() -> bytes:
    """A uniform secp256k1 key: values outside the curve's order (chance 2^-128) are drawn again."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    while not 0 < int.from_bytes(secret := secrets.token_bytes(32), "big") < order:
        pass
    return secret

"""Keys of a home: keys/<alias>.json, and beside an unattended one its password in keys/<alias>.password."""

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from lindenstrom.signing import P256_ORDER, SECP256K1_ORDER, Curve, key_of, sign_on
from lindenstrom_cli import keyfile
from lindenstrom_cli.errors import (
    BadAlias,
    BadKeyFile,
    KeyExists,
    NoKeyFor,
    NoSuchKey,
    OpenKeyFile,
    SignsReadingsOnly,
    WrongPassword,
)
from lindenstrom_cli.files import readable_by_others, write_secret
from lindenstrom_cli.prompter import Prompter

_ALIAS = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key as its file names it, still locked. key: an address, or x‖y on P-256."""

    alias: str
    curve: Curve
    key: bytes
    unattended: bool

    @property
    def address(self) -> bytes:
        """20 bytes. Raises SignsReadingsOnly."""
        return _address(self.alias, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """An unlocked key. Its repr never shows the key."""

    alias: str
    key: bytes
    secret: bytes = field(repr=False)

    @property
    def curve(self) -> Curve:
        """The curve it signs on."""
        return Curve.of(self.key)

    @property
    def address(self) -> bytes:
        """20 bytes: the account that pays and acts. Raises SignsReadingsOnly."""
        return _address(self.alias, self.key)

    def sign(self, digest: bytes) -> bytes:
        """Signature over a 32-byte digest: 65 bytes, or 64 of P-256."""
        return sign_on(self.secret, digest, self.curve)


@dataclass(slots=True, kw_only=True)
class KeyRing:
    """The keys in one folder. Passwords come from --password-file, from the file beside the key, or from a prompt."""

    folder: Path
    prompter: Prompter
    password_file: Path | None = None
    _open: dict[str, Signer] = field(default_factory=dict, repr=False)

    def create(
        self, alias: str, *, unattended: bool = False, secret: bytes | None = None, curve: Curve = Curve.SECP256K1
    ) -> KeyEntry:
        """Make a key (or keep a given one). Raises BadAlias, KeyExists, InputNeeded."""
        path = self._path(alias)
        if path.exists():
            raise KeyExists(alias)
        secret = secret or _fresh_secret(curve)
        key = key_of(secret, curve)
        if unattended:
            password = secrets.token_hex(32)
            write_secret(self._password_path(alias), password + "\n")
            cost = keyfile.SCRYPT_N_RANDOM_PASSWORD
        else:
            password = self._given_password() or self.prompter.new_password(alias)
            cost = keyfile.SCRYPT_N
        write_secret(path, keyfile.encrypt(secret, key, password.encode(), cost))
        return KeyEntry(alias=alias, curve=curve, key=key, unattended=unattended)

    def list(self) -> tuple[KeyEntry, ...]:
        """All keys by alias; nothing is unlocked. Raises BadKeyFile."""
        return tuple(self.entry(path.stem) for path in sorted(self.folder.glob("*.json")))

    def entry(self, alias: str) -> KeyEntry:
        """One key, locked. Raises BadAlias, NoSuchKey, BadKeyFile."""
        path = self._path(alias)
        if not path.is_file():
            raise NoSuchKey(alias, self.folder)
        try:
            key = keyfile.key_in(path.read_text(encoding="utf-8"))
        except (keyfile.NotAKeyFile, UnicodeDecodeError):
            raise BadKeyFile(path) from None
        unattended = self._password_path(alias).exists()
        return KeyEntry(alias=alias, curve=Curve.of(key), key=key, unattended=unattended)

    def has(self, alias: str) -> bool:
        """Whether a key has this alias."""
        return self._path(alias).is_file()

    def unlock(self, alias: str) -> Signer:
        """A key ready to sign; asked for once a run. Raises NoSuchKey, WrongPassword, BadKeyFile, OpenKeyFile."""
        if alias not in self._open:
            curve = self.entry(alias).curve
            path = self._path(alias)
            try:
                secret = keyfile.decrypt(path.read_text(encoding="utf-8"), self._password(alias).encode())
            except keyfile.WrongMac:
                raise WrongPassword(alias) from None
            except keyfile.NotAKeyFile:
                raise BadKeyFile(path) from None
            self._open[alias] = Signer(alias=alias, key=key_of(secret, curve), secret=secret)
        return self._open[alias]

    def find(self, key: bytes) -> KeyEntry | None:
        """The key with an address or x‖y, if it is here."""
        return next((entry for entry in self.list() if entry.key == key), None)

    def signer_for(self, key: bytes, who: str) -> Signer:
        """The unlocked key with an address or x‖y. Raises NoKeyFor."""
        entry = self.find(key)
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


def _address(alias: str, key: bytes) -> bytes:
    if Curve.of(key) is Curve.P256:
        raise SignsReadingsOnly(alias)
    return key


def _fresh_secret(curve: Curve) -> bytes:
    """A uniform private key: values outside the curve's order (chance at most 2^-32) are drawn again."""
    order = P256_ORDER if curve is Curve.P256 else SECP256K1_ORDER
    while not 0 < int.from_bytes(secret := secrets.token_bytes(32), "big") < order:
        pass
    return secret

"""adapter.toml: what an adapter listens to, whose reader it is, and how it runs.

Strict: an unknown table or key is refused, with the nearest known one. Paths are relative to the file. Secrets are
never in it, only where they lie. `adapter.toml` beside this module documents every key.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from lindenstrom.errors import UsageError

LOG_LEVELS = ("debug", "info", "warning", "error")
SCHEMES = ("serial", "tcp", "file", "mqtt", "mqtts")
_ALIAS = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_CREDENTIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ConfigError(UsageError):
    """A value of adapter.toml cannot be used. key: with its table, as `[key].alias`."""

    def __init__(self, path: Path, key: str, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {key}: {what}; {remedy}")


class ConfigMissing(UsageError):
    """There is no such file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not there or not readable; `lindenstrom adapter example` prints one to begin with")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """Where a key lies: in the home under an alias, in a key file, or as a credential of the service manager.

    password_file, password_credential: for `file`; without them the password lies beside it, as `<name>.password`.
    """

    alias: str = ""
    file: Path | None = None
    password_file: Path | None = None
    password_credential: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A source as written: `scheme:…?option=value`. user: of a broker."""

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """For people; holds no user."""
        return f"{self.host}:{self.port}" if self.host else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPlace:
    """Where the meter at a position is heard. format: empty for what the reader's set-up says."""

    position: int
    place: Place
    format: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """A folder into which files of a metering operator or a portal are put. position: of the one meter they are of."""

    folder: Path
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistant:
    """The broker that is told what came of a member's newest settled day."""

    host: str
    port: int
    user: str
    password_file: Path | None
    tls: bool
    ca_file: Path | None
    member: int
    prefix: str
    remove: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterConfig:
    """A whole adapter.toml. Times in seconds."""

    path: Path
    home: Path
    reader: str
    community: Path
    folder: Path
    mailbox: Path
    node: str = ""
    key: KeyPlace
    payer: KeyPlace | None = None
    meters: tuple[MeterPlace, ...] = ()
    inboxes: tuple[Inbox, ...] = ()
    health_port: int = 8740
    margin_s: int = 6 * 3600
    every_s: int = 3600
    commit_s: int = 5
    reserve_bytes: int = 50 << 20
    thin_after_days: int = 90
    clock_wait_s: int = 600
    log_level: str = "info"
    home_assistant: HomeAssistant | None = None


def load_config(path: Path) -> AdapterConfig:
    """Read adapter.toml. Raises ConfigMissing, ConfigError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigMissing(path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, "file", f"not TOML ({error})", "correct that line") from None
    return parse_config(path, data)


def parse_config(path: Path, data: dict[str, Any]) -> AdapterConfig:
    """Check what was read. Raises ConfigError."""
    top = _Table(path, "", data)
    home = top.path("home", path.parent)
    reader = top.text("reader", pattern=_ALIAS)
    key = top.table("key")
    payer = top.table("payer", optional=True)
    health, anchor, journal = (top.table(name, optional=True) for name in ("health", "anchor", "journal"))
    clock, log = top.table("clock", optional=True), top.table("log", optional=True)
    config = AdapterConfig(
        path=path,
        home=home,
        reader=reader,
        community=top.path("community", home / "community.toml"),
        folder=top.path("folder", home / "metering" / reader),
        mailbox=top.path("mailbox", home / "mailbox"),
        node=top.text("node", ""),
        key=_key(key),
        payer=_key(payer) if payer.given else None,
        meters=tuple(_meter(table) for table in top.tables("meter")),
        inboxes=tuple(
            Inbox(folder=table.path("folder"), position=table.number("position", None, 0, 2**32 - 1))
            for table in top.tables("inbox")
        ),
        health_port=health.whole("port", 8740, 0, 65_535),
        margin_s=anchor.whole("margin_hours", 6, 0, 36) * 3600,
        every_s=anchor.whole("every_minutes", 60, 1, 1440) * 60,
        commit_s=journal.whole("commit_seconds", 5, 1, 10),
        reserve_bytes=journal.whole("reserve_mib", 50, 1, 1 << 20) << 20,
        thin_after_days=journal.whole("thin_after_days", 90, 0, 3660),
        clock_wait_s=clock.whole("wait_minutes", 10, 0, 1440) * 60,
        log_level=log.choice("level", LOG_LEVELS, "info"),
        home_assistant=_home_assistant(top.table("homeassistant", optional=True)),
    )
    _check_positions(path, config)
    top.close()
    return config


def _check_positions(path: Path, config: AdapterConfig) -> None:
    heard: set[int] = set()
    for number, meter in enumerate(config.meters, 1):
        if meter.position in heard:
            remedy = "a meter has one source: remove one of the two"
            raise ConfigError(
                path, f"[[meter]] {number}.position", f"position {meter.position} is there already", remedy
            )
        heard.add(meter.position)
    if not config.meters and not config.inboxes:
        raise ConfigError(path, "[[meter]]", "nothing to listen to", "name a [[meter]] or an [[inbox]]")


def _key(table: _Table) -> KeyPlace:
    place = KeyPlace(
        alias=table.text("alias", "", _ALIAS),
        file=table.optional_path("file"),
        password_file=table.optional_path("password_file"),
        password_credential=table.text("password_credential", "", _CREDENTIAL),
        credential=table.text("credential", "", _CREDENTIAL),
    )
    if sum(map(bool, (place.alias, place.file, place.credential))) != 1:
        table.refuse("alias", "one of alias, file and credential says where the key is", "give one of them")
    if place.password_file and place.password_credential:
        table.refuse("password_file", "two places of one password", "give one of the two")
    if place.credential and (place.password_file or place.password_credential):
        table.refuse("credential", "a credential needs no password", "remove the password's place")
    return place


def _meter(table: _Table) -> MeterPlace:
    return MeterPlace(
        position=table.whole("position", None, 0, 2**32 - 1),
        place=parse_place(table),
        format=table.choice("format", ("sml", "dsmr", "mqtt"), ""),
        password_file=table.optional_path("password_file"),
        ca_file=table.optional_path("ca_file"),
        cert_file=table.optional_path("cert_file"),
        key_file=table.optional_path("key_file"),
    )


def _home_assistant(table: _Table) -> HomeAssistant | None:
    if not table.given:
        return None
    tls = table.flag("tls", default=False)
    return HomeAssistant(
        host=table.text("host"),
        port=table.whole("port", 8883 if tls else 1883, 1, 65_535),
        user=table.text("user", ""),
        password_file=table.optional_path("password_file"),
        tls=tls,
        ca_file=table.optional_path("ca_file"),
        member=table.whole("member", None, 0, 2**32 - 1),
        prefix=table.text("prefix", "homeassistant", _ALIAS),
        remove=table.flag("remove", default=False),
    )


_OPTIONS = {
    "serial": {"baud": r"[1-9]\d{2,6}", "bits": "[78]", "parity": "[NEO]", "stop": "[12]"},
    "tcp": {},
    "file": {},
    "mqtt": {"client": r"[\w.-]{1,64}"},
    "mqtts": {"client": r"[\w.-]{1,64}"},
}
_PORTS = {"mqtt": 1883, "mqtts": 8883}


def parse_place(table: _Table) -> Place:
    """The `source` of a [[meter]]. Raises ConfigError."""
    written = table.text("source")
    scheme, colon, _ = written.partition(":")
    if not colon or scheme not in SCHEMES:
        near = difflib.get_close_matches(scheme, SCHEMES, 1)
        known = f"did you mean {near[0]}:…?" if near else f"begin with {', '.join(f'{s}:' for s in SCHEMES)}"
        table.refuse("source", f"{scheme}: is no kind of source", known)
    try:
        url = urlsplit(written)
        host, port = unquote(url.hostname or ""), url.port or _PORTS.get(scheme, 0)
    except ValueError:
        table.refuse("source", "cannot be read", "write it as in `lindenstrom adapter example`")
    if url.password is not None:
        table.refuse("source", "a password does not belong here", "write it into a file and give password_file")
    is_local = scheme in ("serial", "file")
    if is_local and (url.netloc or not url.path):
        table.refuse("source", "names no path", f"write {scheme}:/dev/… with one colon and the path")
    if not is_local and not (host and port):
        table.refuse("source", "names no host and port", f"write {scheme}://host:port")
    options = tuple(parse_qsl(url.query, keep_blank_values=True))
    for name, value in options:
        known_options = _OPTIONS[scheme]
        if name not in known_options:
            near = difflib.get_close_matches(name, known_options, 1)
            remedy = f"did you mean {near[0]}?" if near else f"known: {', '.join(known_options) or 'none'}"
            table.refuse("source", f"unknown option {name}", remedy)
        if not re.fullmatch(known_options[name], value):
            table.refuse("source", f"option {name} cannot be {value!r}", "see `lindenstrom adapter example`")
    # urlsplit cuts at '#' too: no path of a device or topic holds one that is meant
    path = unquote(url.path) if is_local else unquote(url.path.removeprefix("/"))
    return Place(scheme=scheme, path=path, host=host, port=port, user=unquote(url.username or ""), options=options)


class _Table:
    """Typed access to one table; what nobody asked for by `close` is unknown."""

    def __init__(self, file: Path, name: str, data: dict[str, Any], *, given: bool = True) -> None:
        self.file, self.name, self.given = file, name, given
        self._data = data
        self._known: list[str] = []
        self._inner: list[_Table] = []

    def refuse(self, key: str, what: str, remedy: str) -> NoReturn:
        """Raises ConfigError, always."""
        raise ConfigError(self.file, f"{self.name}.{key}" if self.name else key, what, remedy)

    def text(self, key: str, default: str | None = None, pattern: re.Pattern[str] | None = None) -> str:
        """A text; required without a default."""
        value = self._take(key, default)
        if not isinstance(value, str) or (key in self._data and not value):
            self.refuse(key, "must be a text in quotes", "see `lindenstrom adapter example`")
        if pattern and value and not pattern.fullmatch(value):
            self.refuse(key, f"{value!r} is no plain name", "use letters, digits, - and _")
        return str(value)

    def path(self, key: str, default: Path | None = None) -> Path:
        """A path relative to the file; required without a default."""
        found = self.optional_path(key) or default
        return self._miss(key) if found is None else found

    def optional_path(self, key: str) -> Path | None:
        """A path relative to the file, if it is given."""
        self._known.append(key)
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.refuse(key, "must be a path in quotes", "see `lindenstrom adapter example`")
        return self.file.parent / Path(value).expanduser()

    def number(self, key: str, default: int | None, least: int, most: int) -> int | None:
        """A whole number, or the default."""
        value = self._data.get(key, default)
        self._known.append(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.refuse(key, f"must be a whole number from {least} to {most}", "correct it")
        return int(value)

    def whole(self, key: str, default: int | None, least: int, most: int) -> int:
        """A whole number; required without a default."""
        value = self.number(key, default, least, most)
        return self._miss(key) if value is None else value

    def flag(self, key: str, *, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false", "correct it")
        return bool(value)

    def choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        """One of some words."""
        value = self._take(key, default)
        if value not in known and key in self._data:
            near = difflib.get_close_matches(str(value), known, 1)
            self.refuse(
                key, f"{value!r} is unknown", f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
            )
        return str(value)

    def table(self, key: str, *, optional: bool = False) -> _Table:
        """A table; empty if it may be left out."""
        value = self._take(key, {} if optional else None)
        if not isinstance(value, dict):
            self.refuse(f"[{key}]", "must be a table", "see `lindenstrom adapter example`")
        inner = _Table(self.file, f"[{key}]", value, given=key in self._data)
        self._inner.append(inner)
        return inner

    def tables(self, key: str) -> list[_Table]:
        """Tables of one name, in order."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(f"[[{key}]]", "must be written in double brackets", "see `lindenstrom adapter example`")
        inner = [_Table(self.file, f"[[{key}]] {number}", one) for number, one in enumerate(value, 1)]
        self._inner += inner
        return inner

    def close(self) -> None:
        """Refuse what nobody asked for."""
        for key in self._data:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(self._known)}"
                self.refuse(key, "is unknown", remedy)
        for inner in self._inner:
            if inner.given:
                inner.close()

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        if key not in self._data and default is None:
            self._miss(key)
        return self._data.get(key, default)

    def _miss(self, key: str) -> NoReturn:
        near = difflib.get_close_matches(key, self._data, 1)
        remedy = f"did you mean it by {near[0]}?" if near else "give it; see `lindenstrom adapter example`"
        self.refuse(key, "is missing", remedy)

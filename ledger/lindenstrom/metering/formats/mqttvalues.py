"""Values out of an MQTT payload: JSON whose numbers stay text, paths into it, decimal text to whole units, times.

No float is ever made: `1234.5678` kWh is 1 234 567 800 mWh exactly; what is finer than a mWh is floored on the
register.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from lindenstrom.core.packs import MAX_REGISTER_MWH

MAX_PAYLOAD = 65_536
DECIMAL = re.compile(r"([+-]?)(\d{1,20})(?:\.(\d{0,24}))?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s*(Z?)\s*([+-]\d\d:?\d\d)?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR = 2020
"""A clock that shows an earlier year was never set."""
LAST_YEAR = 2100
ANY = "*"


class Unit(StrEnum):
    """What a number counts."""

    KWH = "kWh"
    WH = "Wh"
    MWH = "mWh"
    MEGAWATT_HOUR = "MWh"
    WATT_MINUTE = "Wmin"
    WATT_SECOND = "Ws"
    W = "W"
    KW = "kW"
    MW = "mW"

    @property
    def is_energy(self) -> bool:
        """Whether it counts energy; else it is power."""
        return self not in (Unit.W, Unit.KW, Unit.MW)


IN_MILLI: dict[Unit, tuple[int, int]] = {
    Unit.KWH: (10**6, 1),
    Unit.WH: (10**3, 1),
    Unit.MWH: (1, 1),
    Unit.MEGAWATT_HOUR: (10**9, 1),
    Unit.WATT_MINUTE: (50, 3),
    Unit.WATT_SECOND: (5, 18),
    Unit.W: (10**3, 1),
    Unit.KW: (10**6, 1),
    Unit.MW: (1, 1),
}
"""One unit in mWh or mW, as a fraction."""


class TimeForm(StrEnum):
    """How a payload writes its time."""

    ISO = "iso"
    UNIX = "unix"
    UNIX_MS = "unix_ms"


class Ambiguous:
    """Stands where an object names one key twice with different values, or a wildcard fits several."""


AMBIGUOUS = Ambiguous()


class Digits(str):
    """A JSON number as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number in mWh or mW, floored; `resolution`: what its last digit stands for, at least 1."""

    value: int
    resolution: int


def read_json(payload: bytes) -> Any:
    """The payload as JSON, numbers as `Digits`, NaN and the infinities as None; None if it is no JSON in UTF-8."""
    try:
        return json.loads(
            payload.decode("utf-8"),
            parse_float=Digits,
            parse_int=Digits,
            parse_constant=lambda _: None,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        return None


def found(content: Any, path: Sequence[str]) -> Any:
    """What lies at a path, None if nothing does. A step is a key, a place in a list, or `*`: any one key."""
    matches = list(_matches(content, path))
    return (matches[0] if len(matches) == 1 else AMBIGUOUS) if matches else None


def is_there(content: Any, path: Sequence[str]) -> bool:
    """Whether something lies at a path, null included."""
    return any(True for _ in _matches(content, path))


def amount(text: Any, unit: Unit) -> Amount | None:
    """Decimal text in a unit; None if it is no number, or beyond any register."""
    if not isinstance(text, str):
        return None
    match = DECIMAL.fullmatch(text.strip(" \t\r\n\0"))
    if match is None:
        return None
    sign, whole, part, exponent = match[1], match[2], match[3] or "", int(match[4] or 0)
    number = int(whole + part) * (-1 if sign == "-" else 1)
    times, by = IN_MILLI[unit]
    shift = exponent - len(part)
    times, by = (times * 10**shift, by) if shift >= 0 else (times, by * 10**-shift)
    value = number * times // by
    if abs(value) > MAX_REGISTER_MWH:
        return None
    return Amount(value=value, resolution=max(1, times // by))


def zone_of(name: str) -> tzinfo:
    """The zone of a name (`Europe/Berlin`) or an offset (`+01:00`). Raises KeyError, ValueError, OSError."""
    match = OFFSET.fullmatch(name)
    if match is None:
        return UTC if name == "UTC" else ZoneInfo(name)
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


def instant(text: Any, form: TimeForm, zone: tzinfo | None) -> int | None:
    """A time in unix ms; None if it does not exist, is doubtful (the autumn hour, no zone) or of a clock never set."""
    if not isinstance(text, str):
        return None
    time_ms = _iso(text, zone) if form is TimeForm.ISO else _unix(text, form)
    if time_ms is None:
        return None
    lowest, highest = (_milliseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (FIRST_YEAR, LAST_YEAR))
    return time_ms if lowest <= time_ms < highest else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        content[key] = value if content.get(key, value) == value else AMBIGUOUS
    return content


def _matches(content: Any, path: Sequence[str]) -> Iterator[Any]:
    if not path:
        yield content
    elif isinstance(content, dict):
        steps = content if path[0] == ANY else (path[0],)
        for step in steps:
            if step in content:
                yield from _matches(content[step], path[1:])
    elif isinstance(content, list) and path[0].isascii() and path[0].isdigit() and len(path[0]) < 4:
        yield from (value for item in content[int(path[0]) :][:1] for value in _matches(item, path[1:]))


def _unix(text: str, form: TimeForm) -> int | None:
    # a second has as many milliseconds as a watt has milliwatts
    read = amount(text, Unit.W if form is TimeForm.UNIX else Unit.MW)
    return None if read is None else read.value


def _iso(text: str, zone: tzinfo | None) -> int | None:
    match = LOCAL.fullmatch(text.strip())
    if match is None:
        return None
    try:
        plain = datetime.fromisoformat(f"{match[1]}T{match[2]}")
        at = zone_of(match[5]) if match[5] else UTC if match[4] else zone
        if at is None:
            return None
        early, late = (_milliseconds(plain.replace(tzinfo=at, fold=fold)) for fold in (0, 1))
        exists = datetime.fromtimestamp(early // 1000, tz=at).replace(tzinfo=None) == plain
    except (ValueError, OverflowError, OSError):
        # no such day, an offset of a day and more, a year that no calendar here has
        return None
    return early + int(f"{match[3] or '0':0<3.3}") if early == late and exists else None


def _milliseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)

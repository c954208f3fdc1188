"""Local times of files as instants: the doubled hour in autumn, the missing one in spring, labels at either end.

A label says when an interval begins or when it ends. In autumn an hour's labels stand twice, and which of the two is
meant follows from a mark beside them or from the line before. In spring an hour has no labels; only its first may stand
for the end of the interval before. Source: directive 2000/84/EC, zones from the tz database.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1970, 2199
ABSENT = "a time that does not exist on that day"
UNKNOWN_HALF = "a time that exists twice on that day, and nothing says which is meant"
_DIRECTIVES = {
    "d": r"(?P<day>\d{1,2})", "m": r"(?P<month>\d{1,2})", "Y": r"(?P<year>\d{4})", "y": r"(?P<short>\d{2})",
    "H": r"(?P<hour>\d{1,2})", "M": r"(?P<minute>\d{2})", "S": r"(?P<second>\d{2})(?:[.,]0+)?",
    "h": r"(?P<half>[AaBb]?)", "z": r"(?P<offset>Z|[+-]\d{2}:?\d{2})", "%": "%",
}  # fmt: skip
_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):?([0-5]\d)", re.ASCII)


class Half(StrEnum):
    """Which of an autumn hour's two is meant."""

    SUMMER = "summer"
    WINTER = "winter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A time as it is written. offset_s: seconds east of UTC, if the text says so."""

    local: datetime
    offset_s: int | None = None
    half: Half | None = None


def zone_named(name: str) -> tzinfo | None:
    """Return the zone of a name such as `Europe/Berlin`, `UTC` or `+01:00`, or None if there is none."""
    if match := _OFFSET.fullmatch(name):
        sign = -1 if match[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3])))
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def time_parser(form: str) -> Callable[[str], Label | None] | None:
    """Return what reads times of a form, or None if the form is not one.

    Directives as of strptime: %d %m %Y %y %H %M %S %z, and %h for A or B behind the doubled hour. 24:00 ends the day.
    """
    pattern, rest = "", form
    while rest:
        if rest[0] == "%" and len(rest) > 1 and rest[1] in _DIRECTIVES:
            pattern, rest = pattern + _DIRECTIVES[rest[1]], rest[2:]
        elif rest[0] == "%":
            return None
        else:
            pattern, rest = pattern + re.escape(rest[0]), rest[1:]
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error:
        return None
    if not {"day", "month"} <= compiled.groupindex.keys() or not {"year", "short"} & compiled.groupindex.keys():
        return None

    @lru_cache(maxsize=4096)
    def parse(text: str) -> Label | None:
        match = compiled.fullmatch(text)
        return _label(match.groupdict()) if match else None

    return parse


@lru_cache(maxsize=1 << 16)
def begins(local: datetime, zone: tzinfo, step_s: int, *, at_end: bool) -> tuple[tuple[int, ...], int | None]:
    """Return (possible beginnings in unix seconds, the one that counts if nothing else says which).

    `local` labels the beginning or, if `at_end`, the end of an interval of `step_s`.
    """
    if not at_end:
        found = instants(local, zone)
        return found, found[0] if len(found) == 1 else None
    step = timedelta(seconds=step_s)
    by_begin = instants(local - step, zone)
    by_end = tuple(instant - step_s for instant in instants(local, zone))
    both = tuple(sorted({*by_begin, *by_end}))
    if len(both) == 1:
        return both, both[0]
    return both, by_begin[0] if len(by_begin) == 1 else None


def instants(local: datetime, zone: tzinfo) -> tuple[int, ...]:
    """Return the unix seconds at which clocks of the zone show `local`: one, two in autumn, none in spring."""
    found = set()
    for fold in (0, 1):
        aware = local.replace(tzinfo=zone, fold=fold)
        instant = aware.astimezone(UTC)
        shown = instant.astimezone(zone).replace(tzinfo=None, fold=0)
        if shown == local:
            found.add((instant - EPOCH) // timedelta(seconds=1))
    return tuple(sorted(found))


def choose(
    found: tuple[int, ...], otherwise: int | None, half: Half | None, previous: int | None, step_s: int
) -> int | str:
    """Return which of the possible beginnings is meant, or why nobody can say.

    previous: the beginning of the line before in the same series; files run forward or backward hour by hour.
    """
    if not found:
        return ABSENT
    if len(found) == 1:
        return found[0]
    if half is not None:
        return found[0] if half is Half.SUMMER else found[-1]
    if previous is not None:
        for expected in (previous + step_s, previous - step_s):
            if expected in found:
                return expected
        later = [instant for instant in found if instant > previous]
        if len(later) == 1:
            return later[0]
    return UNKNOWN_HALF if otherwise is None else otherwise


def _label(parts: dict[str, str]) -> Label | None:
    year = int(parts["year"]) if "year" in parts else 2000 + int(parts["short"])
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    ends_day = (hour, minute, second) == (24, 0, 0)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        day = datetime(year, int(parts["month"]), int(parts["day"]))  # noqa: DTZ001 - as the clock on the wall shows it
        local = day.replace(hour=0 if ends_day else hour, minute=minute, second=second)
        local += timedelta(days=ends_day)
    except ValueError:
        return None
    half = {"a": Half.SUMMER, "b": Half.WINTER}.get((parts.get("half") or "").lower())
    offset_s = None
    if "offset" in parts:
        match = _OFFSET.fullmatch(parts["offset"].replace("Z", "+00:00"))
        if match is None:
            return None
        offset_s = (int(match[2]) * 3600 + int(match[3]) * 60) * (-1 if match[1] == "-" else 1)
    return Label(local=local, offset_s=offset_s, half=half)

"""Local calendar days as windows of UTC quarter-hours, computed alike in Calendar.sol.

A window is a local day counted since 1970-01-01. The European Union changes its clocks on the last Sundays of March and
October at 01:00 UTC (Directive 2000/84/EC), in every zone after local midnight; so the day of a change starts in the
old time, and has 92 or 100 quarter-hours.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from lindenstrom.errors import UsageError

SECONDS_PER_SLOT = 900
SECONDS_PER_DAY = 86_400
OPEN_END = 2**32 - 1
CORRECTION_PERIOD_S = 365 * SECONDS_PER_DAY
"""From a window's end, as in the contract. Nothing is erased before it is over (R9)."""
_EPOCH = date(1970, 1, 1)
_OFFSET_HOURS = {
    "Europe/Lisbon": 0, "Europe/Dublin": 0,
    "Europe/Berlin": 1, "Europe/Vienna": 1, "Europe/Zurich": 1, "Europe/Paris": 1, "Europe/Amsterdam": 1,
    "Europe/Brussels": 1, "Europe/Madrid": 1, "Europe/Rome": 1, "Europe/Prague": 1, "Europe/Warsaw": 1,
    "Europe/Copenhagen": 1, "Europe/Stockholm": 1, "Europe/Luxembourg": 1, "Europe/Budapest": 1,
    "Europe/Athens": 2, "Europe/Helsinki": 2, "Europe/Vilnius": 2, "Europe/Riga": 2, "Europe/Tallinn": 2,
    "Europe/Sofia": 2, "Europe/Bucharest": 2,
}  # fmt: skip


class UnknownZone(UsageError):
    """The zone is not one whose days the contract can compute."""

    def __init__(self, name: str) -> None:
        super().__init__(f"zone {name!r} is not known; use one of: {', '.join(sorted(_OFFSET_HOURS))}")


class BadDate(UsageError):
    """A date could not be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"date {text!r} is not a calendar day; write it as YYYY-MM-DD, for example 2026-10-25")


def parse_date(text: str) -> date:
    """Calendar day of an ISO text. Raises BadDate."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadDate(text) from None


def window_of(day: date) -> int:
    """Window (days since 1970-01-01) of a local calendar day."""
    return (day - _EPOCH).days


def date_of(window: int) -> date:
    """Local calendar day of a window."""
    return _EPOCH + timedelta(days=window)


def earliest_change(block_time: int) -> int:
    """First day on which a binding or membership announced now may begin or end (R1)."""
    return block_time // SECONDS_PER_DAY + 2


def _last_sunday(year: int, month: int) -> int:
    last = window_of(date(year, month, 31))
    return last - (last + 4) % 7  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A zone of the European Union's clock: whole hours ahead of UTC in winter (0..2)."""

    offset_hours: int = 1

    @classmethod
    def named(cls, name: str) -> "Zone":
        """Zone of an IANA name. Raises UnknownZone."""
        if name not in _OFFSET_HOURS:
            raise UnknownZone(name)
        return cls(offset_hours=_OFFSET_HOURS[name])

    def first_slot(self, window: int) -> int:
        """First slot (unix time / 900) of a window."""
        year = date_of(window).year
        summer = _last_sunday(year, 3) < window <= _last_sunday(year, 10)
        return 96 * window - 4 * self.offset_hours - (4 if summer else 0)

    def slot_count(self, window: int) -> int:
        """Number of quarter-hours of a window: 92, 96 or 100."""
        return self.first_slot(window + 1) - self.first_slot(window)

    def window_start(self, window: int) -> int:
        """Unix time at which a window begins."""
        return self.first_slot(window) * SECONDS_PER_SLOT

    def window_end(self, window: int) -> int:
        """Unix time at which a window is over."""
        return self.first_slot(window + 1) * SECONDS_PER_SLOT

    def window_at(self, time: int) -> int:
        """Window that contains a unix time."""
        window = (time + self.offset_hours * 3600) // SECONDS_PER_DAY
        return window + 1 if self.window_end(window) <= time else window

    def slot_label(self, window: int, index: int) -> str:
        """Local start and end of a slot as HH:MM–HH:MM; after the October change the repeated hour is marked B."""
        start, end = self._clock(window, index), self._clock(window, index + 1)
        repeated = self.slot_count(window) == 100 and 12 <= index < 16
        return f"{start}–{end}{' B' if repeated else ''}"

    def _clock(self, window: int, index: int) -> str:
        count, shift = self.slot_count(window), self.offset_hours + 1
        minutes = index * 15
        if count == 92 and index >= 4 * shift:
            minutes += 60
        elif count == 100 and index >= 4 * (shift + 1):
            minutes -= 60
        return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def month_of(window: int) -> int:
    """Month that a window belongs to, counted since year 0: the life span of a month key (R9)."""
    day = date_of(window)
    return day.year * 12 + day.month - 1


def month_name(month: int) -> str:
    """A month as YYYY-MM."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def windows_of(month: int) -> range:
    """All windows of a month."""
    first, after = (window_of(date(m // 12, m % 12 + 1, 1)) for m in (month, month + 1))
    return range(first, after)

"""Days as people give them, first and last one included, and as the chain keeps them."""

from collections.abc import Iterable
from datetime import date, timedelta

from lindenstrom.core.calendar import OPEN_END, date_of, earliest_change, window_of
from lindenstrom_cli.catalogue import text


def first_day(given: date | None, block_time: int) -> int:
    """First day of a change: the given one, else the earliest that the rules allow (R1)."""
    return window_of(given) if given else earliest_change(block_time)


def end_day(last: date | None) -> int:
    """First day that no longer counts, after a last day; open without one."""
    return window_of(last) + 1 if last else OPEN_END


def shown_last(end: int) -> str:
    """Last day before an end, for people."""
    return text("agreement.open") if end >= OPEN_END else date_of(end - 1).isoformat()


def shown_spans(days: Iterable[date]) -> str:
    """Days in order for people, neighbouring ones as spans: 2026-06-04, 2026-06-07 to 2026-06-18."""
    spans: list[list[date]] = []
    for day in days:
        if spans and day == spans[-1][1] + timedelta(days=1):
            spans[-1][1] = day
        else:
            spans.append([day, day])
    shown = (str(a) if a == b else text("days.span", first=a, last=b) for a, b in spans)
    return ", ".join(shown)

"""Days as people give them, first and last one included, and as the chain keeps them."""

from datetime import date

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

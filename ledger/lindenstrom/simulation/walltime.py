"""The wall clock of a local day, slot by slot: what a load profile and a time axis need."""

from lindenstrom.core.calendar import Zone

QUARTERS_PER_DAY = 96


def wall_quarters(window: int, zone: Zone) -> tuple[int, ...]:
    """The wall clock at each slot of the day, in quarter-hours since midnight (0..95).

    The hour that the change in spring skips is missing from the result, the one that autumn repeats is in it twice.
    The change comes at 01:00 UTC in the whole European Union (directive 2000/84/EC).
    """
    change = QUARTERS_PER_DAY * window + 4 - zone.first_slot(window)
    count = zone.slot_count(window)
    step = QUARTERS_PER_DAY - count
    return tuple(index if index < change else index + step for index in range(count))

"""Replacement values by the published rule (R5): the mean of the same slots of the last measured days.

Which days count as measured is for the caller to find out; what follows from them is decided here, so that operator
and auditor come to the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lindenstrom.core.calendar import Zone
from lindenstrom.core.packs import (
    BYTES_PER_SLOT,
    HEADER_BYTES,
    MAX_REGISTER_MWH,
    REPLACEMENT_REVISION,
    Pack,
    Registers,
    Status,
)

HISTORY_DAYS = 7
"""At most so many measured days go into the mean."""
LOOKBACK_DAYS = 28
"""They are looked for among so many days before the window."""
LONGEST_RUN = 10
"""Without a measured day among so many before the window, nothing is estimated any more."""
NOTHING_READ = Registers(import_mwh=0, export_mwh=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayValues:
    """A measured day's values, mWh (u32), one per slot."""

    import_mwh: tuple[int, ...]
    export_mwh: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueUp:
    """A returning meter's registers less those at which its replacement ended, mWh; may be negative."""

    import_mwh: int
    export_mwh: int

    def __bool__(self) -> bool:
        return bool(self.import_mwh or self.export_mwh)


def lookback(window: int) -> range:
    """Windows whose values may go into a window's replacement, the newest first."""
    return range(window - 1, window - 1 - LOOKBACK_DAYS, -1)


def history(window: int, measured: Iterable[int]) -> tuple[int, ...]:
    """The measured windows that count for a window's replacement, the newest first; empty: nothing is estimated."""
    known = set(measured)
    found = tuple(d for d in lookback(window) if d in known)[:HISTORY_DAYS]
    return found if found and window - found[0] <= LONGEST_RUN else ()


def is_measured(pack: bytes, slot_count: int) -> bool:
    """Whether no slot of a good pack is missing."""
    return Status.MISSING not in pack[HEADER_BYTES : HEADER_BYTES + slot_count]


def day_values(pack: bytes, slot_count: int) -> DayValues:
    """Values of a good pack."""
    values = memoryview(pack)[HEADER_BYTES + slot_count : HEADER_BYTES + BYTES_PER_SLOT * slot_count]
    numbers = [int.from_bytes(values[i : i + 4], "big") for i in range(0, len(values), 4)]
    return DayValues(import_mwh=tuple(numbers[::2]), export_mwh=tuple(numbers[1::2]))


def labels(zone: Zone, window: int) -> list[int]:
    """Per slot of a window the slot of a day of 96 with the same local clock time; a repeated hour has it twice."""
    count, hour = zone.slot_count(window), 4 * (1 + zone.offset_hours)
    if count == 92:
        return [i if i < hour else i + 4 for i in range(count)]
    if count == 100:
        return [i if i < hour + 4 else i - 4 for i in range(count)]
    return list(range(count))


def by_label(zone: Zone, window: int, values: Sequence[int]) -> list[int]:
    """A day's values at the 96 labels: of a skipped hour those of the next one, of a repeated hour its first."""
    count, hour = len(values), 4 * (1 + zone.offset_hours)
    if count == 92:
        return [values[label if label < hour + 4 else label - 4] for label in range(96)]
    if count == 100:
        return [values[label if label < hour + 4 else label + 4] for label in range(96)]
    assert zone.slot_count(window) == count
    return list(values)


def replacement_pack(
    *,
    community: bytes,
    meter: bytes,
    window: int,
    salt: bytes,
    zone: Zone,
    last_end: Registers,
    measured: Mapping[int, DayValues],
) -> Pack:
    """The operator's replacement for a window. last_end: the meter's last known end registers, NOTHING_READ without.

    measured: measured windows; those that do not count are passed over. Without any the values are 0, status missing.
    A register that would pass 64 bits starts at 0.
    """
    days = history(window, measured)
    own = labels(zone, window)
    sides = []
    for side in ("import_mwh", "export_mwh"):
        rows = [by_label(zone, day, getattr(measured[day], side)) for day in days]
        sides.append(tuple(sum(row[label] for row in rows) // len(rows) if rows else 0 for label in own))
    imported, exported = sides
    start = Registers(
        import_mwh=_start(last_end.import_mwh, sum(imported)), export_mwh=_start(last_end.export_mwh, sum(exported))
    )
    return Pack(
        community=community,
        meter=meter,
        window=window,
        revision=REPLACEMENT_REVISION,
        salt=salt,
        start=start,
        end=Registers(
            import_mwh=start.import_mwh + sum(imported),
            export_mwh=start.export_mwh + sum(exported),
        ),
        import_mwh=imported,
        export_mwh=exported,
        status=(Status.ESTIMATED if days else Status.MISSING,) * len(own),
    )


def true_up(replaced_end: Registers, start: Registers) -> TrueUp:
    """What a returning pack's start registers show beyond the replacement's end."""
    return TrueUp(
        import_mwh=start.import_mwh - replaced_end.import_mwh, export_mwh=start.export_mwh - replaced_end.export_mwh
    )


def _start(last_end_mwh: int, total_mwh: int) -> int:
    return last_end_mwh if last_end_mwh + total_mwh <= MAX_REGISTER_MWH else 0

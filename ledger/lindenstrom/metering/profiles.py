"""Quarter-hours of an interval meter as its journal keeps them: by direction, each with the date of its message.

A metering operator sends draw and feed-in as two series, corrects one without the other, and the order in which its
files arrive says nothing. So each direction is kept by itself; of several values for a quarter-hour the one of the
newest message counts, of equally new ones the last. A record of both directions without a date (the project's own
CSV) takes the place of all before it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from itertools import pairwise

from lindenstrom.core.packs import Status
from lindenstrom.metering.csvfile import SlotValue
from lindenstrom.metering.intervals import SLOT_MS
from lindenstrom.metering.journal import Kind, Record

INTERVAL = struct.Struct(">IIB")
HEAD = struct.Struct(">QB")
VALUE = struct.Struct(">IB")
WITHDRAWN = 0xFF
"""In place of a status: the message took the value back."""
_ISSUED_SHIFT = 40

Values = dict[int, int]
"""Slot → issued ms << 40 | mWh << 8 | status, one direction. One integer a value keeps millions of them small."""


class Direction(IntEnum):
    """Drawn from the grid, or fed in."""

    IMPORT = 1
    EXPORT = 2


def packed(issued_ms: int, energy_mwh: int, status: int) -> int:
    """Return a value of `Values`."""
    return issued_ms << _ISSUED_SHIFT | energy_mwh << 8 | status


def issued_of(value: int) -> int:
    """Return when the message of a value was made, unix ms."""
    return value >> _ISSUED_SHIFT


def is_same(one: int, other: int) -> bool:
    """Return whether two values say the same, whenever they were sent."""
    return not (one ^ other) & ((1 << _ISSUED_SHIFT) - 1)


def is_withdrawn(value: int) -> bool:
    """Return whether the message took the value back."""
    return value & 0xFF == WITHDRAWN


def put(values: Values, slot: int, value: int) -> None:
    """Take a value unless a newer message has one."""
    known = values.get(slot)
    if known is None or value >> _ISSUED_SHIFT >= known >> _ISSUED_SHIFT:
        values[slot] = value


def profile_records(direction: Direction, values: Mapping[int, int]) -> list[Record]:
    """Return the journal records of a direction's values: one a run of slots from one message."""
    slots = sorted(values)
    runs: list[list[int]] = []
    for slot in slots:
        last = runs[-1][-1] if runs else None
        if last == slot - 1 and issued_of(values[last]) == issued_of(values[slot]):
            runs[-1].append(slot)
        else:
            runs.append([slot])
    return [
        Record(
            kind=Kind.PROFILE,
            time_ms=run[0] * SLOT_MS,
            payload=HEAD.pack(issued_of(values[run[0]]), direction)
            + b"".join(VALUE.pack(values[slot] >> 8 & 0xFFFFFFFF, values[slot] & 0xFF) for slot in run),
        )
        for run in runs
    ]


def interval_record(values: Sequence[SlotValue]) -> Record:
    """Return the journal record of consecutive quarter-hours, both directions."""
    payload = b"".join(INTERVAL.pack(value.import_mwh, value.export_mwh, value.status) for value in values)
    return Record(kind=Kind.INTERVALS, time_ms=values[0].slot * SLOT_MS, payload=payload)


def directions(records: Iterable[Record]) -> dict[Direction, Values]:
    """Return what a journal says of each direction."""
    found: dict[Direction, Values] = {direction: {} for direction in Direction}
    drawn, fed = found[Direction.IMPORT], found[Direction.EXPORT]
    for record in records:
        first = record.time_ms // SLOT_MS
        if record.kind is Kind.INTERVALS:
            for slot, (imported, exported, status) in enumerate(INTERVAL.iter_unpack(record.payload), first):
                drawn[slot], fed[slot] = packed(0, imported, status), packed(0, exported, status)
        elif record.kind is Kind.PROFILE:
            issued_ms, direction = HEAD.unpack_from(record.payload)
            values = found[Direction(direction)]
            for slot, (energy, status) in enumerate(VALUE.iter_unpack(record.payload[HEAD.size :]), first):
                put(values, slot, packed(issued_ms, energy, status))
    return found


def near(records: Sequence[Record], slots: range) -> tuple[dict[Direction, Values], set[Direction]]:
    """Return what a journal says of some slots, and the directions of which it has any value, as `sided`.

    The rest of the journal is hardly looked at: a month of it is read for each of its days.
    """
    if any(
        record.kind is Kind.PROFILE and WITHDRAWN in record.payload[HEAD.size + 4 :: VALUE.size] for record in records
    ):
        found = directions(records)
        return found, sided(found)
    kinds: set[Direction] = set()
    parts: list[Record] = []
    for record in records:
        if record.kind is Kind.INTERVALS:
            head, size = 0, INTERVAL.size
            kinds |= set(Direction)
        elif record.kind is Kind.PROFILE:
            head, size = HEAD.size, VALUE.size
            kinds.add(Direction(record.payload[head - 1]))
        else:
            continue
        first = record.time_ms // SLOT_MS
        start, stop = max(slots.start - first, 0), min(slots.stop - first, (len(record.payload) - head) // size)
        if start < stop:
            payload = record.payload[:head] + record.payload[head + start * size : head + stop * size]
            parts.append(Record(kind=record.kind, time_ms=(first + start) * SLOT_MS, payload=payload))
    return directions(parts), kinds


def slot_values(found: Mapping[Direction, Values], *, two_sided: bool, partial: bool = False) -> dict[int, SlotValue]:
    """Return the quarter-hours that are known.

    two_sided: the meter has both directions; a quarter-hour that lacks one is not known yet, or with `partial` is
    provisional with 0 for it. Of a meter with one direction the other is 0.
    """
    drawn, fed = (
        {slot: value for slot, value in found[direction].items() if not is_withdrawn(value)} for direction in Direction
    )
    result: dict[int, SlotValue] = {}
    for slot in drawn.keys() | fed.keys():
        sides = [side.get(slot) for side in (drawn, fed)]
        status = max(value & 0xFF for value in sides if value is not None)
        if two_sided and None in sides:
            if not partial:
                continue
            status = max(status, Status.PROVISIONAL)
        imported, exported = (0 if value is None else value >> 8 & 0xFFFFFFFF for value in sides)
        result[slot] = SlotValue(slot=slot, import_mwh=imported, export_mwh=exported, status=Status(status))
    return result


def sided(found: Mapping[Direction, Values]) -> set[Direction]:
    """Return the directions of which there is any value."""
    return {direction for direction, values in found.items() if any(not is_withdrawn(v) for v in values.values())}


def runs(values: Sequence[SlotValue]) -> list[list[SlotValue]]:
    """Return the values as runs of consecutive slots."""
    found = [[values[0]]]
    for a, b in pairwise(values):
        if b.slot == a.slot + 1:
            found[-1].append(b)
        else:
            found.append([b])
    return found

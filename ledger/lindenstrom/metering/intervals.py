"""Registers over time become the quarter-hour values of a local day (R4).

The register at a slot boundary is the one read nearest to it, if that was within 9 seconds; else it is interpolated
between the readings next to it, in integers, floored, and what lies at it is estimated. A boundary belongs to both
windows that it parts; once a pack uses it, it is settled for ever (`settled`), so that the end of a day is the start of
the next one exactly (I4), in whatever order days are built and whatever arrives late. All rules: docs/metering.md.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from lindenstrom.core.calendar import SECONDS_PER_SLOT
from lindenstrom.core.packs import MAX_SLOT_MWH, Break, Registers, Status, decode_pack
from lindenstrom.metering.errors import BreakUnfit, MeterChanged, RegisterFell, RegisterJumped, SlotTooLarge

SLOT_MS = SECONDS_PER_SLOT * 1000
TOLERANCE_MS = 9_000
"""A reading this near to a boundary is the register at it."""
LATENESS_MS = 60_000
"""How much later than its neighbour a reading may have been received; it may bring the energy of that time with it."""
MS_PER_HOUR = 3_600_000


class Lack(Enum):
    """Why a window is not complete yet. The texts stand in gap lists."""

    NO_READING = "no reading at all"
    NO_START = "no reading at or before the start of the day"
    NO_END = "no reading at or after the end of the day"
    NO_VALUES = "quarter-hours without a value"
    EARLIER_DAY = "an earlier day is not built yet"
    LOCKED = (
        "the meter is locked, it gives whole kWh only: "
        "ask the metering operator for its PIN, enter it and set InF to On"
    )
    NOT_SENT = "a register of the mapping is never sent: correct the mapping, or say false where the meter has none"
    POWER_ONLY = "the source sends power only: settlement needs its registers (1.8.0, 2.8.0)"
    STATUS_WORD = "the meter reports an error or manipulation: have the metering operator look at it"
    NEGATIVE = "a register is sent as a negative number: correct the source's mapping of export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Registers at an instant. `meter` tells meters apart where the source does, else it is empty.

    import_known, export_known: whether this reading says that register; what it does not say is 0 here and not used.
    status: of the boundary that rests on this reading.
    """

    time_ms: int
    registers: Registers
    meter: bytes = b""
    import_known: bool = True
    export_known: bool = True
    status: Status = Status.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredBreak:
    """A swap or rollover at an instant: the old meter's last registers, the new one's first."""

    time_ms: int
    old_end: Registers
    new_start: Registers


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowValues:
    """A window's contents of a pack: registers, one import, export and status a slot, at most one break."""

    start: Registers
    end: Registers
    import_mwh: tuple[int, ...]
    export_mwh: tuple[int, ...]
    status: tuple[Status, ...]
    gap: Break | None = None

    @property
    def is_measured(self) -> bool:
        """Whether every slot was measured."""
        return set(self.status) == {Status.MEASURED}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotComplete:
    """The window cannot be built yet. `missing_slots` counts them for interval files, else 0."""

    lack: Lack
    missing_slots: int = 0


def pack_values(data: bytes) -> WindowValues:
    """What a pack of this adapter holds. Raises UnreadablePack."""
    pack = decode_pack(data)
    return WindowValues(**{field.name: getattr(pack, field.name) for field in fields(WindowValues)})


def window_values(
    samples: Sequence[Sample],
    *,
    first_slot: int,
    slot_count: int,
    position: int,
    breaks: Sequence[DeclaredBreak] = (),
    settled: Mapping[int, Registers] | None = None,
    limit_w: int = 0,
) -> WindowValues | NotComplete:
    """Return the values of the window of `slot_count` slots from `first_slot`, or why it is not complete yet.

    samples: in order of time, no instant twice. settled: registers by slot whose start packs already use.
    limit_w: power that the connection cannot exceed, 0 for no such check.
    A slot counts as measured if there is a measured reading within TOLERANCE_MS of both its ends, else as estimated:
    what was metered over a gap is spread evenly.
    Raises RegisterFell, RegisterJumped, MeterChanged, BreakUnfit, SlotTooLarge; they name position and time only.
    """
    start_ms, end_ms = first_slot * SLOT_MS, (first_slot + slot_count) * SLOT_MS
    inside = [declared for declared in breaks if start_ms <= declared.time_ms < end_ms]
    if len(inside) > 1:
        raise BreakUnfit(position, "more than one break in one day")
    fixed = {slot * SLOT_MS: registers for slot, registers in (settled or {}).items()}
    ordered = sorted(breaks, key=_instant)
    limits = [-1, *(declared.time_ms for declared in ordered), sys.maxsize]
    pieces = [
        _Piece.of(read, {time: at for time, at in fixed.items() if after < time <= until})
        for read, (after, until) in zip(
            _split(_region(samples, start_ms, end_ms), ordered), pairwise(limits), strict=True
        )
    ]
    boundaries: list[tuple[Registers, Status]] = []
    for index in range(slot_count + 1):
        time_ms = start_ms + index * SLOT_MS
        # a break at a boundary belongs to the slot that starts there: the boundary is still the old meter's
        piece = pieces[bisect_left(ordered, time_ms, key=_instant)]
        at = piece.boundary_at(time_ms)
        if isinstance(at, Lack):
            return NotComplete(lack=at)
        boundaries.append(at)
    for piece in pieces:
        _check_order(piece.read, position, limit_w)
    return _assemble(boundaries, inside[0] if inside else None, first_slot, position)


def most_mwh(limit_w: int, span_ms: int) -> int:
    """Return the most that a register can rise by between two readings this far apart, at a power of `limit_w`."""
    return limit_w * 1000 * (span_ms + LATENESS_MS) // MS_PER_HOUR


def rollovers(samples: Sequence[Sample], breaks: Sequence[DeclaredBreak], modulus_mwh: int) -> list[DeclaredBreak]:
    """Breaks where a register of a meter with this modulus went round, between readings without a declared break.

    It went round if, counted on past the modulus, it rose by less than half of it; it did so where a steady rise
    passes the modulus. Two directions that go round between the same readings do so each at its time.
    """
    found = []
    for a, b in pairwise(sample for sample in samples if sample.import_known and sample.export_known):
        if (a.meter and b.meter and a.meter != b.meter) or any(a.time_ms < d.time_ms <= b.time_ms for d in breaks):
            continue
        sides = (
            (a.registers.import_mwh, b.registers.import_mwh),
            (a.registers.export_mwh, b.registers.export_mwh),
        )
        rises = [(new - old) % modulus_mwh for old, new in sides]
        if max(rises) * 2 >= modulus_mwh or max(old for old, _ in sides) >= modulus_mwh:
            continue
        span = b.time_ms - a.time_ms
        rounds = [
            a.time_ms + max(span * (modulus_mwh - old) // rise, 1) if new < old else None
            for (old, new), rise in zip(sides, rises, strict=True)
        ]
        for time_ms in sorted({at for at in rounds if at is not None}):
            ends, opens = [], []
            for (old, _), rise, at in zip(sides, rises, rounds, strict=True):
                shown = old + rise * (time_ms - a.time_ms) // span
                shown -= modulus_mwh if at is not None and at < time_ms else 0
                ends.append(modulus_mwh if at == time_ms else shown)
                opens.append(0 if at == time_ms else shown)
            found.append(DeclaredBreak(time_ms=time_ms, old_end=_pair(ends), new_start=_pair(opens)))
    return found


def _pair(registers: Sequence[int]) -> Registers:
    imported, exported = registers
    return Registers(import_mwh=imported, export_mwh=exported)


def _time(sample: Sample) -> int:
    return sample.time_ms


def _instant(declared: DeclaredBreak) -> int:
    return declared.time_ms


class _Point(NamedTuple):
    """One register at an instant; not `read`: settled by a pack."""

    time_ms: int
    mwh: int
    status: Status
    read: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One register between two breaks: as read, and with settled boundaries put in, both in order of time."""

    read: list[_Point]
    merged: list[_Point]

    @classmethod
    def of(cls, read: list[_Point], fixed: Mapping[int, int]) -> _Side:
        """Put settled boundaries in: readings that came later give way to them, never the reverse."""
        times = sorted(fixed)
        merged = [_Point(time, fixed[time], Status.MEASURED, read=False) for time in times]
        for point in read:
            after = bisect_left(times, point.time_ms)
            if after < len(times) and times[after] == point.time_ms:
                continue
            mwh = min(point.mwh, fixed[times[after]]) if after < len(times) else point.mwh
            mwh = max(mwh, fixed[times[after - 1]]) if after else mwh
            merged.append(point._replace(mwh=mwh))
        return cls(read=read, merged=sorted(merged, key=_point_time))

    def at(self, time_ms: int) -> tuple[int, Status] | Lack:
        """Return the register at a boundary and how it came about, or what lacks to know it."""
        near = _nearest(self.read, time_ms)
        status = near.status if near else Status.ESTIMATED
        after = bisect_left(self.merged, time_ms, key=_point_time)
        if after < len(self.merged) and self.merged[after].time_ms == time_ms:
            return self.merged[after].mwh, status
        taken = _nearest(self.merged, time_ms)
        if taken:
            return taken.mwh, status
        if after == 0 or after == len(self.merged):
            return Lack.NO_READING if not self.merged else Lack.NO_END if after else Lack.NO_START
        a, b = self.merged[after - 1], self.merged[after]
        return a.mwh + (b.mwh - a.mwh) * (time_ms - a.time_ms) // (b.time_ms - a.time_ms), Status.ESTIMATED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Both registers between two breaks."""

    read: list[Sample]
    sides: tuple[_Side, _Side]

    @classmethod
    def of(cls, read: list[Sample], fixed: Mapping[int, Registers]) -> _Piece:
        imported = [_Point(s.time_ms, s.registers.import_mwh, s.status) for s in read if s.import_known]
        exported = [_Point(s.time_ms, s.registers.export_mwh, s.status) for s in read if s.export_known]
        return cls(
            read=read,
            sides=(
                _Side.of(imported, {time: at.import_mwh for time, at in fixed.items()}),
                _Side.of(exported, {time: at.export_mwh for time, at in fixed.items()}),
            ),
        )

    def boundary_at(self, time_ms: int) -> tuple[Registers, Status] | Lack:
        """Return the registers at a boundary and the status of what ends or begins there."""
        imported, exported = (side.at(time_ms) for side in self.sides)
        if isinstance(imported, Lack):
            return imported
        if isinstance(exported, Lack):
            return exported
        return Registers(import_mwh=imported[0], export_mwh=exported[0]), max(imported[1], exported[1])


def _point_time(point: _Point) -> int:
    return point.time_ms


def _nearest(points: Sequence[_Point], time_ms: int) -> _Point | None:
    """Return the reading nearest to an instant within TOLERANCE_MS, of two as near the earlier one.

    A measured one counts before all others.
    """
    low = bisect_left(points, time_ms - TOLERANCE_MS, key=_point_time)
    high = bisect_right(points, time_ms + TOLERANCE_MS, key=_point_time)
    near = [point for point in points[low:high] if point.read]
    return min(near, key=lambda point: (point.status, abs(point.time_ms - time_ms)), default=None)


def _region(samples: Sequence[Sample], start_ms: int, end_ms: int) -> Sequence[Sample]:
    """Return the samples of a window, with those before and after it that say the registers at its ends."""
    low = bisect_right(samples, start_ms, key=_time)
    high = bisect_left(samples, end_ms, key=_time)
    lows = [low - 1, bisect_left(samples, start_ms - TOLERANCE_MS, key=_time)]
    highs = [high, bisect_right(samples, end_ms + TOLERANCE_MS, key=_time) - 1]
    for known in (_imports, _exports):
        lows.append(next((at for at in range(low - 1, -1, -1) if known(samples[at])), 0))
        highs.append(next((at for at in range(high, len(samples)) if known(samples[at])), len(samples)))
    return samples[max(min(lows), 0) : max(highs) + 1]


def _imports(sample: Sample) -> bool:
    return sample.import_known


def _exports(sample: Sample) -> bool:
    return sample.export_known


def _split(samples: Sequence[Sample], breaks: Sequence[DeclaredBreak]) -> list[list[Sample]]:
    """Return the samples between breaks, each piece opened and closed by the declared registers."""
    pieces: list[list[Sample]] = []
    opening: list[Sample] = []
    rest = list(samples)
    for declared in breaks:
        before = [sample for sample in rest if sample.time_ms < declared.time_ms]
        rest = [sample for sample in rest if sample.time_ms > declared.time_ms]
        pieces.append([*opening, *before, Sample(time_ms=declared.time_ms, registers=declared.old_end)])
        opening = [Sample(time_ms=declared.time_ms, registers=declared.new_start)]
    return [*pieces, [*opening, *rest]]


def _check_order(samples: Sequence[Sample], position: int, limit_w: int) -> None:
    """Raise RegisterFell, RegisterJumped or MeterChanged if consecutive samples cannot be the same meter going on."""
    for a, b in pairwise(samples):
        if a.meter and b.meter and a.meter != b.meter:
            raise MeterChanged(position, b.time_ms)
    for direction, known in (("import", _imports), ("export", _exports)):
        for a, b in pairwise(filter(known, samples)):
            if direction in _falls(a, b):
                raise RegisterFell(position, direction, b.time_ms)
            if direction in _jumps(a, b, limit_w):
                raise RegisterJumped(position, direction, b.time_ms)


def _rises(a: Sample, b: Sample) -> dict[str, int]:
    """Return by how much the registers that both samples say went up."""
    rises = {}
    if a.import_known and b.import_known:
        rises["import"] = b.registers.import_mwh - a.registers.import_mwh
    if a.export_known and b.export_known:
        rises["export"] = b.registers.export_mwh - a.registers.export_mwh
    return rises


def _falls(a: Sample, b: Sample) -> list[str]:
    return [direction for direction, rise in _rises(a, b).items() if rise < 0]


def _jumps(a: Sample, b: Sample, limit_w: int) -> list[str]:
    if not limit_w:
        return []
    most = most_mwh(limit_w, b.time_ms - a.time_ms)
    return [direction for direction, rise in _rises(a, b).items() if rise > most]


def _assemble(
    boundaries: Sequence[tuple[Registers, Status]], declared: DeclaredBreak | None, first_slot: int, position: int
) -> WindowValues:
    """Return slot values from the registers at the boundaries and how each of them came about."""
    break_index = declared.time_ms // SLOT_MS - first_slot if declared else -1
    imported: list[int] = []
    exported: list[int] = []
    status: list[Status] = []
    for index, ((a, a_status), (b, b_status)) in enumerate(pairwise(boundaries)):
        parts = [(a, b)]
        if declared and index == break_index:
            parts = [(a, declared.old_end), (declared.new_start, b)]
        values = (
            sum(end.import_mwh - start.import_mwh for start, end in parts),
            sum(end.export_mwh - start.export_mwh for start, end in parts),
        )
        if any(end.import_mwh < start.import_mwh or end.export_mwh < start.export_mwh for start, end in parts):
            raise BreakUnfit(position, "the declared registers do not fit the readings around the break")
        if max(values) > MAX_SLOT_MWH:
            raise SlotTooLarge(position, (first_slot + index) * SLOT_MS)
        imported.append(values[0])
        exported.append(values[1])
        status.append(max(a_status, b_status))
    gap = Break(slot_index=break_index, old_end=declared.old_end, new_start=declared.new_start) if declared else None
    return WindowValues(
        start=boundaries[0][0],
        end=boundaries[-1][0],
        import_mwh=tuple(imported),
        export_mwh=tuple(exported),
        status=tuple(status),
        gap=gap,
    )

"""Registers over time become the quarter-hour values of a local day (R4).

The register at a slot boundary is interpolated between the readings next to it, in integers, floored. A boundary
belongs to both windows that it parts; once a pack uses it, it is settled for ever (`settled`), so that the end of a
day is the start of the next one exactly (I4), in whatever order days are built and whatever arrives late.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from itertools import pairwise

from lindenstrom.core.calendar import SECONDS_PER_SLOT
from lindenstrom.core.packs import MAX_SLOT_MWH, Break, Registers, Status, decode_pack
from lindenstrom.metering.errors import BreakUnfit, MeterChanged, RegisterFell, SlotTooLarge

SLOT_MS = SECONDS_PER_SLOT * 1000
# Readings further apart than a quarter-hour (and half a minute of jitter) do not say what each quarter-hour was.
MAX_GAP_MS = 930_000


class Lack(Enum):
    """Why a window is not complete yet. The texts stand in gap lists."""

    NO_READING = "no reading at all"
    NO_START = "no reading at or before the start of the day"
    NO_END = "no reading at or after the end of the day"
    NO_VALUES = "quarter-hours without a value"
    EARLIER_DAY = "an earlier day is not built yet"
    LOCKED = "the meter is locked, it gives whole kWh only: enter its PIN and set InF to On"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Registers at an instant. `meter` tells meters apart where the source does (SML), else it is empty."""

    time_ms: int
    registers: Registers
    meter: bytes = b""


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
    max_gap_ms: int = MAX_GAP_MS,
) -> WindowValues | NotComplete:
    """Return the values of the window of `slot_count` slots from `first_slot`, or why it is not complete yet.

    samples: in order of time, no instant twice. settled: registers by slot whose start packs already use.
    A slot counts as measured if the readings around both its ends are at most `max_gap_ms` apart, else as estimated:
    what was metered over a longer gap is spread evenly.
    Raises RegisterFell, MeterChanged, BreakUnfit, SlotTooLarge; they name the position and the time only.
    """
    start_ms, end_ms = first_slot * SLOT_MS, (first_slot + slot_count) * SLOT_MS
    inside = [declared for declared in breaks if start_ms <= declared.time_ms < end_ms]
    if len(inside) > 1:
        raise BreakUnfit(position, "more than one break in one day")
    low = max(bisect_right(samples, start_ms, key=_time) - 1, 0)
    region = samples[low : bisect_left(samples, end_ms, key=_time) + 1]
    fixed = {slot * SLOT_MS: registers for slot, registers in (settled or {}).items()}
    ordered = sorted(breaks, key=lambda declared: declared.time_ms)
    limits = [-1, *(declared.time_ms for declared in ordered), sys.maxsize]
    pieces = [
        _Piece.of(read, {time: at for time, at in fixed.items() if after < time <= until})
        for read, (after, until) in zip(_split(region, ordered), pairwise(limits), strict=True)
    ]
    boundaries: list[tuple[Registers, bool]] = []
    for index in range(slot_count + 1):
        time_ms = start_ms + index * SLOT_MS
        # a break at a boundary belongs to the slot that starts there: the boundary is still the old meter's
        piece = pieces[sum(declared.time_ms < time_ms for declared in breaks)]
        at = piece.register_at(time_ms)
        if isinstance(at, Lack):
            return NotComplete(lack=at)
        boundaries.append((at, piece.is_supported(time_ms, max_gap_ms)))
    for piece in pieces:
        _check_order(piece.read, position)
    return _assemble(boundaries, inside[0] if inside else None, first_slot, position)


def rollovers(samples: Sequence[Sample], breaks: Sequence[DeclaredBreak], modulus_mwh: int) -> list[DeclaredBreak]:
    """Breaks where a register of a meter with this modulus went round, between readings without a declared break.

    It went round if, counted on past the modulus, it rose by less than half of it; it did so where a steady rise
    passes the modulus. Two directions that go round between the same readings do so each at its time.
    """
    found = []
    for a, b in pairwise(samples):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Samples between two breaks: as read, and with settled boundaries put in."""

    read: list[Sample]
    merged: list[Sample]

    @classmethod
    def of(cls, read: list[Sample], fixed: Mapping[int, Registers]) -> _Piece:
        """Put settled boundaries in: readings that came later give way to them, never the reverse."""
        times = sorted(fixed)
        merged = [Sample(time_ms=time, registers=fixed[time]) for time in times]
        for sample in read:
            after = bisect_left(times, sample.time_ms)
            if after < len(times) and times[after] == sample.time_ms:
                continue
            low = fixed[times[after - 1]] if after else None
            high = fixed[times[after]] if after < len(times) else None
            merged.append(Sample(time_ms=sample.time_ms, registers=_clamped(sample.registers, low, high)))
        return cls(read=read, merged=sorted(merged, key=_time))

    def register_at(self, time_ms: int) -> Registers | Lack:
        """Return the registers at an instant, interpolated and floored, or what lacks to know them."""
        after = bisect_left(self.merged, time_ms, key=_time)
        if after < len(self.merged) and self.merged[after].time_ms == time_ms:
            return self.merged[after].registers
        if after == 0 or after == len(self.merged):
            return Lack.NO_READING if not self.merged else Lack.NO_END if after else Lack.NO_START
        a, b = self.merged[after - 1], self.merged[after]
        passed, span = time_ms - a.time_ms, b.time_ms - a.time_ms
        low, high = a.registers, b.registers
        return Registers(
            import_mwh=low.import_mwh + (high.import_mwh - low.import_mwh) * passed // span,
            export_mwh=low.export_mwh + (high.export_mwh - low.export_mwh) * passed // span,
        )

    def is_supported(self, time_ms: int, max_gap_ms: int) -> bool:
        """Return whether the readings around an instant are close enough to call the register there measured."""
        after = bisect_left(self.read, time_ms, key=_time)
        if after < len(self.read) and self.read[after].time_ms == time_ms:
            return True
        return 0 < after < len(self.read) and self.read[after].time_ms - self.read[after - 1].time_ms <= max_gap_ms


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


def _clamped(registers: Registers, low: Registers | None, high: Registers | None) -> Registers:
    imported, exported = registers.import_mwh, registers.export_mwh
    if high:
        imported, exported = min(imported, high.import_mwh), min(exported, high.export_mwh)
    if low:
        imported, exported = max(imported, low.import_mwh), max(exported, low.export_mwh)
    return Registers(import_mwh=imported, export_mwh=exported)


def _check_order(samples: Sequence[Sample], position: int) -> None:
    """Raise RegisterFell or MeterChanged if consecutive samples cannot be the same meter going on."""
    for a, b in pairwise(samples):
        if a.meter and b.meter and a.meter != b.meter:
            raise MeterChanged(position, b.time_ms)
        if b.registers.import_mwh < a.registers.import_mwh:
            raise RegisterFell(position, "import", b.time_ms)
        if b.registers.export_mwh < a.registers.export_mwh:
            raise RegisterFell(position, "export", b.time_ms)


def _assemble(
    boundaries: Sequence[tuple[Registers, bool]], declared: DeclaredBreak | None, first_slot: int, position: int
) -> WindowValues:
    """Return slot values from the registers at the boundaries and whether readings support each of them."""
    break_index = declared.time_ms // SLOT_MS - first_slot if declared else -1
    imported: list[int] = []
    exported: list[int] = []
    status: list[Status] = []
    for index, ((a, a_supported), (b, b_supported)) in enumerate(pairwise(boundaries)):
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
        status.append(Status.MEASURED if a_supported and b_supported else Status.ESTIMATED)
    gap = Break(slot_index=break_index, old_end=declared.old_end, new_start=declared.new_start) if declared else None
    return WindowValues(
        start=boundaries[0][0],
        end=boundaries[-1][0],
        import_mwh=tuple(imported),
        export_mwh=tuple(exported),
        status=tuple(status),
        gap=gap,
    )

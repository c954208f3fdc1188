"""What one telegram or message says about a meter's registers, and which of them can be used beside each other.

The rules are those of docs/metering.md; whatever they leave out is counted by its reason, in words of `rules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering import rules
from lindenstrom.metering.intervals import SLOT_MS, Sample
from lindenstrom.metering.observation import Observation, Problem

CLOCK_STEP_MS = 60_000
"""By more than this, and a hundredth of the time between, two clocks do not drift apart."""
STEPS_ONE_IN = 4
"""A counter that seems to step more often than at one reading in four does not count seconds."""
SIGN_PAIRS = 8
"""Pairs of readings that must contradict the power, and none agree, before the wiring is doubted."""
CLEAR_POWER_MW = 50_000
DIRECTIONS = ("1", "2")

REFUSED = {
    Problem.INVALID_STATUS: rules.STATUS_WORD,
    Problem.BAD_VALUE: rules.NEGATIVE,
    Problem.CONFLICTING_VALUES: rules.CONFLICT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One register: its total, mWh, or the sum of the tariffs sent (`tariffs`: code → register; empty for a total)."""

    mwh: int
    tariffs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The registers of one telegram, received at `time_ms` as the `order`-th.

    seconds: the device's running seconds; clock_ms: the device's time of day. power_mw: negative for feed-in.
    separate: the source sends its registers in messages of their own (MQTT), so that one side may lack.
    """

    time_ms: int
    order: int
    meter: str
    sides: tuple[Side | None, Side | None]
    seconds: int | None = None
    clock_ms: int | None = None
    power_mw: int | None = None
    status: Status = Status.MEASURED
    locked: bool = False
    separate: bool = False


def reading_of(found: Sequence[Observation], *, time_ms: int, order: int, separate: bool = False) -> Reading | str:
    """Return the reading that a telegram's observations make, or in words why they make none."""
    registers = [o for o in found if o.span_s == 0 and _direction(o)]
    refused = next((text for o in registers if o.problem and (text := REFUSED.get(o.problem))), None)
    if refused:
        return refused
    sides = tuple(_side(registers, direction) for direction in DIRECTIONS)
    if sides == (None, None):
        if any(o.power_mw is not None for o in found):
            return rules.POWER_ONLY
        damaged = next((o for o in found if o.problem), None)
        return (REFUSED.get(damaged.problem or Problem.BAD_VALUE) or damaged.detail) if damaged else rules.OTHER
    first = registers[0]
    known = [o.status for o in registers if o.status is not None]
    return Reading(
        time_ms=time_ms,
        order=order,
        meter=first.meter,
        sides=(sides[0], sides[1]),
        seconds=first.seconds_index,
        clock_ms=first.time_ms,
        power_mw=_power(found),
        status=max(known, default=Status.MEASURED),
        locked=any(o.problem is Problem.PIN_LOCKED for o in registers),
        separate=separate,
    )


def samples_of(readings: Iterable[Reading], unused: Counter[str]) -> list[Sample]:
    """Return the samples that readings in order of receipt give, in order of time, no instant twice.

    What is left out is counted in `unused` by its reason.
    """
    kept = list(readings)
    for rule in (_open, _right_clock, _whole_sums, _both_sided):
        kept = rule(kept, unused)
    kept = _in_order(kept, unused)
    _doubt_signs(kept, unused)
    return [sample for time_ms, group in groupby(kept, key=_time) if (sample := _sample(time_ms, list(group)))]


def _direction(observation: Observation) -> str:
    """`1` for a register of energy drawn, `2` for one fed in, else nothing."""
    parts = observation.obis.partition(":")[2].split(".")
    return parts[0] if len(parts) == 3 and parts[1] == "8" and parts[0] in DIRECTIONS else ""


def _side(registers: Iterable[Observation], direction: str) -> Side | None:
    mine = [o for o in registers if _direction(o) == direction and o.energy_mwh is not None]
    total = next((o for o in mine if o.obis.endswith(".8.0")), None)
    if total is None or total.energy_mwh is None:
        return None
    tariffs = {o.obis: o.energy_mwh for o in mine if o is not total and o.energy_mwh is not None}
    return Side(mwh=total.energy_mwh, tariffs=tariffs if total.summed else {})


def _power(found: Iterable[Observation]) -> int | None:
    """The power of the whole connection: 16.7.0, or 1.7.0 (drawn) with 2.7.0 (fed in, negative)."""
    powers = {o.obis.partition(":")[2]: o.power_mw for o in found if o.power_mw is not None}
    if "16.7.0" in powers:
        return powers["16.7.0"]
    parts = [powers[code] for code in ("1.7.0", "2.7.0") if code in powers]
    return sum(parts) if parts else None


def _time(reading: Reading) -> int:
    return reading.time_ms


def _open(readings: list[Reading], unused: Counter[str]) -> list[Reading]:
    return _only(readings, lambda reading: not reading.locked, rules.LOCKED, unused)


def _only(
    readings: Sequence[Reading], good: Callable[[Reading], bool], reason: str, unused: Counter[str]
) -> list[Reading]:
    kept = [reading for reading in readings if good(reading)]
    unused[reason] += len(readings) - len(kept)
    return kept


def _both_sided(readings: list[Reading], unused: Counter[str]) -> list[Reading]:
    """A meter may have one register only; a telegram of a two-way meter that lacks one says nothing about it."""
    known: dict[str, list[bool]] = {}
    for reading in readings:
        sides = known.setdefault(reading.meter, [False, False])
        known[reading.meter] = [a or b is not None for a, b in zip(sides, reading.sides, strict=True)]
    return _only(
        readings,
        lambda reading: reading.separate or known[reading.meter] == [side is not None for side in reading.sides],
        rules.ONE_SIDED,
        unused,
    )


def _whole_sums(readings: list[Reading], unused: Counter[str]) -> list[Reading]:
    """Leave out sums that lack a tariff which the meter has, and sums of a meter that also sends its total."""
    for index in range(len(DIRECTIONS)):
        totals = {r.meter for r in readings if (side := r.sides[index]) and not side.tariffs}
        lowest: dict[tuple[str, str], int] = {}
        for reading in readings:
            side = reading.sides[index]
            for code, mwh in side.tariffs.items() if side else ():
                lowest[reading.meter, code] = min(mwh, lowest.get((reading.meter, code), mwh))
        # a tariff that begins at 0 may be new: sums without it are still whole
        needed = {(meter, code) for (meter, code), mwh in lowest.items() if mwh}
        bad = {
            reading.order
            for reading in readings
            if (side := reading.sides[index])
            and side.tariffs
            and (
                reading.meter in totals
                or any(meter == reading.meter and code not in side.tariffs for meter, code in needed)
            )
        }
        readings = _only(readings, lambda reading, bad=bad: reading.order not in bad, rules.TARIFF, unused)  # type: ignore[misc]
    return readings


def _right_clock(readings: list[Reading], unused: Counter[str]) -> list[Reading]:
    """Leave out readings whose time of receipt the device's own clock contradicts.

    The offset between the two clocks stays the same but for their drift; where it steps, the readings of the offset
    that most of them have are right. A restarted counter begins anew. A device's time of day may be wrong by whole
    quarter-hours (season, zone) at will.
    """
    wrong: set[int] = set()
    for run in _clock_runs(readings):
        blocks: list[list[tuple[int, int, int]]] = []
        for time_ms, clock_ms, order in run:
            offset = time_ms - clock_ms
            if blocks:
                before_ms, before_offset, _ = blocks[-1][-1]
                if abs(offset - before_offset) <= CLOCK_STEP_MS + abs(time_ms - before_ms) // 100:
                    blocks[-1].append((time_ms, offset, order))
                    continue
            blocks.append([(time_ms, offset, order)])
        if len(blocks) == 1 or len(blocks) * STEPS_ONE_IN > len(run):
            continue
        steps = [new[0][1] - old[-1][1] for old, new in pairwise(blocks)]
        most = max(range(len(blocks)), key=lambda index: len(blocks[index]))
        for index, block in enumerate(blocks):
            off_ms = sum(steps[most:index]) - sum(steps[index:most])
            if abs(off_ms) > CLOCK_STEP_MS:
                wrong |= {order for _, _, order in block}
    return _only(readings, lambda reading: reading.order not in wrong, rules.CLOCK_STEP, unused)


def _clock_runs(readings: Iterable[Reading]) -> list[list[tuple[int, int, int]]]:
    """Return (receive ms, device ms, order) of readings whose device clock ran on, in order of receipt."""
    running: dict[str, list[tuple[int, int, int]]] = {}
    calendar: dict[str, list[tuple[int, int, int]]] = {}
    runs: list[list[tuple[int, int, int]]] = []
    for reading in sorted(readings, key=lambda reading: reading.order):
        if reading.seconds is not None:
            run = running.get(reading.meter, [])
            clock_ms = reading.seconds * 1000
            if not run or clock_ms < run[-1][1]:
                run = running[reading.meter] = []
                runs.append(run)
            run.append((reading.time_ms, clock_ms, reading.order))
        elif reading.clock_ms is not None:
            # the season or the zone may be wrong: what is left within half a quarter-hour is the offset
            ahead = reading.clock_ms - reading.time_ms
            rest = (ahead + SLOT_MS // 2) % SLOT_MS - SLOT_MS // 2
            calendar.setdefault(reading.meter, []).append((reading.time_ms, reading.time_ms + rest, reading.order))
    return [*runs, *calendar.values()]


def _in_order(readings: list[Reading], unused: Counter[str]) -> list[Reading]:
    """Return readings in order of time; of those at one instant the newest of each meter and form."""
    ahead = _stamped_ahead(readings)
    unused[rules.CLOCK_BACK] += len(ahead)
    result: list[Reading] = []
    for reading in sorted(readings, key=lambda reading: (reading.time_ms, reading.order)):
        if reading.order not in ahead:
            while result and result[-1].time_ms == reading.time_ms and not reading.separate:
                result.pop()
            result.append(reading)
    return result


def _stamped_ahead(readings: Sequence[Reading]) -> set[int]:
    """Return the orders of readings that were received while the clock was ahead, before it was set back.

    Such a one was received earlier, yet it is stamped later and lower. What was received before it at the same clock is
    not to be trusted either: back to where the stamps had gone forward by as much as they then went back.
    """
    ahead: set[int] = set()
    newest, right = -1, None
    for reading in sorted(readings, key=lambda reading: (reading.time_ms, reading.order)):
        if right is not None and reading.order < newest and _fell(right, reading):
            ahead.add(reading.order)
            continue
        newest, right = max(newest, reading.order), reading
    received = sorted(readings, key=lambda reading: reading.order)
    for index, (last, after) in enumerate(pairwise(received)):
        back_ms = last.time_ms - after.time_ms
        if last.order in ahead and back_ms > CLOCK_STEP_MS:
            at = index
            while at and received[at].time_ms - received[at - 1].time_ms < back_ms:
                at -= 1
            if at:
                ahead |= {reading.order for reading in received[at : index + 1]}
    return ahead


def _fell(a: Reading, b: Reading) -> bool:
    return a.meter == b.meter and any(
        old is not None and new is not None and new.mwh < old.mwh for old, new in zip(a.sides, b.sides, strict=True)
    )


def _doubt_signs(readings: Sequence[Reading], unused: Counter[str]) -> None:
    """Count readings between which the register of the other direction rose alone, if none fits its power."""
    agree = against = 0
    for a, b in pairwise(readings):
        if a.power_mw is None or b.power_mw is None or min(abs(a.power_mw), abs(b.power_mw)) < CLEAR_POWER_MW:
            continue
        rises = [new.mwh - old.mwh if old and new else 0 for old, new in zip(a.sides, b.sides, strict=True)]
        if (a.power_mw > 0) != (b.power_mw > 0) or (rises[0] > 0) == (rises[1] > 0):
            continue
        if (rises[0] > 0) == (a.power_mw > 0):
            agree += 1
        else:
            against += 1
    if against >= SIGN_PAIRS and not agree:
        unused[rules.SIGN] += against


def _sample(time_ms: int, readings: Sequence[Reading]) -> Sample | None:
    """Return the sample of the readings at one instant; a one-way meter's other register is 0."""
    sides: list[Side | None] = [None, None]
    for reading in readings:
        sides = [new or old for old, new in zip(sides, reading.sides, strict=True)]
    known = [side is not None or not readings[0].separate for side in sides]
    mwh = [side.mwh if side else 0 for side in sides]
    return Sample(
        time_ms=time_ms,
        registers=Registers(import_mwh=mwh[0], export_mwh=mwh[1]),
        meter=readings[0].meter.encode(),
        import_known=known[0],
        export_known=known[1],
        status=max(reading.status for reading in readings),
    )

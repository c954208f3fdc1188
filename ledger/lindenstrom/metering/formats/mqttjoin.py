"""Register pairs from messages: import and export, tariffs and phases may each come on a topic of their own.

Each part is a line of values over time. At the time of any message the other parts are read off their lines: exactly
where they stand still, else interpolated between two values that are at most a quarter-hour apart, and floored. What
falls is not interpolated, so that a device that was reset is seen as such by the rules for registers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lindenstrom.metering.formats.mqtt import interpret
from lindenstrom.metering.formats.mqttmapping import MeterMapping, Use
from lindenstrom.metering.formats.mqttpresets import Quantity
from lindenstrom.metering.observation import Problem

MAX_GAP_MS = 930_000
KWH = 1_000_000
WHOLE_VALUES = 3
"""So many different values of a register that are all whole kWh: the meter is locked, or as coarse as a locked one."""
LONGEST_ZERO_MS = 600_000

REBOOT = "zero for a moment after the device had started again"
UNPAIRED = "without a value of the other registers near it"
REASONS = {
    Problem.STALE: "waited at the broker, and the device sends no time",
    Problem.NO_IMPORT_REGISTER: "without the registers that the mapping names",
    Problem.DAMAGED_FRAME: "not JSON, or too long",
}

Line = list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """(unix ms, import mWh, export mWh) in order of time; what could not be used, reason → count.

    is_locked: the meter gives whole kWh only, and then there are no pairs.
    """

    pairs: tuple[tuple[int, int, int], ...]
    unused: Mapping[str, int]
    is_locked: bool = False


def register_pairs(messages: Iterable[tuple[int, str, bytes]], mapping: MeterMapping) -> Pairs:
    """Register pairs of (time of receipt in unix ms, topic, payload), in order of receipt."""
    unused: Counter[str] = Counter()
    lines = _lines(messages, mapping, unused)
    if any(_is_coarse(line) for line in lines.values()):
        return Pairs(pairs=(), unused={**unused}, is_locked=True)
    lines = {code: _without_reboots(line, unused) for code, line in lines.items()}
    parts = {
        quantity: [lines[field.obis] for field in mapping.of(quantity)]
        for quantity in (Quantity.IMPORT, Quantity.EXPORT)
    }
    times = sorted({time for line in lines.values() for time, _ in line})
    pairs: list[tuple[int, int, int]] = []
    for time in times:
        imported, exported = (_sum_at(parts[quantity], time) for quantity in (Quantity.IMPORT, Quantity.EXPORT))
        if imported is None or exported is None:
            unused[UNPAIRED] += 1
        else:
            pairs.append((time, imported, exported))
    return Pairs(pairs=tuple(pairs), unused={**unused})


def _lines(messages: Iterable[tuple[int, str, bytes]], mapping: MeterMapping, unused: Counter[str]) -> dict[str, Line]:
    """The values of each register by its OBIS code, in order of time; of one instant the last counts."""
    is_own = mapping.time is not None and mapping.time.use is Use.ALWAYS
    values: dict[str, dict[int, int]] = {
        field.obis: {} for field in mapping.fields if field.quantity is not Quantity.POWER
    }
    for time_ms, topic, payload in messages:
        for one in interpret(topic, payload, mapping):
            if one.problem is not None:
                unused[REASONS.get(one.problem, one.problem.value)] += 1
            elif one.energy_mwh is not None and not one.summed:
                at = one.time_ms if is_own and one.time_ms is not None else time_ms
                values[one.obis][at] = one.energy_mwh
    return {code: sorted(line.items()) for code, line in values.items()}


def _is_coarse(line: Line) -> bool:
    distinct = {value for _, value in line if value}
    return len(distinct) >= WHOLE_VALUES and all(value % KWH == 0 for value in distinct)


def _without_reboots(line: Line, unused: Counter[str]) -> Line:
    """The line without zeros between two values of which the second is no lower: a device that has not read yet."""
    kept: Line = []
    zeros: Line = []
    for time, value in line:
        if value == 0 and kept and kept[-1][1] > 0:
            zeros.append((time, value))
            continue
        if zeros and value >= kept[-1][1]:
            unused[REBOOT] += len(zeros)
        else:
            kept += zeros
        zeros = []
        kept.append((time, value))
    if zeros and zeros[-1][0] - zeros[0][0] > LONGEST_ZERO_MS:
        return kept + zeros
    return kept


def _sum_at(lines: Sequence[Line], time: int) -> int | None:
    total = 0
    for line in lines:
        value = _at(line, time)
        if value is None:
            return None
        total += value
    return total


def _at(line: Line, time: int) -> int | None:
    after = bisect_left(line, (time, -1))
    if after < len(line) and line[after][0] == time:
        return line[after][1]
    if after in (0, len(line)):
        return None
    (start, low), (end, high) = line[after - 1], line[after]
    if low == high:
        return low
    if high < low or end - start > MAX_GAP_MS:
        return None
    return low + (high - low) * (time - start) // (end - start)

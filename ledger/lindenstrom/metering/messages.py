"""Registers from MQTT messages: parts of a register (phases, tariffs) may come on topics of their own.

A register with parts is their sum, at the time of a part whose others were sent within the tolerance of a boundary.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lindenstrom.metering import rules
from lindenstrom.metering.intervals import TOLERANCE_MS
from lindenstrom.metering.observation import Observation, Problem
from lindenstrom.metering.readings import REFUSED, Reading, Side

KWH = 1_000_000
WHOLE_VALUES = 3
"""So many different values of a register that are all whole kWh: the meter is locked, or as coarse as a locked one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one message says of registers: code → (mWh, step). power_mw, clock_ms: None if it has none."""

    time_ms: int
    order: int
    meter: str
    registers: dict[str, int]
    locked: bool
    clock_ms: int | None = None
    power_mw: int | None = None


def message_of(found: Sequence[Observation], *, time_ms: int, order: int) -> Message | str:
    """Return what a message's observations say, or in words why it says nothing that is of use."""
    refused = next((o for o in found if o.problem and o.problem is not Problem.PIN_LOCKED), None)
    if refused is not None and refused.problem is not None:
        return REFUSED.get(refused.problem) or refused.detail or rules.OTHER
    registers = {o.obis: o.energy_mwh for o in found if o.energy_mwh is not None and not o.summed}
    powers = [o.power_mw for o in found if o.power_mw is not None]
    if not registers:
        return rules.POWER_ONLY if powers else rules.OTHER
    return Message(
        time_ms=time_ms,
        order=order,
        meter=found[0].meter,
        registers=registers,
        locked=any(o.problem is Problem.PIN_LOCKED for o in found),
        clock_ms=found[0].time_ms,
        power_mw=powers[0] if len(powers) == 1 else None,
    )


def readings_of(
    messages: Iterable[Message], parts: tuple[frozenset[str], frozenset[str]], unused: Counter[str]
) -> list[Reading]:
    """Return the readings of messages in order of time. parts: the codes that make up import, and export.

    A part alone, without the others near it, is counted in `unused`.
    """
    ordered = sorted(messages, key=lambda message: (message.time_ms, message.order))
    lines: dict[str, list[tuple[int, int]]] = {}
    for message in ordered:
        for code, mwh in message.registers.items():
            lines.setdefault(code, []).append((message.time_ms, mwh))
    if any(codes and not codes & lines.keys() for codes in parts):
        unused[rules.NOT_SENT] += len(ordered)
    coarse = {code for code, line in lines.items() if _is_coarse(line)}
    readings = []
    for message in ordered:
        sides = [_sum(codes, message, lines) if codes & message.registers.keys() else None for codes in parts]
        if not any(side for codes, side in zip(parts, sides, strict=True) if codes):
            unused[rules.TARIFF] += 1
            continue
        readings.append(
            Reading(
                time_ms=message.time_ms,
                order=message.order,
                meter=message.meter,
                sides=(sides[0], sides[1]),
                clock_ms=message.clock_ms,
                power_mw=message.power_mw,
                locked=message.locked or bool(coarse & message.registers.keys()),
                separate=True,
            )
        )
    return readings


def _is_coarse(line: Sequence[tuple[int, int]]) -> bool:
    distinct = {mwh for _, mwh in line if mwh}
    return len(distinct) >= WHOLE_VALUES and all(mwh % KWH == 0 for mwh in distinct)


def _sum(codes: Iterable[str], message: Message, lines: dict[str, list[tuple[int, int]]]) -> Side | None:
    total = 0
    for code in codes:
        mwh = message.registers.get(code)
        if mwh is None:
            line = lines.get(code, [])
            after = bisect_left(line, (message.time_ms, -1))
            near = [one for one in line[max(after - 1, 0) : after + 1] if _apart(one, message) <= TOLERANCE_MS]
            if not near:
                return None
            _, mwh = min(near, key=lambda one: _apart(one, message))
        total += mwh
    return Side(mwh=total)


def _apart(one: tuple[int, int], message: Message) -> int:
    return abs(one[0] - message.time_ms)

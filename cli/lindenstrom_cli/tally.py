"""Counts over observations of meter data, as large as the number of meters and registers, not of values."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lindenstrom.metering.observation import Observation


@dataclass(slots=True, kw_only=True)
class RegisterTally:
    """The values of one register of one meter."""

    obis: str
    summed: bool
    first_mwh: int
    step_mwh: int
    last_mwh: int = 0
    sum_mwh: int = 0
    count: int = 0


@dataclass(slots=True, kw_only=True)
class MeterTally:
    """What one meter gives; (lowest, highest) of powers, times and running seconds."""

    registers: dict[tuple[str, bool], RegisterTally] = field(default_factory=dict)
    intervals: dict[tuple[str, bool], RegisterTally] = field(default_factory=dict)
    powers: dict[str, tuple[int, int]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    times: tuple[int, int] | None = None
    seconds: tuple[int, int] | None = None


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a file gives: meters by name, problems with count and first position, notes with count."""

    format: str = ""
    count: int = 0
    meters: dict[str, MeterTally] = field(default_factory=dict)
    problems: dict[str, tuple[int, int]] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def take(self, o: "Observation") -> None:
        """Count one more observation."""
        self.format = o.format
        if o.problem is not None:
            count, position = self.problems.get(o.problem, (0, o.position))
            self.problems[o.problem] = count + 1, position
        for note in o.notes:
            self.notes[note] = self.notes.get(note, 0) + 1
        if o.energy_mwh is None and o.power_mw is None:
            if o.meter:
                self.meters.setdefault(o.meter, MeterTally())
            return
        self.count += 1
        meter = self.meters.setdefault(o.meter, MeterTally())
        meter.times = _wider(meter.times, o.time_ms)
        if o.time_ms is not None and o.span_s:
            meter.times = _wider(meter.times, o.time_ms + o.span_s * 1000)
        meter.seconds = _wider(meter.seconds, o.seconds_index)
        if o.power_mw is not None:
            low, high = meter.powers.get(o.obis, (o.power_mw, o.power_mw))
            meter.powers[o.obis] = min(low, o.power_mw), max(high, o.power_mw)
        if o.span_s and o.status is not None:
            name = o.status.name.lower()
            meter.statuses[name] = meter.statuses.get(name, 0) + 1
        if o.energy_mwh is not None:
            _count_energy(meter.intervals if o.span_s else meter.registers, o, o.energy_mwh)


def _count_energy(tallies: dict[tuple[str, bool], RegisterTally], o: "Observation", energy_mwh: int) -> None:
    tally = tallies.setdefault(
        (o.obis, o.summed),
        RegisterTally(obis=o.obis, summed=o.summed, first_mwh=energy_mwh, step_mwh=o.resolution_mwh or 1),
    )
    tally.last_mwh = energy_mwh
    tally.sum_mwh += energy_mwh
    # written numbers often lack the zeros at their end: the finest shows what the meter can
    tally.step_mwh = min(tally.step_mwh, o.resolution_mwh or 1)
    tally.count += 1


def _wider(span: tuple[int, int] | None, value: int | None) -> tuple[int, int] | None:
    if value is None:
        return span
    return (value, value) if span is None else (min(span[0], value), max(span[1], value))

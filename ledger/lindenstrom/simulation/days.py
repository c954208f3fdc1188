"""A community's days in steps of five minutes, in whole mWh.

In every step of every home

    drawn from the grid + roof + battery's output = home + battery's input + fed into the grid

holds exactly, and a step either draws or feeds in; a quarter-hour has three steps and may do both, as at a real meter.
The registers move in 0.1 Wh, the finest step that most meters show.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lindenstrom.core.calendar import SECONDS_PER_SLOT, Zone
from lindenstrom.simulation.community import Household
from lindenstrom.simulation.physics import (
    METER_STEP_MWH,
    generator,
    heat_pump_load_wh,
    household_load_wh,
    roof_feed_wh,
)

STEP_S = 300
STEPS_PER_SLOT = SECONDS_PER_SLOT // STEP_S
STEPS_PER_HOUR = 3600 // STEP_S
BATTERY_PERCENT = 95
"""Share of the energy that a way into or out of a battery leaves."""
DEAD_BAND_MWH = 2_000
"""What a battery leaves to the grid in a step, 24 W: inverters control no finer."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day: arrays of households × steps, in mWh; `charge_end` is a battery's charge at the end of a step.

    start_import, start_export: registers of each household at the start of the day, mWh.
    """

    window: int
    first_slot: int
    slots: int
    homes: tuple[Household, ...]
    home: Integers
    roof: Integers
    stored: Integers
    released: Integers
    charge_end: Integers
    imported: Integers
    exported: Integers
    start_import: Integers
    start_export: Integers

    @property
    def start_s(self) -> int:
        """Unix time at which it begins."""
        return self.first_slot * SECONDS_PER_SLOT

    @property
    def end_s(self) -> int:
        """Unix time at which it is over."""
        return (self.first_slot + self.slots) * SECONDS_PER_SLOT

    def by_slot(self, values: Integers) -> Integers:
        """Steps added up to quarter-hours: households × slots."""
        summed: Integers = values.reshape(len(values), self.slots, STEPS_PER_SLOT).sum(axis=2)
        return summed

    def registers(self, place: int, seconds: Integers) -> tuple[Integers, Integers]:
        """Import and export register of the home at a place, at these unix times; outside the day they stand still.

        Within a step they rise evenly, floored to a mWh.
        """
        inside = np.clip(seconds - self.start_s, 0, self.slots * SECONDS_PER_SLOT)
        return (
            _read(int(self.start_import[place]), self.imported[place], inside),
            _read(int(self.start_export[place]), self.exported[place], inside),
        )

    def power_mw(self, place: int, seconds: Integers) -> Integers:
        """Mean power of the step that each of these unix times lies in, mW; negative while it feeds in."""
        last = self.imported.shape[1] - 1
        step = np.clip((seconds - self.start_s) // STEP_S, 0, last)
        power: Integers = (self.imported[place] - self.exported[place])[step] * STEPS_PER_HOUR
        return power


def _read(start: int, steps: Integers, inside: Integers) -> Integers:
    levels = start + np.concatenate(([0], np.cumsum(steps)))
    whole, rest = inside // STEP_S, inside % STEP_S
    risen: Integers = levels[whole] + np.append(steps, 0)[whole] * rest // STEP_S
    return risen


def days(
    seed: int,
    homes: Sequence[Household],
    windows: range,
    zone: Zone,
    *,
    rolls_over: Mapping[int, int] | None = None,
) -> Iterator[Day]:
    """Yield day after day, each from the seed alone but for registers and batteries, which go on.

    rolls_over: household number → modulus: its import register stands so that it passes this on the first day.
    """
    imports = np.array([home.start_import_mwh for home in homes], dtype=np.int64)
    exports = np.array([home.start_export_mwh for home in homes], dtype=np.int64)
    stores = _Stores.of(seed, homes)
    charge = stores.first_charge
    for window in windows:
        home, roof = _home_and_roof(seed, homes, window, zone)
        net, stored, released, charges = stores.run(home - roof, charge)
        charge = charges[:, -1]
        imported, exported = np.maximum(net, 0), np.maximum(-net, 0)
        if window == windows.start:
            for place, one in enumerate(homes):
                if one.number in (rolls_over or {}):
                    half = int(imported[place].sum()) // 2 // METER_STEP_MWH * METER_STEP_MWH
                    imports[place] = (rolls_over or {})[one.number] - half
        yield Day(
            window=window,
            first_slot=zone.first_slot(window),
            slots=zone.slot_count(window),
            homes=tuple(homes),
            home=home,
            roof=roof,
            stored=stored,
            released=released,
            charge_end=charges,
            imported=imported,
            exported=exported,
            start_import=imports.copy(),
            start_export=exports.copy(),
        )
        imports += imported.sum(axis=1)
        exports += exported.sum(axis=1)


def _home_and_roof(seed: int, homes: Sequence[Household], window: int, zone: Zone) -> tuple[Integers, Integers]:
    slots = zone.slot_count(window)
    drawn = np.zeros((len(homes), slots))
    given = np.zeros((len(homes), slots))
    uneven = np.empty((2, len(homes), slots, STEPS_PER_SLOT))
    for place, home in enumerate(homes):
        drawn[place] = household_load_wh(seed, home, window, zone)
        if home.heat_pump_kwh:
            drawn[place] += heat_pump_load_wh(seed, home.number, home.heat_pump_kwh, window, zone)
        if home.roof:
            given[place] = roof_feed_wh(seed, home, window, zone)
        rng = generator(seed, window, home.number, 5)
        uneven[0, place] = rng.uniform(0.4, 1.6, size=(slots, STEPS_PER_SLOT))
        uneven[1, place] = rng.uniform(0.8, 1.2, size=(slots, STEPS_PER_SLOT))
    return _steps(drawn, uneven[0]), _steps(given, uneven[1])


def _steps(slots_wh: Floats, weights: Floats) -> Integers:
    """Quarter-hours in Wh, parted by weight, as whole steps of the meter; what a step floors off the next one gets."""
    parts = slots_wh[:, :, None] * weights / weights.sum(axis=2, keepdims=True)
    risen = np.cumsum(parts.reshape(len(parts), -1), axis=1) * 1000 / METER_STEP_MWH
    counted = np.floor(risen).astype(np.int64) * METER_STEP_MWH
    counted[:, 1:] -= counted[:, :-1].copy()
    return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    """All batteries, side by side: capacity and most energy a step, mWh (0 where there is none)."""

    capacity: Integers
    limit: Integers
    first_charge: Integers

    @classmethod
    def of(cls, seed: int, homes: Sequence[Household]) -> "_Stores":
        capacity = np.array([h.battery.capacity_wh * 1000 if h.battery else 0 for h in homes], dtype=np.int64)
        power = [h.battery.power_w * 1000 // STEPS_PER_HOUR if h.battery else 0 for h in homes]
        charge = [int(generator(seed, 0, h.number, 6).integers(0, c + 1)) for h, c in zip(homes, capacity, strict=True)]
        return cls(
            capacity=capacity,
            limit=np.array(power, dtype=np.int64) // METER_STEP_MWH * METER_STEP_MWH,
            first_charge=np.array(charge, dtype=np.int64),
        )

    def run(self, net: Integers, charge: Integers) -> tuple[Integers, Integers, Integers, Integers]:
        """Return (what is left to draw, negative to feed in; stored; released; charge after each step)."""
        stored, released = np.zeros_like(net), np.zeros_like(net)
        charges = np.zeros_like(net)
        for step in range(net.shape[1]):
            need = net[:, step]
            room = (self.capacity - charge) * 100 // BATTERY_PERCENT // METER_STEP_MWH * METER_STEP_MWH
            taken = np.minimum(np.minimum(np.maximum(-need - DEAD_BAND_MWH, 0), self.limit), room)
            held = charge * BATTERY_PERCENT // 100 // METER_STEP_MWH * METER_STEP_MWH
            given = np.minimum(np.minimum(np.maximum(need - DEAD_BAND_MWH, 0), self.limit), held)
            charge = charge + taken * BATTERY_PERCENT // 100 - -(-given * 100 // BATTERY_PERCENT)
            stored[:, step], released[:, step], charges[:, step] = taken, given, charge
        return net + stored - released, stored, released, charges

"""What a connection's meter counts on a day: profile, appliances, roof and battery, all drawn from the seed.

Floats live only here: what leaves this module towards a meter is whole mWh, in multiples of 100 (0.1 Wh, the finest
step of a real meter). pandas, demandlib and pvlib are imported on first use.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

from lindenstrom.core.calendar import Zone, date_of
from lindenstrom.errors import UsageError
from lindenstrom.simulation.parts import Battery, Connection, Profile
from lindenstrom.simulation.walltime import QUARTERS_PER_DAY, wall_quarters

LATITUDE: Final = 51.34
LONGITUDE: Final = 12.37
ALTITUDE_M: Final = 113
METER_STEP_MWH: Final = 100
HEATING_LIMIT_C: Final = 15.0
# Days before the day itself: within three, a home battery was full or empty and has forgotten what came before (tried).
WARM_UP_DAYS: Final = 3

Array = npt.NDArray[np.float64]

_PERFORMANCE: Final = 0.86
_LINKE_TURBIDITY: Final = 3.0
_EFFICIENCY_ONE_WAY: Final = 0.95


class LibraryMissing(UsageError):
    """A library that only made-up communities need is not installed."""

    def __init__(self, library: str) -> None:
        super().__init__(
            f"made-up communities need the Python library {library}, which is not installed; "
            "install Lindenstrom with its extra: pip install 'lindenstrom[demo]'"
        )


def connection_energy(
    seed: int, meter: Connection, window: int, zone: Zone, loads_wh: Sequence[Array]
) -> list[tuple[int, int]]:
    """What the meter counts on the day, given the draw behind it for the days up to and with it (the last of the list).

    Loads are in Wh per slot. Earlier days only set the battery's charge at midnight.
    """
    charge_wh = 0.0
    net: Array = np.zeros(0)
    for back in range(len(loads_wh), 0, -1):
        day = window - back + 1
        net = loads_wh[-back] - roof_feed_wh(seed, meter, day, zone)
        if meter.battery is not None:
            net, charge_wh = through_battery(net, meter.battery, charge_wh)
    return [(meter_steps(max(value, 0.0)), meter_steps(max(-value, 0.0))) for value in net.tolist()]


def household_load_wh(seed: int, meter: Connection, window: int, zone: Zone) -> Array:
    """The draw behind one meter in Wh per slot, before any roof: profile, appliances switched at random, a car."""
    wall = np.array(wall_quarters(window, zone))
    rng = generator(seed, window, meter.number, 1)
    if meter.profile is Profile.STANDBY:
        return np.full(len(wall), meter.annual_kwh * 1000 / (365 * QUARTERS_PER_DAY))
    day = date_of(window)
    shape = _profile_year(meter.profile, day.year)[day.timetuple().tm_yday - 1][wall]
    # The profile is in kW per GWh a year: Wh per quarter-hour = kW/GWh × kWh × 250 / 10^6.
    mean = shape * (meter.annual_kwh * 250e-6)
    if meter.profile is Profile.TRADE:
        trade: Array = mean * np.exp(0.10 * _wander(rng, len(wall), 0.8))
        return trade
    load: Array = 0.55 * mean * np.exp(0.25 * _wander(rng, len(wall), 0.7))
    _switch_appliances(rng, load, mean)
    if meter.car_w and rng.random() < 0.6:
        start = int(rng.integers(40, 76))
        load[start : start + int(rng.integers(4, 10))] += meter.car_w / 4
    return load


def heat_pump_load_wh(seed: int, number: int, annual_kwh: int, window: int, zone: Zone) -> Array:
    """What a heat pump draws in Wh per slot: by the degrees below 15 °C under the village's weather, and hot water."""
    count = zone.slot_count(window)
    day = date_of(window)
    weather = 3.5 * _wander(generator(seed, window // 4, 0, 7), 4, 0.6)[window % 4]
    wall = np.array(wall_quarters(window, zone))
    outside = _mean_temperature(day.timetuple().tm_yday) + weather - 3.0 * np.cos((wall - 16) * np.pi / 48)
    degrees = np.maximum(HEATING_LIMIT_C - outside, 0.0)
    own = np.exp(0.25 * _wander(generator(seed, window, number, 8), count, 0.5))
    heating = 0.8 * annual_kwh * 1000 * degrees / (_degree_days() * QUARTERS_PER_DAY)
    water = 0.2 * annual_kwh * 1000 / 365 * np.isin(wall, range(20, 24)) / 4
    load: Array = heating * own + water
    return load


@lru_cache(maxsize=366)
def _mean_temperature(day_of_year: int) -> float:
    """Mean temperature of a day of the year in central Germany, °C: coldest in mid January."""
    return float(9.5 - 9.5 * np.cos((day_of_year - 15) * 2 * np.pi / 365))


@lru_cache(maxsize=1)
def _degree_days() -> float:
    return sum(max(HEATING_LIMIT_C - _mean_temperature(day), 0.0) for day in range(1, 366))


def roof_feed_wh(seed: int, meter: Connection, window: int, zone: Zone) -> Array:
    """What the roof gives in Wh per slot: clear sky × the village's clouds × a little of its own."""
    count = zone.slot_count(window)
    if meter.roof is None:
        return np.zeros(count)
    sun = _plane_irradiance(zone.first_slot(window), count, meter.roof.tilt_deg, meter.roof.azimuth_deg)
    own = np.exp(0.03 * _wander(generator(seed, window, meter.number, 2), count, 0.5))
    power_w = meter.roof.peak_w * _PERFORMANCE * sun / 1000 * cloud_factor(seed, window, count) * own
    quarter_hours: Array = np.minimum(power_w, meter.roof.peak_w) / 4
    return quarter_hours


def cloud_factor(seed: int, window: int, count: int) -> Array:
    """Share of the clear sky's light that gets through, per slot: a bright, a broken or a grey day."""
    rng = generator(seed, window, 0, 3)
    kind = rng.random()
    wander = _wander(rng, count, 0.85)
    if kind < 0.45:
        return np.clip(0.96 + 0.03 * wander, 0.75, 1.0)
    if kind < 0.80:
        return 0.30 + 0.68 / (1.0 + np.exp(-1.6 * wander - 0.5))
    return np.clip(0.24 + 0.06 * wander, 0.08, 0.5)


def through_battery(net_wh: Array, battery: Battery, charge_wh: float) -> tuple[Array, float]:
    """The draw (negative: feed-in) left after the battery, and its charge at the end."""
    step = battery.power_w / 4
    rest = net_wh.tolist()
    for slot, net in enumerate(rest):
        if net < 0:
            stored = min(-net, step, (battery.capacity_wh - charge_wh) / _EFFICIENCY_ONE_WAY)
            charge_wh += stored * _EFFICIENCY_ONE_WAY
            rest[slot] = net + stored
        else:
            given = min(net, step, charge_wh * _EFFICIENCY_ONE_WAY)
            charge_wh -= given / _EFFICIENCY_ONE_WAY
            rest[slot] = net - given
    return np.array(rest), charge_wh


def _switch_appliances(rng: np.random.Generator, load_wh: Array, mean_wh: Array) -> None:
    """Adds single appliances where the profile is high, so that the day's expected total stays that of the profile."""
    total = float(mean_wh.sum())
    if total <= 0.0:
        return
    runs = int(rng.poisson(0.45 * total / 600.0))
    starts = rng.choice(len(mean_wh), size=runs, p=mean_wh / total)
    lengths = rng.integers(1, 5, size=runs)
    # Mean of a run: 2.5 quarter-hours of 240 Wh = 600 Wh.
    energies = rng.uniform(120.0, 360.0, size=runs)
    for start, length, energy in zip(starts.tolist(), lengths.tolist(), energies.tolist(), strict=True):
        load_wh[start : start + length] += energy


def _wander(rng: np.random.Generator, count: int, memory: float) -> Array:
    """A random walk pulled back to zero, with variance one."""
    noise = rng.standard_normal(count) * np.sqrt(1.0 - memory * memory)
    values = np.empty(count)
    last = float(rng.standard_normal())
    for slot, value in enumerate(noise.tolist()):
        last = memory * last + value
        values[slot] = last
    return values


def generator(seed: int, window: int, meter: int, purpose: int) -> np.random.Generator:
    """Chance of its own for every day, meter and purpose, so that no day depends on which ones were drawn before."""
    return np.random.default_rng(np.random.SeedSequence([seed, window, meter, purpose]))


def meter_steps(energy_wh: float) -> int:
    """Whole mWh at a meter's resolution."""
    return round(energy_wh * 1000 / METER_STEP_MWH) * METER_STEP_MWH


def _library(name: str) -> ModuleType:
    """Imported on first use: pandas, demandlib and pvlib together take about a second."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise LibraryMissing(name.partition(".")[0]) from error


@lru_cache(maxsize=8)
def _profile_year(profile: Profile, year: int) -> Array:
    """The BDEW profile, days × 96 quarter-hours of the wall clock, in kW per GWh a year; holidays count as workdays."""
    bdew = _library("demandlib.bdew")
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    index = _library("pandas").date_range(f"{year}-01-01", periods=days * QUARTERS_PER_DAY, freq="15min")
    series = bdew.H25(index) if profile is Profile.HOUSEHOLD else bdew.G25(index)
    return _frozen(np.asarray(series, dtype=np.float64).reshape(days, QUARTERS_PER_DAY))


@lru_cache(maxsize=256)
def _plane_irradiance(first_slot: int, count: int, tilt_deg: int, azimuth_deg: int) -> Array:
    """Clear-sky light on a tilted plane in W/m² at the middle of each slot."""
    irradiance = _library("pvlib.irradiance")
    zenith, azimuth, ghi, dni, dhi = _clear_sky(first_slot, count)
    light = irradiance.get_total_irradiance(tilt_deg, azimuth_deg, zenith, azimuth, dni, ghi, dhi)["poa_global"]
    return _frozen(np.nan_to_num(np.asarray(light, dtype=np.float64)))


@lru_cache(maxsize=64)
def _clear_sky(first_slot: int, count: int) -> tuple[Array, Array, Array, Array, Array]:
    """Apparent zenith and azimuth of the sun; global, direct normal and diffuse clear-sky light (Ineichen/Perez)."""
    atmosphere = _library("pvlib.atmosphere")
    seconds = [900 * (first_slot + slot) + 450 for slot in range(count)]
    times = _library("pandas").to_datetime(seconds, unit="s", utc=True)
    sun = _library("pvlib.solarposition").get_solarposition(times, LATITUDE, LONGITUDE, altitude=ALTITUDE_M)
    zenith = sun["apparent_zenith"]
    airmass = atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(zenith))
    light = _library("pvlib.clearsky").ineichen(zenith, airmass, _LINKE_TURBIDITY, altitude=ALTITUDE_M)
    columns = (zenith, sun["azimuth"], light["ghi"], light["dni"], light["dhi"])
    zeniths, azimuths, ghi, dni, dhi = (_frozen(np.asarray(column, dtype=np.float64)) for column in columns)
    return zeniths, azimuths, ghi, dni, dhi


def _frozen(values: Array) -> Array:
    copy = values.copy()
    copy.setflags(write=False)
    return copy

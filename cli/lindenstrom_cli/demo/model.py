"""The demo's community and its days: everything follows from one seed.

Households draw by the BDEW profile H25 (trades by G25) from demandlib, roofs feed in by pvlib's clear sky for Leipzig
under seeded clouds, and batteries follow the simplest rule there is. Floats live only here: what leaves this module is
whole mWh, in multiples of 100 (0.1 Wh, the finest step of a real meter).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

from lindenstrom.core.calendar import Zone, date_of
from lindenstrom.core.terms import Key, Role, Rule, Terms
from lindenstrom.core.units import PPM
from lindenstrom.errors import UsageError
from lindenstrom_cli.demo.picture import DaySums
from lindenstrom_cli.demo.walltime import QUARTERS_PER_DAY, wall_quarters

LATITUDE: Final = 51.34
LONGITUDE: Final = 12.37
ALTITUDE_M: Final = 113
METER_STEP_MWH: Final = 100

Array = npt.NDArray[np.float64]
DayEnergy = dict[str, list[tuple[int, int]]]

_PERFORMANCE: Final = 0.86
_LINKE_TURBIDITY: Final = 3.0
_EFFICIENCY_ONE_WAY: Final = 0.95
# Days before the day itself: within three, a home battery was full or empty and has forgotten what came before (tried).
WARM_UP_DAYS: Final = 3


class DemoLibraryMissing(UsageError):
    """A library that only the demo needs is not installed."""

    def __init__(self, library: str) -> None:
        super().__init__(
            f"the demo needs the Python library {library}, which is not installed; "
            "install Lindenstrom with its extra: pip install 'lindenstrom[demo]'"
        )


class Profile(StrEnum):
    """Shape of a connection's own draw."""

    HOUSEHOLD = "H25"
    TRADE = "G25"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRoof:
    """A photovoltaic roof: peak power in W, tilt from the horizontal and direction (180 is south) in degrees."""

    peak_w: int
    tilt_deg: int
    azimuth_deg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoBattery:
    """A home battery: stores what the home cannot use, gives it back as soon as the home draws."""

    capacity_wh: int
    power_w: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMeter:
    """One connection and what is behind it.

    `reader` 0 is the metering operator, 1 the adapter at home; `position` is the meter's place in that reader's tree.
    `car_w` is the power of a car charger (0: none). The start registers are those at the start of the first day used.
    """

    metering_point: str
    number: int
    reader: int
    position: int
    profile: Profile
    annual_kwh: int
    car_w: int
    roof: DemoRoof | None
    battery: DemoBattery | None
    start_import_mwh: int
    start_export_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMember:
    """A member; `index` is the one it gets when members are registered in the order of the list (from 2)."""

    index: int
    name: str
    meters: tuple[DemoMeter, ...]

    @property
    def gives(self) -> bool:
        """Whether any of the member's connections can feed in."""
        return any(meter.roof is not None for meter in self.meters)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoParty:
    """A member's part in an agreement: role, weight (ppm; static key only) and share of its own metered energy."""

    member: int
    role: Role
    weight: int = 0
    share_ppm: int = PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAgreement:
    """Terms and parties. A steward of 0 is the operator's account."""

    name: str
    terms: Terms
    parties: tuple[DemoParty, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCommunity:
    """Members in the order of their indices (from 2), and the agreements between them.

    `origin` says in one line where the numbers come from; it belongs below every picture of them.
    """

    seed: int
    name: str
    origin: str
    members: tuple[DemoMember, ...]
    agreements: tuple[DemoAgreement, ...]

    @property
    def meters(self) -> tuple[DemoMeter, ...]:
        """All meters, in the order of their members."""
        return tuple(meter for member in self.members for meter in member.meters)

    @property
    def start_registers_mwh(self) -> dict[str, tuple[int, int]]:
        """Metering point → registers (import, export) at the start of the first day used, in mWh."""
        return {meter.metering_point: (meter.start_import_mwh, meter.start_export_mwh) for meter in self.meters}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPlan:
    """What `build_meters` needs to know of one connection."""

    member: int
    profile: Profile = Profile.HOUSEHOLD
    annual_kwh: int = 0
    car_w: int = 0
    roof: DemoRoof | None = None
    battery: DemoBattery | None = None
    reader: int = 0


def metering_point(number: int) -> str:
    """A metering point of the usual 33 characters that nobody can take for a real one."""
    return f"DE00000000000DEMO{number:016d}"


def build_meters(seed: int, plans: Sequence[ConnectionPlan]) -> dict[int, tuple[DemoMeter, ...]]:
    """Member index → meters, numbered in the order of the plans, with seeded start registers."""
    meters: dict[int, list[DemoMeter]] = {}
    positions: dict[int, int] = {}
    for number, plan in enumerate(plans, start=1):
        years = _generator(seed, 0, number, 0).uniform(1.5, 6.0)
        peak_w = 0 if plan.roof is None else plan.roof.peak_w
        position = positions.get(plan.reader, 0)
        positions[plan.reader] = position + 1
        meters.setdefault(plan.member, []).append(
            DemoMeter(
                metering_point=metering_point(number),
                number=number,
                reader=plan.reader,
                position=position,
                profile=plan.profile,
                annual_kwh=plan.annual_kwh,
                car_w=plan.car_w,
                roof=plan.roof,
                battery=plan.battery,
                start_import_mwh=_meter_steps(years * plan.annual_kwh * 1000),
                start_export_mwh=_meter_steps(years * peak_w * 700),
            )
        )
    return {member: tuple(own) for member, own in meters.items()}


def community_model(seed: int) -> DemoCommunity:
    """The demo's community of 16 members and 17 connections, 8 of them with a roof. The same seed gives the same."""
    household = [
        ("Roof South", 3400, DemoRoof(peak_w=9800, tilt_deg=38, azimuth_deg=180), (10000, 5000)),
        ("Roof East", 4100, DemoRoof(peak_w=7600, tilt_deg=32, azimuth_deg=95), (7500, 4000)),
        ("Roof West", 2900, DemoRoof(peak_w=8200, tilt_deg=40, azimuth_deg=265), (7500, 4000)),
        ("Long Barn", 5200, DemoRoof(peak_w=14400, tilt_deg=25, azimuth_deg=190), (12800, 6000)),
        ("Roof Garden", 3100, DemoRoof(peak_w=6400, tilt_deg=35, azimuth_deg=170), None),
        ("Workshop", 3800, DemoRoof(peak_w=11200, tilt_deg=15, azimuth_deg=200), None),
        ("Carport", 2600, DemoRoof(peak_w=5600, tilt_deg=10, azimuth_deg=225), None),
    ]
    town_roof = DemoRoof(peak_w=29900, tilt_deg=12, azimuth_deg=180)
    plans = [
        ConnectionPlan(member=2, profile=Profile.STANDBY, annual_kwh=90, roof=town_roof),
        ConnectionPlan(member=2, profile=Profile.TRADE, annual_kwh=14000),
    ]
    names = {2: "Town Hall and Roof"}
    for index, (name, annual_kwh, roof, store) in enumerate(household, start=3):
        battery = None if store is None else DemoBattery(capacity_wh=store[0], power_w=store[1])
        names[index] = name
        # One member's readings come from an adapter at home, all others from the metering operator.
        reader = 1 if index == 3 else 0
        plans.append(ConnectionPlan(member=index, annual_kwh=annual_kwh, roof=roof, battery=battery, reader=reader))
    consumers = [
        ("Flat Ground Floor", 1900, 0, Profile.HOUSEHOLD),
        ("Flat Second Floor", 2300, 0, Profile.HOUSEHOLD),
        ("Flat Attic", 1600, 0, Profile.HOUSEHOLD),
        ("Terrace with Car", 3300, 7400, Profile.HOUSEHOLD),
        ("Terrace North", 2700, 0, Profile.HOUSEHOLD),
        ("Big Family", 5600, 3700, Profile.HOUSEHOLD),
        ("Bakery", 18000, 0, Profile.TRADE),
        ("Kindergarten", 9500, 0, Profile.TRADE),
    ]
    for index, (name, annual_kwh, car_w, profile) in enumerate(consumers, start=10):
        names[index] = name
        plans.append(ConnectionPlan(member=index, annual_kwh=annual_kwh, car_w=car_w, profile=profile))
    members = assemble_members(names, build_meters(seed, plans))
    return DemoCommunity(
        seed=seed,
        name="Lindenhain",
        origin="A made-up community: draw after the BDEW profiles of 2025, roofs under a seeded sky over Leipzig.",
        members=members,
        agreements=(bilateral_deal(giver=8, taker=16), community_agreement(members, priority=1)),
    )


def assemble_members(names: Mapping[int, str], meters: Mapping[int, tuple[DemoMeter, ...]]) -> tuple[DemoMember, ...]:
    """Members in the order of their indices, named "Member 03 · Roof South"."""
    return tuple(
        DemoMember(index=index, name=f"Member {index:02d} · {names[index]}", meters=meters[index])
        for index in sorted(names)
    )


def community_agreement(members: Sequence[DemoMember], *, priority: int) -> DemoAgreement:
    """The agreement of all: proportional key, 11 ct/kWh, 0.5 ct/kWh fee; members with a roof give as well."""
    return DemoAgreement(
        name="Lindenhain shares",
        terms=Terms(
            steward=0,
            key=Key.PROPORTIONAL,
            rule=Rule.FIXED,
            price_a_ueur_kwh=110_000,
            fee_ueur_kwh=5_000,
            priority=priority,
            public_disputes=True,
        ),
        parties=tuple(
            DemoParty(member=member.index, role=Role.BOTH if member.gives else Role.TAKER) for member in members
        ),
    )


def bilateral_deal(*, giver: int, taker: int) -> DemoAgreement:
    """Two neighbours' own deal, before the community's: half of the giver's feed-in, mid-market price, no fee.

    With two parties an opening would show each the other's readings: no public disputes.
    """
    return DemoAgreement(
        name="Deal between two neighbours",
        terms=Terms(
            steward=giver,
            key=Key.STATIC,
            rule=Rule.MID_MARKET,
            price_a_ueur_kwh=77_800,
            price_b_ueur_kwh=326_000,
            cap_mwh=5_000_000,
        ),
        parties=(
            DemoParty(member=giver, role=Role.GIVER, share_ppm=PPM // 2),
            DemoParty(member=taker, role=Role.TAKER, weight=PPM),
        ),
    )


def day_energy(model: DemoCommunity, window: int, zone: Zone) -> DayEnergy:
    """Metering point → (import, export) in mWh for each slot of the local day (92, 96 or 100 of them).

    Pure: the same seed, window and zone give the same, whichever days were asked for before.
    """
    days = range(window - WARM_UP_DAYS, window + 1)
    energy: DayEnergy = {}
    for meter in model.meters:
        first = window if meter.battery is None else days.start
        loads = [household_load_wh(model.seed, meter, day, zone) for day in range(first, window + 1)]
        energy[meter.metering_point] = connection_energy(model.seed, meter, window, zone, loads)
    return energy


def day_sums(model: DemoCommunity, energy: Mapping[str, Sequence[tuple[int, int]]]) -> DaySums:
    """The community's draw and feed-in per slot, summed over all connections, for the picture of the day."""
    columns = list(zip(*(energy[meter.metering_point] for meter in model.meters), strict=True))
    return DaySums(
        draw_mwh=tuple(sum(drawn for drawn, _ in column) for column in columns),
        feed_mwh=tuple(sum(fed for _, fed in column) for column in columns),
        draw_connections=len(model.meters),
        feed_connections=sum(1 for meter in model.meters if meter.roof is not None),
    )


def connection_energy(
    seed: int, meter: DemoMeter, window: int, zone: Zone, loads_wh: Sequence[Array]
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
            net, charge_wh = _through_battery(net, meter.battery, charge_wh)
    return [(_meter_steps(max(value, 0.0)), _meter_steps(max(-value, 0.0))) for value in net.tolist()]


def household_load_wh(seed: int, meter: DemoMeter, window: int, zone: Zone) -> Array:
    """The draw behind one meter in Wh per slot, before any roof: profile, appliances switched at random, a car."""
    wall = np.array(wall_quarters(window, zone))
    rng = _generator(seed, window, meter.number, 1)
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


def roof_feed_wh(seed: int, meter: DemoMeter, window: int, zone: Zone) -> Array:
    """What the roof gives in Wh per slot: clear sky × the village's clouds × a little of its own."""
    count = zone.slot_count(window)
    if meter.roof is None:
        return np.zeros(count)
    sun = _plane_irradiance(zone.first_slot(window), count, meter.roof.tilt_deg, meter.roof.azimuth_deg)
    own = np.exp(0.03 * _wander(_generator(seed, window, meter.number, 2), count, 0.5))
    power_w = meter.roof.peak_w * _PERFORMANCE * sun / 1000 * cloud_factor(seed, window, count) * own
    quarter_hours: Array = np.minimum(power_w, meter.roof.peak_w) / 4
    return quarter_hours


def cloud_factor(seed: int, window: int, count: int) -> Array:
    """Share of the clear sky's light that gets through, per slot: a bright, a broken or a grey day."""
    rng = _generator(seed, window, 0, 3)
    kind = rng.random()
    wander = _wander(rng, count, 0.85)
    if kind < 0.45:
        return np.clip(0.96 + 0.03 * wander, 0.75, 1.0)
    if kind < 0.80:
        return 0.30 + 0.68 / (1.0 + np.exp(-1.6 * wander - 0.5))
    return np.clip(0.24 + 0.06 * wander, 0.08, 0.5)


def _through_battery(net_wh: Array, battery: DemoBattery, charge_wh: float) -> tuple[Array, float]:
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


def _generator(seed: int, window: int, meter: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, window, meter, purpose]))


def _meter_steps(energy_wh: float) -> int:
    return round(energy_wh * 1000 / METER_STEP_MWH) * METER_STEP_MWH


def _library(name: str) -> ModuleType:
    """Imported on first use: pandas, demandlib and pvlib together take about a second."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise DemoLibraryMissing(name.partition(".")[0]) from error


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

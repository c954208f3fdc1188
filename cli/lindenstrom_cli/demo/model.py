"""The demo's community and its days: everything follows from one seed.

Households draw by the BDEW profile H25 (trades by G25) from demandlib, roofs feed in by pvlib's clear sky for Leipzig
under seeded clouds, and batteries follow the simplest rule there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lindenstrom.core.calendar import Zone
from lindenstrom.core.terms import Key, Role, Rule, Terms
from lindenstrom.core.units import PPM
from lindenstrom.simulation.parts import Battery, Profile, Roof
from lindenstrom.simulation.physics import (
    WARM_UP_DAYS,
    connection_energy,
    generator,
    household_load_wh,
    meter_steps,
)
from lindenstrom_cli.demo.parts import (
    DayEnergy,
    DemoAgreement,
    DemoCommunity,
    DemoMember,
    DemoMeter,
    DemoParty,
)

HOME_READERS = {3: 1, 4: 2, 10: 3}
"""Member → reader: these have an adapter at home; all others are read by the metering operator, reader 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPlan:
    """What `build_meters` needs to know of one connection."""

    member: int
    profile: Profile = Profile.HOUSEHOLD
    annual_kwh: int = 0
    car_w: int = 0
    roof: Roof | None = None
    battery: Battery | None = None
    reader: int = 0


def metering_point(number: int) -> str:
    """A metering point of the usual 33 characters that nobody can take for a real one."""
    return f"DE00000000000DEMO{number:016d}"


def build_meters(seed: int, plans: Sequence[ConnectionPlan]) -> dict[int, tuple[DemoMeter, ...]]:
    """Member index → meters, numbered in the order of the plans, with seeded start registers."""
    meters: dict[int, list[DemoMeter]] = {}
    positions: dict[int, int] = {}
    for number, plan in enumerate(plans, start=1):
        years = generator(seed, 0, number, 0).uniform(1.5, 6.0)
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
                start_import_mwh=meter_steps(years * plan.annual_kwh * 1000),
                start_export_mwh=meter_steps(years * peak_w * 700),
            )
        )
    return {member: tuple(own) for member, own in meters.items()}


def community_model(seed: int) -> DemoCommunity:
    """The demo's community of 16 members and 17 connections, 8 of them with a roof. The same seed gives the same."""
    household = [
        ("Roof South", 3400, Roof(peak_w=9800, tilt_deg=38, azimuth_deg=180), (10000, 5000)),
        ("Roof East", 4100, Roof(peak_w=7600, tilt_deg=32, azimuth_deg=95), (7500, 4000)),
        ("Roof West", 2900, Roof(peak_w=8200, tilt_deg=40, azimuth_deg=265), (7500, 4000)),
        ("Long Barn", 5200, Roof(peak_w=14400, tilt_deg=25, azimuth_deg=190), (12800, 6000)),
        ("Roof Garden", 3100, Roof(peak_w=6400, tilt_deg=35, azimuth_deg=170), None),
        ("Workshop", 3800, Roof(peak_w=11200, tilt_deg=15, azimuth_deg=200), None),
        ("Carport", 2600, Roof(peak_w=5600, tilt_deg=10, azimuth_deg=225), None),
    ]
    town_roof = Roof(peak_w=29900, tilt_deg=12, azimuth_deg=180)
    plans = [
        ConnectionPlan(member=2, profile=Profile.STANDBY, annual_kwh=90, roof=town_roof),
        ConnectionPlan(member=2, profile=Profile.TRADE, annual_kwh=14000),
    ]
    names = {2: "Town Hall and Roof"}
    for index, (name, annual_kwh, roof, store) in enumerate(household, start=3):
        battery = None if store is None else Battery(capacity_wh=store[0], power_w=store[1])
        names[index] = name
        reader = HOME_READERS.get(index, 0)
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
        reader = HOME_READERS.get(index, 0)
        plans.append(ConnectionPlan(member=index, annual_kwh=annual_kwh, car_w=car_w, profile=profile, reader=reader))
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

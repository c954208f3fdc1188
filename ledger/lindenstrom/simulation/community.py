"""Households drawn from a seed: who has a roof, a battery, a heat pump, a car, and where the registers stand."""

from dataclasses import dataclass

from lindenstrom.core.units import PPM
from lindenstrom.errors import UsageError
from lindenstrom.simulation.parts import Battery, Profile, Roof
from lindenstrom.simulation.physics import generator, meter_steps

MOST_HOUSEHOLDS = 10_000


class HouseholdsOutOfRange(UsageError):
    """More households than files and names are laid out for."""

    def __init__(self) -> None:
        super().__init__(f"a simulated community has 1 to {MOST_HOUSEHOLDS} households; choose a number between")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What a community is made of. pv, heat_pump, car: share of the households; battery: of those with a roof (ppm)."""

    households: int
    pv_ppm: int
    battery_ppm: int
    heat_pump_ppm: int
    car_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """One connection with one meter, read in both directions. heat_pump_kwh: what its heat pump draws a year (0: none).

    start_*_mwh: the registers at the start of the first day.
    """

    number: int
    annual_kwh: int
    car_w: int
    heat_pump_kwh: int
    roof: Roof | None
    battery: Battery | None
    start_import_mwh: int
    start_export_mwh: int
    profile: Profile = Profile.HOUSEHOLD

    @property
    def metering_point(self) -> str:
        """A metering point of the usual 33 characters that nobody can take for a real one."""
        return f"DE00000000000SIMU{self.number:016d}"

    @property
    def file_stem(self) -> str:
        """What its files are called."""
        return f"meter-{self.number:05d}"


def households(seed: int, mix: Mix) -> tuple[Household, ...]:
    """The community of a seed; another share of one part leaves the other parts where they are.

    Raises HouseholdsOutOfRange.
    """
    if not 1 <= mix.households <= MOST_HOUSEHOLDS:
        raise HouseholdsOutOfRange
    everyone = list(range(1, mix.households + 1))
    roofs = _drawn(seed, 11, everyone, mix.pv_ppm)
    batteries = _drawn(seed, 12, [n for n in everyone if n in roofs], mix.battery_ppm)
    pumps = _drawn(seed, 13, everyone, mix.heat_pump_ppm)
    cars = _drawn(seed, 14, everyone, mix.car_ppm)
    return tuple(
        _household(seed, n, roof=n in roofs, battery=n in batteries, pump=n in pumps, car=n in cars) for n in everyone
    )


def _drawn(seed: int, purpose: int, numbers: list[int], share_ppm: int) -> frozenset[int]:
    """A share of these numbers, rounded half up."""
    count = (len(numbers) * share_ppm + PPM // 2) // PPM
    order = generator(seed, 0, 0, purpose).permutation(len(numbers)).tolist()
    return frozenset(numbers[i] for i in order[:count])


def _household(seed: int, number: int, *, roof: bool, battery: bool, pump: bool, car: bool) -> Household:
    rng = generator(seed, 0, number, 10)
    annual_kwh = int(rng.integers(1500, 5200))
    peak_w = int(rng.integers(40, 140)) * 100
    tilt, azimuth = int(rng.integers(10, 46)), int(rng.integers(95, 266))
    capacity_wh = int(rng.integers(10, 28)) * 500
    car_w = (3700, 7400, 11_000)[int(rng.integers(0, 3))]
    pump_kwh = int(rng.integers(2200, 5200))
    years = float(rng.uniform(0.5, 6.0))
    return Household(
        number=number,
        annual_kwh=annual_kwh,
        car_w=car_w if car else 0,
        heat_pump_kwh=pump_kwh if pump else 0,
        roof=Roof(peak_w=peak_w, tilt_deg=tilt, azimuth_deg=azimuth) if roof else None,
        battery=Battery(capacity_wh=capacity_wh, power_w=capacity_wh // 2) if battery else None,
        start_import_mwh=meter_steps(years * (annual_kwh + (pump_kwh if pump else 0)) * 1000),
        start_export_mwh=meter_steps(years * peak_w * 700) if roof else 0,
    )

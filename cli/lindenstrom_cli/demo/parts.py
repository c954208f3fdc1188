"""What the demo's community is made of: members, meters, roofs, batteries, agreements. Plain data."""

from dataclasses import dataclass

from lindenstrom.core.terms import Role, Terms
from lindenstrom.core.units import PPM
from lindenstrom.simulation.parts import Battery, Profile, Roof

DayEnergy = dict[str, list[tuple[int, int]]]


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
    roof: Roof | None
    battery: Battery | None
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

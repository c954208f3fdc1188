"""What stands behind a connection: plain data that the physics works on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Profile(StrEnum):
    """Shape of a connection's own draw."""

    HOUSEHOLD = "H25"
    TRADE = "G25"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """A photovoltaic roof: peak power in W, tilt from the horizontal and direction (180 is south) in degrees."""

    peak_w: int
    tilt_deg: int
    azimuth_deg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A home battery: stores what the home cannot use, gives it back as soon as the home draws."""

    capacity_wh: int
    power_w: int


class Connection(Protocol):
    """What the physics needs of a connection; `number` gives it chance of its own. car_w: its car charger (0: none)."""

    @property
    def number(self) -> int: ...
    @property
    def profile(self) -> Profile: ...
    @property
    def annual_kwh(self) -> int: ...
    @property
    def car_w(self) -> int: ...
    @property
    def roof(self) -> Roof | None: ...
    @property
    def battery(self) -> Battery | None: ...

"""Agreements: terms, memberships and their hidden parameters (R2)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from lindenstrom.core.calendar import OPEN_END
from lindenstrom.core.hashing import TAG_PARAMETERS, keccak, u32
from lindenstrom.core.units import PPM
from lindenstrom.errors import RefusedByRules, UsageError

FEE_ACCOUNT = 0
ROUNDING_ACCOUNT = 1
NO_CAP = 2**32 - 1
MAX_LIVE = 4
MAX_EVER = 32


class Key(IntEnum):
    """Allocation keys of R3."""

    PROPORTIONAL = 0
    STATIC = 1
    CASCADING = 2
    EQUAL = 3
    PRIORITY = 4


class Rule(IntEnum):
    """Price rules."""

    FIXED = 0
    MID_MARKET = 1
    AUCTION = 2


class Role(IntFlag):
    """What a member does in an agreement."""

    TAKER = 1
    GIVER = 2
    BOTH = 3


SUPPORTED_KEYS = (Key.PROPORTIONAL, Key.STATIC)
SUPPORTED_RULES = (Rule.FIXED, Rule.MID_MARKET)


class UnsupportedTerms(RefusedByRules):
    """The key or price rule is part of the format but not offered by this release's contracts."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not offered by this release; use proportional or static, fixed or mid-market")


class BadParameters(UsageError):
    """A member's parameters are outside their range."""

    def __init__(self, what: str) -> None:
        super().__init__(f"membership parameter out of range: {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms of an agreement, fixed under its id. Windows inclusive; prices and fee µ€/kWh, cap mWh a slot."""

    steward: int
    key: Key
    rule: Rule
    price_a_ueur_kwh: int
    price_b_ueur_kwh: int = 0
    fee_ueur_kwh: int = 0
    cap_mwh: int = NO_CAP
    priority: int = 0
    first_window: int = 0
    last_window: int = OPEN_END
    public_disputes: bool = False

    @property
    def price_ueur_kwh(self) -> int:
        """The price that fixed and mid-market terms give in every slot, µ€/kWh. Raises UnsupportedTerms."""
        if self.rule is Rule.FIXED:
            return self.price_a_ueur_kwh
        if self.rule is Rule.MID_MARKET:
            return (self.price_a_ueur_kwh + self.price_b_ueur_kwh) // 2
        raise UnsupportedTerms(f"price rule {self.rule.name.lower()}")

    def covers(self, window: int) -> bool:
        """Whether the agreement runs on a window."""
        return self.first_window <= window <= self.last_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A member's parameters in one agreement: weight or rank, share of own energy (ppm), price limit (µ€/kWh)."""

    weight: int = 0
    share_ppm: int = PPM
    limit_ueur_kwh: int = 0
    salt: bytes

    def checked(self) -> "Parameters":
        """The same, when the operator may receipt them (a contract cannot see them). Raises BadParameters."""
        if not 0 <= self.share_ppm <= PPM:
            raise BadParameters("the share is between 0 and 100 %")
        if not 0 <= self.weight <= PPM:
            raise BadParameters("the weight is between 0 and 1 000 000")
        if not 0 <= self.limit_ueur_kwh < 2**32:
            raise BadParameters("the price limit is below 2^32 µ€/kWh")
        return self

    @property
    def commitment(self) -> bytes:
        """Salted hash that the membership holds on chain."""
        return parameters_commitment(self.salt, self.weight, self.share_ppm, self.limit_ueur_kwh)


def parameters_commitment(salt: bytes, weight: int, share_ppm: int, limit_ueur_kwh: int) -> bytes:
    """keccak(0x16 ‖ salt ‖ weight ‖ share ‖ limit)."""
    return keccak(TAG_PARAMETERS + salt + u32(weight) + u32(share_ppm) + u32(limit_ueur_kwh))


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A member's place in an agreement as the chain stores it; live on fromDay ≤ window < endDay."""

    agreement: int
    role: Role
    from_day: int
    end_day: int
    parameters: bytes

    def live(self, window: int) -> bool:
        """Whether the membership holds on a window (the agreement's own span is checked apart)."""
        return self.from_day <= window < self.end_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A meter bound to a member and to a reader's position; live on fromDay ≤ window < endDay."""

    id: int
    member: int
    meter: bytes
    reader: int
    position: int
    from_day: int
    end_day: int

    def live(self, window: int) -> bool:
        """Whether the binding holds on a window."""
        return self.from_day <= window < self.end_day

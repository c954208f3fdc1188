"""Agreements: terms, memberships and their hidden parameters (R2)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from lindenstrom.core.calendar import OPEN_END
from lindenstrom.core.hashing import TAG_PARAMETERS, keccak, u32
from lindenstrom.core.units import PPM
from lindenstrom.errors import UsageError

FEE_ACCOUNT = 0
ROUNDING_ACCOUNT = 1
NO_CAP = 2**32 - 1


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


HIGHEST_RANK = 2**16 - 1


class BadParameters(UsageError):
    """A member's parameters are outside their range."""

    def __init__(self, what: str) -> None:
        super().__init__(f"membership parameter out of range: {what}")


class BadTerms(UsageError):
    """Terms that the contract would refuse."""

    def __init__(self, what: str) -> None:
        super().__init__(f"these terms cannot be offered: {what}")


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
    def price_ueur_kwh(self) -> int | None:
        """The one price of every slot, µ€/kWh; None in an auction, where each slot finds its own."""
        if self.rule is Rule.AUCTION:
            return None
        if self.rule is Rule.MID_MARKET:
            return (self.price_a_ueur_kwh + self.price_b_ueur_kwh) // 2
        return self.price_a_ueur_kwh

    def price_fits(self, price_ueur_kwh: int) -> bool:
        """Whether a slot may have this price: the terms' own, or in an auction one within the bounds."""
        if self.rule is Rule.AUCTION:
            return self.price_a_ueur_kwh <= price_ueur_kwh <= self.price_b_ueur_kwh
        return price_ueur_kwh == self.price_ueur_kwh

    def clamped(self, limit_ueur_kwh: int) -> int:
        """A price limit brought between the auction's bounds (R3)."""
        return min(max(limit_ueur_kwh, self.price_a_ueur_kwh), self.price_b_ueur_kwh)

    def checked(self) -> "Terms":
        """The same, when the contract takes them. Raises BadTerms."""
        if self.rule is Rule.AUCTION and self.key is not Key.PROPORTIONAL:
            raise BadTerms("an auction shares in proportion where limits tie; leave the allocation key proportional")
        if self.rule is Rule.AUCTION and self.price_a_ueur_kwh > self.price_b_ueur_kwh:
            raise BadTerms("the auction's lower bound lies above its upper one; give the lower one first")
        return self

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

    def checked(self, terms: Terms) -> "Parameters":
        """The same, when the operator may receipt them (a contract cannot see them). Raises BadParameters."""
        if not 0 <= self.share_ppm <= PPM:
            raise BadParameters("the share is between 0 and 100 %")
        if not 0 <= self.weight < 2**32:
            raise BadParameters("weight or rank is between 0 and 2^32 - 1")
        if terms.key is Key.STATIC and self.weight > PPM:
            raise BadParameters("the weight under a static key is at most 100 %")
        if terms.key is Key.CASCADING and self.weight < 1:
            raise BadParameters("the weight under a cascading key is at least 1")
        if terms.key is Key.PRIORITY and self.weight > HIGHEST_RANK:
            raise BadParameters(f"the rank under a priority key is at most {HIGHEST_RANK}; the lowest is served first")
        if not 0 <= self.limit_ueur_kwh < 2**32:
            raise BadParameters("the price limit is below 2^32 µ€/kWh")
        if terms.rule is Rule.AUCTION and self.limit_ueur_kwh != terms.clamped(self.limit_ueur_kwh):
            raise BadParameters("the price limit lies within the auction's bounds; see `lindenstrom agreement show`")
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

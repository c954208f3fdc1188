"""Errors that only Agreements raises.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from typing import ClassVar

from lindenstrom_contracts.bindings.base import ContractError


class AlreadyJoined(ContractError):
    """Solidity's `AlreadyJoined(uint32 member, uint32 agreement, uint32 membership)`."""

    SELECTOR: ClassVar = bytes.fromhex("4667aee1")
    TYPES: ClassVar = ("uint32", "uint32", "uint32")

    def __init__(self, member: int, agreement: int, membership: int) -> None:
        super().__init__(member, agreement, membership)
        self.member = member
        self.agreement = agreement
        self.membership = membership


class AuctionKey(ContractError):
    """An auction shares in proportion where limits tie: its key is 0."""

    SELECTOR: ClassVar = bytes.fromhex("59ae28cf")
    TYPES: ClassVar = ("uint8",)

    def __init__(self, key: int) -> None:
        super().__init__(key)
        self.key = key


class KeyNotSupported(ContractError):
    """Solidity's `KeyNotSupported(uint8 key)`."""

    SELECTOR: ClassVar = bytes.fromhex("6d729210")
    TYPES: ClassVar = ("uint8",)

    def __init__(self, key: int) -> None:
        super().__init__(key)
        self.key = key


class NotReceiptedByOperator(ContractError):
    """Solidity's `NotReceiptedByOperator()`."""

    SELECTOR: ClassVar = bytes.fromhex("6710c64f")
    TYPES: ClassVar = ()


class OutsideTerms(ContractError):
    """The agreement is over, or has not begun, on all of these days."""

    SELECTOR: ClassVar = bytes.fromhex("5f4d581b")
    TYPES: ClassVar = ("uint32", "uint32", "uint32")

    def __init__(self, agreement: int, from_day: int, end_day: int) -> None:
        super().__init__(agreement, from_day, end_day)
        self.agreement = agreement
        self.from_day = from_day
        self.end_day = end_day


class PriceBounds(ContractError):
    """An auction's lower bound is priceA, its upper bound priceB."""

    SELECTOR: ClassVar = bytes.fromhex("2cb981c4")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, price_a: int, price_b: int) -> None:
        super().__init__(price_a, price_b)
        self.price_a = price_a
        self.price_b = price_b


class RoleUnknown(ContractError):
    """Solidity's `RoleUnknown(uint8 role)`."""

    SELECTOR: ClassVar = bytes.fromhex("0dd5a526")
    TYPES: ClassVar = ("uint8",)

    def __init__(self, role: int) -> None:
        super().__init__(role)
        self.role = role


class RuleNotSupported(ContractError):
    """Solidity's `RuleNotSupported(uint8 rule)`."""

    SELECTOR: ClassVar = bytes.fromhex("c102c754")
    TYPES: ClassVar = ("uint8",)

    def __init__(self, rule: int) -> None:
        super().__init__(rule)
        self.rule = rule


class TooManyOffers(ContractError):
    """Solidity's `TooManyOffers(uint32 steward)`."""

    SELECTOR: ClassVar = bytes.fromhex("7b9d2fad")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, steward: int) -> None:
        super().__init__(steward)
        self.steward = steward


class UnexpectedNumber(ContractError):
    """Solidity's `UnexpectedNumber(uint32 number, uint32 next)`."""

    SELECTOR: ClassVar = bytes.fromhex("871dd4d7")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, number: int, next_: int) -> None:
        super().__init__(number, next_)
        self.number = number
        self.next_ = next_


class UnknownAgreement(ContractError):
    """Solidity's `UnknownAgreement(uint32 agreement)`."""

    SELECTOR: ClassVar = bytes.fromhex("266a6b6a")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, agreement: int) -> None:
        super().__init__(agreement)
        self.agreement = agreement


class UnknownMembership(ContractError):
    """Solidity's `UnknownMembership(uint32 member, uint32 membership)`."""

    SELECTOR: ClassVar = bytes.fromhex("d311944e")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, member: int, membership: int) -> None:
        super().__init__(member, membership)
        self.member = member
        self.membership = membership


class ZeroParameters(ContractError):
    """Solidity's `ZeroParameters()`."""

    SELECTOR: ClassVar = bytes.fromhex("ff213f66")
    TYPES: ClassVar = ()

"""Errors that several contracts raise.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from typing import ClassVar

from lindenstrom_contracts.bindings.base import ContractError


class AlreadyCarried(ContractError):
    """This signed act has been carried before; an act counts once."""

    SELECTOR: ClassVar = bytes.fromhex("d8adac89")
    TYPES: ClassVar = ("bytes32",)

    def __init__(self, digest: bytes) -> None:
        super().__init__(digest)
        self.digest = digest


class CommunityFull(ContractError):
    """The community's trees have no place left."""

    SELECTOR: ClassVar = bytes.fromhex("85ad9089")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class DayTooEarly(ContractError):
    """Changes take effect two days after the block's day, or later."""

    SELECTOR: ClassVar = bytes.fromhex("37542eb0")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, day: int, earliest: int) -> None:
        super().__init__(day, earliest)
        self.day = day
        self.earliest = earliest


class EmptyInterval(ContractError):
    """The interval holds no day."""

    SELECTOR: ClassVar = bytes.fromhex("370b9f59")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, from_day: int, end_day: int) -> None:
        super().__init__(from_day, end_day)
        self.from_day = from_day
        self.end_day = end_day


class NotOperator(ContractError):
    """Only the operator may do this."""

    SELECTOR: ClassVar = bytes.fromhex("76c6c93a")
    TYPES: ClassVar = ("address",)

    def __init__(self, caller: bytes) -> None:
        super().__init__(caller)
        self.caller = caller


class NotShorter(ContractError):
    """An end only moves to an earlier day, and not before the first one."""

    SELECTOR: ClassVar = bytes.fromhex("fda6045c")
    TYPES: ClassVar = ("uint32", "uint32", "uint32")

    def __init__(self, end_day: int, from_day: int, current_end_day: int) -> None:
        super().__init__(end_day, from_day, current_end_day)
        self.end_day = end_day
        self.from_day = from_day
        self.current_end_day = current_end_day


class NotSignedByReader(ContractError):
    """Solidity's `NotSignedByReader(uint32 reader)`."""

    SELECTOR: ClassVar = bytes.fromhex("fa18af3e")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, reader: int) -> None:
        super().__init__(reader)
        self.reader = reader


class SpecialMember(ContractError):
    """Members 0 (fee) and 1 (rounding) neither bind meters nor join agreements."""

    SELECTOR: ClassVar = bytes.fromhex("910b0b18")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.member = member


class TooManyEver(ContractError):
    """At most 32 ever; then the member needs a new index."""

    SELECTOR: ClassVar = bytes.fromhex("b45a71e6")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.member = member


class TooManyLive(ContractError):
    """At most four at a time."""

    SELECTOR: ClassVar = bytes.fromhex("8fc18231")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.member = member


class UnknownReader(ContractError):
    """No reader has this index."""

    SELECTOR: ClassVar = bytes.fromhex("a054652b")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, reader: int) -> None:
        super().__init__(reader)
        self.reader = reader


class ZeroRoot(ContractError):
    """Solidity's `ZeroRoot()`."""

    SELECTOR: ClassVar = bytes.fromhex("b263ae73")
    TYPES: ClassVar = ()

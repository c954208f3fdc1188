"""Errors that only Registry raises.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from typing import ClassVar

from lindenstrom_contracts.bindings.base import ContractError


class AccountTaken(ContractError):
    """Solidity's `AccountTaken(address account, uint32 member)`."""

    SELECTOR: ClassVar = bytes.fromhex("8cf3fdce")
    TYPES: ClassVar = ("address", "uint32")

    def __init__(self, account: bytes, member: int) -> None:
        super().__init__(account, member)
        self.account = account
        self.member = member


class AlreadyEnding(ContractError):
    """This auditor's end is fixed."""

    SELECTOR: ClassVar = bytes.fromhex("746d7fd4")
    TYPES: ClassVar = ("uint8", "uint64")

    def __init__(self, index: int, end_time: int) -> None:
        super().__init__(index, end_time)
        self.index = index
        self.end_time = end_time


class AuditorConflict(ContractError):
    """An address is an auditor once, and neither the operator's nor a key that a reader ever had."""

    SELECTOR: ClassVar = bytes.fromhex("efcb3251")
    TYPES: ClassVar = ("address",)

    def __init__(self, account: bytes) -> None:
        super().__init__(account)
        self.account = account


class AuditorsDiffer(ContractError):
    """Solidity's `AuditorsDiffer(bytes32 consented, bytes32 actual)`."""

    SELECTOR: ClassVar = bytes.fromhex("b18a1ccc")
    TYPES: ClassVar = ("bytes32", "bytes32")

    def __init__(self, consented: bytes, actual: bytes) -> None:
        super().__init__(consented, actual)
        self.consented = consented
        self.actual = actual


class ConstantOutOfRange(ContractError):
    """A constant lies outside its allowed range. which: 0 offset, 1 close delay, 2 objection period, 3 answer time,
    4 depth.
    """

    SELECTOR: ClassVar = bytes.fromhex("f49953c1")
    TYPES: ClassVar = ("uint8", "uint256")

    def __init__(self, which: int, value: int) -> None:
        super().__init__(which, value)
        self.which = which
        self.value = value


class CurveNotSupported(ContractError):
    """Curve 1 is accepted everywhere, curve 2 where the chain verifies P-256 at address 0x100; there are no others."""

    SELECTOR: ClassVar = bytes.fromhex("38b44b86")
    TYPES: ClassVar = ("uint8",)

    def __init__(self, curve: int) -> None:
        super().__init__(curve)
        self.curve = curve


class KeyMalformed(ContractError):
    """For curve 1, keyA is the signer's address, not zero, and keyB is zero. For curve 2, (keyA, keyB) is a point of
    P-256.
    """

    SELECTOR: ClassVar = bytes.fromhex("d6d0dcfa")
    TYPES: ClassVar = ("bytes32", "bytes32")

    def __init__(self, key_a: bytes, key_b: bytes) -> None:
        super().__init__(key_a, key_b)
        self.key_a = key_a
        self.key_b = key_b


class MeterTaken(ContractError):
    """Solidity's `MeterTaken(bytes32 meter, uint32 binding)`."""

    SELECTOR: ClassVar = bytes.fromhex("607b9687")
    TYPES: ClassVar = ("bytes32", "uint32")

    def __init__(self, meter: bytes, binding: int) -> None:
        super().__init__(meter, binding)
        self.meter = meter
        self.binding = binding


class NotAuditor(ContractError):
    """Not an auditor, or not active now."""

    SELECTOR: ClassVar = bytes.fromhex("810261c3")
    TYPES: ClassVar = ("address",)

    def __init__(self, caller: bytes) -> None:
        super().__init__(caller)
        self.caller = caller


class NotSignedBy(ContractError):
    """The account of this member did not sign this act."""

    SELECTOR: ClassVar = bytes.fromhex("2a2d8643")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.member = member


class PositionOutOfTree(ContractError):
    """Solidity's `PositionOutOfTree(uint32 position, uint32 places)`."""

    SELECTOR: ClassVar = bytes.fromhex("880f416e")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, position: int, places: int) -> None:
        super().__init__(position, places)
        self.position = position
        self.places = places


class PositionTaken(ContractError):
    """Solidity's `PositionTaken(uint32 reader, uint32 position, uint32 binding)`."""

    SELECTOR: ClassVar = bytes.fromhex("072b3a17")
    TYPES: ClassVar = ("uint32", "uint32", "uint32")

    def __init__(self, reader: int, position: int, binding: int) -> None:
        super().__init__(reader, position, binding)
        self.reader = reader
        self.position = position
        self.binding = binding


class TooManyAuditors(ContractError):
    """At most 32 ever."""

    SELECTOR: ClassVar = bytes.fromhex("cdf6cd3d")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class UnexpectedIndex(ContractError):
    """The index that the caller expects is taken, or not yet reached."""

    SELECTOR: ClassVar = bytes.fromhex("0163d39f")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, expected: int, next_: int) -> None:
        super().__init__(expected, next_)
        self.expected = expected
        self.next_ = next_


class UnknownAuditor(ContractError):
    """Solidity's `UnknownAuditor(uint8 index)`."""

    SELECTOR: ClassVar = bytes.fromhex("2a60e852")
    TYPES: ClassVar = ("uint8",)

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class UnknownBinding(ContractError):
    """Solidity's `UnknownBinding(uint32 binding)`."""

    SELECTOR: ClassVar = bytes.fromhex("854ccf57")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, binding: int) -> None:
        super().__init__(binding)
        self.binding = binding


class UnknownMember(ContractError):
    """No member has this index."""

    SELECTOR: ClassVar = bytes.fromhex("083b3864")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.member = member


class ZeroAddress(ContractError):
    """Solidity's `ZeroAddress()`."""

    SELECTOR: ClassVar = bytes.fromhex("d92e233d")
    TYPES: ClassVar = ()


class ZeroMeter(ContractError):
    """Solidity's `ZeroMeter()`."""

    SELECTOR: ClassVar = bytes.fromhex("54c6fce5")
    TYPES: ClassVar = ()

"""Errors that only Settlement raises.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from typing import ClassVar

from lindenstrom_contracts.bindings.base import ContractError


class AlreadyAttested(ContractError):
    """Solidity's `AlreadyAttested(uint64 sequence, uint8 auditor)`."""

    SELECTOR: ClassVar = bytes.fromhex("9d73d015")
    TYPES: ClassVar = ("uint64", "uint8")

    def __init__(self, sequence: int, auditor: int) -> None:
        super().__init__(sequence, auditor)
        self.sequence = sequence
        self.auditor = auditor


class AlreadyContested(ContractError):
    """Solidity's `AlreadyContested(uint64 sequence, uint8 auditor)`."""

    SELECTOR: ClassVar = bytes.fromhex("45d8d541")
    TYPES: ClassVar = ("uint64", "uint8")

    def __init__(self, sequence: int, auditor: int) -> None:
        super().__init__(sequence, auditor)
        self.sequence = sequence
        self.auditor = auditor


class BadOpening(ContractError):
    """What was opened is not what was committed. which: one of `Refutation`'s constants; index: of the meter or
    agreement.
    """

    SELECTOR: ClassVar = bytes.fromhex("443d3961")
    TYPES: ClassVar = ("uint8", "uint256")

    def __init__(self, which: int, index: int) -> None:
        super().__init__(which, index)
        self.which = which
        self.index = index


class ChallengeFailed(ContractError):
    """The opening does not show that replacing this meter's readings was unfounded."""

    SELECTOR: ClassVar = bytes.fromhex("f6e9cbac")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, meter: int) -> None:
        super().__init__(meter)
        self.meter = meter


class NotPublic(ContractError):
    """An agreement of the member keeps its disputes among auditors."""

    SELECTOR: ClassVar = bytes.fromhex("6f356fb8")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, agreement: int) -> None:
        super().__init__(agreement)
        self.agreement = agreement


class NothingWrong(ContractError):
    """Everything opened follows the rules."""

    SELECTOR: ClassVar = bytes.fromhex("c51727ce")
    TYPES: ClassVar = ("uint64", "uint32")

    def __init__(self, sequence: int, member: int) -> None:
        super().__init__(sequence, member)
        self.sequence = sequence
        self.member = member


class RevisionNotOpen(ContractError):
    """Corrections of finals are not open in this version."""

    SELECTOR: ClassVar = bytes.fromhex("448c8ba5")
    TYPES: ClassVar = ("uint16",)

    def __init__(self, revision: int) -> None:
        super().__init__(revision)
        self.revision = revision


class TooEarly(ContractError):
    """Solidity's `TooEarly(uint256 earliest)`."""

    SELECTOR: ClassVar = bytes.fromhex("2a35a324")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, earliest: int) -> None:
        super().__init__(earliest)
        self.earliest = earliest


class UnexpectedSequence(ContractError):
    """Solidity's `UnexpectedSequence(uint64 expected, uint64 next)`."""

    SELECTOR: ClassVar = bytes.fromhex("ac8e4f5c")
    TYPES: ClassVar = ("uint64", "uint64")

    def __init__(self, expected: int, next_: int) -> None:
        super().__init__(expected, next_)
        self.expected = expected
        self.next_ = next_


class UnknownPosting(ContractError):
    """Solidity's `UnknownPosting(uint64 sequence)`."""

    SELECTOR: ClassVar = bytes.fromhex("0c2ae60b")
    TYPES: ClassVar = ("uint64",)

    def __init__(self, sequence: int) -> None:
        super().__init__(sequence)
        self.sequence = sequence


class VoidedBefore(ContractError):
    """An auditor voids a window once, and contests it after."""

    SELECTOR: ClassVar = bytes.fromhex("a5909c53")
    TYPES: ClassVar = ("uint32", "uint8")

    def __init__(self, window: int, auditor: int) -> None:
        super().__init__(window, auditor)
        self.window = window
        self.auditor = auditor


class WindowBeforeBeginning(ContractError):
    """Solidity's `WindowBeforeBeginning(uint32 window, uint32 first)`."""

    SELECTOR: ClassVar = bytes.fromhex("72b8164e")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, window: int, first: int) -> None:
        super().__init__(window, first)
        self.window = window
        self.first = first


class WindowTaken(ContractError):
    """Solidity's `WindowTaken(uint32 window, uint64 sequence)`."""

    SELECTOR: ClassVar = bytes.fromhex("ce65089d")
    TYPES: ClassVar = ("uint32", "uint64")

    def __init__(self, window: int, sequence: int) -> None:
        super().__init__(window, sequence)
        self.window = window
        self.sequence = sequence


class WrongCutOff(ContractError):
    """Solidity's `WrongCutOff(uint64 asOf, uint64 expected)`."""

    SELECTOR: ClassVar = bytes.fromhex("d0c97683")
    TYPES: ClassVar = ("uint64", "uint64")

    def __init__(self, as_of: int, expected: int) -> None:
        super().__init__(as_of, expected)
        self.as_of = as_of
        self.expected = expected


class WrongDigest(ContractError):
    """Solidity's `WrongDigest(uint64 sequence, bytes32 given, bytes32 stored)`."""

    SELECTOR: ClassVar = bytes.fromhex("70187585")
    TYPES: ClassVar = ("uint64", "bytes32", "bytes32")

    def __init__(self, sequence: int, given: bytes, stored: bytes) -> None:
        super().__init__(sequence, given, stored)
        self.sequence = sequence
        self.given = given
        self.stored = stored


class WrongState(ContractError):
    """The posting is not in a state that allows this. 1 posted, 2 void, 3 final."""

    SELECTOR: ClassVar = bytes.fromhex("ece4eacd")
    TYPES: ClassVar = ("uint64", "uint8")

    def __init__(self, sequence: int, state: int) -> None:
        super().__init__(sequence, state)
        self.sequence = sequence
        self.state = state

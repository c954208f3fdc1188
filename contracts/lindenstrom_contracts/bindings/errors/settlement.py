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


class CorrectionTooLate(ContractError):
    """A window can be corrected for 365 days after its end."""

    SELECTOR: ClassVar = bytes.fromhex("7ed06071")
    TYPES: ClassVar = ("uint32", "uint256")

    def __init__(self, window: int, latest: int) -> None:
        super().__init__(window, latest)
        self.window = window
        self.latest = latest


class DemandedBefore(ContractError):
    """A member demands once per posting, and never again in a revision once a demand of its own was left to lapse;
    `sequence` is the posting that the demand named.
    """

    SELECTOR: ClassVar = bytes.fromhex("02577ebc")
    TYPES: ClassVar = ("uint32", "uint64")

    def __init__(self, member: int, sequence: int) -> None:
        super().__init__(member, sequence)
        self.member = member
        self.sequence = sequence


class DemandsOpen(ContractError):
    """Demands are open; they are answered, or the posting is voided, before it can be final."""

    SELECTOR: ClassVar = bytes.fromhex("045a1824")
    TYPES: ClassVar = ("uint64", "uint32")

    def __init__(self, sequence: int, count: int) -> None:
        super().__init__(sequence, count)
        self.sequence = sequence
        self.count = count


class NoOpenDemand(ContractError):
    """The member has not demanded this posting's bundle, or the demand is answered."""

    SELECTOR: ClassVar = bytes.fromhex("62a5d881")
    TYPES: ClassVar = ("uint64", "uint32")

    def __init__(self, sequence: int, member: int) -> None:
        super().__init__(sequence, member)
        self.sequence = sequence
        self.member = member


class NoPublicAnswer(ContractError):
    """The demand does not allow an answer in public."""

    SELECTOR: ClassVar = bytes.fromhex("3b66bc7e")
    TYPES: ClassVar = ("uint32",)

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.member = member


class NotAParty(ContractError):
    """The member has no membership in the agreement that holds on the posting's window."""

    SELECTOR: ClassVar = bytes.fromhex("cee1d5de")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, member: int, agreement: int) -> None:
        super().__init__(member, agreement)
        self.member = member
        self.agreement = agreement


class NotOverdue(ContractError):
    """The demand can still be answered in time."""

    SELECTOR: ClassVar = bytes.fromhex("21294bad")
    TYPES: ClassVar = ("uint64",)

    def __init__(self, due_at: int) -> None:
        super().__init__(due_at)
        self.due_at = due_at


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


class ObjectionOver(ContractError):
    """The objection period ended at `end`; a member demands before."""

    SELECTOR: ClassVar = bytes.fromhex("5738a191")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, end: int) -> None:
        super().__init__(end)
        self.end = end


class SlotOutOfDay(ContractError):
    """Solidity's `SlotOutOfDay(uint16 slot, uint256 slots)`."""

    SELECTOR: ClassVar = bytes.fromhex("c0e36573")
    TYPES: ClassVar = ("uint16", "uint256")

    def __init__(self, slot: int, slots: int) -> None:
        super().__init__(slot, slots)
        self.slot = slot
        self.slots = slots


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
    """`asOf` is not within [earliest, latest]; for revision 0 these are the same."""

    SELECTOR: ClassVar = bytes.fromhex("f9d78bb8")
    TYPES: ClassVar = ("uint64", "uint256", "uint256")

    def __init__(self, as_of: int, earliest: int, latest: int) -> None:
        super().__init__(as_of, earliest, latest)
        self.as_of = as_of
        self.earliest = earliest
        self.latest = latest


class WrongDigest(ContractError):
    """Solidity's `WrongDigest(uint64 sequence, bytes32 given, bytes32 stored)`."""

    SELECTOR: ClassVar = bytes.fromhex("70187585")
    TYPES: ClassVar = ("uint64", "bytes32", "bytes32")

    def __init__(self, sequence: int, given: bytes, stored: bytes) -> None:
        super().__init__(sequence, given, stored)
        self.sequence = sequence
        self.given = given
        self.stored = stored


class WrongRevision(ContractError):
    """A window's first posting has revision 0, each correction of a final one more than that."""

    SELECTOR: ClassVar = bytes.fromhex("3790f942")
    TYPES: ClassVar = ("uint16", "uint16")

    def __init__(self, given: int, expected: int) -> None:
        super().__init__(given, expected)
        self.given = given
        self.expected = expected


class WrongState(ContractError):
    """The posting is not in a state that allows this. 1 posted, 2 void, 3 final."""

    SELECTOR: ClassVar = bytes.fromhex("ece4eacd")
    TYPES: ClassVar = ("uint64", "uint8")

    def __init__(self, sequence: int, state: int) -> None:
        super().__init__(sequence, state)
        self.sequence = sequence
        self.state = state

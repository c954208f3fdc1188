"""The contract Agreements.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off
# ruff: noqa: E501

from typing import ClassVar, NamedTuple, Self

from lindenstrom_contracts.bindings.base import Contract, Function, Sent, Transport, address, nothing
from lindenstrom_contracts.bindings.structs import Join, Membership, Terms

_AGREEMENT_COUNT = Function(name="agreementCount", selector=bytes.fromhex("bb7bb278"), inputs=(), outputs=("uint32",))
_IS_CONSUMED = Function(name="isConsumed", selector=bytes.fromhex("6346e832"), inputs=("bytes32",), outputs=("bool",))
_JOIN = Function(
    name="join",
    selector=bytes.fromhex("45b0661c"),
    inputs=("(uint32,uint32,uint8,uint32,uint32,bytes32)", "bytes", "bytes", "bytes"),
    outputs=("uint32",),
)
_LEAVE = Function(
    name="leave",
    selector=bytes.fromhex("cb4c2e00"),
    inputs=("uint32", "uint32", "uint32", "bytes"),
    outputs=(),
)
_LIVE_MEMBERSHIPS = Function(
    name="liveMemberships",
    selector=bytes.fromhex("f1482669"),
    inputs=("uint32", "uint32"),
    outputs=("(uint32,uint8,uint32,uint32,bytes32)[]", "(uint32,uint8,uint8,uint32,uint32,uint32,uint32,uint8,uint32,uint32,bool)[]"),
)
_MEMBERSHIPS_OF = Function(
    name="membershipsOf",
    selector=bytes.fromhex("99e18b17"),
    inputs=("uint32",),
    outputs=("(uint32,uint8,uint32,uint32,bytes32)[]",),
)
_OFFER = Function(
    name="offer",
    selector=bytes.fromhex("fd039e1a"),
    inputs=("(uint32,uint8,uint8,uint32,uint32,uint32,uint32,uint8,uint32,uint32,bool)", "uint32", "bytes"),
    outputs=("uint32",),
)
_OFFERS_OF = Function(name="offersOf", selector=bytes.fromhex("5a49e55c"), inputs=("uint32",), outputs=("uint32",))
_REGISTRY = Function(name="registry", selector=bytes.fromhex("7b103999"), inputs=(), outputs=("address",))
_TERMS = Function(
    name="terms",
    selector=bytes.fromhex("f01f5ecc"),
    inputs=("uint32",),
    outputs=("(uint32,uint8,uint8,uint32,uint32,uint32,uint32,uint8,uint32,uint32,bool)",),
)


class LiveMembershipsAnswer(NamedTuple):
    """What `liveMemberships` returns."""

    memberships: tuple[Membership, ...]
    its_terms: tuple[Terms, ...]


class Agreements(Contract):
    """The contract Agreements."""

    NAME: ClassVar = "Agreements"
    CONSTRUCTOR: ClassVar = ("address",)

    @classmethod
    def deploy(cls, transport: Transport, key: bytes, the_registry: bytes) -> Self:
        """Create the contract; the bytecode is the committed artifact's."""
        return cls._deploy(transport, key, (the_registry,))

    def agreement_count(self) -> int:
        """Solidity's `agreementCount()`."""
        values = self._ask(_AGREEMENT_COUNT, ())
        answer: int = values[0]
        return answer

    def is_consumed(self, digest: bytes) -> bool:
        """Whether the act with this EIP-712 digest has been carried here."""
        values = self._ask(_IS_CONSUMED, (digest,))
        answer: bool = values[0]
        return answer

    def join(self, act: Join, by_member: bytes, by_steward: bytes, by_operator: bytes) -> Sent[int]:
        """Join signed by the member, Countersign by the steward, Receipt by the operator; carried by anyone."""
        return self._send(_JOIN, (act, by_member, by_steward, by_operator), lambda values: values[0])

    def leave(self, member: int, membership: int, end_day: int, signature: bytes) -> Sent[None]:
        """Leave, signed by the member alone. Only shortens; endDay = fromDay calls it off."""
        return self._send(_LEAVE, (member, membership, end_day, signature), nothing)

    def live_memberships(self, member: int, window: int) -> LiveMembershipsAnswer:
        """The memberships that hold on `window`, in running order (priority, agreement): at most four, each
        agreement once.
        """
        values = self._ask(_LIVE_MEMBERSHIPS, (member, window))
        return LiveMembershipsAnswer(
            tuple(Membership.from_abi(v) for v in values[0]),
            tuple(Terms.from_abi(v) for v in values[1]),
        )

    def memberships_of(self, member: int) -> tuple[Membership, ...]:
        """All memberships the member ever had, in order."""
        values = self._ask(_MEMBERSHIPS_OF, (member,))
        return tuple(Membership.from_abi(v) for v in values[0])

    def offer(self, t: Terms, number: int, signature: bytes) -> Sent[int]:
        """Offer, signed by the steward; carried by anyone. `number` counts the steward's offers from 0: up to 32
        (members 0 and 1: any).
        """
        return self._send(_OFFER, (t, number, signature), lambda values: values[0])

    def offers_of(self, steward: int) -> int:
        """Solidity's `offersOf(uint32 steward)`."""
        values = self._ask(_OFFERS_OF, (steward,))
        answer: int = values[0]
        return answer

    def registry(self) -> bytes:
        """Solidity's `registry()`."""
        values = self._ask(_REGISTRY, ())
        return address(values[0])

    def terms(self, agreement: int) -> Terms:
        """Solidity's `terms(uint32 agreement)`."""
        values = self._ask(_TERMS, (agreement,))
        return Terms.from_abi(values[0])

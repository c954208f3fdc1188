"""The contract Settlement.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off
# ruff: noqa: E501

from typing import ClassVar, NamedTuple, Self

from lindenstrom_contracts.bindings.base import Contract, Function, Sent, Transport, address, nothing
from lindenstrom_contracts.bindings.structs import Header, Opening

_AGREEMENTS = Function(name="agreements", selector=bytes.fromhex("4f4b4fa7"), inputs=(), outputs=("address",))
_ATTEST = Function(name="attest", selector=bytes.fromhex("99a4f846"), inputs=("uint64", "bytes32"), outputs=())
_CONTEST = Function(name="contest", selector=bytes.fromhex("3812978a"), inputs=("uint64", "bytes32"), outputs=())
_FINALISE = Function(name="finalise", selector=bytes.fromhex("4c8c11b9"), inputs=("uint64", "bytes32"), outputs=())
_LIVE = Function(name="live", selector=bytes.fromhex("ba19e988"), inputs=("uint32",), outputs=("uint64",))
_NEWEST_FINAL = Function(
    name="newestFinal",
    selector=bytes.fromhex("db8e1de3"),
    inputs=("uint32",),
    outputs=("uint64",),
)
_NEXT_SEQUENCE = Function(name="nextSequence", selector=bytes.fromhex("b9a51a8e"), inputs=(), outputs=("uint64",))
_POST = Function(
    name="post",
    selector=bytes.fromhex("693cd673"),
    inputs=("uint64", "(uint32,uint16,uint64,bytes32,bytes32,bytes32)"),
    outputs=(),
)
_POSTING = Function(
    name="posting",
    selector=bytes.fromhex("5bbdef7a"),
    inputs=("uint64",),
    outputs=("uint32", "uint16", "uint64", "uint64", "uint8", "uint32", "uint32", "bytes32"),
)
_READING_LOG = Function(name="readingLog", selector=bytes.fromhex("16b99e99"), inputs=(), outputs=("address",))
_REFUTE = Function(
    name="refute",
    selector=bytes.fromhex("d9b064b5"),
    inputs=("uint64", "uint32", "(uint32,uint16,uint64,bytes32,bytes32,bytes32)", "((bool,bytes32,uint32,uint16,uint32,int128,bytes32,bytes32,bytes,bytes32[]),(uint8,uint16,bytes32,bytes32[],bool,uint16,(uint64,uint64,bytes32,uint16,bytes32[]),bool,(uint64,uint64,bytes32,uint16,bytes32[]),bool,bytes,bytes32[])[],(uint32,uint32,uint32,bytes32,bool,bytes32,bytes,bytes32[])[])", "bytes"),
    outputs=(),
)
_REGISTRY = Function(name="registry", selector=bytes.fromhex("7b103999"), inputs=(), outputs=("address",))
_VOID_BY_AUDITOR = Function(
    name="voidByAuditor",
    selector=bytes.fromhex("9f795aed"),
    inputs=("uint64", "bytes32"),
    outputs=(),
)


class PostingAnswer(NamedTuple):
    """What `posting` returns."""

    window: int
    revision: int
    as_of: int
    posted_at: int
    state: int
    attested_by: int
    contested_by: int
    digest: bytes


class Settlement(Contract):
    """The contract Settlement."""

    NAME: ClassVar = "Settlement"
    CONSTRUCTOR: ClassVar = ("address", "address", "address")

    @classmethod
    def deploy(
        cls,
        transport: Transport,
        key: bytes,
        the_registry: bytes,
        the_agreements: bytes,
        the_reading_log: bytes,
    ) -> Self:
        """Create the contract; the bytecode is the committed artifact's."""
        return cls._deploy(transport, key, (the_registry, the_agreements, the_reading_log))

    def agreements(self) -> bytes:
        """Solidity's `agreements()`."""
        values = self._ask(_AGREEMENTS, ())
        return address(values[0])

    def attest(self, sequence: int, digest: bytes) -> Sent[None]:
        """Auditors, once per posting, while it is posted or final."""
        return self._send(_ATTEST, (sequence, digest), nothing)

    def contest(self, sequence: int, digest: bytes) -> Sent[None]:
        """Auditors, once per posting, while it is posted or final: on record, without effect on the state."""
        return self._send(_CONTEST, (sequence, digest), nothing)

    def finalise(self, sequence: int, digest: bytes) -> Sent[None]:
        """Anyone, once the objection period is over."""
        return self._send(_FINALISE, (sequence, digest), nothing)

    def live(self, window: int) -> int:
        """The window's posting that is posted or final, 0 if none."""
        values = self._ask(_LIVE, (window,))
        answer: int = values[0]
        return answer

    def newest_final(self, window: int) -> int:
        """The window's newest final posting, 0 if none."""
        values = self._ask(_NEWEST_FINAL, (window,))
        answer: int = values[0]
        return answer

    def next_sequence(self) -> int:
        """Solidity's `nextSequence()`."""
        values = self._ask(_NEXT_SEQUENCE, ())
        answer: int = values[0]
        return answer

    def post(self, expected_sequence: int, header: Header) -> Sent[None]:
        """Operator only. Sequences count up from 1. `asOf` is the window's end + the close delay, and past."""
        return self._send(_POST, (expected_sequence, header), nothing)

    def posting(self, sequence: int) -> PostingAnswer:
        """All zero if the sequence does not exist. state: 1 posted, 2 void, 3 final; bit i of attestedBy and
        contestedBy: auditor i.
        """
        values = self._ask(_POSTING, (sequence,))
        return PostingAnswer(values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7])

    def reading_log(self) -> bytes:
        """Solidity's `readingLog()`."""
        values = self._ask(_READING_LOG, ())
        return address(values[0])

    def refute(self, sequence: int, member: int, header: Header, opening: Opening, signature: bytes) -> Sent[None]:
        """Recomputes the member's day and voids the posting if anything differs from the rules; reverts when nothing
        does.
        """
        return self._send(_REFUTE, (sequence, member, header, opening, signature), nothing)

    def registry(self) -> bytes:
        """Solidity's `registry()`."""
        values = self._ask(_REGISTRY, ())
        return address(values[0])

    def void_by_auditor(self, sequence: int, digest: bytes) -> Sent[None]:
        """Auditors, while it is posted; each auditor once per window."""
        return self._send(_VOID_BY_AUDITOR, (sequence, digest), nothing)

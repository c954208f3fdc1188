"""The contract Settlement.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off
# ruff: noqa: E501

from typing import ClassVar, NamedTuple, Self

from lindenstrom_contracts.bindings.base import Contract, Function, Sent, Transport, address, nothing
from lindenstrom_contracts.bindings.structs import Header, Opening, ResultOpening

_AGREEMENTS = Function(name="agreements", selector=bytes.fromhex("4f4b4fa7"), inputs=(), outputs=("address",))
_ANSWER = Function(
    name="answer",
    selector=bytes.fromhex("82c541a8"),
    inputs=("uint64", "uint32", "(uint32,uint16,uint64,bytes32,bytes32,bytes32)", "((bool,bytes32,uint32,uint16,uint32,int128,bytes32,bytes32,bytes,bytes32[]),(uint8,uint16,bytes32,bytes32[],bool,uint16,(uint64,uint64,bytes32,uint16,bytes32[]),bool,(uint64,uint64,bytes32,uint16,bytes32[]),bool,bytes,bytes32[])[],(uint32,uint32,uint32,bytes32,bool,bytes32,bytes,bytes32[])[])"),
    outputs=(),
)
_ATTEST = Function(name="attest", selector=bytes.fromhex("99a4f846"), inputs=("uint64", "bytes32"), outputs=())
_CONFIRM_DELIVERY = Function(
    name="confirmDelivery",
    selector=bytes.fromhex("34abf4d4"),
    inputs=("uint64", "bytes32", "uint32"),
    outputs=(),
)
_CONTEST = Function(name="contest", selector=bytes.fromhex("3812978a"), inputs=("uint64", "bytes32"), outputs=())
_DEMAND = Function(
    name="demand",
    selector=bytes.fromhex("52d5431c"),
    inputs=("uint64", "bytes32", "uint32", "bool", "bytes"),
    outputs=(),
)
_DEMAND_OF = Function(
    name="demandOf",
    selector=bytes.fromhex("00d019aa"),
    inputs=("uint32", "uint16", "uint32"),
    outputs=("uint64", "uint64", "bool", "uint8"),
)
_DEMANDS = Function(
    name="demands",
    selector=bytes.fromhex("111cf4e1"),
    inputs=("uint64",),
    outputs=("uint32", "uint64"),
)
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
_REFUTE_LEVELS = Function(
    name="refuteLevels",
    selector=bytes.fromhex("717aad1d"),
    inputs=("uint64", "uint32", "(uint32,uint16,uint64,bytes32,bytes32,bytes32)", "uint32", "uint16", "(bool,bytes32,bytes,bytes32[])", "bytes"),
    outputs=(),
)
_REGISTRY = Function(name="registry", selector=bytes.fromhex("7b103999"), inputs=(), outputs=("address",))
_VOID_BY_AUDITOR = Function(
    name="voidByAuditor",
    selector=bytes.fromhex("9f795aed"),
    inputs=("uint64", "bytes32"),
    outputs=(),
)
_VOID_OVERDUE = Function(
    name="voidOverdue",
    selector=bytes.fromhex("9d1fcea8"),
    inputs=("uint64", "bytes32", "uint32"),
    outputs=(),
)


class DemandOfAnswer(NamedTuple):
    """What `demandOf` returns."""

    sequence: int
    due_at: int
    public_answer: bool
    state: int


class DemandsAnswer(NamedTuple):
    """What `demands` returns."""

    open_: int
    last_answer_at: int


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

    def answer(self, sequence: int, member: int, header: Header, opening: Opening) -> Sent[None]:
        """Anyone, if the demand allows it: opens the member's day. It is recomputed as by `refute`; a fault voids
        the posting, else the demand is answered. Like a confirmation, it comes in time as long as nobody has
        voided the posting. Warning: what is opened stays public for ever, in a reverted call too.
        """
        return self._send(_ANSWER, (sequence, member, header, opening), nothing)

    def attest(self, sequence: int, digest: bytes) -> Sent[None]:
        """Auditors, once per posting, while it is posted or final."""
        return self._send(_ATTEST, (sequence, digest), nothing)

    def confirm_delivery(self, sequence: int, digest: bytes, member: int) -> Sent[None]:
        """Auditors: the member has, or could fetch, a bundle that opens the posting."""
        return self._send(_CONFIRM_DELIVERY, (sequence, digest, member), nothing)

    def contest(self, sequence: int, digest: bytes) -> Sent[None]:
        """Auditors, once per posting, while it is posted or final: on record, without effect on the state."""
        return self._send(_CONTEST, (sequence, digest), nothing)

    def demand(self, sequence: int, digest: bytes, member: int, public_answer: bool, signature: bytes) -> Sent[None]:
        """Demand, signed by a member who lacks the bundle: bars finality until it is answered. In the objection
        period only, once per window and revision.
        """
        return self._send(_DEMAND, (sequence, digest, member, public_answer, signature), nothing)

    def demand_of(self, window: int, revision: int, member: int) -> DemandOfAnswer:
        """The member's demand for a window's revision: the posting it named, which may be void by now. state: 0
        none, 1 open, 2 answered, 3 lapsed: it voided that posting.
        """
        values = self._ask(_DEMAND_OF, (window, revision, member))
        return DemandOfAnswer(values[0], values[1], values[2], values[3])

    def demands(self, sequence: int) -> DemandsAnswer:
        """How many demands of a posting are open, and unix time of its last answer, 0 if none."""
        values = self._ask(_DEMANDS, (sequence,))
        return DemandsAnswer(values[0], values[1])

    def finalise(self, sequence: int, digest: bytes) -> Sent[None]:
        """Anyone, once the objection period is over, no demand is open, and 24 h have gone by since the last answer."""
        return self._send(_FINALISE, (sequence, digest), nothing)

    def live(self, window: int) -> int:
        """The window's newest posting that is posted or final, 0 if none; a voided correction gives way to the final
        before it.
        """
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
        """Operator only. Sequences count up from 1. Revision 0: `asOf` is the window's end + the close delay, and
        not in the future. A correction has the revision after that of the window's newest final, while no posting
        of the window is open to objection; its `asOf` lies after that final's and is not in the future; it is
        made within 365 days after the window's end. A posting after a void has the voided one's revision.
        Warning: what is anchored in the very second of `asOf` counts, also behind the posting; who posts in a
        later second has seen it all.
        """
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

    def refute_levels(
        self,
        sequence: int,
        member: int,
        header: Header,
        agreement: int,
        slot: int,
        result: ResultOpening,
        signature: bytes,
    ) -> Sent[None]:
        """Voids the posting if the agreement's result is missing or has a wrong length, or if in `slot` the price or
        a level is out of range, or takers and givers are both held back (not for a static key). RefuteLevels,
        signed by a member who is a party on the window, while the agreement's terms allow public disputes;
        reverts when nothing is wrong. Warning: the agreement's levels of the whole day stay public for ever, in a
        reverted call too.
        """
        return self._send(_REFUTE_LEVELS, (sequence, member, header, agreement, slot, result, signature), nothing)

    def registry(self) -> bytes:
        """Solidity's `registry()`."""
        values = self._ask(_REGISTRY, ())
        return address(values[0])

    def void_by_auditor(self, sequence: int, digest: bytes) -> Sent[None]:
        """Auditors, while it is posted; each auditor once per window."""
        return self._send(_VOID_BY_AUDITOR, (sequence, digest), nothing)

    def void_overdue(self, sequence: int, digest: bytes, member: int) -> Sent[None]:
        """Anyone: voids a posting whose demand was not answered in the community's answer time."""
        return self._send(_VOID_OVERDUE, (sequence, digest, member), nothing)

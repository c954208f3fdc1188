"""The contract Registry.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self

from lindenstrom_contracts.bindings.base import Contract, Function, Sent, Transport, address, nothing
from lindenstrom_contracts.bindings.structs import Bind, Binding, Constants, ReaderKey

_ACCOUNT = Function(name="account", selector=bytes.fromhex("9f3280f5"), inputs=("uint32",), outputs=("address",))
_ADD_MEMBER = Function(name="addMember", selector=bytes.fromhex("aaa7c9e0"), inputs=("uint32", "address"), outputs=())
_ADD_READER = Function(
    name="addReader",
    selector=bytes.fromhex("08c25642"),
    inputs=("uint32", "uint8", "bytes32", "bytes32"),
    outputs=(),
)
_ANSWER_TIME = Function(name="answerTime", selector=bytes.fromhex("e6a789ba"), inputs=(), outputs=("uint32",))
_APPOINT_AUDITOR = Function(
    name="appointAuditor",
    selector=bytes.fromhex("268b9995"),
    inputs=("uint8", "address"),
    outputs=(),
)
_AUDITOR = Function(
    name="auditor",
    selector=bytes.fromhex("a893bdab"),
    inputs=("uint8",),
    outputs=("address", "uint64", "uint64"),
)
_AUDITOR_COUNT = Function(name="auditorCount", selector=bytes.fromhex("115f574c"), inputs=(), outputs=("uint8",))
_AUDITOR_INDEX = Function(
    name="auditorIndex",
    selector=bytes.fromhex("44bfd12d"),
    inputs=("address",),
    outputs=("uint8",),
)
_AUDITORS_HASH = Function(name="auditorsHash", selector=bytes.fromhex("fa1b00e9"), inputs=(), outputs=("bytes32",))
_BIND = Function(
    name="bind",
    selector=bytes.fromhex("96abab80"),
    inputs=("(uint32,bytes32,uint32,uint32,uint32,uint32,bytes32)", "bytes"),
    outputs=("uint32",),
)
_BINDING = Function(
    name="binding",
    selector=bytes.fromhex("2223b2dd"),
    inputs=("uint32",),
    outputs=("uint32", "bytes32", "uint32", "uint32", "uint32", "uint32"),
)
_BINDING_COUNT = Function(name="bindingCount", selector=bytes.fromhex("673ef2d1"), inputs=(), outputs=("uint32",))
_BINDINGS_OF = Function(
    name="bindingsOf",
    selector=bytes.fromhex("8bd8cf03"),
    inputs=("uint32",),
    outputs=("uint32[]",),
)
_CLOSE_DELAY = Function(name="closeDelay", selector=bytes.fromhex("196b29f7"), inputs=(), outputs=("uint32",))
_COMMUNITY = Function(name="community", selector=bytes.fromhex("dc1fb5a5"), inputs=(), outputs=("bytes32",))
_DEPTH = Function(name="depth", selector=bytes.fromhex("631c56ef"), inputs=(), outputs=("uint8",))
_DISMISS_AUDITOR = Function(name="dismissAuditor", selector=bytes.fromhex("664d74bc"), inputs=("uint8",), outputs=())
_DOMAIN_SEPARATOR = Function(
    name="domainSeparator",
    selector=bytes.fromhex("f698da25"),
    inputs=(),
    outputs=("bytes32",),
)
_FIRST_SLOT = Function(name="firstSlot", selector=bytes.fromhex("a6fcfb0c"), inputs=("uint32",), outputs=("uint256",))
_FIRST_WINDOW = Function(name="firstWindow", selector=bytes.fromhex("e0a5cee3"), inputs=(), outputs=("uint32",))
_IS_CONSUMED = Function(name="isConsumed", selector=bytes.fromhex("6346e832"), inputs=("bytes32",), outputs=("bool",))
_LIVE_BINDINGS = Function(
    name="liveBindings",
    selector=bytes.fromhex("3ec3eb60"),
    inputs=("uint32", "uint32"),
    outputs=("uint32[]", "(uint32,bytes32,uint32,uint32,uint32,uint32)[]"),
)
_MEMBER_COUNT = Function(name="memberCount", selector=bytes.fromhex("11aee380"), inputs=(), outputs=("uint32",))
_OBJECTION_PERIOD = Function(name="objectionPeriod", selector=bytes.fromhex("6cb80da6"), inputs=(), outputs=("uint32",))
_OFFSET_HOURS = Function(name="offsetHours", selector=bytes.fromhex("2b8b2614"), inputs=(), outputs=("uint8",))
_OPERATOR = Function(name="operator", selector=bytes.fromhex("570ca735"), inputs=(), outputs=("address",))
_READER = Function(
    name="reader",
    selector=bytes.fromhex("9dcc5342"),
    inputs=("uint32",),
    outputs=("(uint8,bytes32,bytes32)",),
)
_READER_COUNT = Function(name="readerCount", selector=bytes.fromhex("82766648"), inputs=(), outputs=("uint32",))
_REQUIRE_SIGNED_BY = Function(
    name="requireSignedBy",
    selector=bytes.fromhex("ecba0e96"),
    inputs=("uint32", "bytes32", "bytes"),
    outputs=(),
)
_RESIGN_AUDITOR = Function(name="resignAuditor", selector=bytes.fromhex("ce35f7b2"), inputs=(), outputs=())
_ROTATE_ACCOUNT = Function(
    name="rotateAccount",
    selector=bytes.fromhex("0aa6354b"),
    inputs=("uint32", "address", "bytes"),
    outputs=(),
)
_ROTATE_READER = Function(
    name="rotateReader",
    selector=bytes.fromhex("63e4554a"),
    inputs=("uint32", "uint8", "bytes32", "bytes32", "bytes"),
    outputs=(),
)
_SIGNERS = Function(name="signers", selector=bytes.fromhex("75e4f205"), inputs=("uint32[]",), outputs=("uint256[]",))
_SLOT_COUNT = Function(name="slotCount", selector=bytes.fromhex("d9f46c9c"), inputs=("uint32",), outputs=("uint256",))
_UNBIND = Function(name="unbind", selector=bytes.fromhex("f92261bb"), inputs=("uint32", "uint32", "bytes"), outputs=())
_WINDOW_END = Function(name="windowEnd", selector=bytes.fromhex("5c5ba6fc"), inputs=("uint32",), outputs=("uint256",))


class AuditorAnswer(NamedTuple):
    """What `auditor` returns."""

    value0: bytes
    value1: int
    value2: int


class BindingAnswer(NamedTuple):
    """What `binding` returns."""

    member: int
    meter: bytes
    at_reader: int
    position: int
    from_day: int
    end_day: int


class LiveBindingsAnswer(NamedTuple):
    """What `liveBindings` returns."""

    ids: tuple[int, ...]
    bindings: tuple[Binding, ...]


class Registry(Contract):
    """The contract Registry."""

    NAME: ClassVar = "Registry"
    CONSTRUCTOR: ClassVar = ("(uint8,uint32,uint32,uint32,uint8)", "address", "address[]")

    @classmethod
    def deploy(
        cls,
        transport: Transport,
        key: bytes,
        c: Constants,
        the_operator: bytes,
        auditors: Sequence[bytes],
    ) -> Self:
        """Create the contract; the bytecode is the committed artifact's."""
        return cls._deploy(transport, key, (c, the_operator, auditors))

    def account(self, member: int) -> bytes:
        """Solidity's `account(uint32 member)`."""
        values = self._ask(_ACCOUNT, (member,))
        return address(values[0])

    def add_member(self, expected_index: int, new_account: bytes) -> Sent[None]:
        """Operator only. An account serves one member at a time; 0 and 1 are the operator's own and excepted."""
        return self._send(_ADD_MEMBER, (expected_index, new_account), nothing)

    def add_reader(self, expected_index: int, curve: int, key_a: bytes, key_b: bytes) -> Sent[None]:
        """Operator only."""
        return self._send(_ADD_READER, (expected_index, curve, key_a, key_b), nothing)

    def answer_time(self) -> int:
        """Solidity's `answerTime()`."""
        values = self._ask(_ANSWER_TIME, ())
        answer: int = values[0]
        return answer

    def appoint_auditor(self, expected_index: int, new_auditor: bytes) -> Sent[None]:
        """Operator only; active 30 days later."""
        return self._send(_APPOINT_AUDITOR, (expected_index, new_auditor), nothing)

    def auditor(self, index: int) -> AuditorAnswer:
        """The auditor is active from `fromTime` until before `endTime`; the greatest number if the end is open."""
        values = self._ask(_AUDITOR, (index,))
        return AuditorAnswer(address(values[0]), values[1], values[2])

    def auditor_count(self) -> int:
        """Auditors ever named; indices run below it."""
        values = self._ask(_AUDITOR_COUNT, ())
        answer: int = values[0]
        return answer

    def auditor_index(self, who: bytes) -> int:
        """The index of an auditor who is active now. Reverts with NotAuditor for anybody else."""
        values = self._ask(_AUDITOR_INDEX, (who,))
        answer: int = values[0]
        return answer

    def auditors_hash(self) -> bytes:
        """keccak-256 of the addresses, packed in order of index, of all auditors whose end is not fixed; announced
        ones included.
        """
        values = self._ask(_AUDITORS_HASH, ())
        answer: bytes = values[0]
        return answer

    def bind(self, act: Bind, signature: bytes) -> Sent[int]:
        """Bind, signed by the member; carried by anyone."""
        return self._send(_BIND, (act, signature), lambda values: values[0])

    def binding(self, id_: int) -> BindingAnswer:
        """Solidity's `binding(uint32 id)`."""
        values = self._ask(_BINDING, (id_,))
        return BindingAnswer(values[0], values[1], values[2], values[3], values[4], values[5])

    def binding_count(self) -> int:
        """Solidity's `bindingCount()`."""
        values = self._ask(_BINDING_COUNT, ())
        answer: int = values[0]
        return answer

    def bindings_of(self, member: int) -> tuple[int, ...]:
        """Ids of all bindings the member ever had, in order."""
        values = self._ask(_BINDINGS_OF, (member,))
        return tuple(values[0])

    def close_delay(self) -> int:
        """Solidity's `closeDelay()`."""
        values = self._ask(_CLOSE_DELAY, ())
        answer: int = values[0]
        return answer

    def community(self) -> bytes:
        """The community's id: the EIP-712 domain separator at deployment. It never changes."""
        values = self._ask(_COMMUNITY, ())
        answer: bytes = values[0]
        return answer

    def depth(self) -> int:
        """Solidity's `depth()`."""
        values = self._ask(_DEPTH, ())
        answer: int = values[0]
        return answer

    def dismiss_auditor(self, index: int) -> Sent[None]:
        """Operator only, once per auditor; takes effect 30 days later."""
        return self._send(_DISMISS_AUDITOR, (index,), nothing)

    def domain_separator(self) -> bytes:
        """The EIP-712 domain separator for the chain id of now: after a fork, acts of one chain do not count on the
        other.
        """
        values = self._ask(_DOMAIN_SEPARATOR, ())
        answer: bytes = values[0]
        return answer

    def first_slot(self, window: int) -> int:
        """The first slot of a window. Reverts below the first representable window."""
        values = self._ask(_FIRST_SLOT, (window,))
        answer: int = values[0]
        return answer

    def first_window(self) -> int:
        """The first window that can be posted: the day of deployment + 2."""
        values = self._ask(_FIRST_WINDOW, ())
        answer: int = values[0]
        return answer

    def is_consumed(self, digest: bytes) -> bool:
        """Whether the act with this EIP-712 digest has been carried here."""
        values = self._ask(_IS_CONSUMED, (digest,))
        answer: bool = values[0]
        return answer

    def live_bindings(self, member: int, window: int) -> LiveBindingsAnswer:
        """The member's bindings that hold on `window`, in order of id: at most four."""
        values = self._ask(_LIVE_BINDINGS, (member, window))
        return LiveBindingsAnswer(tuple(values[0]), tuple(Binding.from_abi(v) for v in values[1]))

    def member_count(self) -> int:
        """Solidity's `memberCount()`."""
        values = self._ask(_MEMBER_COUNT, ())
        answer: int = values[0]
        return answer

    def objection_period(self) -> int:
        """Solidity's `objectionPeriod()`."""
        values = self._ask(_OBJECTION_PERIOD, ())
        answer: int = values[0]
        return answer

    def offset_hours(self) -> int:
        """Solidity's `offsetHours()`."""
        values = self._ask(_OFFSET_HOURS, ())
        answer: int = values[0]
        return answer

    def operator(self) -> bytes:
        """May add members and readers, appoint and dismiss auditors, receipt joins, post, and end bindings.
        Immutable; has no say over results.
        """
        values = self._ask(_OPERATOR, ())
        return address(values[0])

    def reader(self, index: int) -> ReaderKey:
        """See `ReaderKey`. Reverts if there is no such reader."""
        values = self._ask(_READER, (index,))
        return ReaderKey.from_abi(values[0])

    def reader_count(self) -> int:
        """Solidity's `readerCount()`."""
        values = self._ask(_READER_COUNT, ())
        answer: int = values[0]
        return answer

    def require_signed_by(self, member: int, struct_hash: bytes, signature: bytes) -> None:
        """Reverts unless the member's account of now signed `structHash` under `domainSeparator()`; ECDSA first,
        then EIP-1271.
        """
        self._ask(_REQUIRE_SIGNED_BY, (member, struct_hash, signature))

    def resign_auditor(self) -> Sent[None]:
        """The auditor alone; takes effect at once."""
        return self._send(_RESIGN_AUDITOR, (), nothing)

    def rotate_account(self, member: int, new_account: bytes, signature: bytes) -> Sent[None]:
        """RotateAccount, signed by the old account; counts at once. A lost key cannot be rotated: it means a new
        index.
        """
        return self._send(_ROTATE_ACCOUNT, (member, new_account, signature), nothing)

    def rotate_reader(self, index: int, curve: int, key_a: bytes, key_b: bytes, signature: bytes) -> Sent[None]:
        """RotateReader, signed by the old key; counts at once."""
        return self._send(_ROTATE_READER, (index, curve, key_a, key_b, signature), nothing)

    def signers(self, indices: Sequence[int]) -> tuple[int, ...]:
        """For each reader curve · 2^160 + the signer's address; on P-256 no address, the key is to be asked for with
        `reader`. 0 where there is no such reader.
        """
        values = self._ask(_SIGNERS, (indices,))
        return tuple(values[0])

    def slot_count(self, window: int) -> int:
        """92, 96 or 100."""
        values = self._ask(_SLOT_COUNT, (window,))
        answer: int = values[0]
        return answer

    def unbind(self, id_: int, end_day: int, signature: bytes) -> Sent[None]:
        """Unbind, signed by the member; or with an empty signature from the operator. Only shortens; endDay =
        fromDay calls it off.
        """
        return self._send(_UNBIND, (id_, end_day, signature), nothing)

    def window_end(self, window: int) -> int:
        """Unix time at which the window is over."""
        values = self._ask(_WINDOW_END, (window,))
        answer: int = values[0]
        return answer

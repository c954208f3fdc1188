"""The contract ReadingLog.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from typing import ClassVar, Self

from lindenstrom_contracts.bindings.base import Contract, Function, Sent, Transport, address, nothing
from lindenstrom_contracts.bindings.structs import Anchor, RecordOpening

_ANCHOR = Function(
    name="anchor",
    selector=bytes.fromhex("94745505"),
    inputs=("(uint32,uint32,uint16,bytes32,bytes)",),
    outputs=("uint64",),
)
_ANCHOR_MANY = Function(name="anchorMany", selector=bytes.fromhex("e6e980ac"), inputs=("bytes",), outputs=("uint64",))
_BATCH_COUNT = Function(name="batchCount", selector=bytes.fromhex("06f13056"), inputs=(), outputs=("uint64",))
_BATCH_DIGEST = Function(
    name="batchDigest",
    selector=bytes.fromhex("d43351ac"),
    inputs=("uint64",),
    outputs=("bytes32",),
)
_COUNT = Function(name="count", selector=bytes.fromhex("f86f6976"), inputs=("uint32", "uint32"), outputs=("uint16",))
_OPEN_RECORD = Function(
    name="openRecord",
    selector=bytes.fromhex("777f9cc6"),
    inputs=("uint32", "uint32", "uint16", "(uint64,uint64,bytes32,uint16,bytes32[])"),
    outputs=(),
)
_RECORD_WITHHELD = Function(
    name="recordWithheld",
    selector=bytes.fromhex("7b5b33a9"),
    inputs=("uint32", "uint32"),
    outputs=(),
)
_REGISTRY = Function(name="registry", selector=bytes.fromhex("7b103999"), inputs=(), outputs=("address",))
_WITHHELD_AT = Function(
    name="withheldAt",
    selector=bytes.fromhex("2119ce6c"),
    inputs=("uint32", "uint32"),
    outputs=("uint64",),
)


class ReadingLog(Contract):
    """The contract ReadingLog."""

    NAME: ClassVar = "ReadingLog"
    CONSTRUCTOR: ClassVar = ("address",)

    @classmethod
    def deploy(cls, transport: Transport, key: bytes, the_registry: bytes) -> Self:
        """Create the contract; the bytecode is the committed artifact's."""
        return cls._deploy(transport, key, (the_registry,))

    def anchor(self, a: Anchor) -> Sent[int]:
        """One record, signed by its reader's key of now; reverts with what is wrong. A known one is passed over, its
        signature unread.
        """
        return self._send(_ANCHOR, (a,), lambda values: values[0])

    def anchor_many(self, packed: bytes) -> Sent[int]:
        """1 to 256 records in groups of one window each, one after another without gaps: window u32 ‖ count u16 ‖
        count × (reader u32 ‖ revision u16 ‖ root b32 ‖ signature 64).
        """
        return self._send(_ANCHOR_MANY, (packed,), lambda values: values[0])

    def batch_count(self) -> int:
        """Ids from 1."""
        values = self._ask(_BATCH_COUNT, ())
        answer: int = values[0]
        return answer

    def batch_digest(self, batch: int) -> bytes:
        """keccak(0x18 ‖ batch root ‖ block time u64)."""
        values = self._ask(_BATCH_DIGEST, (batch,))
        answer: bytes = values[0]
        return answer

    def count(self, reader: int, window: int) -> int:
        """How many revisions of the window the reader has anchored."""
        values = self._ask(_COUNT, (reader, window))
        answer: int = values[0]
        return answer

    def open_record(self, reader: int, window: int, revision: int, opening: RecordOpening) -> None:
        """Returns if the reader anchored `opening.root` as this revision at `opening.time`; else reverts with
        BadRecord.
        """
        self._ask(_OPEN_RECORD, (reader, window, revision, opening))

    def record_withheld(self, reader: int, window: int) -> Sent[None]:
        """Auditors only, once per reader and window: the reader keeps back what it should have delivered. Only
        postings made after this may replace its anchored readings on that ground.
        """
        return self._send(_RECORD_WITHHELD, (reader, window), nothing)

    def registry(self) -> bytes:
        """Solidity's `registry()`."""
        values = self._ask(_REGISTRY, ())
        return address(values[0])

    def withheld_at(self, reader: int, window: int) -> int:
        """Unix time of the first auditor's record, 0 if none."""
        values = self._ask(_WITHHELD_AT, (reader, window))
        answer: int = values[0]
        return answer

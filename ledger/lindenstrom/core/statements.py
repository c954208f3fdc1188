"""Lines, statements, results, sources and postings: what is committed, and how (R5, R6; docs/formats.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from lindenstrom.core.clearing import Triple
from lindenstrom.core.hashing import (
    TAG_BATCH,
    TAG_LINES,
    TAG_POSTING,
    TAG_RECORD,
    TAG_RESULT,
    TAG_SOURCE,
    TAG_STATEMENT,
    i128,
    keccak,
    u8,
    u16,
    u32,
    u64,
)
from lindenstrom.core.packs import REPLACEMENT_REVISION

LINE_BYTES = 36
TRIPLE_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A member's day in one agreement: mWh taken and given, p€ (positive: the member receives)."""

    agreement: int
    taken_mwh: int
    given_mwh: int
    amount_peur: int

    def encode(self) -> bytes:
        """36 canonical bytes."""
        return u32(self.agreement) + u64(self.taken_mwh) + u64(self.given_mwh) + i128(self.amount_peur)


def encode_lines(lines: Sequence[Line]) -> bytes:
    """All lines of a statement in running order."""
    return b"".join(line.encode() for line in lines)


def decode_lines(data: bytes) -> tuple[Line, ...]:
    """Lines of their bytes; trailing bytes that make no whole line are ignored (they match no recomputation)."""
    whole = len(data) // LINE_BYTES
    chunks = (data[i * LINE_BYTES : (i + 1) * LINE_BYTES] for i in range(whole))
    return tuple(
        Line(
            agreement=int.from_bytes(c[:4], "big"),
            taken_mwh=int.from_bytes(c[4:12], "big"),
            given_mwh=int.from_bytes(c[12:20], "big"),
            amount_peur=int.from_bytes(c[20:36], "big", signed=True),
        )
        for c in chunks
    )


def lines_commitment(salt: bytes, lines: bytes) -> bytes:
    """keccak(0x15 ‖ salt ‖ lines)."""
    return keccak(TAG_LINES + salt + lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is committed for one member and day. net in p€; index is the member's."""

    community: bytes
    window: int
    revision: int
    index: int
    lines_commitment: bytes
    net_peur: int
    salt: bytes

    @property
    def leaf(self) -> bytes:
        """Leaf at the member's index in the statements tree."""
        return keccak(
            TAG_STATEMENT
            + self.community
            + u32(self.window)
            + u16(self.revision)
            + u32(self.index)
            + self.lines_commitment
            + i128(self.net_peur)
            + self.salt
        )


def encode_triples(triples: Sequence[Triple]) -> bytes:
    """n × (price u32 ‖ L u64 ‖ g u64)."""
    return b"".join(u32(t.price_ueur_kwh) + u64(t.taker_level) + u64(t.giver_level) for t in triples)


def decode_triples(data: bytes) -> tuple[Triple, ...]:
    """Triples of their bytes; the length is the caller's to check."""
    chunks = (data[i : i + TRIPLE_BYTES] for i in range(0, len(data) - TRIPLE_BYTES + 1, TRIPLE_BYTES))
    return tuple(
        Triple(
            price_ueur_kwh=int.from_bytes(c[:4], "big"),
            taker_level=int.from_bytes(c[4:12], "big"),
            giver_level=int.from_bytes(c[12:20], "big"),
        )
        for c in chunks
    )


def result_leaf(salt: bytes, triples: bytes) -> bytes:
    """Leaf at the agreement's id in the results tree: keccak(0x12 ‖ salt ‖ triples)."""
    return keccak(TAG_RESULT + salt + triples)


class SourceKind(IntEnum):
    """Where a meter's day came from."""

    ANCHORED = 1
    REPLACED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source a posting used for one binding (R5)."""

    kind: SourceKind
    revision: int
    replacement: bytes = bytes(32)

    @classmethod
    def anchored(cls, revision: int) -> "Source":
        """The reader's own pack at a revision."""
        return cls(kind=SourceKind.ANCHORED, revision=revision)

    @classmethod
    def replaced(cls, pack_leaf: bytes) -> "Source":
        """The operator's replacement pack."""
        return cls(kind=SourceKind.REPLACED, revision=REPLACEMENT_REVISION, replacement=pack_leaf)

    @property
    def leaf(self) -> bytes:
        """Leaf at the binding's id in the sources tree."""
        return keccak(TAG_SOURCE + u8(self.kind) + u16(self.revision) + self.replacement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What `post` is given. asOf is unix time."""

    window: int
    revision: int
    as_of: int
    statements_root: bytes
    results_root: bytes
    sources_root: bytes

    def digest(self, community: bytes, sequence: int) -> bytes:
        """The one word that the chain keeps of a posting."""
        return keccak(
            TAG_POSTING
            + community
            + u64(sequence)
            + u32(self.window)
            + u16(self.revision)
            + u64(self.as_of)
            + self.statements_root
            + self.results_root
            + self.sources_root
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One reader's root for one window, as anchored."""

    reader: int
    window: int
    revision: int
    root: bytes

    def leaf(self, community: bytes) -> bytes:
        """Leaf in the batch tree of the anchoring transaction."""
        return keccak(TAG_RECORD + community + u32(self.reader) + u32(self.window) + u16(self.revision) + self.root)


def batch_digest(batch_root: bytes, time: int) -> bytes:
    """keccak(0x18 ‖ batch root ‖ block time u64): what the chain keeps of a batch of records."""
    return keccak(TAG_BATCH + batch_root + u64(time))

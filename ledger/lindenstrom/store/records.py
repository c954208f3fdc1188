"""What the store gives back."""

from dataclasses import dataclass
from enum import StrEnum

from lindenstrom.core.statements import Header, Source


class PostingStep(StrEnum):
    """How far a posting has come. Whatever is needed for the next step is on disk before it begins."""

    INTENT = "intent"
    """Inputs, roots and calldata are stored; nothing has left the machine."""
    SIGNED = "signed"
    """The signed transaction is stored; it may have been sent."""
    POSTED = "posted"
    """The chain holds the posting."""
    DELIVERED = "delivered"
    """Bundles and the audit file are in the mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPack:
    """What stands at a binding's place in its reader's tree; `pack` is empty where nothing does.

    A pack as its reader delivered it: bytes, siblings to the anchored root, the reader's key and signature."""

    binding: int
    window: int
    revision: int
    pack: bytes
    proof: tuple[bytes, ...]
    reader_key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPosting:
    """A posting and its progress. `call` is the calldata of post; raw_tx and tx_hash are empty until signed."""

    sequence: int
    header: Header
    digest: bytes
    step: PostingStep
    call: bytes
    raw_tx: bytes = b""
    tx_hash: bytes = b""
    gas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatement:
    """A member's lines (bytes) and net, p€."""

    lines: bytes
    net_peur: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSource:
    """A binding's source; `pack` and `ground` are a replacement's bytes and reason, empty for an anchored one."""

    source: Source
    pack: bytes = b""
    ground: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDay:
    """Everything committed by one posting, by agreement, member and binding."""

    triples: dict[int, bytes]
    statements: dict[int, StoredStatement]
    sources: dict[int, StoredSource]

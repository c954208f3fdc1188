"""Signed roots as `ReadingLog.anchorMany` takes them, and as its events tell them (docs/formats.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby

from lindenstrom.chain.abi import Event
from lindenstrom.core import eip712
from lindenstrom.core.hashing import u16, u32
from lindenstrom.core.statements import Record
from lindenstrom.signing import compact

MAX_BATCH = 256
ENTRY_BYTES = 38


class Skip(IntEnum):
    """Why `anchorMany` passed over a record."""

    UNKNOWN_READER = 1
    WINDOW_NOT_OVER = 2
    ZERO_ROOT = 3
    ROOT_CONFLICT = 4
    REVISION_GAP = 5
    TOO_MANY_REVISIONS = 6
    NOT_SIGNED_BY_READER = 7

    @property
    def reason(self) -> str:
        """In words, with what to do."""
        return _REASONS[self]


_REASONS = {
    Skip.UNKNOWN_READER: "the community has no such reader; the operator adds it",
    Skip.WINDOW_NOT_OVER: "the day is not over yet; it is taken afterwards",
    Skip.ZERO_ROOT: "its root is zero; build the day again",
    Skip.ROOT_CONFLICT: "another root is on the chain at this revision; deliver the packs that belong to that one",
    Skip.REVISION_GAP: "an earlier revision of the day is not on the chain; it comes first",
    Skip.TOO_MANY_REVISIONS: "the day has 255 revisions, and takes no more",
    Skip.NOT_SIGNED_BY_READER: "the signature is not by the reader's key of now; sign it with that key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnchor:
    """A reader's root with the reader's signature: 65 bytes r‖s‖v of secp256k1, or 64 bytes r‖s of P-256."""

    act: eip712.Anchor
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRecord:
    """A record with its place in its batch."""

    record: Record
    batch: int
    slot: int
    time: int
    tx_hash: bytes


def dense(records: Sequence[SignedAnchor]) -> bytes:
    """`anchorMany`'s argument, in this order; a group per run of one window. A malformed signature becomes zeros.

    It costs least where the records are in the order of window and reader.
    """
    packed = bytearray()
    for window, run in groupby(records, key=lambda r: r.act.window):
        rows = [u32(r.act.reader) + u16(r.act.revision) + r.act.root + (compact(r.signature) or bytes(64)) for r in run]
        packed += u32(window) + u16(len(rows)) + b"".join(rows)
    return bytes(packed)


def records_of(event: Event) -> list[PlacedRecord]:
    """What an Anchored event tells, in order."""
    data = bytes(event["records"])
    return [
        PlacedRecord(
            record=Record(
                reader=int.from_bytes(data[at : at + 4], "big"),
                window=event["window"],
                revision=int.from_bytes(data[at + 4 : at + 6], "big"),
                root=data[at + 6 : at + ENTRY_BYTES],
            ),
            batch=event["batch"],
            slot=event["firstSlot"] + place,
            time=event["time"],
            tx_hash=event.tx_hash,
        )
        for place, at in enumerate(range(0, len(data), ENTRY_BYTES))
    ]


def skips_of(events: Iterable[Event]) -> dict[int, Skip]:
    """Place in the call → why it was passed over."""
    return {event["index"]: Skip(event["why"]) for event in events if event.name == "Skipped"}

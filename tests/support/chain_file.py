"""What checks 6 and 7 read from the contracts, as one JSON file a bundle: written from a day, read as a ChainView."""

import json
from collections.abc import Sequence
from typing import Any

from lindenstrom.core.bundles import CommunityRef, Reader, hex_text, read_terms, terms_json
from lindenstrom.core.calendar import Zone
from lindenstrom.core.terms import Binding, Membership, Role, Terms
from lindenstrom.core.verification import PostingFacts, PostingState
from tests.support.example_day import ExampleDay

SCHEMA = "lindenstrom/chain-facts@v1"


def community_json(ref: CommunityRef) -> dict[str, Any]:
    """A community's constants as a verifier holds them."""
    return {
        name: hex_text(value) if isinstance(value, bytes) else value
        for name in CommunityRef.__slots__
        for value in (getattr(ref, name),)
    }


def read_community(value: dict[str, Any]) -> CommunityRef:
    """The same back."""
    return CommunityRef(
        **{k: bytes.fromhex(v[2:]) if k != "name" and isinstance(v, str) else v for k, v in value.items()}
    )


def chain_json(day: ExampleDay, member: int) -> dict[str, Any]:
    """What the contracts hold about a member's day."""
    posting = day.posting(day.sequence)
    assert posting is not None
    readers = sorted({b.reader for b in day.bindings(member, day.window)})
    return {
        "schema": SCHEMA,
        "community": hex_text(day.community),
        "depth": day.depth,
        "offset_hours": day.zone.offset_hours,
        "posting": {
            "sequence": day.sequence,
            "window": posting.window,
            "revision": posting.revision,
            "as_of": posting.as_of,
            "posted_at": posting.posted_at,
            "state": int(posting.state),
            "attested_by": [hex_text(a) for a in posting.attested_by],
            "contested_by": [hex_text(a) for a in posting.contested_by],
            "digest": hex_text(posting.digest),
            "final_at": posting.final_at,
        },
        "bindings": [
            {
                name: hex_text(value) if isinstance(value, bytes) else value
                for name in Binding.__slots__
                for value in (getattr(binding, name),)
            }
            for binding in day.bindings(member, day.window)
        ],
        "memberships": [
            {
                "agreement": m.agreement,
                "role": int(m.role),
                "from_day": m.from_day,
                "end_day": m.end_day,
                "parameters": hex_text(m.parameters),
                "terms": terms_json(t),
            }
            for m, t in day.memberships(member, day.window)
        ],
        "readers": [
            {
                "reader": r,
                "keys": [hex_text(a) for a in day.reader_keys(r)],
                "anchored": [day.anchored_at(r, day.window, i) for i in range(day.count(r, day.window))],
                "withheld_at": day.withheld_at(r, day.window),
            }
            for r in readers
        ],
        "batches": [{"batch": b, "digest": hex_text(day.batch(b))} for b in day.batches()],
    }


class FileChain:
    """A chain-facts file as a ChainView."""

    def __init__(self, text: str) -> None:
        top = Reader(json.loads(text))
        self.community = top["community"].data(32)
        self.depth = top["depth"].number(5)
        self.zone = Zone(offset_hours=top["offset_hours"].number(2))
        self._bindings = top["bindings"].list_of(_read_binding)
        self._memberships = top["memberships"].list_of(_read_membership)
        self._readers = {r["reader"]: r for r in json.loads(text)["readers"]}
        self._batches = dict(top["batches"].list_of(lambda r: (r["batch"].number(64), r["digest"].data(32))))
        self._sequence = top["posting"]["sequence"].number(64)
        self._posting = _read_posting(top["posting"])

    def _reader(self, reader: int) -> dict[str, Any]:
        found: dict[str, Any] = self._readers.get(reader, {"keys": [], "anchored": [], "withheld_at": 0})
        return found

    @property
    def posted_at(self) -> int:
        return self._posting.posted_at

    def bindings(self, member: int, window: int) -> Sequence[Binding]:
        return [b for b in self._bindings if b.member == member and b.live(window)]

    def memberships(self, member: int, window: int) -> Sequence[tuple[Membership, Terms]]:
        return [(m, t) for m, t in self._memberships if m.live(window)]

    def count(self, reader: int, window: int) -> int:
        return len(self._reader(reader)["anchored"])

    def batch(self, batch: int) -> bytes:
        return self._batches.get(batch, bytes(32))

    def withheld_at(self, reader: int, window: int) -> int:
        return int(self._reader(reader)["withheld_at"])

    def reader_keys(self, reader: int) -> Sequence[bytes]:
        return [bytes.fromhex(key[2:]) for key in self._reader(reader)["keys"]]

    def anchored_at(self, reader: int, window: int, revision: int) -> int:
        return int(self._reader(reader)["anchored"][revision])

    def posting(self, sequence: int) -> PostingFacts | None:
        return self._posting if sequence == self._sequence else None


def _read_binding(r: Reader) -> Binding:
    return Binding(
        meter=r["meter"].data(32),
        **{name: r[name].number(32) for name in Binding.__slots__ if name != "meter"},
    )


def _read_membership(r: Reader) -> tuple[Membership, Terms]:
    membership = Membership(
        agreement=r["agreement"].number(32),
        role=Role(r["role"].number(8)),
        from_day=r["from_day"].number(32),
        end_day=r["end_day"].number(32),
        parameters=r["parameters"].data(32),
    )
    return membership, read_terms(r["terms"])


def _read_posting(r: Reader) -> PostingFacts:
    return PostingFacts(
        window=r["window"].number(32),
        revision=r["revision"].number(16),
        as_of=r["as_of"].number(64),
        posted_at=r["posted_at"].number(64),
        state=PostingState(r["state"].number(8)),
        attested_by=r["attested_by"].list_of(lambda x: x.data(20)),
        contested_by=r["contested_by"].list_of(lambda x: x.data(20)),
        digest=r["digest"].data(32),
        final_at=r["final_at"].number(64),
    )

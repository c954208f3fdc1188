"""Days of a community at four sizes: one metering operator signs for all, or every meter for itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from lindenstrom.chain.acts import Acts, Addresses
from lindenstrom.chain.batches import MAX_BATCH, SignedAnchor, dense
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.signing import Curve, key_of, sign_on
from lindenstrom_contracts.bindings import structs
from lindenstrom_contracts.testing import Community
from tests.gas.node import Node

SIZES = (10, 100, 1_000, 10_000)
SLOTS = 96
BUDGET_BATCH = 200
P256_FIRST = max(SIZES)
"""Readers from here on sign with P-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Gas of a window's own transactions. meters: by community size, all batches together; batches: by records."""

    anchor: int
    meters: dict[int, int]
    batches: dict[int, int]
    batch_p256: int
    post: int
    attest: int
    finalise: int


def measure(node: Node, community: Community) -> Days:
    """The second day of a community of 10 200 readers: on the first one, counters are written for the first time."""
    add_readers(node, community)
    first = community.registry.first_window()
    node.advance_to(community.registry.window_end(first) + 3_600)
    anchor_all(community, first, range(8, 16))
    settle(community, first)
    window = first + 1
    fresh = node.snapshot()
    meters, batches = {}, {}
    for size in SIZES:
        meters[size] = sum(anchor_all(community, window, range(size)))
        fresh = node.revert(fresh)
    for size in (BUDGET_BATCH, MAX_BATCH):
        (batches[size],) = anchor_all(community, window, range(size))
        fresh = node.revert(fresh)
    (p256,) = anchor_all(community, window, range(P256_FIRST, P256_FIRST + BUDGET_BATCH))
    fresh = node.revert(fresh)
    (signed,) = signed_roots(community, window, [0])
    a = signed.act
    row = structs.Anchor(reader=a.reader, window=a.window, revision=a.revision, root=a.root, signature=signed.signature)
    anchor = community.reading_log.anchor(row).gas_used
    post, attest, finalise = settle(community, window)
    return Days(
        anchor=anchor, meters=meters, batches=batches, batch_p256=p256, post=post, attest=attest, finalise=finalise
    )


def curve_of(reader: int) -> Curve:
    return Curve.SECP256K1 if reader < P256_FIRST else Curve.P256


def secret_of(community: Community, reader: int) -> bytes:
    """The kit's cast has the first two readers."""
    mine = community.cast.readers.get(reader)
    return keccak(b"the key of meter" + u32(reader)) if mine is None else mine.key


def add_readers(node: Node, community: Community) -> None:
    """All readers that the sizes ask for, in few requests."""
    registry = community.registry
    places = (registry, community.agreements, community.reading_log, community.settlement)
    acts = Acts(Addresses(**dict(zip(Addresses.__slots__, (place.address for place in places), strict=True))))
    last = P256_FIRST + BUDGET_BATCH
    calls = [
        acts.add_reader(i, key_of(secret_of(community, i), curve_of(i))).data
        for i in range(registry.reader_count(), last)
    ]
    node.send_all(registry.address, calls, key=community.cast.operator.key, gas_each=200_000)
    assert registry.reader_count() == last


def settle(community: Community, window: int) -> tuple[int, int, int]:
    """Post, attest, finalise a window; the gas of each."""
    chain, settlement, cast = community.chain, community.settlement, community.cast
    as_of = community.registry.window_end(window) + community.constants.close_delay
    chain.advance_to(max(as_of, chain.now + 1))
    sequence = settlement.next_sequence()
    header = structs.Header(
        window=window, revision=0, as_of=as_of, statements_root=keccak(b"statements" + u32(window)),
        results_root=keccak(b"results" + u32(window)), sources_root=keccak(b"sources" + u32(window)),
    )  # fmt: skip
    posted = settlement.by(cast.operator).post(sequence, header)
    digest = settlement.posting(sequence).digest
    attested = settlement.by(cast.auditors[0]).attest(sequence, digest)
    chain.advance(seconds=community.constants.objection_period)
    final = settlement.finalise(sequence, digest)
    return posted.gas_used, attested.gas_used, final.gas_used


def anchor_all(community: Community, window: int, readers: Sequence[int]) -> list[int]:
    """One root of each reader, in as few transactions as the contract allows; the gas of each."""
    signed = signed_roots(community, window, readers)
    used = []
    for start in range(0, len(signed), MAX_BATCH):
        sent = community.reading_log.anchor_many(dense(signed[start : start + MAX_BATCH]))
        assert len(sent.events) == 1, "every record was taken"
        used.append(sent.gas_used)
    assert community.reading_log.count(readers[-1], window) == 1
    return used


def signed_roots(community: Community, window: int, readers: Sequence[int]) -> list[SignedAnchor]:
    """A made-up root of each reader."""
    domain = community.registry.domain_separator()
    acts = [Anchor(reader=i, window=window, revision=0, root=keccak(b"root" + u32(i) + u32(window))) for i in readers]
    return [
        SignedAnchor(
            act=act, signature=sign_on(secret_of(community, act.reader), act.digest(domain), curve_of(act.reader))
        )
        for act in acts
    ]

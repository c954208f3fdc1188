"""What a bundle keeps silent about: the member shows it from the chain and from own copies, and the contract voids."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import pack_leaf
from lindenstrom.core.refutation import Reason, recompute
from lindenstrom.evidence import sharpened
from lindenstrom.facts import ChainFacts
from lindenstrom.mailbox import PackDelivery
from lindenstrom.roster import CommunityReader
from tests.support.example_chain import ExampleChain, example_chain
from tests.support.example_day import BINDINGS, DEPTH, READER_KEYS, WINDOW, ExampleDay, example_pack

pytestmark = pytest.mark.integration


def delivery(world: ExampleChain, reader: int, revision: int) -> PackDelivery:
    """The reader's good packs at a revision, signed."""
    mine = [b for b in BINDINGS if b.reader == reader]
    packs = {b.position: example_pack(b, world.community.id, revision).encode() for b in mine}
    tree = PositionalTree(depth=DEPTH, leaves={at: pack_leaf(pack) for at, pack in packs.items()})
    act = Anchor(reader=reader, window=WINDOW, revision=revision, root=tree.root)
    signature = world.sign(READER_KEYS[reader], act)
    return PackDelivery(
        reader=reader, window=WINDOW, revision=revision, root=tree.root, signature=signature, packs=packs
    )


def anchor(world: ExampleChain, given: PackDelivery) -> None:
    act = Anchor(reader=given.reader, window=given.window, revision=given.revision, root=given.root)
    world.send(world.contracts.anchor(SignedAnchor(act=act, signature=given.signature)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ExampleChain]:
    """Both readers anchored all they have; the operator's day says that reader 1 anchored nothing."""
    with example_chain(tmp_path, lambda w: anchor(w, delivery(w, 1, 0))) as made:
        yield made


def judge(world: ExampleChain, day: ExampleDay, member: int, own: list[PackDelivery]) -> Reason | None:
    bundle = day.bundle(member)
    anchorings = CommunityReader(world.chain, world.community).anchorings(WINDOW)
    opening = sharpened(bundle, anchorings, own)
    reason = recompute(ChainFacts(world.contracts, day.sequence), bundle.header, member, opening).reason
    if reason is not None:
        result = world.send(world.refutation(day, member, opening))
        (voided,) = [e for e in world.contracts.events(result) if e.name == "Voided"]  # type: ignore[arg-type]
        assert voided["reason"] == reason
    return reason


def test_an_unfounded_replacement_falls_to_the_member_s_own_copy(world: ExampleChain) -> None:
    day = world.post(world.day)
    assert judge(world, day, 4, []) is None
    other = delivery(world, 0, 0)
    assert judge(world, day, 4, [other]) is None
    assert judge(world, day, 4, [delivery(world, 1, 0), other]) is Reason.REPLACEMENT_UNFOUNDED


def test_a_stale_source_falls_to_the_newer_record_alone(tmp_path: Path) -> None:
    def twice(world: ExampleChain) -> None:
        anchor(world, delivery(world, 0, 0))
        anchor(world, delivery(world, 0, 1))

    with example_chain(tmp_path, twice) as world:
        day = world.post(world.day)
        assert judge(world, day, 2, []) is Reason.SOURCE_STALE

"""Random communities, settled in Python and recomputed by the deployed contract: honest days stand, lies fall (I11).

`pytest -m deep` tries more of them; LINDENSTROM_DIFFERENTIAL sets how many.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.chain.deploy import OBJECTION_PERIOD_S
from lindenstrom.chain.errors import ContractRefused
from lindenstrom.core.allocation import DayResult
from lindenstrom.core.clearing import ONE, Triple
from lindenstrom.core.eip712 import Anchor, RefuteLevels
from lindenstrom.core.refutation import Reason, recompute
from lindenstrom.core.statements import Source
from lindenstrom.core.terms import Key, Rule
from lindenstrom.facts import ChainFacts
from tests.support.example_chain import MEMBER_KEYS, ExampleChain, example_chain
from tests.support.example_day import Lie, cheat_lines, wrong_net
from tests.support.made_day import WINDOWS, MadeDay, made_day

pytestmark = pytest.mark.integration

QUICK = ((4, WINDOWS[0]), (21, WINDOWS[1]), (30, WINDOWS[2]))
"""Every key, every price rule, replaced and swapped meters; days of 100, 96 and 92 quarter-hours."""
MANY = int(os.environ.get("LINDENSTROM_DIFFERENTIAL", "40"))


@contextmanager
def community(seed: int, window: int, folder: Path) -> Iterator[ExampleChain]:
    """A made-up community on a chain of its own, its day not posted yet."""
    start = (window - 5) * 86_400 + 3_600
    with example_chain(
        folder,
        start=start,
        day_of=lambda ref: made_day(seed, ref, window=window),
    ) as world:
        yield world


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """A lie about one member's day and what the contract has to call it."""

    name: str
    lie: Lie
    reason: Reason


def bent(agreement: int, slot: int, **changes: int) -> Callable[[DayResult], DayResult]:
    def change(result: DayResult) -> DayResult:
        row = list(result.triples[agreement])
        row[slot] = replace(row[slot], **changes)
        return replace(result, triples={**result.triples, agreement: tuple(row)})

    return change


def tricks(day: MadeDay, member: int, rng: Random) -> list[Trick]:
    """One lie of every kind that the member's day allows."""
    agreement = rng.choice([p.agreement for p in day.places if p.member == member])
    terms, slot = day.terms[agreement], rng.randrange(day.slots)
    honest: Triple = day.result().triples[agreement][slot]
    binding = next(b for b in day.bindings_held if b.member == member)
    outside = {
        Rule.AUCTION: (terms.price_b_ueur_kwh + 1) % 2**32
        if terms.price_b_ueur_kwh < 2**32 - 1
        else terms.price_a_ueur_kwh - 1,
    }
    wrong_price = outside.get(terms.rule, honest.price_ueur_kwh ^ 1)
    found = [
        Trick(name="amount", lie=Lie(result=cheat_lines(member, -1)), reason=Reason.LINES_DIFFER),
        Trick(name="net", lie=Lie(result=wrong_net(member)), reason=Reason.NET_DIFFERS),
        Trick(name="giver level", lie=Lie(result=bent(agreement, slot, giver_level=ONE + 1)),
              reason=Reason.LEVEL_RANGE),
        Trick(name="source", lie=Lie(source=lambda i, s: Source.anchored(9) if i == binding.id else s),
              reason=Reason.SOURCE_NOT_ANCHORED),
    ]  # fmt: skip
    if wrong_price >= 0:
        found.append(
            Trick(name="price", lie=Lie(result=bent(agreement, slot, price_ueur_kwh=wrong_price)),
                  reason=Reason.PRICE_DIFFERS)
        )  # fmt: skip
    if terms.key is Key.STATIC:
        found.append(
            Trick(name="pool", lie=Lie(result=bent(agreement, slot, taker_level=2 ** (32 + day.depth) + 1)),
                  reason=Reason.LEVEL_RANGE)
        )  # fmt: skip
    return found


def other_level(day: MadeDay, member: int, rng: Random) -> MadeDay | None:
    """A day in which only levels of one slot lie, such that the member's lines no longer follow; None if none does."""
    slots = list(range(day.slots))
    rng.shuffle(slots)
    for place in (p for p in day.places if p.member == member):
        for slot in slots[:20]:
            honest = day.result().triples[place.agreement][slot]
            for changes in ({"taker_level": honest.taker_level // 2}, {"giver_level": honest.giver_level // 2}):
                lying = replace(day, lie=Lie(result=bent(place.agreement, slot, **changes)))
                bundle = lying.bundle(member)
                if recompute(lying, bundle.header, member, bundle.opening).reason is Reason.LINES_DIFFER:
                    return lying
    return None


def void_reason(world: ExampleChain, day: MadeDay, member: int) -> Reason:
    """Post a lying day, refute it; the reason that the contract gives, after the twin has given the same."""
    posted = world.post(day)
    bundle, facts = posted.bundle(member), ChainFacts(world.contracts, posted.sequence)
    expected = recompute(facts, bundle.header, member, bundle.opening).reason
    found = voided(world, world.refutation(posted, member))
    assert found is expected
    return found


def voided(world: ExampleChain, call: ContractCall) -> Reason:
    """Send what voids a posting; for which reason the contract did."""
    result = world.send(call)
    (event,) = [e for e in world.contracts.events(result) if e.name == "Voided"]  # type: ignore[arg-type]
    return Reason(event["reason"])


def about_levels(world: ExampleChain, day: MadeDay, agreement: int, slot: int) -> ContractCall:
    """A party's call for the contract to check one slot's triple."""
    member = next(p.member for p in day.places if p.agreement == agreement)
    bundle = day.bundle(member)
    opened = next(a.opening for a in bundle.agreements if a.membership.agreement == agreement)
    act = RefuteLevels(member=member, sequence=day.sequence, posting=bundle.digest, agreement=agreement)
    return world.contracts.refute_levels(act, bundle.header, slot, opened.result, world.sign(MEMBER_KEYS[member], act))


def both_held_back(world: ExampleChain, day: MadeDay, rng: Random) -> int:
    """One slot in which takers and givers are both held back falls in each agreement, unless its key is static."""
    told = 0
    for agreement, terms in day.terms.items():
        if terms.key is Key.STATIC:
            continue  # its level is the pool, which says nothing about who is held back
        slot = rng.randrange(day.slots)
        lying = world.post(replace(day, lie=Lie(result=bent(agreement, slot, taker_level=5, giver_level=ONE - 1))))
        call = about_levels(world, lying, agreement, slot)
        assert voided(world, call) is Reason.BOTH_CURTAILED
        told += 1
    return told


def compare(seed: int, window: int, folder: Path) -> int:
    """Everything that is to hold of one community; how many lies were told."""
    told = 0
    rng = Random(seed)
    with community(seed, window, folder) as world:
        day = world.day
        assert isinstance(day, MadeDay)
        members = sorted({p.member for p in day.places})
        for member in members:
            for trick in rng.sample(all_of := tricks(day, member, rng), min(2, len(all_of))):
                assert void_reason(world, replace(day, lie=trick.lie), member) is trick.reason, trick.name
                told += 1
        lying = other_level(day, members[0], rng)
        if lying is not None:
            assert void_reason(world, lying, members[0]) is Reason.LINES_DIFFER
            told += 1
        told += both_held_back(world, day, rng)
        posted = world.post(day)
        for agreement in day.terms:
            for slot in rng.sample(range(day.slots), 2):
                with pytest.raises(ContractRefused, match="NothingWrong"):
                    world.chain.call(about_levels(world, posted, agreement, slot))
        for member in members:
            with pytest.raises(ContractRefused, match="NothingWrong"):
                world.chain.call(world.refutation(posted, member))
        assert world.contracts.live(window) == posted.sequence
        return told + corrected(world, posted, members)


def corrected(world: ExampleChain, final: MadeDay, members: list[int]) -> int:
    """Once the day is final, reader 0 signs again, and the window's correction is recomputed as the day was."""
    digest = final.committed().digest
    world.chain.advance_to(world.chain.now() + OBJECTION_PERIOD_S)
    world.send(world.contracts.finalise(final.sequence, digest))
    plan = replace(final, second=(0, 0))
    act = Anchor(reader=0, window=final.window, revision=1, root=plan.record(0, 1).root)
    world.send(world.contracts.anchoring([SignedAnchor(act=act, signature=world.sign(final.readers[0], act))]))
    second = world.contracts.anchored(0, final.window)[1]
    world.chain.advance_to(world.chain.now() + 60)
    day = replace(final, revision=1, as_of=world.chain.now(), second=(second.batch, second.time))
    lying = replace(day, lie=Lie(result=cheat_lines(members[0], 1)))
    assert void_reason(world, lying, members[0]) is Reason.LINES_DIFFER
    posted = world.post(day)
    for member in members:
        with pytest.raises(ContractRefused, match="NothingWrong"):
            world.chain.call(world.refutation(posted, member))
    return 1


@pytest.mark.parametrize(("seed", "window"), QUICK)
def test_the_contract_recomputes_what_python_settled(seed: int, window: int, tmp_path: Path) -> None:
    assert compare(seed, window, tmp_path) >= 4


@pytest.mark.deep
@pytest.mark.timeout(3_600)
def test_the_contract_recomputes_many_communities(tmp_path: Path) -> None:
    told = 0
    for seed in range(100, 100 + MANY):
        folder = tmp_path / str(seed)
        folder.mkdir()
        told += compare(seed, WINDOWS[seed % 3], folder)
    assert told >= 4 * MANY

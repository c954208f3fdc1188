"""Demands, answers and levels through the Python wrappers, on the contract and its twin."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lindenstrom.chain.contracts import DemandCount, DemandState
from lindenstrom.chain.errors import ContractRefused
from lindenstrom.core.allocation import DayResult
from lindenstrom.core.clearing import ONE
from lindenstrom.core.eip712 import Demand, RefuteLevels
from lindenstrom.core.refutation import Reason, recompute_levels
from lindenstrom.facts import ChainFacts
from tests.support.example_chain import AUDITOR_KEY, MEMBER_KEYS, ExampleChain, example_chain
from tests.support.example_day import WINDOW, ExampleDay, Lie

pytestmark = pytest.mark.integration
BALANCED = 2  # the proportional agreement


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleChain]:
    with example_chain(tmp_path_factory.mktemp("chain")) as made:
        yield made


def starved(result: DayResult) -> DayResult:
    first, *rest = result.triples[BALANCED]
    both = replace(first, taker_level=1, giver_level=ONE - 1)
    return replace(result, triples={**result.triples, BALANCED: (both, *rest)})


def levels_call(world: ExampleChain, day: ExampleDay, slot: int) -> tuple[Any, Reason | None]:
    bundle = day.bundle(2)
    mine = next(a for a in bundle.agreements if a.membership.agreement == BALANCED)
    opened = mine.opening.result
    act = RefuteLevels(member=2, sequence=day.sequence, posting=bundle.digest, agreement=BALANCED)
    call = world.contracts.refute_levels(act, bundle.header, slot, opened, world.sign(MEMBER_KEYS[2], act))
    facts = ChainFacts(world.contracts, day.sequence)
    return call, recompute_levels(facts, bundle.header, BALANCED, mine.terms, slot, opened)


def demand(world: ExampleChain, day: ExampleDay, member: int) -> None:
    digest = day.committed().digest
    act = Demand(member=member, sequence=day.sequence, posting=digest, public_answer=True)
    world.send(world.contracts.demand(act, world.sign(MEMBER_KEYS[member], act)))


def void_reason(world: ExampleChain, result: Any) -> Reason:
    (event,) = [e for e in world.contracts.events(result) if e.name == "Voided"]
    return Reason(event["reason"])


def test_levels_and_demands(world: ExampleChain) -> None:
    contracts = world.contracts
    lying = world.post(replace(world.day, lie=Lie(result=starved)))
    call, reason = levels_call(world, lying, 1)
    assert reason is None
    with pytest.raises(ContractRefused, match="NothingWrong"):
        world.send(call)
    call, reason = levels_call(world, lying, 0)
    assert reason is Reason.BOTH_CURTAILED
    assert void_reason(world, world.send(call)) is reason

    day = world.post(world.day)
    bundle = day.bundle(2)
    demand(world, day, 2)
    assert contracts.demand_of(WINDOW, 0, 2).state is DemandState.OPEN
    world.send(contracts.answer(day.sequence, 2, bundle.header, bundle.opening))
    assert contracts.demand_of(WINDOW, 0, 2).state is DemandState.ANSWERED
    demand(world, day, 3)
    world.send(contracts.confirm_delivery(day.sequence, bundle.digest, 3), AUDITOR_KEY)
    counted = contracts.demands(day.sequence)
    assert counted == DemandCount(open=0, last_answer_at=world.chain.now())
    demand(world, day, 4)
    world.send(contracts.contest(day.sequence, bundle.digest), AUDITOR_KEY)
    with pytest.raises(ContractRefused, match="NotOverdue"):
        world.send(contracts.void_overdue(day.sequence, bundle.digest, 4))
    world.chain.advance_to(contracts.demand_of(WINDOW, 0, 4).due_at + 1)
    result = world.send(contracts.void_overdue(day.sequence, bundle.digest, 4))
    assert void_reason(world, result) is Reason.DEMAND_OVERDUE
    assert contracts.live(WINDOW) == 0

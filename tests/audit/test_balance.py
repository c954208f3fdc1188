"""The auditor's balance of every slot (I1, I2): honest days of every key and rule pass, a shifted level does not."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.audit.balance import first_imbalance
from lindenstrom.core.allocation import DayResult, MemberEnergy, Place
from lindenstrom.core.clearing import member_slot
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from tests.core.test_invariants_day import Community, communities, metered, parties

DEPTH = 6
AUCTION = Terms(steward=0, key=Key.PROPORTIONAL, rule=Rule.AUCTION, price_a_ueur_kwh=4, price_b_ueur_kwh=10)


def imbalance(c: Community, result: DayResult) -> tuple[int, int] | None:
    return first_imbalance(
        slot_count=c.slots,
        energy=c.energy,
        agreements=c.agreements,
        places=c.places,
        triples=result.triples,
        depth=DEPTH,
    )


def given_mwh(c: Community, result: DayResult, agreement: int, slot: int) -> int:
    """What an agreement's givers give in a slot, each computed from the own offer and the triples alone."""
    total = 0
    for member in {p.member for p in c.places}:
        mine, own = parties(c, member), metered(c, member)
        row = [result.triples[a][slot] for a, _ in mine]
        shares = member_slot(own.draw_mwh[slot], own.feed_mwh[slot], [party for _, party in mine], row)
        total += sum(gave for (a, _), (_, gave) in zip(mine, shares, strict=True) if a == agreement)
    return total


@given(communities())
@settings(max_examples=150, deadline=None)
def test_honest_days_balance(c: Community) -> None:
    assert imbalance(c, c.clear()) is None


@given(communities(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_shifted_giver_level_is_found(c: Community, data: st.DataObject) -> None:
    result = c.clear()
    for agreement in sorted(result.triples):
        count = sum(1 for p in c.places if p.agreement == agreement)
        slot = data.draw(st.integers(0, c.slots - 1))
        triples = list(result.triples[agreement])
        triples[slot] = replace(triples[slot], giver_level=0 if triples[slot].giver_level else 2**32)
        changed = replace(result, triples={**result.triples, agreement: tuple(triples)})
        before, after = (given_mwh(c, r, agreement, slot) for r in (result, changed))
        if abs(after - before) > count:  # less may be a floor's doing
            assert imbalance(c, changed) is not None


def test_a_known_shift_is_found() -> None:
    c = Community(
        slots=1,
        energy={
            2: MemberEnergy(draw_mwh=(400,), feed_mwh=(0,)),
            3: MemberEnergy(draw_mwh=(0,), feed_mwh=(1000,)),
        },
        agreements={1: AUCTION},
        places=(
            Place(member=2, agreement=1, role=Role.TAKER, parameters=Parameters(limit_ueur_kwh=8, salt=bytes(32))),
            Place(member=3, agreement=1, role=Role.GIVER, parameters=Parameters(limit_ueur_kwh=6, salt=bytes(32))),
        ),
    )
    result = c.clear()
    (triple,) = result.triples[1]
    assert imbalance(c, result) is None
    for wrong in (replace(triple, price_ueur_kwh=9), replace(triple, giver_level=0), replace(triple, price_ueur_kwh=5)):
        assert imbalance(c, replace(result, triples={1: (wrong,)})) == (1, 0)

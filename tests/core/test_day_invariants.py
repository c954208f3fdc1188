"""I1, I2 and I3 over a whole day with several agreements, and that every member recomputes what was cleared (I7)."""

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day, running_order
from lindenstrom.core.clearing import Party
from lindenstrom.core.refutation import recompute_lines
from lindenstrom.core.terms import FEE_ACCOUNT, NO_CAP, ROUNDING_ACCOUNT, Key, Parameters, Role, Rule, Terms

SLOTS = 2
ROLES = (Role.TAKER, Role.GIVER, Role.BOTH)
ENERGY = st.one_of(st.integers(0, 9), st.integers(0, 10**6), st.integers(2**32 - 9, 2**32 - 1), st.just(2**34 - 4))
PRICE = st.sampled_from([0, 1, 110_000, 2**32 - 1])
MEMBERS = st.dictionaries(
    st.integers(2, 8),
    st.builds(
        lambda draw, feed: MemberEnergy(draw_mwh=draw, feed_mwh=feed),
        st.tuples(*[ENERGY] * SLOTS),
        st.tuples(*[ENERGY] * SLOTS),
    ),
    min_size=1,
)
TERMS = st.builds(
    Terms,
    steward=st.just(0),
    key=st.sampled_from([Key.PROPORTIONAL, Key.STATIC]),
    rule=st.sampled_from([Rule.FIXED, Rule.MID_MARKET]),
    price_a_ueur_kwh=PRICE,
    price_b_ueur_kwh=PRICE,
    fee_ueur_kwh=PRICE,
    cap_mwh=st.sampled_from([NO_CAP, 0, 7, 10**5]),
    priority=st.integers(0, 2),
)
PARAMETERS = st.builds(
    Parameters,
    weight=st.integers(0, 10**6),
    share_ppm=st.sampled_from([0, 1, 333_333, 10**6]),
    salt=st.just(bytes(32)),
)


@st.composite
def days(draw: st.DrawFn) -> tuple[dict[int, MemberEnergy], dict[int, Terms], list[Place]]:
    energy = draw(MEMBERS)
    terms = draw(st.dictionaries(st.integers(1, 9), TERMS, min_size=1, max_size=3))
    places = [
        Place(member=member, agreement=agreement, role=draw(st.sampled_from(ROLES)), parameters=draw(PARAMETERS))
        for agreement in terms
        for member in sorted(energy)
        if draw(st.booleans())
    ]
    return energy, {a: terms[a] for a in {p.agreement for p in places}}, places


def all_lines(result: DayResult, member: int) -> tuple[int, int]:
    lines = result.lines.get(member, ())
    return sum(line.taken_mwh for line in lines), sum(line.given_mwh for line in lines)


@forall(days())
@settings(max_examples=120, deadline=None)
def test_a_day_balances_in_energy_and_money(day: tuple[dict[int, MemberEnergy], dict[int, Terms], list[Place]]) -> None:
    energy, terms, places = day
    result = clear_day(slot_count=SLOTS, energy=energy, agreements=terms, places=places)
    assert sum(result.net_peur(member) for member in result.lines) == 0
    for member, metered in energy.items():
        took, gave = all_lines(result, member)
        rest = result.residual[member]
        assert took + sum(rest.draw_mwh) == sum(metered.draw_mwh)
        assert gave + sum(rest.feed_mwh) == sum(metered.feed_mwh)
        assert all(0 <= r <= m for r, m in zip(rest.draw_mwh, metered.draw_mwh, strict=True))
        assert all(0 <= r <= m for r, m in zip(rest.feed_mwh, metered.feed_mwh, strict=True))
    for agreement in terms:
        lines = [line for m in energy for line in result.lines.get(m, ()) if line.agreement == agreement]
        parties = sum(p.agreement == agreement for p in places)
        more = sum(line.given_mwh for line in lines) - sum(line.taken_mwh for line in lines)
        assert 0 <= more < 2 * SLOTS * parties  # a member may be on both sides, so 2 parties
    order = running_order(terms)
    for account in (FEE_ACCOUNT, ROUNDING_ACCOUNT) if terms else ():
        assert [line.agreement for line in result.lines[account]] == order


@forall(days())
@settings(max_examples=120, deadline=None)
def test_every_member_recomputes_their_own_lines(
    day: tuple[dict[int, MemberEnergy], dict[int, Terms], list[Place]],
) -> None:
    energy, terms, places = day
    result = clear_day(slot_count=SLOTS, energy=energy, agreements=terms, places=places)
    for member, metered in energy.items():
        own = {p.agreement: p for p in places if p.member == member}
        order = [a for a in running_order(terms) if a in own]
        parties = [(a, Party(role=own[a].role, parameters=own[a].parameters, terms=terms[a])) for a in order]
        triples = [result.triples[a] for a in order]
        lines = recompute_lines(parties, triples, metered.draw_mwh, metered.feed_mwh)
        assert lines == result.lines.get(member, ())

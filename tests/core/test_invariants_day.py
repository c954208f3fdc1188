"""Whole days of random small communities: the fast clearing against the plain rules, and I1, I2, I3, I5 and I7."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day, running_order
from lindenstrom.core.clearing import (
    Party,
    Triple,
    amount_peur,
    auction,
    both_curtailed,
    levels,
    member_slot,
    offer,
    party_given,
    party_taken,
)
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.refutation import recompute_lines
from lindenstrom.core.statements import Source
from lindenstrom.core.terms import FEE_ACCOUNT, ROUNDING_ACCOUNT, Key, Parameters, Role, Rule, Terms
from tests.support.strategies import terms

ENERGY = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 10**6), st.integers(2**32 - 9, 2**32 - 1))
PRICES = st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))
SHARE = st.one_of(st.just(10**6), st.integers(0, 10**6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    slots: int
    energy: Mapping[int, MemberEnergy]
    agreements: Mapping[int, Terms]
    places: tuple[Place, ...]

    def clear(self) -> DayResult:
        return clear_day(slot_count=self.slots, energy=self.energy, agreements=self.agreements, places=self.places)


@st.composite
def communities(draw: st.DrawFn) -> Community:
    slots = draw(st.integers(1, 3))
    members = range(2, 2 + draw(st.integers(1, 5)))
    row = st.lists(ENERGY, min_size=slots, max_size=slots).map(tuple)
    agreements = dict(enumerate(draw(st.lists(terms(PRICES, ENERGY), min_size=1, max_size=4)), start=1))
    places = [
        Place(
            member=member,
            agreement=agreement,
            role=draw(st.sampled_from([Role.TAKER, Role.GIVER, Role.BOTH])),
            parameters=Parameters(
                weight=draw(st.one_of(st.integers(0, 3), st.integers(0, 10**6))),
                share_ppm=draw(SHARE),
                limit_ueur_kwh=draw(st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))),
                salt=keccak(u32(member) + u32(agreement)),
            ),
        )
        for member in members
        for agreement in agreements
        if draw(st.booleans())
    ]
    metered = draw(st.sets(st.sampled_from(list(members))))  # who has no meter counts zero
    energy = {m: MemberEnergy(draw_mwh=draw(row), feed_mwh=draw(row)) for m in sorted(metered)}
    live = {p.agreement for p in places}
    return Community(
        slots=slots,
        energy=energy,
        agreements={a: t for a, t in agreements.items() if a in live},
        places=tuple(places),
    )


def metered(c: Community, member: int) -> MemberEnergy:
    zeros = (0,) * c.slots
    return c.energy.get(member, MemberEnergy(draw_mwh=zeros, feed_mwh=zeros))


def parties(c: Community, member: int) -> list[tuple[int, Party]]:
    mine = {p.agreement: p for p in c.places if p.member == member}
    return [
        (a, Party(role=mine[a].role, parameters=mine[a].parameters, terms=c.agreements[a]))
        for a in running_order(c.agreements)
        if a in mine
    ]


def plain_triple(its: Terms, draws: list[tuple[Place, int]], feeds: list[tuple[Place, int]]) -> Triple:
    if its.rule is Rule.AUCTION:
        sides = [[(o, p.parameters.limit_ueur_kwh) for p, o in side] for side in (draws, feeds)]
        return auction(*sides, its.price_a_ueur_kwh, its.price_b_ueur_kwh)
    level, giver_level = levels(its.key, [(o, p.parameters.weight) for p, o in draws], [o for _, o in feeds])
    assert its.price_ueur_kwh is not None
    return Triple(price_ueur_kwh=its.price_ueur_kwh, taker_level=level, giver_level=giver_level)


def plain_slot(c: Community, slot: int) -> dict[int, Triple]:
    """The triple per agreement of one slot by the plain rules, and the balance of each (I1, I2)."""
    rest = {m: [metered(c, m).draw_mwh[slot], metered(c, m).feed_mwh[slot]] for m in {p.member for p in c.places}}
    found = {}
    for agreement in running_order(c.agreements):
        its = c.agreements[agreement]
        mine = [p for p in c.places if p.agreement == agreement]

        def offered(p: Place, side: int, cap: int = its.cap_mwh) -> int:
            whole = metered(c, p.member)
            amount = (whole.draw_mwh, whole.feed_mwh)[side][slot]
            return offer(rest[p.member][side], amount, p.parameters.share_ppm, cap)

        draws = [(p, offered(p, 0)) for p in mine if p.role & Role.TAKER]
        feeds = [(p, offered(p, 1)) for p in mine if p.role & Role.GIVER]
        triple = plain_triple(its, draws, feeds)
        assert its.price_fits(triple.price_ueur_kwh)
        assert not both_curtailed(its.key, triple)
        party = {p.member: Party(role=p.role, parameters=p.parameters, terms=its) for p in mine}
        took = {p.member: party_taken(party[p.member], triple, o) for p, o in draws}
        gave = {p.member: party_given(party[p.member], triple, o) for p, o in feeds}
        assert 0 <= sum(gave.values()) - sum(took.values()) < max(1, len(draws), len(feeds))
        assert sum(gave.values()) <= sum(o for _, o in feeds)
        for side, amounts in ((0, took), (1, gave)):
            for member, amount in amounts.items():
                rest[member][side] -= amount
                assert rest[member][side] >= 0
        found[agreement] = triple
    return found


def posted(c: Community, result: DayResult) -> CommittedDay:
    def salts(name: bytes):  # type: ignore[no-untyped-def]
        return lambda index: keccak(name + u32(index))

    return commit_day(
        community=keccak(b"community"),
        window=20_000,
        revision=0,
        as_of=1,
        sequence=1,
        depth=4,
        result=result,
        sources={m: Source.anchored(0) for m in c.energy},
        salts=DaySalts(level=salts(b"level"), line=salts(b"line"), total=salts(b"total")),
    )


@given(communities())
@settings(max_examples=150, deadline=None)
def test_a_day_follows_the_plain_rules_and_balances(c: Community) -> None:
    result = c.clear()
    for slot in range(c.slots):
        for agreement, triple in plain_slot(c, slot).items():
            assert result.triples[agreement][slot] == triple


@given(communities())
@settings(max_examples=150, deadline=None)
def test_lines_are_what_each_member_recomputes(c: Community) -> None:
    result = c.clear()
    for member in {p.member for p in c.places}:
        mine, own = parties(c, member), metered(c, member)
        triples = [result.triples[a] for a, _ in mine]
        lines = recompute_lines(mine, triples, own.draw_mwh, own.feed_mwh)
        assert result.lines[member] == lines
        rest = result.residual[member]
        assert sum(line.taken_mwh for line in lines) + sum(rest.draw_mwh) == sum(own.draw_mwh)  # I2
        assert sum(line.given_mwh for line in lines) + sum(rest.feed_mwh) == sum(own.feed_mwh)
        by_slot = [
            member_slot(own.draw_mwh[s], own.feed_mwh[s], [p for _, p in mine], [t[s] for t in triples])
            for s in range(c.slots)
        ]
        for place, (_, party) in enumerate(mine):
            fee = party.terms.fee_ueur_kwh
            prices = [triple.price_ueur_kwh for triple in triples[place]]
            due = sum(amount_peur(*row[place], price, fee) for row, price in zip(by_slot, prices, strict=True))
            assert lines[place].amount_peur == due


def with_a_remainder() -> Community:
    """One takes 1 mWh, two offer 1 mWh each: whatever the level, none or both give. Chance finds a remainder rarely."""
    parameters = Parameters(weight=1, share_ppm=10**6, salt=keccak(b"parameters"))
    its = Terms(steward=0, key=Key.PROPORTIONAL, rule=Rule.FIXED, price_a_ueur_kwh=110_000, fee_ueur_kwh=5_000)
    roles = {2: Role.TAKER, 3: Role.GIVER, 4: Role.GIVER}
    return Community(
        slots=1,
        energy={m: MemberEnergy(draw_mwh=(1,), feed_mwh=(1,)) for m in roles},
        agreements={1: its},
        places=tuple(Place(member=m, agreement=1, role=role, parameters=parameters) for m, role in roles.items()),
    )


@example(with_a_remainder())
@given(communities())
@settings(max_examples=150, deadline=None)
def test_money_sums_to_zero(c: Community) -> None:
    result = c.clear()
    assert sum(result.net_peur(m) for m in result.lines) == 0
    assert result.net_peur(10**6) == 0
    if c.places:
        assert result.net_peur(FEE_ACCOUNT) >= 0 >= result.net_peur(ROUNDING_ACCOUNT)


def shuffled(rows: Sequence[Place], seed: int) -> tuple[Place, ...]:
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    return tuple(mixed)


@given(communities(), st.integers(0, 2**16))
@settings(max_examples=150, deadline=None)
def test_the_order_of_inputs_changes_no_byte(c: Community, seed: int) -> None:
    mixed = Community(
        slots=c.slots,
        energy=dict(reversed(list(c.energy.items()))),
        agreements=dict(reversed(list(c.agreements.items()))),
        places=shuffled(c.places, seed),
    )
    once, twice, other = c.clear(), c.clear(), mixed.clear()
    assert once.triples == twice.triples == other.triples
    assert once.lines == twice.lines == other.lines
    days = [posted(c, once), posted(c, twice), posted(mixed, other)]
    assert len({d.digest for d in days}) == 1

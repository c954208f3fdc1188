"""The slow clearing, the fast one and whole days against the second implementation in tests/reference/r3.py (I7)."""

import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.clearing import Party, auction, levels, taken
from lindenstrom.core.levels import day_auction, day_levels
from lindenstrom.core.packs import decode_pack
from lindenstrom.core.refutation import recompute_lines
from lindenstrom.core.statements import Line
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from tests.reference import r3
from tests.support.example_day import REF
from tests.support.made_day import MadeDay, made_day
from tests.support.strategies import terms
from tests.vectors import generate

KEYS = st.sampled_from(list(Key))
TOP = 2**32 - 1
ENERGY = st.one_of(st.integers(0, 20), st.integers(0, 10**7), st.integers(TOP - 50, TOP))
WEIGHTS = {
    Key.PROPORTIONAL: st.integers(0, TOP),
    Key.STATIC: st.one_of(st.sampled_from([250_000, 333_333, 10**6]), st.integers(0, 10**6)),
    Key.CASCADING: st.one_of(st.integers(1, 9), st.integers(1, TOP)),
    Key.EQUAL: st.integers(0, TOP),
    Key.PRIORITY: st.one_of(st.integers(0, 3), st.integers(0, 2**16 - 1)),
}
PRICES = st.one_of(st.integers(0, 9), st.integers(0, TOP))


@st.composite
def slots(draw: st.DrawFn) -> tuple[Key, list[tuple[int, int]], list[int]]:
    key = draw(KEYS)
    return key, draw(st.lists(st.tuples(ENERGY, WEIGHTS[key]), max_size=6)), draw(st.lists(ENERGY, max_size=6))


@forall(slots())
@settings(max_examples=200)
def test_levels_are_those_of_the_reference(case: tuple[Key, list[tuple[int, int]], list[int]]) -> None:
    key, draws, feeds = case
    level, giver_level = levels(key, draws, feeds)
    assert (level, giver_level) == r3.triple(key, draws, feeds)
    for offered, weight in draws:
        for at in (level, min(level + 1, r3.M), r3.M):
            assert taken(key, at, offered, weight) == r3.taken(key, at, offered, weight)


@st.composite
def auctions(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int, int]:
    lowest, highest = sorted((draw(PRICES), draw(PRICES)))
    sides = st.lists(st.tuples(ENERGY, PRICES), max_size=5)
    return draw(sides), draw(sides), lowest, highest


@forall(auctions())
@settings(max_examples=200)
def test_auctions_are_those_of_the_reference(
    case: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int],
) -> None:
    found, expected = auction(*case), r3.auction(*case)
    assert (found.price_ueur_kwh, found.taker_level, found.giver_level) == (
        expected.price, expected.level, expected.giver_level,
    )  # fmt: skip


@forall(auctions())
@settings(max_examples=200)
def test_an_auction_trades_as_much_as_any_price_could(
    case: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int],
) -> None:
    """What the rule is for: no other price within the bounds would move more energy, and nobody is worse than asked."""
    takers, givers, lowest, highest = case
    found = r3.auction(*case)
    bids = [(c, min(highest, max(lowest, b))) for c, b in takers]
    asks = [(f, min(highest, max(lowest, s))) for f, s in givers]

    def volume(price: int) -> int:
        return min(sum(c for c, b in bids if b >= price), sum(f for f, s in asks if s <= price))

    tried = {lowest, highest, *(p for _, p in bids + asks)}
    best = max(volume(p) for q in tried for p in (q - 1, q, q + 1) if lowest <= p <= highest)
    assert lowest <= found.price <= highest and volume(found.price) == best
    assert best - len(bids) < sum(found.took) <= best or not sum(found.took) < best
    assert 0 <= sum(found.gave) - sum(found.took) <= max(0, len(bids) + len(asks) - 1)  # I1
    assert all(t == 0 or b >= found.price for t, (_, b) in zip(found.took, bids, strict=True))
    assert all(g == 0 or s <= found.price for g, (_, s) in zip(found.gave, asks, strict=True))


def columns(rows: Sequence[Sequence[int]], count: int) -> "np.ndarray":
    return np.array(rows, np.uint64).reshape(len(rows), count)


@forall(KEYS, st.data(), st.integers(1, 3), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=150)
def test_the_fast_levels_are_those_of_the_reference(
    key: Key, data: st.DataObject, count: int, takers: int, givers: int
) -> None:
    row = st.lists(ENERGY, min_size=count, max_size=count)
    draws = data.draw(st.lists(row, min_size=takers, max_size=takers))
    feeds = data.draw(st.lists(row, min_size=givers, max_size=givers))
    weights = data.draw(st.lists(WEIGHTS[key], min_size=takers, max_size=takers))
    level, giver_level = day_levels(key, columns(draws, count), np.array(weights, np.uint64), columns(feeds, count))
    for s in range(count):
        own = [(d[s], k) for d, k in zip(draws, weights, strict=True)]
        assert (int(level[s]), int(giver_level[s])) == r3.triple(key, own, [f[s] for f in feeds])


@forall(st.data(), st.integers(1, 3), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=150)
def test_the_fast_auctions_are_those_of_the_reference(
    data: st.DataObject, count: int, takers: int, givers: int
) -> None:
    row = st.lists(ENERGY, min_size=count, max_size=count)
    draws = data.draw(st.lists(row, min_size=takers, max_size=takers))
    feeds = data.draw(st.lists(row, min_size=givers, max_size=givers))
    bids, asks = (data.draw(st.lists(PRICES, min_size=n, max_size=n)) for n in (takers, givers))
    bounds = sorted((data.draw(PRICES), data.draw(PRICES)))
    found = day_auction(
        columns(draws, count), np.array(bids, np.uint64), columns(feeds, count), np.array(asks, np.uint64), *bounds
    )
    for s in range(count):
        own = [[(row[s], limit) for row, limit in zip(*side, strict=True)] for side in ((draws, bids), (feeds, asks))]
        expected = r3.auction(own[0], own[1], *bounds)
        shown = (int(x[s]) for x in (found.price_ueur_kwh, found.level, found.giver_level))
        assert tuple(shown) == (expected.price, expected.level, expected.giver_level)
        assert tuple(found.taken_mwh[:, s].tolist()) == expected.took
        assert tuple(found.given_mwh[:, s].tolist()) == expected.gave


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    slots: int
    energy: Mapping[int, MemberEnergy]
    agreements: Mapping[int, Terms]
    places: tuple[Place, ...]

    def clear(self) -> DayResult:
        return clear_day(slot_count=self.slots, energy=self.energy, agreements=self.agreements, places=self.places)

    def reference(self) -> tuple[list[r3.Slot], dict[int, list[tuple[int, int, int, int]]]]:
        return r3.day(
            {
                number: r3.Agreement(
                    t.key, t.rule, t.price_a_ueur_kwh, t.price_b_ueur_kwh, t.fee_ueur_kwh, t.cap_mwh, t.priority
                )
                for number, t in self.agreements.items()
            },
            [
                r3.Member(
                    p.member, p.agreement, bool(p.role & Role.TAKER), bool(p.role & Role.GIVER), p.parameters.weight,
                    p.parameters.share_ppm, p.parameters.limit_ueur_kwh,
                )
                for p in self.places
            ],
            {m: list(zip(e.draw_mwh, e.feed_mwh, strict=True)) for m, e in self.energy.items()},
            self.slots,
        )  # fmt: skip

    def renamed(self, names: Mapping[int, int]) -> "Community":
        """The same people under other indices, named in another order."""
        return Community(
            slots=self.slots,
            energy={names[m]: e for m, e in reversed(list(self.energy.items()))},
            agreements=dict(reversed(list(self.agreements.items()))),
            places=tuple(
                Place(member=names[p.member], agreement=p.agreement, role=p.role, parameters=p.parameters)
                for p in reversed(self.places)
            ),
        )


@st.composite
def communities(draw: st.DrawFn) -> Community:
    count = draw(st.integers(1, 3))
    members = list(range(2, 2 + draw(st.integers(1, 5))))
    row = st.lists(ENERGY, min_size=count, max_size=count).map(tuple)
    agreements = dict(enumerate(draw(st.lists(terms(PRICES, ENERGY), min_size=1, max_size=4)), start=1))
    places = tuple(
        Place(
            member=member,
            agreement=agreement,
            role=draw(st.sampled_from([Role.TAKER, Role.GIVER, Role.BOTH])),
            parameters=Parameters(
                weight=draw(WEIGHTS[its.key]),
                share_ppm=draw(st.one_of(st.just(10**6), st.integers(0, 10**6))),
                limit_ueur_kwh=draw(st.integers(its.price_a_ueur_kwh, its.price_b_ueur_kwh))
                if its.rule is Rule.AUCTION
                else 0,
                salt=bytes(32),
            ),
        )
        for member in members
        for agreement, its in agreements.items()
        if draw(st.booleans())
    )
    live = {p.agreement for p in places}
    metered = sorted(draw(st.sets(st.sampled_from(members))))
    return Community(
        slots=count,
        energy={m: MemberEnergy(draw_mwh=draw(row), feed_mwh=draw(row)) for m in metered},
        agreements={a: t for a, t in agreements.items() if a in live},
        places=places,
    )


def assert_same_day(c: Community) -> None:
    result, (found, lines) = c.clear(), c.reference()
    for agreement, row in result.triples.items():
        assert [(t.price_ueur_kwh, t.taker_level, t.giver_level) for t in row] == [s.triples[agreement] for s in found]
    assert set(result.triples) == set(found[0].triples)
    assert result.lines == {
        member: tuple(Line(agreement=a, taken_mwh=t, given_mwh=g, amount_peur=x) for a, t, g, x in rows)
        for member, rows in lines.items()
    }
    for member in {p.member for p in c.places}:
        assert recomputed(c, member, result) == result.lines[member]
    for member, rest in result.residual.items():
        assert list(zip(rest.draw_mwh, rest.feed_mwh, strict=True)) == [s.rest[member] for s in found]
    assert sum(result.net_peur(m) for m in result.lines) == 0  # I3


def recomputed(c: Community, member: int, result: DayResult) -> tuple[Line, ...]:
    """A member's lines from their own readings and the triples alone, as `verify` makes them."""
    mine = {p.agreement: p for p in c.places if p.member == member}
    own = [mine[a] for a in sorted(mine, key=lambda a: (c.agreements[a].priority, a))]
    parties = [(p.agreement, Party(role=p.role, parameters=p.parameters, terms=c.agreements[p.agreement])) for p in own]
    zeros = MemberEnergy(draw_mwh=(0,) * c.slots, feed_mwh=(0,) * c.slots)
    metered = c.energy.get(member, zeros)
    return recompute_lines(parties, [result.triples[a] for a, _ in parties], metered.draw_mwh, metered.feed_mwh)


@forall(communities())
@settings(max_examples=150)
def test_a_day_is_that_of_the_reference(c: Community) -> None:
    assert_same_day(c)


@forall(communities(), st.integers(0, 2**16))
@settings(max_examples=60)
def test_who_bears_which_index_changes_no_amount(c: Community, seed: int) -> None:
    members = sorted({*c.energy, *(p.member for p in c.places)})
    mixed = list(range(2, 2 + len(members)))
    random.Random(seed).shuffle(mixed)
    names = dict(zip(members, mixed, strict=True))
    here, there = c.clear(), c.renamed(names).clear()
    assert here.triples == there.triples
    assert {names.get(m, m): lines for m, lines in here.lines.items()} == there.lines


@pytest.mark.parametrize("count", [92, 96, 100])
def test_a_whole_day_of_every_length(count: int) -> None:
    """Every key and the auction in one community, eleven members in up to four agreements each."""
    rng = random.Random(count)
    agreements = {
        key + 1: Terms(
            steward=0, key=key, rule=Rule.FIXED if key % 2 else Rule.MID_MARKET, price_a_ueur_kwh=80_000,
            price_b_ueur_kwh=300_001, fee_ueur_kwh=rng.choice([0, 5_000]), priority=key % 3,
        )
        for key in Key
    }  # fmt: skip
    agreements[6] = Terms(
        steward=0, key=Key.PROPORTIONAL, rule=Rule.AUCTION, price_a_ueur_kwh=70_000, price_b_ueur_kwh=310_000
    )
    weights = {Key.STATIC: 150_000, Key.CASCADING: 3, Key.PRIORITY: 2}
    places = tuple(
        Place(
            member=member, agreement=a, role=rng.choice([Role.TAKER, Role.GIVER, Role.BOTH]),
            parameters=Parameters(
                weight=weights.get(agreements[a].key, 0) + rng.randrange(2), share_ppm=rng.choice([10**6, 400_000]),
                limit_ueur_kwh=70_000 + rng.randrange(5) * 60_000, salt=bytes(32),
            ),
        )
        for member in range(2, 13)
        for a in rng.sample(sorted(agreements), 4)
    )  # fmt: skip
    energy = {
        m: MemberEnergy(
            draw_mwh=tuple(rng.randrange(500_000) for _ in range(count)),
            feed_mwh=tuple(rng.randrange(900_000) if m % 2 and 30 < i < 70 else 0 for i in range(count)),
        )
        for m in range(2, 13)
    }
    assert_same_day(Community(slots=count, energy=energy, agreements=agreements, places=places))


def test_the_committed_levels_are_those_of_the_reference() -> None:
    vectors = json.loads((Path(generate.__file__).parent / "levels.json").read_text())
    for case in vectors["cases"]:
        found = r3.triple(case["key"], [tuple(d) for d in case["draws"]], case["feeds"])
        assert [str(x) for x in found] == [case["L"], case["g"]]
    for case in vectors["auctions"]:
        sides = [[tuple(party) for party in case[side]] for side in ("takers", "givers")]
        found = r3.auction(*sides, case["low"], case["high"])
        assert (found.price, str(found.level), str(found.giver_level)) == (case["price"], case["L"], case["g"])
    assert {c["key"] for c in vectors["cases"]} == set(range(5)) and vectors["auctions"]


@pytest.mark.deep
@pytest.mark.timeout(3_600)
def test_many_whole_days() -> None:
    """Made-up communities of a whole day each, every key and rule; ten times LINDENSTROM_DIFFERENTIAL of them."""
    for seed in range(10 * int(os.environ.get("LINDENSTROM_DIFFERENTIAL", "40"))):
        day = made_day(seed, REF)
        energy = {m: energy_of(day, m) for m in {b.member for b in day.bindings_held}}
        assert_same_day(Community(slots=day.slots, energy=energy, agreements=day.terms, places=tuple(day.places)))


def energy_of(day: MadeDay, member: int) -> MemberEnergy:
    packs = [decode_pack(day.pack(b)) for b in day.bindings(member, day.window)]
    sides = ([p.import_mwh for p in packs], [p.export_mwh for p in packs])
    draw, feed = (tuple(map(sum, zip(*side, strict=True))) for side in sides)
    return MemberEnergy(draw_mwh=draw, feed_mwh=feed)

"""I1, I2, I3 and I7 of the clearing, and numpy against plain integers."""

from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from lindenstrom.core.clearing import (
    NOT_LIMITED,
    ONE,
    Party,
    Triple,
    auction,
    both_curtailed,
    given,
    level_in_range,
    levels,
    member_slot,
    taken,
)
from lindenstrom.core.levels import day_auction, day_levels, given_array, taken_array
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms

KEYS = st.sampled_from(list(Key))
ENERGY = st.one_of(st.integers(0, 20), st.integers(0, 10**7), st.integers(2**32 - 50, 2**32 - 1))
WEIGHTS = st.one_of(st.integers(0, 3), st.integers(0, 10**6), st.sampled_from([65_535, 65_536, 2**32 - 1]))
DRAWS = st.lists(st.tuples(ENERGY, WEIGHTS), max_size=7)
LEVELS = st.one_of(st.integers(0, 2**40), st.integers(0, 2**63 - 1), st.integers(0, 2**64 - 1))
FEEDS = st.lists(ENERGY, max_size=7)


@forall(KEYS, DRAWS, FEEDS)
@settings(max_examples=300)
def test_energy_balances_and_nothing_is_sold_twice(key: Key, draws: list[tuple[int, int]], feeds: list[int]) -> None:
    level, giver_level = levels(key, draws, feeds)
    took = [taken(key, level, c, k) for c, k in draws]
    gave = [given(giver_level, f) for f in feeds]
    assert all(t <= c for t, (c, _) in zip(took, draws, strict=True))
    assert all(g <= f for g, f in zip(gave, feeds, strict=True))
    assert 0 <= sum(gave) - sum(took) <= max(0, len(draws) + len(feeds) - 1)
    assert sum(gave) <= sum(feeds)


@forall(KEYS, DRAWS, FEEDS)
@settings(max_examples=300)
def test_levels_are_the_extreme_ones(key: Key, draws: list[tuple[int, int]], feeds: list[int]) -> None:
    level, giver_level = levels(key, draws, feeds)
    pool, top = sum(feeds), sum(feeds) if key is Key.STATIC else NOT_LIMITED
    total = sum(taken(key, level, c, k) for c, k in draws)
    assert total <= pool and level <= top
    assert level == top or sum(taken(key, level + 1, c, k) for c, k in draws) > pool
    if level < NOT_LIMITED and key is not Key.STATIC:
        assert giver_level == ONE
    else:
        assert sum(given(giver_level, f) for f in feeds) >= total
        assert giver_level == 0 or sum(given(giver_level - 1, f) for f in feeds) < total


def columns(rows: Sequence[Sequence[int]], slots: int) -> "np.ndarray":
    return np.array(rows, np.uint64).reshape(len(rows), slots)


@forall(KEYS, st.data(), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=150)
def test_numpy_is_the_twin_of_plain_integers(
    key: Key, data: st.DataObject, slots: int, takers: int, givers: int
) -> None:
    row = st.lists(ENERGY, min_size=slots, max_size=slots)
    draws = data.draw(st.lists(row, min_size=takers, max_size=takers))
    feeds = data.draw(st.lists(row, min_size=givers, max_size=givers))
    weights = data.draw(st.lists(WEIGHTS, min_size=takers, max_size=takers))
    level, giver_level = day_levels(key, columns(draws, slots), np.array(weights, np.uint64), columns(feeds, slots))
    for s in range(slots):
        slot_draws = [(d[s], k) for d, k in zip(draws, weights, strict=True)]
        assert (int(level[s]), int(giver_level[s])) == levels(key, slot_draws, [f[s] for f in feeds])


@forall(KEYS, ENERGY, WEIGHTS, LEVELS)
def test_numpy_never_wraps(key: Key, offered: int, weight: int, level: int) -> None:
    level = min(level, 2**63 - 1) if key is Key.STATIC else level  # a static level is a pool
    array = taken_array(key, np.array([level], np.uint64), columns([[offered]], 1), np.array([weight], np.uint64))
    assert int(array[0, 0]) == taken(key, level, offered, weight)
    share = min(level, ONE)
    assert int(given_array(np.array([share], np.uint64), columns([[offered]], 1))[0, 0]) == given(share, offered)


BOUNDS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: (min(pair), max(pair)))
LIMITS = st.integers(0, 14)
SIDE = st.lists(st.tuples(ENERGY, LIMITS), max_size=7)


def auction_amounts(triple: Triple, sides: Sequence[Sequence[tuple[int, int]]], bounds: tuple[int, int]) -> list[int]:
    """Totals taken and given, each party computed from its own offer and the triple alone."""
    terms = Terms(
        steward=0, key=Key.PROPORTIONAL, rule=Rule.AUCTION, price_a_ueur_kwh=bounds[0], price_b_ueur_kwh=bounds[1]
    )
    sums = [0, 0]
    for place, side in enumerate(sides):
        for offered, limit in side:
            party = Party(
                role=Role.GIVER if place else Role.TAKER,
                parameters=Parameters(limit_ueur_kwh=limit, salt=bytes(32)),
                terms=terms,
            )
            ((took, gave),) = member_slot(*((0, offered) if place else (offered, 0)), [party], [triple])
            assert 0 <= (gave if place else took) <= offered
            if not place and took:
                assert terms.clamped(limit) >= triple.price_ueur_kwh
            if place and gave:
                assert terms.clamped(limit) <= triple.price_ueur_kwh
            sums[place] += gave if place else took
    return sums


@forall(SIDE, SIDE, BOUNDS)
@settings(max_examples=300)
def test_auctions_balance_within_limits(
    takers: list[tuple[int, int]], givers: list[tuple[int, int]], bounds: tuple[int, int]
) -> None:
    triple = auction(takers, givers, *bounds)
    assert bounds[0] <= triple.price_ueur_kwh <= bounds[1]
    assert triple.taker_level == NOT_LIMITED or triple.giver_level == ONE
    took, gave = auction_amounts(triple, (takers, givers), bounds)
    assert 0 <= gave - took <= max(0, len(takers) + len(givers) - 1)
    low, high = bounds
    bids = [(c, min(max(b, low), high)) for c, b in takers]
    asks = [(f, min(max(s, low), high)) for f, s in givers]
    best = max(min(sum(c for c, b in bids if b >= p), sum(f for f, s in asks if s <= p)) for p in range(low, high + 1))
    assert best - len(takers) < took <= best or took == best, "no other price trades more"


@forall(SIDE, SIDE, BOUNDS, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_an_auction_knows_no_order(
    takers: list[tuple[int, int]], givers: list[tuple[int, int]], bounds: tuple[int, int], random: Random
) -> None:
    shuffled = [random.sample(side, len(side)) for side in (takers, givers)]
    assert auction(takers, givers, *bounds) == auction(shuffled[0], shuffled[1], *bounds)


@forall(st.data(), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5), BOUNDS)
@settings(max_examples=150)
def test_numpy_auctions_are_the_twin(
    data: st.DataObject, slots: int, takers: int, givers: int, bounds: tuple[int, int]
) -> None:
    row = st.lists(ENERGY, min_size=slots, max_size=slots)
    draws = data.draw(st.lists(row, min_size=takers, max_size=takers))
    feeds = data.draw(st.lists(row, min_size=givers, max_size=givers))
    bids = data.draw(st.lists(LIMITS, min_size=takers, max_size=takers))
    asks = data.draw(st.lists(LIMITS, min_size=givers, max_size=givers))
    day = day_auction(
        columns(draws, slots), np.array(bids, np.uint64), columns(feeds, slots), np.array(asks, np.uint64), *bounds
    )
    for s in range(slots):
        sides = (
            [(d[s], b) for d, b in zip(draws, bids, strict=True)],
            [(f[s], a) for f, a in zip(feeds, asks, strict=True)],
        )
        wanted = auction(*sides, *bounds)
        assert wanted == Triple(
            price_ueur_kwh=int(day.price_ueur_kwh[s]),
            taker_level=int(day.level[s]),
            giver_level=int(day.giver_level[s]),
        )
        totals = [int(day.taken_mwh[:, s].sum()), int(day.given_mwh[:, s].sum())]
        assert totals == auction_amounts(wanted, sides, bounds)


def test_levels_that_hold_back_both_sides() -> None:
    for taker_level, giver_level, both in (
        (NOT_LIMITED, ONE, False),
        (NOT_LIMITED, 0, False),
        (NOT_LIMITED - 1, ONE, False),
        (NOT_LIMITED - 1, ONE - 1, True),
        (0, 0, True),
    ):
        triple = Triple(price_ueur_kwh=1, taker_level=taker_level, giver_level=giver_level)
        for key in Key:
            assert both_curtailed(key, triple) is (both and key is not Key.STATIC)


def test_levels_that_the_rules_can_have() -> None:
    for depth in (1, 12, 20):
        pool = 2 ** (32 + depth)
        for taker_level, giver_level, free, static in (
            (0, 0, True, True),
            (pool, ONE, True, True),
            (pool + 1, ONE, True, False),
            (NOT_LIMITED, ONE, True, False),
            (pool, ONE + 1, False, False),
        ):
            triple = Triple(price_ueur_kwh=1, taker_level=taker_level, giver_level=giver_level)
            for key in Key:
                assert level_in_range(key, triple, depth) is (static if key is Key.STATIC else free)

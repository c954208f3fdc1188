"""I1, I2, I3 and I7 of the clearing, and numpy against plain integers."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from lindenstrom.core.clearing import NOT_LIMITED, ONE, given, levels, taken
from lindenstrom.core.levels import day_levels, given_array, taken_array
from lindenstrom.core.terms import Key

KEYS = st.sampled_from([Key.PROPORTIONAL, Key.STATIC])
ENERGY = st.one_of(st.integers(0, 20), st.integers(0, 10**7), st.integers(2**32 - 50, 2**32 - 1))
WEIGHTS = st.integers(0, 10**6)
DRAWS = st.lists(st.tuples(ENERGY, WEIGHTS), max_size=7)
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


@forall(KEYS, ENERGY, WEIGHTS, st.one_of(st.integers(0, 2**40), st.sampled_from([2**62, 2**63 - 1])))
def test_numpy_never_wraps(key: Key, offered: int, weight: int, level: int) -> None:
    array = taken_array(key, np.array([level], np.uint64), columns([[offered]], 1), np.array([weight], np.uint64))
    assert int(array[0, 0]) == taken(key, level, offered, weight)
    share = min(level, ONE)
    assert int(given_array(np.array([share], np.uint64), columns([[offered]], 1))[0, 0]) == given(share, offered)

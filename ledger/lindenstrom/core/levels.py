"""R3's levels for a whole day at once with numpy; bit for bit equal to `clearing.levels`.

C·L can exceed 64 bits and numpy wraps silently. Two facts keep everything inside unsigned 64 bits:
proportional: at L ≥ 2³² every taker has all it offered, so the search runs below 2³² and C·L < 2⁶⁴;
static: k·L is split as k·(L // 10⁶) + k·(L % 10⁶) // 10⁶, exact, and below 2⁶⁴ while L < 2⁶³.
"""

import numpy as np
import numpy.typing as npt

from lindenstrom.core.clearing import NOT_LIMITED, ONE
from lindenstrom.core.terms import Key, UnsupportedTerms
from lindenstrom.core.units import PPM

Amounts = npt.NDArray[np.uint64]
_PPM = np.uint64(PPM)
_SHIFT = np.uint64(32)


def taken_array(key: Key, level: Amounts, offered_mwh: Amounts, weights: Amounts) -> Amounts:
    """Taken mWh, shape (members, slots), for levels of shape (slots,), offers (members, slots), weights (members,)."""
    if key is Key.PROPORTIONAL:
        limited = np.minimum(level, np.uint64(ONE))
        return (offered_mwh * limited[None, :]) >> _SHIFT  # C < 2³² and L ≤ 2³²: exact
    if key is Key.STATIC:
        high, low = level // _PPM, level % _PPM
        entitled = weights[:, None] * high[None, :] + weights[:, None] * low[None, :] // _PPM
        return np.minimum(offered_mwh, entitled)
    raise UnsupportedTerms(f"allocation key {key.name.lower()}")


def given_array(level: Amounts, offered_mwh: Amounts) -> Amounts:
    """Given mWh, shape (members, slots), for giver levels of shape (slots,)."""
    return (offered_mwh * level[None, :]) >> _SHIFT


def _search(low: Amounts, high: Amounts, fits: "npt.NDArray[np.bool_]", middle: Amounts) -> tuple[Amounts, Amounts]:
    return np.where(fits, middle, low), np.where(fits, high, middle - np.uint64(1))


def day_levels(key: Key, draws_mwh: Amounts, weights: Amounts, feeds_mwh: Amounts) -> tuple[Amounts, Amounts]:
    """(L, g), each of shape (slots,), for offered draws (takers, slots), weights (takers,), feeds (givers, slots)."""
    pool = feeds_mwh.sum(axis=0, dtype=np.uint64)
    low = np.zeros_like(pool)
    high = pool.copy() if key is Key.STATIC else np.full_like(pool, ONE)
    while (low < high).any():
        middle = low + (high - low + np.uint64(1)) // np.uint64(2)
        fits = taken_array(key, middle, draws_mwh, weights).sum(axis=0, dtype=np.uint64) <= pool
        open_ = low < high
        new_low, new_high = _search(low, high, fits, middle)
        low, high = np.where(open_, new_low, low), np.where(open_, new_high, high)
    level = low
    wanted = taken_array(key, level, draws_mwh, weights).sum(axis=0, dtype=np.uint64)
    if key is not Key.STATIC:
        level = np.where(level == np.uint64(ONE), np.uint64(NOT_LIMITED), level)
    return level, _giver_levels(key, level, wanted, feeds_mwh)


def _giver_levels(key: Key, level: Amounts, wanted: Amounts, feeds_mwh: Amounts) -> Amounts:
    low, high = np.zeros_like(wanted), np.full_like(wanted, ONE)
    while (low < high).any():
        middle = (low + high) // np.uint64(2)
        enough = given_array(middle, feeds_mwh).sum(axis=0, dtype=np.uint64) >= wanted
        low, high = np.where(enough, low, middle + np.uint64(1)), np.where(enough, middle, high)
    if key is Key.STATIC:
        return low
    return np.where(level < np.uint64(NOT_LIMITED), np.uint64(ONE), low)

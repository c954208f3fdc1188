"""R3's levels for a whole day at once with numpy; bit for bit equal to `clearing.levels` and `clearing.auction`.

Products can exceed 64 bits and numpy wraps silently. What keeps everything inside unsigned 64 bits:
proportional: at L ≥ 2³² every taker has all it offered, so L counts as 2³² there, and C·L < 2⁶⁴;
static: k·L is split as k·(L // 10⁶) + k·(L % 10⁶) // 10⁶, exact, and below 2⁶⁴ while L < 2⁶³;
cascading: k·L >> 32 is k·(L >> 32) + (k·(L mod 2³²) >> 32), exact, and below 2⁶⁴ since k < 2³².
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lindenstrom.core.clearing import NOT_LIMITED, ONE, RANK_SHIFT
from lindenstrom.core.terms import Key
from lindenstrom.core.units import PPM

Amounts = npt.NDArray[np.uint64]
_Mask = npt.NDArray[np.bool_]
_PPM = np.uint64(PPM)
_SHIFT = np.uint64(32)
_ONE = np.uint64(ONE)
_FREE = np.uint64(NOT_LIMITED)
_NOTHING = np.uint64(0)


def taken_array(key: Key, level: Amounts, offered_mwh: Amounts, weights: Amounts) -> Amounts:
    """Taken mWh, shape (members, slots), for levels of shape (slots,), offers (members, slots), weights (members,)."""
    if key is Key.STATIC:
        high, low = level // _PPM, level % _PPM
        return np.minimum(offered_mwh, weights[:, None] * high[None, :] + weights[:, None] * low[None, :] // _PPM)
    if key in (Key.CASCADING, Key.EQUAL):
        k = np.ones_like(weights) if key is Key.EQUAL else weights
        high, low = level >> _SHIFT, level & np.uint64(ONE - 1)
        entitled: Amounts = k[:, None] * high[None, :] + (k[:, None] * low[None, :] >> _SHIFT)
        return np.minimum(offered_mwh, entitled)
    if key is Key.PRIORITY:
        rank, part = level >> np.uint64(RANK_SHIFT), level & np.uint64((1 << RANK_SHIFT) - 1)
        tied = taken_array(Key.PROPORTIONAL, part, offered_mwh, weights)
        served = np.where(weights[:, None] < rank[None, :], offered_mwh, _NOTHING)
        return np.where(weights[:, None] == rank[None, :], tied, served)
    return (offered_mwh * np.minimum(level, _ONE)[None, :]) >> _SHIFT  # C < 2³² and L ≤ 2³²: exact


def given_array(level: Amounts, offered_mwh: Amounts) -> Amounts:
    """Given mWh, shape (members, slots), for giver levels of shape (slots,)."""
    return (offered_mwh * level[None, :]) >> _SHIFT


def day_levels(key: Key, draws_mwh: Amounts, weights: Amounts, feeds_mwh: Amounts) -> tuple[Amounts, Amounts]:
    """(L, g), each of shape (slots,), for offered draws (takers, slots), weights (takers,), feeds (givers, slots)."""
    pool = feeds_mwh.sum(axis=0, dtype=np.uint64)
    level, wanted = _taker_levels(key, draws_mwh, weights, pool)
    least = _giver_levels(feeds_mwh, wanted)
    if key is Key.STATIC:
        return level, least
    return level, np.where(level < _FREE, _ONE, least)


def _taker_levels(key: Key, draws: Amounts, weights: Amounts, pool: Amounts) -> tuple[Amounts, Amounts]:
    """(L, what all takers get there), each of shape (slots,)."""

    def total(level: Amounts) -> Amounts:
        summed: Amounts = taken_array(key, level, draws, weights).sum(axis=0, dtype=np.uint64)
        return summed

    free = np.full_like(pool, NOT_LIMITED)
    # proportional levels from 2³² on, static ones from the pool on, change nothing or do not count
    high = pool.copy() if key is Key.STATIC else free if key is not Key.PROPORTIONAL else np.full_like(pool, ONE)
    unlimited = total(high) <= pool
    low = np.where(unlimited, high, _NOTHING)
    high = np.where(unlimited, high, high - np.uint64(1))  # where it is limited, high > 0: nobody takes at level 0
    while (open_ := low < high).any():
        middle = low + (high - low + np.uint64(1)) // np.uint64(2)
        fits = total(middle) <= pool
        low, high = np.where(open_ & fits, middle, low), np.where(open_ & ~fits, middle - np.uint64(1), high)
    if key is not Key.STATIC:
        low = np.where(unlimited, free, low)
    return low, total(low)


def _giver_levels(feeds: Amounts, wanted: Amounts) -> Amounts:
    """Least g per slot at which the givers give what is wanted."""
    low, high = np.zeros_like(wanted), np.full_like(wanted, ONE)
    while (low < high).any():
        middle = (low + high) // np.uint64(2)
        enough = given_array(middle, feeds).sum(axis=0, dtype=np.uint64) >= wanted
        low, high = np.where(enough, low, middle + np.uint64(1)), np.where(enough, middle, high)
    return low


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionDay:
    """An auction's day: price (µ€/kWh), L, g of shape (slots,); taken (takers, slots), given (givers, slots) in mWh."""

    price_ueur_kwh: Amounts
    level: Amounts
    giver_level: Amounts
    taken_mwh: Amounts
    given_mwh: Amounts


def day_auction(
    draws_mwh: Amounts, bids: Amounts, feeds_mwh: Amounts, asks: Amounts, low_ueur_kwh: int, high_ueur_kwh: int
) -> AuctionDay:
    """Uniform-price auctions of all slots: draws (takers, slots) with limits (takers,), feeds (givers, slots) likewise.

    Limits are clamped to the bounds, µ€/kWh. They hold all day, so the candidate prices are the same in every slot.
    """
    bids, asks = (np.clip(x, np.uint64(low_ueur_kwh), np.uint64(high_ueur_kwh)) for x in (bids, asks))
    bounds = np.array([low_ueur_kwh, high_ueur_kwh], np.uint64)
    prices = np.unique(np.concatenate([bounds, bids, asks]))
    demand = _at_prices(prices, bids, draws_mwh)[::-1].cumsum(axis=0, dtype=np.uint64)[::-1]  # D
    supply = _at_prices(prices, asks, feeds_mwh).cumsum(axis=0, dtype=np.uint64)  # S
    none = np.zeros_like(demand[:1])
    above, below = np.concatenate([demand[1:], none]), np.concatenate([none, supply[:-1]])  # D', S'
    first = (supply >= above).argmax(axis=0)
    last = len(prices) - 1 - (demand >= below)[::-1].argmax(axis=0)
    price = (prices[first] + prices[last]) // np.uint64(2)
    at = np.searchsorted(prices, price)  # the first candidate not below the price
    slots = np.arange(price.size)
    exact = prices[at] == price
    better = np.where(exact, above[at, slots], demand[at, slots])
    cheaper = below[at, slots]
    volume = np.minimum(demand[at, slots], np.where(exact, supply[at, slots], cheaper))
    return _fill(draws_mwh, bids, feeds_mwh, asks, price, (volume, better, cheaper))


def _at_prices(prices: Amounts, limits: Amounts, offered: Amounts) -> Amounts:
    """Offered mWh summed by limit: shape (prices, slots)."""
    sums = np.zeros((prices.size, offered.shape[1]), np.uint64)
    np.add.at(sums, np.searchsorted(prices, limits), offered)
    return sums


def _fill(
    draws: Amounts,
    bids: Amounts,
    feeds: Amounts,
    asks: Amounts,
    price: Amounts,
    sums: tuple[Amounts, Amounts, Amounts],
) -> AuctionDay:
    """Better limits whole, those at the price by level. sums: V, D' and S' at the price, each of shape (slots,)."""
    volume, better, cheaper = sums
    tied_draws = np.where(bids[:, None] == price[None, :], draws, _NOTHING)
    tied_feeds = np.where(asks[:, None] == price[None, :], feeds, _NOTHING)
    weights = np.zeros(bids.size, np.uint64)
    level, at_limit = _taker_levels(Key.PROPORTIONAL, tied_draws, weights, volume - better)
    total = better + at_limit
    wanted = total - np.minimum(total, cheaper)
    giver_level = np.where(level < _FREE, _ONE, _giver_levels(tied_feeds, wanted))
    taken, given = auction_amounts(price, level, giver_level, draws, bids, feeds, asks)
    return AuctionDay(price_ueur_kwh=price, level=level, giver_level=giver_level, taken_mwh=taken, given_mwh=given)


def auction_amounts(
    price: Amounts, level: Amounts, giver_level: Amounts, draws: Amounts, bids: Amounts, feeds: Amounts, asks: Amounts
) -> tuple[Amounts, Amounts]:
    """(taken, given) mWh of shape (parties, slots) at prices and levels of shape (slots,) and limits of (parties,).

    Limits lie within the auction's bounds. Better ones are filled whole, those at the price by level.
    """
    takers = np.where(bids[:, None] == price[None, :], np.minimum(level, _ONE)[None, :], _NOTHING)
    takers = np.where(bids[:, None] > price[None, :], _ONE, takers)
    givers = np.where(asks[:, None] == price[None, :], giver_level[None, :], _NOTHING)
    givers = np.where(asks[:, None] < price[None, :], _ONE, givers)
    return (draws * takers) >> _SHIFT, (feeds * givers) >> _SHIFT

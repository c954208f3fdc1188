"""R3 in plain integers, one slot at a time: what a member recomputes, and the reference for everything faster.

Source of the rules: R3 in docs/protocol.md. Per agreement and slot one triple (price, taker level L, giver level g) is
shared by the parties; everybody's amounts follow from their own offer and the triple alone. Floors throughout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from lindenstrom.core.units import PPM

NOT_LIMITED = 2**64 - 1
ONE = 2**32
RANK_SHIFT = 48  # a priority level is rank ‖ 48 bits of proportion within the rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """One slot of one agreement: price (µ€/kWh), taker level L (u64), giver level g (0..2³²)."""

    price_ueur_kwh: int
    taker_level: int
    giver_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A member in one agreement, opened: what the rules need."""

    role: Role
    parameters: Parameters
    terms: Terms


def taken(key: Key, level: int, offered_mwh: int, weight: int) -> int:
    """mWh that a taker gets at a level; weight is ppm (static), k (cascading) or rank (priority), else ignored."""
    if key is Key.STATIC:
        return min(offered_mwh, weight * level // PPM)
    if key is Key.CASCADING:
        return min(offered_mwh, weight * level >> 32)
    if key is Key.EQUAL:
        return min(offered_mwh, level >> 32)
    if key is Key.PRIORITY:
        rank, level = level >> RANK_SHIFT, level & (1 << RANK_SHIFT) - 1
        if weight != rank:
            return offered_mwh if weight < rank else 0
    return min(offered_mwh, offered_mwh * level >> 32)


def given(level: int, offered_mwh: int) -> int:
    """mWh that a giver gives at a level."""
    return offered_mwh * level >> 32


def taken_in_auction(price_ueur_kwh: int, limit_ueur_kwh: int, level: int, offered_mwh: int) -> int:
    """mWh for a taker who pays at most its (clamped) limit: all below it, by level at it, nothing above."""
    if limit_ueur_kwh != price_ueur_kwh:
        return offered_mwh if limit_ueur_kwh > price_ueur_kwh else 0
    return taken(Key.PROPORTIONAL, level, offered_mwh, 0)


def given_in_auction(price_ueur_kwh: int, limit_ueur_kwh: int, level: int, offered_mwh: int) -> int:
    """mWh from a giver who wants at least its (clamped) limit."""
    if limit_ueur_kwh != price_ueur_kwh:
        return offered_mwh if limit_ueur_kwh < price_ueur_kwh else 0
    return given(level, offered_mwh)


def greatest(predicate: Callable[[int], bool], upper: int) -> int:
    """Greatest x in [0, upper] with a predicate that is true at 0 and, once false, stays false."""
    low, high = 0, upper
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if predicate(middle) else (low, middle - 1)
    return low


def levels(key: Key, draws: Sequence[tuple[int, int]], feeds_mwh: Sequence[int]) -> tuple[int, int]:
    """(L, g) of one slot by plain search: draws as (offered mWh, weight), feeds as offered mWh. The slow reference."""
    pool = sum(feeds_mwh)
    level, wanted = taker_level(key, draws, pool)
    if level < NOT_LIMITED and key is not Key.STATIC:
        return level, ONE
    return level, giver_level(feeds_mwh, wanted)


def taker_level(key: Key, draws: Sequence[tuple[int, int]], pool_mwh: int) -> tuple[int, int]:
    """(L, mWh that all takers get there): the greatest level at which the pool is enough."""

    def total(level: int) -> int:
        return sum(taken(key, level, offered, weight) for offered, weight in draws)

    level = greatest(lambda x: total(x) <= pool_mwh, pool_mwh if key is Key.STATIC else NOT_LIMITED)
    return level, total(level)


def giver_level(feeds_mwh: Sequence[int], wanted_mwh: int) -> int:
    """Least g in [0, ONE] at which the givers give what is wanted."""
    if wanted_mwh <= 0:
        return 0
    return greatest(lambda g: sum(given(g, f) for f in feeds_mwh) < wanted_mwh, ONE) + 1


def auction(
    takers: Sequence[tuple[int, int]], givers: Sequence[tuple[int, int]], low_ueur_kwh: int, high_ueur_kwh: int
) -> Triple:
    """One slot of a uniform-price double auction, parties as (offered mWh, limit µ€/kWh). The slow reference (R3)."""
    bids = [(offered, min(max(limit, low_ueur_kwh), high_ueur_kwh)) for offered, limit in takers]
    asks = [(offered, min(max(limit, low_ueur_kwh), high_ueur_kwh)) for offered, limit in givers]

    def demand(price: int, *, above: bool = False) -> int:
        return sum(c for c, b in bids if b > price or (b == price and not above))

    def supply(price: int, *, below: bool = False) -> int:
        return sum(f for f, s in asks if s < price or (s == price and not below))

    prices = sorted({low_ueur_kwh, high_ueur_kwh, *(limit for _, limit in (*bids, *asks))})
    first = next(p for p in prices if supply(p) >= demand(p, above=True))
    last = next(p for p in reversed(prices) if demand(p) >= supply(p, below=True))
    price = (first + last) // 2
    volume = min(demand(price), supply(price))
    better = demand(price, above=True)
    level, at_limit = taker_level(Key.PROPORTIONAL, [(c, 0) for c, b in bids if b == price], volume - better)
    if level < NOT_LIMITED:
        return Triple(price_ueur_kwh=price, taker_level=level, giver_level=ONE)
    wanted = better + at_limit - supply(price, below=True)
    least = giver_level([f for f, s in asks if s == price], wanted)
    return Triple(price_ueur_kwh=price, taker_level=level, giver_level=least)


def offer(rest_mwh: int, metered_mwh: int, share_ppm: int, cap_mwh: int) -> int:
    """What a member offers: min(rest, ⌊metered·share/10⁶⌋, cap)."""
    return min(rest_mwh, metered_mwh * share_ppm // PPM, cap_mwh)


def party_taken(party: Party, triple: Triple, offered_mwh: int) -> int:
    """mWh that a party takes of what it offers to take."""
    terms, own = party.terms, party.parameters
    if terms.rule is Rule.AUCTION:
        limit = terms.clamped(own.limit_ueur_kwh)
        return taken_in_auction(triple.price_ueur_kwh, limit, triple.taker_level, offered_mwh)
    return taken(terms.key, triple.taker_level, offered_mwh, own.weight)


def party_given(party: Party, triple: Triple, offered_mwh: int) -> int:
    """mWh that a party gives of what it offers to give."""
    if party.terms.rule is Rule.AUCTION:
        limit = party.terms.clamped(party.parameters.limit_ueur_kwh)
        return given_in_auction(triple.price_ueur_kwh, limit, triple.giver_level, offered_mwh)
    return given(triple.giver_level, offered_mwh)


def member_slot(
    draw_mwh: int, feed_mwh: int, parties: Sequence[Party], triples: Sequence[Triple]
) -> list[tuple[int, int]]:
    """(taken, given) per agreement in running order for one slot. Import and export are never netted (R2)."""
    rest_draw, rest_feed = draw_mwh, feed_mwh
    result = []
    for party, triple in zip(parties, triples, strict=True):
        got, gave = 0, 0
        share, cap = party.parameters.share_ppm, party.terms.cap_mwh
        if party.role & Role.TAKER:
            got = party_taken(party, triple, offer(rest_draw, draw_mwh, share, cap))
        if party.role & Role.GIVER:
            gave = party_given(party, triple, offer(rest_feed, feed_mwh, share, cap))
        rest_draw -= got
        rest_feed -= gave
        result.append((got, gave))
    return result


def amount_peur(taken_mwh: int, given_mwh: int, price_ueur_kwh: int, fee_ueur_kwh: int) -> int:
    """p€ of one slot for a member: −taken·(p+fee) + given·p."""
    return given_mwh * price_ueur_kwh - taken_mwh * (price_ueur_kwh + fee_ueur_kwh)


def both_curtailed(key: Key, triple: Triple) -> bool:
    """Whether a slot holds back takers and givers at once, which the rules never do (static: cannot be told)."""
    return key is not Key.STATIC and triple.taker_level != NOT_LIMITED and triple.giver_level != ONE


def level_in_range(key: Key, triple: Triple, depth: int) -> bool:
    """Whether a triple's levels can come from the rules: g ≤ ONE; static: L is at most the greatest possible pool."""
    return triple.giver_level <= ONE and (key is not Key.STATIC or triple.taker_level <= 2 ** (32 + depth))

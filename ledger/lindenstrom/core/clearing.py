"""R3 in plain integers, one slot at a time: what a member recomputes, and the reference for everything faster.

Source of the rules: R3 in docs/protocol.md. Per agreement and slot one triple (price, taker level L, giver level g) is
shared by the parties; everybody's amounts follow from their own offer and the triple alone. Floors throughout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lindenstrom.core.terms import Key, Parameters, Role, Terms, UnsupportedTerms
from lindenstrom.core.units import PPM

NOT_LIMITED = 2**64 - 1
ONE = 2**32


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
    """mWh that a taker gets at a level. Raises UnsupportedTerms for keys of later releases."""
    if key is Key.PROPORTIONAL:
        return min(offered_mwh, offered_mwh * level >> 32)
    if key is Key.STATIC:
        return min(offered_mwh, weight * level // PPM)
    raise UnsupportedTerms(f"allocation key {key.name.lower()}")


def given(level: int, offered_mwh: int) -> int:
    """mWh that a giver gives at a level."""
    return offered_mwh * level >> 32


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

    def total(level: int) -> int:
        return sum(taken(key, level, offered, weight) for offered, weight in draws)

    level = greatest(lambda x: total(x) <= pool, pool if key is Key.STATIC else NOT_LIMITED)
    if level < NOT_LIMITED and key is not Key.STATIC:
        return level, ONE
    wanted = total(level)
    too_little = greatest(lambda g: sum(given(g, f) for f in feeds_mwh) < wanted, ONE) if wanted else -1
    return level, too_little + 1


def offer(rest_mwh: int, metered_mwh: int, share_ppm: int, cap_mwh: int) -> int:
    """What a member offers: min(rest, ⌊metered·share/10⁶⌋, cap)."""
    return min(rest_mwh, metered_mwh * share_ppm // PPM, cap_mwh)


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
            offered = offer(rest_draw, draw_mwh, share, cap)
            got = taken(party.terms.key, triple.taker_level, offered, party.parameters.weight)
        if party.role & Role.GIVER:
            gave = given(triple.giver_level, offer(rest_feed, feed_mwh, share, cap))
        rest_draw -= got
        rest_feed -= gave
        result.append((got, gave))
    return result


def amount_peur(taken_mwh: int, given_mwh: int, price_ueur_kwh: int, fee_ueur_kwh: int) -> int:
    """p€ of one slot for a member: −taken·(p+fee) + given·p."""
    return given_mwh * price_ueur_kwh - taken_mwh * (price_ueur_kwh + fee_ueur_kwh)


def level_in_range(key: Key, triple: Triple, depth: int) -> bool:
    """Whether a triple's levels can come from the rules: g ≤ ONE; static: L is at most the greatest possible pool."""
    return triple.giver_level <= ONE and (key is not Key.STATIC or triple.taker_level <= 2 ** (32 + depth))

"""Balance of every slot at the posted levels (I1, I2), computed apart from the search that finds levels."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lindenstrom.core.allocation import MemberEnergy, Place, running_order
from lindenstrom.core.clearing import Triple, level_in_range
from lindenstrom.core.levels import auction_amounts, given_array, taken_array
from lindenstrom.core.terms import Role, Rule, Terms
from lindenstrom.core.units import PPM

_Amounts = npt.NDArray[np.uint64]


def first_imbalance(
    *,
    slot_count: int,
    energy: Mapping[int, MemberEnergy],
    agreements: Mapping[int, Terms],
    places: Sequence[Place],
    triples: Mapping[int, Sequence[Triple]],
    depth: int,
) -> tuple[int, int] | None:
    """(agreement, slot) where the posted levels break I1 or I2, None when every slot balances.

    triples: slot_count per agreement. energy: mWh per slot.
    """
    index = {m: i for i, m in enumerate(sorted({p.member for p in places}))}
    shape = (len(index), slot_count)
    draw, feed = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for member, row in index.items():
        if member in energy:
            draw[row], feed[row] = energy[member].draw_mwh, energy[member].feed_mwh
    rest_draw, rest_feed = draw.copy(), feed.copy()
    for agreement in running_order(agreements):
        terms, rows = agreements[agreement], triples[agreement]
        impossible = [i for i, t in enumerate(rows) if not level_in_range(terms.key, t, depth)]
        if impossible:
            return agreement, impossible[0]
        mine = [p for p in places if p.agreement == agreement]
        takers, givers = ([p for p in mine if p.role & side] for side in (Role.TAKER, Role.GIVER))
        level = np.array([t.taker_level for t in rows], np.uint64)
        giver_level = np.array([t.giver_level for t in rows], np.uint64)
        taking, giving = ([index[p.member] for p in side] for side in (takers, givers))
        wanted = _offers(rest_draw, draw, takers, taking, terms.cap_mwh)
        pool = _offers(rest_feed, feed, givers, giving, terms.cap_mwh)
        if terms.rule is Rule.AUCTION:
            price = np.array([t.price_ueur_kwh for t in rows], np.uint64)
            bids, asks = (_limits(terms, side) for side in (takers, givers))
            took, gave = auction_amounts(price, level, giver_level, wanted, bids, pool, asks)
        else:
            weights = np.array([p.parameters.weight for p in takers], np.uint64)
            took, gave = taken_array(terms.key, level, wanted, weights), given_array(giver_level, pool)
        twice: npt.NDArray[np.bool_] = np.any(
            np.concatenate((took > rest_draw[taking], gave > rest_feed[giving])), axis=0
        )
        if twice.any():
            return agreement, _first(twice)
        rest_draw[taking] -= took
        rest_feed[giving] -= gave
        total_took, total_gave = took.sum(axis=0, dtype=np.uint64), gave.sum(axis=0, dtype=np.uint64)
        wrong = (total_took > total_gave) | (total_gave > pool.sum(axis=0, dtype=np.uint64))
        # Only floors part the two: less than one mWh for each party of the side that is shared out.
        wrong |= total_gave >= total_took + np.uint64(max(1, len(takers), len(givers)))
        if wrong.any():
            return agreement, _first(wrong)
    return None


def _offers(rest: _Amounts, metered: _Amounts, parties: Sequence[Place], rows: list[int], cap_mwh: int) -> _Amounts:
    shares = np.array([p.parameters.share_ppm for p in parties], np.uint64)
    wanted = metered[rows] * shares[:, None] // np.uint64(PPM)
    offered: _Amounts = np.minimum(np.minimum(rest[rows], wanted), np.uint64(cap_mwh))
    return offered


def _limits(terms: Terms, parties: Sequence[Place]) -> _Amounts:
    return np.array([terms.clamped(p.parameters.limit_ueur_kwh) for p in parties], np.uint64)


def _first(wrong: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(wrong)[0])

"""One day of a whole community: from metered energy to triples, lines and nets (R2, R3). Pure, deterministic (I7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul

import numpy as np

from lindenstrom.core.clearing import Triple
from lindenstrom.core.levels import Amounts, day_auction, day_levels, given_array, taken_array
from lindenstrom.core.statements import Line
from lindenstrom.core.terms import FEE_ACCOUNT, ROUNDING_ACCOUNT, Parameters, Role, Terms
from lindenstrom.core.units import PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A live membership, opened."""

    member: int
    agreement: int
    role: Role
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEnergy:
    """A member's whole draw and feed-in over all live meters, mWh per slot."""

    draw_mwh: tuple[int, ...]
    feed_mwh: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """Triples per agreement, lines per member (running order), residuals per member (mWh per slot, not priced)."""

    triples: Mapping[int, tuple[Triple, ...]]
    lines: Mapping[int, tuple[Line, ...]]
    residual: Mapping[int, MemberEnergy]

    def net_peur(self, member: int) -> int:
        """Sum of a member's line amounts, p€; 0 without lines."""
        return sum(line.amount_peur for line in self.lines.get(member, ()))


class _Run:
    """The working state of one clearing run: what is left of each member's energy, and what has been booked."""

    def __init__(self, index: dict[int, int], draw: Amounts, feed: Amounts) -> None:
        self.index, self.draw, self.feed = index, draw, feed
        self.rest_draw, self.rest_feed = draw.copy(), feed.copy()
        self.triples: dict[int, tuple[Triple, ...]] = {}
        self.lines: dict[int, list[Line]] = {}


def running_order(agreements: Mapping[int, Terms]) -> list[int]:
    """Agreement ids in the order in which they run: (priority, id)."""
    return sorted(agreements, key=lambda a: (agreements[a].priority, a))


def clear_day(
    *,
    slot_count: int,
    energy: Mapping[int, MemberEnergy],
    agreements: Mapping[int, Terms],
    places: Sequence[Place],
) -> DayResult:
    """Clear every slot of a day.

    energy: per member with a live meter; members without one count zero. agreements: those with a live place.
    """
    members = sorted({*energy, *(p.member for p in places)})
    index = {m: i for i, m in enumerate(members)}
    shape = (len(members), slot_count)
    draw, feed = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for member, values in energy.items():
        draw[index[member]], feed[index[member]] = values.draw_mwh, values.feed_mwh
    run = _Run(index, draw, feed)
    for agreement in running_order(agreements):
        mine = sorted((p for p in places if p.agreement == agreement), key=lambda p: p.member)
        if mine:
            _clear_agreement(run, agreement, agreements[agreement], mine)
    return DayResult(
        triples=run.triples,
        lines={m: tuple(lines) for m, lines in run.lines.items()},
        residual={
            m: MemberEnergy(draw_mwh=tuple(run.rest_draw[i].tolist()), feed_mwh=tuple(run.rest_feed[i].tolist()))
            for m, i in index.items()
        },
    )


def _offers(rest: Amounts, metered: Amounts, parties: Sequence[Place], rows: list[int], cap_mwh: int) -> Amounts:
    shares = np.array([p.parameters.share_ppm for p in parties], np.uint64)
    wanted = metered[rows] * shares[:, None] // np.uint64(PPM)  # < 2³⁴ · 2²⁰
    offered: Amounts = np.minimum(np.minimum(rest[rows], wanted), np.uint64(cap_mwh))
    return offered


def _clear_agreement(run: _Run, agreement: int, terms: Terms, places: list[Place]) -> None:
    takers = [p for p in places if p.role & Role.TAKER]
    givers = [p for p in places if p.role & Role.GIVER]
    taker_rows, giver_rows = ([run.index[p.member] for p in side] for side in (takers, givers))
    draws = _offers(run.rest_draw, run.draw, takers, taker_rows, terms.cap_mwh)
    feeds = _offers(run.rest_feed, run.feed, givers, giver_rows, terms.cap_mwh)
    prices, level, giver_level, took, gave = _clear(terms, takers, draws, givers, feeds)
    run.rest_draw[taker_rows] -= took
    run.rest_feed[giver_rows] -= gave
    run.triples[agreement] = tuple(
        Triple(price_ueur_kwh=p, taker_level=lv, giver_level=g)
        for p, lv, g in zip(prices, level.tolist(), giver_level.tolist(), strict=True)
    )
    booked = {p.member: row for p, row in zip(takers, took.tolist(), strict=True)}
    sold = {p.member: row for p, row in zip(givers, gave.tolist(), strict=True)}
    _book(run, agreement, terms, places, prices, booked, sold)


def _clear(
    terms: Terms, takers: list[Place], draws: Amounts, givers: list[Place], feeds: Amounts
) -> tuple[list[int], Amounts, Amounts, Amounts, Amounts]:
    """Prices, L and g per slot; taken and given mWh of shape (parties, slots)."""
    price = terms.price_ueur_kwh
    if price is None:
        bids, asks = (np.array([p.parameters.limit_ueur_kwh for p in side], np.uint64) for side in (takers, givers))
        day = day_auction(draws, bids, feeds, asks, terms.price_a_ueur_kwh, terms.price_b_ueur_kwh)
        return day.price_ueur_kwh.tolist(), day.level, day.giver_level, day.taken_mwh, day.given_mwh
    weights = np.array([p.parameters.weight for p in takers], np.uint64)
    level, giver_level = day_levels(terms.key, draws, weights, feeds)
    took, gave = taken_array(terms.key, level, draws, weights), given_array(giver_level, feeds)
    return [price] * level.size, level, giver_level, took, gave


def _book(
    run: _Run,
    agreement: int,
    terms: Terms,
    places: list[Place],
    prices: list[int],
    taken: Mapping[int, list[int]],
    given: Mapping[int, list[int]],
) -> None:
    """Book each party's day, and the fee and rounding accounts' share of it. taken, given: mWh per slot by member."""
    fee, none = terms.fee_ueur_kwh, [0] * len(prices)
    total_fee, total_rest = 0, 0
    for place in places:
        took, gave = taken.get(place.member, none), given.get(place.member, none)
        got, paid = _priced(gave, prices), _priced(took, prices)
        total_fee += sum(took) * fee
        total_rest += got - paid
        line = Line(
            agreement=agreement,
            taken_mwh=sum(took),
            given_mwh=sum(gave),
            amount_peur=got - paid - sum(took) * fee,
        )
        run.lines.setdefault(place.member, []).append(line)
    for account, amount in ((FEE_ACCOUNT, total_fee), (ROUNDING_ACCOUNT, -total_rest)):
        run.lines.setdefault(account, []).append(
            Line(agreement=agreement, taken_mwh=0, given_mwh=0, amount_peur=amount)
        )


def _priced(energy_mwh: list[int], prices: list[int]) -> int:
    """p€ of energies at their slots' prices; Python integers, since a product may exceed 64 bits."""
    return sum(map(mul, energy_mwh, prices))

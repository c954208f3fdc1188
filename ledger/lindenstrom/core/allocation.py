"""One day of a whole community: from metered energy to triples, lines and nets (R2, R3). Pure, deterministic (I7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lindenstrom.core.clearing import Triple, amount_peur
from lindenstrom.core.levels import Amounts, day_levels, given_array, taken_array
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
    weights = np.array([p.parameters.weight for p in takers], np.uint64)
    level, giver_level = day_levels(terms.key, draws, weights, feeds)
    took = taken_array(terms.key, level, draws, weights)
    gave = given_array(giver_level, feeds)
    run.rest_draw[taker_rows] -= took
    run.rest_feed[giver_rows] -= gave
    price = terms.price_ueur_kwh
    run.triples[agreement] = tuple(
        Triple(price_ueur_kwh=price, taker_level=lv, giver_level=g)
        for lv, g in zip(level.tolist(), giver_level.tolist(), strict=True)
    )
    _book(run, agreement, terms, places, (takers, took), (givers, gave))


def _book(
    run: _Run,
    agreement: int,
    terms: Terms,
    places: list[Place],
    taken_side: tuple[list[Place], Amounts],
    given_side: tuple[list[Place], Amounts],
) -> None:
    price, fee = terms.price_ueur_kwh, terms.fee_ueur_kwh
    taken, given = (
        {p.member: sum(row) for p, row in zip(side[0], side[1].tolist(), strict=True)}
        for side in (taken_side, given_side)
    )
    for place in places:
        took, gave = taken.get(place.member, 0), given.get(place.member, 0)
        amount = amount_peur(
            took, gave, price, fee
        )  # the price is the same in every slot, so sums may be priced at once
        run.lines.setdefault(place.member, []).append(
            Line(agreement=agreement, taken_mwh=took, given_mwh=gave, amount_peur=amount)
        )
    total_taken, total_given = sum(taken.values()), sum(given.values())
    for account, amount in (
        (FEE_ACCOUNT, total_taken * fee),
        (ROUNDING_ACCOUNT, -(total_given - total_taken) * price),
    ):
        run.lines.setdefault(account, []).append(
            Line(agreement=agreement, taken_mwh=0, given_mwh=0, amount_peur=amount)
        )

"""R2's offers and R3's clearing once more, straight from the rules' text; imports nothing of the packages.

Levels are not searched by halving. In real numbers a level is where a water line meets the pool; rounding down moves
the true level a little above that, by at most one step a party. So each function starts from the exact fraction
below and walks from one rounding step to the next until the rule breaks. All numbers are Python's, of any size.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

M = 18_446_744_073_709_551_615
ONE = 4_294_967_296
MILLION = 1_000_000
FEE, ROUNDING = 0, 1
PROPORTIONAL, STATIC, CASCADING, EQUAL, PRIORITY = range(5)
FIXED, MID_MARKET, AUCTION = range(3)


def floor_share(amount: int, level: int) -> int:
    """amount · level / 2³², rounded down."""
    return Fraction(amount * level, ONE).__floor__()


def taken(key: int, level: int, offered: int, weight: int) -> int:
    """What a taker gets of its offered draw."""
    if key == PROPORTIONAL:
        return min(offered, floor_share(offered, level))
    if key == STATIC:
        return min(offered, Fraction(weight * level, MILLION).__floor__())
    if key == CASCADING:
        return min(offered, floor_share(weight, level))
    if key == EQUAL:
        return min(offered, floor_share(1, level))
    rank, part = divmod(level, 2**48)
    if weight == rank:
        return min(offered, floor_share(offered, part))
    return offered if weight < rank else 0


@dataclass(frozen=True)
class Slope:
    """A taker who gets min(offered, ⌊rise · level / run⌋)."""

    offered: int
    rise: int
    run: int

    def at(self, level: int) -> int:
        return min(self.offered, self.rise * level // self.run)

    def next_step(self, level: int) -> int | None:
        """The first level at which this taker gets one mWh more, None when there is none."""
        wanted = self.at(level) + 1
        if wanted > self.offered or self.rise == 0:
            return None
        return -(-wanted * self.run // self.rise)


def water_line(slopes: Sequence[Slope], pool: int) -> Fraction | None:
    """The real level at which unrounded shares fill the pool; None where everybody has all before."""
    rising = sorted((s for s in slopes if s.rise and s.offered), key=lambda s: Fraction(s.offered * s.run, s.rise))
    left = Fraction(pool)
    speed = sum((Fraction(s.rise, s.run) for s in rising), Fraction(0))
    for full in rising:  # in the order in which they fill up
        top = Fraction(full.offered * full.run, full.rise)
        if speed * top > left:
            return left / speed
        left -= full.offered
        speed -= Fraction(full.rise, full.run)
    return None


def highest_level(slopes: Sequence[Slope], pool: int, top: int) -> int:
    """The greatest level up to `top` at which the takers together stay within the pool."""
    line = water_line(slopes, pool)
    if line is None:
        return top
    level = min(line.__floor__(), top)
    while True:
        steps = [step for s in slopes if (step := s.next_step(level)) is not None and step <= top]
        if not steps:
            return top
        if sum(s.at(min(steps)) for s in slopes) > pool:
            return min(steps) - 1
        level = min(steps)


def taker_level(key: int, draws: Sequence[tuple[int, int]], pool: int) -> int:
    """L for draws as (offered, weight)."""
    if key == STATIC:
        return highest_level([Slope(c, k, MILLION) for c, k in draws], pool, pool)
    if key == PRIORITY:
        return priority_level(draws, pool)
    rises = [c if key == PROPORTIONAL else k if key == CASCADING else 1 for c, k in draws]
    return highest_level([Slope(c, r, ONE) for (c, _), r in zip(draws, rises, strict=True)], pool, M)


def priority_level(draws: Sequence[tuple[int, int]], pool: int) -> int:
    """Rank by rank; the first rank that the pool cannot serve whole is shared in proportion."""
    for rank in sorted({k for _, k in draws if k < 2**16}):
        same = [c for c, k in draws if k == rank]
        if sum(same) > pool:
            return rank * 2**48 + highest_level([Slope(c, c, ONE) for c in same], pool, 2**48 - 1)
        pool -= sum(same)
    return M


def giver_level(feeds: Sequence[int], wanted: int) -> int:
    """The least level up to ONE at which the givers together reach what is wanted."""
    if wanted <= 0:
        return 0
    level = min(ONE, -(-wanted * ONE // sum(feeds)))
    while sum(floor_share(f, level) for f in feeds) < wanted:
        steps = [-(-(floor_share(f, level) + 1) * ONE // f) for f in feeds if f]
        level = min(step for step in steps if step > level)
    return level


def triple(key: int, draws: Sequence[tuple[int, int]], feeds: Sequence[int]) -> tuple[int, int]:
    """(L, g) of one slot."""
    level = taker_level(key, draws, sum(feeds))
    if level < M and key != STATIC:
        return level, ONE
    return level, giver_level(feeds, sum(taken(key, level, c, k) for c, k in draws))


@dataclass(frozen=True)
class Auctioned:
    """An auction's slot: its triple, and what each taker and giver gets and gives, in the order in which they came."""

    price: int
    level: int
    giver_level: int
    took: tuple[int, ...]
    gave: tuple[int, ...]


def auction(
    takers: Sequence[tuple[int, int]], givers: Sequence[tuple[int, int]], lowest: int, highest: int
) -> Auctioned:
    """One slot, takers and givers as (offered, limit)."""
    bids = [(c, min(highest, max(lowest, b))) for c, b in takers]
    asks = [(f, min(highest, max(lowest, s))) for f, s in givers]
    prices = sorted({lowest, highest} | {limit for _, limit in bids + asks})
    cleared = [p for p in prices if total(f for f, s in asks if s <= p) >= total(c for c, b in bids if b > p)]
    wanted = [p for p in prices if total(c for c, b in bids if b >= p) >= total(f for f, s in asks if s < p)]
    p = (cleared[0] + wanted[-1]) // 2
    better, cheaper = total(c for c, b in bids if b > p), total(f for f, s in asks if s < p)
    volume = min(total(c for c, b in bids if b >= p), total(f for f, s in asks if s <= p))
    level = highest_level([Slope(c, c, ONE) for c, b in bids if b == p], volume - better, M)
    took = tuple(c if b > p else 0 if b < p else taken(PROPORTIONAL, level, c, 0) for c, b in bids)
    tied = [f for f, s in asks if s == p]
    share = ONE if level < M else giver_level(tied, max(0, sum(took) - cheaper))
    gave = tuple(f if s < p else 0 if s > p else floor_share(f, share) for f, s in asks)
    return Auctioned(p, level, share, took, gave)


def total(values: Iterable[int]) -> int:
    return sum(values)


@dataclass(frozen=True)
class Agreement:
    """Terms that matter to a slot."""

    key: int
    rule: int
    price_a: int
    price_b: int
    fee: int
    cap: int
    priority: int


@dataclass(frozen=True)
class Member:
    """A place in an agreement."""

    member: int
    agreement: int
    takes: bool
    gives: bool
    weight: int
    share: int
    limit: int


@dataclass(frozen=True)
class Slot:
    """Triples per agreement; (agreement, taken, given, amount) rows and what is left of (draw, feed) per member."""

    triples: dict[int, tuple[int, int, int]]
    rows: dict[int, list[tuple[int, int, int, int]]]
    rest: dict[int, tuple[int, int]]


def slot(agreements: dict[int, Agreement], members: Sequence[Member], metered: dict[int, tuple[int, int]]) -> Slot:
    """One slot of a community: metered as (draw, feed) per member."""
    rest = {m: list(metered.get(m, (0, 0))) for m in {*metered, *(p.member for p in members)}}
    triples: dict[int, tuple[int, int, int]] = {}
    rows: dict[int, list[tuple[int, int, int, int]]] = {}
    for number in sorted(agreements, key=lambda a: (agreements[a].priority, a)):
        terms, parties = agreements[number], [p for p in members if p.agreement == number]
        if not parties:
            continue

        def offered(p: Member, side: int, cap: int = terms.cap) -> int:
            return min(rest[p.member][side], metered.get(p.member, (0, 0))[side] * p.share // MILLION, cap)

        takers, givers = [p for p in parties if p.takes], [p for p in parties if p.gives]
        draws, feeds = [offered(p, 0) for p in takers], [offered(p, 1) for p in givers]
        price, level, share, took, gave = cleared(terms, takers, draws, givers, feeds)
        triples[number] = (price, level, share)
        got = dict(zip((p.member for p in takers), took, strict=True))
        sold = dict(zip((p.member for p in givers), gave, strict=True))
        for p in parties:
            a, b = got.get(p.member, 0), sold.get(p.member, 0)
            rest[p.member][0] -= a
            rest[p.member][1] -= b
            rows.setdefault(p.member, []).append((number, a, b, b * price - a * (price + terms.fee)))
        rows.setdefault(FEE, []).append((number, 0, 0, sum(took) * terms.fee))
        rows.setdefault(ROUNDING, []).append((number, 0, 0, -(sum(gave) - sum(took)) * price))
    return Slot(triples, rows, {m: (r[0], r[1]) for m, r in rest.items()})


def cleared(
    terms: Agreement, takers: Sequence[Member], draws: Sequence[int], givers: Sequence[Member], feeds: Sequence[int]
) -> tuple[int, int, int, tuple[int, ...], tuple[int, ...]]:
    """(price, L, g, taken, given) of one agreement."""
    if terms.rule == AUCTION:
        bids = [(c, p.limit) for c, p in zip(draws, takers, strict=True)]
        asks = [(f, p.limit) for f, p in zip(feeds, givers, strict=True)]
        a = auction(bids, asks, terms.price_a, terms.price_b)
        return a.price, a.level, a.giver_level, a.took, a.gave
    weights = [p.weight for p in takers]
    level, share = triple(terms.key, list(zip(draws, weights, strict=True)), feeds)
    price = terms.price_a if terms.rule == FIXED else (terms.price_a + terms.price_b) // 2
    took = tuple(taken(terms.key, level, c, k) for c, k in zip(draws, weights, strict=True))
    return price, level, share, took, tuple(floor_share(f, share) for f in feeds)


def day(
    agreements: dict[int, Agreement], members: Sequence[Member], metered: dict[int, list[tuple[int, int]]], slots: int
) -> tuple[list[Slot], dict[int, list[tuple[int, int, int, int]]]]:
    """Every slot, and the day's lines per member: (agreement, Σ taken, Σ given, Σ amount) in running order."""
    found = [slot(agreements, members, {m: row[i] for m, row in metered.items()}) for i in range(slots)]
    lines: dict[int, list[tuple[int, int, int, int]]] = {}
    for member in {m for s in found for m in s.rows}:
        by_slot = zip(*(s.rows[member] for s in found), strict=True)
        lines[member] = [
            (row[0][0], sum(r[1] for r in row), sum(r[2] for r in row), sum(r[3] for r in row)) for row in by_slot
        ]
    return found, lines

"""Whole days of made-up communities, told by chance alone: for comparing implementations, not for realism.

The same seed gives the same day. Members 2 and up, one or two meters each; reader 0 delivers, reader 1 sometimes, what
it reads is replaced otherwise. Meters are swapped now and then; agreements have any key and price rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random

from lindenstrom.core.allocation import DayResult, Place
from lindenstrom.core.bundles import CommunityRef
from lindenstrom.core.calendar import OPEN_END, parse_date, window_of
from lindenstrom.core.commitment import CommittedDay
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import Break, Pack, Registers, Status
from lindenstrom.core.statements import Record
from lindenstrom.core.terms import NO_CAP, Binding, Key, Parameters, Role, Rule, Terms
from tests.support.example_day import ZONE, ExampleDay, salt_of

WINDOWS = tuple(window_of(parse_date(day)) for day in ("2026-10-25", "2026-11-11", "2027-03-28"))
"""Days of 100, 96 and 92 quarter-hours."""
CLOSE_DELAY_S = 36 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One meter's day: mWh and status per slot, and the slot in which the meter was swapped."""

    import_mwh: tuple[int, ...]
    export_mwh: tuple[int, ...]
    status: tuple[Status, ...]
    swap_slot: int | None = None


def pack_of(reading: Reading, binding: Binding, community: bytes, window: int, revision: int) -> Pack:
    """The pack that a reader makes of it. A new meter starts at 7 mWh, its predecessor gave the slots before."""
    start = Registers(import_mwh=10**9 + binding.id, export_mwh=10**8)
    total_in, total_out = sum(reading.import_mwh), sum(reading.export_mwh)
    gap = None
    end = Registers(import_mwh=start.import_mwh + total_in, export_mwh=start.export_mwh + total_out)
    if reading.swap_slot is not None:
        before_in, before_out = (sum(x[: reading.swap_slot]) for x in (reading.import_mwh, reading.export_mwh))
        gap = Break(
            slot_index=reading.swap_slot,
            old_end=Registers(import_mwh=start.import_mwh + before_in, export_mwh=start.export_mwh + before_out),
            new_start=Registers(import_mwh=7, export_mwh=7),
        )
        end = Registers(import_mwh=7 + total_in - before_in, export_mwh=7 + total_out - before_out)
    return Pack(
        community=community, meter=binding.meter, window=window, revision=revision,
        salt=salt_of(f"pack {revision}", binding.id), start=start, end=end, import_mwh=reading.import_mwh,
        export_mwh=reading.export_mwh, status=reading.status, gap=gap,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MadeDay(ExampleDay):
    """A day that is told by its readings (by binding id)."""

    readings: Mapping[int, Reading] = field(default_factory=dict)
    silent: frozenset[int] = frozenset()
    second: tuple[int, int] | None = None
    """Batch and time of reader 0's second revision, which shows 10 mWh more in every slot."""

    def delivered(self, reader: int) -> bool:
        return reader not in self.silent

    @cached_property
    def _result(self) -> DayResult:
        return super().result()

    def result(self) -> DayResult:
        return self._result

    @cached_property
    def _committed(self) -> CommittedDay:
        return super().committed()

    def committed(self) -> CommittedDay:
        return self._committed

    @cached_property
    def _trees(self) -> dict[tuple[int, int | None], PositionalTree]:
        return {}

    def reader_tree(self, reader: int = 0, revision: int | None = None) -> PositionalTree:
        if (reader, revision) not in self._trees:
            self._trees[reader, revision] = super().reader_tree(reader, revision)
        return self._trees[reader, revision]

    def newest(self, reader: int) -> int:
        return int(reader == 0 and self.second is not None)

    def reading(self, binding: Binding, revision: int) -> Pack:
        told = self.readings[binding.id]
        raised = replace(told, import_mwh=tuple(x + 10 * revision for x in told.import_mwh))
        return pack_of(raised, binding, self.community, self.window, revision)

    def batches(self) -> Mapping[int, tuple[int, tuple[Record, ...]]]:
        later = {} if self.second is None else {self.second[0]: (self.second[1], (self.record(0, 1),))}
        return {**super().batches(), **later}


def _energy(rng: Random, slots: int, top: int) -> tuple[int, ...]:
    if rng.random() < 0.1:
        return (0,) * slots
    edges = (0, 1, 2, top)
    return tuple(rng.choice(edges) if rng.random() < 0.2 else rng.randrange(top) for _ in range(slots))


def _reading(rng: Random, slots: int) -> Reading:
    top = rng.choice([3, 5_000, 900_000, 2**31])
    return Reading(
        import_mwh=_energy(rng, slots, top),
        export_mwh=_energy(rng, slots, top) if rng.random() < 0.6 else (0,) * slots,
        status=tuple(rng.choices(list(Status), weights=(90, 4, 4, 2), k=slots)),
        swap_slot=rng.randrange(slots) if rng.random() < 0.3 else None,
    )


def _terms(rng: Random, first_window: int, keys: Sequence[Key], rules: Sequence[Rule]) -> Terms:
    rule = rng.choice(rules)
    prices = [rng.choice([0, 1, 80_000, 300_001, 2**32 - 1]) for _ in range(2)]
    return Terms(
        steward=rng.choice([0, 2]),
        key=Key.PROPORTIONAL if rule is Rule.AUCTION else rng.choice(keys),
        rule=rule,
        price_a_ueur_kwh=min(prices) if rule is Rule.AUCTION else prices[0],
        price_b_ueur_kwh=max(prices) if rule is Rule.AUCTION else prices[1],
        fee_ueur_kwh=rng.choice([0, 5_000, 2**32 - 1]),
        cap_mwh=rng.choice([NO_CAP, NO_CAP, 200_000, 1]),
        priority=rng.randrange(3),
        first_window=first_window,
        public_disputes=True,
    )


def _parameters(rng: Random, terms: Terms, salt: bytes) -> Parameters:
    weights = {
        Key.STATIC: rng.choice([0, 250_000, 333_333, 10**6]),
        Key.CASCADING: rng.choice([1, 2, 7, 2**32 - 1]),
        Key.PRIORITY: rng.choice([0, 1, 1, 65_535]),
    }
    limit = rng.randint(terms.price_a_ueur_kwh, terms.price_b_ueur_kwh) if terms.rule is Rule.AUCTION else 0
    return Parameters(
        weight=weights.get(terms.key, 0), share_ppm=rng.choice([10**6, 10**6, 400_000, 1]), limit_ueur_kwh=limit,
        salt=salt,
    ).checked(terms)  # fmt: skip


def made_day(
    seed: int,
    ref: CommunityRef,
    *,
    window: int | None = None,
    keys: Sequence[Key] = tuple(Key),
    rules: Sequence[Rule] = tuple(Rule),
) -> MadeDay:
    """A community's day. window: one of WINDOWS by default."""
    rng = Random(seed)
    drawn = rng.choice(WINDOWS)
    window = drawn if window is None else window
    slots, from_day = ZONE.slot_count(window), window - 3
    members = range(2, 2 + rng.randint(2, 4))
    bindings = tuple(
        Binding(
            id=i, member=m, meter=salt_of("meter", i), reader=int(rng.random() < 0.2), position=i, from_day=from_day,
            end_day=OPEN_END,
        )
        for i, m in enumerate((m for m in members for _ in range(rng.choice([1, 1, 2]))), start=1)
    )  # fmt: skip
    terms = {a: _terms(rng, from_day, keys, rules) for a in range(1, 1 + rng.randint(1, 3))}
    places = tuple(
        Place(
            member=m, agreement=a, role=rng.choice([Role.TAKER, Role.GIVER, Role.BOTH]),
            parameters=_parameters(rng, its, salt_of(f"parameters {m}", a)),
        )
        for m in members
        for a, its in terms.items()
        if m == members[0] or rng.random() < 0.8
    )  # fmt: skip
    return MadeDay(
        community=ref.id, ref=ref, window=window, as_of=ZONE.window_end(window) + CLOSE_DELAY_S,
        anchor_time=ZONE.window_end(window) + CLOSE_DELAY_S - 3_600, bindings_held=bindings, places=places, terms=terms,
        readings={b.id: _reading(rng, slots) for b in bindings}, silent=frozenset({1} if rng.random() < 0.7 else ()),
    )  # fmt: skip

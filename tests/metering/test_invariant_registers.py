"""I4 over days of a random meter: swaps, rollovers, gaps, days built in any order, days that never came."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone
from lindenstrom.core.packs import REPLACEMENT_REVISION, Pack, Registers, pack_fault
from lindenstrom.core.replacement import NOTHING_READ, day_values, replacement_pack, true_up
from lindenstrom.metering.intervals import (
    SLOT_MS,
    TOLERANCE_MS,
    DeclaredBreak,
    Sample,
    WindowValues,
    rollovers,
    window_values,
)

ZONE = Zone()
AUTUMN = 20_751  # 2026-10-25, 100 quarter-hours
DAYS = range(AUTUMN - 2, AUTUMN + 4)
COMMUNITY, METER = bytes(32), b"m" * 32
FLOORS_MWH = 4
"""Registers between readings are floored; a day has two ends, and a break two more."""
RISE_MWH = 400_000
"""At most, in a quarter-hour."""
NEAR_MWH = 2 * RISE_MWH * TOLERANCE_MS // SLOT_MS
"""What runs through, at both ends of a day, between the boundary and the reading that is taken for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a meter truly counted at its readings, and what it showed: (time, true import, true export)."""

    truth: list[tuple[int, int, int]]
    samples: list[Sample]
    swaps: list[DeclaredBreak]
    modulus_mwh: int

    @property
    def breaks(self) -> list[DeclaredBreak]:
        found = rollovers(self.samples, self.swaps, self.modulus_mwh) if self.modulus_mwh else []
        return sorted([*self.swaps, *found], key=lambda declared: declared.time_ms)

    def true_between(self, start_ms: int, end_ms: int, side: int) -> int:
        """True energy of a span, rises between readings being steady."""
        return self._true_at(end_ms, side) - self._true_at(start_ms, side)

    def _true_at(self, time_ms: int, side: int) -> int:
        for a, b in pairwise(self.truth):
            if a[0] <= time_ms <= b[0]:
                return a[1 + side] + (b[1 + side] - a[1 + side]) * (time_ms - a[0]) // (b[0] - a[0])
        raise AssertionError


def live(seed: int, *, swap: bool, modulus_mwh: int, gaps: bool) -> Life:
    """A life of DAYS, with a reading at every swap."""
    rng = random.Random(seed)
    begin, end = ZONE.window_start(DAYS[0]) * 1000 - 60_000, ZONE.window_end(DAYS[-1]) * 1000 + 60_000
    now, true, truth = begin, [0, 0], []
    while now < end + SLOT_MS * 60:
        truth.append((now, true[0], true[1]))
        step = rng.randrange(60_000, SLOT_MS * (50 if gaps and rng.random() < 0.02 else 2))
        now += step
        for side in (0, 1):
            true[side] += rng.randrange(0, RISE_MWH * step // SLOT_MS + 1)
    shown = [rng.randrange(modulus_mwh or 10**9) for _ in (0, 1)]
    offset = list(shown)
    swap_at = rng.randrange(len(truth) // 4, 3 * len(truth) // 4) if swap else -1
    samples, swaps = [], []
    for index, (time, *values) in enumerate(truth):
        registers = [value + add for value, add in zip(values, offset, strict=True)]
        if modulus_mwh:
            registers = [r % modulus_mwh for r in registers]
        if index == swap_at:
            new = [rng.randrange(1000) for _ in (0, 1)]
            offset = [n - value for n, value in zip(new, values, strict=True)]
            swaps.append(DeclaredBreak(time_ms=time, old_end=_pair(registers), new_start=_pair(new)))
        else:
            samples.append(Sample(time_ms=time, registers=_pair(registers)))
    return Life(truth=truth, samples=samples, swaps=swaps, modulus_mwh=modulus_mwh)


def _pair(values: list[int]) -> Registers:
    return Registers(import_mwh=values[0], export_mwh=values[1])


def as_pack(window: int, values: WindowValues) -> Pack:
    fields = {name: getattr(values, name) for name in WindowValues.__slots__}
    return Pack(community=COMMUNITY, meter=METER, window=window, revision=0, salt=bytes(32), **fields)


def is_good(pack: Pack) -> bool:
    return not pack_fault(
        pack.encode(),
        community=COMMUNITY,
        meter=METER,
        window=pack.window,
        revision=pack.revision,
        slot_count=ZONE.slot_count(pack.window),
    )


def build(life: Life, order: list[int]) -> dict[int, Pack]:
    """Windows as the adapter builds them: registers once used by a pack are settled for ever."""
    settled: dict[int, Registers] = {}
    packs = {}
    for window in order:
        first, count = ZONE.first_slot(window), ZONE.slot_count(window)
        breaks = life.breaks
        values = window_values(
            life.samples, first_slot=first, slot_count=count, position=0, breaks=breaks, settled=settled
        )
        assert isinstance(values, WindowValues)
        settled = {first: values.start, first + count: values.end} | settled
        packs[window] = as_pack(window, values)
    return packs


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    event=st.sampled_from(["none", "swap", "rollover"]),
    gaps=st.booleans(),
    order=st.permutations(list(DAYS)),
    silent=st.sets(st.sampled_from(DAYS), max_size=3),
)
def test_registers_meet_from_day_to_day(seed: int, event: str, gaps: bool, order: list[int], silent: set[int]) -> None:
    modulus_mwh = 10**8 if event == "rollover" else 0
    life = live(seed, swap=event == "swap", modulus_mwh=modulus_mwh, gaps=gaps)
    busy = [w for w in DAYS if sum(w == ZONE.window_at(b.time_ms // 1000) for b in life.breaks) > 1]
    read = build(life, [w for w in order if w not in silent and w not in busy])
    last, measured, before = NOTHING_READ, {}, None
    for window in DAYS:
        pack = read.get(window) or replacement_pack(
            community=COMMUNITY,
            meter=METER,
            window=window,
            salt=bytes(32),
            zone=ZONE,
            last_end=last,
            measured=measured,
        )
        assert is_good(pack)
        replaced = pack.revision == REPLACEMENT_REVISION
        if before is not None and (replaced or before.revision != REPLACEMENT_REVISION):
            assert pack.start == before.end
        elif before is not None:
            found = true_up(before.end, pack.start)
            assert found.import_mwh == pack.start.import_mwh - before.end.import_mwh
            assert before.end.export_mwh + found.export_mwh == pack.start.export_mwh
        if not replaced:
            measured[window] = day_values(pack.encode(), ZONE.slot_count(window))
            span = (ZONE.window_start(window) * 1000, ZONE.window_end(window) * 1000)
            for side, mwh in enumerate((pack.import_mwh, pack.export_mwh)):
                assert abs(sum(mwh) - life.true_between(*span, side)) <= FLOORS_MWH + NEAR_MWH
        last, before = pack.end, pack


def test_the_lives_have_what_they_are_made_for() -> None:
    assert len(live(1, swap=True, modulus_mwh=0, gaps=False).breaks) == 1
    assert any(live(seed, swap=False, modulus_mwh=10**8, gaps=True).breaks for seed in range(5))

"""I4 and what `measured` promises, over random meters: jitter, gaps, duplicates, lateness, restarts, clock steps."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone
from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering import readings
from lindenstrom.metering.errors import RegisterFell, RegisterJumped
from lindenstrom.metering.intervals import SLOT_MS, TOLERANCE_MS, NotComplete, WindowValues, window_values
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.plausible import one_way
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom.metering.timeline import READING, reading_record, register_timeline, stream_record

ZONE = Zone()
AUTUMN = 20_751  # 2026-10-25, 100 quarter-hours
DAYS = (AUTUMN - 1, AUTUMN, AUTUMN + 1)
BEGIN_MS, END_MS = ZONE.window_start(DAYS[0]) * 1000, ZONE.window_end(DAYS[-1]) * 1000
LIMIT_W = 59_771
METER = b"\x0a\x01MTR\x00\x00\x00\x00\x01"


def build(
    records: Sequence[Record], window: int, settled: dict[int, Registers] | None = None
) -> WindowValues | NotComplete:
    found = register_timeline(records, limit_w=LIMIT_W)
    return window_values(
        one_way(found.samples, settled or {}),
        first_slot=ZONE.first_slot(window),
        slot_count=ZONE.slot_count(window),
        position=0,
        breaks=found.breaks,
        settled=settled,
        limit_w=LIMIT_W,
    )


def check(values: WindowValues) -> None:
    """I4 within a day."""
    assert values.gap is None
    for side in ("import_mwh", "export_mwh"):
        each = getattr(values, side)
        assert min(each) >= 0
        assert getattr(values.start, side) + sum(each) == getattr(values.end, side)


def curve(rng: random.Random) -> list[tuple[int, int, int]]:
    """(time, import, export) at readings, most near a boundary, some with long gaps between."""
    now, imported, exported = BEGIN_MS - 20_000, rng.randrange(10**9), rng.randrange(10**9)
    points = [(now, imported, exported)]
    while now < END_MS + 20_000:
        if rng.random() < 0.9:
            later = (now // SLOT_MS + 1) * SLOT_MS + rng.randrange(-12_000, 12_000)
            later = max(later, now + 1_000)
        else:
            later = now + rng.randrange(1_000, 20 * SLOT_MS if rng.random() < 0.2 else SLOT_MS)
        rise = rng.randrange(40_000 * (later - now) // 3_600 + 1)
        imported, exported = (imported + rise, exported) if rng.random() < 0.5 else (imported, exported + rise)
        now = later
        points.append((now, imported, exported))
    return points


def lists(points: Sequence[tuple[int, int, int]], rng: random.Random) -> list[Record]:
    """The points as readings of lists: some one-sided, some substitutes, some of them twice."""
    records = []
    for time_ms, imported, exported in points:
        both = rng.random() < 0.5
        spare = rng.random() < 0.1
        if both or rng.random() < 0.9:
            records.append(
                reading_record(
                    time_ms=time_ms,
                    import_mwh=imported,
                    export_mwh=exported if both else None,
                    substitute=spare,
                )
            )
        if not both:
            records.append(reading_record(time_ms=time_ms + 500, export_mwh=exported, substitute=spare))
    ends = [(BEGIN_MS - 30_000, points[0]), (END_MS + 10 * SLOT_MS, points[-1])]
    records += [reading_record(time_ms=t, import_mwh=p[1], export_mwh=p[2]) for t, p in ends]
    return [*records, *rng.choices(records, k=5)]


def is_supported(records: Sequence[Record], time_ms: int) -> bool:
    """Whether measured readings of both registers lie within the tolerance of an instant."""
    sides = 0
    for record in records:
        if abs(record.time_ms - time_ms) <= TOLERANCE_MS:
            flags = READING.unpack(record.payload)[0]
            sides |= 0 if flags & 4 else flags
    return sides == 3


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_lists_in_any_order_of_arrival(seed: int) -> None:
    rng = random.Random(seed)
    records = lists(curve(rng), rng)
    shuffled = rng.sample(records, len(records))
    days = []
    for window in DAYS:
        day = build(records, window)
        assert isinstance(day, WindowValues)
        assert build(shuffled, window) == day
        check(day)
        days.append(day)
        first = ZONE.first_slot(window)
        for index, status in enumerate(day.status):
            supported = all(is_supported(records, (first + index + i) * SLOT_MS) for i in (0, 1))
            assert (status is Status.MEASURED) == supported
    assert days[0].end == days[1].start
    assert days[1].end == days[2].start


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.permutations(DAYS))
def test_days_meet_whatever_comes_late(seed: int, order: list[int]) -> None:
    rng = random.Random(seed)
    records = lists(curve(rng), rng)
    settled: dict[int, Registers] = {}
    days: dict[int, WindowValues] = {}
    here = rng.sample(records[:-7], len(records) // 4) + records[-7:]
    for window in order:
        day = build(here, window, settled)
        assert isinstance(day, WindowValues)
        check(day)
        days[window] = day
        settled[ZONE.first_slot(window)] = day.start
        settled[ZONE.first_slot(window + 1)] = day.end
        here = here + rng.sample(records, len(records) // 3)
        again = build(here, window, settled)
        assert isinstance(again, WindowValues)
        assert (again.start, again.end) == (day.start, day.end)
        check(again)
    assert days[DAYS[0]].end == days[DAYS[1]].start
    assert days[DAYS[1]].end == days[DAYS[2]].start


def stream(rng: random.Random) -> list[Record]:
    """SML telegrams as received: repeated ones, zeros for a while, a clock that is wrong for some hours."""
    points = curve(rng)
    wrong = sorted(rng.sample(range(len(points) // 4, 3 * len(points) // 4), 2))
    off_ms = rng.choice((0, 0, -3_600_000, 3_600_000, 1_000_000, -200_000))
    zero = rng.randrange(len(points) // 4, 3 * len(points) // 4) if rng.random() < 0.5 else -9
    records: list[Record] = []
    for index, (time_ms, imported, exported) in enumerate(points):
        shown = (0, 0) if zero <= index < zero + 2 else (imported, exported)
        data = sml_telegram(
            server_id=METER,
            sec_index=(time_ms - BEGIN_MS) // 1000 + 10**6,
            import_mwh=shown[0],
            export_mwh=shown[1],
            scaler=-3,
        )
        stamp = time_ms + (off_ms if wrong[0] <= index < wrong[1] else 0)
        cut = rng.randrange(len(data))
        records += [
            stream_record(Kind.SML, stamp, data[:cut]),
            stream_record(Kind.SML, stamp, data[cut:]),
            *([stream_record(Kind.SML, stamp + 400, data)] if rng.random() < 0.1 else []),
        ]
    return records


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_streams_add_up_or_are_refused(seed: int) -> None:
    rng = random.Random(seed)
    records = stream(rng)
    found = register_timeline(records, limit_w=LIMIT_W)
    days = []
    for window in DAYS:
        try:
            day = build(records, window)
        except (RegisterFell, RegisterJumped):
            return
        assert isinstance(day, WindowValues)
        check(day)
        days.append(day)
        if window == AUTUMN:
            assert build([*records, *records], window) == day
        for index, status in enumerate(day.status):
            for boundary in (index, index + 1):
                time_ms = (ZONE.first_slot(window) + boundary) * SLOT_MS
                near = any(abs(sample.time_ms - time_ms) <= TOLERANCE_MS for sample in found.samples)
                assert near or status is Status.ESTIMATED
    assert all(a.end == b.start for a, b in pairwise(days))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_wrong_clocks_are_found_by_the_running_seconds(seed: int) -> None:
    """Whatever the machine's clock did for some hours, the stamps of what is left are right."""
    rng = random.Random(seed)
    off_ms = rng.choice((-7_200_000, -120_000, 120_000, 600_000, 3_600_000))
    first = rng.randrange(20, 60)
    wrong = range(first, first + rng.randrange(1, 9))
    drift = rng.randrange(-3, 4)  # in thousandths
    made = [
        readings.Reading(
            time_ms=i * SLOT_MS + (off_ms if i in wrong else 0),
            order=i,
            meter="m",
            sides=(readings.Side(mwh=i * 90_000), None),
            seconds=10**6 + i * 900 + i * 900 * drift // 1_000,
        )
        for i in range(96)
    ]
    for sample in readings.samples_of(made, Counter()):
        assert sample.time_ms == sample.registers.import_mwh // 90_000 * SLOT_MS

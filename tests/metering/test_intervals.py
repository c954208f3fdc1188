"""Registers to quarter-hours: sums, shared boundaries, gaps, breaks, falls."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone
from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering.errors import BreakUnfit, MeterChanged, RegisterFell, SlotTooLarge
from lindenstrom.metering.intervals import (
    SLOT_MS,
    DeclaredBreak,
    Lack,
    NotComplete,
    Sample,
    WindowValues,
    window_values,
)

ZONE = Zone()
DAY = 20_750  # an ordinary day in October
AUTUMN = 20_751  # 2026-10-25, 100 quarter-hours


def reg(imported: int, exported: int = 0) -> Registers:
    return Registers(import_mwh=imported, export_mwh=exported)


def build(
    samples: list[Sample],
    window: int = DAY,
    breaks: tuple[DeclaredBreak, ...] = (),
    settled: dict[int, Registers] | None = None,
) -> WindowValues | NotComplete:
    return window_values(
        samples,
        first_slot=ZONE.first_slot(window),
        slot_count=ZONE.slot_count(window),
        position=3,
        breaks=breaks,
        settled=settled,
    )


def whole(result: WindowValues | NotComplete) -> WindowValues:
    assert isinstance(result, WindowValues)
    return result


def start_ms(window: int) -> int:
    return ZONE.first_slot(window) * SLOT_MS


def check_sums(values: WindowValues) -> None:
    """I4 within a window, as the pack check has it."""
    for side in ("import_mwh", "export_mwh"):
        start, end = getattr(values.start, side), getattr(values.end, side)
        total = sum(getattr(values, side))
        if values.gap is None:
            assert start + total == end
        else:
            old, new = getattr(values.gap.old_end, side), getattr(values.gap.new_start, side)
            assert total == (old - start) + (end - new)


@st.composite
def series(draw: st.DrawFn) -> list[Sample]:
    """Rising registers from before AUTUMN-1 to after AUTUMN+1, with jitter, and gaps of any length."""
    steps = draw(st.lists(st.integers(1, 6 * 3_600_000), min_size=5, max_size=120))
    begin = start_ms(AUTUMN - 1) - draw(st.integers(0, 3_600_000))
    times = [begin, *accumulate(steps, initial=begin + 1)]
    times.append(max(times[-1] + 1, start_ms(AUTUMN + 2) + draw(st.integers(0, 3_600_000))))
    rises = draw(st.lists(st.integers(0, 9_000_000), min_size=2 * len(times), max_size=2 * len(times)))
    imports = list(accumulate(rises[: len(times)]))
    exports = list(accumulate(rises[len(times) :]))
    return [Sample(time_ms=t, registers=reg(a, b)) for t, a, b in zip(times, imports, exports, strict=True)]


@settings(max_examples=80, deadline=None)
@given(series())
def test_days_add_up_and_meet(samples: list[Sample]) -> None:
    days = [whole(build(samples, window)) for window in (AUTUMN - 1, AUTUMN, AUTUMN + 1)]
    assert [len(day.status) for day in days] == [96, 100, 96]
    for day in days:
        check_sums(day)
    assert days[0].end == days[1].start
    assert days[1].end == days[2].start


@settings(max_examples=80, deadline=None)
@given(series(), st.data())
def test_days_meet_in_any_order_and_with_late_readings(samples: list[Sample], data: st.DataObject) -> None:
    keep = data.draw(st.sets(st.integers(1, len(samples) - 2)))
    early = [s for i, s in enumerate(samples) if i in keep or i in (0, len(samples) - 1)]
    order = data.draw(st.permutations((AUTUMN - 1, AUTUMN, AUTUMN + 1)))
    settled: dict[int, Registers] = {}
    days: dict[int, WindowValues] = {}
    for number, window in enumerate(order):
        day = whole(build(early if number == 0 else samples, window, settled=settled))
        check_sums(day)
        days[window] = day
        settled[ZONE.first_slot(window)] = day.start
        settled[ZONE.first_slot(window + 1)] = day.end
    assert days[AUTUMN - 1].end == days[AUTUMN].start
    assert days[AUTUMN].end == days[AUTUMN + 1].start


def regular(step_ms: int, rise: int, days: int = 1, jitter: int = 0) -> list[Sample]:
    first, last = start_ms(DAY) - step_ms, start_ms(DAY + days) + step_ms
    times = range(first, last + 1, step_ms)
    return [Sample(time_ms=t + (jitter if i % 2 else -jitter), registers=reg(i * rise)) for i, t in enumerate(times)]


def test_minute_readings_are_measured_and_exact() -> None:
    values = whole(build(regular(60_000, 1_000)))
    assert set(values.import_mwh) == {15_000}
    assert set(values.status) == {Status.MEASURED}


def test_jittered_quarter_hours_are_measured() -> None:
    values = whole(build(regular(SLOT_MS, 90_000, jitter=4_000)))
    assert set(values.status) == {Status.MEASURED}
    assert all(abs(value - 90_000) < 1_000 for value in values.import_mwh)


def test_gap_is_spread_evenly_and_estimated() -> None:
    samples = regular(60_000, 1_000)
    low, high = start_ms(DAY) + 4 * SLOT_MS, start_ms(DAY) + 8 * SLOT_MS
    samples = [s for s in samples if not low < s.time_ms < high]
    jump = [
        Sample(time_ms=s.time_ms, registers=reg(s.registers.import_mwh + (40_000 if s.time_ms >= high else 0)))
        for s in samples
    ]
    values = whole(build(jump))
    assert values.status[3:9] == (Status.MEASURED, *[Status.ESTIMATED] * 4, Status.MEASURED)
    assert values.import_mwh[4:8] == (25_000,) * 4


def test_what_lacks_is_said() -> None:
    samples = regular(60_000, 1_000)
    middle = start_ms(DAY) + 40 * SLOT_MS
    assert build([]) == NotComplete(lack=Lack.NO_READING)
    assert build([s for s in samples if s.time_ms > middle]) == NotComplete(lack=Lack.NO_START)
    assert build([s for s in samples if s.time_ms < middle]) == NotComplete(lack=Lack.NO_END)


def test_fall_without_break_is_refused_without_values() -> None:
    samples = regular(60_000, 1_000)
    at = len(samples) // 2
    samples[at] = Sample(time_ms=samples[at].time_ms, registers=reg(77))
    with pytest.raises(RegisterFell) as caught:
        build(samples)
    assert "position 3" in str(caught.value)
    assert "77" not in str(caught.value)


def test_another_meter_without_break_is_refused() -> None:
    samples = regular(60_000, 1_000)
    half = len(samples) // 2
    tagged = [
        Sample(time_ms=s.time_ms, registers=s.registers, meter=b"a" if i < half else b"b")
        for i, s in enumerate(samples)
    ]
    with pytest.raises(MeterChanged):
        build(tagged)
    swap = DeclaredBreak(
        time_ms=samples[half].time_ms - 1,
        old_end=samples[half - 1].registers,
        new_start=samples[half].registers,
    )
    assert whole(build(tagged, breaks=(swap,))).gap is not None


def swapped(offset_ms: int) -> tuple[list[Sample], DeclaredBreak]:
    """A meter swapped some time into DAY: the old one ends higher than read last, the new one starts at 5."""
    at = start_ms(DAY) + offset_ms
    samples = regular(60_000, 1_000, days=2)
    old = [s for s in samples if s.time_ms < at]
    new = [Sample(time_ms=s.time_ms, registers=reg(5 + (s.time_ms - at) // 60)) for s in samples if s.time_ms > at]
    return [*old, *new], DeclaredBreak(time_ms=at, old_end=reg(old[-1].registers.import_mwh + 700), new_start=reg(5))


@pytest.mark.parametrize("offset_ms", [0, 1, SLOT_MS, 10 * SLOT_MS + 333_000, 96 * SLOT_MS - 1])
def test_swap_inside_a_day(offset_ms: int) -> None:
    samples, swap = swapped(offset_ms)
    values = whole(build(samples, breaks=(swap,)))
    check_sums(values)
    assert values.gap is not None
    assert values.gap.slot_index == offset_ms // SLOT_MS
    after = whole(build(samples, DAY + 1, breaks=(swap,)))
    assert after.start == values.end
    assert after.gap is None
    check_sums(after)


def test_swap_at_midnight_belongs_to_the_day_that_begins() -> None:
    samples, swap = swapped(96 * SLOT_MS)
    before, after = (whole(build(samples, window, breaks=(swap,))) for window in (DAY, DAY + 1))
    assert before.gap is None
    assert before.end == after.start == swap.old_end
    assert after.gap is not None
    assert after.gap.slot_index == 0
    check_sums(after)


def test_unfit_breaks_are_refused() -> None:
    samples, swap = swapped(10 * SLOT_MS + 5)
    low = DeclaredBreak(time_ms=swap.time_ms, old_end=reg(0), new_start=reg(5))
    with pytest.raises((BreakUnfit, RegisterFell)):
        build(samples, breaks=(low,))
    second = DeclaredBreak(time_ms=swap.time_ms + 1, old_end=reg(6), new_start=reg(6))
    with pytest.raises(BreakUnfit, match="more than one"):
        build(samples, breaks=(swap, second))


def test_value_beyond_32_bits_is_refused() -> None:
    samples = [
        Sample(time_ms=start_ms(DAY), registers=reg(0)),
        Sample(time_ms=start_ms(DAY + 1), registers=reg(2**40)),
    ]
    with pytest.raises(SlotTooLarge):
        build(samples)


def test_settled_start_needs_no_reading_before() -> None:
    samples = [s for s in regular(60_000, 1_000) if s.time_ms > start_ms(DAY)]
    values = whole(build(samples, settled={ZONE.first_slot(DAY): reg(50)}))
    assert values.start == reg(50)
    check_sums(values)
    assert values.status[:2] == (Status.ESTIMATED, Status.MEASURED)


def test_break_after_built_days_leaves_their_boundaries() -> None:
    samples, swap = swapped(96 * SLOT_MS + 5_000)
    settled = {ZONE.first_slot(DAY): reg(100), ZONE.first_slot(DAY + 1): reg(200)}
    after = whole(build(samples, DAY + 1, breaks=(swap,), settled=settled))
    assert after.start == reg(200)
    check_sums(after)


def test_register_at_a_boundary_is_floored() -> None:
    at = start_ms(DAY)
    samples = [
        Sample(time_ms=at - 1_000, registers=reg(10, 20)),
        Sample(time_ms=at + 2_000, registers=reg(12, 20)),
        Sample(time_ms=start_ms(DAY + 1), registers=reg(12, 20)),
    ]
    assert whole(build(samples)).start == reg(10, 20)

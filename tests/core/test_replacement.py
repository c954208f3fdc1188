"""Replacement values (R5) against a slow version written from wall clocks, and their edges."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone, parse_date, window_of
from lindenstrom.core.packs import (
    MAX_REGISTER_MWH,
    MAX_SLOT_MWH,
    REPLACEMENT_REVISION,
    Pack,
    Registers,
    Status,
    decode_pack,
    pack_fault,
)
from lindenstrom.core.replacement import (
    NOTHING_READ,
    DayValues,
    day_values,
    history,
    is_measured,
    replacement_pack,
    true_up,
)

NAMES = {0: "Europe/Lisbon", 1: "Europe/Berlin", 2: "Europe/Athens"}
SPRING, AUTUMN = window_of(parse_date("2026-03-29")), window_of(parse_date("2026-10-25"))


def replaced(
    window: int, measured: Mapping[int, DayValues], offset: int = 1, last_end: Registers = NOTHING_READ
) -> Pack:
    return replacement_pack(
        community=bytes(32),
        meter=bytes(32),
        window=window,
        salt=bytes(32),
        zone=Zone(offset_hours=offset),
        last_end=last_end,
        measured=measured,
    )


def clock_times(name: str, window: int) -> list[str]:
    """Wall clock at the start of each quarter-hour of a local day, by the machine's own time zone data."""
    day = date(1970, 1, 1) + timedelta(days=window)
    zone = ZoneInfo(name)
    now = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    times = []
    while now.astimezone(zone).date() == day:
        times.append(now.astimezone(zone).strftime("%H:%M"))
        now += timedelta(minutes=15)
    return times


def naive(name: str, window: int, measured: Mapping[int, tuple[int, ...]]) -> list[int] | None:
    """One direction, slot by slot, from the text of the rule."""
    days = [d for d in range(window - 28, window) if d in measured][-7:]
    if not any(d in days for d in range(window - 10, window)):
        return None
    found = []
    for time in clock_times(name, window):
        total = 0
        for day in days:
            there = clock_times(name, day)
            hour, minute = time.split(":")
            wanted = time if time in there else f"{int(hour) + 1:02}:{minute}"
            total += measured[day][there.index(wanted)]
        found.append(total // len(days))
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, dict[int, DayValues]]:
    offset = draw(st.sampled_from(sorted(NAMES)))
    window = draw(st.sampled_from([SPRING, AUTUMN])) + draw(st.integers(-1, 30))
    days = draw(st.sets(st.integers(window - 32, window + 2), max_size=14))
    top = draw(st.sampled_from([3, 10**6, MAX_SLOT_MWH]))
    random = draw(st.randoms(use_true_random=False))

    def values(day: int) -> tuple[int, ...]:
        return tuple(random.randint(0, top) for _ in range(Zone(offset_hours=offset).slot_count(day)))

    return offset, window, {d: DayValues(import_mwh=values(d), export_mwh=values(d)) for d in days}


@settings(deadline=None, max_examples=60)
@given(cases())
def test_as_a_slow_version_from_wall_clocks(case: tuple[int, int, dict[int, DayValues]]) -> None:
    offset, window, measured = case
    pack = replaced(window, measured, offset, Registers(import_mwh=5, export_mwh=6))
    slots = Zone(offset_hours=offset).slot_count(window)
    for side in ("import_mwh", "export_mwh"):
        due = naive(NAMES[offset], window, {d: getattr(v, side) for d, v in measured.items()})
        assert list(getattr(pack, side)) == (due or [0] * slots)
        assert set(pack.status) == {Status.ESTIMATED if due else Status.MISSING}
    assert (pack.start.import_mwh, pack.start.export_mwh) == (5, 6)
    fault = pack_fault(
        pack.encode(),
        community=bytes(32),
        meter=bytes(32),
        window=window,
        revision=REPLACEMENT_REVISION,
        slot_count=slots,
    )
    assert fault is None


def flat(window: int, value: int) -> DayValues:
    slots = Zone().slot_count(window)
    return DayValues(import_mwh=(value,) * slots, export_mwh=(0,) * slots)


def test_seven_newest_days_count_within_four_weeks() -> None:
    window = AUTUMN - 40
    assert history(window, range(window - 40, window + 5)) == tuple(range(window - 1, window - 8, -1))
    assert history(window, [window - 28, window - 1]) == (window - 1, window - 28)
    assert history(window, [window - 29, window - 1]) == (window - 1,)
    assert replaced(window, {window - d: flat(window - d, d) for d in range(1, 12)}).import_mwh[0] == 4
    assert replaced(window, {window - 1: flat(window - 1, 4), window - 2: flat(window - 2, 5)}).import_mwh[9] == 4


def test_ten_in_a_row_and_no_eleventh() -> None:
    last = AUTUMN - 60
    packs = [replaced(last + run, {last: flat(last, 8), last - 3: flat(last - 3, 4)}) for run in range(1, 12)]
    assert [p.import_mwh[0] for p in packs] == [6] * 10 + [0]
    assert [p.status[0] for p in packs] == [Status.ESTIMATED] * 10 + [Status.MISSING]


def test_the_worked_example_of_the_protocol() -> None:
    def day(window: int, at: dict[int, int]) -> DayValues:
        zeros = (0,) * Zone().slot_count(window)
        return DayValues(import_mwh=tuple(at.get(i, 0) for i in range(len(zeros))), export_mwh=zeros)

    # 24 October: 02:00 is slot 8, 03:00 is slot 12. 25 October: 02:00 twice (slots 8 and 12), 03:00 is slot 16.
    before, autumn = day(AUTUMN - 1, {8: 100, 12: 300}), day(AUTUMN, {8: 201, 12: 999, 16: 400})
    after = replaced(AUTUMN + 1, {AUTUMN - 1: before, AUTUMN: autumn})
    assert (after.import_mwh[8], after.import_mwh[12]) == (150, 350)
    again = replaced(AUTUMN, {AUTUMN - 1: before})
    assert [again.import_mwh[i] for i in (8, 12, 16)] == [100, 100, 300]
    # 29 March: 03:00 is slot 8; 02:00 does not exist, and a day after takes 03:00 for it.
    spring = day(SPRING, {8: 700})
    assert [replaced(SPRING + 1, {SPRING: spring}).import_mwh[i] for i in (8, 12)] == [700, 700]
    assert replaced(SPRING, {SPRING - 1: day(SPRING - 1, {8: 5, 12: 6})}).import_mwh[8] == 6


@pytest.mark.parametrize("status", list(Status))
def test_a_day_with_a_missing_slot_is_not_measured(status: Status) -> None:
    pack = replaced(AUTUMN - 5, {})
    slots = len(pack.status)
    data = Pack(
        **{name: getattr(pack, name) for name in Pack.__slots__ if name != "status"},
        status=(Status.MEASURED,) * (slots - 1) + (status,),
    ).encode()
    assert is_measured(data, slots) is (status is not Status.MISSING)


def test_values_are_read_back() -> None:
    window = AUTUMN - 5
    own = DayValues(import_mwh=tuple(range(96)), export_mwh=tuple(range(1000, 1096)))
    data = replaced(window, {window - 1: own}, last_end=Registers(import_mwh=7, export_mwh=9)).encode()
    assert day_values(data, 96) == own
    assert decode_pack(data).end.import_mwh == 7 + sum(range(96))


def test_a_register_that_would_pass_64_bits_starts_at_0() -> None:
    full = Registers(import_mwh=MAX_REGISTER_MWH, export_mwh=MAX_REGISTER_MWH)
    pack = replaced(AUTUMN - 5, {AUTUMN - 6: flat(AUTUMN - 6, 1)}, last_end=full)
    assert (pack.start.import_mwh, pack.start.export_mwh) == (0, MAX_REGISTER_MWH)
    assert (pack.end.import_mwh, pack.end.export_mwh) == (96, MAX_REGISTER_MWH)


def test_a_true_up_has_a_sign_and_zero_is_none() -> None:
    a, b = Registers(import_mwh=10, export_mwh=7), Registers(import_mwh=4, export_mwh=7)
    assert (true_up(a, b).import_mwh, true_up(a, b).export_mwh) == (-6, 0)
    assert true_up(a, b) and not true_up(a, a)

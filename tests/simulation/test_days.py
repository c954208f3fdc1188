"""Made-up days: exact balances, batteries within their limits, registers that go on, clock changes."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from lindenstrom.core.calendar import SECONDS_PER_SLOT, Zone, window_of
from lindenstrom.simulation.community import HouseholdsOutOfRange, Mix, households
from lindenstrom.simulation.days import STEP_S, Day, days
from lindenstrom.simulation.physics import METER_STEP_MWH

pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")

BERLIN = Zone()
AUTUMN = window_of(date(2026, 10, 25))
MIX = Mix(households=12, pv_ppm=500_000, battery_ppm=500_000, heat_pump_ppm=250_000, car_ppm=250_000)


@pytest.fixture(scope="module")
def week() -> list[Day]:
    return list(days(5, households(5, MIX), range(AUTUMN - 2, AUTUMN + 2), BERLIN))


def test_every_step_of_every_home_balances(week: list[Day]) -> None:
    for day in week:
        into = day.imported + day.roof + day.released
        assert (into == day.home + day.stored + day.exported).all()
        assert not (day.imported * day.exported).any()
        assert all((values >= 0).all() for values in (day.imported, day.exported, day.home, day.roof))
        assert not (day.imported % METER_STEP_MWH).any() and not (day.exported % METER_STEP_MWH).any()


def test_batteries_stay_within_their_limits_and_only_stand_where_a_roof_is(week: list[Day]) -> None:
    moved = 0
    for day in week:
        for place, home in enumerate(day.homes):
            if home.battery is None:
                assert not day.stored[place].any() and not day.released[place].any()
                continue
            assert home.roof is not None
            assert day.charge_end[place].min() >= 0 and day.charge_end[place].max() <= home.battery.capacity_wh * 1000
            assert day.stored[place].max() <= home.battery.power_w * 1000 * STEP_S // 3600
            assert not (day.stored[place] * day.released[place]).any()
            moved += int(day.stored[place].sum())
    assert moved > 0


def test_a_battery_gives_back_less_than_it_took(week: list[Day]) -> None:
    for before, day in pairwise(week):
        for place in range(len(day.homes)):
            took, gave = int(day.stored[place].sum()), int(day.released[place].sum())
            risen = int(day.charge_end[place, -1] - before.charge_end[place, -1])
            assert risen <= took * 95 // 100 - gave


def test_registers_go_on_from_day_to_day_and_read_back_as_the_steps(week: list[Day]) -> None:
    for before, day in pairwise(week):
        assert (before.start_import + before.imported.sum(axis=1) == day.start_import).all()
        assert (before.start_export + before.exported.sum(axis=1) == day.start_export).all()
        assert before.end_s == day.start_s
    day = week[2]
    edges = day.start_s + SECONDS_PER_SLOT * np.arange(day.slots + 1)
    for place in range(len(day.homes)):
        read = day.registers(place, edges)
        assert (np.diff(read[0]) == day.by_slot(day.imported)[place]).all()
        assert (np.diff(read[1]) == day.by_slot(day.exported)[place]).all()
        every_second = day.registers(place, np.arange(day.start_s, day.end_s + 1))
        assert (np.diff(every_second[0]) >= 0).all() and (np.diff(every_second[1]) >= 0).all()


def test_the_day_of_the_clock_change_has_100_quarter_hours(week: list[Day]) -> None:
    assert [day.slots for day in week] == [96, 96, 100, 96]


def test_a_quarter_hour_may_both_draw_and_feed_in_but_most_do_not(week: list[Day]) -> None:
    both = sum(int(((d.by_slot(d.imported) > 0) & (d.by_slot(d.exported) > 0)).sum()) for d in week)
    assert 0 < both < 0.1 * sum(day.slots * len(day.homes) for day in week)


def test_each_part_shows_in_its_sums() -> None:
    june = window_of(date(2026, 6, 22))
    bare = Mix(households=20, pv_ppm=0, battery_ppm=0, heat_pump_ppm=0, car_ppm=0)

    def drawn(mix: Mix, window: int) -> int:
        return sum(int(day.home.sum()) for day in days(3, households(3, mix), range(window, window + 2), BERLIN))

    pumps = Mix(households=20, pv_ppm=0, battery_ppm=0, heat_pump_ppm=1_000_000, car_ppm=0)
    cars = Mix(households=20, pv_ppm=0, battery_ppm=0, heat_pump_ppm=0, car_ppm=1_000_000)
    winter = window_of(date(2026, 1, 20))
    assert drawn(pumps, winter) - drawn(bare, winter) > 3 * (drawn(pumps, june) - drawn(bare, june)) > 0
    assert drawn(cars, june) > drawn(bare, june)
    (day,) = days(3, households(3, bare), range(june, june + 1), BERLIN)
    assert not day.exported.any() and not day.roof.any()


def test_a_heat_pump_draws_its_year() -> None:
    from lindenstrom.simulation.physics import heat_pump_load_wh

    year = range(window_of(date(2026, 1, 1)), window_of(date(2027, 1, 1)))
    total_kwh = sum(float(heat_pump_load_wh(3, 1, 3000, window, BERLIN).sum()) for window in year) / 1000
    assert 0.8 * 3000 < total_kwh < 1.4 * 3000


def test_shares_are_those_ordered_and_one_part_leaves_the_others() -> None:
    homes = households(5, MIX)
    assert sum(home.roof is not None for home in homes) == 6
    assert sum(home.battery is not None for home in homes) == 3
    assert sum(home.heat_pump_kwh > 0 for home in homes) == sum(home.car_w > 0 for home in homes) == 3
    without = households(5, Mix(households=12, pv_ppm=500_000, battery_ppm=0, heat_pump_ppm=250_000, car_ppm=0))
    assert [home.roof for home in without] == [home.roof for home in homes]
    assert [home.annual_kwh for home in without] == [home.annual_kwh for home in homes]


@pytest.mark.parametrize("count", [0, 10_001])
def test_too_many_or_no_households_are_refused(count: int) -> None:
    with pytest.raises(HouseholdsOutOfRange):
        households(1, Mix(households=count, pv_ppm=0, battery_ppm=0, heat_pump_ppm=0, car_ppm=0))

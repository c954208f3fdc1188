"""The demo's community, its days, the load file and the picture."""

import random
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from lindenstrom.core.calendar import Zone, window_of
from lindenstrom.core.terms import Key, Role, Rule
from lindenstrom.core.units import format_kwh
from lindenstrom.simulation import physics
from lindenstrom.simulation.parts import Battery
from lindenstrom.simulation.walltime import wall_quarters
from lindenstrom_cli.demo.loadfile import (
    HEADER,
    LoadFileMalformed,
    LoadFileUnreadable,
    NotAMonday,
    WindowOutsideLoadFile,
    load_community,
    read_load_file,
    window_energy,
)
from lindenstrom_cli.demo.model import community_model, day_energy
from lindenstrom_cli.demo.parts import DayEnergy, DemoCommunity, DemoMeter
from lindenstrom_cli.demo.picture import DaySums, PictureSeriesUnfit, TooFewConnections, day_picture_svg

BERLIN = Zone()
NOVEMBER = window_of(date(2026, 11, 4))
JUNE = window_of(date(2026, 6, 22))
SPRING = window_of(date(2026, 3, 29))
AUTUMN = window_of(date(2026, 10, 25))
REAL_FILE = (
    Path(__file__).resolve().parents[3] / "shared" / "samples" / "load15min" / "elcons_15min_30households_w44-w50.csv"
)


@pytest.fixture(scope="module")
def community() -> DemoCommunity:
    pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
    pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
    return community_model(11)


# ---- the community ----


def test_the_community_has_every_kind_of_member(community: DemoCommunity) -> None:
    assert [member.index for member in community.members] == list(range(2, 18))
    assert all(member.name.startswith(f"Member {member.index:02d} · ") for member in community.members)
    assert all(1 <= len(member.meters) <= 4 for member in community.members)
    stores = [meter for meter in community.meters if meter.battery is not None]
    roofs = [meter for meter in community.meters if meter.roof is not None]
    assert len(stores) >= 3
    assert all(meter.roof is not None for meter in stores)
    assert len(roofs) - len(stores) >= 2
    assert len(community.meters) - len(roofs) >= 5


def test_meters_and_positions_are_unique(community: DemoCommunity) -> None:
    points = [meter.metering_point for meter in community.meters]
    assert len(set(points)) == len(points)
    assert all(len(point) == 33 and "DEMO" in point for point in points)
    places = {(meter.reader, meter.position) for meter in community.meters}
    assert len(places) == len(points)
    assert {reader for reader, _ in places} == {0, 1, 2, 3}


def test_one_pair_has_a_deal_before_the_community_agreement(community: DemoCommunity) -> None:
    deal, everybody = sorted(community.agreements, key=lambda agreement: agreement.terms.priority)
    assert (deal.terms.key, deal.terms.rule) == (Key.STATIC, Rule.MID_MARKET)
    assert [party.role for party in deal.parties] == [Role.GIVER, Role.TAKER]
    assert {party.member for party in deal.parties} < {party.member for party in everybody.parties}
    assert [party.member for party in everybody.parties] == [member.index for member in community.members]
    givers = {member.index for member in community.members if member.gives}
    assert {party.member for party in everybody.parties if Role.GIVER in party.role} == givers
    assert len(givers) >= 5


def test_registers_start_at_seeded_meter_steps(community: DemoCommunity) -> None:
    registers = community.start_registers_mwh
    assert list(registers) == [meter.metering_point for meter in community.meters]
    assert all(value % 100 == 0 and 0 <= value < 2**63 for pair in registers.values() for value in pair)
    for meter in community.meters:
        assert registers[meter.metering_point][0] > 0
        assert (registers[meter.metering_point][1] > 0) == (meter.roof is not None)
    assert registers != community_model(12).start_registers_mwh


# ---- its days ----


@pytest.mark.parametrize(("window", "slots"), [(SPRING, 92), (NOVEMBER, 96), (AUTUMN, 100)])
def test_a_day_has_whole_meter_steps_for_every_slot(community: DemoCommunity, window: int, slots: int) -> None:
    energy = day_energy(community, window, BERLIN)
    assert list(energy) == [meter.metering_point for meter in community.meters]
    for series in energy.values():
        assert len(series) == slots
        assert all(type(value) is int and 0 <= value < 2**32 for pair in series for value in pair)
        assert all(value % 100 == 0 for pair in series for value in pair)
        assert all(drawn == 0 or fed == 0 for drawn, fed in series)


def test_a_day_follows_from_the_seed_alone(community: DemoCommunity) -> None:
    first = day_energy(community, NOVEMBER, BERLIN)
    day_energy(community, JUNE, BERLIN)
    physics._plane_irradiance.cache_clear()
    physics._profile_year.cache_clear()
    assert day_energy(community_model(11), NOVEMBER, BERLIN) == first
    assert day_energy(community_model(12), NOVEMBER, BERLIN) != first
    assert day_energy(community, NOVEMBER + 1, BERLIN) != first


def test_only_roofs_feed_in_and_only_by_day(community: DemoCommunity) -> None:
    energy = day_energy(community, JUNE, BERLIN)
    wall = wall_quarters(JUNE, BERLIN)
    for meter in community.meters:
        fed = [pair[1] for pair in energy[meter.metering_point]]
        assert (sum(fed) > 0) == (meter.roof is not None)
        assert all(value == 0 for value, quarter in zip(fed, wall, strict=True) if quarter < 16 or quarter >= 88)
        if meter.roof is not None:
            assert max(fed) <= meter.roof.peak_w * 1000 // 4


def day_sums(model: DemoCommunity, energy: DayEnergy) -> DaySums:
    """The community's draw and feed-in per slot, summed over all connections."""
    columns = list(zip(*(energy[meter.metering_point] for meter in model.meters), strict=True))
    return DaySums(
        draw_mwh=tuple(sum(drawn for drawn, _ in column) for column in columns),
        feed_mwh=tuple(sum(fed for _, fed in column) for column in columns),
        draw_connections=len(model.meters),
        feed_connections=sum(1 for meter in model.meters if meter.roof is not None),
    )


def test_there_is_something_to_share_in_november(community: DemoCommunity) -> None:
    sums = day_sums(community, day_energy(community, NOVEMBER, BERLIN))
    shared = sum(map(min, sums.draw_mwh, sums.feed_mwh))
    assert shared > 20_000_000
    assert sum(sums.draw_mwh) > shared
    assert (sums.draw_connections, sums.feed_connections) == (17, 8)


def test_a_household_draws_about_its_year(community: DemoCommunity) -> None:
    meter = next(meter for meter in community.meters if meter.annual_kwh == 2300)
    days = range(window_of(date(2026, 1, 1)), window_of(date(2027, 1, 1)), 3)
    drawn = sum(pair[0] for day in days for pair in physics.connection_energy(
        11, meter, day, BERLIN, [physics.household_load_wh(11, meter, day, BERLIN)]
    ))  # fmt: skip
    assert 0.85 < drawn * 365 / len(days) / (2300 * 1_000_000) < 1.15


def test_a_battery_keeps_energy_for_the_evening(community: DemoCommunity) -> None:
    meter = next(meter for meter in community.meters if meter.battery is not None)
    assert meter.battery is not None
    loads = [physics.household_load_wh(11, meter, day, BERLIN) for day in range(JUNE - 3, JUNE + 1)]
    with_store = physics.connection_energy(11, meter, JUNE, BERLIN, loads)
    bare = DemoMeter(**{name: getattr(meter, name) for name in meter.__slots__} | {"battery": None})
    without = physics.connection_energy(11, bare, JUNE, BERLIN, loads)
    saved = sum(pair[0] for pair in without) - sum(pair[0] for pair in with_store)
    kept = sum(pair[1] for pair in without) - sum(pair[1] for pair in with_store)
    assert saved > 0
    assert kept > 0
    assert max(saved, kept) <= 4 * meter.battery.capacity_wh * 1000


def test_batteries_move_energy_with_losses_and_within_their_bounds() -> None:
    battery = Battery(capacity_wh=950, power_w=2000)
    # 500 Wh a quarter-hour go in and 95 % of them arrive, so 950 Wh are full after two quarter-hours.
    net, charge = physics.through_battery(np.array([-800.0, -800.0, -800.0]), battery, 0.0)
    assert net.tolist() == pytest.approx([-300, -300, -800])
    assert charge == pytest.approx(950)
    # 95 % of 950 Wh come out again: 500 Wh, then the last 402.5 Wh.
    net, charge = physics.through_battery(np.array([700.0, 700.0, 700.0]), battery, charge)
    assert net.tolist() == pytest.approx([200, 297.5, 700])
    assert charge == pytest.approx(0)


def test_a_battery_forgets_what_was_before_the_warm_up(community: DemoCommunity) -> None:
    for meter in community.meters:
        for window in (JUNE, NOVEMBER, AUTUMN):
            loads = [physics.household_load_wh(11, meter, day, BERLIN) for day in range(window - 9, window + 1)]
            assert physics.connection_energy(11, meter, window, BERLIN, loads) == physics.connection_energy(
                11, meter, window, BERLIN, loads[-1 - physics.WARM_UP_DAYS :]
            )


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(physics, "import_module", missing)
    with pytest.raises(physics.LibraryMissing, match="library pvlib"):
        physics._library("pvlib.irradiance")


# ---- the wall clock ----


def test_the_wall_clock_skips_and_repeats_the_hour_of_the_change() -> None:
    assert wall_quarters(NOVEMBER, BERLIN) == tuple(range(96))
    assert wall_quarters(SPRING, BERLIN) == (*range(8), *range(12, 96))
    assert wall_quarters(AUTUMN, BERLIN) == (*range(12), *range(8, 96))


@pytest.mark.parametrize("offset_hours", [0, 1, 2])
@pytest.mark.parametrize("window", [SPRING, NOVEMBER, AUTUMN])
def test_the_wall_clock_is_that_of_the_calendar(offset_hours: int, window: int) -> None:
    zone = Zone(offset_hours=offset_hours)
    for index, quarter in enumerate(wall_quarters(window, zone)):
        assert zone.slot_label(window, index).startswith(f"{quarter // 4:02d}:{quarter % 4 * 15:02d}–")


# ---- the load file ----


def _rows(households: int = 6, weeks: tuple[str, ...] = ("w44", "w45")) -> list[str]:
    rng = random.Random(5)
    rows = [",".join(HEADER)]
    for week in weeks:
        for household in range(households):
            values = [f"0.{rng.randrange(700):03d}" for _ in range(672)]
            rows.append(",".join([week, f"70{household}", *values]))
    return rows


def _write(folder: Path, rows: list[str]) -> Path:
    path = folder / "loads.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _edited(row: str, column: str, value: str) -> str:
    cells = row.split(",")
    cells[HEADER.index(column)] = value
    return ",".join(cells)


def test_a_load_file_is_read_exactly(tmp_path: Path) -> None:
    rows = _rows(households=2)
    rows[1] = _edited(_edited(_edited(rows[1], "V001", "0"), "V002", "1.5"), "V672", "12.000001")
    loads = read_load_file(_write(tmp_path, rows))
    assert loads.households == ("700", "701")
    assert loads.weeks == ("w44", "w45")
    week = loads.values_mwh["700"]["w44"]
    assert len(week) == 672
    assert (week[0], week[1], week[671]) == (0, 1_500_000, 12_000_001)


@pytest.mark.parametrize(
    ("line", "column", "value", "what"),
    [
        (2, "V003", "", "line 2: column V003 is not an energy"),
        (3, "V672", "-0.1", "line 3: column V672 is not an energy"),
        (3, "V001", "1e-4", "line 3: column V001 is not an energy"),
        (3, "V001", "0.1234567", "line 3: column V001 is not an energy"),
        (4, "V009", "٣", "line 4: column V009 is not an energy"),
        (4, "V009", "1000", "line 4: column V009 is not an energy"),
        (5, "week", "44", "line 5: column week is not a week"),
        (5, "VID", "a b", "line 5: column VID is not an identifier"),
        (3, "VID", "700", "line 3: this household has this week already"),
        (4, "week", "w46", "line 4: week w46 does not follow"),
        (5, "VID", "999", "a household still lacks week w45"),
    ],
)
def test_a_fault_in_a_load_file_is_located(tmp_path: Path, line: int, column: str, value: str, what: str) -> None:
    rows = _rows(households=2)
    rows[line - 1] = _edited(rows[line - 1], column, value)
    with pytest.raises(LoadFileMalformed) as caught:
        read_load_file(_write(tmp_path, rows))
    assert what in str(caught.value)
    assert "701" not in str(caught.value)


def test_a_load_file_without_its_shape_is_refused(tmp_path: Path) -> None:
    rows = _rows(households=1)
    with pytest.raises(LoadFileMalformed, match="line 1: the header differs"):
        read_load_file(_write(tmp_path, rows[1:]))
    with pytest.raises(LoadFileMalformed, match="no row follows"):
        read_load_file(_write(tmp_path, rows[:1]))
    with pytest.raises(LoadFileMalformed, match="line 2: there are 675 columns"):
        read_load_file(_write(tmp_path, [rows[0], rows[1] + ",0"]))
    with pytest.raises(LoadFileUnreadable, match="No such file"):
        read_load_file(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"week,\xff")
    with pytest.raises(LoadFileUnreadable, match="byte 5 is not UTF-8"):
        read_load_file(tmp_path / "binary.csv")


def test_weeks_may_run_over_the_new_year(tmp_path: Path) -> None:
    assert read_load_file(_write(tmp_path, _rows(1, ("w52", "w01")))).weeks == ("w52", "w01")


def test_households_become_members_with_roofs(tmp_path: Path, community: DemoCommunity) -> None:
    loads = read_load_file(_write(tmp_path, _rows()))
    data = load_community(loads, seed=3)
    assert len(data.community.members) == 7
    assert data.community.members[0].name == "Member 02 · Municipal Roof"
    assert not any(household in member.name for household in loads.households for member in data.community.members)
    assert sum(1 for meter in data.community.meters if meter.roof is not None) == 6
    assert sum(1 for meter in data.community.meters if meter.battery is not None) == 3
    assert data.first_window == window_of(date(2026, 11, 2))
    assert data.last_window == window_of(date(2026, 11, 15))
    assert set(data.community.start_registers_mwh) == {meter.metering_point for meter in data.community.meters}


def test_a_household_without_a_roof_is_billed_what_was_measured(tmp_path: Path, community: DemoCommunity) -> None:
    loads = read_load_file(_write(tmp_path, _rows()))
    data = load_community(loads, seed=3)
    plain = next(meter for meter in data.community.meters if meter.roof is None)
    household = data.households[plain.metering_point]
    for week, day in ((0, 0), (0, 6), (1, 2)):
        energy = window_energy(data, data.first_window + 7 * week + day, BERLIN)
        measured = loads.values_mwh[household][loads.weeks[week]][96 * day : 96 * day + 96]
        assert energy[plain.metering_point] == [(value, 0) for value in measured]
        assert all(value % 100 == 0 for series in energy.values() for pair in series for value in pair)
        assert sum(pair[1] for series in energy.values() for pair in series) > 0
    assert window_energy(load_community(loads, seed=3), data.first_window + 9, BERLIN) == energy
    assert window_energy(load_community(loads, seed=4), data.first_window + 9, BERLIN) != energy


@pytest.mark.parametrize(("monday", "window"), [(date(2026, 3, 23), SPRING), (date(2026, 10, 19), AUTUMN)])
def test_measured_weeks_fit_days_of_92_and_100_slots(
    tmp_path: Path, community: DemoCommunity, monday: date, window: int
) -> None:
    loads = read_load_file(_write(tmp_path, _rows()))
    data = load_community(loads, seed=3, first_monday=monday)
    plain = next(meter for meter in data.community.meters if meter.roof is None)
    measured = loads.values_mwh[data.households[plain.metering_point]]["w44"][96 * 6 :]
    drawn = [pair[0] for pair in window_energy(data, window, BERLIN)[plain.metering_point]]
    assert drawn == [measured[quarter] for quarter in wall_quarters(window, BERLIN)]


def test_dates_outside_the_load_file_are_refused(tmp_path: Path) -> None:
    loads = read_load_file(_write(tmp_path, _rows()))
    with pytest.raises(NotAMonday, match="2026-11-03, a Tuesday"):
        load_community(loads, seed=3, first_monday=date(2026, 11, 3))
    data = load_community(loads, seed=3)
    for window in (data.first_window - 1, data.last_window + 1):
        with pytest.raises(WindowOutsideLoadFile, match="from 2026-11-02 to 2026-11-15"):
            window_energy(data, window, BERLIN)


def test_the_real_load_file(community: DemoCommunity) -> None:
    if not REAL_FILE.exists():
        pytest.skip(f"real captures are absent: {REAL_FILE.name} is looked for in ../shared/samples/load15min")
    loads = read_load_file(REAL_FILE)
    assert len(loads.households) == 30
    assert loads.weeks == tuple(f"w{number}" for number in range(44, 51))
    assert max(max(week) for own in loads.values_mwh.values() for week in own.values()) == 6_090_000
    total = sum(sum(week) for own in loads.values_mwh.values() for week in own.values())
    assert format_kwh(total, 1) == "67794.6"  # as the note of its provenance says
    data = load_community(loads, seed=11)
    assert len(data.community.members) == 31
    energy = window_energy(data, data.last_window, BERLIN)
    sums = day_sums(data.community, energy)
    assert sums.feed_connections >= 5
    assert sum(map(min, sums.draw_mwh, sums.feed_mwh)) > 0


# ---- the picture ----


def _sums(slots: int, *, draw_connections: int = 9, feed_connections: int = 5) -> DaySums:
    return DaySums(
        draw_mwh=tuple(1_000_000 + 1000 * slot for slot in range(slots)),
        feed_mwh=tuple(max(0, 2_000_000 - 50_000 * abs(slot - 48)) for slot in range(slots)),
        draw_connections=draw_connections,
        feed_connections=feed_connections,
    )


def _picture(window: int, sums: DaySums, *, community: str = "Lindenhain", note: str = "") -> str:
    shared = [min(pair) for pair in zip(sums.draw_mwh, sums.feed_mwh, strict=True)]
    return day_picture_svg(community=community, window=window, zone=BERLIN, sums=sums, shared_mwh=shared, note=note)


def _texts(svg: str) -> dict[str, float]:
    """Text → x, of all texts drawn."""
    root = ET.fromstring(svg)
    return {str(item.text): float(item.attrib["x"]) for item in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_picture_is_self_contained() -> None:
    svg = _picture(NOVEMBER, _sums(96), community="A & <B>", note="Made <up>")
    texts = _texts(svg)
    assert "A day of A & <B>" in texts
    assert "Made <up>" in texts
    assert "Wednesday, 4 November 2026 · quarter-hour by quarter-hour, local time" in texts
    for word in ("href", "<script", "<style", "@import", "url("):
        assert word not in svg
    assert svg.count("http") == 1
    assert svg == _picture(NOVEMBER, _sums(96), community="A & <B>", note="Made <up>")


def test_the_picture_says_the_day_in_numbers() -> None:
    sums = DaySums(draw_mwh=(2_000_000,) * 96, feed_mwh=(500_000,) * 96, draw_connections=5, feed_connections=5)
    texts = _texts(_picture(NOVEMBER, sums))
    assert {"48.0 kWh", "144.0 kWh", "0.0 kWh"} <= set(texts)
    assert "25 % of the draw, 100 % of the feed-in" in texts


def test_a_dark_day_is_drawn() -> None:
    sums = DaySums(draw_mwh=(0,) * 96, feed_mwh=(0,) * 96, draw_connections=5, feed_connections=5)
    assert "0 % of the draw" in _texts(_picture(NOVEMBER, sums))


@pytest.mark.parametrize(
    ("window", "slots", "noon_slot", "change"),
    [
        (NOVEMBER, 96, 48, None),
        (SPRING, 92, 44, "clocks go forward, 02:00 → 03:00"),
        (AUTUMN, 100, 52, "clocks go back, 03:00 → 02:00"),
    ],
)
def test_the_time_axis_follows_the_local_clock(window: int, slots: int, noon_slot: int, change: str | None) -> None:
    texts = _texts(_picture(window, _sums(slots)))
    start, end = texts["00:00"], texts["24:00"]
    assert texts["12:00"] == pytest.approx(start + (end - start) * noon_slot / slots, abs=0.1)
    changes = [text for text in texts if text.startswith("clocks")]
    assert changes == ([] if change is None else [change])


@pytest.mark.parametrize(("draws", "feeds"), [(4, 5), (5, 4)])
def test_few_connections_are_not_drawn(draws: int, feeds: int) -> None:
    with pytest.raises(TooFewConnections, match="only 4 connections"):
        _picture(NOVEMBER, _sums(96, draw_connections=draws, feed_connections=feeds))


def test_series_of_another_day_are_not_drawn() -> None:
    with pytest.raises(PictureSeriesUnfit, match="has 92 values where the day has 96"):
        _picture(NOVEMBER, _sums(92))
    with pytest.raises(PictureSeriesUnfit, match="above draw or feed-in"):
        day_picture_svg(community="L", window=NOVEMBER, zone=BERLIN, sums=_sums(96), shared_mwh=[3_000_000] * 96)
    with pytest.raises(PictureSeriesUnfit, match="below zero"):
        day_picture_svg(community="L", window=NOVEMBER, zone=BERLIN, sums=_sums(96), shared_mwh=[-1] * 96)

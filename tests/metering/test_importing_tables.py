"""CSV of portals and Parquet tables into a reader's journals, by their layouts; each on the day of 25 hours too."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lindenstrom.core.calendar import SECONDS_PER_SLOT, window_of
from lindenstrom.core.packs import Status
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.formats.detect import UnknownFormat
from lindenstrom.metering.intervals import pack_values
from lindenstrom.metering.layout import parse_layout
from metering import folders
from metering.folders import ZONE, operator_setup

pytestmark = pytest.mark.integration
DAYS = [date(2026, 10, 24), date(2026, 10, 25), date(2027, 3, 28)]
POINT = "DE00000"
LAYOUT = """
[file]
header = ["Punkt", "Zeit", "Bezug", "Einspeisung"]
thousands = "."
[columns]
meter = "Punkt"
[time]
end = "Zeit"
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"
[[value]]
column = "Bezug"
obis = "1-0:1.29.0"
[[value]]
column = "Einspeisung"
obis = "1-0:2.29.0"
"""


def slots_of(day: date) -> list[int]:
    """The quarter-hours of a local day."""
    window = window_of(day)
    first = ZONE.first_slot(window)
    return list(range(first, first + ZONE.slot_count(window)))


def built(adapter: Adapter, day: date) -> tuple[tuple[int, ...], tuple[int, ...], set[Status]]:
    window = window_of(day)
    report = adapter.build(window, now=ZONE.window_end(window) + 1)
    assert report.entry, report.gaps
    values = pack_values(adapter.outbox.packs(window, 0)[0])
    return values.import_mwh, values.export_mwh, set(values.status)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_csv_by_a_layout(tmp_path: Path, day: date) -> None:
    adapter = Adapter.create(tmp_path / "r", operator_setup(1), random=folders.randomness)
    slots = slots_of(day)
    berlin = ZoneInfo("Europe/Berlin")
    lines = [
        f"{POINT};{datetime.fromtimestamp((slot + 1) * SECONDS_PER_SLOT, berlin):%d.%m.%Y %H:%M};1.000,{n:03d};0,5\n"
        for n, slot in enumerate(slots)
    ]
    path = tmp_path / "portal.csv"
    path.write_text("Punkt;Zeit;Bezug;Einspeisung\n" + "".join(lines), encoding="utf-8")
    now = ZONE.window_end(window_of(day)) + 1
    with pytest.raises(UnknownFormat):
        adapter.import_file(path, now=now)
    layout = parse_layout("own", LAYOUT)
    report = adapter.import_file(path, now=now, layout=layout)
    assert (report.added, report.unknown, dict(report.unfit)) == (len(slots), 0, {})
    assert adapter.import_file(path, now=now, layout=layout).added == 0
    drawn = tuple(1_000_000_000 + 1000 * n for n in range(len(slots)))
    assert built(adapter, day) == (drawn, (500_000,) * len(slots), {Status.MEASURED})


def test_two_values_for_one_quarter_hour_are_both_refused(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "r", operator_setup(1), random=folders.randomness)
    window = window_of(DAYS[0])
    begin = datetime.fromtimestamp(ZONE.first_slot(window) * SECONDS_PER_SLOT, ZoneInfo("Europe/Berlin"))
    labels = [begin + timedelta(minutes=15 * n) for n in range(1, ZONE.slot_count(window) + 1)]
    lines = [f"{POINT};{label:%d.%m.%Y %H:%M};1;0\n" for label in labels]
    path, layout, now = tmp_path / "portal.csv", parse_layout("own", LAYOUT), ZONE.window_end(window) + 1
    path.write_text("Punkt;Zeit;Bezug;Einspeisung\n" + "".join([*lines, lines[9].replace(";1;", ";2;")]))
    for _ in range(2):
        report = adapter.import_file(path, now=now, layout=layout)
        assert report.unfit == {"conflicting-values": 1}
    assert adapter.build(window, now=now).entry is None
    path.write_text("Punkt;Zeit;Bezug;Einspeisung\n" + lines[9].replace(";1;", ";2;"))
    assert adapter.import_file(path, now=now + 60, layout=layout).added == 1
    assert built(adapter, DAYS[0])[0] == (10**6,) * 9 + (2 * 10**6,) + (10**6,) * 86


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_parquet(tmp_path: Path, day: date) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    adapter = Adapter.create(tmp_path / "r", operator_setup(1), random=folders.randomness)
    slots = slots_of(day)
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    columns = {
        "metering_point": [POINT] * len(slots),
        "slot_start": [epoch + timedelta(seconds=slot * SECONDS_PER_SLOT) for slot in slots],
        "import_kwh": [n / 1000 for n in range(len(slots))],
        "export_kwh": [0.0] * len(slots),
        "status": ["estimated"] * len(slots),
    }
    path = tmp_path / "study.parquet"
    parquet.write_table(pa.table(columns), path)
    now = ZONE.window_end(window_of(day)) + 1
    assert adapter.import_file(path, now=now).added == len(slots)
    assert adapter.import_file(path, now=now).added == 0
    assert built(adapter, day) == (
        tuple(1000 * n for n in range(len(slots))), (0,) * len(slots), {Status.ESTIMATED},
    )  # fmt: skip

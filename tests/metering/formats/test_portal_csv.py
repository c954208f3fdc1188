"""CSV by layouts: ready-made ones and own ones, clocks put forward and back, and what is refused."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lindenstrom.core.packs import Status
from lindenstrom.metering.formats import portal_csv
from lindenstrom.metering.formats.rows import number
from lindenstrom.metering.layout import LayoutError, NoSuchLayout, find_layout, parse_layout, ready_made
from lindenstrom.metering.localtime import zone_named
from lindenstrom.metering.observation import Observation, Problem, time_text

HOUSEHOLDS = Path(__file__).resolve().parents[4] / "shared" / "samples" / "load15min"
DRAWN = "1-0:1.29.0"
BERLIN = zone_named("Europe/Berlin")
assert BERLIN is not None

OWN = """
[file]
header = ["Zeit", "Wert"]
[time]
{time}
[[value]]
column = "Wert"
obis = "1-0:1.29.0"
{value}
"""
LOCAL = 'begin = "Zeit"\nformat = "%d.%m.%Y %H:%M"\nzone = "Europe/Berlin"'


def read(text: str, *, time: str = LOCAL, value: str = "", more: str = "") -> list[Observation]:
    """What the lines below the header `Zeit;Wert` say."""
    layout = parse_layout("own", OWN.format(time=time, value=value) + more)
    return list(portal_csv.CsvReader(layout).observations(io.BytesIO(f"Zeit;Wert\n{text}".encode())))


def one(line: str, **how: str) -> Observation:
    (found,) = read(line + "\n", **how)
    return found


def when(o: Observation) -> str | None:
    return None if o.time_ms is None else time_text(o.time_ms)


@pytest.mark.parametrize("layout", ready_made(), ids=lambda layout: layout.name)
def test_a_ready_made_layout_reads_its_example(layout: object) -> None:
    from lindenstrom.metering.layout import Layout

    assert isinstance(layout, Layout)
    assert layout.title
    assert layout.about
    names = list(layout.header)
    if layout.name == "wiener-netze":
        names.append("AT0010000000000000001000000000001 Verbrauch [kWh]")
    if layout.name == "households-without-time":
        names = ["week", "VID", "V001", "V002", "V672"]
    if layout.name == "fluvius":
        names = [*names[:4], "EAN-code", "Meter", "Metertype", *names[4:], "Omschrijving"]
    data = (layout.delimiter.join(names) + "\r\n" + layout.example + "\r\n").encode()
    assert [found.name for found in portal_csv.fitting(data)] == [layout.name]
    found = list(portal_csv.observations(io.BytesIO(data)))
    assert found
    wanted = {Problem.NO_TIME} if layout.times is None else {None}
    assert {o.problem for o in found} == wanted, found
    assert all(o.energy_mwh is not None and o.obis for o in found)


def test_households_without_time() -> None:
    paths = list(HOUSEHOLDS.glob("*.csv")) if HOUSEHOLDS.exists() else []
    if not paths:
        pytest.skip(f"no real data at hand: {HOUSEHOLDS} is absent")
    with paths[0].open("rb") as file:
        found = list(portal_csv.observations(file))
    values = [o.energy_mwh or 0 for o in found]
    assert len(found) == 30 * 7 * 672
    assert {o.problem for o in found} == {Problem.NO_TIME}
    assert len({o.meter for o in found}) == 30
    assert (values.count(0), max(values), round(sum(values) / 10**5)) == (9295, 6_090_000, 677_946)


AUTUMN = [f"{h:02d}:{m:02d}" for h in (1, 2, 2, 3) for m in (0, 15, 30, 45)]


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_doubled_hour_in_order(end: bool, backwards: bool) -> None:
    labels = AUTUMN[::-1] if backwards else AUTUMN
    time = LOCAL.replace("begin", "end") if end else LOCAL
    found = read("".join(f"25.10.2026 {label};0,25\n" for label in labels), time=time)
    first = datetime(2026, 10, 24, 23, tzinfo=UTC) - timedelta(minutes=15 * end)
    expected = [first + timedelta(minutes=15 * n) for n in range(16)]
    shown = [datetime.fromtimestamp((o.time_ms or 0) / 1000, UTC) for o in found]
    assert shown == (expected[::-1] if backwards else expected)
    assert {o.problem for o in found} == {None}


def test_the_doubled_hour_by_a_column_and_by_letters() -> None:
    marked = 'begin = "Zeit"\nformat = "%d.%m.%Y %H:%M"\nzone = "Europe/Berlin"\n'
    marked += 'autumn_column = 3\nsummer = ["A"]\nwinter = ["B"]'
    found = read("25.10.2026 02:15;1;B\n25.10.2026 02:15;1;A\n25.10.2026 02:30;1;\n", time=marked)
    assert [when(o) for o in found] == ["2026-10-25T01:15:00Z", "2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z"]
    lettered = LOCAL.replace("%H:%M", "%H%h:%M")
    found = read("25.10.2026 02B:15;1\n25.10.2026 02A:15;1\n25.10.2026 03:00;1\n", time=lettered)
    assert [when(o) for o in found] == ["2026-10-25T01:15:00Z", "2026-10-25T00:15:00Z", "2026-10-25T02:00:00Z"]


def test_nobody_guesses_the_half_of_the_doubled_hour() -> None:
    found = read("25.10.2026 02:15;1\n25.10.2026 02:30;1\n")
    assert [o.problem for o in found] == [Problem.BAD_TIME] * 2
    assert "exists twice" in found[0].detail


@settings(max_examples=40, deadline=None)
@given(day=st.dates(date(2024, 1, 1), date(2027, 12, 31)), end=st.booleans())
@example(day=date(2026, 3, 29), end=True)
@example(day=date(2026, 3, 29), end=False)
@example(day=date(2026, 10, 25), end=True)
@example(day=date(2026, 10, 25), end=False)
def test_every_quarter_hour_of_every_day_comes_back(day: date, end: bool) -> None:
    assert BERLIN is not None
    start = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=BERLIN).astimezone(UTC)
    stop = (datetime.fromisoformat(f"{day}T00:00:00") + timedelta(days=1)).replace(tzinfo=BERLIN).astimezone(UTC)
    slots = [start + timedelta(minutes=15 * n) for n in range((stop - start) // timedelta(minutes=15))]
    shown = [(slot + timedelta(minutes=15 * end)).astimezone(BERLIN) for slot in slots]
    time = LOCAL.replace("begin", "end") if end else LOCAL
    found = read("".join(f"{label:%d.%m.%Y %H:%M};0,1\n" for label in shown), time=time)
    assert [o.time_ms for o in found] == [int(slot.timestamp()) * 1000 for slot in slots]


@pytest.mark.parametrize(("offset", "fine"), [("+0200", True), ("-12:00", True), ("+14:00", True), ("Z", True),
                                              ("+32:00", False), ("+02:75", False), ("-23:59", False)])  # fmt: skip
def test_an_offset_that_no_clock_has_is_no_time(offset: str, fine: bool) -> None:
    found = one(f"2026-06-01T12:00:00{offset};1", time='begin = "Zeit"\nformat = "%Y-%m-%dT%H:%M:%S%z"')
    assert (found.problem is None) == fine
    assert zone_named("+32:00") is None


def test_the_missing_hour_in_spring() -> None:
    found = read("29.03.2026 01:45;1\n29.03.2026 02:00;0,000\n29.03.2026 02:15;\n29.03.2026 03:00;1\n")
    assert [when(o) for o in found] == ["2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z"]
    assert one("29.03.2026 02:30;1").problem is Problem.BAD_TIME
    at_end = LOCAL.replace("begin", "end")
    for label in ("02:00", "03:00"):  # both stand for the end of the last quarter-hour of winter time
        assert when(one(f"29.03.2026 {label};1", time=at_end)) == "2026-03-29T00:45:00Z"


@pytest.mark.parametrize(
    ("label", "time", "begin"),
    [
        ("31.12.2026 24:00", LOCAL.replace("begin", "end"), "2026-12-31T22:45:00Z"),
        ("31.12.2026 00:00", LOCAL.replace("begin", "end") + '\nmidnight = "ends-day"', "2026-12-31T22:45:00Z"),
        ("01.01.2027 00:00", LOCAL.replace("begin", "end"), "2026-12-31T22:45:00Z"),
        ("01.01.2027 00:00", LOCAL.replace("Europe/Berlin", "+01:00"), "2026-12-31T23:00:00Z"),
        ("01.07.2027 00:00", LOCAL.replace("Europe/Berlin", "+01:00"), "2027-06-30T23:00:00Z"),
        ("01.07.2027 00:00", LOCAL.replace("Europe/Berlin", "UTC"), "2027-07-01T00:00:00Z"),
        ("2027-07-01T00:00:00+0200", 'begin = "Zeit"\nformat = "%Y-%m-%dT%H:%M:%S%z"', "2027-06-30T22:00:00Z"),
        ("2027-07-01 00:15Z", 'end = "Zeit"\nformat = "%Y-%m-%d %H:%M%z"', "2027-07-01T00:00:00Z"),
    ],
)
def test_labels(label: str, time: str, begin: str) -> None:
    assert when(one(f"{label};1", time=time)) == begin


@pytest.mark.parametrize(
    ("line", "problem", "said"),
    [
        ("13/02/2026 00:00;1", Problem.BAD_TIME, "line 2"),
        ("32.01.2026 00:00;1", Problem.BAD_TIME, "form"),
        ("01.01.0001 00:00;1", Problem.BAD_TIME, "form"),
        ("31.12.9999 24:00;1", Problem.BAD_TIME, "form"),
        ("01.01.2026 00:00;-1", Problem.BAD_VALUE, "line 2, column 'Wert'"),
        ("01.01.2026 00:00;1.5", Problem.BAD_VALUE, ""),
        ("01.01.2026 00:00;1e3", Problem.BAD_VALUE, ""),
        ("01.01.2026 00:00;0,0000001", Problem.BAD_VALUE, ""),
        ("01.01.2026 00:00;4295", Problem.BAD_VALUE, ""),
        ("01.01.2026 00:05;1", Problem.NOT_QUARTER_HOURLY, ""),
        ("01.01.2026 00:00", Problem.BAD_VALUE, "1 fields"),
    ],
)
def test_refused(line: str, problem: Problem, said: str) -> None:
    found = one(line)
    assert (found.problem, said in found.detail) == (problem, True)
    assert found.status is None
    assert not any(digits in found.detail for digits in ("1.5", "1e3", "4295", "0000001"))


def test_two_values_for_one_time() -> None:
    found = read("01.01.2026 00:00;1\n01.01.2026 00:15;2\n01.01.2026 00:00;1\n01.01.2026 00:15;3\n")
    assert [o.problem for o in found] == [None, None, None, Problem.CONFLICTING_VALUES]
    assert "line 5, column 'Wert': another value for this time stands in line 3" in found[3].detail


def test_hours_are_never_taken_for_quarter_hours() -> None:
    found = read("".join(f"01.01.2026 {hour:02d}:00;1\n" for hour in range(5)))
    assert {(o.problem, o.span_s) for o in found} == {(Problem.NOT_QUARTER_HOURLY, 3600)}


@pytest.mark.parametrize(
    ("value", "text", "energy", "step"),
    [
        ("", "0,125", 125_000, 1000),
        ("", "1.250,5", None, None),
        ('unit = "Wh"', "125", 125_000, 1000),
        ('unit = "MWh"', "0,0001", 100_000, 100_000),
        ('unit = "kW"', "2,5", 625_000, 25_000),
        ('unit = "kW"', "0,000002", None, None),
        ('unit = "kW"', "0,000004", 1, 1),
        ('unit = "W"', "400", 100_000, 250),
        ("", "0,25000000000000000", 250_000, 10_000),
    ],
)
def test_units(value: str, text: str, energy: int | None, step: int | None) -> None:
    found = one(f"01.01.2026 00:00;{text}", value=value)
    assert (found.energy_mwh, found.resolution_mwh) == (energy, step)
    assert (found.problem is Problem.BAD_VALUE) == (energy is None)


def test_a_register_that_was_not_read_is_no_reading() -> None:
    assert read("01.01.2026 00:07;\n", value="register = true") == []


def test_registers_are_floored_and_need_no_raster() -> None:
    found = one("01.01.2026 00:07;12,3456789", value="register = true")
    assert (found.energy_mwh, found.span_s, found.problem, when(found)) == (12_345_678, 0, None, "2025-12-31T23:07:00Z")


@given(st.integers(0, 10**12), st.sampled_from([".", "'", " ", ""]))
def test_numbers_with_thousands_marks(value: int, mark: str) -> None:
    written = f"{value:,}".replace(",", mark)
    assert number(written, ",", mark) == (value, 0)
    assert number(written + ",50", ",", mark) == (value * 100 + 50, 2)


def test_a_misplaced_thousands_mark_is_no_number() -> None:
    for text in ("1.23", "12.3456", "1234.567", ".5", "1,", "", "1,2,3", "١"):
        assert number(text, ",", ".") is None


WORDS = """
[columns]
quality = 3
[quality]
W = "measured"
E = "estimated"
V = "provisional"
F = "missing"
X = "invalid"
"""


@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        ("0,1;W", Status.MEASURED, None),
        ("0,1;", Status.MEASURED, None),
        ("0,1;E", Status.ESTIMATED, None),
        ("0,1;V", Status.PROVISIONAL, None),
        ("0;F", Status.MISSING, None),
        (";F", Status.MISSING, None),
        (";", Status.MISSING, None),
        ("0,1;X", None, Problem.INVALID_STATUS),
        ("0,1;F", None, Problem.INVALID_STATUS),
        ("0,1;?", None, Problem.INVALID_STATUS),
    ],
)
def test_quality(line: str, status: Status | None, problem: Problem | None) -> None:
    found = one(f"01.01.2026 00:00;{line}", more=WORDS)
    assert (found.status, found.problem) == (status, problem)


def test_registers_by_a_column_of_words() -> None:
    words = '[columns]\nobis = 3\n[obis]\nBezug = "1-0:1.29.0"\n'
    own = OWN.format(time=LOCAL, value="").replace('obis = "1-0:1.29.0"', "") + words
    lines = "".join(
        f"01.01.2026 00:{15 * n:02d};1;{w}\n" for n, w in enumerate(["Bezug", "2.29.0", "3.29.0", "Lieferung"])
    )
    found = list(
        portal_csv.CsvReader(parse_layout("own", own)).observations(io.BytesIO(f"Zeit;Wert\n{lines}".encode()))
    )
    other = Problem.NOT_ACTIVE_ENERGY
    assert [(o.obis, o.problem) for o in found] == [
        (DRAWN, None),
        ("1-0:2.29.0", None),
        ("1-0:3.29.0", other),
        ("", other),
    ]


def test_one_column_a_metering_point() -> None:
    layout = parse_layout(
        "wide",
        """
[file]
header = ["Datum", "von"]
[time]
begin = ["Datum", "von"]
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"
[[value]]
pattern = "^(?P<meter>DE\\\\w+) (?P<obis>\\\\S+)$"
[obis]
"Bezug" = "1-0:1.29.0"
""",
    )
    text = "Datum;von;DE1 Bezug;DE1 1-1:2.29.0*255;DE2 Bezug;Notiz\n01.01.2026;00:00;1;2;3;x\n01.01.2026;00:15;4;;6\n"
    found = list(portal_csv.CsvReader(layout).observations(io.BytesIO(text.encode())))
    assert [(o.meter, o.obis, (o.energy_mwh or 0) // 10**6) for o in found] == [
        ("DE1", DRAWN, 1), ("DE1", "1-1:2.29.0", 2), ("DE2", DRAWN, 3), ("DE1", DRAWN, 4), ("DE2", DRAWN, 6),
    ]  # fmt: skip


DAY_A_ROW = """
[file]
header = ["Tag"]
[time]
begin = "Tag"
format = "{format}"
zone = "Europe/Berlin"
[slots]
pattern = "{slot}"
[[value]]
pattern = "{slot}"
obis = "1-0:1.29.0"
"""


@pytest.mark.parametrize(("day", "count"), [("01.01.2026", 96), ("29.03.2026", 92), ("25.10.2026", 100)])
def test_a_day_a_row_in_order(day: str, count: int) -> None:
    layout = parse_layout("days", DAY_A_ROW.format(format="%d.%m.%Y", slot="^Q"))
    head = ";".join(["Tag", *(f"Q{n}" for n in range(1, 101))])
    row = ";".join([day, *(f"0,{n:03d}" for n in range(count))])
    found = list(portal_csv.CsvReader(layout).observations(io.BytesIO(f"{head}\n{row}\n".encode())))
    begins = [o.time_ms or 0 for o in found]
    assert len(found) == count
    assert {b - a for a, b in pairwise(begins)} == {900_000}
    assert {o.problem for o in found} == {None}
    too_many = row + ";1" * (101 - count)
    extra = list(portal_csv.CsvReader(layout).observations(io.BytesIO(f"{head};Q101\n{too_many}\n".encode())))
    assert extra[count].problem is Problem.BAD_TIME


def test_a_day_a_row_by_the_time_of_day() -> None:
    layout = parse_layout("days", DAY_A_ROW.format(format="%d.%m.%Y %H:%M", slot="^(\\\\d\\\\d:\\\\d\\\\d)$"))
    labels = [f"{h:02d}:{m:02d}" for h in range(24) for m in (0, 15, 30, 45)]
    values = ["" if label.startswith("02") else "0,1" for label in labels]
    text = ";".join(["Tag", *labels]) + "\n" + ";".join(["29.03.2026", *values]) + "\n"
    found = list(portal_csv.CsvReader(layout).observations(io.BytesIO(text.encode())))
    assert len(found) == 92
    assert {o.problem for o in found} == {None}
    assert len({o.time_ms for o in found}) == 92


def test_both_ends_tell_the_length() -> None:
    both = 'begin = "Zeit"\nend = 3\nformat = "%d.%m.%Y %H:%M"\nzone = "Europe/Berlin"'
    found = read("01.01.2026 00:00;1;01.01.2026 00:15\n01.01.2026 00:00;9;02.01.2026 00:00\n", time=both)
    assert [(o.span_s, o.problem) for o in found] == [(900, None), (86_400, Problem.NOT_QUARTER_HOURLY)]


def test_the_own_forms_in_every_status() -> None:
    text = "metering_point,slot_start,import_kwh,export_kwh,status\n" + "".join(
        f"DE1,2026-06-02T22:{15 * n:02d}:00Z,{0.1 * (status < 3):g},0,{status.name.lower()}\n"
        for n, status in enumerate(Status)
    )
    found = list(portal_csv.observations(io.BytesIO(text.encode())))
    assert [o.status for o in found if o.obis == DRAWN] == list(Status)
    assert {o.problem for o in found} == {None}


def test_what_stands_around_a_table_does_no_harm() -> None:
    text = (
        "\ufeffNetz NÖ Export\nZählpunkt;AT00\n\n\"Messzeitpunkt\";\"Verbrauch (kWh)\";\"Qualität\";\r\n"
        "01.01.2026 00:15;\"0,063000\";L1;\r\n;;;\r\n\x1a"
    )  # fmt: skip
    for data in (text.encode(), text.removeprefix("\ufeff").encode("cp1252")):
        (found,) = portal_csv.observations(io.BytesIO(data))
        assert (found.energy_mwh, found.position) == (63_000, data.index(b"01.01.2026"))


def test_unknown_and_ambiguous_headers_are_explained() -> None:
    head = b"Zeitstempel;Bezug in kWh;Einspeisung in kWh\n01.02.2026 00:15;1;2\n"
    assert not portal_csv.recognises(head)
    said = portal_csv.why_not(head)
    assert "line 1 looks like its header, with 3 columns" in said
    assert "Day and month are never guessed" in said
    assert "01.02" not in said
    point = b"Zeit;DE00012345678901234567890123456789 kWh\n01.02.2026;1\n"
    assert "Zeit;… kWh" in portal_csv.why_not(point)
    both = "Messzeitpunkt;Verbrauch (kWh);Einspeisung (kWh);Qualität\n01.02.2026 00:15;1;2;G\n".encode()
    assert not portal_csv.recognises(both)
    assert "netz-noe-einspeisung, netz-noe-verbrauch" in portal_csv.why_not(both)
    american = "Messzeitpunkt;Verbrauch (kWh);Qualität\n02/01/2026 00:15;1;G\n".encode()
    assert not portal_csv.recognises(american)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 200), st.integers(0, 50))
def test_whatever_comes_nothing_is_raised(noise: bytes, at: int, drop: int) -> None:
    text = "Messzeitpunkt;Verbrauch (kWh);Qualität;\n" + "".join(f"01.01.2026 0{n}:15;0,1;L1;\n" for n in range(6))
    data = text.encode()
    mixed = data[:at] + noise + data[at + drop :]
    for o in portal_csv.observations(io.BytesIO(mixed)):
        assert o.problem or (o.energy_mwh is not None and o.energy_mwh >= 0 and o.time_ms is not None)
    portal_csv.why_not(mixed)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("x = [", "not TOML"),
        ("[file]\nheader = ['a']", "at least one"),
        ("[[value]]\ncolumn = 'a'", "name the column of the begin"),
        (OWN.format(time='begin = "Zeit"\nformat = "%d.%m."\nzone = "UTC"', value=""), "time.format"),
        (OWN.format(time='begin = "Zeit"\nformat = "%d.%m.%Y"', value=""), "time.zone"),
        (OWN.format(time='begin = "Zeit"\nformat = "%d.%m.%Y"\nzone = "Europe/Bärlin"', value=""), "time.zone"),
        (OWN.format(time='begin = "Zeit"\nformat = "%d.%m.%Y"\nzone = "+25:00"', value=""), "time.zone"),
        (OWN.format(time=LOCAL + '\nautumn = "column"', value=""), "time.autumn"),
        (OWN.format(time=LOCAL + '\nautum = "order"', value=""), "time.autum: not a field"),
        (OWN.format(time=LOCAL, value='unit = "kw"'), "value.unit"),
        (OWN.format(time=LOCAL, value="").replace('obis = "1-0:1.29.0"', ""), "value.obis"),
        (OWN.format(time=LOCAL, value='unit = "kW"\nregister = true'), "not in kW"),
        (OWN.format(time=LOCAL, value='pattern = "("'), "not a regular expression"),
        (OWN.format(time=LOCAL, value='pattern = "x"'), "a column or a pattern"),
        (OWN.format(time=LOCAL, value="") + '[quality]\nW = "gut"', "quality 'W'"),
        (OWN.format(time=LOCAL, value="") + '[obis]\nW = "1.8.0"', "obis 'W'"),
        (OWN.format(time=LOCAL, value="") + "[columns]\nmeter = true", "columns.meter"),
        (OWN.format(time=LOCAL, value="").replace('"Wert"]', '"Wert"]\nthousands = ","'), "decimal mark"),
        (OWN.format(time=LOCAL, value="").replace('"Wert"]', '"Wert"]\ndelimiter = ":"'), "file.delimiter"),
    ],
)
def test_a_wrong_layout_is_refused_by_its_field(toml: str, said: str) -> None:
    with pytest.raises(LayoutError) as refused:
        parse_layout("own", toml)
    assert said in str(refused.value)


def test_layouts_are_found_by_name_or_file(tmp_path: Path) -> None:
    assert find_layout("netz-ooe").delimiter == ";"
    path = tmp_path / "own.toml"
    path.write_text(OWN.format(time=LOCAL, value=""))
    assert find_layout(str(path)).name == "own"
    with pytest.raises(NoSuchLayout):
        find_layout("netz-mond")

"""TAF 7: registers of a smart meter gateway, with their statuses, from XML in pieces."""

import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.packs import Status
from lindenstrom.metering.formats import taf7
from lindenstrom.metering.observation import Note, Observation, Problem

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "taf7"
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<UsagePoints xmlns="http://vde.de/AR_2418-6.xsd" xmlns:espi="http://naesb.org/espi">
<UsagePoint><usagePointId>DE1</usagePointId><SMGW><smgwId>E1</smgwId></SMGW>
<LogEntry><LogEvent><text>value</text></LogEvent></LogEntry>"""
TYPE = (
    "<ReadingType><espi:powerOfTenMultiplier>0</espi:powerOfTenMultiplier><espi:uom>72</espi:uom><scaler>-1</scaler>"
    "<obisCode>0100010800FF</obisCode><qualifiedLogicalName>0100010800FF.M1.sm</qualifiedLogicalName></ReadingType>"
)
READING = (
    "<IntervalReading><espi:value>{value}</espi:value><timePeriod><duration>0</duration>"
    "<start>{start}</start></timePeriod>{more}</IntervalReading>"
)
TAIL = "</UsagePoint></UsagePoints>"


def reading(value: object = 123, start: str = "2026-10-01T00:15:00+02:00", more: str = "") -> str:
    return READING.format(value=value, start=start, more=more or "<statusPTB>0</statusPTB>")


def document(*readings: str, kind: str = TYPE) -> bytes:
    blocks = f"<IntervalBlock><interval><start>x</start></interval>{''.join(readings)}</IntervalBlock>"
    body = f"<MeterReading><Meter><meterId>M1</meterId></Meter>{kind}{blocks}</MeterReading>"
    return (HEAD + body + TAIL).encode()


def read(data: bytes) -> list[Observation]:
    return list(taf7.observations(io.BytesIO(data)))


def one(*parts: str, kind: str = TYPE) -> Observation:
    (found,) = read(document(*parts, kind=kind))
    return found


def test_a_reading() -> None:
    data = document(reading())
    (found,) = read(data)
    assert taf7.recognises(data)
    assert data[found.position :].startswith(b"<IntervalReading>")
    assert (found.meter, found.obis, found.energy_mwh, found.resolution_mwh) == ("M1", "1-0:1.8.0", 12_300, 100)
    assert (found.time_ms, found.span_s, found.status) == (1_790_806_500_000, 0, Status.MEASURED)
    assert (found.problem, found.notes) == (None, ())


@pytest.mark.parametrize(
    ("status", "expected", "problem"),
    [
        ("<statusPTB>0</statusPTB>", Status.MEASURED, None),
        ("<statusPTB>1</statusPTB>", Status.MEASURED, None),
        ("<statusPTB>2</statusPTB>", Status.ESTIMATED, None),
        ("<statusPTB>3</statusPTB>", None, Problem.INVALID_STATUS),
        ("<statusPTB>4</statusPTB>", None, Problem.INVALID_STATUS),
        ("<statusPTB>7</statusPTB>", None, Problem.INVALID_STATUS),
        ("<statusFNN>0000010500100504</statusFNN><statusPTB>0</statusPTB>", Status.MEASURED, None),
        ("<statusFNN>0500000004</statusFNN>", Status.MEASURED, None),
        ("<statusFNN>100500000004</statusFNN>", Status.MEASURED, None),
        ("<statusFNN>200500000004</statusFNN>", Status.ESTIMATED, None),
        ("<statusFNN>0500000204</statusFNN>", Status.ESTIMATED, None),
        ("<statusFNN>400500000004</statusFNN>", None, Problem.INVALID_STATUS),
        ("<statusFNN>210500000004</statusFNN>", None, Problem.INVALID_STATUS),
        ("<statusFNN>0500020004</statusFNN>", None, Problem.INVALID_STATUS),
        ("<statusFNN>what</statusFNN>", None, Problem.INVALID_STATUS),
        ("<other/>", None, None),
    ],
)
def test_statuses(status: str, expected: Status | None, problem: Problem | None) -> None:
    found = one(reading(more=status))
    assert (found.status, found.problem) == (expected, problem)


@pytest.mark.parametrize(
    ("value", "start", "energy", "problem"),
    [
        ("0", "2026-10-01T00:15:00Z", 0, None),
        ("123", "2026-10-01T00:15:00", 12_300, Problem.BAD_TIME),
        ("123", "2026-02-30T00:15:00Z", 12_300, Problem.BAD_TIME),
        ("123", "", 12_300, Problem.NO_TIME),
        ("-1", "2026-10-01T00:15:00Z", None, Problem.BAD_VALUE),
        ("1.5", "2026-10-01T00:15:00Z", None, Problem.BAD_VALUE),
        ("9" * 20, "2026-10-01T00:15:00Z", None, Problem.BAD_VALUE),
        ("", "2026-10-01T00:15:00Z", None, Problem.BAD_VALUE),
    ],
)
def test_values_and_times(value: str, start: str, energy: int | None, problem: Problem | None) -> None:
    found = one(reading(value, start))
    assert (found.energy_mwh, found.problem) == (energy, problem)


@pytest.mark.parametrize(
    ("old", "new", "obis", "problem", "energy"),
    [
        ("<scaler>-1", "<scaler>-4", "1-0:1.8.0", None, 12),
        ("<scaler>-1", "<scaler>3", "1-0:1.8.0", None, 123_000_000),
        ("<scaler>-1", "<scaler>x", "1-0:1.8.0", Problem.BAD_VALUE, 123),
        ("Multiplier>0", "Multiplier>-2", "1-0:1.8.0", None, 123),
        (">72<", ">73<", "1-0:1.8.0", Problem.NOT_ACTIVE_ENERGY, 12_300),
        ("<obisCode>0100010800FF", "<obisCode>0100020800ff", "1-0:2.8.0", None, 12_300),
        ("<obisCode>0100010800FF", "<obisCode>1-0:2.8.0*255", "1-0:2.8.0", None, 12_300),
        ("<obisCode>0100010800FF", "<obisCode>0100010801FF", "1-0:1.8.1", None, 12_300),
        ("<obisCode>0100010800FF", "<obisCode>0100030800FF", "1-0:3.8.0", Problem.NOT_ACTIVE_ENERGY, 12_300),
        ("<obisCode>0100010800FF", "<obisCode>", "1-0:1.8.0", None, 12_300),
    ],
)
def test_what_the_register_is(old: str, new: str, obis: str, problem: Problem | None, energy: int) -> None:
    found = one(reading(), kind=TYPE.replace(old, new))
    assert (found.obis, found.problem, found.energy_mwh) == (obis, problem, energy)


def test_a_reading_seconds_off_its_target_says_so() -> None:
    def noted(target: str) -> Observation:
        return one(reading(start="2026-10-01T00:14:59+02:00", more=f"<targetTime>{target}</targetTime>"))

    found = noted("2026-10-01T00:15:00+02:00")
    assert (found.time_ms, found.notes) == (1_790_806_499_000, (Note.TIME_ADJUSTED,))
    assert noted("2026-10-01T00:14:59+02:00").notes == ()
    assert noted("2026-10-01T00:15:37+02:00").notes == ()


def test_two_values_for_one_time() -> None:
    assert [o.problem for o in read(document(reading(1), reading(2)))] == [Problem.CONFLICTING_VALUES] * 2
    assert [o.problem for o in read(document(reading(1), reading(1)))] == [None] * 2


def test_other_prefixes_encodings_and_order() -> None:
    data = document(reading())
    text = data.decode()
    assert read(text.replace("espi:", "x:").replace("xmlns:x", "xmlns:espi").encode())[0].energy_mwh == 12_300
    assert read(text.replace("utf-8", "utf-16").encode("utf-16"))[0].energy_mwh == 12_300
    assert taf7.recognises(text.encode("utf-16"))
    late = text.replace(TYPE, "").replace("</MeterReading>", f"{TYPE}</MeterReading>")
    assert read(late.encode())[0].energy_mwh == 12_300


def test_energy_of_quarter_hours() -> None:
    kind = TYPE.replace("0100010800FF<", "0100011D00FF<")
    assert one(reading().replace(">0</dur", ">900</dur"), kind=kind).span_s == 900
    assert one(reading(), kind=kind).problem is Problem.NOT_QUARTER_HOURLY


def test_a_document_without_readings_says_so() -> None:
    (found,) = read((HEAD + TAIL).encode())
    assert found.problem is Problem.NO_READINGS


def test_what_is_refused_or_broken_off() -> None:
    whole = document(reading(1), reading(2, "2026-10-01T00:30:00Z"))
    cut = read(whole[: whole.rindex(b"<espi:value>")])
    assert [o.problem for o in cut] == [None, Problem.DAMAGED_FRAME]
    doctype = whole.replace(b"<UsagePoints", b'<!DOCTYPE a [<!ENTITY b "c">]><UsagePoints', 1)
    assert [o.problem for o in read(doctype)] == [Problem.DAMAGED_FRAME]
    deep = read(HEAD.encode() + b"<a>" * 1000)
    assert [o.problem for o in deep] == [Problem.DAMAGED_FRAME]
    assert read(whole.replace(b'"utf-8"', b'"no-such"', 1))[-1].problem is Problem.DAMAGED_FRAME


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_and_changed_anywhere_never_raises(data: st.DataObject) -> None:
    raw = bytearray(document(*(reading(n, f"2026-10-01T00:{n:02}:00Z") for n in range(10, 20))))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for found in read(bytes(raw[: len(raw) - data.draw(st.integers(0, 300))])):
        assert found.problem is not None or (found.energy_mwh is not None and found.time_ms is not None)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the captures of ../shared/samples are not here")
@pytest.mark.parametrize(
    ("name", "meter", "statuses", "unfit", "ends_mwh"),
    [
        (
            "TAF-7-Ablesung_Jan_2018",
            "1ITR0054927492",
            {Status.MEASURED: 5561, Status.ESTIMATED: 386, None: 7},
            {Problem.INVALID_STATUS: 7},
            (10_000, 490_217_810),
        ),
        ("taf7_oml_1", "0A01454D4800005DE461", {None: 97}, {Problem.INVALID_STATUS: 97}, (74_636_100, 74_733_900)),
        (
            "result_DrNeuhausBugNo10",
            "0A01454D4800005DE461",
            {None: 900},
            {Problem.INVALID_STATUS: 900},
            (74_109_200, 74_924_100),
        ),
        (
            "result_oml_start_not_aligned",
            "1itr0054839984",
            {Status.MEASURED: 76, None: 1},
            {Problem.INVALID_STATUS: 1},
            (66_829_700, 66_991_100),
        ),
        ("result_single_day_dst_march", "0A01454D4800005DE461", {Status.MEASURED: 93}, {}, (4_000, 96_000)),
        (
            "IF_Adapter_TRuDI_DatenTAF7_With_Gaps",
            "0A01454D48000051971E",
            {Status.MEASURED: 9},
            {},
            (63_910_800, 63_912_800),
        ),
    ],
)
def test_real_files(
    name: str,
    meter: str,
    statuses: dict[Status | None, int],
    unfit: dict[Problem, int],
    ends_mwh: tuple[int, int],
) -> None:
    with (SAMPLES / f"{name}.xml").open("rb") as stream:
        assert taf7.recognises(stream.read(65536))
        stream.seek(0)
        found = list(taf7.observations(stream))
    assert Counter(o.status for o in found) == statuses
    assert Counter(o.problem for o in found if o.problem) == unfit
    assert (found[0].energy_mwh, found[-1].energy_mwh) == ends_mwh
    assert {o.meter for o in found} == {meter}
    assert {o.obis for o in found} <= {"1-0:1.8.0", "1-0:2.8.0"}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the captures of ../shared/samples are not here")
def test_the_suppliers_file_has_no_reading() -> None:
    with (SAMPLES / "Lieferanten-XML_Jan_2018.xml").open("rb") as stream:
        assert [o.problem for o in taf7.observations(stream)] == [Problem.NO_READINGS]

"""CSV forms: exact, strict, located."""

from __future__ import annotations

from pathlib import Path

import pytest

from lindenstrom.core.packs import Status
from lindenstrom.metering.csvfile import read_intervals, read_registers
from lindenstrom.metering.errors import CsvError

REGISTERS = "time,import_kwh,export_kwh\n"
INTERVALS = "metering_point,slot_start,import_kwh,export_kwh,status\n"


def file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "values.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_registers_are_exact_and_in_order(tmp_path: Path) -> None:
    text = REGISTERS + "2026-10-24T00:15:03+02:00,0.3,1\r\n\n2026-10-23T22:00:00Z,0.1,123456789012.654321\n"
    first, second = read_registers(file(tmp_path, b"\xef\xbb\xbf" + text.encode()))
    assert (first.time_ms, first.registers.import_mwh, first.registers.export_mwh) == (
        1_792_792_800_000,
        100_000,
        123_456_789_012_654_321,
    )
    assert (second.time_ms - first.time_ms, second.registers.import_mwh) == (903_000, 300_000)


def test_hour_that_comes_twice_is_told_apart_by_its_offset(tmp_path: Path) -> None:
    rows = "".join(f"2026-10-25T02:30:00+0{offset}:00,{3 - offset},0\n" for offset in (2, 1))
    first, second = read_registers(file(tmp_path, REGISTERS + rows))
    assert second.time_ms - first.time_ms == 3_600_000


def test_intervals_by_metering_point(tmp_path: Path) -> None:
    text = INTERVALS + (
        "B,2026-10-24T00:15:00+02:00,0.125,0,estimated\n"
        "A,2026-10-24T00:00:00+02:00,0,0,missing\n"
        "B,2026-10-24T00:00:00+02:00,1,2.5,measured\n"
        "B,2026-10-24T00:00:00+02:00,1.0,2.50,measured\n"
    )
    found = read_intervals(file(tmp_path, text))
    assert [(v.import_mwh, v.export_mwh, v.status) for v in found["B"]] == [
        (1_000_000, 2_500_000, Status.MEASURED),
        (125_000, 0, Status.ESTIMATED),
    ]
    assert found["B"][0].slot == found["A"][0].slot == 1_792_792_800 // 900


TIME = "2026-10-24T00:00:00+02:00"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2026-10-24T00:00:00,1,1", "not ISO-8601"),
        ("2026-10-24 00:00:00+02:00,1,1", "not ISO-8601"),
        ("2026-02-30T00:00:00Z,1,1", "no such time"),
        ("0001-01-01T00:00:00+05:00,1,1", "before 1970"),
        (f"{TIME},1.2345678,1", "at most six places"),
        (f'{TIME},"1,5",1', "at most six places"),
        (f"{TIME},-1,1", "at most six places"),
        (f"{TIME},1e3,1", "at most six places"),
        (f"{TIME},NaN,1", "at most six places"),
        (f"{TIME},,1", "at most six places"),
        (f"{TIME},٣,1", "at most six places"),
        (f"{TIME},999999999999999,1", "too large"),
        (f"{TIME},1", "2 fields instead of 3"),
        (f'{TIME},"1,1', "not CSV|2 fields"),
    ],
)
def test_wrong_register_lines_are_located(tmp_path: Path, row: str, what: str) -> None:
    with pytest.raises(CsvError, match=rf"values\.csv:3: .*({what}).*; ") as caught:
        read_registers(file(tmp_path, f"{REGISTERS}{TIME},1,1\n{row}\n"))
    assert "NaN" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("A,2026-10-24T00:00:01+02:00,1,1,measured", "not at a quarter-hour"),
        (f" A,{TIME},1,1,measured", "spaces"),
        (f",{TIME},1,1,measured", "empty"),
        (f"A,{TIME},4295,1,measured", "too large"),
        (f"A,{TIME},1,1,Measured", "status is not known"),
        (f"A,{TIME},1,0,missing", "missing quarter-hour has a value"),
        (f"B,{TIME},2,1,measured", "another value for this quarter-hour"),
    ],
)
def test_wrong_interval_lines_are_located(tmp_path: Path, row: str, what: str) -> None:
    with pytest.raises(CsvError, match=rf"values\.csv:3: .*{what}"):
        read_intervals(file(tmp_path, f"{INTERVALS}B,{TIME},1,1,measured\n{row}\n"))


def test_two_registers_for_one_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match=r"values\.csv:3: another reading for this time"):
        read_registers(file(tmp_path, f"{REGISTERS}{TIME},1,1\n{TIME},1,2\n"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", ":1: the header differs; the first line must be: time,import_kwh,export_kwh"),
        (b"time;import_kwh;export_kwh\n", ":1: the header differs"),
        (REGISTERS.encode() + b"\n\xff\n", ":3: not UTF-8"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(CsvError, match=what):
        read_registers(file(tmp_path, data))


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match=r"none\.csv:0: cannot be read"):
        read_registers(tmp_path / "none.csv")

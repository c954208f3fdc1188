"""P1 and D0 telegrams: made-up ones of every variant, damaged ones, and the real ones where the folder is at hand."""

from __future__ import annotations

import io
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.metering.formats import dsmr
from lindenstrom.metering.observation import Note, Observation, Problem
from lindenstrom.metering.telegrams import crc16_arc
from metering.telegram_text import GERMAN, d0, p1, read_out

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "dsmr"
KWH = 10**6


def read(data: bytes) -> list[Observation]:
    return list(dsmr.observations(io.BytesIO(data)))


def registers(found: list[Observation]) -> dict[str, int | None]:
    return {one.obis: one.energy_mwh for one in found if one.energy_mwh is not None}


def problems(found: list[Observation]) -> list[Problem | None]:
    return [one.problem for one in found]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


# file: meter, time (UTC), registers as they stand in it, first power
REAL: dict[str, tuple[str, str | None, dict[str, int], int]] = {
    "esy5q3da1004_v304": ("1336001560", None, {"1-0:1.8.0": 32549506166}, 1688210),
    "fluvius_v171": (
        "3153414733313031303231363035", "2020-05-12T11:54:09Z",
        {"1-0:1.8.1": 34000, "1-0:1.8.2": 15758000, "1-0:2.8.1": 0, "1-0:2.8.2": 11000}, 0,
    ),
    "iskra_ie": (
        "09610", "2023-02-02T12:27:47Z",
        {"1-0:1.8.1": 10181000, "1-0:1.8.2": 10182000, "1-0:2.8.1": 10281000, "1-0:2.8.2": 10282000}, 170000,
    ),
    "sweden_ellevio_ell5": ("", "2021-02-17T17:40:19Z", {"1-0:1.8.0": 6678394000, "1-0:2.8.0": 0}, 1727000),
    "v2_2": (
        "00000000000000", None,
        {"1-0:1.8.1": 1001000, "1-0:1.8.2": 1001000, "1-0:2.8.1": 1001000, "1-0:2.8.2": 1001000}, 1010000,
    ),
    "v4_2": (
        "3960221976967177082151037881335713", "2016-11-13T19:57:57Z",
        {"1-0:1.8.1": 1581123000, "1-0:1.8.2": 1435706000, "1-0:2.8.1": 0, "1-0:2.8.2": 0}, 2027000,
    ),
    "v5": (
        "4B384547303034303436333935353037", "2017-01-02T18:20:02Z",
        {"1-0:1.8.1": 4426000, "1-0:1.8.2": 2399000, "1-0:2.8.1": 2444000, "1-0:2.8.2": 0}, 244000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_telegram(name: str) -> None:
    path = SAMPLES / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"no real telegrams at hand: {SAMPLES} is absent")
    data = path.read_bytes()
    meter, time, sent, power_mw = REAL[name]
    assert dsmr.recognises(data)
    found = read(data)
    assert all(one.is_usable and one.position == 0 and one.meter == meter for one in found)
    assert {one.time_ms for one in found} == {ms(time) if time else None}
    assert {one.obis: one.energy_mwh for one in found if one.energy_mwh is not None and not one.summed} == sent
    sums = {one.obis: one.energy_mwh for one in found if one.summed}
    for direction in "12":
        tariffs = [value for code, value in sent.items() if f":{direction}.8." in code and not code.endswith("0")]
        assert sums.get(f"1-0:{direction}.8.0") == (sum(tariffs) if tariffs else None)
    assert next(one.power_mw for one in found if one.power_mw is not None) == power_mw
    assert {one.notes for one in found} == {(Note.WRONG_SEASON,) if name == "iskra_ie" else ()}


def test_dutch_tariffs_are_emitted_and_summed() -> None:
    found = read(p1())
    assert registers(found) == {
        "1-0:1.8.1": 1234567000, "1-0:1.8.2": 765433000, "1-0:2.8.1": 10001000, "1-0:2.8.2": 20002000,
        "1-0:1.8.0": 2000 * KWH, "1-0:2.8.0": 30003000,
    }  # fmt: skip
    assert [one.obis for one in found if one.summed] == ["1-0:1.8.0", "1-0:2.8.0"]
    assert {one.time_ms for one in found} == {ms("2026-10-25T11:00:00Z")}
    assert {one.meter for one in found} == {"4C494E44454E3031"}
    assert {one.resolution_mwh for one in found if one.energy_mwh is not None} == {1000}
    assert all(one.is_usable for one in found)


def test_a_total_that_is_sent_is_not_summed_again() -> None:
    lines = ("0-0:1.0.0(260724150730S)", "0-0:42.0.0(4C31)", "0-0:96.1.0(4C32)", "1-0:1.8.0(000173.640*kWh)",
             "1-0:1.8.1(000047.719*kWh)", "1-0:1.8.2(000125.921*kWh)", "1-0:2.8.0(000627.177*kWh)",
             "1-0:3.8.0(000000.123*kvarh)", "1-0:15.8.0(000800.817*kWh)",
             "0-0:98.1.0(260701000000S)(000040.777*kWh)(000008.950*kWh)")  # fmt: skip
    found = read(p1(lines, "LIN5LIN-METER"))
    assert registers(found) == {"1-0:1.8.0": 173640000, "1-0:1.8.1": 47719000, "1-0:1.8.2": 125921000,
                                "1-0:2.8.0": 627177000}  # fmt: skip
    assert not any(one.summed for one in found)
    assert {one.meter for one in found} == {"4C32"}


def test_luxembourg_names_the_meter_by_42_0_0() -> None:
    lines = ("1-3:0.2.8(42)", "0-0:1.0.0(260403175431S)", "0-0:42.0.0(4C494E)", "1-0:1.8.0(000273.764*kWh)",
             "1-0:2.8.0(112743.030*kWh)", "1-0:9.7.0(00.000*kVA)", "1-1:31.4.0(040*A)(-040*A)")  # fmt: skip
    found = read(p1(lines, "Lin5\\253663629_D"))
    assert registers(found) == {"1-0:1.8.0": 273764000, "1-0:2.8.0": 112743030000}
    assert {one.meter for one in found} == {"4C494E"}


def test_austrian_watt_hours() -> None:
    lines = ("1-3:0.2.8(50)", "0-0:1.0.0(261006155014S)", "1-0:1.8.0(006545766*Wh)", "1-0:1.8.1(005017120*Wh)",
             "1-0:1.8.2(001528646*Wh)", "1-0:1.7.0(000000286*W)", "1-0:2.8.0(000000058*Wh)",
             "1-0:2.7.0(000000012*W)", "1-0:3.8.0(000000747*varh)")  # fmt: skip
    found = read(p1(lines, "EST5\\253710000_A"))
    assert registers(found)["1-0:1.8.0"] == 6545766000
    assert [one.power_mw for one in found if one.power_mw is not None] == [286000, -12000]


def test_german_push_without_checksum_is_exact_to_the_last_digit() -> None:
    found = read(d0() + b"  25818685\r\nDE0000000000000000000000000000003\r\n")
    assert registers(found) == {"1-0:1.8.0": 32549506166, "1-0:2.8.0": 123456789}
    assert {one.resolution_mwh for one in found if one.energy_mwh is not None} == {1}
    assert {one.time_ms for one in found} == {None}
    assert [one.power_mw for one in found if one.power_mw is not None] == [-458900]


def test_reduced_codes_and_block_check() -> None:
    found = read(read_out())
    assert registers(found) == {"1-0:1.8.0": 61561289000, "1-0:1.8.1": 42951721000, "1-0:1.8.2": 18609568000,
                                "1-0:2.8.0": 10490000}  # fmt: skip
    assert {one.meter for one in found} == {"13640001"}
    assert all(one.is_usable for one in found)


@pytest.mark.parametrize("cut", [1, 2])
def test_a_read_out_cut_in_its_block_check_is_passed_over(cut: int) -> None:
    assert read(read_out()[:-cut]) == []


def test_a_wrong_block_check_is_damage() -> None:
    data = bytearray(read_out())
    data[-1] ^= 1
    assert problems(read(bytes(data))) == [Problem.DAMAGED_FRAME]


def test_a_maker_that_sends_no_unit() -> None:
    lines = ("1-0:0.0.0*255(20740001)", "1-0:1.8.0*255(011107.1314)", "1-0:96.5.5*255(82)")
    assert registers(read(d0(lines, "HAG5eHZ010C_XXXXXX02"))) == {"1-0:1.8.0": 11107131400}
    assert problems(read(d0(lines, "LIN5eHZ010C_XXXXXX02"))) == [Problem.DAMAGED_FRAME]
    checked = [one for one in read(p1(lines)) if one.obis]
    assert problems(checked) == [Problem.BAD_VALUE]


def test_element_255_is_the_total() -> None:
    lines = ("1-0:1.8.255*255(00026107.7034231*kWh)", "1-0:1.7.255*255(000336.45*W)")
    assert [one.obis for one in read(d0(lines))] == ["1-0:1.8.0", "1-0:1.7.0"]


def test_codes_are_normal_whatever_zeros_they_have() -> None:
    assert [one.obis for one in read(d0(("1-00:1.8.001(1.5*kWh)", "1.8.000(1.5*kWh)")))] == ["1-0:1.8.1", "1-0:1.8.0"]
    for code in ("1-0:1.8.A", "1-0:1.8.256", "1-999:1.8.0"):
        assert problems(read(d0((f"{code}(1.5*kWh)",)))) == [Problem.DAMAGED_FRAME]


def test_whole_kwh_ask_for_the_pin() -> None:
    found = read(d0(("1-0:1.8.0*255(012345*kWh)",)))
    assert problems(found) == [Problem.PIN_LOCKED]
    assert found[0].energy_mwh == 12345 * KWH


def test_a_heat_meter_has_no_import_register() -> None:
    lines = ("1-3:0.2.8(50)", "0-0:1.0.0(260215200523W)", "0-1:24.2.1(260215200523W)(240.860*GJ)")
    assert problems(read(p1(lines, "LIN-WARM"))) == [Problem.NO_IMPORT_REGISTER]


def test_crc_with_leading_zeros_left_out() -> None:
    for number in range(4000):
        data = p1((f"1-0:1.8.0({number:06d}.000*kWh)",))
        if data[-6:-5] == b"0":
            short = data[:-6] + data[-6:].lstrip(b"0")
            assert registers(read(short)) == {"1-0:1.8.0": number * KWH}
            return
    pytest.fail("no CRC below 0x1000 found")


def test_line_ends_changed_by_a_log_still_verify() -> None:
    assert registers(read(p1().replace(b"\r\n", b"\n"))) == registers(read(p1()))


def test_parity_bits_of_a_line_captured_as_eight_bits() -> None:
    with_parity = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in d0() * 3)
    assert dsmr.recognises(with_parity)
    assert [one.energy_mwh for one in read(with_parity)] == [one.energy_mwh for one in read(d0() * 3)]


@pytest.mark.parametrize(
    ("text", "utc", "notes"),
    [
        ("261025023000S", "2026-10-25T00:30:00Z", ()),
        ("261025023000W", "2026-10-25T01:30:00Z", ()),
        ("260701120000S", "2026-07-01T10:00:00Z", ()),
        ("260701120000W", "2026-07-01T10:00:00Z", (Note.WRONG_SEASON,)),
        ("261201120000S", "2026-12-01T11:00:00Z", (Note.WRONG_SEASON,)),
        ("261201120000", "2026-12-01T11:00:00Z", ()),
    ],
)
def test_the_season_flag_decides_in_the_doubled_hour_only(text: str, utc: str, notes: tuple[Note, ...]) -> None:
    found = read(p1((f"0-0:1.0.0({text})", "1-0:1.8.0(000001.000*kWh)")))
    assert (found[0].time_ms, found[0].notes) == (ms(utc), notes)


@pytest.mark.parametrize("text", ["260329023000W", "632525252525W", "000000000000W", "261025023000", "20-10-01 12:00"])
def test_a_time_that_does_not_exist_or_is_two_times(text: str) -> None:
    found = read(p1((f"0-0:1.0.0({text})", "1-0:1.8.0(000001.000*kWh)")))
    assert problems(found) == [Problem.BAD_TIME]
    assert found[0].time_ms is None


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_changed_byte_never_passes_a_crc(at: int) -> None:
    good = registers(read(p1()))
    data = bytearray(p1())
    data[at] ^= 0x04
    assert registers(read(bytes(data))) in ({}, good)


def test_a_version_with_crc_is_not_taken_without_it() -> None:
    assert problems(read(p1(crc=False))) == [Problem.DAMAGED_FRAME]
    dated = ("0-0:1.0.0(260701120000S)", "1-0:1.8.0(000001.000*kWh)")
    assert problems(read(p1(dated, crc=False))) == [Problem.DAMAGED_FRAME]


@pytest.mark.parametrize(
    "line", ["1-0:1.8.0*255(00032549.50", "\x001-0:1.8.0(1.0*kWh)", "1-0:1.8.0*255(0003x549.5*kWh)", "rubbish"]
)
def test_without_checksum_every_line_must_have_its_form(line: str) -> None:
    assert problems(read(d0((*GERMAN, line)))) == [Problem.DAMAGED_FRAME]


@pytest.mark.parametrize("lost", ["1-0:1.8.2(00001.001*kWh)", "1-0:2.8.1(00001.001*kWh)"])
def test_without_checksum_a_lost_tariff_is_seen_where_both_directions_have_them(lost: str) -> None:
    lines = [f"1-0:{way}.8.{tariff}(00001.001*kWh)" for way in (1, 2) for tariff in (1, 2)]
    assert len(registers(read(d0(lines)))) == 6
    for changed in ([line for line in lines if line != lost], [line.replace(lost, "0" + lost[1:]) for line in lines]):
        assert problems(read(d0(changed))) == [Problem.DAMAGED_FRAME]


def test_one_register_with_two_values() -> None:
    twice = ("1-0:1.8.0(000001.000*kWh)", "1-0:1.8.0(000002.000*kWh)")
    assert problems(read(d0(twice))) == [Problem.DAMAGED_FRAME]
    assert problems(read(p1(twice))) == [Problem.CONFLICTING_VALUES]


def test_cut_at_the_capture_s_ends_is_no_problem_but_inside_it_is() -> None:
    whole = p1()
    found = read(whole[100:] + whole + whole[:-9])
    assert all(one.is_usable and one.position == len(whole) - 100 for one in found)
    inside = read(whole + whole[:200] + whole + whole[300:] + whole)
    damaged = [one for one in inside if one.problem]
    assert problems(damaged) == [Problem.DAMAGED_FRAME] * 2
    assert [one.position for one in damaged] == [len(whole), 2 * len(whole) + 200]
    assert len(registers(inside)) == 6


def test_a_telegram_that_begins_in_the_middle_of_a_line() -> None:
    found = read(d0()[:60] + d0())
    assert problems(found) == [Problem.DAMAGED_FRAME, None, None, None]
    assert found[1].position == 60


@given(pieces=st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=40), seed=st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_the_cutter_finds_the_same_telegrams_however_the_stream_is_cut(pieces: list[int], seed: int) -> None:
    kinds = [p1(), d0(), read_out()]
    data = b"noise\r\n" + b"".join(kinds[(seed + n) % 3] for n in range(5)) + kinds[seed][:70]
    whole = [data[span.start : span.end] for span in dsmr.scan(data) if not span.problem]
    cutter, found, start = dsmr.TelegramCutter(), [], 0
    for length in pieces * (1 + len(data) // sum(pieces)):
        found += cutter.feed(data[start : start + length])
        start += length
    assert found == whole
    assert len(whole) == 5


def test_scan_leaves_no_hole() -> None:
    data = b"xx" + p1() + b"\x00\x01" + d0()[:50] + read_out()
    spans = list(dsmr.scan(data))
    assert [spans[0].start, *(span.end for span in spans)] == [0, *(span.start for span in spans[1:]), len(data)]


def test_long_capture_and_endless_garbage_are_read_in_pieces() -> None:
    found = read(p1() * 400)
    assert len([one for one in found if one.obis == "1-0:1.8.0"]) == 400
    assert all(one.is_usable for one in found)
    assert problems(read(b"/LIN5 no end\r\n" + b"x" * 300_000)) == [Problem.DAMAGED_FRAME]
    cutter = dsmr.TelegramCutter()
    for _ in range(40):
        assert cutter.feed(b"/LIN5 no end\r\n" + b"y" * 9000) == []
    assert cutter.feed(b"\n" + p1()) == [p1()]


@pytest.mark.parametrize(
    "data",
    [b"/LIN5x\r\n" * 60_000, b"1.1(" * 120_000, b"/LIN5x\r\n" + b"1.1(" * 100_000, b"\n!" * 200_000, b"/LIN" * 100_000,
     b"/LIN5x\r\n" + b"1.8.0(1)" * 8_000 + b"\r\n!\r\n"],
)  # fmt: skip
def test_nothing_takes_long(data: bytes) -> None:
    started = time.process_time()
    read(data)
    cutter = dsmr.TelegramCutter()
    for at in range(0, len(data), 4096):
        cutter.feed(data[at : at + 4096])
    assert time.process_time() - started < 5


@given(st.binary(max_size=600))
@settings(max_examples=200, deadline=None)
def test_whatever_the_bytes_are(data: bytes) -> None:
    for form in (data, p1() + data + d0(), b"/LIN5x\r\n" + data + b"\r\n!\r\n"):
        dsmr.recognises(form)
        for one in read(form):
            assert one.problem or one.energy_mwh is not None or one.power_mw is not None
        dsmr.decode_telegram(form)


def test_crc_is_the_one_of_the_standard() -> None:
    assert crc16_arc(b"123456789") == 0xBB3D


def test_other_files_are_not_taken_for_telegrams() -> None:
    for data in (b"", b"time,import_kwh,export_kwh\n", b"128.8.0(ST:1)(RV:0003.276*kWh)", b"/etc/passwd\n"):
        assert not dsmr.recognises(data)
    assert all(dsmr.recognises(data) for data in (p1(), d0(), read_out()))

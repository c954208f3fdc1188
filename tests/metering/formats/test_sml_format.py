"""SML as observations: made-up telegrams, damaged ones, and real captures where the folder is at hand."""

from __future__ import annotations

import io
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.packs import Status
from lindenstrom.metering.checksum import crc16_kermit, crc16_x25
from lindenstrom.metering.formats import sml
from lindenstrom.metering.formats.smlframes import ESCAPE, START, Cutter
from lindenstrom.metering.observation import Note, Observation, Problem
from lindenstrom.metering.smlwriter import sml_telegram

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "samples" / "sml"
KWH = 10**6
IMPORT, EXPORT = "1-0:1.8.0", "1-0:2.8.0"

# file: (meter, step mWh, registers: first and last mWh, power: first and last mW, problems)
SOURCES: dict[str, tuple[str, int, dict[str, tuple[int, int]], dict[str, tuple[int, int]], dict[Problem, int]]] = {
    "DZG_DVS-7420.2V.G2_mtr0": (
        "1 DZG00 6069 4612", 100,
        {IMPORT: (607_447_100, 607_447_100), EXPORT: (1_266_728_600, 1_266_728_600)},
        {"1-0:16.7.0": (215_990, 215_990)}, {},
    ),
    "EMH_eHZ-GW8E2A500AK2": (
        "30-32-32-38-30-38-31-36", 100,
        {
            "1-0:1.8.1": (14_798_112_900, 14_798_113_200), "1-0:1.8.2": (2_012_400, 2_012_400),
            IMPORT: (14_800_125_300, 14_800_125_600),
        },
        {"1-0:1.7.0": (13_800, 14_400)}, {},
    ),
    "EMH_eHZ-HW8E2A5L0EK2P": (
        "06-45-4D-48-01-02-71-53-C8-C6", 100,
        {
            IMPORT: (8_391_648_800, 8_391_649_900), "1-0:1.8.1": (8_391_447_600, 8_391_448_700),
            "1-0:1.8.2": (201_200, 201_200),
        },
        {"1-0:15.7.0": (163_500, 164_100)}, {},
    ),
    "EMH_mME40-AE6AKF0K0": (
        "1 EMH00 1059 9732", 100, {IMPORT: (428_896_400, 428_904_300)}, {"1-0:16.7.0": (2_623_000, 2_567_000)}, {},
    ),
    "EasyMeter_Q3A_A1064V1009": (
        "1 ESY11 6223 2997", 1,
        {IMPORT: (2_941_646_161, 2_941_647_162), EXPORT: (110_073_160, 110_073_160)},
        {"1-0:16.7.0": (810_260, 687_860)}, {Problem.DAMAGED_FRAME: 3},
    ),
    "HOLLEY_DTZ541-BDBA_with_PIN": (
        "1 HLY02 0087 9590", 100, {IMPORT: (2_355_929_000, 2_355_929_100)}, {"1-0:16.7.0": (376_000, 374_000)}, {},
    ),
    "HOLLEY_DTZ541-BDBA_without_PIN": (
        "1 HLY02 0087 9590", KWH, {IMPORT: (2324 * KWH, 2324 * KWH)}, {}, {Problem.PIN_LOCKED: 1},
    ),
    "ISKRA_MT175_D1A52-V22-K0t": (
        "06-49-53-4B-01-0E-1F-66-29-9A", 100,
        {
            IMPORT: (10_732_309_100, 10_732_309_100), "1-0:1.8.1": (10_732_309_100, 10_732_309_100),
            "1-0:1.8.2": (0, 0), EXPORT: (28_275_324_500, 28_275_333_200),
            "1-0:2.8.1": (28_275_324_500, 28_275_333_200), "1-0:2.8.2": (0, 0),
        },
        {"1-0:16.7.0": (-4_308_000, -4_297_000)}, {},
    ),
    "ISKRA_MT631-D1A52-K0z-H01_with_PIN": (
        "1 ISK00 7512 6084", 100, {IMPORT: (2_043_104_700, 2_043_104_900), EXPORT: (0, 0)},
        {"1-0:16.7.0": (193_000, 194_000)}, {},
    ),
    "ISKRA_MT631-D1A52-K0z-H01_without_PIN": (
        "1 ISK00 7512 6084", KWH, {IMPORT: (2043 * KWH, 2043 * KWH), EXPORT: (0, 0)}, {}, {Problem.PIN_LOCKED: 10},
    ),
    "ITRON_OpenWay-3.HZ": (
        "1 ITR00 5511 3102", 100, {IMPORT: (8_189_594_900, 8_189_594_900)}, {"1-0:16.7.0": (613_000, 613_000)}, {},
    ),
    "eBZ_DD3_DD32R06DTA-SMZ1": (
        "1 EBZ01 0019 1547", KWH,
        {
            IMPORT: (13024 * KWH, 13024 * KWH), "1-0:1.8.1": (13023 * KWH, 13023 * KWH), "1-0:1.8.2": (KWH, KWH),
            EXPORT: (KWH, KWH),
        },
        {}, {Problem.PIN_LOCKED: 16},
    ),
}  # fmt: skip


def read(data: bytes) -> list[Observation]:
    return list(sml.observations(io.BytesIO(data)))


@pytest.mark.parametrize("name", SOURCES)
def test_real_capture(name: str) -> None:
    path = CAPTURES / f"{name}.bin"
    if not path.exists():
        pytest.skip(f"no real captures at hand: {CAPTURES} is absent")
    meter, step, registers, powers, problems = SOURCES[name]
    data = path.read_bytes()
    assert sml.recognises(data)
    found = read(data)
    ends: dict[str, tuple[int, int]] = {}
    watts: dict[str, tuple[int, int]] = {}
    for o in found:
        if o.energy_mwh is not None:
            ends[o.obis] = (ends.get(o.obis, (o.energy_mwh,))[0], o.energy_mwh)
            assert o.resolution_mwh == step
        if o.power_mw is not None:
            watts[o.obis] = (watts.get(o.obis, (o.power_mw,))[0], o.power_mw)
    assert ends == registers
    assert {obis: watts[obis] for obis in powers} == powers
    assert bool(watts) == bool(powers)
    assert {o.meter for o in found if o.obis} == {meter}
    assert Counter(o.problem for o in found if o.problem) == problems
    assert {o.obis for o in found if o.summed} == ({IMPORT} if name.startswith("EMH_eHZ-GW8") else set())
    assert all(o.time_ms is None and (o.seconds_index or o.problem) for o in found)


def entry(name: str, *, raw: bytes, scaler: int = -1, unit: int = 30, status: bytes = b"\x01") -> bytes:
    """A line of a list; raw: the value with its type and length."""
    number = b"\x52" + scaler.to_bytes(1, "big", signed=True)
    return b"\x77\x07" + bytes.fromhex(name) + status + b"\x01\x62" + bytes((unit,)) + number + raw + b"\x01"


def frame(*entries: bytes, server: bytes = b"\x0a\x01TST\x00\x00\x00\x00\x07", crc: Any = crc16_x25) -> bytes:
    """A telegram of one message with these lines."""
    head = b"\x76\x02\x01\x62\x00\x62\x00\x72\x63\x07\x01\x77\x01" + bytes((len(server) + 1,)) + server
    body = head + b"\x01\x72\x62\x01\x65\x00\x00\x00\x2a" + bytes((0x70 | len(entries),)) + b"".join(entries)
    content = body + b"\x01\x01"
    message = content + b"\x63" + crc(content) + b"\x00"
    fill = -len(message) % 4
    whole = START + message.replace(ESCAPE, ESCAPE * 2) + bytes(fill) + ESCAPE + b"\x1a" + bytes((fill,))
    return whole + crc16_x25(whole)


DRAWN, FED, ACTIVE = "0100010800ff", "0100020800ff", "0100100700ff"
ONE_KWH = b"\x65\x00\x00\x27\x10"


def test_a_register_with_everything_about_it() -> None:
    (o,) = read(frame(entry(DRAWN, raw=ONE_KWH)))
    assert (o.meter, o.obis, o.energy_mwh, o.resolution_mwh) == ("1 TST00 0000 0007", IMPORT, KWH, 100)
    assert (o.time_ms, o.seconds_index, o.span_s, o.status, o.problem) == (None, 42, 0, Status.MEASURED, None)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_numbers_of_any_length(size: int) -> None:
    (o,) = read(frame(entry(DRAWN, raw=bytes((0x60 | size + 1,)) + (77).to_bytes(size, "big"))))
    assert o.energy_mwh == 7700


def test_feeding_in_alone_is_fit() -> None:
    found = read(frame(entry(FED, raw=ONE_KWH), entry(ACTIVE, raw=b"\x53\xff\x9c", unit=27)))
    assert [(o.obis, o.problem) for o in found] == [(EXPORT, None), ("1-0:16.7.0", None)]
    assert found[1].power_mw == -10_000


def test_tariffs_alone_are_summed_per_direction() -> None:
    found = read(
        frame(*(entry(f"01000{d}080{t}ff", raw=ONE_KWH) for d in (1, 2) for t in (1, 2)), entry(FED, raw=ONE_KWH))
    )
    assert [(o.obis, o.energy_mwh) for o in found if o.summed] == [(IMPORT, 2 * KWH)]


def test_a_sum_is_floored_once() -> None:
    found = read(frame(*(entry(f"010001080{t}ff", raw=b"\x62\x07", scaler=-4) for t in (1, 2))))
    assert [o.energy_mwh for o in found] == [0, 0, 1]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([entry(DRAWN, raw=b"\x62\x05", scaler=3)], Problem.PIN_LOCKED),
        ([entry(DRAWN, raw=b"\x52\xff")], Problem.BAD_VALUE),
        ([entry(DRAWN, raw=b"\x69" + b"\xff" * 8)], Problem.BAD_VALUE),
        ([entry(DRAWN, raw=b"\x62\x05", scaler=10)], Problem.BAD_VALUE),
        ([entry(ACTIVE, raw=b"\x62\x05", unit=27)], Problem.NO_IMPORT_REGISTER),
        ([entry("0100030800ff", raw=b"\x62\x05", unit=32)], Problem.NO_IMPORT_REGISTER),
        ([entry("010001080060", raw=b"\x62\x05")], Problem.NO_IMPORT_REGISTER),
        ([], Problem.NO_IMPORT_REGISTER),
    ],
)
def test_unfit(lines: list[bytes], problem: Problem) -> None:
    found = read(frame(*lines))
    assert [o.problem for o in found if o.problem] == [problem]
    assert all(o.status is None for o in found)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (b"\x63\x01\x80", ""),
        (b"\x63\x01\x82", ""),
        (b"\x64\x01\x01\xa2", ""),
        (b"\x62\x80", ""),
        (b"\x65\x00\x1c\x01\x04", ""),
        (b"\x65\x00\x1d\x49\x04", ""),
        (b"\x03\x01\x82", ""),
        (b"\x63\x01\x83", "error"),
        (b"\x63\x01\xc2", "magnetic"),
        (b"\x65\x00\x1e\x01\x04", "fatal"),
        (b"\x65\x00\x1c\x03\x04", "magnetic"),
        (b"\x65\x00\x1c\x05\x04", "cover"),
    ],
)
def test_status_word(word: bytes, said: str) -> None:
    found = read(frame(entry(DRAWN, raw=ONE_KWH, status=word), entry("0100010801ff", raw=ONE_KWH)))
    assert [o.problem for o in found] == [Problem.INVALID_STATUS if said else None] * 2
    assert all(said in o.detail for o in found)


def test_a_meter_known_for_it_has_its_sign_put_right() -> None:
    drawing = entry(DRAWN, raw=ONE_KWH, status=b"\x65\x00\x1c\x01\x04")
    power = entry(ACTIVE, raw=b"\x53\x8b\x28", scaler=-2, unit=27)
    dzg = b"\x0a\x01DZG\x00\x00\x00\x00\x01"
    assert [(o.power_mw, o.notes) for o in read(frame(drawing, power, server=dzg))[1:]] == [
        (356_240, (Note.SIGN_CORRECTED,))
    ]
    feeding = entry(DRAWN, raw=ONE_KWH, status=b"\x65\x00\x1c\x09\x04")
    assert [o.power_mw for o in read(frame(feeding, power, server=dzg))[1:]] == [-299_120]
    assert [o.power_mw for o in read(frame(drawing, power))[1:]] == [-299_120]


def test_the_other_checksum_inside_is_taken_too() -> None:
    assert [o.problem for o in read(frame(entry(DRAWN, raw=ONE_KWH), crc=crc16_kermit))] == [None]
    assert [o.problem for o in read(frame(entry(DRAWN, raw=ONE_KWH), crc=lambda _: b"\1\2"))] == [Problem.DAMAGED_FRAME]
    assert crc16_kermit(b"123456789") == (0x2189).to_bytes(2, "little")


def test_without_a_server_id_the_identification_counts() -> None:
    named = entry("0100600100ff", raw=b"\x0b\x0a\x01ABC\x00\x00\x00\x00\x09", unit=0)
    assert {o.meter for o in read(frame(named, entry(DRAWN, raw=ONE_KWH), server=bytes(10)))} == {"1 ABC00 0000 0009"}


def test_content_that_ends_in_escape_bytes() -> None:
    for count in range(1, 12):
        data = frame(
            entry(DRAWN, raw=ONE_KWH), entry("0100605a0201", raw=bytes((count + 1,)) + b"\x1b" * count, unit=0)
        )
        assert [o.energy_mwh for o in read(data)] == [KWH]


ONE = sml_telegram(server_id=b"\x0a\x01TST\x00\x00\x00\x00\x07", sec_index=1, import_mwh=5 * KWH)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(ONE)), st.integers(0, len(ONE)))
def test_cut_off_at_either_end_is_no_problem(head: int, tail: int) -> None:
    found = read(ONE[len(ONE) - head :] + ONE + ONE + ONE[:tail])
    assert [o.problem for o in found] == [None] * (2 + head // len(ONE) + tail // len(ONE))


@pytest.mark.parametrize("drop", [slice(4, 6), slice(60, 63), slice(-6, -4), slice(20, 200)])
def test_bytes_lost_inside_are_named(drop: slice) -> None:
    damaged = bytearray(ONE)
    del damaged[drop]
    found = read(ONE + bytes(damaged) + ONE)
    assert [o.problem for o in found if not o.problem] == [None] * 2
    assert {o.problem for o in found if o.problem} == {Problem.DAMAGED_FRAME}
    assert all(len(ONE) <= o.position < 2 * len(ONE) for o in found if o.problem)


def test_noise_between_telegrams_is_passed_over() -> None:
    assert [o.problem for o in read(b"\xff\x00" + ONE + b"\x00\x1b\x00" + ONE)] == [None] * 2


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300), st.lists(st.integers(1, 90), min_size=1))
def test_pieces_make_no_difference(noise: bytes, at: int, drop: int, sizes: list[int]) -> None:
    data = ONE + ONE[:at] + noise + ONE[at + drop :] + ONE
    whole = Cutter()
    expected = [*whole.feed(data), *whole.close()]
    pieces, found, position = Cutter(), [], 0
    while position < len(data):
        size = sizes[position % len(sizes)]
        found += pieces.feed(data[position : position + size])
        position += size
    assert [*found, *pieces.close()] == expected
    assert [o for o in read(data) if o.energy_mwh not in {None, 5 * KWH}] == []


def test_memory_stays_flat_whatever_comes() -> None:
    cutter = Cutter()
    for filler in (bytes(1 << 14), START, bytes(1 << 18), b"\x1b\x1b\x1b\x1b\x1b" * 50_000):
        list(cutter.feed(filler))
        assert len(cutter._held) <= (1 << 18) + 16
    list(cutter.feed(bytes(1 << 18)))
    assert len(cutter._held) < 1 << 17


def test_text_of_hex_digits() -> None:
    written = "\n".join(ONE.hex(" ").upper()[i : i + 71] for i in range(0, 3 * len(ONE), 71)).encode()
    assert sml.recognises(written)
    assert [o.energy_mwh for o in read(written)] == [5 * KWH]


@pytest.mark.parametrize("name", ["", *SOURCES])
def test_another_library_reads_the_same(name: str) -> None:
    second = pytest.importorskip("sml")
    path = CAPTURES / f"{name}.bin"
    if name and not path.exists():
        pytest.skip(f"no real captures at hand: {CAPTURES} is absent")
    data = path.read_bytes() if name else ONE + frame(entry(DRAWN, raw=ONE_KWH), entry(FED, raw=b"\x62\x07"))
    theirs: list[tuple[str, Decimal]] = []
    rest = data
    while True:
        end, telegram = second.SmlBase.find_frame(rest)
        if not end:
            break
        rest = rest[end:]
        for message in telegram or []:
            body = message["messageBody"]
            theirs += [
                (line["objName"].removesuffix("*255"), Decimal(str(line["value"])))
                for line in (body.get("valList", []) if isinstance(body, dict) else [])
                if line.get("unit") == "Wh"
            ]
    ours = [(o.obis, o.energy_mwh or 0) for o in read(data) if o.energy_mwh is not None and not o.summed]
    assert [(obis, int(value * 1000)) for obis, value in theirs] == ours


def test_power_fed_in_is_negative_whichever_code_it_has() -> None:
    lines = [entry(f"0100{kind:02x}0700ff", raw=b"\x63\x01\x00", scaler=0, unit=27) for kind in (1, 2, 21, 22, 42)]
    powers = {o.obis: o.power_mw for o in read(frame(entry(DRAWN, raw=ONE_KWH), *lines)) if o.power_mw is not None}
    assert powers == {
        "1-0:1.7.0": 256_000, "1-0:2.7.0": -256_000, "1-0:21.7.0": 256_000, "1-0:22.7.0": -256_000,
        "1-0:42.7.0": -256_000,
    }  # fmt: skip

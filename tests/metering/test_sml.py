"""SML: telegrams of the project's own writer, damaged ones, and real captures where the folder is at hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.metering import sml
from lindenstrom.metering.smlwriter import crc16_x25, sml_telegram

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "sml"
MWH = 10**9

# name: (decoded, complete, first and last import mWh, first and last export mWh, step mWh, first and last sec_index)
EXPECTED: dict[str, tuple[Any, ...]] = {
    "DZG_DVS-7420.2V.G2_mtr0": (1, 1, (607447100, 607447100), (1266728600, 1266728600), 100, (9424052, 9424052)),
    "EMH_eHZ-GW8E2A500AK2": (16, 16, (14800125300, 14800125600), None, 100, (72214509, 72214570)),
    "EMH_eHZ-HW8E2A5L0EK2P": (12, 12, (8391648800, 8391649900), None, 100, (116010874, 116010899)),
    "EMH_mME40-AE6AKF0K0": (12, 12, (428896400, 428904300), None, 100, (2005970, 2005981)),
    "EasyMeter_Q3A_A1064V1009": (4, 7, (2941646161, 2941647162), (110073160, 110073160), 1, (16310127, 16310132)),
    "HOLLEY_DTZ541-BDBA_with_PIN": (2, 2, (2355929000, 2355929100), None, 100, (24208040, 24208041)),
    "HOLLEY_DTZ541-BDBA_without_PIN": (1, 1, (2324000000, 2324000000), None, 1_000_000, (23876784, 23876784)),
    "ISKRA_MT175_D1A52-V22-K0t": (
        8, 8, (10732309100, 10732309100), (28275324500, 28275333200), 100, (99258248, 99258256),
    ),
    "ISKRA_MT631-D1A52-K0z-H01_with_PIN": (5, 5, (2043104700, 2043104900), (0, 0), 100, (53782327, 53782331)),
    "ISKRA_MT631-D1A52-K0z-H01_without_PIN": (5, 5, (2043000000, 2043000000), (0, 0), 10**6, (53781751, 53781755)),
    "ITRON_OpenWay-3.HZ": (1, 1, (8189594900, 8189594900), None, 100, (53687960, 53687960)),
    "eBZ_DD3_DD32R06DTA-SMZ1": (
        4, 4, (13024000000, 13024000000), (1000000, 1000000), 1_000_000, (104569093, 104569096),
    ),
}  # fmt: skip


def capture(name: str) -> bytes:
    """Bytes of a real capture, or skip."""
    path = CAPTURES / f"{name}.bin"
    if not path.exists():
        pytest.skip(f"no real captures at hand: {CAPTURES} is absent")
    return path.read_bytes()


@pytest.mark.parametrize("name", EXPECTED)
def test_real_capture(name: str) -> None:
    decoded, complete, imported, exported, step, seconds = EXPECTED[name]
    report = sml.decode(capture(name))
    first, last = report.readings[0], report.readings[-1]
    assert (len(report.readings), report.complete) == (decoded, complete)
    assert (first.import_mwh, last.import_mwh) == imported
    assert (first.export_mwh, last.export_mwh) == (exported or (None, None))
    assert (first.sec_index, last.sec_index) == seconds
    assert {reading.resolution_mwh for reading in report.readings} == {step}
    assert report.locked == (step == sml.LOCKED_MWH)
    assert len({reading.meter for reading in report.readings}) == 1


def test_real_captures_in_sum() -> None:
    reports = [sml.decode(capture(name)) for name in EXPECTED]
    assert sum(len(report.readings) for report in reports) == 71
    assert sum(report.complete for report in reports) == 74
    bad = [span for report in reports for span in report.unused if span.problem == sml.BAD_CRC]
    assert len(bad) == 3


def test_checksum_vector() -> None:
    assert crc16_x25(b"123456789") == (0x906E).to_bytes(2, "little")


@settings(max_examples=60, deadline=None)
@given(
    server=st.binary(min_size=1, max_size=40),
    seconds=st.integers(0, 2**32 - 1),
    imported=st.integers(0, 2**63 // 10**4),
    exported=st.none() | st.integers(0, 2**63 // 10**4),
    scaler=st.integers(-4, 3),
    number=st.integers(0, 2**32 - 1),
)
def test_round_trip(server: bytes, seconds: int, imported: int, exported: int | None, scaler: int, number: int) -> None:
    frame = sml_telegram(
        server_id=server,
        sec_index=seconds,
        import_mwh=imported,
        export_mwh=exported,
        scaler=scaler,
        number=number,
    )
    report = sml.decode(b"\x00\x1b" + frame)
    step = max(1, 10 ** max(0, scaler + 3))
    (reading,) = report.readings
    assert reading.import_mwh == imported // step * step
    assert reading.export_mwh == (None if exported is None else exported // step * step)
    assert (reading.sec_index, reading.resolution_mwh) == (seconds, step)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_whatever_comes_nothing_is_raised_and_no_byte_is_unaccounted(noise: bytes, at: int, drop: int) -> None:
    frame = sml_telegram(server_id=b"\x0a\x01meter", sec_index=1, import_mwh=5 * MWH)
    data = frame + frame[:at] + noise + frame[at + drop :] + frame
    report = sml.decode(data)
    # a start that the noise happens to hold may swallow what follows, never what came before
    assert report.readings[0].import_mwh == 5 * MWH
    spans = sorted((span.start, span.end) for span in (*report.spans, *report.unused))
    assert spans[0][0] == 0
    assert spans[-1][1] == len(data)
    assert all(a[1] == b[0] for a, b in pairwise(spans))


def test_wrong_content_behind_a_good_checksum_is_named() -> None:
    body = b"\x76\x05" + bytes(50)
    frame = sml.START + body + sml.ESCAPE + b"\x1a\x00"
    report = sml.decode(frame + crc16_x25(frame))
    assert [span.problem for span in report.unused] == [sml.BAD_BODY]


def test_deep_nesting_is_named() -> None:
    body = b"\x71" * 20_000
    frame = sml.START + body + sml.ESCAPE + b"\x1a\x00"
    report = sml.decode(frame + crc16_x25(frame))
    assert [span.problem for span in report.unused] == [sml.BAD_BODY]


def test_one_flipped_bit_is_never_taken() -> None:
    frame = sml_telegram(server_id=b"\x0a\x01meter", sec_index=1, import_mwh=5 * MWH, export_mwh=7)
    for position in range(len(frame)):
        damaged = bytearray(frame)
        damaged[position] ^= 0x10
        assert not sml.decode(bytes(damaged)).readings


def test_cut_telegram_before_a_whole_one() -> None:
    frame = sml_telegram(server_id=b"\x0a\x01meter", sec_index=1, import_mwh=5 * MWH)
    report = sml.decode(frame[:-20] + frame)
    assert [span.problem for span in report.unused] == [sml.CUT]
    assert len(report.readings) == 1

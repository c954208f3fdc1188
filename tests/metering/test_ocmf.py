"""Signed charging records: made-up ones on every curve, changed ones, and the real ones where the folder is at hand."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.packs import Status
from lindenstrom.metering.formats import ocmf as reader
from lindenstrom.metering.observation import Note, Observation, Problem
from lindenstrom.metering.signatures import CURVES, SMALL_CURVES, verified
from lindenstrom.metering.smlwriter import sml_telegram
from metering.signed_records import BEGIN, END, ocmf, payload, pcdf, public_key, signature, xml

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "ocmf"
ASYNC = (Note.UNSYNCHRONISED,)
BAUER_ERROR = [("1-0:1.8.0*198", 0, Problem.INVALID_STATUS), ("1-0:1.8.0", 76040000, Problem.INVALID_STATUS)] * 2
COUNTER, UNSURE = Problem.NOT_A_METER_REGISTER, Problem.UNVERIFIED_SIGNATURE

# file: meter, time of the first and last reading, notes, (code, mWh, problem) of each
REAL: dict[str, tuple[str, str | None, str | None, tuple[Note, ...], list[tuple[str, int | None, Problem | None]]]] = {
    "20211007-device-with-evt-ocmf-sss-ses.xml": (
        "001BZR1521070006", "2021-10-07T15:29:55+02:00", "2021-10-07T15:38:05+02:00", ASYNC, BAUER_ERROR,
    ),
    "OCMF_Test_Data_00.xml": (
        "1DZG0033016824", "2021-10-26T10:20:52+02:00", "2021-10-26T10:21:22+02:00", ASYNC,
        [("1-0:1.8.0", 9038000, None)] * 2,
    ),
    "VW_OCMF_load.xml": (
        "1211751603", "2021-10-06T13:13:56+02:00", "2021-10-06T13:15:13+02:00", ASYNC,
        [("1-0:1.8.0", 57584000, None), ("1-0:2.8.0", 4405000, None),
         ("1-0:1.8.0", 58685000, None), ("1-0:2.8.0", 4405000, None)],
    ),
    "edl-40-01.xml": (
        "1 ESY11 6012 3456", None, None, ASYNC,
        [("1-0:1.17.0", 327500, UNSURE)],
    ),
    "test_ocmf_keba_kcp30.xml": (
        "17619300", "2019-08-13T10:03:15+00:00", "2019-08-13T10:03:36+00:00", ASYNC,
        [("1-0:1.8.0", 259600, None), ("1-0:1.8.0", 259700, None)],
    ),
    "test_ocmf_keba_kcp30_fail.xml": ("17619300", None, None, (), [("", None, Problem.BAD_SIGNATURE)]),
    "valid.pcdf": ("12345678901", None, None, (), [("1-0:128.8.0", 3276000, COUNTER)]),
    "signature_16955306_ALL.xml": (
        "001BZR1521290140", "2021-11-09T08:47:52+01:00", "2021-11-09T08:45:40+01:00", (),
        [("1-0:1.8.0*198", 890000, COUNTER), ("1-0:1.8.0", 13820000, UNSURE),
         ("1-0:1.8.0*198", 0, COUNTER), ("1-0:1.8.0", 12920000, UNSURE)],
    ),
}  # fmt: skip


def read(data: bytes | str) -> list[Observation]:
    return list(reader.observations(io.BytesIO(data.encode() if isinstance(data, str) else data)))


def problems(found: list[Observation]) -> list[Problem | None]:
    return [one.problem for one in found]


def ms(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize("name", REAL)
def test_real_record(name: str) -> None:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"no real records at hand: {SAMPLES} is absent")
    meter, first, last, notes, said = REAL[name]
    assert reader.recognises(path.read_bytes())
    found = read(path.read_bytes())
    assert [(one.obis, one.energy_mwh, one.problem) for one in found] == said
    assert {one.meter for one in found} == {meter}
    assert (found[0].time_ms, found[-1].time_ms) == (ms(first), ms(last))
    assert {one.notes for one in found} == {notes}


def test_a_signed_pair() -> None:
    found = read(xml(ocmf()))
    assert [(one.obis, one.energy_mwh, one.resolution_mwh, one.time_ms) for one in found] == [
        ("1-0:1.8.0", 2935_600_000, 100_000, ms("2026-07-24T13:22:04+02:00")),
        ("1-0:1.8.0", 2965_125_000, 1000, ms("2026-07-24T14:22:04.250+02:00")),
    ]
    assert {(one.meter, one.status, one.problem, one.notes) for one in found} == {
        ("1LIN0000000001", Status.MEASURED, None, ())
    }


@pytest.mark.parametrize("curve", [*CURVES, *SMALL_CURVES])
def test_every_curve(curve: str) -> None:
    good = xml(ocmf(curve=curve), key=public_key(curve).hex())
    assert problems(read(good)) == [None, None]
    assert problems(read(good.replace(b"2935.6", b"2935.7"))) == [Problem.BAD_SIGNATURE]


@pytest.mark.parametrize("curve", SMALL_CURVES)
def test_the_curves_computed_here_are_those_of_the_standard(curve: str) -> None:
    small = SMALL_CURVES[curve]
    assert small.has(small.base)
    assert small.times(small.n, small.base) is None
    assert small.times(small.n + 1, small.base) == small.base


def test_names_of_a_curve_and_its_key_must_agree() -> None:
    text = payload()
    brainpool = ocmf(text, "brainpoolp256r1", "ECDSA-brainpool256r1-SHA256")
    assert problems(read(xml(brainpool, key=public_key("brainpoolp256r1").hex()))) == [None, None]
    assert problems(read(xml(ocmf(curve="secp256k1"), key=public_key().hex()))) == [Problem.BAD_SIGNATURE]


@pytest.mark.parametrize("name", ["RSA-2048-SHA256", "ECDSA-secp256r1-MD5", "ECDSA-unheard-SHA256", "x"])
def test_unknown_algorithms_are_not_called_wrong(name: str) -> None:
    assert problems(read(xml(ocmf(name=name)))) == [UNSURE, UNSURE]


def test_no_key_keeps_the_value_apart() -> None:
    for data in (xml(ocmf(), key=""), ocmf().encode(), b"\xef\xbb\xbf  " + ocmf().encode()):
        found = read(data)
        assert problems(found) == [UNSURE, UNSURE]
        assert [one.energy_mwh for one in found] == [2935_600_000, 2965_125_000]
        assert {one.status for one in found} == {None}


@pytest.mark.parametrize("form", ["hex", "spaces", "base64", "bare", "point"])
def test_forms_of_a_key(form: str) -> None:
    der = public_key()
    text = {
        "hex": der.hex().upper(),
        "spaces": der.hex(" "),
        "base64": base64.b64encode(der).decode(),
        "bare": der[-64:].hex(),
        "point": der[-65:].hex(),
    }[form]
    assert problems(read(xml(ocmf(), key=text))) == [None, None]


@pytest.mark.parametrize("key", ["00", "30", "zz", public_key().hex()[:-2], public_key().hex().replace("3d", "3e")])
def test_a_broken_key_verifies_nothing(key: str) -> None:
    assert set(problems(read(xml(ocmf(), key=key)))) == {Problem.BAD_SIGNATURE}


def test_forms_of_a_signature() -> None:
    text = payload()
    der = signature(text.encode())
    raw = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
    in_base64 = f'{{"SE":"base64","SD":"{base64.b64encode(der).decode()}"}}'
    assert problems(read(xml(f"OCMF|{text}|{in_base64}"))) == [None, None]
    assert problems(read(xml(f'OCMF|{text}|{{"SD":"{raw.hex()}"}}'))) == [None, None]
    for bad in ("", "00", der.hex()[:-2], "zz"):
        assert problems(read(xml(f'OCMF|{text}|{{"SD":"{bad}"}}'))) == [Problem.BAD_SIGNATURE]


@pytest.mark.parametrize("encoding", ["base64", "hex", ""])
def test_records_in_an_encoding(encoding: str) -> None:
    raw = ocmf().encode()
    text = raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()
    attributes = f' encoding="{encoding}"' if encoding else ""
    assert problems(read(xml(text, attributes=attributes))) == [None, None]


def test_what_a_reading_leaves_out_is_as_before() -> None:
    second = {"RV": "   4.405", "RI": "1-b:2.8.e", "RU": "kWh"}
    found = read(xml(ocmf(payload([BEGIN, second, {"RV": 5}]))))
    assert [(one.obis, one.energy_mwh, one.problem) for one in found[1:]] == [
        ("1-0:2.8.0", 4405000, None), ("1-0:2.8.0", 5000000, None),
    ]  # fmt: skip
    assert {one.time_ms for one in found} == {found[0].time_ms}


@pytest.mark.parametrize(
    ("written", "obis", "problem"),
    [
        ("1-0:1.8.0", "1-0:1.8.0", None),
        ("1-0:1.8.0*255", "1-0:1.8.0", None),
        ("1-0:2.8.0.FF", "1-0:2.8.0", None),
        ("01-00:01.08.00.FF", "1-0:1.8.0", None),
        ("1-b:1.8.e", "1-0:1.8.0", None),
        ("1-0:1.8.1", "1-0:1.8.1", None),
        ("1-0:1.8.0*198", "1-0:1.8.0*198", COUNTER),
        ("01-00:B2.08.00*FF", "1-0:178.8.0", COUNTER),
        ("1-0:98.8.0.FF", "1-0:98.8.0", COUNTER),
        ("1-b:1.9.0", "1-0:1.9.0", COUNTER),
        ("1-0:999.8.0", "", COUNTER),
        ("", "", COUNTER),
    ],
)
def test_forms_of_a_code(written: str, obis: str, problem: Problem | None) -> None:
    found = read(xml(ocmf(payload([{**BEGIN, "RI": written}]))))
    assert [(one.obis, one.problem) for one in found] == [(obis, problem)]


@pytest.mark.parametrize(
    ("value", "unit", "mwh", "problem"),
    [
        ("  9.038", "kWh", 9038000, None),
        (76040, "Wh", 76040000, None),
        ("1.5e2", "kWh", 150000000, None),
        ("0.0000019", "kWh", 1, None),
        (-1, "kWh", None, Problem.BAD_VALUE),
        ("1,5", "kWh", None, Problem.BAD_VALUE),
        ("9" * 15, "kWh", None, Problem.BAD_VALUE),
        ("1e99", "kWh", None, Problem.BAD_VALUE),
        (None, "kWh", None, Problem.BAD_VALUE),
        (True, "kWh", None, Problem.BAD_VALUE),
        (30, "sec", None, Problem.NOT_ACTIVE_ENERGY),
        (30, "varh", None, Problem.NOT_ACTIVE_ENERGY),
    ],
)
def test_values_are_exact_or_refused(value: Any, unit: str, mwh: int | None, problem: Problem | None) -> None:
    (found,) = read(xml(ocmf(payload([{**BEGIN, "RV": value, "RU": unit}]))))
    assert (found.energy_mwh, found.problem) == (mwh, problem)


@pytest.mark.parametrize(
    ("changed", "problem", "notes"),
    [
        ({"ST": "E"}, Problem.INVALID_STATUS, ()),
        ({"ST": "S"}, Problem.INVALID_STATUS, ()),
        ({"ST": None}, Problem.INVALID_STATUS, ()),
        ({"EF": "E"}, Problem.INVALID_STATUS, ()),
        ({"EF": "t"}, None, ASYNC),
        ({"TM": "2026-07-24T13:22:04,000+0200 I"}, None, ASYNC),
        ({"TM": "2026-07-24T13:22:04,000+0200 R"}, None, ASYNC),
        ({"TM": "2026-07-24T13:22:04,000+0200"}, None, ASYNC),
        ({"TM": "2026-02-30T13:22:04,000+0200 S"}, Problem.BAD_TIME, ASYNC),
        ({"TM": "yesterday"}, Problem.BAD_TIME, ASYNC),
    ],
)
def test_status_and_clock(changed: dict[str, Any], problem: Problem | None, notes: tuple[Note, ...]) -> None:
    (found,) = read(xml(ocmf(payload([{**BEGIN, **changed}]))))
    assert (found.problem, found.notes) == (problem, notes)


def test_the_meter_s_register_beside_a_session_counter() -> None:
    reading = {**BEGIN, "RV": 890, "RI": "1-0:1.8.0*198", "RU": "Wh", "XV": 13820, "XI": "1-0:1.8.0*255", "XU": "Wh"}
    found = read(xml(ocmf(payload([reading]))))
    assert [(one.obis, one.energy_mwh, one.problem) for one in found] == [
        ("1-0:1.8.0*198", 890000, COUNTER), ("1-0:1.8.0", 13820000, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"RD":[]}', '{"RD":[1]}', '{"RD":[{"RV":NaN}]}', "[" * 5000, '{"RD":[{"RV":1,"RV":2}]}'],
)
def test_a_payload_of_another_form_is_damage(text: str) -> None:
    assert problems(read(xml(ocmf(text)))) == [Problem.DAMAGED_FRAME]


def test_records_one_after_the_other_in_a_text() -> None:
    first = ocmf() + "\n"
    found = read(first + "OCMF|{broken\n" + first)
    assert problems(found) == [UNSURE, UNSURE, Problem.DAMAGED_FRAME, UNSURE, UNSURE]
    assert sorted({one.position for one in found}) == [0, len(first), len(first) + 13]
    assert len(read(first * 500)) == 1000


def test_positions_are_those_of_the_elements() -> None:
    data = xml(ocmf(), ocmf(payload([END])))
    assert sorted({one.position for one in read(data)}) == [
        at for at in range(len(data)) if data.startswith(b"<signedData", at)
    ]


def test_elements_without_a_root() -> None:
    one = xml(ocmf(), key="").split(b"<value>")[1].split(b"</value>")[0]
    found = read(one + b"\n" + one + b"\nPublic key: below")
    assert problems(found) == [UNSURE] * 4
    assert {one.position for one in found} == {0, len(one) + 1}


@pytest.mark.parametrize(
    "head",
    ['<!DOCTYPE values [<!ENTITY a "b">]>', '<!DOCTYPE values SYSTEM "file:///etc/hostname">', "<!DOCTYPE values>"],
)
def test_document_type_definitions_are_refused(head: str) -> None:
    data = xml(ocmf()).replace(b"<values>", head.encode() + b"<values>")
    assert problems(read(data)) == [Problem.DAMAGED_FRAME]


def test_a_file_cut_in_the_middle_keeps_what_was_whole() -> None:
    data = xml(ocmf(), ocmf())
    found = read(data[: len(data) - 300])
    assert problems(found) == [None, None, Problem.DAMAGED_FRAME]


def test_a_form_that_is_not_read_is_told() -> None:
    assert problems(read(xml("0102030405", attributes=' format="EDL40"'))) == [UNSURE]
    assert read(xml("  \n ")) == []


def test_a_signed_telegram_is_shown_but_not_trusted() -> None:
    telegram = sml_telegram(server_id=bytes.fromhex("09014553591103956940"), import_mwh=327500, sec_index=5)
    for text in (telegram.hex(" "), base64.b64encode(telegram).decode()):
        found = read(xml(text, attributes=""))
        assert [(one.obis, one.energy_mwh, one.problem) for one in found] == [("1-0:1.8.0", 327500, UNSURE)]
    assert problems(read(xml(telegram.hex().replace("0", "1", 1), attributes=""))) == [UNSURE]
    changed = telegram[:60] + bytes([telegram[60] ^ 1]) + telegram[61:]
    assert problems(read(xml(changed.hex(), attributes=""))) == [Problem.DAMAGED_FRAME]


def test_pcdf_is_a_session_s_consumption() -> None:
    for data in (pcdf(), "\n" + pcdf() + "\n" + pcdf()):
        for one in read(data):
            assert (one.obis, one.energy_mwh, one.problem) == ("1-0:128.8.0", 3276000, COUNTER)
            assert (one.meter, one.time_ms, one.notes) == ("12345678901", None, ())
    assert problems(read(xml(pcdf(), key="", attributes=' format="PCDF"'))) == [COUNTER]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (pcdf().replace("3.276", "3.376"), Problem.BAD_SIGNATURE),
        (pcdf()[:-20], Problem.DAMAGED_FRAME),
        (pcdf(BV="0"), Problem.INVALID_STATUS),
        (pcdf(SP="3"), Problem.INVALID_STATUS),
        (pcdf(PK=""), UNSURE),
        (pcdf(RV="1.0*m3"), Problem.BAD_VALUE),
        (pcdf().replace("(BV:1)", "(BV:1)(BV:1)"), Problem.DAMAGED_FRAME),
    ],
)
def test_pcdf_that_cannot_be_used(data: str, problem: Problem) -> None:
    assert problems(read(data)) == [problem]


@given(st.integers(0, 2000), st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_one_bit_never_changes_an_accepted_value(at: int, bit: int) -> None:
    data = bytearray(xml(ocmf()))
    data[at % len(data)] ^= 1 << bit
    for one in read(bytes(data)):
        assert one.problem or (one.energy_mwh, one.time_ms) in {
            (2935_600_000, ms("2026-07-24T13:22:04+02:00")), (2965_125_000, ms("2026-07-24T14:22:04.250+02:00")),
        }  # fmt: skip


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_are(data: bytes) -> None:
    for form in (data, b"<" + data, b"OCMF|" + data, b"OCMF|{}|{" + data + b"}", xml("@").replace(b"@", data)):
        reader.recognises(form)
        assert all(one.problem for one in read(form))
    assert verified(data, key=data, signature=data) in {False, None}


def test_other_files_are_not_taken_for_records() -> None:
    for data in (b"", b"<xml/>", b"/ISk5\\2MT\r\n1-0:1.8.0(1*kWh)\r\n", b"time,import_kwh\n", b'{"ocmf":1}'):
        assert not reader.recognises(data)
    assert all(reader.recognises(data) for data in (xml(ocmf()), ocmf().encode(), pcdf().encode()))

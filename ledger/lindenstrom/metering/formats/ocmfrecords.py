"""One signed record to observations: OCMF's readings, PCDF's session, EDL 40's signed telegram."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from lindenstrom.core.packs import MAX_REGISTER_MWH, Status
from lindenstrom.metering.formats.sml import meter_name
from lindenstrom.metering.formats.smlbody import FrameError, Listing, listings
from lindenstrom.metering.formats.smlframes import START
from lindenstrom.metering.observation import Note, Observation, Problem, obis_of_bytes
from lindenstrom.metering.signatures import DEFAULT_ALGORITHM, verified

NAME = "ocmf"
PCDF_NAME = "pcdf"
EDL_NAME = "edl40"
MARKS = re.compile(rb"OCMF\||(?:\d{1,3}-\d{1,3}:)?128\.8\.0\((?=[A-Z]{2,3}:)")
XML_MARKS = re.compile(rb"<(?:\w+:)?(?:signedData|encodedData)\b")

RECORD = re.compile(rb"OCMF\|([^|]*)\|\s*(\{[^{}|]*\})", re.DOTALL)
PCDF = re.compile(rb"((?:\d{1,3}-\d{1,3}:)?128\.8\.0(?:\([A-Z]{2,3}:[^()]*\))+?)\(SG:([0-9A-Fa-f]*)\)")
PCDF_FIELD = re.compile(rb"\(([A-Z]{2,3}):([^()]*)\)")
PCDF_OBIS = "1-0:128.8.0"
INHERITED = ("TM", "TX", "RI", "RU", "RT", "EF", "ST")

NUMBER = re.compile(r"\s*(\d{1,15})(?:\.(\d{0,12}))?(?:[eE]([+-]?\d{1,2}))?\s*", re.ASCII)
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[,.](\d{1,3}))?(Z|[+-]\d\d:?\d\d)(?:\s+([A-Z]))?\s*", re.ASCII)
OBIS = re.compile(
    r"([0-9A-F]{1,3})-([0-9A-F]{1,3}|b):([0-9A-F]{1,3})\.([0-9A-F]{1,3})(?:\.([0-9A-F]{1,3}|e))?(?:[.*]([0-9A-F]{1,3}))?",
    re.ASCII,
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TO_MWH = {"wh": 10**3, "kwh": 10**6}

OWN_FORMATS = frozenset({"OCMF", "PCDF"})
UNIT_WH = 30
CLOCK_SET_S = 946_684_800  # before 2000 a device's clock was never set
EDL_40 = "EDL 40: a signature over the telegram's fields in another order, which is not checked here"
OTHER_FORM = "a signed form that is not read here"
BROKEN = "not a whole record: bytes were lost or changed"
BAD_SIGNATURE = "the signature does not hold: the record was changed, or another key made it"
NO_KEY = "no public key in the file: nobody can tell whether the record was changed"
NO_ALGORITHM = "signed in a way that cannot be checked"
FAULTY = "the meter reports an error"
OF_SESSION = "a counter of the session or of another quantity, not the meter's register 1.8 or 2.8"


def damaged(position: int, detail: str = BROKEN) -> Observation:
    """Return the observation of a record that cannot be read."""
    return Observation(format=NAME, position=position, problem=Problem.DAMAGED_FRAME, detail=detail)


def bytes_of_key(text: str, encoding: str) -> bytes | None:
    """Return a public key's bytes; None if there is none, nothing if it cannot be understood."""
    if not text.strip():
        return None
    return _decoded(text, encoding) or b""


def of_signed_data(text: str, *, name: str, encoding: str, key: bytes | None, position: int) -> list[Observation]:
    """Return what the text of one `signedData` element says. `name`: its format, if it has one."""
    stripped = text.strip()
    if not stripped:
        return []
    raw = stripped.encode()
    if MARKS.match(raw) is None:
        raw = _decoded(stripped, encoding) or b""
    if MARKS.match(raw):
        return of_record(raw, key, position)
    if raw.startswith(START):
        return _of_edl40(raw, position)
    other = Observation(format=NAME, position=position, problem=Problem.UNVERIFIED_SIGNATURE, detail=OTHER_FORM)
    return [damaged(position) if name.upper() in OWN_FORMATS else other]


def of_record(raw: bytes, key: bytes | None, position: int) -> list[Observation]:
    """Return what one record says, or what is wrong with it. Never raises."""
    if raw.startswith(b"OCMF|"):
        return _of_ocmf(raw, key, position)
    return _of_pcdf(raw, position)


def _of_ocmf(raw: bytes, key: bytes | None, position: int) -> list[Observation]:
    found = RECORD.match(raw)
    payload, signature = (_parsed(found[1]), _parsed(found[2])) if found else ({}, {})
    if found is None or not payload or not signature:
        return [damaged(position)]
    readings = payload.get("RD")
    if not isinstance(readings, list) or not readings or not all(isinstance(one, dict) for one in readings):
        return [damaged(position)]
    encoding = "base64" if str(signature.get("SE", "")).lower() == "base64" else "hex"
    given = _decoded(_string(signature, "SD"), encoding) or b""
    algorithm = _string(signature, "SA") or DEFAULT_ALGORITHM
    holds = verified(found[1], key=key, signature=given, algorithm=algorithm) if key is not None else None
    common = Observation(format=NAME, position=position, meter=_string(payload, "MS") or _string(payload, "GS"))
    if holds is False:
        return [replace(common, problem=Problem.BAD_SIGNATURE, detail=BAD_SIGNATURE)]
    said = list(_readings(common, readings))
    # a duration beside the energy is no reading; a record without any energy is named
    said = [one for one in said if one.problem is not Problem.NOT_ACTIVE_ENERGY] or said
    if holds:
        return said
    detail = NO_KEY if key is None else NO_ALGORITHM
    return [_unverified(one, detail) for one in said]


def _unverified(one: Observation, detail: str) -> Observation:
    """Take back the trust in a value whose signature nobody could check; what is wrong besides stays."""
    if one.problem:
        return one
    return replace(one, status=None, problem=Problem.UNVERIFIED_SIGNATURE, detail=detail)


def _readings(common: Observation, readings: Sequence[Mapping[str, Any]]) -> Iterator[Observation]:
    """Yield each reading; what it leaves out is as in the one before."""
    before: dict[str, Any] = {}
    for own in readings:
        reading = {**before, **own}
        before = {name: reading[name] for name in INHERITED if name in reading}
        yield _reading(common, reading, "RV", "RI", "RU")
        if "XV" in own and "XI" in own:  # a maker's own field: the meter's register beside the session's counter
            yield _reading(common, reading, "XV", "XI", "XU")


def _reading(common: Observation, reading: Mapping[str, Any], value: str, code: str, unit: str) -> Observation:
    time_ms, synchronised = _time(_string(reading, "TM"))
    obis, is_register = _obis(_string(reading, code))
    errors = _string(reading, "EF")
    notes = () if synchronised and "t" not in errors else (Note.UNSYNCHRONISED,)
    one = replace(common, obis=obis, time_ms=time_ms, notes=notes)
    factor = TO_MWH.get(_string(reading, unit).lower())
    if factor is None:
        return replace(one, problem=Problem.NOT_ACTIVE_ENERGY, detail="not in kWh or Wh")
    energy_mwh, step = _energy(_string(reading, value), factor)
    if energy_mwh is None:
        return replace(one, problem=Problem.BAD_VALUE, detail="not a number from 0 up that a register can hold")
    one = replace(one, energy_mwh=energy_mwh, resolution_mwh=step)
    if time_ms is None:
        return replace(one, problem=Problem.BAD_TIME, detail="no time, or none that exists")
    if _string(reading, "ST") != "G" or "E" in errors:
        return replace(one, problem=Problem.INVALID_STATUS, detail=FAULTY)
    if not is_register:
        return replace(one, problem=Problem.NOT_A_METER_REGISTER, detail=OF_SESSION)
    return replace(one, status=Status.MEASURED)


def _of_pcdf(raw: bytes, position: int) -> list[Observation]:
    """Read a PCDF line: the consumption of one session, signed on secp256r1 with the key that it names itself."""
    found = PCDF.match(raw)
    if found is None:
        return [damaged(position)]
    fields = {name: value.decode("latin-1") for name, value in PCDF_FIELD.findall(found[1])}
    if len(fields) != len(PCDF_FIELD.findall(found[1])):
        return [damaged(position, "a field stands twice")]
    notes = () if fields.get(b"TV") == "1" else (Note.UNSYNCHRONISED,)
    one = Observation(format=PCDF_NAME, position=position, meter=fields.get(b"HW", ""), obis=PCDF_OBIS, notes=notes)
    key = _decoded(fields.get(b"PK", ""), "hex")
    if key and not verified(found[1], key=key, signature=bytes.fromhex(_even(found[2].decode()))):
        return [replace(one, problem=Problem.BAD_SIGNATURE, detail=BAD_SIGNATURE)]
    number, _, unit = fields.get(b"RV", "").partition("*")
    energy_mwh, step = _energy(number, TO_MWH.get(unit.lower(), 0))
    if energy_mwh is None:
        return [replace(one, problem=Problem.BAD_VALUE, detail="not a number of kWh")]
    one = replace(one, energy_mwh=energy_mwh, resolution_mwh=step)
    if not key:
        return [replace(one, problem=Problem.UNVERIFIED_SIGNATURE, detail=NO_KEY)]
    if fields.get(b"BV") != "1" or fields.get(b"SP") != "1":
        return [replace(one, problem=Problem.INVALID_STATUS, detail="the device says that this may not be billed")]
    return [replace(one, problem=Problem.NOT_A_METER_REGISTER, detail=OF_SESSION)]


def _of_edl40(raw: bytes, position: int) -> list[Observation]:
    """Read a signed SML telegram. Its signature covers the fields put together in another order: not checked here."""
    try:
        found = [entry for listing in listings(raw) for entry in _energies(listing, position)]
    except FrameError as problem:
        return [damaged(position, str(problem))]
    return found or [damaged(position, "a signed telegram without a reading")]


def _energies(listing: Listing, position: int) -> Iterator[Observation]:
    meter = meter_name(listing.server_id)
    for entry in listing.entries:
        if entry.unit != UNIT_WH or len(entry.name) != 6 or not isinstance(entry.value, int):
            continue
        is_clock = (entry.time or 0) >= CLOCK_SET_S
        one = Observation(
            format=EDL_NAME,
            position=position,
            meter=meter,
            obis=obis_of_bytes(entry.name),
            time_ms=entry.time * 1000 if entry.time is not None and is_clock else None,
            seconds_index=None if is_clock else entry.time,
            notes=() if is_clock else (Note.UNSYNCHRONISED,),
        )
        if entry.value < 0 or not -18 <= entry.scaler <= 9 or entry.value * 1000 > MAX_REGISTER_MWH:
            yield replace(one, problem=Problem.BAD_VALUE, detail="a register that is negative or too large")
            continue
        shift = entry.scaler + 3
        energy_mwh = entry.value * 10**shift if shift >= 0 else entry.value // 10**-shift
        one = replace(one, energy_mwh=energy_mwh, resolution_mwh=10 ** max(0, shift))
        yield replace(one, problem=Problem.UNVERIFIED_SIGNATURE, detail=EDL_40)


def _parsed(text: bytes) -> dict[str, Any]:
    """Return a JSON object, its numbers as the text that stands there; empty if it is none."""
    try:
        found = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=_without_doubles
        )
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _no_number(_: str) -> NoReturn:
    raise json.JSONDecodeError("not a number", "", 0)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says a thing twice: readers would differ in which of the two they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise json.JSONDecodeError("a name stands twice", "", 0)
    return found


def _string(where: Mapping[str, Any], name: str) -> str:
    value = where.get(name)
    return value.strip() if isinstance(value, str) else ""


def _energy(text: str, factor: int) -> tuple[int | None, int | None]:
    """Return (mWh, floored; step of the last digit in mWh) of a decimal number; None where it is not one."""
    found = NUMBER.fullmatch(text)
    if found is None or not factor:
        return None, None
    decimals = found[2] or ""
    exponent = int(found[3] or 0) - len(decimals)
    digits = int(found[1] + decimals)
    if exponent >= 0:
        energy_mwh, step = digits * factor * 10**exponent, factor * 10**exponent
    else:
        energy_mwh, step = digits * factor // 10**-exponent, max(1, factor // 10**-exponent)
    return (energy_mwh, step) if energy_mwh <= MAX_REGISTER_MWH else (None, None)


def _time(text: str) -> tuple[int | None, bool]:
    """Return (unix ms, whether the clock is said to be synchronised)."""
    found = TIME.fullmatch(text)
    if found is None:
        return None, False
    try:
        moment = datetime.fromisoformat(found[1] + found[3])
        milliseconds = (moment - EPOCH) // timedelta(milliseconds=1) + int((found[2] or "0").ljust(3, "0"))
    except (ValueError, OverflowError):
        return None, False
    return (milliseconds, found[4] == "S") if milliseconds >= 0 else (None, False)


def _obis(text: str) -> tuple[str, bool]:
    """Return (normalised code, whether it is the meter's own register of energy drawn or fed in).

    `01-00:01.08.00.FF` is written in hexadecimal, `1-0:1.8.0*198` is not; `b` and `e` stand for any channel and tariff.
    """
    found = OBIS.fullmatch(text)
    if found is None:
        return "", False
    groups = [group for group in found.groups() if group is not None]
    base = 16 if len(groups) == 6 and all(len(group) == 2 for group in groups) else 10
    try:
        a, b, c, d = (int(group.replace("b", "0"), base) for group in found.groups()[:4])
        e = int((found[5] or "0").replace("e", "0"), base)
        f = 255 if found[6] in {None, "FF"} else int(found[6], base)
    except ValueError:
        return "", False
    if max(a, b, c, d, e, f) > 255:
        return "", False
    code = f"{a}-{b}:{c}.{d}.{e}" + ("" if f == 255 else f"*{f}")
    return code, (a, d, f) == (1, 8, 255) and c in {1, 2}


def _decoded(text: str, encoding: str) -> bytes | None:
    """Return the bytes of hexadecimal digits or base64, white space left out; guessed if the encoding is not said."""
    compact = "".join(text.split())
    is_hex = re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", compact) is not None
    if is_hex and encoding.lower() != "base64":
        return bytes.fromhex(compact)
    try:
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        return None


def _even(digits: str) -> str:
    return digits if len(digits) % 2 == 0 else ""

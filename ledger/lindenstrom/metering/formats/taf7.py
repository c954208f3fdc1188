"""TAF 7: the quarter-hourly registers that a smart meter gateway gives out, as XML of VDE-AR-E 2418-6.

One observation an `IntervalReading`, at its byte offset, with the time at which the register was read. That time
counts also where the gateway names another one that was meant (`targetTime`): seconds off, the rule for boundaries
takes it as exact; further off, as what it is. Elements are known by their local names, whatever prefix they have.
Documents with a document type or entities are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from xml.parsers import expat

from lindenstrom.core.packs import MAX_REGISTER_MWH, MAX_SLOT_MWH, Status
from lindenstrom.metering.observation import QUARTER_HOUR_S, Note, Observation, Problem, obis_of_bytes

NAME = "taf7"
ROOT = re.compile(r"<(?:[\w.-]+:)?UsagePoints[\s/>]")
PIECE = 1 << 18
DEEPEST = 64
LONGEST_TEXT = 200
LONGEST_SERIES = 40_000
"""Readings of one register that are looked at together: more than a year of quarter-hours."""
NEAR_MS = 9_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

WATT_HOURS = "72"
HEX_OBIS = re.compile(r"([0-9a-fA-F]{12})(?:\..*)?", re.ASCII | re.DOTALL)
TEXT_OBIS = re.compile(
    r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\*(\d{1,3}))?(?:\..*)?", re.ASCII | re.DOTALL
)
TIME_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)

# status words of the gateway and the meter by VDE FNN: bits that make a value worse than a warning
GATEWAY_FATAL, GATEWAY_CRITICAL, GATEWAY_TEMPORARY = 1 << 8, 1 << 9 | 1 << 14, 1 << 13
METER_FATAL, METER_TEMPORARY = 1 << 17, 1 << 9 | 1 << 10

REPORTED = {"0": Status.MEASURED, "1": Status.MEASURED, "2": Status.ESTIMATED}
REFUSED = {"3": "the gateway marks it as critically wrong", "4": "the gateway marks a fatal error"}

# paths below UsagePoint → field of what is being read
READING_FIELDS = {
    "value": "value",
    "timePeriod/start": "start",
    "timePeriod/duration": "duration",
    "targetTime": "target",
    "statusPTB": "ptb",
    "statusFNN": "fnn",
}
SERIES_FIELDS = {
    "Meter/meterId": "meter",
    "ReadingType/powerOfTenMultiplier": "multiplier",
    "ReadingType/uom": "uom",
    "ReadingType/scaler": "scaler",
    "ReadingType/obisCode": "obis",
    "ReadingType/qualifiedLogicalName": "name",
}


def recognises(head: bytes) -> bool:
    """Whether this is the beginning of such a document."""
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(head[:2], "latin-1")
    text = head.decode(wide, "replace")
    return "<" in text[:8] and ROOT.search(text) is not None


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read a document in pieces. Never raises for what it holds."""
    document = _Document()
    any_found = False
    while document.fault is None:
        piece = stream.read(PIECE)
        document.feed(piece)
        any_found = any_found or bool(document.found)
        yield from document.take()
        if not piece:
            break
    if document.fault is not None:
        position, detail = document.fault
        yield Observation(format=NAME, position=position, problem=Problem.DAMAGED_FRAME, detail=detail)
    elif not any_found:
        detail = "a document without readings, such as a supplier's tariff"
        yield Observation(format=NAME, position=0, problem=Problem.NO_READINGS, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raw:
    """The texts of one IntervalReading by field."""

    position: int
    fields: dict[str, str]


class _Refused(Exception):
    """The document has something that is not read here."""


class _Document:
    """The state of the parser; `found` are observations that are complete."""

    def __init__(self) -> None:
        self.found: list[Observation] = []
        self.fault: tuple[int, str] | None = None
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._length = 0
        self._series: dict[str, str] = {}
        self._reading: _Raw | None = None
        self._readings: list[_Raw] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        self._parser = parser

    def feed(self, piece: bytes) -> None:
        """Parse a piece; an empty one ends the document."""
        try:
            self._parser.Parse(piece, not piece)
        except _Refused as refusal:
            self.fault = (self._position(), str(refusal))
        except (expat.ExpatError, ValueError, LookupError):
            self.fault = (max(self._parser.ErrorByteIndex, 0), "not well-formed XML, or broken off")
        if self.fault is not None:
            self._close_series()

    def take(self) -> list[Observation]:
        """Return what was found since the last call."""
        found, self.found = self.found, []
        return found

    def _position(self) -> int:
        return max(self._parser.CurrentByteIndex, 0)

    def _refuse(self, *_: object) -> None:
        raise _Refused("a document type or entity declaration is refused")

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._path.append(local)
        if len(self._path) > DEEPEST:
            raise _Refused("elements stand too deep")
        if local == "MeterReading":
            self._close_series()
            self._series = {}
        elif local == "IntervalReading":
            self._reading = _Raw(position=self._position(), fields={})
        self._text, self._length = [], 0

    def _data(self, data: str) -> None:
        if self._text is not None and self._length < LONGEST_TEXT:
            self._text.append(data)
            self._length += len(data)

    def _end(self, _: str) -> None:
        local = self._path.pop()
        text = "".join(self._text or ()).strip()
        self._text = None
        parent = f"{self._path[-1]}/{local}" if self._path else local
        if self._reading is not None:
            if local == "IntervalReading":
                self._readings.append(self._reading)
                self._reading = None
                if len(self._readings) >= LONGEST_SERIES:
                    self._flush()
            elif field := READING_FIELDS.get(parent) or READING_FIELDS.get(local):
                self._reading.fields.setdefault(field, text)
        elif local == "MeterReading":
            self._close_series()
        elif field := SERIES_FIELDS.get(parent):
            self._series.setdefault(field, text)

    def _close_series(self) -> None:
        self._flush()
        self._series = {}

    def _flush(self) -> None:
        readings, self._readings = self._readings, []
        if readings:
            register = _register_of(self._series)
            self.found += _without_conflicts([_observation(raw, register) for raw in readings])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Register:
    """What a MeterReading says about all its readings. exponent: of a raw value in mWh."""

    meter: str
    obis: str
    exponent: int
    problem: Problem | None
    detail: str


def _register_of(series: dict[str, str]) -> _Register:
    obis = next((code for name in ("obis", "name") if (code := _obis(series.get(name, "")))), "")
    exponents = [series.get(name) or "0" for name in ("scaler", "multiplier")]
    problem, detail, exponent = None, "", 0
    parts = obis.partition(":")[2].split(".")
    if not all(INTEGER.fullmatch(text) and abs(int(text)) <= 12 for text in exponents):
        problem, detail = Problem.BAD_VALUE, "the scaler is not a small number"
    else:
        exponent = sum(int(text) for text in exponents) + 3
    if series.get("uom", WATT_HOURS) != WATT_HOURS:
        problem, detail = Problem.NOT_ACTIVE_ENERGY, "not in watt-hours"
    elif not obis:
        problem, detail = Problem.NOT_ACTIVE_ENERGY, "no OBIS code says what it is"
    elif not obis.startswith("1-") or parts[0] not in ("1", "2") or parts[1] not in ("8", "29"):
        problem, detail = Problem.NOT_ACTIVE_ENERGY, "not active energy"
    return _Register(meter=series.get("meter", ""), obis=obis, exponent=exponent, problem=problem, detail=detail)


def _observation(raw: _Raw, register: _Register) -> Observation:
    status, problem, detail = _status(raw.fields)
    time_ms = _time_ms(raw.fields.get("start", ""))
    is_span = register.obis.partition(":")[2].split(".")[1:2] == ["29"]
    duration = raw.fields.get("duration", "")
    span_s = int(duration) if is_span and INTEGER.fullmatch(duration) and 0 < int(duration) < 2**31 else 0
    energy_mwh, is_exact = _energy(raw.fields.get("value", ""), register.exponent)
    if register.problem is not None:
        problem, detail = register.problem, register.detail
    elif energy_mwh is None:
        problem, detail = Problem.BAD_VALUE, "not a number of a register"
    elif is_span and (energy_mwh > MAX_SLOT_MWH or not is_exact):
        problem, detail = Problem.BAD_VALUE, "more or finer than a quarter-hour can hold"
    elif time_ms is None:
        problem, detail = Problem.BAD_TIME if raw.fields.get("start") else Problem.NO_TIME, "not a time with offset"
    elif is_span and (span_s != QUARTER_HOUR_S or time_ms % (QUARTER_HOUR_S * 1000)):
        problem, detail = Problem.NOT_QUARTER_HOURLY, ""
    target_ms = _time_ms(raw.fields.get("target", ""))
    meant = target_ms is not None and time_ms is not None and 0 < abs(target_ms - time_ms) <= NEAR_MS
    return Observation(
        format=NAME,
        position=raw.position,
        meter=register.meter,
        obis=register.obis,
        energy_mwh=energy_mwh,
        resolution_mwh=None if energy_mwh is None else 10 ** max(register.exponent, 0),
        time_ms=time_ms,
        span_s=span_s,
        status=status,
        notes=(Note.TIME_ADJUSTED,) if meant else (),
        problem=problem,
        detail=detail,
    )


def _without_conflicts(found: list[Observation]) -> list[Observation]:
    """Return the observations of one register; two values for one instant are both unfit."""
    first: dict[int | None, Observation] = {}
    conflicts = set()
    for one in found:
        if one.problem is None and first.setdefault(one.time_ms, one).energy_mwh != one.energy_mwh:
            conflicts.add(one.time_ms)
    return [
        replace(one, problem=Problem.CONFLICTING_VALUES, detail="another value for the same time")
        if one.problem is None and one.time_ms in conflicts
        else one
        for one in found
    ]


def _status(fields: dict[str, str]) -> tuple[Status | None, Problem | None, str]:
    """Return the status of a reading: PTB's number where there is one, else from the FNN status words."""
    code = fields.get("ptb") or _ptb_of_fnn(fields.get("fnn", ""))
    if code is None:
        return None, None, ""
    if code in REPORTED:
        return REPORTED[code], None, ""
    return None, Problem.INVALID_STATUS, REFUSED.get(code, "the status is not known")


def _ptb_of_fnn(word: str) -> str | None:
    if not word:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}", word, re.ASCII):
        return word
    padded = word.rjust(16, "0")
    gateway, meter = int(padded[:8], 16), int(padded[8:], 16)
    if gateway & GATEWAY_FATAL or meter & METER_FATAL:
        return "4"
    if gateway & GATEWAY_CRITICAL:
        return "3"
    return "2" if gateway & GATEWAY_TEMPORARY or meter & METER_TEMPORARY else "0"


def _energy(text: str, exponent: int) -> tuple[int | None, bool]:
    """Return whole mWh of a raw value, rounded down, and whether that was exact."""
    if not INTEGER.fullmatch(text) or int(text) < 0:
        return None, False
    energy_mwh, rest = (int(text) * 10**exponent, 0) if exponent >= 0 else divmod(int(text), 10**-exponent)
    return (energy_mwh, not rest) if energy_mwh <= MAX_REGISTER_MWH else (None, False)


def _obis(text: str) -> str:
    if found := HEX_OBIS.fullmatch(text):
        return obis_of_bytes(bytes.fromhex(found[1]))
    if found := TEXT_OBIS.fullmatch(text):
        numbers = [int(part) for part in found.groups("255")]
        return obis_of_bytes(bytes(numbers)) if max(numbers) < 256 else ""
    return ""


def _time_ms(text: str) -> int | None:
    if not TIME_FORM.fullmatch(text):
        return None
    try:
        time_ms = (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
    return time_ms if time_ms >= 0 else None

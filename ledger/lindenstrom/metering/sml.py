"""SML telegrams of German household meters, decoded to whole mWh.

Source: BSI TR-03109-1 annex IV b (SML), FNN Lastenheft EDL; OBIS codes 1-0:1.8.x import and 1-0:2.8.x export.
Parsing of messages is pysml's. Its scaled values are floats: they are not used, the raw integers and scalers are.
SML has no wall clock, `sec_index` counts seconds since the meter was made or last powered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sml as pysml

ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
END_LENGTH = 8  # escape, 0x1a, number of fill bytes, CRC
GET_LIST_RESPONSE = 0x0701
UNIT_WH = 30
LOCKED_MWH = 1_000_000

CUT = "cut: the telegram ends before its end mark"
STRAY = "outside any telegram: line noise, or the rest of a cut one"
BAD_CRC = "bad checksum: bytes were lost or changed"
BAD_BODY = "not readable: checksum good, content not SML as expected"
NO_REGISTER = "no energy register (1.8.x or 2.8.x) in the telegram"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterReading:
    """The registers of one telegram.

    `meter` is the first 16 bytes of SHA-256 of the server id, enough to see that another meter answers.
    `import_mwh`, `export_mwh`: floor to mWh; None if the telegram has no such register.
    `resolution_mwh`: step of the coarsest register used, at least 1.
    """

    meter: bytes
    sec_index: int | None
    import_mwh: int | None
    export_mwh: int | None
    resolution_mwh: int

    @property
    def locked(self) -> bool:
        """Return whether the meter shows whole kWh only (no PIN entered)."""
        return self.resolution_mwh >= LOCKED_MWH


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Bytes [start, end) of a stream: a telegram, whole if `problem` is empty."""

    start: int
    end: int
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeReport:
    """What a stream held: readings used (with the span each came from), and spans not used with the reason.

    `complete` counts the telegrams with start and end mark, those with a bad checksum among them.
    """

    readings: tuple[RegisterReading, ...]
    spans: tuple[Span, ...]
    unused: tuple[Span, ...]
    complete: int

    @property
    def locked(self) -> bool:
        """Return whether there are readings, all of a locked meter."""
        return bool(self.readings) and all(reading.locked for reading in self.readings)


class FrameError(Exception):
    """Inner signal with the reason a telegram gives no reading; never leaves this package."""


class _RawMessage(pysml.SmlMessage):  # type: ignore[misc]
    """pysml's message, keeping the item tree that it was parsed from: raw integers, before any scaling."""

    items_read: list[Any]

    def _read_list(self, count: int, nesting: int = 0) -> list[Any]:
        items: list[Any] = super()._read_list(count, nesting)
        if nesting == 0:
            self.items_read = items
        return items


def scan(data: bytes) -> Iterator[Span]:
    """Yield the spans of a stream in order, without a hole: whole telegrams, cut ones, and what lies between.

    A telegram is cut if its end mark is missing or a new start comes first. Checksums are not checked here.
    """
    end = 0
    while end < len(data):
        start = data.find(START, end)
        if start != end:
            yield Span(start=end, end=start if start > end else len(data), problem=STRAY)
        if start < 0:
            return
        end, whole = _end_of(data, start + len(START))
        yield Span(start=start, end=end, problem="" if whole else CUT)


def _end_of(data: bytes, position: int) -> tuple[int, bool]:
    """Return (end, whole) of the telegram whose content begins at `position`."""
    while True:
        escape = data.find(ESCAPE, position)
        if escape < 0:
            return len(data), False
        mark = data[escape + 4 : escape + 8]
        if mark == ESCAPE:
            position = escape + 8
        elif mark[:1] == b"\x1a" and len(mark) == 4:
            return escape + END_LENGTH, True
        else:
            return (escape if data.startswith(START, escape) else min(escape + 4, len(data))), False


def decode_frame(frame: bytes) -> RegisterReading:
    """Return the registers of one whole telegram (from its start escape to its CRC).

    Raises FrameError with a reason that names no value.
    """
    fill = frame[-3]
    if fill > 3 or not pysml.Crc.verify_fcs(frame):
        raise FrameError(BAD_CRC)
    content = frame[len(START) : -END_LENGTH - fill].replace(ESCAPE * 2, ESCAPE)
    try:
        body = _list_response(content)
        reading = _reading(body) if body is not None else None
    except Exception as error:  # whatever a meter sends must not stop the reader: pysml raises many kinds
        raise FrameError(BAD_BODY) from error
    if reading is None:
        raise FrameError(NO_REGISTER)
    return reading


def decode(data: bytes) -> DecodeReport:
    """Decode every whole telegram of a stream; never raises, whatever the bytes are."""
    readings: list[RegisterReading] = []
    spans: list[Span] = []
    unused: list[Span] = []
    complete = 0
    for span in scan(data):
        if span.problem:
            unused.append(span)
            continue
        complete += 1
        try:
            readings.append(decode_frame(data[span.start : span.end]))
            spans.append(span)
        except FrameError as problem:
            unused.append(Span(start=span.start, end=span.end, problem=str(problem)))
    return DecodeReport(readings=tuple(readings), spans=tuple(spans), unused=tuple(unused), complete=complete)


def _list_response(content: bytes) -> list[Any] | None:
    """Return the items of the first GetList response, all messages' checksums verified by pysml."""
    bits = pysml.bitstring.Reader(pysml.bitstring.Bits.from_bytes(content))
    found: list[Any] | None = None
    while not bits.at_end:
        choice = _RawMessage(bits).items_read[3].value
        if found is None and choice[0].value == GET_LIST_RESPONSE:
            found = choice[1].value
    return found


def _reading(body: list[Any]) -> RegisterReading | None:
    """Return the reading of a GetList response's items, or None if it has no energy register."""
    registers: dict[bytes, tuple[int, int]] = {}
    sec_index = _seconds(body[3].value)
    for entry in body[4].value:
        name, _status, time, unit, scaler, value = (item.value for item in entry.value[:6])
        if unit != UNIT_WH or not isinstance(value, int) or name[:2] != b"\x01\x00" or name[3] != 8:
            continue
        registers[name[2:5]] = (value, scaler or 0)
        if sec_index is None:
            sec_index = _seconds(time)
    imported, exported = _total(registers, 1), _total(registers, 2)
    if imported is None and exported is None:
        return None
    return RegisterReading(
        meter=hashlib.sha256(body[1].value).digest()[:16],
        sec_index=sec_index,
        import_mwh=None if imported is None else imported[0],
        export_mwh=None if exported is None else exported[0],
        resolution_mwh=max(total[1] for total in (imported, exported) if total is not None),
    )


def _total(registers: dict[bytes, tuple[int, int]], direction: int) -> tuple[int, int] | None:
    """Return (register floored to mWh, step in mWh): the total d.8.0, else the sum of the tariffs d.8.1, d.8.2, …"""
    total = registers.get(bytes((direction, 8, 0)))
    parts = [total] if total else [raw for name, raw in registers.items() if name[0] == direction]
    if not parts:
        return None
    if any(value < 0 or not -18 <= scaler <= 9 for value, scaler in parts):
        raise FrameError(BAD_BODY)
    # mWh are 10^-3 Wh: sum at the finest scale present, then floor once
    finest = min(-3, *(scaler for _, scaler in parts))
    value_sum = sum(value * 10 ** (scaler - finest) for value, scaler in parts)
    coarsest = max(scaler for _, scaler in parts)
    return value_sum // 10 ** (-3 - finest), max(1, 10 ** max(0, coarsest + 3))


def _seconds(time: Any) -> int | None:
    """Return the seconds index of an SML time: a choice (1, seconds), or a bare number as some meters send."""
    if isinstance(time, int):
        return time
    if isinstance(time, list) and len(time) == 2 and time[0].value == 1 and isinstance(time[1].value, int):
        return time[1].value
    return None

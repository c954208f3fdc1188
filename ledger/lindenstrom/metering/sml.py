"""SML telegrams of German household meters, decoded to whole mWh.

Source: BSI TR-03109-1 annex IV b (SML), FNN Lastenheft EDL; OBIS codes 1-0:1.8.x import and 1-0:2.8.x export.
SML has no wall clock, `sec_index` counts seconds since the meter was made or last powered.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lindenstrom.metering.formats.smlbody import BAD_BODY, BAD_CRC, Entry, FrameError, Listing, listings
from lindenstrom.metering.formats.smlframes import CUT, END_LENGTH, ESCAPE, START, STRAY, Cutter, Span, scan

__all__ = [
    "BAD_BODY", "BAD_CRC", "CUT", "END_LENGTH", "ESCAPE", "LOCKED_MWH", "NO_REGISTER", "START", "STRAY", "UNIT_WH",
    "Cutter", "DecodeReport", "FrameError", "RegisterReading", "Span", "decode", "decode_frame", "is_register", "scan",
    "total",
]  # fmt: skip

UNIT_WH = 30
LOCKED_MWH = 1_000_000

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


def decode_frame(frame: bytes) -> RegisterReading:
    """Return the registers of one whole telegram (from its start escape to its CRC).

    Raises FrameError with a reason that names no value.
    """
    found = listings(frame)
    reading = _reading(found[0]) if found else None
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


def is_register(entry: Entry) -> bool:
    """Return whether a line is a register of active energy of now, 1-x:1.8.x or 1-x:2.8.x."""
    name = entry.name
    return (
        entry.unit == UNIT_WH
        and isinstance(entry.value, int)
        and len(name) == 6
        and (name[0], name[3], name[5]) == (1, 8, 255)
        and name[2] in {1, 2}
    )


def total(parts: list[tuple[int, int]]) -> tuple[int, int]:
    """Return (sum of registers given as (value, scaler), floored to mWh; step in mWh of the coarsest).

    Raises FrameError if one of them is no register.
    """
    if any(value < 0 or not -18 <= scaler <= 9 for value, scaler in parts):
        raise FrameError(BAD_BODY)
    # mWh are 10^-3 Wh: sum at the finest scale present, then floor once
    finest = min(-3, *(scaler for _, scaler in parts))
    value_sum = sum(value * 10 ** (scaler - finest) for value, scaler in parts)
    coarsest = max(scaler for _, scaler in parts)
    return value_sum // 10 ** (-3 - finest), max(1, 10 ** max(0, coarsest + 3))


def _reading(listing: Listing) -> RegisterReading | None:
    """Return the reading of a list, or None if it has no energy register."""
    registers: dict[bytes, tuple[int, int]] = {}
    sec_index = listing.seconds
    for entry in listing.entries:
        if is_register(entry) and entry.name[1] == 0 and isinstance(entry.value, int):
            registers[entry.name[2:5]] = (entry.value, entry.scaler)
            sec_index = entry.seconds if sec_index is None else sec_index
    imported, exported = _total(registers, 1), _total(registers, 2)
    if imported is None and exported is None:
        return None
    return RegisterReading(
        meter=hashlib.sha256(listing.server_id).digest()[:16],
        sec_index=sec_index,
        import_mwh=None if imported is None else imported[0],
        export_mwh=None if exported is None else exported[0],
        resolution_mwh=max(side[1] for side in (imported, exported) if side is not None),
    )


def _total(registers: dict[bytes, tuple[int, int]], direction: int) -> tuple[int, int] | None:
    """Return (register floored to mWh, step in mWh): the total d.8.0, else the sum of the tariffs d.8.1, d.8.2, …"""
    whole = registers.get(bytes((direction, 8, 0)))
    parts = [whole] if whole else [raw for name, raw in registers.items() if name[0] == direction]
    return total(parts) if parts else None

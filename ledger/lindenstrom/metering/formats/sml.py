"""SML telegrams as observations: registers, tariffs, and power, of a capture or of a stream as it comes in.

Source: BSI TR-03109-1 annex IV b; FNN Lastenheft EDL (status word of 16 bits), FNN Lastenheft Basiszähler (of 32 bits).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from lindenstrom.core.packs import MAX_REGISTER_MWH, Status
from lindenstrom.metering.formats.smlbody import Entry, FrameError, Listing, listings
from lindenstrom.metering.formats.smlframes import CUT, START, Cutter, Span
from lindenstrom.metering.observation import Note, Observation, Problem, obis_of_bytes
from lindenstrom.metering.sml import LOCKED_MWH, is_register, total

NAME = "sml"
CHUNK = 1 << 16
HEX_DIGITS = b"0123456789abcdefABCDEF"
UNIT_W = 27
LONGEST_CUT = 1024
"""Bytes before the first telegram that may be the rest of one whose beginning was not captured."""
SHORTEST = 16
"""Bytes of which no telegram can be made: noise between two."""
FED_IN = 2
POWER_OF_PHASES = frozenset({1, 2, 15, 16, 21, 22, 35, 36, 41, 42, 55, 56, 61, 62, 75, 76})

FATAL_16, MAGNET_16 = 1 << 0, 1 << 6
FEEDING_32 = 1 << 11
MAGNET_32, COVER_32, FATAL_32 = 1 << 9, 1 << 10, 1 << 17

FAULTS_16 = {FATAL_16: "the meter reports an error", MAGNET_16: "the meter reports a magnetic field"}
FAULTS_32 = {
    FATAL_32: "the meter reports a fatal error",
    MAGNET_32: "the meter reports a magnetic field",
    COVER_32: "the meter reports that its terminal cover was opened",
}
LOCKED = "whole kWh only: the meter is locked"
BAD_REGISTER = "a register that is negative or larger than any meter's"
NO_REGISTER = "a whole telegram without a register of energy drawn or fed in (1.8.x or 2.8.x)"


def recognises(head: bytes) -> bool:
    """Whether the bytes, or the bytes written as hex digits, hold a start mark."""
    return START in head or START in _unhexed(head)


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read telegrams until the stream ends. Those cut off at its two ends are passed over."""
    reader = SmlReader()
    chunk = stream.read(CHUNK)
    hexed = START not in chunk and START in _unhexed(chunk)
    rest = b""
    while chunk:
        if hexed:
            digits = rest + bytes(byte for byte in chunk if byte in HEX_DIGITS)
            even = len(digits) & ~1
            chunk, rest = bytes.fromhex(digits[:even].decode()), digits[even:]
        yield from reader.feed(chunk)
        chunk = stream.read(CHUNK)
    yield from reader.close()


def meter_name(server_id: bytes) -> str:
    """Return a server id as the name plate shows it, `1 DZG00 6069 4612`; one of another form as hex with dashes."""
    maker = server_id[2:5]
    if len(server_id) == 10 and server_id[0] in {9, 10} and maker.isalnum() and maker.isascii():
        number = int.from_bytes(server_id[6:], "big")
        return f"{server_id[1]:X} {maker.decode()}{server_id[5]:02X} {number // 10000:04d} {number % 10000:04d}"
    return server_id.hex("-").upper()


class SmlReader:
    """Turns bytes into observations as soon as a telegram is whole; for a live source as for a file.

    `position` of an observation is the offset of its telegram in all bytes fed.
    """

    def __init__(self) -> None:
        self._cutter = Cutter()
        self._any = False  # whether a telegram's start mark has been seen
        self._held: Span | None = None  # a cut telegram, or stray bytes, that may turn out to be the stream's end

    def feed(self, data: bytes) -> Iterator[Observation]:
        """Take bytes; yield what the telegrams that end in them say."""
        for span, frame in self._cutter.feed(data):
            yield from self._taken(span, frame)

    def close(self) -> Iterator[Observation]:
        """End the stream: what is left is a telegram cut off, and no problem, unless it is too long for that."""
        for span, frame in self._cutter.close():
            yield from self._taken(span, frame)
        held, self._held, self._any = self._held, None, False
        if held is not None and held.end - held.start > LONGEST_CUT:
            yield _damaged(held)

    def _taken(self, span: Span, frame: bytes) -> Iterator[Observation]:
        held, self._held = self._held, None
        if held is not None:
            yield _damaged(held)
        if not span.problem:
            self._any = True
            yield from of_telegram(frame, span.start)
            return
        size = span.end - span.start
        if span.problem == CUT:
            self._any = True
            self._held = span
        elif not self._any and size <= LONGEST_CUT:
            return
        elif held is not None and held.end == span.start:
            # what lies behind a cut telegram belongs to it
            self._held = span
        elif size >= SHORTEST:
            self._held = span


def of_telegram(frame: bytes, position: int) -> list[Observation]:
    """Return what one whole telegram says, or what is wrong with it."""
    try:
        found = listings(frame)
    except FrameError as problem:
        return [Observation(format=NAME, position=position, problem=Problem.DAMAGED_FRAME, detail=str(problem))]
    said = [observation for listing in found for observation in _of_listing(listing, position)]
    if any(o.obis.partition(":")[2].split(".")[1:2] == ["8"] for o in said):
        return said
    meter = meter_name(_server_id(found[0])) if found else ""
    lacking = Observation(
        format=NAME, position=position, meter=meter, problem=Problem.NO_IMPORT_REGISTER, detail=NO_REGISTER
    )
    return [lacking, *said]


def status_fault(status: int | None) -> str:
    """Return what a status word says against the values, or nothing. The direction and the tariff say nothing."""
    if status is None:
        return ""
    # the word of 32 bits names itself by bit 2, which is always 0 in the older one
    faults = FAULTS_32 if status & 0xFF == 0x04 else FAULTS_16
    return "; ".join(text for bit, text in faults.items() if status & bit)


def _of_listing(listing: Listing, position: int) -> Iterator[Observation]:
    server_id = _server_id(listing)
    meter = meter_name(server_id)
    registers = [entry for entry in listing.entries if is_register(entry)]
    seconds, time = listing.seconds, listing.time
    if seconds is None and time is None:
        seconds = next((entry.seconds for entry in registers if entry.seconds), None)
    known = time is not None and 0 < time < 1 << 32
    common = Observation(
        format=NAME,
        position=position,
        meter=meter,
        seconds_index=seconds,
        time_ms=time * 1000 if known and time is not None else None,
    )
    # some meters send the status word with the total alone
    fault = next((text for entry in registers if (text := status_fault(entry.status))), "")
    for entry in registers:
        yield _register(common, [entry], obis_of_bytes(entry.name), fault)
    names = {entry.name[:5] for entry in registers}
    for head in sorted({name[:3] for name in names}):
        if head + b"\x08\x00" not in names:
            tariffs = [entry for entry in registers if entry.name[:3] == head]
            yield _register(common, tariffs, obis_of_bytes(head + b"\x08\x00\xff"), fault, summed=True)
    yield from _powers(common, listing.entries, wrong_sign=_sends_wrong_sign(server_id, registers))


def _server_id(listing: Listing) -> bytes:
    """Return the server id, or where a meter leaves it empty its identification in the list."""
    if any(listing.server_id):
        return listing.server_id
    for name in (b"\x01\x00\x60\x01\x00\xff", b"\x01\x00\x00\x00\x09\xff"):
        for entry in listing.entries:
            if entry.name == name and isinstance(entry.value, bytes) and any(entry.value):
                return entry.value
    return listing.server_id


def _register(common: Observation, entries: list[Entry], obis: str, fault: str, *, summed: bool = False) -> Observation:
    given = [(entry.value, entry.scaler) for entry in entries if isinstance(entry.value, int)]
    try:
        energy_mwh, step_mwh = total(given)
    except FrameError:
        energy_mwh = -1
    if not 0 <= energy_mwh <= MAX_REGISTER_MWH:
        return _but(common, obis=obis, summed=summed, problem=Problem.BAD_VALUE, detail=BAD_REGISTER)
    problem, detail = None, ""
    if fault:
        problem, detail = Problem.INVALID_STATUS, fault
    elif step_mwh >= LOCKED_MWH:
        problem, detail = Problem.PIN_LOCKED, LOCKED
    return _but(
        common,
        obis=obis,
        summed=summed,
        energy_mwh=energy_mwh,
        resolution_mwh=step_mwh,
        status=None if problem else Status.MEASURED,
        problem=problem,
        detail=detail,
    )


def _powers(common: Observation, entries: Iterable[Entry], *, wrong_sign: bool) -> Iterator[Observation]:
    for entry in entries:
        name, value = entry.name, entry.value
        if entry.unit != UNIT_W or len(name) != 6 or not isinstance(value, int) or not -18 <= entry.scaler <= 9:
            continue
        if (name[0], name[3]) != (1, 7) or name[2] not in POWER_OF_PHASES:
            continue
        corrected = wrong_sign and value < 0 and entry.size < 4
        if corrected:
            value += 1 << 8 * entry.size
        power = value * 10 ** (entry.scaler + 3) if entry.scaler >= -3 else value // 10 ** (-3 - entry.scaler)
        if name[2] % 20 == FED_IN:  # 2.7.0, and 22, 42, 62 of the phases, count what is fed in from 0 up
            power = -abs(power)
        notes = (Note.SIGN_CORRECTED,) if corrected else ()
        yield _but(common, obis=obis_of_bytes(name), power_mw=power, notes=notes)


def _sends_wrong_sign(server_id: bytes, registers: Iterable[Entry]) -> bool:
    """Return whether this is a DZG meter that draws: some of them send power drawn as a negative number.

    They leave out the zero byte before a number whose highest bit is set. The status word tells the direction.
    """
    words = [entry.status for entry in registers if entry.status is not None]
    return server_id[2:5] == b"DZG" and any(word & 0xFF == 0x04 and not word & FEEDING_32 for word in words)


def _but(
    common: Observation,
    *,
    obis: str,
    energy_mwh: int | None = None,
    power_mw: int | None = None,
    resolution_mwh: int | None = None,
    status: Status | None = None,
    summed: bool = False,
    notes: tuple[Note, ...] = (),
    problem: Problem | None = None,
    detail: str = "",
) -> Observation:
    """Return what a telegram's observations have in common, with the rest."""
    return Observation(
        format=common.format,
        position=common.position,
        meter=common.meter,
        seconds_index=common.seconds_index,
        time_ms=common.time_ms,
        obis=obis,
        energy_mwh=energy_mwh,
        power_mw=power_mw,
        resolution_mwh=resolution_mwh,
        status=status,
        summed=summed,
        notes=notes,
        problem=problem,
        detail=detail,
    )


def _damaged(span: Span) -> Observation:
    return Observation(format=NAME, position=span.start, problem=Problem.DAMAGED_FRAME, detail=span.problem)


def _unhexed(head: bytes) -> bytes:
    """Return the bytes that a text of hex digits stands for, or none if it is no such text."""
    digits = bytes(byte for byte in head if byte not in b" \t\r\n:-")
    if len(digits) < 2 * len(START) or not all(byte in HEX_DIGITS for byte in digits):
        return b""
    return bytes.fromhex(digits[: len(digits) & ~1].decode())

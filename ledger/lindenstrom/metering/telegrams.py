"""Framing of meter telegrams in text: where one begins and ends in a stream, and whether its checksum holds.

Sources: IEC 62056-21 (identification line `/`, end line `!`, STX, ETX and block check character) and DSMR P1 companion
standards 2.2 to 5 (CRC-16/ARC over everything from `/` to `!`, as hexadecimal digits behind the `!`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import reduce
from operator import xor

from lindenstrom.metering.formats.smlframes import CUT, STRAY, Span

# `/`, three letters of the maker, then a printable name without brackets; one maker sends a control character in it.
HEADER = re.compile(rb"/[A-Za-z]{3}[\x02 \"-'*-.0-~]{1,60}\r?\n")
HEADER_LONGEST = 66
END = re.compile(rb"\n!([0-9A-Fa-f]{0,4})[ \t]*\r?\n")
END_OF_FILE = re.compile(rb"\n!([0-9A-Fa-f]{0,4})[ \t]*(?:\r?\n|\r?\Z)")
OPENING = re.compile(rb"/[^\n]*\n(?:\r?\n)*\x02")
STX, ETX = b"\x02", b"\x03"
LONGEST = 65_536


class Check(Enum):
    """What a telegram's own checksum says."""

    HOLDS = "holds"
    """A CRC of 16 bits that is right."""
    WEAK = "weak"
    """A block check character that is right: one byte of parity, which misses many errors."""
    ABSENT = "absent"
    FAILS = "fails"


def scan(data: bytes) -> Iterator[Span]:
    """Yield the spans of a stream in order, without a hole: whole telegrams, cut ones, and what lies between.

    A telegram is cut if another begins before its end line, or if the data end before. Checksums are not checked here.
    """
    start = 0
    while span := next_span(data, start, final=True):
        yield span
        start = span.end


def next_span(data: bytes, start: int, *, final: bool) -> Span | None:
    """Return the span that begins at `start`; None if more bytes are needed to tell, or none are left.

    `final`: no more bytes will come.
    """
    header = HEADER.search(data, start)
    if header is None:
        end = len(data) - (0 if final else HEADER_LONGEST)
        return Span(start=start, end=end, problem=STRAY) if end > start else None
    if header.start() > start:
        return Span(start=start, end=header.start(), problem=STRAY)
    follower = HEADER.search(data, header.end())
    if follower:
        found = END.search(data, header.end() - 1, follower.start())
    else:
        found = (END_OF_FILE if final else END).search(data, header.end() - 1)
    if follower and not found:
        return Span(start=start, end=follower.start(), problem=CUT)
    if found is None:
        lost = final or len(data) - start > LONGEST
        return Span(start=start, end=len(data), problem=CUT) if lost else None
    if not OPENING.match(data, start):
        return Span(start=start, end=found.end())
    trailer = data[found.end() : found.end() + 2]
    if trailer[:1] not in {b"", ETX}:
        return Span(start=start, end=found.end())
    if len(trailer) == 2:
        return Span(start=start, end=found.end() + 2)
    return Span(start=start, end=len(data), problem=CUT) if final else None


class TelegramCutter:
    """Cuts a live stream, in pieces of any size, into whole telegrams; what lies between them is let go.

    Holds at most one telegram's bytes, never more than `LONGEST` and one piece.
    """

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the telegrams that these bytes complete, checksums not checked."""
        data = self._pending + piece
        whole: list[bytes] = []
        start = 0
        while span := next_span(data, start, final=False):
            if not span.problem:
                whole.append(data[span.start : span.end])
            start = span.end
        self._pending = data[start:]
        return whole


def check(telegram: bytes) -> Check:
    """Return what the checksum of one whole telegram says.

    Line ends that a log has changed from CR LF to LF are taken as CR LF, if the checksum then holds.
    """
    end = END_OF_FILE.search(telegram, HEADER_START) if telegram.count(b"\n") else None
    if end is None:
        return Check.FAILS
    if digits := end[1]:
        covered = telegram[: end.start(1)]
        forms = [covered] if b"\r" in covered else [covered, covered.replace(b"\n", b"\r\n")]
        return Check.HOLDS if int(digits, 16) in map(crc16_arc, forms) else Check.FAILS
    if opening := OPENING.match(telegram):
        last = end.end()
        if telegram[last : last + 1] != ETX or len(telegram) != last + 2:
            return Check.FAILS
        return Check.WEAK if block_check(telegram[opening.end() : last + 1]) == telegram[last + 1] else Check.FAILS
    return Check.ABSENT


HEADER_START = 4


def crc16_arc(data: bytes) -> int:
    """Return the CRC-16/ARC (polynomial 0x8005 reflected, initial value 0)."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def block_check(data: bytes) -> int:
    """Return the block check character of IEC 62056-21: all bytes after STX up to ETX, by exclusive or."""
    return reduce(xor, data, 0)


def _crc_entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


_CRC_TABLE = tuple(_crc_entry(value) for value in range(256))


def without_parity(data: bytes) -> bytes:
    """Return the seven-bit characters of bytes that were captured with even parity bits; a bad one becomes 0xFF."""
    return data.translate(_SEVEN_BITS)


def has_parity(sample: bytes) -> bool:
    """Whether nearly all bytes of a sample have even parity, and many of them the eighth bit set."""
    high = sum(byte > 0x7F for byte in sample)
    even = sum(byte.bit_count() % 2 == 0 for byte in sample)
    return high * 4 > len(sample) and even * 20 > len(sample) * 19


_SEVEN_BITS = bytes(byte & 0x7F if byte.bit_count() % 2 == 0 else 0xFF for byte in range(256))

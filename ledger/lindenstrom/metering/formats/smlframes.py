"""SML's transport: telegrams cut out of a stream of bytes, as they come in or from a file, memory flat.

Source: BSI TR-03109-1 annex IV b, SML transport protocol version 1: start 1B×4 01×4, content with each 1B×4 doubled,
end 1B×4 1A, number of fill bytes, CRC-16/X-25 over all before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
END_LENGTH = 8  # escape, 0x1a, number of fill bytes, CRC
LONGEST = 1 << 16
"""Bytes after which a telegram without an end is given up; the longest known ones have one or two thousand."""

CUT = "cut: the telegram ends before its end mark"
STRAY = "outside any telegram: line noise, or the rest of a cut one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Bytes [start, end) of a stream: a telegram, whole if `problem` is empty."""

    start: int
    end: int
    problem: str = ""


class Cutter:
    """Cuts a stream into spans in order, without a hole: whole telegrams, cut ones, and what lies between.

    A telegram is cut if its end mark is missing or a new start comes first. Checksums are not checked here. The spans
    do not depend on the pieces in which the bytes come.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._begin = 0  # offset in the stream of the first byte held
        self._stray: int | None = 0  # where bytes outside any telegram begin; None inside one, which begins at _begin
        self._seen = 0  # how many of the bytes held have no mark in them

    def feed(self, data: bytes) -> Iterator[tuple[Span, bytes]]:
        """Take more bytes; yield the spans that end in them, each whole telegram with its bytes."""
        self._held += data
        while True:
            found = self._outside() if self._stray is not None else self._inside()
            if found is None:
                return
            yield from found

    def close(self) -> Iterator[tuple[Span, bytes]]:
        """Yield what is left when no more bytes come. The cutter can be used again for another stream."""
        end = self._begin + len(self._held)
        if self._stray is None:
            yield Span(start=self._begin, end=end, problem=CUT), b""
        elif self._stray < end:
            yield Span(start=self._stray, end=end, problem=STRAY), b""
        self._held, self._begin, self._stray, self._seen = bytearray(), 0, 0, 0

    def _outside(self) -> list[tuple[Span, bytes]] | None:
        assert self._stray is not None
        at = self._held.find(START, self._seen)
        if at < 0:
            # all but what may be the beginning of a start mark is of no use any more
            self._drop(max(0, len(self._held) - len(START) + 1))
            return None
        self._drop(at)
        stray, self._stray, self._seen = self._stray, None, len(START)
        return [(Span(start=stray, end=self._begin, problem=STRAY), b"")] if stray < self._begin else []

    def _inside(self) -> list[tuple[Span, bytes]] | None:
        held = self._held
        at = held.find(ESCAPE, self._seen)
        if at < 0 or len(held) < at + END_LENGTH:
            if len(held) > LONGEST:
                return [self._take(len(held), CUT)]
            self._seen = at if at >= 0 else max(len(START), len(held) - len(ESCAPE) + 1)
            return None
        # content may itself end in 1B: then the mark stands after the last four of them
        for shift in range(4):
            if len(held) < at + shift + END_LENGTH:
                self._seen = at
                return None
            mark = held[at + shift + 4 : at + shift + 8]
            if mark == ESCAPE:
                self._seen = at + shift + 8
                return []
            if mark[0] == 0x1A:
                return [self._take(at + shift + END_LENGTH, "")]
            if mark == START[4:]:
                return [self._take(at + shift, CUT)]
            if mark[0] != 0x1B:
                break
        return [self._take(at + 4, CUT)]

    def _take(self, size: int, problem: str) -> tuple[Span, bytes]:
        span = Span(start=self._begin, end=self._begin + size, problem=problem)
        data = b"" if problem else bytes(self._held[:size])
        self._drop(size)
        self._stray = self._begin
        return span, data

    def _drop(self, size: int) -> None:
        del self._held[:size]
        self._begin += size
        self._seen = 0


def scan(data: bytes) -> Iterator[Span]:
    """Yield the spans of bytes that are all there."""
    cutter = Cutter()
    for found in (cutter.feed(data), cutter.close()):
        for span, _ in found:
            yield span

"""EDIFACT, the bytes: an interchange of any size as its segments, in pieces, with flat memory.

The service string advice `UNA` may change every separator; `?` before one takes its meaning away (release). Line
breaks between segments mean nothing. Two interchanges in one file may use different separators.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

PIECE = 1 << 20
LONGEST_SEGMENT = 1 << 16
"""More than any segment of the standard: without an end for that long it is none."""
UNA = b"UNA"
UNZ = b"UNZ"
UNA_LENGTH = 9
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n\x00"
_MARGIN = re.compile(rb"[ \t\r\n\x00]*(?:\xef\xbb\xbf)?[ \t\r\n\x00]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Separators:
    """The separators of an interchange, one byte each; `release` is empty where there is none."""

    component: bytes = b":"
    element: bytes = b"+"
    release: bytes = b"?"
    terminator: bytes = b"'"

    @classmethod
    def of_una(cls, una: bytes) -> Separators | None:
        """Return those that nine bytes `UNA…` name; None if they cannot be told apart."""
        component, element, _, release, _, terminator = (una[at : at + 1] for at in range(3, UNA_LENGTH))
        used = [component, element, terminator, *([release] if release != b" " else [])]
        if len(set(used)) < len(used) or any(one.isalnum() or one == b" " for one in used):
            return None
        return cls(component=component, element=element, release=release.strip(), terminator=terminator)

    def elements(self, segment: bytes) -> list[list[str]]:
        """Return a segment's data elements as their components, the tag first; bytes are taken as Latin-1."""
        text, release = segment.decode("latin-1"), self.release.decode("latin-1")
        component, element = self.component.decode("latin-1"), self.element.decode("latin-1")
        if not release or release not in text:
            return [part.split(component) for part in text.split(element)]
        found, released = [[""]], False
        word: list[str] = []
        for char in text:
            if released:
                word.append(char)
                released = False
            elif char == release:
                released = True
            elif char in (component, element):
                found[-1][-1] = "".join(word)
                word.clear()
                if char == component:
                    found[-1].append("")
                else:
                    found.append([""])
            else:
                word.append(char)
        found[-1][-1] = "".join(word)
        return found


class Segments:
    """The segments of a stream, as (byte offset, bytes without terminator). `separators` are those of the last given.

    `rest` is what stands after the last terminator, once the stream is at its end: (byte offset, bytes), or None.
    A stretch of more than 64 KiB without a terminator is given as it is: no segment begins like it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.separators = Separators()
        self.rest: tuple[int, bytes] | None = None
        self._between = True  # before the first segment, or after the end of an interchange

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        offset, buffer = 0, b""
        while piece := self._stream.read(PIECE):
            offset, buffer = yield from self._complete(offset, buffer + piece)
            if len(buffer) > LONGEST_SEGMENT:
                yield offset, buffer
                offset, buffer = offset + len(buffer), b""
        left = buffer.lstrip(BLANK)
        if left:
            self.rest = (offset + len(buffer) - len(left), left)

    def _complete(self, offset: int, buffer: bytes) -> Generator[tuple[int, bytes], None, tuple[int, bytes]]:
        """Yield the segments of a buffer that are complete; return the offset and bytes of what is left."""
        terminator, release = self.separators.terminator, self.separators.release
        start = search = 0
        while True:
            if self._between and search == start:
                start = search = _MARGIN.match(buffer, start).end()  # type: ignore[union-attr]
                if buffer.startswith(UNA, start):
                    una = buffer[start : start + UNA_LENGTH]
                    if len(una) < UNA_LENGTH:
                        break
                    self.separators = Separators.of_una(una) or Separators()
                    terminator, release = self.separators.terminator, self.separators.release
                    start = search = start + UNA_LENGTH
            end = buffer.find(terminator, search)
            if end < 0:
                break
            if release and buffer[end - 1 : end] == release and _is_released(buffer, start, end):
                search = end + 1
                continue
            segment = buffer[start:end]
            if segment[:1] in BLANK:
                segment = segment.lstrip(BLANK)
            if segment:
                self._between = segment[:3] == UNZ
                yield offset + end - len(segment), segment
            start = search = end + 1
        return offset + start, buffer[start:]


def _is_released(buffer: bytes, start: int, end: int) -> bool:
    """Return whether an odd number of release characters, all the same byte, stands before `end`."""
    at = end - 1
    while at > start and buffer[at - 1] == buffer[end - 1]:
        at -= 1
    return (end - at) % 2 == 1

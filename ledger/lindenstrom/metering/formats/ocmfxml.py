"""The XML in which the transparency software takes signed records, read in pieces.

Document type definitions are refused, and entities with them: they can read other files or fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from lindenstrom.metering.formats.ocmfrecords import bytes_of_key, damaged, of_signed_data
from lindenstrom.metering.observation import Observation

LONGEST = 1 << 20
MOST_WAITING = 1000
DATA, KEY = frozenset({"signedData", "encodedData"}), frozenset({"publicKey"})
WITHOUT_ROOT = (b"<signedData", b"<encodedData", b"<value>", b"<value ")


class _Refused(Exception):
    """A document type definition."""


class XmlRecords:
    """Turns pieces of a file into observations as soon as a `value` element is whole."""

    def __init__(self, head: bytes) -> None:
        self.failed = False
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._element = ""
        self._attributes: dict[str, str] = {}
        self._text: list[str] = []
        self._size = 0
        self._position = 0
        self._shift = 0
        self._waiting: list[tuple[int, dict[str, str], str]] = []
        self._key: bytes | None = None
        self._ready: list[Observation] = []
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(WITHOUT_ROOT):
            self._parser.Parse(b"<values>", False)
            self._shift = len(b"<values>")

    def feed(self, piece: bytes) -> Iterator[Observation]:
        """Take bytes; yield what the values that end in them say."""
        yield from self._parse(piece)

    def close(self) -> Iterator[Observation]:
        """End the file."""
        if not self.failed:
            yield from self._parse(b"</values>" if self._shift else b"", last=True)
        self._release()
        yield from self._taken()

    def _parse(self, piece: bytes, *, last: bool = False) -> Iterator[Observation]:
        problem = ""
        try:
            self._parser.Parse(piece, last)
        except _Refused:
            problem = "a document type definition, which no such file needs"
        except (expat.ExpatError, ValueError, LookupError):
            problem = "not well-formed XML"
        if problem:
            self.failed = True
            self._release()
            position = max(0, self._parser.CurrentByteIndex - self._shift)
            self._ready.append(damaged(position, problem))
        yield from self._taken()

    def _taken(self) -> list[Observation]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "value" or (name in DATA and len(self._waiting) >= MOST_WAITING):
            self._release()
        if name in DATA | KEY:
            self._element, self._attributes, self._text, self._size = name, attributes, [], 0
            self._position = self._parser.CurrentByteIndex - self._shift

    def _characters(self, text: str) -> None:
        if self._element and self._size <= LONGEST:
            self._text.append(text)
            self._size += len(text)

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == self._element:
            self._element = ""
            text = "".join(self._text)
            if name in KEY:
                self._key = bytes_of_key(text, self._attributes.get("encoding", ""))
            elif self._size > LONGEST:
                self._ready.append(damaged(self._position, "a record too long to be one"))
            else:
                self._waiting.append((self._position, self._attributes, text))
        elif name == "value":
            self._release()

    def _release(self) -> None:
        """Read the records of one value, now that its key is known, or known to be missing."""
        for position, attributes, text in self._waiting:
            self._ready += of_signed_data(
                text,
                name=attributes.get("format", ""),
                encoding=attributes.get("encoding", ""),
                key=self._key,
                position=position,
            )
        self._waiting, self._key = [], None

    def _refuse(self, *_: object) -> None:
        raise _Refused

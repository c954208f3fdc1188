"""Which format a file is of, by its first bytes; if it is of none, why not, in words."""

from __future__ import annotations

import codecs
import importlib
import io
import re
import zlib
from dataclasses import dataclass
from types import ModuleType
from typing import BinaryIO, Final, cast

from lindenstrom.errors import CouldNotCheck, UsageError
from lindenstrom.metering.layout import Layout
from lindenstrom.metering.observation import Reader

HEAD_SIZE: Final = 1 << 16
CHUNK: Final = 1 << 15
PACKAGE: Final = "lindenstrom.metering.formats"

FORMATS: Final = ("table", "sml", "ocmf", "taf7", "mscons", "dsmr", "mqtt", "portal_csv")
"""Modules in the order in which they are asked; the ones with the surest marks come first."""

UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
GZIP_MARK: Final = b"\x1f\x8b"
# first bytes → what it is; what to do
FOREIGN: Final = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF document: ask for the data as CSV, MSCONS or XML"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x7fELF", "a program"),
    (b"BZh", "packed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "packed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed with zstandard: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file: save it as CSV"),
)
_SPREADSHEET = re.compile(rb"xl/|mimetypeapplication/vnd\.oasis")
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x02\x03\x1a")


class UnknownFormat(CouldNotCheck):
    """A file is of no format that is read here."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(f"{file}: {why}; see docs/metering.md for what can be read, or name it with --format")


class DamagedArchive(CouldNotCheck):
    """A packed file breaks off."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file}: packed with gzip and damaged; what stands before the damage was read, get it again")


class NoSuchFormat(UsageError):
    """A format is asked for that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no format is named {name!r}; choose one of {', '.join(sorted(format_names()))}")


def format_names() -> tuple[str, ...]:
    """Names of the formats, in the order in which they are tried."""
    return tuple(module.NAME for module in _modules())


def format_named(name: str) -> Reader:
    """Return the module of a format. Raises NoSuchFormat."""
    for module in _modules():
        if name == module.NAME:
            return module
    raise NoSuchFormat(name)


def with_layout(layout: Layout, head: bytes) -> Reader:
    """Return what reads a file that begins with these bytes by a layout."""
    from lindenstrom.metering.formats import portal_csv, table

    return table.TableReader(layout) if table.recognises(head) else portal_csv.CsvReader(layout)


def detect(head: bytes) -> Reader | None:
    """Return the module for a file that begins with these bytes (up to 64 KiB), or None; `why_not` then says why."""
    if not head:
        return None
    return next((module for module in _modules() if module.recognises(head)), None)


def why_not(head: bytes) -> str:
    """Return in words why a file that begins with these bytes is of no known format. Quotes nothing of it."""
    if not head.strip(b"\0"):
        return "empty" if not head else "nothing but zero bytes"
    for mark, what in FOREIGN:
        if head.startswith(mark):
            return what
    if head.startswith(b"PK\x03\x04"):
        spreadsheet = _SPREADSHEET.search(head) is not None
        return "a spreadsheet: save it as CSV" if spreadsheet else "a zip archive: unpack it first"
    text = _as_text(head)
    if text is None:
        return "not text, and without the start mark of an SML telegram or of a Parquet file"
    return _why_not_text(text, head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A stream with its first bytes; both unpacked, if it is packed with gzip."""

    head: bytes
    stream: BinaryIO
    packed: Unpacked | None = None

    @property
    def is_damaged(self) -> bool:
        """Whether a packed stream ended before its end; known when all of it has been read."""
        return self.packed is not None and self.packed.damaged


def opened(stream: BinaryIO) -> Opened:
    """Return a stream that begins where the given one stands, with its first bytes.

    What is packed with gzip is unpacked, and text in UTF-16 becomes UTF-8; positions count in what comes out.
    """
    head, whole = _peeked(stream)
    packed = None
    if head.startswith(GZIP_MARK):
        packed = Unpacked(whole)
        head, whole = _peeked(cast("BinaryIO", io.BufferedReader(packed, CHUNK)))
    if head.startswith(UTF_16_MARKS):
        head, whole = _peeked(cast("BinaryIO", io.BufferedReader(_Recoded(whole), CHUNK)))
    return Opened(head=head, stream=whole, packed=packed)


def _modules() -> list[Reader]:
    found: list[ModuleType] = [importlib.import_module(f"{PACKAGE}.{name}") for name in FORMATS]
    return cast("list[Reader]", found)


def _why_not_text(text: str, head: bytes) -> str:
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        kind = "a web page" if re.match(r"<!doctype html|<html", start, re.IGNORECASE) else "XML"
        return f"{kind}, but neither a TAF 7 read-out nor a signed set of charging records"
    if start.startswith(("{", "[")):
        return "JSON, but no capture of MQTT messages of a device that is known; other JSON is not read"
    if start.startswith(("UNA", "UNB")):
        return "EDIFACT, but no MSCONS message"
    from lindenstrom.metering.formats import portal_csv

    return portal_csv.why_not(head)


def _as_text(head: bytes) -> str | None:
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        return None
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the head may end within a character
        return head[: error.start].decode() if error.start > len(head) - 4 else head.decode("latin-1")


def _peeked(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    head = b""
    while len(head) < HEAD_SIZE and (more := stream.read(HEAD_SIZE - len(head))):
        head += more
    if stream.seekable():
        stream.seek(-len(head), io.SEEK_CUR)
        return head, stream
    return head, cast("BinaryIO", io.BufferedReader(_Rejoined(head, stream), HEAD_SIZE))


class _Rejoined(io.RawIOBase):
    """Bytes already read from a stream, then the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._head:
            given, self._head = self._head[: len(into)], self._head[len(into) :]
        else:
            given = self._rest.read(len(into))
        into[: len(given)] = given
        return len(given)


class _Recoded(io.RawIOBase):
    """Text in UTF-16 as UTF-8."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        while raw := self._stream.read(max(1, len(into) // 4)):  # two bytes of UTF-16 are three of UTF-8 at most
            given = self._decoder.decode(raw).encode()
            if given:
                into[: len(given)] = given
                return len(given)
        return 0


class Unpacked(io.RawIOBase):
    """The content of a gzip stream up to its end, or to where it is damaged."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._unpack = zlib.decompressobj(wbits=31)
        self._rest = b""
        self.damaged = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self.damaged:
            raw = self._rest or self._packed.read(CHUNK)
            if self._unpack.eof:
                if not raw.startswith(GZIP_MARK[:1]):
                    return 0  # the end, whatever fills the file up behind it
                self._unpack = zlib.decompressobj(wbits=31)
            if not raw:
                break
            try:
                given = self._unpack.decompress(raw, len(into))
            except zlib.error:
                break
            self._rest = self._unpack.unconsumed_tail or self._unpack.unused_data
            if given:
                into[: len(given)] = given
                return len(given)
        self.damaged = True
        return 0

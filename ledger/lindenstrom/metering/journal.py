"""An append-only journal of what a meter sent and when it was received.

SML has no wall clock, so the receive time is part of the evidence: it is written, with the raw bytes, before anything
is interpreted; interpretation reads the journal only.

File: 8 bytes `LXJRNL01`, then records: length u32 ‖ CRC-32 u32 ‖ kind u8 ‖ time u64 (unix ms) ‖ payload, big-endian.
The length counts kind, time and payload; the CRC covers them. A record is accepted once `append` has returned.
A torn last record (a crash while writing) was never accepted: readers pass over it, the next writer cuts it off.
What a full or failing disk did not take whole is cut off at once; later appends go on behind the last accepted record.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from lindenstrom.metering.errors import FolderError, JournalBusy, JournalDamaged
from lindenstrom.metering.storage import disk_error, storing

MAGIC = b"LXJRNL01"
FRAME = struct.Struct(">II")
HEAD = struct.Struct(">BQ")
BLOCK = 1 << 18


class Kind(IntEnum):
    """What a record's payload is."""

    SML = 1  # raw bytes of a serial line, cut anywhere
    REGISTERS = 2  # import mWh u64 ‖ export mWh u64 at the record's time
    INTERVALS = 3  # n × (import mWh u32 ‖ export mWh u32 ‖ status u8), the slots from the record's time on
    BREAK = 4  # old end import, export, new start import, export: mWh u64 each
    DSMR = 5  # raw bytes of a P1 or D0 line, cut anywhere
    MQTT = 6  # length of the topic u16 ‖ topic (UTF-8) ‖ payload as received
    READING = 7  # flags u8 ‖ import mWh u64 ‖ export mWh u64, one reading with a time of its own
    PROFILE = 8  # date of the message u64 (unix ms) ‖ direction u8 ‖ n × (mWh u32 ‖ status u8), slots from the time on


KINDS = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One journal entry: `time_ms` is when the payload was received (raw streams) or holds (values), unix ms."""

    kind: Kind
    time_ms: int
    payload: bytes


def read_journal(path: Path) -> tuple[Record, ...]:
    """Return all accepted records, oldest first; none if there is no file. Raises JournalDamaged, DiskFailed."""
    return tuple(records_of(path))


def records_of(path: Path) -> Iterator[Record]:
    """Yield the accepted records of a file one by one, memory flat. As `read_journal`."""
    if path.exists():
        with storing(path):
            for record, _ in _scan(path):
                yield record


class Journal:
    """A journal open for writing; one writer at a time, as a context manager.

    Raises JournalBusy if another process writes it, JournalDamaged if a record before the last is bad; DiskFull,
    DiskReadOnly, DiskFailed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self._end = 0
        self._refused = b""
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def append(self, records: Iterable[Record]) -> None:
        """Write the records in order and force them to the disk: all are accepted, or none.

        Raises DiskFull, DiskReadOnly, DiskFailed; the caller may offer the same records again later.
        """
        data = b"".join(_encode(record) for record in records)
        if not data:
            return
        if self._handle < 0:
            self._open()
        try:
            _write(self._handle, data)
            os.fsync(self._handle)
        except OSError as error:
            self._give_up(data)
            raise disk_error(self._path, error) from error
        self._end += len(data)

    def _give_up(self, data: bytes) -> None:
        """Cut off what was not accepted. The file is opened anew before the next append.

        After a failed fsync nobody knows what the disk has of it; all before `_end` was forced to it before.
        """
        self._refused = data
        handle, self._handle = self._handle, -1
        try:
            os.ftruncate(handle, self._end)
            os.fsync(handle)
            self._refused = b""
        except OSError:
            pass  # tried again when the file is opened anew
        finally:
            os.close(handle)

    def _open(self) -> None:
        with storing(self._path):
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._lock(handle)
                self._repair(handle)
                if self._end == len(MAGIC):  # perhaps nobody has made sure of the file's name yet
                    sync_folder(self._path.parent)
            except BaseException:
                os.close(handle)
                raise
        self._handle = handle

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalBusy(self._path) from None

    def _repair(self, handle: int) -> None:
        """Cut a torn tail, and what an append that failed left behind, so that what follows stays readable."""
        size = os.fstat(handle).st_size
        left = os.pread(handle, len(self._refused) + 1, self._end) if self._refused else b""
        if left and self._refused.startswith(left):
            size = self._end
            os.ftruncate(handle, size)
        good = max((end for _, end in _scan(self._path)), default=len(MAGIC) if size >= len(MAGIC) else 0)
        if good < size:
            os.ftruncate(handle, good)
        os.lseek(handle, 0, os.SEEK_END)
        if good == 0:
            _write(handle, MAGIC)
        if good == 0 or good < size or self._refused:
            os.fsync(handle)
        self._end = max(good, len(MAGIC))
        self._refused = b""


def _write(handle: int, data: bytes) -> None:
    """Write all of the bytes, however few the system takes at once."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, so that a new file survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encode(record: Record) -> bytes:
    body = HEAD.pack(record.kind, record.time_ms) + record.payload
    return FRAME.pack(len(body), zlib.crc32(body)) + body


def _scan(path: Path) -> Iterator[tuple[Record, int]]:
    """Yield each accepted record with the offset at which it ends."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
        if len(head) < len(MAGIC) and MAGIC.startswith(head):
            return
        if head != MAGIC:
            raise FolderError(path, "not a journal", "name the reader's own folder")
        size, offset = os.fstat(file.fileno()).st_size, len(MAGIC)
        data, at = b"", 0
        while offset < size:
            left = size - offset
            length, crc = FRAME.unpack_from(data, at) if len(data) - at >= FRAME.size else (0, 0)
            if len(data) - at < min(FRAME.size + length, left):
                more = file.read(max(BLOCK, min(length, left)))
                if not more:
                    return  # the file was cut meanwhile
                data, at = data[at:] + more, 0
                continue
            body = data[at + FRAME.size : at + FRAME.size + length]
            if not HEAD.size <= length <= left - FRAME.size or body[0] not in KINDS or zlib.crc32(body) != crc:
                file.seek(offset)
                rest = file.read(left)
                # never accepted if nothing accepted follows: the record is torn, or space was given and never written
                if any(_body_at(rest, later) for later in range(1, len(rest) - FRAME.size - HEAD.size + 1)):
                    raise JournalDamaged(path, offset)
                return
            kind, time_ms = HEAD.unpack_from(body)
            offset += FRAME.size + length
            at += FRAME.size + length
            yield Record(kind=KINDS[kind], time_ms=time_ms, payload=body[HEAD.size :]), offset


def _body_at(data: bytes, offset: int) -> bytes | None:
    """Return the body of a good record at an offset, None if there is none."""
    if offset + FRAME.size > len(data):
        return None
    length, crc = FRAME.unpack_from(data, offset)
    if not HEAD.size <= length <= len(data) - offset - FRAME.size:
        return None
    body = data[offset + FRAME.size : offset + FRAME.size + length]
    return body if body[0] in KINDS and zlib.crc32(body) == crc else None

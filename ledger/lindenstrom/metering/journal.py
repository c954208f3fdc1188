"""An append-only journal of what a meter sent and when it was received.

SML has no wall clock, so the receive time is part of the evidence: it is written, with the raw bytes, before anything
is interpreted; interpretation reads the journal only.

File: 8 bytes `LXJRNL01`, then records: length u32 ‖ CRC-32 u32 ‖ kind u8 ‖ time u64 (unix ms) ‖ payload, big-endian.
The length counts kind, time and payload; the CRC covers them. A record is accepted once `append` has returned.
A torn last record (a crash while writing) was never accepted: readers pass over it, the next writer cuts it off.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from lindenstrom.metering.errors import FolderError, JournalBusy, JournalDamaged

MAGIC = b"LXJRNL01"
FRAME = struct.Struct(">II")
HEAD = struct.Struct(">BQ")


class Kind(IntEnum):
    """What a record's payload is."""

    SML = 1  # raw bytes of a serial line, cut anywhere
    REGISTERS = 2  # import mWh u64 ‖ export mWh u64 at the record's time
    INTERVALS = 3  # n × (import mWh u32 ‖ export mWh u32 ‖ status u8), the slots from the record's time on
    BREAK = 4  # old end import, export, new start import, export: mWh u64 each
    DSMR = 5  # raw bytes of a P1 or D0 line, cut anywhere
    MQTT = 6  # length of the topic u16 ‖ topic (UTF-8) ‖ payload as received
    READING = 7  # flags u8 ‖ import mWh u64 ‖ export mWh u64, one reading with a time of its own


KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One journal entry: `time_ms` is when the payload was received (raw streams) or holds (values), unix ms."""

    kind: Kind
    time_ms: int
    payload: bytes


def read_journal(path: Path) -> tuple[Record, ...]:
    """Return all accepted records, oldest first; none if the file does not exist. Raises JournalDamaged."""
    return _parse(path, path.read_bytes() if path.exists() else b"")[0]


class Journal:
    """A journal open for writing; one writer at a time, as a context manager.

    Raises JournalBusy if another process writes it, JournalDamaged if a record before the last is bad.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        new = not path.exists()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._lock()
            self._repair()
            if new:
                sync_folder(path.parent)
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def append(self, records: Iterable[Record]) -> None:
        """Write the records in order and force them to the disk."""
        data = b"".join(_encode(record) for record in records)
        if not data:
            return
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]
        os.fsync(self._handle)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalBusy(self._path) from None

    def _repair(self) -> None:
        """Cut a torn tail, so that what follows it stays readable."""
        data = self._path.read_bytes()
        _, good = _parse(self._path, data)
        if good < len(data):
            os.ftruncate(self._handle, good)
        os.lseek(self._handle, 0, os.SEEK_END)
        if good == 0:
            os.write(self._handle, MAGIC)
        if good == 0 or good < len(data):
            os.fsync(self._handle)


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


def _parse(path: Path, data: bytes) -> tuple[tuple[Record, ...], int]:
    """Return the accepted records and the length of the part that holds them."""
    if len(data) < len(MAGIC) and MAGIC.startswith(data):
        return (), 0
    if not data.startswith(MAGIC):
        raise FolderError(path, "not a journal", "name the reader's own folder")
    records: list[Record] = []
    offset = len(MAGIC)
    while offset < len(data):
        body = _body_at(data, offset)
        if body is None:
            # never accepted if nothing accepted follows: the record is torn, or space was given and never written
            if any(_body_at(data, later) for later in range(offset + 1, len(data) - FRAME.size - HEAD.size + 1)):
                raise JournalDamaged(path, offset)
            return tuple(records), offset
        kind, time_ms = HEAD.unpack_from(body)
        records.append(Record(kind=Kind(kind), time_ms=time_ms, payload=body[HEAD.size :]))
        offset += FRAME.size + len(body)
    return tuple(records), offset


def _body_at(data: bytes, offset: int) -> bytes | None:
    """Return the body of a good record at an offset, None if there is none."""
    if offset + FRAME.size > len(data):
        return None
    length, crc = FRAME.unpack_from(data, offset)
    if not HEAD.size <= length <= len(data) - offset - FRAME.size:
        return None
    body = data[offset + FRAME.size : offset + FRAME.size + length]
    return body if body[0] in KINDS and zlib.crc32(body) == crc else None

"""What a disk or a database says when it takes nothing, as the project's errors."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lindenstrom.metering.errors import DiskFailed, DiskFull, DiskReadOnly, OutboxDamaged, SenderBusy, StorageError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_WRITES = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
BUSY_S = 30


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Raises DiskFull, DiskReadOnly or DiskFailed for an error of the operating system while something is written."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error


def disk_error(path: Path, error: OSError) -> StorageError:
    """The project's error for one of the operating system."""
    if error.errno in NO_ROOM:
        return DiskFull(path)
    if error.errno in NO_WRITES:
        return DiskReadOnly(path)
    return DiskFailed(path, error.strerror or type(error).__name__)


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file in use, commits forced to the disk. Raises DiskFull, DiskReadOnly, DiskFailed, OutboxDamaged."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as opened:
            opened.execute("PRAGMA synchronous = FULL")
            opened.execute("PRAGMA secure_delete = ON")
            yield opened
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise _database_error(path, error) from error


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction: all of it is there afterwards or, if it fails, nothing. Raises as `database`."""
    with database(path) as opened, opened:
        yield opened


def _database_error(path: Path, error: sqlite3.DatabaseError) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the upper bytes say where in SQLite it happened
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(path)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return DiskReadOnly(path)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return OutboxDamaged(path)
    return DiskFailed(path, getattr(error, "sqlite_errorname", type(error).__name__))


@contextmanager
def only_sender(path: Path) -> Iterator[None]:
    """One process at a time sends for a reader; the lock falls with it. Raises SenderBusy, and as `storing`."""
    with storing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SenderBusy(path) from None
        yield
    finally:
        os.close(handle)

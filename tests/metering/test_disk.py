"""A disk that is full, read-only, failing or cut off from power: what was accepted stays, what was not is refused."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lindenstrom.metering import journal as journal_module
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.errors import DiskFailed, DiskFull, DiskReadOnly, OutboxDamaged, StorageError
from lindenstrom.metering.journal import Journal, Kind, Record, read_journal
from lindenstrom.metering.outbox import Outbox
from metering import folders
from metering.folders import DAY, KEY, NOW, FileChain


def record(number: int, size: int = 40) -> Record:
    return Record(kind=Kind.SML, time_ms=number, payload=bytes([number % 251]) * size)


class FaultyDisk:
    """Stands for `os` in the journal: fails to order, writes a few bytes at once, knows what was forced to the disk."""

    def __init__(self, fails: Callable[[str], bool]) -> None:
        self._fails = fails
        self.synced: dict[Path, bytes] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def _fail(self, kind: str, code: int) -> None:
        if self._fails(kind):
            raise OSError(code, os.strerror(code))

    def write(self, handle: int, data: bytes) -> int:
        self._fail("write", errno.ENOSPC)
        done = os.write(handle, data[: max(1, len(data) // 2)])
        self._fail("short", errno.ENOSPC)
        return done

    def ftruncate(self, handle: int, size: int) -> None:
        self._fail("truncate", errno.EIO)
        os.ftruncate(handle, size)

    def fsync(self, handle: int) -> None:
        self._fail("sync", errno.EIO)
        os.fsync(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.is_file():
            self.synced[path] = path.read_bytes()


@contextmanager
def on_disk(fails: Callable[[str], bool]) -> Iterator[FaultyDisk]:
    disk = FaultyDisk(fails)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal_module, "os", disk)
        yield disk


FAULTS = st.lists(st.sampled_from(["", "", "", "", "write", "short", "truncate", "sync"]), max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=FAULTS, batches=st.lists(st.integers(1, 4), min_size=1, max_size=8), cut=st.integers(0, 200))
def test_whatever_the_disk_does_the_journal_holds_what_was_accepted(
    tmp_path: Path, faults: list[str], batches: list[int], cut: int
) -> None:
    path = tmp_path / "a.sml"
    path.unlink(missing_ok=True)
    accepted: list[Record] = []
    number = 0
    order = iter(faults)
    with on_disk(lambda kind: next(order, "") == kind) as disk:
        journal = None
        for size in batches:
            batch = [record(number + at, 30 + at) for at in range(size)]
            number += size
            for _ in range(200):  # the source offers it again until it is taken
                try:
                    journal = journal or Journal(path)
                    journal.append(batch)
                except StorageError:
                    continue
                break
            accepted += batch
            assert read_journal(path) == tuple(accepted)
        assert journal is not None
        journal.__exit__(None, None, None)
    # power cut: what was forced to the disk, and any part of what was written after
    safe, now = disk.synced[path], path.read_bytes()
    assert now.startswith(safe)
    path.write_bytes(now[: len(safe) + cut])
    assert read_journal(path) == tuple(accepted)


@pytest.mark.parametrize(
    ("faults", "error"),
    [({"write"}, DiskFull), ({"short"}, DiskFull), ({"sync"}, DiskFailed), ({"sync", "truncate"}, DiskFailed)],
    ids=["full", "torn", "fsync", "not to be cut off before the disk is well"],
)
def test_a_refused_record_is_not_there_and_the_next_ones_are(
    tmp_path: Path, faults: set[str], error: type[Exception]
) -> None:
    path = tmp_path / "a.sml"
    with Journal(path) as journal:
        journal.append([record(1)])
        before = path.read_bytes()
        with on_disk(faults.__contains__), pytest.raises(error, match="nothing that was accepted is lost"):
            journal.append([record(2)])
        assert path.read_bytes().startswith(before)
        journal.append([record(2)])
        journal.append([record(3)])
    assert read_journal(path) == (record(1), record(2), record(3))


def test_the_name_of_a_new_file_is_made_sure_of_before_its_first_record(tmp_path: Path) -> None:
    path = tmp_path / "a.sml"
    synced: list[Path] = []
    with pytest.MonkeyPatch.context() as patched:

        def killed(_folder: Path) -> None:
            raise KeyboardInterrupt

        patched.setattr(journal_module, "sync_folder", killed)
        with pytest.raises(KeyboardInterrupt):
            Journal(path)
        patched.setattr(journal_module, "sync_folder", synced.append)
        with Journal(path) as journal:
            assert synced == [tmp_path]
            journal.append([record(1)])
        with Journal(path) as journal:
            journal.append([record(2)])
    assert synced == [tmp_path]
    assert read_journal(path) == (record(1), record(2))


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_system_itself_stops_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.sml"
    with Journal(path) as journal:
        journal.append([record(number) for number in range(3)])
        with file_size_limit(path.stat().st_size + 20), pytest.raises(DiskFull, match="no room left"):
            journal.append([record(4)])
        assert read_journal(path) == tuple(record(number) for number in range(3))
        journal.append([record(4)])
    assert len(read_journal(path)) == 4


def test_a_home_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    adapter, chain = (
        Adapter.create(tmp_path / "home", folders.home_setup(), random=os.urandom),
        FileChain(tmp_path / "c"),
    )
    frames = folders.telegrams(step=600)
    with file_size_limit(6_000), pytest.raises(StorageError):
        adapter.import_sml(5, frames)
    adapter.import_sml(5, frames)

    def steps(limit: int) -> None:
        with file_size_limit(limit):
            adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)

    for limit in (100, 1_000):
        with pytest.raises(StorageError):
            steps(limit)
        assert chain.calls == 0
    steps(10**7)
    assert [entry.anchored for entry in adapter.outbox.entries()] == [True]
    assert chain.calls == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_READONLY, DiskReadOnly),
        (sqlite3.SQLITE_IOERR_FSYNC, DiskFailed),
        (sqlite3.SQLITE_CORRUPT, OutboxDamaged),
    ],
)
def test_the_outbox_says_what_the_disk_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")

    class Failing(sqlite3.Connection):
        def executemany(self, *_: object) -> sqlite3.Cursor:
            failure = sqlite3.OperationalError("the disk")
            failure.sqlite_errorcode = code  # type: ignore[misc]
            raise failure

    real: Callable[..., sqlite3.Connection] = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Failing))
        with pytest.raises(error):
            outbox.add(window=1, revision=0, root=bytes(32), packs={0: b"p"}, boundaries={}, gaps=[])
    assert outbox.entries() == ()
    outbox.add(window=1, revision=0, root=bytes(32), packs={0: b"p"}, boundaries={}, gaps=[])
    assert outbox.packs(1) == {0: b"p"}


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OutboxDamaged, match="restore it from a backup"):
        Outbox(tmp_path / "outbox.sqlite")


@pytest.mark.integration
def test_a_real_file_system_full_and_read_only(tmp_path: Path) -> None:
    """On a small file system of its own, where the machine lets a test mount one."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        adapter = Adapter.create(place / "home", folders.home_setup(), random=os.urandom)
        chain = FileChain(tmp_path / "chain")
        frames = folders.telegrams(step=600)
        with adapter.open_sml(5, frames[0][0]) as journal:
            taken = 0
            with suppress(DiskFull):
                while taken < 10**5:
                    journal.append([record(taken, 400)])
                    taken += 1
            assert 0 < taken < 10**5
        path = next((place / "home").rglob("*.sml"))
        assert len(read_journal(path)) == taken
        with pytest.raises(DiskFull):
            adapter.outbox.add(window=1, revision=0, root=bytes(32), packs={0: bytes(60_000)}, boundaries={}, gaps=[])
        path.unlink()  # the user makes room
        adapter.import_sml(5, frames)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        with pytest.raises(DiskReadOnly):
            adapter.import_sml(5, folders.telegrams(DAY + 1, step=900))
        with pytest.raises(DiskReadOnly):
            adapter.outbox.set_signature(1, 0, b"s")
        with pytest.raises(DiskReadOnly):
            adapter.build(DAY, now=NOW)
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
        assert [entry.anchored for entry in adapter.outbox.entries()] == [True]
    finally:
        subprocess.run(["umount", place], check=False)

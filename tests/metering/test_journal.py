"""The journal: what was accepted stays, a torn tail never was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lindenstrom.metering.errors import FolderError, JournalBusy, JournalDamaged
from lindenstrom.metering.journal import Journal, Kind, Record, read_journal

records = st.lists(
    st.builds(
        Record,
        kind=st.sampled_from(Kind),
        time_ms=st.integers(0, 2**63),
        payload=st.binary(max_size=60),
    ),
    min_size=1,
    max_size=8,
)


def written(path: Path, batch: list[Record]) -> Path:
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        journal.append(batch)
    return path


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=records, more=records, data=st.data())
def test_cut_anywhere_the_whole_records_before_stay(
    tmp_path: Path, batch: list[Record], more: list[Record], data: st.DataObject
) -> None:
    path = written(tmp_path / "a.journal", batch)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    kept = read_journal(path)
    assert kept == tuple(batch[: len(kept)])
    if cut == len(content):
        assert len(kept) == len(batch)
    with Journal(path) as journal:
        journal.append(more)
    assert read_journal(path) == (*kept, *more)


def test_tail_of_zeros_is_torn(tmp_path: Path) -> None:
    batch = [Record(kind=Kind.SML, time_ms=1, payload=b"abc")]
    path = written(tmp_path / "a.journal", batch)
    path.write_bytes(path.read_bytes() + bytes(4096))
    with Journal(path) as journal:
        journal.append(batch)
    assert read_journal(path) == (*batch, *batch)


@pytest.mark.parametrize("at", [8, 11, 12, 16, 20, 26])
def test_damage_before_the_end_is_an_error_for_reader_and_writer(tmp_path: Path, at: int) -> None:
    batch = [Record(kind=Kind.SML, time_ms=number, payload=b"abc") for number in range(3)]
    path = written(tmp_path / "a.journal", batch)
    content = bytearray(path.read_bytes())
    content[at] ^= 0x80
    path.write_bytes(content)
    with pytest.raises(JournalDamaged, match=r"a\.journal: the record at byte 8 is damaged"):
        read_journal(path)
    with pytest.raises(JournalDamaged):
        Journal(path)
    assert path.read_bytes() == bytes(content)


def test_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    with Journal(path), pytest.raises(JournalBusy, match="another process is writing"):
        Journal(path)
    Journal(path).__exit__(None, None, None)


def test_absent_is_empty_and_foreign_is_refused(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none") == ()
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(FolderError, match="not a journal"):
        read_journal(tmp_path / "x")


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.journal", [])
    assert path.stat().st_mode & 0o777 == 0o600

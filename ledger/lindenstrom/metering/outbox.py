"""The outbox: what a reader has built, signed, delivered and anchored, in one SQLite file.

A step is written down here before it has an effect outside, and marked done after; so a crash at any moment leaves a
step that is either not begun or can be done again to the same effect. Built packs and roots never change (I6).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lindenstrom.core.hashing import u64
from lindenstrom.core.packs import Registers

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    window INTEGER NOT NULL, revision INTEGER NOT NULL, root BLOB NOT NULL, signature BLOB,
    delivered INTEGER NOT NULL DEFAULT 0, anchored INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (window, revision)
) STRICT;
CREATE TABLE IF NOT EXISTS packs (
    window INTEGER NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL, pack BLOB NOT NULL,
    PRIMARY KEY (window, revision, position)
) STRICT;
-- registers (import u64, export u64) at a slot's start that a pack of this meter begins or ends with
CREATE TABLE IF NOT EXISTS boundaries (
    meter BLOB NOT NULL, slot INTEGER NOT NULL, registers BLOB NOT NULL,
    PRIMARY KEY (meter, slot)
) STRICT;
-- what a built window lacks: positions left empty, quarter-hours taken as missing, values that came later
CREATE TABLE IF NOT EXISTS gaps (
    window INTEGER NOT NULL, position INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (window, position, reason)
) STRICT;
-- months (since year 0) that were erased: when it was begun and finished, unix time
CREATE TABLE IF NOT EXISTS erasures (month INTEGER PRIMARY KEY, begun_at INTEGER NOT NULL, finished_at INTEGER) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One root of a reader and how far it has come. `signature` is empty until signed."""

    window: int
    revision: int
    root: bytes
    signature: bytes
    delivered: bool
    anchored: bool


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Gap:
    """Something that a window lacks, at a position, and why."""

    window: int
    position: int
    reason: str


class Outbox:
    """A reader's outbox; every method is one transaction, forced to the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(mode=0o600)
        with closing(self._open()) as database:
            database.executescript(SCHEMA)

    def entry(self, window: int) -> Entry | None:
        """Return the entry of a window's newest revision, None if it is not built."""
        found = self._entries("WHERE window = ?", (window,))
        return found[-1] if found else None

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries by window and revision."""
        return self._entries("", ())

    def packs(self, window: int, revision: int = 0) -> dict[int, bytes]:
        """Return a window's packs by position."""
        rows = self._rows(
            "SELECT position, pack FROM packs WHERE window = ? AND revision = ? ORDER BY position", (window, revision)
        )
        return dict(rows)

    def boundaries(self, meter: bytes) -> dict[int, Registers]:
        """Return the settled registers of a meter by slot."""
        rows = self._rows("SELECT slot, registers FROM boundaries WHERE meter = ?", (meter,))
        return {slot: _registers(data) for slot, data in rows}

    def gaps(self) -> tuple[Gap, ...]:
        """Return what built windows lack, by window and position."""
        rows = self._rows("SELECT window, position, reason FROM gaps ORDER BY window, position, reason", ())
        return tuple(Gap(window=window, position=position, reason=reason) for window, position, reason in rows)

    def add(
        self,
        *,
        window: int,
        revision: int,
        root: bytes,
        packs: Mapping[int, bytes],
        boundaries: Mapping[bytes, Mapping[int, Registers]],
        gaps: Sequence[Gap],
    ) -> None:
        """Write a built revision as a whole, and what it lacks. The caller has seen that there is none yet."""
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM gaps WHERE window = ?", (window,))
            database.execute("INSERT INTO entries (window, revision, root) VALUES (?, ?, ?)", (window, revision, root))
            database.executemany(
                "INSERT INTO packs VALUES (?, ?, ?, ?)", [(window, revision, at, pack) for at, pack in packs.items()]
            )
            database.executemany(
                "INSERT OR IGNORE INTO boundaries VALUES (?, ?, ?)",
                [(meter, slot, _bytes(pair)) for meter, slots in boundaries.items() for slot, pair in slots.items()],
            )
            database.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", [_row(gap) for gap in gaps])

    def add_gaps(self, gaps: Sequence[Gap]) -> None:
        """Write down what built windows lack."""
        with closing(self._open()) as database, database:
            database.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", [_row(gap) for gap in gaps])

    def set_gaps(self, window: int, gaps: Sequence[Gap]) -> None:
        """Write down what a built window lacks now, and nothing else."""
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM gaps WHERE window = ?", (window,))
            database.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", [_row(gap) for gap in gaps])

    def set_signature(self, window: int, revision: int, signature: bytes) -> None:
        """Keep the signature of a root; a later one does not replace it."""
        self._execute(
            "UPDATE entries SET signature = ? WHERE window = ? AND revision = ? AND signature IS NULL",
            (signature, window, revision),
        )

    def set_delivered(self, window: int, revision: int) -> None:
        """Note that the packs lie in the mailbox."""
        self._execute("UPDATE entries SET delivered = 1 WHERE window = ? AND revision = ?", (window, revision))

    def set_anchored(self, window: int, revision: int) -> None:
        """Note that the root is on the chain."""
        self._execute("UPDATE entries SET anchored = 1 WHERE window = ? AND revision = ?", (window, revision))

    def erasures(self) -> dict[int, tuple[int, int | None]]:
        """Return the erased months with when it was begun and finished (None while it is not)."""
        rows = self._rows("SELECT month, begun_at, finished_at FROM erasures ORDER BY month", ())
        return {month: (begun, finished) for month, begun, finished in rows}

    def begin_erasure(self, month: int, now: int) -> None:
        """Write down that a month is going to be erased, before anything is."""
        self._execute("INSERT OR IGNORE INTO erasures (month, begun_at) VALUES (?, ?)", (month, now))

    def finish_erasure(self, month: int, now: int) -> None:
        """Write down that nothing of a month is left."""
        self._execute("UPDATE erasures SET finished_at = ? WHERE month = ?", (now, month))

    def erase(self, spans: Sequence[tuple[range, range]]) -> None:
        """Delete packs, gaps and registers of these windows and their slots, with their bytes; roots stay.

        A meter's newest registers stay until there are newer ones: the next pack goes on from them.
        """
        with closing(self._open()) as database, database:
            for windows, slots in spans:
                days = (windows.start, windows.stop)
                database.execute("DELETE FROM packs WHERE window >= ? AND window < ?", days)
                database.execute("DELETE FROM gaps WHERE window >= ? AND window < ?", days)
                database.execute(
                    "DELETE FROM boundaries WHERE slot >= ? AND slot < ? AND slot < "
                    "(SELECT max(b.slot) FROM boundaries AS b WHERE b.meter = boundaries.meter)",
                    (slots.start, slots.stop),
                )
        with closing(self._open()) as database:
            database.execute("VACUUM")

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=30)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
        return database

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with closing(self._open()) as database:
            rows: list[tuple[Any, ...]] = database.execute(statement, values).fetchall()
        return rows

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        with closing(self._open()) as database, database:
            database.execute(statement, values)

    def _entries(self, where: str, values: tuple[object, ...]) -> tuple[Entry, ...]:
        columns = "window, revision, root, COALESCE(signature, x''), delivered, anchored"
        rows = self._rows(f"SELECT {columns} FROM entries {where} ORDER BY window, revision", values)  # noqa: S608
        return tuple(
            Entry(
                window=window,
                revision=revision,
                root=root,
                signature=signature,
                delivered=bool(delivered),
                anchored=bool(anchored),
            )
            for window, revision, root, signature, delivered, anchored in rows
        )


def _row(gap: Gap) -> tuple[int, int, str]:
    return gap.window, gap.position, gap.reason


def _bytes(pair: Registers) -> bytes:
    return u64(pair.import_mwh) + u64(pair.export_mwh)


def _registers(data: bytes) -> Registers:
    return Registers(import_mwh=int.from_bytes(data[:8], "big"), export_mwh=int.from_bytes(data[8:], "big"))

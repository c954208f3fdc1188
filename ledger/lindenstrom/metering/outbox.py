"""The outbox: what a reader has built, signed, delivered, anchored and seen final, in one SQLite file.

A step is written down here before it has an effect outside, and marked done after; so a crash at any moment leaves a
step that is either not begun or can be done again to the same effect. Built packs and roots never change (I6), and
stay until their month is erased. The transactions that carry roots are written here before they are first sent.

All methods raise DiskFull, DiskReadOnly, DiskFailed, OutboxDamaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from lindenstrom.core.hashing import u64
from lindenstrom.core.packs import Registers
from lindenstrom.metering.storage import database, storing, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    window INTEGER NOT NULL, revision INTEGER NOT NULL, root BLOB NOT NULL, signature BLOB,
    delivered INTEGER NOT NULL DEFAULT 0, anchored INTEGER NOT NULL DEFAULT 0, final INTEGER NOT NULL DEFAULT 0,
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
-- signed transactions that carry roots, by the account that pays; those of one nonce differ in their fee alone
CREATE TABLE IF NOT EXISTS sendings (
    number INTEGER PRIMARY KEY, sender BLOB NOT NULL, nonce INTEGER NOT NULL, raw BLOB NOT NULL UNIQUE,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;
-- months (since year 0) that were erased: when it was begun and finished, unix time
CREATE TABLE IF NOT EXISTS erasures (month INTEGER PRIMARY KEY, begun_at INTEGER NOT NULL, finished_at INTEGER) STRICT;
"""
NEAR = """
SELECT slot, registers FROM boundaries WHERE meter = :meter
AND slot >= COALESCE((SELECT max(slot) FROM boundaries WHERE meter = :meter AND slot <= :first), :first)
AND slot <= COALESCE((SELECT min(slot) FROM boundaries WHERE meter = :meter AND slot >= :last), :last)
"""
VERSION = 2
"""Of the tables. Those before, without a number, knew no sendings, and of no entry whether it was final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One root of a reader and how far it has come. `signature` is empty until signed.

    anchored: it was on the chain when last looked for. final: the chain cannot lose it any more.
    """

    window: int
    revision: int
    root: bytes
    signature: bytes
    delivered: bool
    anchored: bool
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Gap:
    """Something that a window lacks, at a position, and why."""

    window: int
    position: int
    reason: str


class Outbox:
    """A reader's outbox; every method is one transaction, forced to the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            with storing(path):
                path.touch(mode=0o600)
        if self._rows("PRAGMA user_version", ())[0][0] < VERSION:
            with transaction(path) as opened:
                opened.executescript(SCHEMA)
                if "final" not in {row[1] for row in opened.execute("PRAGMA table_info(entries)")}:
                    opened.execute("ALTER TABLE entries ADD COLUMN final INTEGER NOT NULL DEFAULT 0")
                opened.execute(f"PRAGMA user_version = {VERSION}")

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

    def boundaries_near(self, meters: Iterable[bytes], first: int, last: int) -> dict[bytes, dict[int, Registers]]:
        """Return the settled registers of meters between two slots, and the nearest outside on either side."""
        with database(self.path) as opened:
            return {
                meter: {
                    slot: _registers(data)
                    for slot, data in opened.execute(NEAR, {"meter": meter, "first": first, "last": last})
                }
                for meter in meters
            }

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
        with transaction(self.path) as opened:
            opened.execute("DELETE FROM gaps WHERE window = ?", (window,))
            opened.execute("INSERT INTO entries (window, revision, root) VALUES (?, ?, ?)", (window, revision, root))
            opened.executemany(
                "INSERT INTO packs VALUES (?, ?, ?, ?)", [(window, revision, at, pack) for at, pack in packs.items()]
            )
            opened.executemany(
                "INSERT OR IGNORE INTO boundaries VALUES (?, ?, ?)",
                [(meter, slot, _bytes(pair)) for meter, slots in boundaries.items() for slot, pair in slots.items()],
            )
            opened.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", [_row(gap) for gap in gaps])

    def add_gaps(self, gaps: Sequence[Gap]) -> None:
        """Write down what built windows lack."""
        with transaction(self.path) as opened:
            opened.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", [_row(gap) for gap in gaps])

    def set_gaps(self, window: int, gaps: Sequence[Gap]) -> None:
        """Write down what a built window lacks now, and nothing else."""
        with transaction(self.path) as opened:
            opened.execute("DELETE FROM gaps WHERE window = ?", (window,))
            opened.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", [_row(gap) for gap in gaps])

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

    def settle(self, *, final: Iterable[Entry] = (), lost: Iterable[Entry] = (), closed: Iterable[bytes] = ()) -> None:
        """Note what the chain shows: roots that are final, roots that are gone from it, raw transactions done with."""
        with transaction(self.path) as opened:
            for state, entries in (("anchored = 1, final = 1", final), ("anchored = 0, final = 0", lost)):
                opened.executemany(
                    f"UPDATE entries SET {state} WHERE window = ? AND revision = ?",  # noqa: S608
                    [(entry.window, entry.revision) for entry in entries],
                )
            opened.executemany("UPDATE sendings SET closed = 1 WHERE raw = ?", [(raw,) for raw in closed])

    def add_sending(self, sender: bytes, nonce: int, raw: bytes) -> None:
        """Keep a signed transaction before it is sent."""
        self._execute("INSERT OR IGNORE INTO sendings (sender, nonce, raw) VALUES (?, ?, ?)", (sender, nonce, raw))

    def sendings(self, sender: bytes) -> tuple[tuple[bytes, ...], ...]:
        """Return the open transactions of an account by nonce; within a nonce, the newest last."""
        rows = self._rows(
            "SELECT nonce, raw FROM sendings WHERE sender = ? AND NOT closed ORDER BY nonce, number", (sender,)
        )
        return tuple(tuple(raw for _, raw in group) for _, group in groupby(rows, key=itemgetter(0)))

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
        with transaction(self.path) as opened:
            for windows, slots in spans:
                days = (windows.start, windows.stop)
                opened.execute("DELETE FROM packs WHERE window >= ? AND window < ?", days)
                opened.execute("DELETE FROM gaps WHERE window >= ? AND window < ?", days)
                opened.execute(
                    "DELETE FROM boundaries WHERE slot >= ? AND slot < ? AND slot < "
                    "(SELECT max(b.slot) FROM boundaries AS b WHERE b.meter = boundaries.meter)",
                    (slots.start, slots.stop),
                )
        with database(self.path) as opened:
            opened.execute("VACUUM")

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with database(self.path) as opened:
            rows: list[tuple[Any, ...]] = opened.execute(statement, values).fetchall()
        return rows

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        with transaction(self.path) as opened:
            opened.execute(statement, values)

    def _entries(self, where: str, values: tuple[object, ...]) -> tuple[Entry, ...]:
        columns = "window, revision, root, COALESCE(signature, x''), delivered, anchored, final"
        rows = self._rows(f"SELECT {columns} FROM entries {where} ORDER BY window, revision", values)  # noqa: S608
        return tuple(
            Entry(
                window=window,
                revision=revision,
                root=root,
                signature=signature,
                delivered=bool(delivered),
                anchored=bool(anchored),
                final=bool(final),
            )
            for window, revision, root, signature, delivered, anchored, final in rows
        )


def _row(gap: Gap) -> tuple[int, int, str]:
    return gap.window, gap.position, gap.reason


def _bytes(pair: Registers) -> bytes:
    return u64(pair.import_mwh) + u64(pair.export_mwh)


def _registers(data: bytes) -> Registers:
    return Registers(import_mwh=int.from_bytes(data[:8], "big"), export_mwh=int.from_bytes(data[8:], "big"))

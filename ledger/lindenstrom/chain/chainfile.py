"""The embedded chain's one SQLite file: trie nodes, receipts and logs; one transaction per block.

Writes gather in memory and reach the file together with their block: a killed process leaves the last complete block.
The open connection holds SQLite's own exclusive lock, which the system releases with the process.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lindenstrom.chain.errors import ChainFileBusy, ChainFileMissing, NotAChainFile

APPLICATION_ID = 0x4C737472  # "Lstr"
VERSION = 1
POLL_S = 0.05
CACHE_ENTRIES = 200_000

_SCHEMA = (
    "CREATE TABLE node (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE receipt (tx_hash BLOB PRIMARY KEY, block INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE log (block INTEGER NOT NULL, position INTEGER NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, body TEXT NOT NULL,
    PRIMARY KEY (block, position)) WITHOUT ROWID""",
    "CREATE INDEX log_by_topic ON log (address, topic0, topic1, topic2, block)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedReceipt:
    """A transaction's receipt and logs in the form that JSON-RPC gives them."""

    tx_hash: bytes
    block: int
    body: dict[str, Any]


class ChainFile:
    """Key-value store with an index of receipts and logs. Open it with `create` or `open`; `close` ends it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._pending: dict[bytes, bytes | None] = {}
        self._receipts: list[MinedReceipt] = []
        self._cache: dict[bytes, bytes] = {}

    @classmethod
    def create(cls, path: Path) -> "ChainFile":
        """Begin in an empty file; the first commit ends the beginning."""
        connection = _connect(path, 0.0, is_new=True)
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path, wait_s: float) -> "ChainFile":
        """An existing file. Errors: ChainFileMissing, ChainFileBusy, NotAChainFile."""
        if not path.is_file():
            raise ChainFileMissing(path)
        try:
            connection = _connect(path, wait_s)
        except sqlite3.DatabaseError as error:
            raise NotAChainFile(path, type(error).__name__) from error
        return cls(path, connection)

    def close(self) -> None:
        """Drop what belongs to no complete block, and release the lock."""
        self._pending.clear()
        self._connection.close()

    # --- the dict-like part, for the EVM's databases

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._pending:
            value = self._pending[key]
            if value is None:
                raise KeyError(key)
            return value
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        row = self._connection.execute("SELECT value FROM node WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        stored: bytes = row[0]
        if len(self._cache) >= CACHE_ENTRIES:
            self._cache.clear()
        self._cache[key] = stored
        return stored

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._pending[key] = None

    def __contains__(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    # --- blocks

    def add_receipt(self, receipt: MinedReceipt) -> None:
        """Keep a receipt for the next commit."""
        self._receipts.append(receipt)

    def commit(self) -> None:
        """Everything since the last commit, in one transaction."""
        run = self._connection
        if not run.in_transaction:  # create() has one open already
            run.execute("BEGIN IMMEDIATE")
        gone = [(key,) for key, value in self._pending.items() if value is None]
        kept = [(key, value) for key, value in self._pending.items() if value is not None]
        try:
            run.executemany("DELETE FROM node WHERE key = ?", gone)
            run.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", kept)
            for receipt in self._receipts:
                row = (receipt.tx_hash, receipt.block, json.dumps(receipt.body))
                run.execute("INSERT INTO receipt VALUES (?, ?, ?)", row)
                run.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _log_rows(receipt))
            run.execute("COMMIT")
        except BaseException:
            run.execute("ROLLBACK")
            raise
        for (key,) in gone:
            self._cache.pop(key, None)
        self._cache.update(kept)
        self.discard()

    def discard(self) -> None:
        """Forget everything since the last commit."""
        self._pending.clear()
        self._receipts.clear()

    # --- the index

    def receipt(self, tx_hash: bytes) -> dict[str, Any] | None:
        """The receipt as JSON-RPC gives it, or None."""
        row = self._connection.execute("SELECT body FROM receipt WHERE tx_hash = ?", (tx_hash,)).fetchone()
        return json.loads(row[0]) if row else None

    def logs(
        self, first_block: int, last_block: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]]
    ) -> Iterator[dict[str, Any]]:
        """Logs in order. topics: per position the accepted values, empty = any; likewise addresses."""
        where = ["block BETWEEN ? AND ?"]
        values: list[Any] = [first_block, last_block]
        columns = ["address", "topic0", "topic1", "topic2", "topic3"]
        for column, accepted in zip(columns, [addresses, *topics], strict=False):
            if accepted:
                where.append(f"{column} IN ({', '.join('?' * len(accepted))})")
                values += accepted
        query = f"SELECT body FROM log WHERE {' AND '.join(where)} ORDER BY block, position"  # noqa: S608 — no value inside
        for row in self._connection.execute(query, values):
            yield json.loads(row[0])


def _log_rows(receipt: MinedReceipt) -> Iterable[tuple[Any, ...]]:
    for log in receipt.body["logs"]:
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        padded = [*topics, None, None, None, None][:4]
        yield (receipt.block, int(log["logIndex"], 16), bytes.fromhex(log["address"][2:]), *padded, json.dumps(log))


def _connect(path: Path, wait_s: float, *, is_new: bool = False) -> sqlite3.Connection:
    deadline = time.monotonic() + wait_s
    while True:
        connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            if not is_new:
                _check_marks(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            connection.close()
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            if time.monotonic() >= deadline:
                raise ChainFileBusy(path, wait_s) from error
            time.sleep(POLL_S)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _check_marks(connection: sqlite3.Connection, path: Path) -> None:
    # Before anything is changed: the file may be another program's.
    names = ("application_id", "user_version")
    found = tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    if found != (APPLICATION_ID, VERSION):
        raise NotAChainFile(path, f"application {found[0]}, version {found[1]}")

"""Write points of an adapter: every call that leaves something on a disk or a wire, counted, and fatal to order.

Stands outside the adapter: it wraps `os`, SQLite's transactions and the requests to the node, in a test's process only.
A point has a name: what is written, by which call, and whether the kill comes before or after it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEDGER = os.write
"""The real one, for the notes of the test itself."""
SUFFIXES = {
    ".sml": "journal",
    ".dsmr": "journal",
    ".mqtt": "journal",
    ".csv": "journal",
    ".key": "month key",
    ".json": "mailbox",
}


class Points:
    """Counts points by name; at the `occurrence`-th (from 1) of `name` the process is killed."""

    def __init__(self, name: str = "", occurrence: int = 0) -> None:
        self._name, self._occurrence = name, occurrence
        self.counted: Counter[str] = Counter()

    def reach(self, name: str) -> None:
        """A point is reached."""
        self.counted[name] += 1
        if name == self._name and self.counted[name] == self._occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, what: str, call: Callable[[], Any]) -> Any:
        """Run a call with its two points."""
        self.reach(f"before {what}")
        result = call()
        self.reach(f"after {what}")
        return result

    def install(self) -> None:
        """Wrap what this process writes with, for the rest of its life."""
        for name in ("write", "fsync", "ftruncate"):
            setattr(os, name, self._on_handle(name, getattr(os, name)))
        for name in ("link", "rename", "unlink", "mkdir"):
            setattr(os, name, self._on_path(name, getattr(os, name)))
        points = self
        connect = sqlite3.connect

        class Watched(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                inner = super().execute
                if statement.lstrip()[:6] not in ("INSERT", "UPDATE", "DELETE"):
                    return inner(statement, *values)
                result: sqlite3.Cursor = points.around("outbox statement", lambda: inner(statement, *values))
                return result

            def executemany(self, statement: str, values: Any) -> sqlite3.Cursor:
                inner = super().executemany
                result: sqlite3.Cursor = points.around("outbox statement", lambda: inner(statement, values))
                return result

            def __exit__(self, *error: object) -> Any:
                inner = super().__exit__
                if not self.in_transaction:
                    return inner(*error)
                return points.around("outbox commit", lambda: inner(*error))

        sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Watched)  # type: ignore[assignment]

    def install_broker(self) -> None:
        """Wrap the acknowledgments to a broker as well."""
        from paho.mqtt.client import Client

        acknowledge, points = Client.ack, self

        def wrapped(client: Client, mid: int, qos: int) -> Any:
            return points.around("acknowledgment", lambda: acknowledge(client, mid, qos))

        Client.ack = wrapped  # type: ignore[method-assign]

    def _on_handle(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(handle: int, *values: Any) -> Any:
            return self.around(f"{_of(handle)} {name}", lambda: call(handle, *values))

        return wrapped

    def _on_path(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *values: Any, **more: Any) -> Any:
            return self.around(f"{_kind(Path(str(path)))} {name}", lambda: call(path, *values, **more))

        return wrapped


def _of(handle: int) -> str:
    return _kind(Path(os.readlink(f"/proc/self/fd/{handle}")))  # noqa: PTH115 — of a handle there is no path


def _kind(path: Path) -> str:
    if path.name.startswith("socket:"):
        return "network"
    name = path.name.removesuffix(".part")
    for suffix, kind in SUFFIXES.items():
        if suffix in name:
            return kind
    if path.name == "breaks":
        return "journal"
    return "folder"

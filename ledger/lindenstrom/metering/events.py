"""The adapter's log: one event a line on stderr, logfmt, without readings, names, metering points or meter numbers.

    time=2026-11-23T20:24:01Z level=info event=open source=/dev/ttyUSB0

What a value may be is decided here, in one place: names of things that the owner configured, positions, days, counts,
names of classes of errors. A text from outside, of an exception or a device, never gets in.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from lindenstrom.errors import LindenstromError
from lindenstrom.metering.config import LOG_LEVELS

_PLAIN = re.compile(r"[^\s\"=\x00-\x1f]+")

_ADDRESS = re.compile(r"(\w+://)(?:[^@/\s]*@)?([^/\s?#]+)[^\s;,)]*")

Loggable = str | int | Path


class EventLog:
    """Writes events to a stream from a level on."""

    def __init__(self, stream: TextIO, level: str = "info") -> None:
        self._stream = stream
        self._least = LOG_LEVELS.index(level)

    def event(self, name: str, level: str = "info", **fields: Loggable) -> None:
        """Write one event."""
        if LOG_LEVELS.index(level) < self._least:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        parts = [f"time={now}", f"level={level}", f"event={name}"]
        parts += [f"{key}={_quoted(str(value))}" for key, value in fields.items()]
        with suppress(OSError):
            self._stream.write(" ".join(parts) + "\n")
            self._stream.flush()

    def failure(self, name: str, error: BaseException, **fields: Loggable) -> None:
        """Write what went wrong: the class alone, of a project's own error also what it says (it holds no values)."""
        if what := said(error):
            fields["what"] = what
        self.event(name, "warning", error=type(error).__name__, **fields)


def said(error: BaseException) -> str:
    """What a failure may say in a log: of a foreign exception nothing, of an address its host alone."""
    return _ADDRESS.sub(r"\1\2", str(error)) if isinstance(error, LindenstromError) else ""


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'

"""Files as they were received, kept before anything in them is interpreted (I14).

`received/` of a reader's folder holds each file once, under the hash of its bytes and packed, with a note beside it:

    <sha-256>.gz      the bytes
    <sha-256>.json    {"received_ms": when it first came, "months": the UTC months that it has values of, or null}

The months are known once it was read to the end. They say when it has to go (R9); a file whose months are not known
is read for them then. The name that it came under is not kept: it may hold a metering point.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from lindenstrom.mailbox import make_folder
from lindenstrom.metering.journal import sync_folder
from lindenstrom.metering.storage import storing

FOLDER = "received"
PIECE = 1 << 20
LEVEL = 1
"""Of compression: quarter-hours in text shrink to a tenth by the quickest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that was kept: hash and length of its bytes, when it first came (unix ms), and whether that is now."""

    digest: str
    size: int
    received_ms: int
    is_new: bool


class Received:
    """The files of a reader's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def keep(self, path: Path, now_ms: int) -> Kept:
        """Keep a file's bytes, forced to the disk; one that is here already stays as it is."""
        with storing(self._folder):
            name, size = self._copy(path)
        received_ms = self._note(name).get("received_ms")
        if received_ms is None:
            self._write_note(name, now_ms, None)
            return Kept(digest=name, size=size, received_ms=now_ms, is_new=True)
        return Kept(digest=name, size=size, received_ms=int(received_ms), is_new=False)

    def _copy(self, path: Path) -> tuple[str, int]:
        """Write a file's bytes unless they are here; return their hash and length."""
        make_folder(self._folder)
        part = self._folder / f"{os.getpid()}.part"
        digest, size = hashlib.sha256(), 0
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as raw:
                with path.open("rb") as source, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed:
                    while piece := source.read(PIECE):
                        digest.update(piece)
                        packed.write(piece)
                        size += len(piece)
                raw.flush()
                os.fsync(raw.fileno())
            name = digest.hexdigest()
            if not self._bytes(name).exists():
                part.rename(self._bytes(name))
                sync_folder(self._folder)
        finally:
            part.unlink(missing_ok=True)
        return name, size

    def open(self, kept: Kept) -> BinaryIO:
        """Return a file's bytes."""
        return cast("BinaryIO", gzip.open(self._bytes(kept.digest), "rb"))

    def note_months(self, kept: Kept, months: Iterable[str]) -> None:
        """Note the months, YYYY-MM, that a file has values of."""
        self._write_note(kept.digest, kept.received_ms, sorted(months))

    def drop(self, kept: Kept) -> None:
        """Delete a file."""
        self._delete(kept.digest)
        sync_folder(self._folder)

    def months(self) -> set[str]:
        """Return the months of all files, as far as they are known."""
        return {month for name in self._names() for month in self._note(name).get("months") or ()}

    def erase(self, gone: Callable[[str], bool], months_of: Callable[[BinaryIO], Iterable[str] | None]) -> None:
        """Delete the files that have values of a month that is gone, or whose months nobody can tell.

        months_of: reads a file for its months; None if it cannot.
        """
        for name in list(self._names()):
            months = self._note(name).get("months")
            if months is None:
                with gzip.open(self._bytes(name), "rb") as stream:
                    months = months_of(cast("BinaryIO", stream))
            if months is None or any(gone(month) for month in months):
                self._delete(name)
        if self._folder.is_dir():
            for left in self._folder.glob("*.part"):
                left.unlink()
            sync_folder(self._folder)

    def _names(self) -> Iterator[str]:
        if self._folder.is_dir():
            yield from (path.stem for path in self._folder.glob("*.gz"))

    def _delete(self, name: str) -> None:
        self._bytes(name).unlink(missing_ok=True)
        self._note_path(name).unlink(missing_ok=True)

    def _note(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads(self._note_path(name).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write_note(self, name: str, received_ms: int, months: list[str] | None) -> None:
        part = self._note_path(name).with_suffix(".part")
        with storing(part):
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"received_ms": received_ms, "months": months}, file)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._note_path(name))
            sync_folder(self._folder)

    def _bytes(self, name: str) -> Path:
        return self._folder / f"{name}.gz"

    def _note_path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

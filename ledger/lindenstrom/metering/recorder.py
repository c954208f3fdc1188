"""Takes what the sources receive and brings it onto the disk, in batches.

A piece is accepted when what `take` returns is done: then it is in the journal and the disk was told to keep it. Pieces
wait for each other up to `commit_s`, so that a memory card lives for years; a power cut loses what was not accepted
yet, and a register counts on in the meter. Where the disk is full or read-only, or the clock is in doubt, they
wait in memory; what does not fit there is refused (NotTaken) and counted.
"""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lindenstrom.errors import LindenstromError
from lindenstrom.metering.clock import Clock, Doubt
from lindenstrom.metering.journal import Journal, Kind, Record
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.sources import NotTaken

QUARTER_HOUR_MS = 900_000
WAITING_BYTES = 4 << 20
"""Of one meter: more than an hour at a telegram a second."""
RECORD_BYTES = 300
"""What a waiting piece takes in memory besides its payload, about."""
BATCH_BYTES = 256 << 10
ACKNOWLEDGED_COMMIT_S = 1
"""A broker that waits for its acknowledgment stops sending after some messages."""
BURST, BURST_S = 8, 0.02
"""So many messages at once are a broker's window that is full, or soon will be: they do not wait for more."""
SLEW_MS = 500
"""Below that the clock was not set, only trimmed."""
RETRY_S = 10.0
CHECK_CLOCK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    position: int
    kind: Kind
    time_ms: int
    payload: bytes
    offset_ms: int
    done: asyncio.Future[None]


class Recorder:
    """The sink of all sources of a reader. `run` does the writing; `take` may be called from its loop only."""

    def __init__(
        self,
        *,
        shelf_of: Callable[[int, int], Shelf],
        clock: Clock,
        commit_s: float,
        free_bytes: Callable[[], int],
        reserve_bytes: int,
        on_event: Callable[[str, str], None] = lambda _event, _why: None,
    ) -> None:
        """shelf_of: position and time → shelf. free_bytes: of the disk. on_event: told what changed and why."""
        self._shelf_of, self._clock, self._commit_s = shelf_of, clock, commit_s
        self._free_bytes, self._reserve_bytes, self._on_event = free_bytes, reserve_bytes, on_event
        self._pieces: list[_Piece] = []
        self._arrived, self._burst = asyncio.Event(), asyncio.Event()
        self._open: dict[tuple[int, Kind], tuple[tuple[Path, str], Journal]] = {}
        self._waiting: Counter[int] = Counter()
        self.accepted_bytes = 0
        self.accepted_pieces = 0
        self.refused_pieces = 0
        self.commits = 0
        self.doubt = Doubt.NONE
        self.problem = ""
        """Class of what keeps the disk from taking pieces, empty if nothing does."""

    def take(self, position: int, kind: Kind, time_ms: int, payload: bytes, /) -> asyncio.Future[None]:
        """Take a piece; the future is done when it is on the disk, and raises NotTaken if it cannot be."""
        done = asyncio.get_running_loop().create_future()
        size = len(payload) + RECORD_BYTES
        if self._waiting[position] + size > WAITING_BYTES:
            self.refused_pieces += 1
            _refuse(done)
            return done
        self._waiting[position] += size
        # a piece that came while the clock was wrong is stamped anew: how long ago it came, the steady clock knows
        piece = _Piece(
            position=position,
            kind=kind,
            time_ms=time_ms,
            payload=payload,
            offset_ms=self._clock.offset_ms(),
            done=done,
        )
        self._pieces.append(piece)
        self._arrived.set()
        if kind is Kind.MQTT and len(self._pieces) >= BURST:
            self._burst.set()
        return done

    async def run(self, stop: asyncio.Event, hurry: asyncio.Event) -> None:
        """Write until `stop` is set, and then what still waits, once; at once from `hurry` on. Never raises."""
        try:
            while not stop.is_set():
                await _any(stop, self._arrived, seconds=None)
                await self._gather(stop, hurry)
                if not await self._commit() and not stop.is_set():
                    await _any(stop, hurry, seconds=CHECK_CLOCK_S if self.doubt else RETRY_S)
                    await _any(stop, seconds=CHECK_CLOCK_S)
            await self._commit()
        finally:
            for piece in self._pieces:
                _refuse(piece.done)
            self.refused_pieces += len(self._pieces)
            self._pieces = []
            self._waiting.clear()
            self._close_all()

    @property
    def waiting_bytes(self) -> int:
        """What is in memory only, about."""
        return self._waiting.total()

    async def _gather(self, *ends: asyncio.Event) -> None:
        """Let more pieces come, so that one write serves many."""
        waits_for_us = any(piece.kind is Kind.MQTT for piece in self._pieces)
        left = min(self._commit_s, ACKNOWLEDGED_COMMIT_S) if waits_for_us else self._commit_s
        while left > 0 and self.waiting_bytes < BATCH_BYTES and not any(end.is_set() for end in ends):
            step = min(left, ACKNOWLEDGED_COMMIT_S)
            await _any(*ends, self._burst, seconds=step)
            if self._burst.is_set():
                await _any(*ends, seconds=BURST_S)
                return
            left -= step
            if not waits_for_us and any(piece.kind is Kind.MQTT for piece in self._pieces):
                return

    async def _commit(self) -> bool:
        """Write what waits; False if clock or disk do not allow it."""
        self._say_doubt(self._clock.doubt())
        if self.doubt:
            return False
        batch, self._pieces = self._pieces, []
        self._arrived.clear()
        self._burst.clear()
        if not batch:
            return True
        offset = self._clock.offset_ms()
        written = await asyncio.to_thread(self._write, [(piece, _restamped(piece, offset)) for piece in batch])
        left = []
        for piece in batch:
            if id(piece) not in written:
                left.append(piece)
                continue
            self._waiting[piece.position] -= len(piece.payload) + RECORD_BYTES
            self.accepted_bytes += len(piece.payload)
            self.accepted_pieces += 1
            if not piece.done.done():
                piece.done.set_result(None)
        self._pieces = left + self._pieces
        if left:
            self._arrived.set()
        return not left

    def _write(self, records: Sequence[tuple[_Piece, Record]]) -> set[int]:
        """Append to the journals; ids of the pieces that are on the disk. Runs in a thread, one at a time."""
        written: set[int] = set()
        try:
            problem = "DiskFull" if self._free_bytes() < self._reserve_bytes else ""
        except OSError as error:
            problem = _class_of(error)
        if problem:
            self._say_problem(problem)
            return written
        groups: dict[tuple[int, Kind, int], list[tuple[_Piece, Record]]] = {}
        for piece, record in records:
            groups.setdefault((piece.position, piece.kind, record.time_ms // QUARTER_HOUR_MS), []).append(
                (piece, record)
            )
        for (position, kind, _), pairs in groups.items():
            found = [record for _, record in pairs]
            try:
                self._journal(position, kind, found[0].time_ms).append(found)
            except (OSError, LindenstromError) as error:
                problem = _class_of(error)
                continue  # the journal cuts off what a failed write has left before it goes on
            self.commits += 1
            self._clock.saw_record(found[-1].time_ms)
            written |= {id(piece) for piece, _ in pairs}
        self._say_problem(problem)
        return written

    def _journal(self, position: int, kind: Kind, time_ms: int) -> Journal:
        """The journal of the meter and the UTC day of a time: both change on a quarter-hour only."""
        shelf = self._shelf_of(position, time_ms)
        place = (shelf.folder, _day(time_ms))
        known = self._open.get((position, kind))
        if known is not None and known[0] == place:
            return known[1]
        self._close(position, kind)
        journal = shelf.open_stream(kind, time_ms)
        self._open[position, kind] = (place, journal)
        return journal

    def _close(self, position: int, kind: Kind) -> None:
        known = self._open.pop((position, kind), None)
        if known is not None:
            with suppress(OSError):
                known[1].__exit__(None, None, None)

    def _close_all(self) -> None:
        for position, kind in list(self._open):
            self._close(position, kind)

    def _say_problem(self, problem: str) -> None:
        if problem != self.problem:
            self._on_event("journal-stopped" if problem else "journal-goes-on", problem or self.problem)
        self.problem = problem

    def _say_doubt(self, doubt: Doubt) -> None:
        if doubt is not self.doubt:
            self._on_event("clock-doubted" if doubt else "clock-trusted", doubt or self.doubt)
        self.doubt = doubt


def _refuse(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_exception(NotTaken())
        done.exception()  # a source that acknowledges to nobody does not look


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).date().isoformat()


def _class_of(error: OSError | LindenstromError) -> str:
    if isinstance(error, LindenstromError):
        return type(error).__name__
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _restamped(piece: _Piece, offset_ms: int) -> Record:
    """The journal's record; a piece that came before the clock was set gets the time that it says it was then."""
    moved = offset_ms - piece.offset_ms
    time_ms = piece.time_ms + moved if abs(moved) > SLEW_MS else piece.time_ms
    return Record(kind=piece.kind, time_ms=time_ms, payload=piece.payload)


async def _any(*events: asyncio.Event, seconds: float | None) -> None:
    """Wait until one of the events is set, or for so long."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()

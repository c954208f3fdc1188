"""The adapter as a process: sources, journals, rounds of building and anchoring, health; for years, and stopped in
seconds.

One event loop. Nothing heavy happens in it: journals are written in a thread, a round runs elsewhere (`settle`, a child
process) and reports. What fails is tried again after a while that grows to a few minutes; nothing that a meter, a
disk, a broker or a node does ends the process.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from lindenstrom.errors import CouldNotCheck, UsageError
from lindenstrom.metering.clock import Clock
from lindenstrom.metering.config import AdapterConfig
from lindenstrom.metering.events import EventLog
from lindenstrom.metering.healthpage import HealthPage
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.listening import Ear, Heard
from lindenstrom.metering.notify import notify, watchdog_s
from lindenstrom.metering.recorder import Recorder
from lindenstrom.metering.settling import Round, trouble
from lindenstrom.metering.sources import LiveSource, Sink

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 120.0
FIRST_RETRY_S, LONGEST_RETRY_S = 60.0, 3600.0
STEADY_S = 60.0
"""A source that was open for so long begins with short pauses again."""
AFTER_MIDNIGHT_S = 300
SPREAD_S = 600
"""Readers do not all ask the node at once after midnight: each waits by its index within this span."""
SILENT_S = 900
"""A source without a telegram for so long is named in the health."""
STOP_S = 8.0
FEED = "homeassistant"
RUN_LOCK = ".running.lock"


class Feed(Protocol):
    """Something that tells others what came of the days, as long as the adapter runs."""

    @property
    def name(self) -> str: ...

    async def run(self, stop: asyncio.Event, /) -> None: ...


class AlreadyRunning(CouldNotCheck):
    """Another adapter process has the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}: an adapter is running on this folder already; stop it, then start this one")


class PortTaken(UsageError):
    """The health page cannot listen."""

    def __init__(self, path: Path, port: int) -> None:
        super().__init__(
            f"{path}: [health].port: another program listens on {port}; choose another port, or 0 for no health page"
        )


class Runner:
    """An adapter at work. settle: does one round; raises only what a Trouble can name."""

    def __init__(
        self,
        *,
        config: AdapterConfig,
        sources: Sequence[LiveSource],
        ears: Mapping[int, Ear],
        recorder: Recorder,
        clock: Clock,
        settle: Callable[[], Awaitable[Round]],
        next_midnight: Callable[[int], int],
        log: EventLog,
        spread: int = 0,
        feed: Feed | None = None,
    ) -> None:
        """ears: by position. next_midnight: unix time → the end of the community's day. spread: the reader's index."""
        self._config, self._sources, self._ears = config, sources, ears
        self._recorder, self._clock, self._settle = recorder, clock, settle
        self._next_midnight, self._log = next_midnight, log
        self._spread_s = spread * 37 % SPREAD_S
        self._feed = feed
        self._began = time.monotonic()
        self._heard = {position: Heard() for source in sources for position in source.positions}
        self._open: dict[str, str] = dict.fromkeys((source.name for source in sources), "not open yet")
        self._round: Round | None = None
        self._round_at = 0
        self.port = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises AlreadyRunning, PortTaken, OSError."""
        with OnlyOne(self._config.folder):
            page = HealthPage(self.health)
            if self._config.health_port:
                try:
                    self.port = await page.open(self._config.health_port)
                except OSError:
                    raise PortTaken(self._config.path, self._config.health_port) from None
            written = asyncio.Event()
            # the sources end first: the recorder writes what they leave behind
            recorder = asyncio.create_task(self._recorder.run(written, stop))
            tasks = [asyncio.create_task(self._keep_open(s.name, _to(s, self.take), stop)) for s in self._sources]
            if self._feed is not None:
                tasks.append(asyncio.create_task(self._keep_open(FEED, self._feed.run, stop)))
            tasks += [asyncio.create_task(self._rounds(stop)), asyncio.create_task(self._watchdog(stop))]
            self._log.event("started", sources=len(self._sources), health_port=self.port)
            notify("READY=1")
            try:
                await stop.wait()
            finally:
                notify("STOPPING=1")
                self._log.event("stopping")
                _, late = await asyncio.wait(tasks, timeout=STOP_S)
                for task in late:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                written.set()
                await recorder
                await page.close()
                self._log.event("stopped", accepted_bytes=self._recorder.accepted_bytes)

    def take(self, position: int, kind: Kind, time_ms: int, payload: bytes, /) -> asyncio.Future[None]:
        """The sink of the sources: listen in passing, and hand to the recorder."""
        done = self._recorder.take(position, kind, time_ms, payload)
        heard, ear = self._heard[position], self._ears.get(position)
        was_locked = heard.locked
        heard.note(time_ms, payload, ear.feed(payload) if ear else ())
        if heard.locked and not was_locked:
            self._log.event("meter-locked", "warning", position=position)
        return done

    async def _keep_open(self, name: str, run: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
        """Keep a source, or the feed, open."""
        pause = FIRST_PAUSE_S
        while not stop.is_set():
            began = time.monotonic()
            self._open[name] = ""
            self._log.event("open", source=name)
            try:
                await run(stop)
            except Exception as error:  # noqa: BLE001 - whatever a device or broker does must not end the process
                self._open[name] = type(error).__name__
                self._log.failure("lost", error, source=name)
            else:
                self._open[name] = "closed"
            if time.monotonic() - began > STEADY_S:
                pause = FIRST_PAUSE_S
            if not stop.is_set():
                await _pause(stop, pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _rounds(self, stop: asyncio.Event) -> None:
        """Do a round now, after each of the community's midnights, every so often, and soon again after a failure."""
        retry = FIRST_RETRY_S
        while not stop.is_set():
            try:
                found = await self._settle_unless(stop)
            except Exception as error:  # noqa: BLE001 - a round must not end the process
                before = self._round.to_json() if self._round else {"now": 0}
                found = Round.from_json({**before, "days": (), "troubles": ()}).with_trouble(trouble("round", error))
            if found is None:
                return
            self._note(found)
            wait = float(self._config.every_s)
            if found.troubles:
                wait, retry = min(wait, retry), min(2 * retry, LONGEST_RETRY_S)
            else:
                retry = FIRST_RETRY_S
            now = int(time.time())
            wait = min(wait, self._next_midnight(now) + AFTER_MIDNIGHT_S + self._spread_s - now)
            await _pause(stop, max(wait, 0.01))

    async def _settle_unless(self, stop: asyncio.Event) -> Round | None:
        """A round; None if it was cut off by the stop, which harms none of its steps."""
        work, ends = asyncio.ensure_future(self._settle()), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({work, ends}, return_when=asyncio.FIRST_COMPLETED)
            return await work if work.done() else None
        finally:
            ends.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    def _note(self, found: Round) -> None:
        self._round, self._round_at = found, int(time.time())
        self._clock.saw_block(found.block_time)
        for one in found.troubles:
            self._log.event("trouble", "warning", step=one.step, error=one.error, what=one.message)
        self._log.event(
            "round", days=len(found.days), anchored=found.anchored, final=found.final, outbox=found.outbox,
            waiting=found.waiting, gaps=found.gaps, troubles=len(found.troubles),
        )  # fmt: skip

    async def _watchdog(self, stop: asyncio.Event) -> None:
        every = watchdog_s()
        while every is not None and not stop.is_set():
            notify("WATCHDOG=1")
            await _pause(stop, every)

    def health(self) -> dict[str, Any]:
        """What the health page shows: figures and classes of errors, nothing else."""
        now = int(time.time())
        sources = [self._source_health(s, position) for s in self._sources for position in s.positions]
        found, recorder = self._round, self._recorder
        problems = [f"position {s['position']}: {s['state']}" for s in sources if s["state"] != "fine"]
        if self._feed is not None and self._open.get(FEED):
            problems.append(f"{FEED}: {self._open[FEED]}")
        problems += [f"journal: {recorder.problem}"] if recorder.problem else []
        problems += [f"clock: {recorder.doubt.value}"] if recorder.doubt else []
        problems += sorted({f"{t.step}: {t.error}" for t in found.troubles}) if found else []
        try:
            free: int | None = shutil.disk_usage(self._config.folder).free
        except OSError:
            free = None
        return {
            "healthy": not problems,
            "problems": problems,
            "sources": sources,
            "accepted_bytes_total": recorder.accepted_bytes,
            "waiting_bytes": recorder.waiting_bytes,
            "refused_pieces_total": recorder.refused_pieces,
            "commits_total": recorder.commits,
            "clock_doubted": bool(recorder.doubt),
            "disk_free_bytes": free,
            "days_built": found.built if found else 0,
            "days_anchored": found.anchored if found else 0,
            "days_final": found.final if found else 0,
            "days_waiting": found.waiting if found else 0,
            "outbox_depth": found.outbox if found else 0,
            "gaps": found.gaps if found else 0,
            "last_round_age_seconds": now - self._round_at if found else None,
            "last_round_ok": bool(found and not found.troubles),
            "node_height": found.height if found else 0,
            "node_block_age_seconds": now - found.block_time if found and found.block_time else None,
        }

    def _source_health(self, source: LiveSource, position: int) -> dict[str, Any]:
        heard, now = self._heard[position], self._clock.wall_ms()
        problem = self._open[source.name]
        silent = heard.last_telegram_ms == 0 or now - heard.last_telegram_ms > SILENT_S * 1000
        if problem:
            state = problem
        elif heard.locked:
            state = "meter-locked"
        elif silent and time.monotonic() - self._began > SILENT_S:
            state = "bytes-but-no-telegram" if now - heard.last_bytes_ms < SILENT_S * 1000 else "silent"
        else:
            state = "fine"
        return {
            "position": position,
            "source": source.name,
            "state": state,
            "source_open": not problem,
            "last_bytes_age_seconds": _age_s(now, heard.last_bytes_ms),
            "last_telegram_age_seconds": _age_s(now, heard.last_telegram_ms),
            "telegrams_total": heard.telegrams,
            "damaged_total": heard.damaged,
            "received_bytes_total": heard.received_bytes,
            "meter_locked": heard.locked,
        }


def _to(source: LiveSource, sink: Sink) -> Callable[[asyncio.Event], Awaitable[None]]:
    return lambda stop: source.run(sink, stop)


def _age_s(now_ms: int, then_ms: int) -> int | None:
    return max(0, now_ms - then_ms) // 1000 if then_ms else None


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


class OnlyOne:
    """One adapter process per folder; the lock falls with the process. Raises AlreadyRunning, OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = -1

    def __enter__(self) -> None:
        try:
            self._handle = os.open(self._folder / RUN_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            # a disk that went read-only: the file may be there already
            self._handle = os.open(self._folder / RUN_LOCK, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise AlreadyRunning(self._folder) from None

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

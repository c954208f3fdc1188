"""One life of an adapter: it listens, journals, builds, signs, delivers, anchors and waits for finality, until killed.

Recorder, MQTT source, imports and rounds are the adapter's own. The campaign's are the loop around them and the stamps
of serial lines: the line sends each piece with the time at which it is to have been received, since two days pass
within a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import struct
import threading
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.metering.kills.points import LEDGER, Points

from lindenstrom.chain import rpc
from lindenstrom.chain.client import open_chain
from lindenstrom.chain.community import load_community
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.errors import LindenstromError
from lindenstrom.metering import mqttlink
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.clock import Clock
from lindenstrom.metering.formats.mqttmapping import read_mapping
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.mqttlink import Broker
from lindenstrom.metering.mqttsource import MqttSource
from lindenstrom.metering.recorder import Recorder
from lindenstrom.metering.sender import Sender
from lindenstrom.metering.settling import Duties, send
from lindenstrom.metering.sources import SourceLost
from lindenstrom.signing import Curve

PIECE = struct.Struct(">QIIII")
"""Before each piece of a line: time ms u64, reading, part, parts, length u32 each."""
THE_END = 2**32 - 1
LATE_S = 900
PAUSE_S = 0.02
QUIET_S = 1.0
COMMIT_S = 0.02
CONFIRMATIONS = 2
NEVER_S = 10**9


class SourceKind(StrEnum):
    """Where readings come from."""

    SML = "SML over TCP"
    D0 = "D0 text over TCP"
    MQTT = "MQTT through mosquitto"
    REGISTERS = "CSV of registers"
    INTERVALS = "CSV of quarter-hours"
    MSCONS = "MSCONS"

    @property
    def is_line(self) -> bool:
        """Whether it is a serial line."""
        return self in (SourceKind.SML, SourceKind.D0)

    @property
    def is_file(self) -> bool:
        """Whether files come."""
        return self in (SourceKind.REGISTERS, SourceKind.INTERVALS, SourceKind.MSCONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What an adapter is started with. folder: of the trial; kill_at: name and occurrence of a point, or none."""

    folder: Path
    community: Path
    node_url: str
    reader: int
    key: bytes
    source: SourceKind
    port: int
    windows: range
    kill_at: tuple[str, int] = ("", 0)
    count: bool = False


class Run:
    """The life while it lasts."""

    def __init__(self, life: Life, points: Points) -> None:
        self.life = life
        self.points = points
        self.adapter = Adapter(life.folder / "reader", random=secrets.token_bytes)
        self.meter = self.adapter.setup.meters[0]
        self.zone = self.adapter.setup.zone
        self.clock_s = self.zone.window_start(life.windows[0])
        self.ended = False
        self.heard_at = time.monotonic()
        self._ledger = os.open(life.folder / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._prepared: tuple[int, bool] | None = None

    def accepted(self, what: str) -> None:
        """Tell the source that something was accepted."""
        LEDGER(self._ledger, f"{what}\n".encode())

    # --- sources

    def listen(self) -> None:
        """Take what the source has until its end."""
        try:
            if self.life.source.is_file:
                self._files()
            else:
                asyncio.run(self._live())
        except BaseException as failure:  # noqa: BLE001 — a failure of the campaign itself is told, not swallowed
            self.accepted(f"?? {failure!r}")
            os._exit(70)

    async def _live(self) -> None:
        clock = Clock(wait_s=0, is_set=lambda: True)
        self.recorder = Recorder(
            shelf_of=lambda _position, _time_ms: self.adapter.shelf(self.meter),
            clock=clock,
            commit_s=COMMIT_S,
            free_bytes=lambda: 1 << 40,
            reserve_bytes=0,
        )
        stop = asyncio.Event()
        writing = asyncio.create_task(self.recorder.run(stop, asyncio.Event()))
        await (self._line() if self.life.source.is_line else self._broker())
        stop.set()
        await writing
        self._end()

    def _take(self, kind: Kind, time_ms: int, payload: bytes, name: str) -> asyncio.Future[None]:
        done = self.recorder.take(0, kind, time_ms, payload)

        def told(result: asyncio.Future[None]) -> None:
            if not result.cancelled() and result.exception() is None:
                self._accepted_at(time_ms, name)

        done.add_done_callback(told)
        return done

    def _accepted_at(self, time_ms: int, name: str) -> None:
        self.accepted(name)
        self.clock_s = max(self.clock_s, time_ms // 1000)
        self.heard_at = time.monotonic()

    def _end(self) -> None:
        self.clock_s = self.zone.window_end(self.life.windows[-1]) + 2 * LATE_S
        self.ended = True

    async def _line(self) -> None:
        kind = Kind.SML if self.life.source is SourceKind.SML else Kind.DSMR
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.life.port)
                with suppress(asyncio.IncompleteReadError, ConnectionError):
                    while True:
                        time_ms, reading, part, parts, size = PIECE.unpack(await reader.readexactly(PIECE.size))
                        if reading == THE_END:
                            return
                        payload = await reader.readexactly(size)
                        self._take(kind, time_ms, payload, f"{reading} {part} {parts}")
                writer.close()
            await asyncio.sleep(PAUSE_S)

    async def _broker(self) -> None:
        """The adapter's own source at a broker, opened again whenever it is lost, until the publisher is done."""
        stop = asyncio.Event()

        def sink(_position: int, kind: Kind, time_ms: int, payload: bytes, /) -> Awaitable[None]:
            return self._take(kind, time_ms, payload, f"{time_ms // 1000} 0 1")

        async def watch() -> None:
            while not (self.life.folder / "end").exists() or time.monotonic() - self.heard_at < QUIET_S:  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_S)
            stop.set()

        watching = asyncio.create_task(watch())
        while not stop.is_set():
            source = MqttSource(
                broker=Broker(host="127.0.0.1", port=self.life.port),
                client=f"trial-{self.life.reader}",
                meters={0: read_mapping(self.meter.mapping)},
            )
            try:
                await source.run(sink, stop)
            except (OSError, SourceLost) as lost:
                self.accepted(f"! {type(lost).__name__}")
                self.heard_at = time.monotonic()
                await asyncio.sleep(PAUSE_S)
        await watching

    def _files(self) -> None:
        """Import every file of the inbox, again and again those that were imported before a kill."""
        inbox = self.life.folder / "inbox"
        done: set[str] = set()
        while True:
            last = (inbox / "end").exists()
            for path in sorted(inbox.glob("*.in")):
                if path.name not in done:
                    self._import(path)
                    done.add(path.name)
                    self._accepted_at(int(path.stem.split("-")[1]) * 1000, path.name)
            if last:
                self._end()
                return
            time.sleep(PAUSE_S)

    def _import(self, path: Path) -> None:
        if self.life.source is SourceKind.REGISTERS:
            self.adapter.import_registers(0, path)
        elif self.life.source is SourceKind.INTERVALS:
            self.adapter.import_intervals(path)
        else:
            self.adapter.import_file(path, now=self.clock_s)

    # --- delivery

    def round(self) -> bool:
        """Do what can be done by now; whether nothing is left to do."""
        ended, now = self.ended, self.clock_s
        state = (self.zone.window_at(now - LATE_S), ended)
        entries = self.adapter.outbox.entries()
        if state != self._prepared or not all(entry.delivered for entry in entries):
            duties = Duties(
                adapter=self.adapter,
                key=self.life.key,
                curve=Curve.SECP256K1,
                mailbox=self.life.folder / "mail",
                partial_from_s=NEVER_S,
            )
            _, troubles = duties.prepare(now)
            for trouble in troubles:
                self.accepted(f"! {trouble.error}")
            self._prepared = None if troubles else state
            entries = self.adapter.outbox.entries()
        if any(entry.delivered and not entry.final for entry in entries):
            self._send()
            return False
        return ended and self._prepared == (self.zone.window_at(self.clock_s - LATE_S), True)

    def _send(self) -> None:
        community = load_community(self.life.community)
        with open_chain(NodeConfig(kind=NodeKind.URL, url=self.life.node_url, timeout_s=0.4)) as chain:
            chain.provider = chain._rpc.provider = _Watched(chain.provider, self.points)
            sender = Sender(
                chain=chain,
                community=community,
                outbox=self.adapter.outbox,
                reader=self.life.reader,
                key=self.life.key,
                confirmations=CONFIRMATIONS,
            )
            for trouble in send(self.adapter, sender)[1]:
                self.accepted(f"! {trouble.error}")


class _Watched:
    """The node, with a point before and after each transaction that is sent."""

    def __init__(self, inner: rpc.Provider, points: Points) -> None:
        self._inner, self._points = inner, points

    def make_request(self, method: str, params: object) -> object:
        if method != "eth_sendRawTransaction":
            return self._inner.make_request(method, params)
        return self._points.around("transaction", lambda: self._inner.make_request(method, params))


def live(life: Life) -> None:
    """Run an adapter until nothing is left to do; the process then ends with 0."""
    rpc.REQUEST_TIMEOUT_S = 1
    rpc.RETRIES = 1
    mqttlink.CONNECT_S = 2.0  # type: ignore[misc]
    points = Points(*life.kill_at)
    run = Run(life, points)
    points.install()
    if life.source is SourceKind.MQTT:
        points.install_broker()
    threading.Thread(target=run.listen, daemon=True).start()
    while True:
        try:
            if run.round():
                break
        except LindenstromError as error:
            run.accepted(f"! {type(error).__name__}")
        time.sleep(PAUSE_S)
    if life.count:
        (life.folder / "points.json").write_text(json.dumps(points.counted))
    os._exit(0)

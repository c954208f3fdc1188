"""An MQTT broker as a live source: nothing is acknowledged before it is in the journal.

The session is persistent: what comes at QoS 1 while the adapter is away waits at the broker, and a message that was
received but not journaled when the power went comes again. paho is used directly, because it can acknowledge by hand.

*When was it sent?* A message has no time of its own, and one that waited is no reading of now. Every few seconds the
source sends a mark to itself through the broker. A message that comes after a mark was sent after it: it counts as of
now if that mark is not older than the tolerance of a boundary. Any other had waited. It is journaled under the device's
own time if the mapping allows it, else under a topic that says so (`LATE`): evidence, but no reading. What the broker
retains is passed over for the same reason.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from lindenstrom.metering.formats.mqtt import LATE, interpret
from lindenstrom.metering.formats.mqttmapping import MeterMapping, Use
from lindenstrom.metering.formats.mqttvalues import MAX_PAYLOAD
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.mqttlink import Arrived, Broker, Link, Lost
from lindenstrom.metering.sources import NotTaken, Sink, SourceLost
from lindenstrom.metering.timeline import message_record

TOLERANCE_MS: Final = 9_000
MARK_EVERY_S: Final = 3.0
MARK_TOPIC: Final = "lindenstrom/mark/"
MARK_LOST_S: Final = 600.0
"""So long a mark may need behind all that had waited."""
MARK_QUIET_S: Final = 30.0
"""So long where nothing is waiting."""
BACKLOG: Final = 20
"""Fewer messages between two marks are no backlog."""
OLDEST_MS: Final = 31 * 86_400_000
IDLE_S: Final = 0.25
SETTLE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A message on its way to the disk. mid: what to acknowledge, 0 for QoS 0."""

    done: asyncio.Future[list[None]]
    mid: int


class MqttSource:
    """The meters of one broker, each with its mapping. Implements LiveSource.

    client: the client id, of this source alone and the same after a restart. `counts`: messages by what became of them
    (`journaled`, `late`, `retained`, `empty`, `foreign`), for the health page.
    """

    def __init__(self, *, broker: Broker, client: str, meters: Mapping[int, MeterMapping]) -> None:
        self.counts: Counter[str] = Counter()
        self._broker, self._client = broker, client
        self._meters = dict(meters)
        self._by_topic: dict[str, list[int]] = {}
        for position, mapping in self._meters.items():
            for topic in mapping.topics:
                self._by_topic.setdefault(topic, []).append(position)
        # a broker may remember marks of an earlier run
        self._mark_topic = MARK_TOPIC + client
        self._offsets_ms: dict[int, int] = {}

    @property
    def name(self) -> str:
        """Host and port."""
        return self._broker.name

    @property
    def positions(self) -> tuple[int, ...]:
        """The meters it hears."""
        return tuple(self._meters)

    async def run(self, sink: Sink, stop: asyncio.Event, /) -> None:
        """Receive until `stop` is set. Raises OSError, SourceLost, LibraryMissing."""
        link = Link(self._broker, self._client)
        session = _Session(self, sink, link)
        try:
            await link.open(topics=[*self._by_topic, self._mark_topic])
            await session.receive(stop)
            await session.settle()
        finally:
            await link.close()

    def mark_topic(self) -> str:
        """Where the source talks to itself: the broker's user must be allowed to write and read it."""
        return self._mark_topic

    def hand_on(self, sink: Sink, message: Arrived, *, is_late: bool) -> list[Awaitable[None]]:
        """Give a message to the journal of each meter that it is of."""
        waiting: list[Awaitable[None]] = []
        for position in self._by_topic.get(message.topic, ()):
            given = self._record(position, message, is_late=is_late)
            if given is not None:
                time_ms, topic = given
                record = message_record(time_ms, topic, message.payload)
                waiting.append(sink(position, Kind.MQTT, time_ms, record.payload))
        if message.topic not in self._by_topic:
            self.counts["foreign"] += 1
        return waiting

    def _record(self, position: int, message: Arrived, *, is_late: bool) -> tuple[int, str] | None:
        """The time and the topic under which a message is journaled, None if it has nothing of the meter."""
        mapping = self._meters[position]
        found = interpret(message.topic, message.payload[: MAX_PAYLOAD + 1], mapping)
        if not found or len(message.payload) > MAX_PAYLOAD:
            self.counts["empty"] += 1
            return None
        own_ms = next((one.time_ms for one in found if one.time_ms is not None), None)
        is_own = mapping.time is not None and mapping.time.use is Use.ALWAYS
        if is_own:
            self.counts["journaled"] += 1
            return own_ms if own_ms is not None else message.time_ms, message.topic
        if message.is_retained:
            self.counts["retained"] += 1
            return None
        if not is_late:
            if own_ms is not None:
                self._offsets_ms[position] = own_ms - message.time_ms
            self.counts["journaled"] += 1
            return message.time_ms, message.topic
        self.counts["late"] += 1
        if own_ms is not None and self._is_trusted(position, own_ms, message.time_ms):
            return own_ms, message.topic
        return message.time_ms, LATE + message.topic

    def _is_trusted(self, position: int, own_ms: int, now_ms: int) -> bool:
        """Whether a device's time is possible, and its clock was right when it could be compared."""
        possible = now_ms - OLDEST_MS <= own_ms <= now_ms + TOLERANCE_MS
        return possible and abs(self._offsets_ms.get(position, 0)) <= TOLERANCE_MS


class _Session:
    """One connection: receives, hands on, acknowledges in order."""

    def __init__(self, source: MqttSource, sink: Sink, link: Link) -> None:
        self._source, self._sink, self._link = source, sink, link
        self._pending: deque[_Pending] = deque()
        self._failed = False
        self._began = time.monotonic()
        self._token = secrets.token_hex(8)
        self._numbers = count(1)
        self._sent: dict[str, float] = {}
        self._newest: float | None = None
        """When the newest mark that came back was sent."""
        self._came = 0

    async def receive(self, stop: asyncio.Event) -> None:
        """Take what comes until `stop` is set. Raises SourceLost."""
        last_mark = 0.0
        while not stop.is_set():
            now = time.monotonic()
            if now - last_mark >= MARK_EVERY_S:
                last_mark = now
                self._send_mark(now)
            item = await self._link.next(IDLE_S)
            if isinstance(item, Lost):
                raise SourceLost(self._source.name, item.why)
            if self._failed:
                raise SourceLost(self._source.name, "what it sent could not be kept, and is asked for again")
            if isinstance(item, Arrived):
                self._take(item)

    async def settle(self) -> None:
        """Wait until what was handed on is on the disk, or refused."""
        if self._pending:
            await asyncio.wait({one.done for one in self._pending}, timeout=SETTLE_S)
            await asyncio.sleep(0)

    def _send_mark(self, now: float) -> None:
        waited = now - max(self._began, self._newest or 0)
        is_quiet = self._came < BACKLOG and not self._pending
        self._came = 0
        if waited > (MARK_QUIET_S if is_quiet else MARK_LOST_S):
            what = (
                f"what is published to {self._source.mark_topic()} does not come back: let the user write and read it"
            )
            raise SourceLost(self._source.name, what)
        text = f"{self._token}:{next(self._numbers)}"
        self._sent[text] = now
        self._link.publish(self._source.mark_topic(), text.encode())

    def _take(self, message: Arrived) -> None:
        waiting: list[Awaitable[None]] = []
        self._came += 1
        if message.topic == self._source.mark_topic():
            sent = self._sent.pop(message.payload.decode("latin-1"), None)
            if sent is not None:
                self._newest = max(sent, self._newest or sent)
        else:
            age_ms = None if self._newest is None else (message.monotonic - self._newest) * 1000
            waiting = self._source.hand_on(self._sink, message, is_late=age_ms is None or age_ms > TOLERANCE_MS)
        pending = _Pending(done=asyncio.gather(*waiting), mid=message.mid if message.qos else 0)
        self._pending.append(pending)
        pending.done.add_done_callback(self._acknowledge)
        if not waiting:
            self._acknowledge(pending.done)

    def _acknowledge(self, _: asyncio.Future[list[None]]) -> None:
        """Acknowledge what is on the disk, in the order of receipt; what was refused is asked for again."""
        while self._pending and self._pending[0].done.done() and not self._failed:
            one = self._pending.popleft()
            error = one.done.exception() if not one.done.cancelled() else asyncio.CancelledError()
            if error is not None and one.mid:
                self._failed = True
                if not isinstance(error, NotTaken):
                    self._link.lose(f"its journal failed ({type(error).__name__})")
                return
            self._link.done(one.mid)

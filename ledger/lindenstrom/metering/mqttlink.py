"""One connection to an MQTT broker: paho's thread on one side, asyncio on the other."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lindenstrom.errors import KeyProblem
from lindenstrom.metering.sources import LibraryMissing, SourceLost, now_ms

if TYPE_CHECKING:
    from paho.mqtt.client import Client

CONNECT_S: Final = 20.0
KEEPALIVE_S: Final = 30
SESSION_S: Final = 31 * 86_400
"""How long the broker is asked to keep what comes while the adapter is away."""
IN_FLIGHT: Final = 1000
"""Messages received and not yet on the disk; beyond that the connection is not read."""
BAD_LOGIN: Final = frozenset({"Bad user name or password", "Not authorized"})
OLD_BROKER: Final = frozenset({"Unsupported protocol version"})
RETAIN_NEVER: Final = 2


class BadPasswordFile(KeyProblem):
    """The file of a broker's password cannot be read, or is empty."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: no password in it, or not readable; write the broker's password into its first line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a broker is and how to log in. The password lies in a file, which may be a credential of systemd.

    cert_file, key_file: the client's own certificate, where the broker asks for one.
    """

    host: str
    port: int = 1883
    user: str = ""
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def name(self) -> str:
        """For health and logs."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message. mid: what to acknowledge, if qos is 1."""

    time_ms: int
    monotonic: float
    topic: str
    payload: bytes
    qos: int
    mid: int
    is_retained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The connection is gone."""

    why: str


class Link:
    """A connection, open once. is_new: whether the broker had kept no session. Not to be used after `close`."""

    _old_brokers: Final[set[str]] = set()

    def __init__(self, broker: Broker, client: str, *, keeps_session: bool = True) -> None:
        self._broker, self._id, self._keeps_session = broker, client, keeps_session
        self._items: asyncio.Queue[Arrived | Lost] = asyncio.Queue()
        self._ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._subscribed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(IN_FLIGHT)
        self._closing = threading.Event()
        self._client: Client | None = None

    async def open(self, topics: list[str], will: tuple[str, bytes] | None = None) -> None:
        """Connect, subscribe at QoS 1. will: what the broker publishes when we vanish. Raises SourceLost, OSError."""
        client = self._make(will)
        self._client = client
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.to_thread(self._connect, client)
                client.loop_start()
                refusal = await self._ready
        except TimeoutError:
            raise SourceLost(self._broker.name, "does not answer") from None
        except ssl.SSLError as error:
            what = f"no trusted TLS connection ({error.reason}): name the authority of its certificate in ca_file"
            raise SourceLost(self._broker.name, what) from None
        if refusal:
            raise SourceLost(self._broker.name, refusal)
        if topics:
            await self._subscribe(client, topics)

    async def close(self) -> None:
        """Leave; what is not acknowledged comes again."""
        self._closing.set()
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    async def next(self, seconds: float) -> Arrived | Lost | None:
        """The next message, or None if none comes within so many seconds."""
        if not self._items.empty():
            return self._items.get_nowait()
        try:
            async with asyncio.timeout(seconds):
                return await self._items.get()
        except TimeoutError:
            return None

    def done(self, mid: int) -> None:
        """Acknowledge a message (0: none of QoS 1), and make room for another."""
        self._room.release()
        if mid and self._client is not None:
            self._client.ack(mid, 1)

    def lose(self, why: str) -> None:
        """Give the connection up."""
        self._items.put_nowait(Lost(why=why))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send at QoS 1, without waiting."""
        assert self._client is not None
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    async def published(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send at QoS 1, and wait until the broker has it. Raises SourceLost."""
        assert self._client is not None
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        deadline = time.monotonic() + CONNECT_S
        while not sent.is_published():
            item = await self.next(0.02)
            if isinstance(item, Lost) or time.monotonic() > deadline:
                raise SourceLost(self._broker.name, "the connection was lost while publishing")

    def _make(self, will: tuple[str, bytes] | None) -> Client:
        try:
            from paho.mqtt.client import Client, MQTTv5, MQTTv311
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise LibraryMissing("paho-mqtt") from None
        is_old = self._broker.name in self._old_brokers
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._id,
            clean_session=not self._keeps_session if is_old else None,
            protocol=MQTTv311 if is_old else MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(IN_FLIGHT)
        if self._broker.user:
            client.username_pw_set(self._broker.user, _password(self._broker.password_file))
        if self._broker.tls:
            client.tls_set_context(_tls(self._broker))
        if will is not None:
            client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _connect(self, client: Client) -> None:
        if self._broker.name in self._old_brokers:
            client.connect(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
            return
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S if self._keeps_session else 0
        properties.ReceiveMaximum = IN_FLIGHT
        client.connect(
            self._broker.host,
            self._broker.port,
            keepalive=KEEPALIVE_S,
            clean_start=not self._keeps_session,
            properties=properties,
        )

    async def _subscribe(self, client: Client, topics: list[str]) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        if self._broker.name in self._old_brokers:
            client.subscribe([(topic, 1) for topic in topics])
        else:
            options = SubscribeOptions(qos=1, retainHandling=RETAIN_NEVER)
            client.subscribe([(topic, options) for topic in topics])
        try:
            async with asyncio.timeout(CONNECT_S):
                refusal = await self._subscribed
        except TimeoutError:
            raise SourceLost(self._broker.name, "does not answer a subscription") from None
        if refusal:
            raise SourceLost(self._broker.name, refusal)

    # called in paho's thread

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        refusal = ""
        if reason.is_failure:
            text = reason.getName()
            if text in OLD_BROKER:
                self._old_brokers.add(self._broker.name)
            refusal = f"refuses the connection ({text})"
            if text in BAD_LOGIN:
                refusal += ": correct the user or the password"
        self._hand_over(self._ready, refusal)

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = next((reason for reason in reasons if reason.is_failure), None)
        refusal = (
            "" if refused is None else f"refuses a subscription ({refused.getName()}): let the user read the topics"
        )
        self._hand_over(self._subscribed, refusal)

    def _on_publish(self, _client: Any, _userdata: Any, _mid: int, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            why = f"refuses what is published ({reason.getName()}): let the user write lindenstrom/#"
            self._call(self._items.put_nowait, Lost(why=why))

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        monotonic, time_ms = time.monotonic(), now_ms()
        while not self._room.acquire(timeout=0.5):
            if self._closing.is_set():
                return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        arrived = Arrived(
            time_ms=time_ms,
            monotonic=monotonic,
            topic=topic,
            payload=bytes(message.payload),
            qos=message.qos,
            mid=message.mid,
            is_retained=bool(message.retain),
        )
        self._call(self._items.put_nowait, arrived)

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        text = reason.getName()
        # many brokers do not say that another connection took over
        why = f"the connection was lost ({text}; another program must not use the client id {self._id})"
        # a broker of MQTT 3.1.1 may close without a word
        if not self._ready.done() and not self._closing.is_set():
            self._old_brokers.symmetric_difference_update({self._broker.name})
        for future in (self._ready, self._subscribed):
            self._hand_over(future, why)
        self._call(self._items.put_nowait, Lost(why=why))

    def _hand_over(self, future: asyncio.Future[str], text: str) -> None:
        self._call(lambda: None if future.done() else future.set_result(text))

    def _call(self, what: Any, *given: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *given)


def _password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        raise BadPasswordFile(path) from None
    if not text:
        raise BadPasswordFile(path)
    return text


def _tls(broker: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(broker.ca_file) if broker.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if broker.cert_file is not None:
        context.load_cert_chain(broker.cert_file, broker.key_file)
    return context

"""The MQTT source at a real mosquitto: nothing is acknowledged before it is kept, nothing old is taken for new."""

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from tests.support.mosquitto import HOST, Mosquitto, certificate_lines, mosquitto_path, password_lines

from lindenstrom.metering import mqttsource
from lindenstrom.metering.formats.mqtt import LATE
from lindenstrom.metering.formats.mqttmapping import parse_mapping
from lindenstrom.metering.journal import Kind, Record, read_journal
from lindenstrom.metering.mqttlink import BadPasswordFile, Broker, Link
from lindenstrom.metering.mqttsource import MqttSource
from lindenstrom.metering.sources import NotTaken, SourceLost
from lindenstrom.metering.timeline import message_of, register_timeline
from lindenstrom.metering.trying import Sound, try_source
from metering.mqtt_process import MAPPING

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed"),
]
TOPIC = "m/sensor/in/state"
PLAIN = parse_mapping({"preset": "esphome", "device": "m", "import": "in"})
TASMOTA = parse_mapping({"preset": "tasmota", "device": "t", "zone": "UTC", "export": False})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.stop()


@dataclass
class Kept:
    """A sink that keeps what it is given, or holds it back while `held`."""

    records: list[Record] = field(default_factory=list)
    held: bool = False
    refuses: bool = False

    def __call__(self, position: int, kind: Kind, time_ms: int, payload: bytes, /) -> Awaitable[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.refuses:
            done.set_exception(NotTaken())
        elif not self.held:
            self.records.append(Record(kind=kind, time_ms=time_ms, payload=payload))
            done.set_result(None)
        return done

    def messages(self) -> list[tuple[str, bytes]]:
        return [message_of(record) for record in self.records]

    def values(self) -> list[bytes]:
        return [payload for _, payload in self.messages()]


def source(port: int, client: str = "test", mapping: object = PLAIN, **more: object) -> MqttSource:
    made = Broker(host=HOST, port=port, **more)  # type: ignore[arg-type]
    return MqttSource(broker=made, client=client, meters={0: mapping})  # type: ignore[dict-item]


def publish(port: int, *values: str, topic: str = TOPIC, retain: bool = False, qos: int = 1) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
    client.connect(HOST, port)
    client.loop_start()
    for value in values:
        client.publish(topic, value, qos=qos, retain=retain).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        await asyncio.sleep(0.02)


async def session(made: MqttSource, sink: Kept, what: Callable[[], Awaitable[None]]) -> None:
    """Run a source beside something, then stop it."""
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(sink, stop))
    try:
        await what()
    finally:
        stop.set()
        await task


async def current(made: MqttSource, sink: Kept, port: int) -> None:
    """Wait until what is published counts as of now."""
    before = len(sink.records)
    while not any(topic == TOPIC for topic, _ in sink.messages()[before:]):
        await asyncio.to_thread(publish, port, "0.5")
        await asyncio.sleep(0.05)
    sink.records.clear()


def test_messages_are_kept_as_they_came(broker: Mosquitto) -> None:
    sink, made = Kept(), source(broker.port)

    async def what() -> None:
        await current(made, sink, broker.port)
        before = time.time_ns() // 1_000_000
        await asyncio.to_thread(publish, broker.port, "1.25", "1.5", topic="m/sensor/power/state")
        await asyncio.to_thread(publish, broker.port, "2.25", "not a number")
        await until(lambda: len(sink.records) == 2)
        assert sink.messages() == [(TOPIC, b"2.25"), (TOPIC, b"not a number")]
        assert before <= sink.records[0].time_ms <= time.time_ns() // 1_000_000

    asyncio.run(session(made, sink, what))


def test_what_came_while_away_waits_and_is_no_reading_of_now(broker: Mosquitto) -> None:
    first, second = Kept(), Kept()

    async def run() -> None:
        await session(source(broker.port), first, lambda: current(source(broker.port), first, broker.port))
        await asyncio.to_thread(publish, broker.port, "7.5", "7.6")
        broker.stop()
        broker.start()  # the broker's restart loses none either
        await session(source(broker.port), second, lambda: until(lambda: len(second.records) == 2))

    asyncio.run(run())
    assert second.messages() == [(LATE + TOPIC, b"7.5"), (LATE + TOPIC, b"7.6")]


def test_what_waited_gets_the_time_of_the_device_if_it_is_known(broker: Mosquitto) -> None:
    sink = Kept()
    message = json.dumps({"Time": "2026-10-24T12:00:00", "SML": {"Total_in": 1.5}})
    own = 1_792_843_200_000

    async def run() -> None:
        made = source(broker.port, "tasmota", TASMOTA)
        await session(made, sink, lambda: until(lambda: made.counts["foreign"] == 0))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(publish, broker.port, message, topic="tele/t/SENSOR")
        await session(source(broker.port, "tasmota", TASMOTA), sink, lambda: until(lambda: len(sink.records) == 1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mqttsource, "OLDEST_MS", 10**12)
        asyncio.run(run())
    assert [(r.time_ms, message_of(r)[0]) for r in sink.records] == [(own, "tele/t/SENSOR")]


def test_what_was_not_kept_comes_again(broker: Mosquitto) -> None:
    sink = Kept()

    async def run() -> None:
        made = source(broker.port)
        stop = asyncio.Event()
        task = asyncio.create_task(made.run(sink, stop))
        await current(made, sink, broker.port)
        sink.held = True
        await asyncio.to_thread(publish, broker.port, "3.5")
        await until(lambda: made.counts["journaled"] > 1)
        await asyncio.sleep(0.2)
        task.cancel()  # a kill between receipt and acknowledgment
        with suppress(asyncio.CancelledError):
            await task
        assert sink.records == []
        sink.held = False
        await session(source(broker.port), sink, lambda: until(lambda: b"3.5" in sink.values()))
        assert sink.values() == [b"3.5"]
        await session(source(broker.port), sink, lambda: asyncio.sleep(0.5))
        assert sink.values() == [b"3.5"]

    asyncio.run(run())


def test_a_refusing_journal_ends_the_connection_and_loses_nothing(broker: Mosquitto) -> None:
    sink = Kept()

    async def run() -> None:
        made = source(broker.port)
        task = asyncio.create_task(made.run(sink, asyncio.Event()))
        await current(made, sink, broker.port)
        sink.refuses = True
        await asyncio.to_thread(publish, broker.port, "4.5")
        with pytest.raises(SourceLost, match="asked for again"):
            await task
        sink.refuses = False
        await session(source(broker.port), sink, lambda: until(lambda: sink.values() == [b"4.5"]))

    asyncio.run(run())


def test_a_retained_value_is_passed_over(broker: Mosquitto) -> None:
    publish(broker.port, "99.5", retain=True)
    for version in ("5", "3.1.1"):
        sink, made = Kept(), source(broker.port, f"retained-{version}")
        old = Link._old_brokers
        if version == "3.1.1":
            old.add(f"{HOST}:{broker.port}")
        try:
            asyncio.run(session(made, sink, lambda made=made, sink=sink: current(made, sink, broker.port)))  # type: ignore[misc]
        finally:
            old.clear()
        assert b"99.5" not in sink.values()
        assert made.counts["retained"] == (1 if version == "3.1.1" else 0)


def test_a_lost_connection_says_so(broker: Mosquitto) -> None:
    sink = Kept()

    async def run() -> None:
        made = source(broker.port)
        task = asyncio.create_task(made.run(sink, asyncio.Event()))
        await current(made, sink, broker.port)
        broker.stop(kill=True)
        with pytest.raises(SourceLost, match="connection was lost"):
            await task
        with pytest.raises(OSError, match=r".+"):
            await made.run(sink, asyncio.Event())
        broker.start()
        await session(made, sink, lambda: current(made, sink, broker.port))

    asyncio.run(run())


def test_a_device_that_knows_its_time_is_believed(broker: Mosquitto) -> None:
    """`use = "always"`: journaled under its own time, also when it waited or was retained."""
    mapping = parse_mapping(
        {
            "import": {"topic": "own/m", "path": "e", "unit": "kWh"},
            "time": {"path": "t", "form": "unix", "use": "always"},
        }
    )
    publish(broker.port, '{"t":1792843200,"e":7.5}', topic="own/m", retain=True)
    sink, made = Kept(), source(broker.port, "own", mapping)
    Link._old_brokers.add(f"{HOST}:{broker.port}")  # 3.1.1 sends what is retained
    try:
        asyncio.run(session(made, sink, lambda: until(lambda: len(sink.records) == 1)))
    finally:
        Link._old_brokers.clear()
    assert [(one.time_ms, message_of(one)[0]) for one in sink.records] == [(1_792_843_200_000, "own/m")]


def test_a_broker_that_closes_without_a_word_is_tried_with_the_older_protocol() -> None:
    first_bytes: list[bytes] = []

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first_bytes.append(await reader.read(100))
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(close, HOST, 0)
        made = source(server.sockets[0].getsockname()[1])
        for _ in range(3):
            with pytest.raises(SourceLost):
                await made.run(Kept(), asyncio.Event())
        server.close()
        await server.wait_closed()

    try:
        asyncio.run(run())
    finally:
        Link._old_brokers.clear()
    # the eighth byte of CONNECT is the protocol's version
    assert [packet[8] for packet in first_bytes] == [5, 4, 5]


def test_a_network_that_is_cut_off_and_comes_back(broker: Mosquitto) -> None:
    """Through a relay that drops its connections: what was published meanwhile is in the journal, marked as late."""
    relays: list[asyncio.StreamWriter] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection(HOST, broker.port)
        relays.extend((writer, downstream))
        await asyncio.gather(pump(reader, downstream), pump(upstream, writer))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(relay, HOST, 0)
        sink, made = Kept(), source(server.sockets[0].getsockname()[1], "flap")
        task = asyncio.create_task(made.run(sink, asyncio.Event()))
        await current(made, sink, broker.port)
        for writer in relays:
            writer.transport.abort()
        with pytest.raises(SourceLost):
            await task
        await asyncio.to_thread(publish, broker.port, "8.5")
        await session(made, sink, lambda: until(lambda: b"8.5" in sink.values()))
        assert (LATE + TOPIC, b"8.5") in sink.messages()
        server.close()

    asyncio.run(run())


def test_two_adapters_of_one_name_are_told(broker: Mosquitto) -> None:
    async def run() -> None:
        one, other = source(broker.port), source(broker.port)
        first = asyncio.create_task(one.run(Kept(), asyncio.Event()))
        await asyncio.sleep(0.5)
        stop = asyncio.Event()
        second = asyncio.create_task(other.run(Kept(), stop))
        with pytest.raises(SourceLost, match="client id test"):
            await first
        stop.set()
        await second

    asyncio.run(run())


def test_password(tmp_path: Path) -> None:
    made = Mosquitto(tmp_path, password_lines(tmp_path, "adapter", "s3cret"))
    made.start()
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("s3cret\n")
    wrong.write_text("guess\n")
    try:
        with pytest.raises(SourceLost, match="correct the user or the password") as refused:
            asyncio.run(source(made.port, user="adapter", password_file=wrong).run(Kept(), asyncio.Event()))
        assert "guess" not in str(refused.value)
        good = source(made.port, user="adapter", password_file=right)
        asyncio.run(session(good, Kept(), lambda: asyncio.sleep(0.3)))
        with pytest.raises(BadPasswordFile):
            asyncio.run(source(made.port, user="adapter", password_file=tmp_path / "none").run(Kept(), asyncio.Event()))
    finally:
        made.stop()


def test_a_try_hears_the_meter_and_takes_nothing_away(broker: Mosquitto) -> None:
    """What `adapter check` listens to comes again to the adapter itself."""
    sink = Kept()

    async def run() -> None:
        made = source(broker.port, "tried")
        trying = asyncio.create_task(try_source(made, {0: Kind.MQTT}, {0: PLAIN}, 10))
        while not trying.done():
            await asyncio.to_thread(publish, broker.port, "6.5")
            await asyncio.sleep(0.05)
        (tried,) = await trying
        assert (tried.sound, tried.obis) == (Sound.METER, ("1-0:1.8.0",))
        await session(source(broker.port, "tried"), sink, lambda: until(lambda: b"6.5" in sink.values()))

    asyncio.run(run())


def test_the_example_of_a_broker_is_enough(tmp_path: Path) -> None:
    """deploy/mosquitto: its settings start, and its access list lets the adapter do its work and nobody read it."""
    example = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto"
    kept = [
        line
        for line in (example / "mosquitto.conf").read_text().splitlines()
        if line.split(" ")[0] in ("allow_anonymous", "max_queued_messages")
    ]
    (tmp_path / "acl").write_bytes((example / "acl").read_bytes())
    passwords = password_lines(tmp_path, "adapter", "s3cret")
    made = Mosquitto(tmp_path, (*kept, passwords[1], f"acl_file {tmp_path / 'acl'}"))
    made.start()
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    broker = Broker(host=HOST, port=made.port, user="adapter", password_file=secret)
    mapping = parse_mapping({"preset": "tasmota", "device": "hichi", "export": False})
    reader = MqttSource(broker=broker, client="example", meters={0: mapping})

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(reader.run(Kept(), stop))
        await asyncio.sleep(0.5)
        link = Link(broker, "feed", keeps_session=False)
        await link.open([])
        for topic in ("lindenstrom/x/state", "homeassistant/sensor/x/config"):
            await link.published(topic, b"1", retain=True)
        await link.close()
        assert not task.done()
        stop.set()
        await task

    try:
        asyncio.run(run())
    finally:
        made.stop()


def test_tls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    lines, authority = certificate_lines(tmp_path)
    made = Mosquitto(tmp_path, lines)
    made.start()
    try:
        trusted = source(made.port, tls=True, ca_file=authority)
        asyncio.run(session(trusted, Kept(), lambda: asyncio.sleep(0.3)))
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ResourceWarning
            )  # paho leaves the socket of a failed handshake to the garbage
            with pytest.raises(SourceLost, match="ca_file"):
                asyncio.run(source(made.port, tls=True).run(Kept(), asyncio.Event()))
            gc.collect()
    finally:
        made.stop()


def test_a_user_that_may_not_write_its_mark_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acl").write_text("topic read m/#\n")
    made = Mosquitto(tmp_path, ("allow_anonymous true", f"acl_file {tmp_path / 'acl'}"))
    made.start()
    try:
        with pytest.raises(SourceLost, match="let the user write lindenstrom/#"):
            asyncio.run(source(made.port).run(Kept(), asyncio.Event()))
        # with 3.1.1 a broker refuses in silence: the mark does not come back
        monkeypatch.setattr(mqttsource, "MARK_QUIET_S", 0.2)
        monkeypatch.setattr(mqttsource, "MARK_EVERY_S", 0.1)
        monkeypatch.setattr(Link, "_old_brokers", {f"{HOST}:{made.port}"})
        with pytest.raises(SourceLost, match="does not come back"):
            asyncio.run(source(made.port).run(Kept(), asyncio.Event()))
    finally:
        made.stop()


def test_kills_between_receipt_and_acknowledgment_lose_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    """Values are published while the listening process is killed again and again: each is in the journal."""
    folder, chance = tmp_path / "home", random.Random(5)
    folder.mkdir()
    here = Path(__file__).parent
    places = os.pathsep.join(str(here.parents[1] / name) for name in ("contracts", "ledger"))
    command = [sys.executable, str(here / "mqtt_process.py"), str(folder), str(broker.port)]
    sent: list[str] = []

    def journaled() -> set[str]:
        found = [message_of(one) for path in folder.glob("journals/*/*.mqtt") for one in read_journal(path)]
        return {payload.decode() for _, payload in found}

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": places}, stderr=subprocess.DEVNULL)

    def connected() -> None:
        # the session is there once the broker has seen the client: then nothing that is published passes it by
        deadline = time.monotonic() + 30
        while "0.5" not in journaled():
            publish(broker.port, "0.5")
            assert time.monotonic() < deadline

    process = started()
    try:
        connected()
        for _ in range(4):
            for _ in range(10):
                sent.append(f"{len(sent) + 1}.25")
                publish(broker.port, sent[-1])
                time.sleep(chance.random() * 0.03)
            process.kill()
            process.wait(10)
            process = started()
        deadline = time.monotonic() + 30
        while not set(sent) <= journaled() and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait(10)
    assert set(sent) - journaled() == set()
    (path,) = folder.glob("journals/*/*.mqtt")
    now = [message_of(one) for one in read_journal(path) if not message_of(one)[0].startswith(LATE)]
    found = register_timeline(read_journal(path), mapping=MAPPING)
    values = [one.registers.import_mwh for one in found.samples]
    # what waited is no reading of now, and what came twice fell nowhere
    assert values == sorted(values)
    assert len(now) >= 1

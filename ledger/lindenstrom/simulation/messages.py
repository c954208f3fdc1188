"""MQTT messages as reading heads with Tasmota publish them: a log of all, as `mosquitto_sub -F '%U %t %p'` writes it.

mqtt/messages.log           unix time of the receipt, topic, payload, in order of receipt within a day
mqtt/late/messages.log      messages that were delivered late, with the time at which they were sent
"""

import heapq
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from lindenstrom.core.calendar import Zone
from lindenstrom.errors import CouldNotCheck, UsageError
from lindenstrom.metering.csvfile import EPOCH
from lindenstrom.metering.writers.dsmr import local_clock
from lindenstrom.simulation.community import Household
from lindenstrom.simulation.days import Day
from lindenstrom.simulation.files import Shelves, kwh
from lindenstrom.simulation.streams import Beat, Beats
from lindenstrom.simulation.telegramfiles import Reception, serial_of

PLACES = 4
TIMEOUT_S = 20.0
IN_FLIGHT = 200


class Message(NamedTuple):
    """One message: unix ms of its receipt, topic, payload."""

    received_ms: int
    topic: str
    payload: bytes


class BrokerUnreachable(CouldNotCheck):
    """The broker takes nothing."""

    def __init__(self, broker: str, why: str) -> None:
        super().__init__(
            f"the broker at {broker} took no message: {why}; check its address, and that it lets anybody in"
        )


class BrokerLibraryMissing(UsageError):
    """Publishing needs a library that is not installed."""

    def __init__(self) -> None:
        super().__init__("paho-mqtt is not installed; install the extra: pip install 'lindenstrom[metering]'")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLog:
    """Writes the messages of all homes, day by day."""

    reception: Reception
    shelves: Shelves

    def write(self, day: Day) -> None:
        """Add a day."""
        heard = [self.reception.heard(day, place) for place in range(len(day.homes))]
        for folder, is_late in (("mqtt", 0), ("mqtt/late", 1)):
            parts = [found.kept(found.is_late == is_late) for found in heard]
            name = f"{folder}/messages.log"
            lines: list[bytes] = []
            for message in messages(day, parts, self.reception.plan.zone):
                stamp = f"{message.received_ms // 1000}.{message.received_ms % 1000:03d}"
                lines.append(f"{stamp} {message.topic} ".encode() + message.payload + b"\n")
                if len(lines) == 10_000:
                    self.shelves.append(name, b"".join(lines))
                    lines.clear()
            self.shelves.append(name, b"".join(lines))


def topic_of(file_stem: str) -> str:
    """Topic that a home's reading head publishes to."""
    return f"tele/{file_stem}/SENSOR"


def messages(day: Day, heard: list[Beats], zone: Zone) -> Iterator[Message]:
    """The messages of a day's homes, in order of receipt; made as they are taken."""
    parts = (_of_home(home, found, zone) for home, found in zip(day.homes, heard, strict=True))
    return heapq.merge(*parts, key=lambda message: message.received_ms)


def _of_home(home: Household, found: Beats, zone: Zone) -> Iterator[Message]:
    topic = topic_of(home.file_stem)
    return (_message(home.number, topic, beat, zone) for beat in found.each())


def _message(number: int, topic: str, beat: Beat, zone: Zone) -> Message:
    clock, _ = local_clock(beat.sent_ms // 1000, zone)
    text = (
        f'{{"Time":"{EPOCH + timedelta(seconds=clock):%Y-%m-%dT%H:%M:%S}","SML":{{"Total_in":'
        f'{kwh(beat.imported, PLACES)},"Total_out":{kwh(beat.exported, PLACES)},"Power_curr":{beat.power_mw // 1000},'
        f'"server_id":"0a01534d4c00{serial_of(number, beat.device):08x}"}}}}'
    )
    payload = text.encode()
    return Message(beat.received_ms, topic, payload[: len(payload) // 2] if beat.damage else payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where to publish: a broker for trials, which asks for no password."""

    host: str
    port: int

    def publish(self, found: Iterator[Message]) -> int:
        """Send messages in order, each until the broker has it, and return how many. Raises BrokerUnreachable."""
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ModuleNotFoundError:
            raise BrokerLibraryMissing from None
        client = Client(CallbackAPIVersion.VERSION2)
        refused: list[str] = []
        connected = threading.Event()

        def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                refused.append(str(reason))
            connected.set()

        client.on_connect = on_connect
        name = f"{self.host}:{self.port}"
        try:
            client.connect(self.host, self.port)
            client.loop_start()
            if not connected.wait(TIMEOUT_S) or refused:
                raise BrokerUnreachable(name, refused[0] if refused else "it does not answer")
            count = 0
            for message in found:
                sent = client.publish(message.topic, message.payload, qos=1)
                count += 1
                if count % IN_FLIGHT == 0:
                    sent.wait_for_publish(TIMEOUT_S)
            if count:
                sent.wait_for_publish(TIMEOUT_S)
                if not sent.is_published():
                    raise BrokerUnreachable(name, "it does not acknowledge")
            return count
        except OSError as error:
            raise BrokerUnreachable(name, error.strerror or str(error)) from None
        finally:
            client.disconnect()
            client.loop_stop()

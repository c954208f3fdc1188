"""What sends readings to an adapter on trial: a meter's line, somebody who puts files into a folder, a publisher.

None of them sends anything twice of its own accord; what an adapter missed while it was dead never came.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Protocol

from tests.metering.kills.life import PIECE, THE_END

from lindenstrom.metering.formats.mqttmapping import mapping_text, parse_mapping
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom.metering.writers.mscons import EXPORT_OBIS, IMPORT_OBIS, Series, interchange

SLOT_S = 900
POINT = "DE" + "0" * 30 + "1"
TOPIC = "trial/{reader}/meter"


@dataclass(frozen=True)
class Reading:
    """Registers at an instant, mWh."""

    time: int
    import_mwh: int
    export_mwh: int


class Sending(Protocol):
    """A source at work on a port (0 where there is none)."""

    port: int

    def close(self) -> None: ...


class MeterLine:
    """A meter's serial line over TCP: it sends whether somebody listens or not, in pieces cut anywhere."""

    def __init__(self, frames: Sequence[tuple[int, bytes]], chance: Random, outage: range) -> None:
        self._frames, self._chance, self._outage = frames, chance, outage
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        at = 0
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            with line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                at = self._talk(line, at)

    def _talk(self, line: socket.socket, at: int) -> int:
        """Send from a frame on; return the frame to go on with once the listener is gone."""
        try:
            while at < len(self._frames):
                if at in self._outage:
                    return self._outage.stop
                self._send(line, at)
                at += 1
                if self._chance.random() < 0.3:
                    time.sleep(0.002)
            line.sendall(PIECE.pack(0, THE_END, 0, 0, 0))
            line.settimeout(60)
            line.recv(1)
        except OSError:
            return min(at + 1 + self._chance.randrange(0, 6), len(self._frames))
        return at

    def _send(self, line: socket.socket, at: int) -> None:
        time_s, data = self._frames[at]
        cut = self._chance.randrange(1, len(data)) if self._chance.random() < 0.3 else len(data)
        parts = [part for part in (data[:cut], data[cut:]) if part]
        for number, part in enumerate(parts):
            stamp = time_s * 1000 - 40 * (len(parts) - 1 - number)
            line.sendall(PIECE.pack(stamp, at, number, len(parts), len(part)) + part)

    def close(self) -> None:
        """Unplug it."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


class Inbox:
    """A folder into which somebody puts files, a few hours each; in an outage none comes, and then the rest at once."""

    def __init__(self, folder: Path, files: Sequence[tuple[int, bytes]], chance: Random) -> None:
        self.port = 0
        self._folder, self._files, self._chance = folder, files, chance
        self._late = chance.randrange(len(files))
        folder.mkdir()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for number, (time_s, data) in enumerate(self._files):
            if number == self._late:
                time.sleep(0.3)
            if number < self._late:
                time.sleep(self._chance.random() * 0.03)
            part = self._folder / "part"
            with suppress(FileNotFoundError):  # the trial may be over
                part.write_bytes(data)
                part.rename(self._folder / f"{number:03}-{time_s}.in")
        with suppress(FileNotFoundError):
            (self._folder / "end").touch()

    def close(self) -> None:
        """Nothing is left running for long."""


class Publisher:
    """A device at a broker: QoS 1, with the time in the message. It begins once the adapter has heard it."""

    def __init__(
        self, port: int, folder: Path, reader: int, readings: Sequence[Reading], chance: Random, outage: range
    ) -> None:
        from paho.mqtt.client import Client, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        self.port = port
        self._folder, self._reader, self._chance = folder, reader, chance
        self._readings = [reading for at, reading in enumerate(readings) if at not in outage]
        self._client: Any = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        self._client.reconnect_delay_set(1, 1)
        self._closed = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._closed:
            with suppress(OSError):
                self._client.connect("127.0.0.1", self.port)
                break
            time.sleep(0.05)
        self._client.loop_start()
        ledger = self._folder / "ledger"
        while not self._closed and not (ledger.exists() and " 0 1" in ledger.read_text()):
            self._publish(self._readings[0])
            time.sleep(0.05)
        for reading in self._readings:
            if self._closed:
                return
            self._publish(reading)
            if self._chance.random() < 0.3:
                time.sleep(0.002)
        with suppress(FileNotFoundError):
            (self._folder / "end").touch()

    def _publish(self, reading: Reading) -> None:
        text = f'{{"t":{reading.time},"i":{reading.import_mwh},"e":{reading.export_mwh}}}'
        with suppress(ValueError, RuntimeError):  # away for so long that it gives the message up
            self._client.publish(TOPIC.format(reader=self._reader), text, qos=1).wait_for_publish(3)

    def close(self) -> None:
        """Leave the broker."""
        self._closed = True
        self._client.disconnect()
        self._client.loop_stop()


def mapping(reader: int) -> str:
    """How an adapter reads the publisher's messages."""
    topic = TOPIC.format(reader=reader)
    return mapping_text(
        parse_mapping(
            {
                "preset": "own",
                "import": {"topic": topic, "path": "i", "unit": "mWh"},
                "export": {"topic": topic, "path": "e", "unit": "mWh"},
                "time": {"path": "t", "form": "unix"},
            }
        )
    )


def telegram(number: int, reading: Reading) -> bytes:
    """A reading in SML."""
    return sml_telegram(
        server_id=b"\x0a\x01TRI\x00\x00\x00\x00\x01",
        sec_index=number * SLOT_S,
        import_mwh=reading.import_mwh,
        export_mwh=reading.export_mwh,
    )


def text_telegram(_: int, reading: Reading) -> bytes:
    """A reading as a German meter pushes it in text."""
    lines = (
        "/LIN5Q3XX1004 V3.04",
        "",
        "1-0:0.0.0*255(1LIN0012345678)",
        f"1-0:1.8.0*255({_kwh(reading.import_mwh):>016}*kWh)",
        f"1-0:2.8.0*255({_kwh(reading.export_mwh):>016}*kWh)",
        "!",
        "",
    )
    return "\r\n".join(lines).encode()


def register_file(readings: Sequence[Reading]) -> bytes:
    """Readings in the project's own form of registers, but for the last."""
    rows = [f"{_stamp(r.time)},{_kwh(r.import_mwh)},{_kwh(r.export_mwh)}" for r in readings[:-1]]
    return "\n".join(["time,import_kwh,export_kwh", *rows, ""]).encode()


def interval_file(readings: Sequence[Reading]) -> bytes:
    """The quarter-hours between readings in the project's own form."""
    rows = [
        f"{POINT},{_stamp(a.time)},{_kwh(b.import_mwh - a.import_mwh)},{_kwh(b.export_mwh - a.export_mwh)},measured"
        for a, b in pairwise(readings)
    ]
    return "\n".join(["metering_point,slot_start,import_kwh,export_kwh,status", *rows, ""]).encode()


def mscons_file(readings: Sequence[Reading]) -> bytes:
    """The quarter-hours between readings as the market sends them."""
    made_at, first = readings[-1].time, readings[0].time // SLOT_S
    values = {
        IMPORT_OBIS: [b.import_mwh - a.import_mwh for a, b in pairwise(readings)],
        EXPORT_OBIS: [b.export_mwh - a.export_mwh for a, b in pairwise(readings)],
    }
    parts = [
        Series(metering_point=POINT, obis=obis, first_slot=first, values_mwh=found, made_at=made_at)
        for obis, found in values.items()
    ]
    return b"".join(interchange(parts, made_at=made_at, reference=f"T{first}"))


def _stamp(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, tz=UTC).isoformat()


def _kwh(value_mwh: int) -> str:
    return f"{value_mwh // 10**6}.{value_mwh % 10**6:06}"

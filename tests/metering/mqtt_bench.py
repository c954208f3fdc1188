"""How fast messages of a broker are journaled: `python -m tests.metering.mqtt_bench [messages]`.

Publishes to a mosquitto of its own; the recorder writes to the disk with its own rules. Says, and asserts nothing.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from tests.support.mosquitto import HOST, Mosquitto

from lindenstrom.metering.clock import Clock
from lindenstrom.metering.formats.mqtt import LATE
from lindenstrom.metering.formats.mqttmapping import parse_mapping
from lindenstrom.metering.journal import read_journal
from lindenstrom.metering.mqttlink import Broker
from lindenstrom.metering.mqttsource import MqttSource
from lindenstrom.metering.recorder import Recorder
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.timeline import message_of

TOPIC = "m/sensor/in/state"


async def measure(folder: Path, port: int, count: int) -> float:
    """Seconds from the first publication to the last message on the disk."""
    mapping = parse_mapping({"preset": "esphome", "device": "m", "import": "in"})
    source = MqttSource(broker=Broker(host=HOST, port=port), client="bench", meters={0: mapping})
    recorder = Recorder(
        shelf_of=lambda *_: Shelf(folder=folder, position=0), clock=Clock(wait_s=0), commit_s=5,
        free_bytes=lambda: 1 << 40, reserve_bytes=0,
    )  # fmt: skip
    stop = asyncio.Event()
    tasks = [asyncio.create_task(source.run(recorder.take, stop)), asyncio.create_task(recorder.run(stop, stop))]
    await asyncio.sleep(1)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
    client.max_inflight_messages_set(1000)
    client.connect(HOST, port)
    client.loop_start()
    began = time.monotonic()
    for number in range(count):
        client.publish(TOPIC, f"{number}.25", qos=1)
    while recorder.accepted_pieces < count:  # noqa: ASYNC110 - a figure, no event
        await asyncio.sleep(0.01)
    seconds = time.monotonic() - began
    client.disconnect()
    client.loop_stop()
    stop.set()
    await asyncio.gather(*tasks)
    return seconds


def timely(folder: Path) -> int:
    """How many journaled messages counted as of now."""
    records = [message_of(one) for path in folder.glob("*.mqtt") for one in read_journal(path)]
    return sum(not topic.startswith(LATE) for topic, _ in records)


def main() -> None:
    """Measure once."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "meter").mkdir()
        broker = Mosquitto(folder, ("allow_anonymous true", "max_queued_messages 0"))
        broker.start()
        try:
            seconds = asyncio.run(measure(folder / "meter", broker.port, count))
            of_now = timely(folder / "meter")
        finally:
            broker.stop()
    sys.stdout.write(f"{count} messages in {seconds:.2f} s: {count / seconds:.0f} a second; {of_now} as of now\n")


if __name__ == "__main__":
    main()

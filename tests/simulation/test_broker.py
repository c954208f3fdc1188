"""Simulated messages at a real broker: all of them arrive, in order."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from tests.support.mosquitto import HOST, Mosquitto, free_port, mosquitto_path

from lindenstrom.errors import ExitCode
from lindenstrom_cli.main import cli

pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed"),
]
OPTIONS = ("--as", "mqtt", "--households", "3", "--days", "1", "--every", "900")
MESSAGES = 3 * (96 + 3)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.stop()


def test_every_message_arrives_as_the_log_has_it(broker: Mosquitto, tmp_path: Path) -> None:
    heard: list[bytes] = []
    subscribed, done = threading.Event(), threading.Event()

    def on_message(_client: Any, _data: Any, message: MQTTMessage) -> None:
        heard.append(f"{message.topic} ".encode() + message.payload)
        if len(heard) == MESSAGES:
            done.set()

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(HOST, broker.port)
    client.loop_start()
    client.subscribe("tele/#", qos=1)
    assert subscribed.wait(20)
    result = CliRunner().invoke(cli, ["simulate", *OPTIONS, "--broker", f"{HOST}:{broker.port}"])
    assert done.wait(20)
    client.disconnect()
    client.loop_stop()
    assert result.exit_code == ExitCode.OK
    assert f"{MESSAGES} messages of 3 meters" in result.stdout
    CliRunner().invoke(cli, ["simulate", *OPTIONS, "--out", str(tmp_path / "o")])
    logged = [line.partition(b" ")[2] for line in (tmp_path / "o" / "mqtt" / "messages.log").read_bytes().splitlines()]
    assert heard == logged


def test_a_broker_that_is_not_there_is_named() -> None:
    result = CliRunner().invoke(cli, ["simulate", *OPTIONS, "--broker", f"{HOST}:{free_port()}"])
    assert result.exit_code == ExitCode.COULD_NOT_CHECK
    assert "took no message" in result.stderr

"""A member's day for Home Assistant: exact values, discovery as documented, nothing left behind on request."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from tests.support.example_day import ExampleDay
from tests.support.mosquitto import HOST, Mosquitto, mosquitto_path

from lindenstrom import mailbox
from lindenstrom.core.bundles import bundle_json
from lindenstrom.core.changes import stated_net
from lindenstrom.metering.homeassistant import (
    SENSORS,
    HomeAssistantFeed,
    device_of,
    discovery,
    removal,
    settled_day,
    state,
)
from lindenstrom.metering.mqttlink import Broker

# Home Assistant's page "MQTT Sensor", configuration variables; device and origin from its page "MQTT discovery"
SENSOR_KEYS = {
    "availability_topic", "device", "device_class", "icon", "json_attributes_template", "json_attributes_topic",
    "last_reset_value_template", "name", "origin", "qos", "state_class", "state_topic", "unique_id",
    "unit_of_measurement", "value_template",
}  # fmt: skip
DEVICE_KEYS = {"identifiers", "manufacturer", "model", "name", "sw_version"}
ORIGIN_KEYS = {"name", "sw_version", "support_url"}
# state classes and units that a device class allows, as Home Assistant's sensor integration checks them
CLASSES: dict[str | None, tuple[set[str | None], set[str | None]]] = {
    "date": ({None}, {None}),
    "energy": ({"total", "total_increasing"}, {"kWh", "Wh", "MWh"}),
    "monetary": ({"total"}, {"EUR"}),
    None: ({"measurement"}, {"%"}),
}
MEMBER = 2


def test_a_day_is_told_exactly() -> None:
    bundle = ExampleDay().bundle(MEMBER)
    day = settled_day(bundle)
    told = json.loads(state(device_of(bundle), day).payload)
    assert Fraction(told["draw"]) * 10**6 == day.taken_mwh > 0
    assert Fraction(told["feed_in"]) * 10**6 == day.given_mwh > 0
    assert Fraction(told["money"]) * 10**12 == stated_net(bundle) != 0
    assert Fraction(told["draw_share"]) / 100 <= Fraction(day.taken_mwh, day.import_mwh) <= 1
    assert told["day"] == "2026-10-25"
    assert told["last_reset"] == "2026-10-24T22:00:00+00:00"
    nothing = replace(day, import_mwh=0, taken_mwh=0)
    assert json.loads(state(device_of(bundle), nothing).payload)["draw_share"] == "None"


def test_discovery_is_as_documented() -> None:
    device = device_of(ExampleDay().bundle(MEMBER))
    told = discovery(device)
    names = set()
    for one in told:
        config: dict[str, Any] = json.loads(one.payload)
        assert one.topic == f"homeassistant/sensor/{config['unique_id']}/config"
        assert set(config) <= SENSOR_KEYS
        assert set(config["device"]) <= DEVICE_KEYS
        assert set(config["origin"]) <= ORIGIN_KEYS
        states, units = CLASSES[config.get("device_class")]
        assert config.get("state_class") in states
        assert config.get("unit_of_measurement") in units
        # Home Assistant refuses a reset for anything but a total
        assert ("last_reset_value_template" in config) == (config.get("state_class") == "total")
        assert config["state_topic"] == device.state_topic
        names.add(config["unique_id"])
    assert len(names) == len(told) == len(SENSORS)


def test_topics_tell_neither_name_nor_meter() -> None:
    bundle = ExampleDay().bundle(MEMBER)
    device = device_of(bundle)
    told = b"".join(
        one.topic.encode() + one.payload for one in [*discovery(device), state(device, settled_day(bundle))]
    )
    for secret in (bundle.name, *(meter.label for meter in bundle.meters), *(a.label for a in bundle.agreements)):
        assert not secret or secret.encode() not in told


def test_removal_covers_all_that_is_told() -> None:
    bundle = ExampleDay().bundle(MEMBER)
    device = device_of(bundle)
    told = {one.topic for one in [*discovery(device), state(device, settled_day(bundle))]} | {device.availability_topic}
    assert {one.topic for one in removal(device)} == told
    assert not any(one.payload for one in removal(device))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Mosquitto(folder)
    made.start()
    yield made
    made.stop()


def retained(port: int) -> dict[str, bytes]:
    """What a new subscriber is given."""
    found: dict[str, bytes] = {}
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
    client.on_message = lambda _client, _userdata, message: found.update({message.topic: message.payload})
    client.connect(HOST, port)
    client.subscribe("#", 1)
    client.loop_start()
    time.sleep(0.3)
    client.disconnect()
    client.loop_stop()
    return found


@pytest.mark.integration
@pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")
@pytest.mark.parametrize("removes", [False, True])
def test_a_broker_keeps_the_newest_day(broker: Mosquitto, tmp_path: Path, removes: bool) -> None:
    example = ExampleDay()
    bundle = example.bundle(MEMBER)
    device = device_of(bundle)

    def deliver(sequence: int) -> None:
        text = bundle_json(replace(bundle, sequence=sequence))
        mailbox.deliver_bundle(tmp_path, MEMBER, bundle.header.window, sequence, text)

    async def run() -> None:
        feed = HomeAssistantFeed(
            broker=Broker(host=HOST, port=broker.port), client="feed", mailbox=tmp_path, member=MEMBER,
            removes=removes, look_every_s=0.1,
        )  # fmt: skip
        stop = asyncio.Event()
        task = asyncio.create_task(feed.run(stop))
        await asyncio.sleep(0.3)
        assert await asyncio.to_thread(retained, broker.port) == {}
        deliver(7)
        await asyncio.sleep(0.5)
        found = await asyncio.to_thread(retained, broker.port)
        assert found[device.availability_topic] == b"online"
        assert json.loads(found[device.state_topic])["sequence"] == 7
        assert len(found) == len(SENSORS) + 2
        deliver(8)
        await asyncio.sleep(0.5)
        found = await asyncio.to_thread(retained, broker.port)
        assert json.loads(found[device.state_topic])["sequence"] == 8
        stop.set()
        await task
        found = await asyncio.to_thread(retained, broker.port)
        if removes:
            assert found == {}
        else:
            assert found[device.availability_topic] == b"offline"
            assert json.loads(found[device.state_topic])["sequence"] == 8

    asyncio.run(run())

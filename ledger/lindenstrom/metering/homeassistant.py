"""A member's settled day in Home Assistant, by its MQTT discovery. Only for who asks: the day goes to their own broker.

What is told stands in the newest bundle of the mailbox, as stated; checking it is `lindenstrom verify`. All topics are
retained: Home Assistant has them after its own restart. Sensors as documented for discovery of single components
(`homeassistant/sensor/<object id>/config`), which every release reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lindenstrom import __version__
from lindenstrom.core.bundles import Bundle, canonical_json, read_bundle
from lindenstrom.core.calendar import Zone, date_of
from lindenstrom.core.changes import stated_lines, stated_net
from lindenstrom.core.packs import decode_pack
from lindenstrom.core.units import format_eur, format_kwh
from lindenstrom.errors import LindenstromError
from lindenstrom.mailbox import list_bundles
from lindenstrom.metering.mqttlink import Broker, Link, Lost
from lindenstrom.metering.sources import SourceLost, stopped_within

PREFIX: Final = "homeassistant"
LOOK_EVERY_S: Final = 300.0
IDLE_S: Final = 0.5
PPM: Final = 1_000_000
UNKNOWN: Final = "None"
"""What Home Assistant shows as unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledDay:
    """A member's day as stated: mWh taken from and given to the community, p€ (positive: received), own meters' mWh."""

    community: str
    window: int
    begins_at: int
    sequence: int
    revision: int
    taken_mwh: int
    given_mwh: int
    net_peur: int
    import_mwh: int
    export_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor as Home Assistant lists it. Empty: it has none of that."""

    key: str
    name: str
    device_class: str = ""
    state_class: str = ""
    unit: str = ""
    icon: str = ""


SENSORS: Final = (
    Sensor(key="day", name="Settled day", device_class="date"),
    Sensor(key="draw_share", name="Share of draw", state_class="measurement", unit="%", icon="mdi:home-group"),
    Sensor(key="feed_in_share", name="Share of feed-in", state_class="measurement", unit="%", icon="mdi:home-group"),
    Sensor(key="draw", name="Draw from the community", device_class="energy", state_class="total", unit="kWh"),
    Sensor(key="feed_in", name="Feed-in to the community", device_class="energy", state_class="total", unit="kWh"),
    Sensor(key="money", name="Money of the day", device_class="monetary", state_class="total", unit="EUR"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A retained message. An empty payload removes what the topic had."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The device under which the sensors stand. community: its name; id: of topics and entities, [a-z0-9_]."""

    id: str
    community: str
    prefix: str = PREFIX

    @property
    def state_topic(self) -> str:
        """Where all values are, as one JSON object."""
        return f"lindenstrom/{self.id}/state"

    @property
    def availability_topic(self) -> str:
        """`online` or `offline`."""
        return f"lindenstrom/{self.id}/availability"

    def config_topic(self, sensor: Sensor) -> str:
        """Where Home Assistant looks for a sensor."""
        return f"{self.prefix}/sensor/{self.id}_{sensor.key}/config"


def settled_day(bundle: Bundle) -> SettledDay:
    """What a bundle says. Raises UnreadablePack."""
    lines = stated_lines(bundle).values()
    packs = [decode_pack(meter.opening.pack) for meter in bundle.meters]
    return SettledDay(
        community=bundle.community.name,
        window=bundle.header.window,
        begins_at=Zone(offset_hours=bundle.community.offset_hours).window_start(bundle.header.window),
        sequence=bundle.sequence,
        revision=bundle.header.revision,
        taken_mwh=sum(line.taken_mwh for line in lines),
        given_mwh=sum(line.given_mwh for line in lines),
        net_peur=stated_net(bundle),
        import_mwh=sum(sum(pack.import_mwh) for pack in packs),
        export_mwh=sum(sum(pack.export_mwh) for pack in packs),
    )


def device_of(bundle: Bundle, prefix: str = PREFIX) -> Device:
    """The device of a bundle's member. Its id tells neither name nor metering point."""
    place = f"lindenstrom_{bundle.community.id.hex()[:8]}_{bundle.member}"
    return Device(id=place, community=bundle.community.name, prefix=prefix)


def discovery(device: Device) -> list[Publication]:
    """What Home Assistant has to know of each sensor."""
    return [
        Publication(topic=device.config_topic(sensor), payload=canonical_json(_config(device, sensor)).encode())
        for sensor in SENSORS
    ]


def state(device: Device, day: SettledDay) -> Publication:
    """All values of a day. Amounts are decimal text, exact to the mWh and the p€."""
    content: dict[str, Any] = {
        "day": date_of(day.window).isoformat(),
        "draw": format_kwh(day.taken_mwh, 6),
        "draw_share": _percent(day.taken_mwh, day.import_mwh),
        "feed_in": format_kwh(day.given_mwh, 6),
        "feed_in_share": _percent(day.given_mwh, day.export_mwh),
        "last_reset": datetime.fromtimestamp(day.begins_at, tz=UTC).isoformat(),
        "money": format_eur(day.net_peur, 12),
        "revision": day.revision,
        "sequence": day.sequence,
    }
    return Publication(topic=device.state_topic, payload=canonical_json(content).encode())


def availability(device: Device, *, online: bool) -> Publication:
    """Whether the adapter is there."""
    return Publication(topic=device.availability_topic, payload=b"online" if online else b"offline")


def removal(device: Device) -> list[Publication]:
    """What takes everything back from broker and Home Assistant."""
    topics = [*(device.config_topic(sensor) for sensor in SENSORS), device.state_topic, device.availability_topic]
    return [Publication(topic=topic, payload=b"") for topic in topics]


class HomeAssistantFeed:
    """Keeps Home Assistant told while the adapter runs. removes: take everything back when it stops."""

    def __init__(
        self,
        *,
        broker: Broker,
        client: str,
        mailbox: Path,
        member: int,
        prefix: str = PREFIX,
        removes: bool = False,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._broker, self._client = broker, client
        self._mailbox, self._member = mailbox, member
        self._prefix, self._removes, self._look_every_s = prefix, removes, look_every_s

    @property
    def name(self) -> str:
        """Host and port."""
        return self._broker.name

    async def run(self, stop: asyncio.Event, /) -> None:
        """Tell the newest bundle, and each newer one, until `stop` is set. Raises SourceLost, OSError."""
        path, bundle = None, None
        while bundle is None:
            path, bundle = await asyncio.to_thread(self._newest, None)
            if bundle is None and await stopped_within(stop, self._look_every_s):
                return
        device, today = device_of(bundle, self._prefix), settled_day(bundle)
        link = Link(self._broker, self._client, keeps_session=False)
        try:
            await link.open([], will=(device.availability_topic, b"offline"))
            await _tell(link, [*discovery(device), state(device, today), availability(device, online=True)])
            while not await self._waits(link, stop):
                path, bundle = await asyncio.to_thread(self._newest, path)
                if bundle is not None:
                    await _tell(link, [state(device, settled_day(bundle))])
            await _tell(link, removal(device) if self._removes else [availability(device, online=False)])
        finally:
            await link.close()

    def _newest(self, known: Path | None) -> tuple[Path | None, Bundle | None]:
        """The newest bundle's file, and the bundle unless its file is known. What cannot be read is passed over."""
        for posted in reversed(list_bundles(self._mailbox, self._member)):
            if posted.path == known:
                return known, None
            try:
                bundle = read_bundle(posted.path.read_bytes())
                settled_day(bundle)
            except (OSError, LindenstromError):
                continue
            return posted.path, bundle
        return known, None

    async def _waits(self, link: Link, stop: asyncio.Event) -> bool:
        """Wait until it is time to look again; True if told to stop. Raises SourceLost."""
        deadline = asyncio.get_running_loop().time() + self._look_every_s
        while asyncio.get_running_loop().time() < deadline:
            item = await link.next(0)
            if isinstance(item, Lost):
                raise SourceLost(self.name, item.why)
            if await stopped_within(stop, min(IDLE_S, self._look_every_s)):
                return True
        return stop.is_set()


def _config(device: Device, sensor: Sensor) -> dict[str, Any]:
    is_total = sensor.state_class == "total"
    optional = {
        "device_class": sensor.device_class,
        "state_class": sensor.state_class,
        "unit_of_measurement": sensor.unit,
        "icon": sensor.icon,
        "last_reset_value_template": "{{ value_json.last_reset }}" if is_total else "",
    }
    return {
        "name": sensor.name,
        "unique_id": f"{device.id}_{sensor.key}",
        "state_topic": device.state_topic,
        "value_template": f"{{{{ value_json.{sensor.key} }}}}",
        "availability_topic": device.availability_topic,
        "json_attributes_topic": device.state_topic,
        "json_attributes_template": "{{ {'day': value_json.day, 'revision': value_json.revision} | tojson }}",
        "qos": 1,
        "device": {
            "identifiers": [device.id],
            "name": device.community,
            "manufacturer": "Lindenstrom",
            "model": "Energy community",
            "sw_version": __version__,
        },
        "origin": {"name": "Lindenstrom", "sw_version": __version__},
        **{key: value for key, value in optional.items() if value},
    }


def _percent(part_mwh: int, whole_mwh: int) -> str:
    """Per cent with four places, floored; unknown of nothing."""
    if whole_mwh == 0:
        return UNKNOWN
    ppm = part_mwh * PPM // whole_mwh
    return f"{ppm // 10_000}.{ppm % 10_000:04}"


async def _tell(link: Link, publications: Sequence[Publication]) -> None:
    for one in publications:
        await link.published(one.topic, one.payload, retain=True)

"""From adapter.toml and a reader's set-up to the parts that run: sources, ears, shelves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from lindenstrom.errors import LindenstromError
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.config import AdapterConfig, ConfigError, MeterPlace
from lindenstrom.metering.formats.mqttmapping import MeterMapping, read_mapping
from lindenstrom.metering.journal import Kind, records_of
from lindenstrom.metering.listening import Ear
from lindenstrom.metering.setup import SETUP_NAME, MeterSetup, ReaderSetup, Source, read_setup
from lindenstrom.metering.shelf import STREAMS, Shelf
from lindenstrom.metering.sources import FileSource, LiveSource, SerialSource, TcpSource

if TYPE_CHECKING:
    from lindenstrom.metering.homeassistant import HomeAssistantFeed

KINDS = {"sml": Kind.SML, "dsmr": Kind.DSMR, "mqtt": Kind.MQTT}
BAUD = {Kind.SML: 9600, Kind.DSMR: 115_200}


def meter_at(setup: ReaderSetup, position: int, window: int) -> MeterSetup | None:
    """The meter whose readings a live source at a position gives on a day.

    The one of the day; else the next to come, since readings before its first midnight count too; else the last.
    """
    here = sorted((meter for meter in setup.meters if meter.position == position), key=lambda meter: meter.from_day)
    return next((meter for meter in here if window < meter.end_day), here[-1] if here else None)


class Assembly:
    """An adapter's parts. Raises ConfigError where configuration and set-up do not fit."""

    def __init__(self, config: AdapterConfig, adapter: Adapter, today: int) -> None:
        self._config, self._adapter, self._setup = config, adapter, adapter.setup
        self._read_at = 0
        self._meters = {place.position: self._meter(place, number, today) for number, place in _numbered(config)}
        self.kinds = {
            place.position: self._kind(place, number, self._meters[place.position])
            for number, place in _numbered(config)
        }
        self.mappings = {
            position: read_mapping(meter.mapping) for position, meter in self._meters.items() if meter.mapping
        }

    def sources(self) -> tuple[LiveSource, ...]:
        """One per line, one per broker."""
        lines = [self._line(place) for place in self._config.meters if self.kinds[place.position] is not Kind.MQTT]
        return (*lines, *self._brokers())

    def ears(self) -> dict[int, Ear]:
        """One per meter."""
        return {position: Ear(kind, self.mappings.get(position)) for position, kind in self.kinds.items()}

    def shelf(self, position: int, time_ms: int) -> Shelf:
        """The journals for what is received at a time."""
        self._reread()
        meter = meter_at(self._setup, position, self._setup.zone.window_at(time_ms // 1000))
        assert meter is not None, "checked at the start"
        return self._adapter.shelf(meter)

    def _reread(self) -> None:
        """Take a changed set-up: a meter bound or ended while the adapter runs. An unreadable one changes nothing."""
        with suppress(LindenstromError, OSError):
            changed = (self._config.folder / SETUP_NAME).stat().st_mtime_ns
            if changed != self._read_at:
                fresh = read_setup(self._config.folder)
                if all(meter_at(fresh, position, 0) for position in self.kinds):
                    self._setup = fresh
                self._read_at = changed

    def newest_record_ms(self) -> int:
        """When the newest record of the journals was received; 0 if there is none."""
        streams = [path for path in self._config.folder.glob("journals/*/*") if path.suffix in STREAMS.values()]
        newest = max((path.name[:10] for path in streams), default="")
        times = (record.time_ms for path in streams if path.name[:10] == newest for record in records_of(path))
        return max(times, default=0)

    def _meter(self, place: MeterPlace, number: int, today: int) -> MeterSetup:
        meter = meter_at(self._setup, place.position, today)
        if meter is None:
            known = ", ".join(str(one.position) for one in self._setup.meters) or "none"
            self._refuse(number, "position", f"no meter is bound at {place.position}", f"bound positions: {known}")
        if meter.source not in (Source.SML, Source.DSMR, Source.MQTT):
            what = f"the meter at {place.position} was bound for {meter.source}, which come as files"
            self._refuse(number, "position", what, "name an [[inbox]] for it, or bind it with --source sml")
        return meter

    def _kind(self, place: MeterPlace, number: int, meter: MeterSetup) -> Kind:
        bound = str(meter.source)
        if place.format and place.format != bound:
            what = f"the meter was bound for {bound}"
            self._refuse(number, "format", what, "leave format out, or bind the meter for what it sends")
        if (KINDS[bound] is Kind.MQTT) != place.place.scheme.startswith("mqtt"):
            self._refuse(number, "source", f"{place.place.scheme}: gives no {bound}", "correct the source")
        return KINDS[bound]

    def _line(self, place: MeterPlace) -> LiveSource:
        kind, options = self.kinds[place.position], dict(place.place.options)
        if place.place.scheme == "tcp":
            return TcpSource(position=place.position, kind=kind, host=place.place.host, port=place.place.port)
        if place.place.scheme == "file":
            return FileSource(position=place.position, kind=kind, path=self._config.path.parent / place.place.path)
        return SerialSource(
            position=place.position,
            kind=kind,
            device=place.place.path,
            baud=int(options.get("baud", BAUD[kind])),
            data_bits=int(options.get("bits", 8)),
            parity=options.get("parity", "N"),
            stop_bits=int(options.get("stop", 1)),
        )

    def _brokers(self) -> Iterable[LiveSource]:
        by_broker: dict[tuple[str, int, str, bool], list[MeterPlace]] = {}
        for place in self._config.meters:
            if self.kinds[place.position] is Kind.MQTT:
                at = place.place
                by_broker.setdefault((at.host, at.port, at.user, at.scheme == "mqtts"), []).append(place)
        for (host, port, user, tls), places in by_broker.items():
            yield self._broker(host, port, user, places, tls=tls)

    def _broker(self, host: str, port: int, user: str, places: list[MeterPlace], *, tls: bool) -> LiveSource:
        from lindenstrom.metering.mqttlink import Broker
        from lindenstrom.metering.mqttsource import MqttSource

        first = places[0]
        broker = Broker(
            host=host, port=port, user=user, password_file=first.password_file, tls=tls, ca_file=first.ca_file,
            cert_file=first.cert_file, key_file=first.key_file,
        )  # fmt: skip
        client = dict(first.place.options).get("client", f"lindenstrom-{self._config.reader}")
        meters: Mapping[int, MeterMapping] = {place.position: self.mappings[place.position] for place in places}
        return MqttSource(broker=broker, client=client, meters=meters)

    def feed(self) -> HomeAssistantFeed | None:
        """What tells Home Assistant, if it is asked for."""
        told = self._config.home_assistant
        if told is None:
            return None
        from lindenstrom.metering.homeassistant import HomeAssistantFeed
        from lindenstrom.metering.mqttlink import Broker

        return HomeAssistantFeed(
            broker=Broker(
                host=told.host, port=told.port, user=told.user, password_file=told.password_file, tls=told.tls,
                ca_file=told.ca_file,
            ),
            client=f"lindenstrom-{self._config.reader}-feed",
            mailbox=self._config.mailbox,
            member=told.member,
            prefix=told.prefix,
            removes=told.remove,
        )  # fmt: skip

    def _refuse(self, number: int, key: str, what: str, remedy: str) -> NoReturn:
        raise ConfigError(self._config.path, f"[[meter]] {number}.{key}", what, remedy)


def _numbered(config: AdapterConfig) -> Iterable[tuple[int, MeterPlace]]:
    return enumerate(config.meters, 1)

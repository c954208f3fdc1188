"""Rounds: what is due, what is tried again, how a meter that comes back fills the days that went out without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.chain.batches import SignedAnchor, Skip
from lindenstrom.chain.errors import NodeUnreachable
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.assembling import Assembly, meter_at
from lindenstrom.metering.config import parse_config
from lindenstrom.metering.homeassistant import HomeAssistantFeed
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.mqttsource import MqttSource
from lindenstrom.metering.sender import Settled
from lindenstrom.metering.settling import Duties, counts, send
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source, write_setup
from lindenstrom.metering.sources import SerialSource, TcpSource
from lindenstrom.signing import Curve
from metering import folders
from metering.folders import COMMUNITY, DAY, KEY, ZONE, FileChain, interval_file, meter

MAPPING = (
    '{"fields":[{"obis":"1-0:1.8.0","path":[],"quantity":"import","sparse":false,"topic":"home/meter","unit":"kWh"}],'
    '"meter":"","meter_path":[],"time":null,"version":1}'
)
CLOSE_S = 36 * 3600


class Way(FileChain):
    """A chain in a file, on which all is final at once; it may be down."""

    def __init__(self, path: Path, adapter: Adapter) -> None:
        super().__init__(path)
        self.adapter, self.is_down = adapter, False

    def anchor(self, records: Sequence[SignedAnchor]) -> dict[int, Skip]:
        if self.is_down:
            raise NodeUnreachable("https://node.example", "ConnectionError")
        return super().anchor(records)

    def settle(self) -> Settled:
        if self.is_down:
            raise NodeUnreachable("https://node.example", "ConnectionError")
        final = tuple(entry for entry in self.adapter.outbox.entries() if entry.anchored and not entry.final)
        self.adapter.outbox.settle(final=final)
        return Settled(final=final, lost=())


def mixed_setup() -> ReaderSetup:
    """A meter that sends SML at position 5, one of a file at 6; both from the day on."""
    live = MeterSetup(position=5, meter=meter(5), source=Source.SML, from_day=DAY)
    filed = MeterSetup(position=6, meter=meter(6), source=Source.INTERVALS, metering_point="DE00006", from_day=DAY)
    return ReaderSetup(community=COMMUNITY, reader=3, depth=12, zone=ZONE, meters=(live, filed))


def live_setup() -> ReaderSetup:
    """One meter that sends SML, from the day on."""
    return replace(mixed_setup(), meters=mixed_setup().meters[:1])


def duties(adapter: Adapter, tmp_path: Path, thin_after_days: int = 0) -> Duties:
    return Duties(
        adapter=adapter,
        key=KEY,
        curve=Curve.SECP256K1,
        mailbox=tmp_path / "mail",
        partial_from_s=CLOSE_S - 6 * 3600,
        thin_after_days=thin_after_days,
    )


def test_days_offline_go_out_when_the_node_is_back(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "home", live_setup(), random=folders.randomness)
    for window in (DAY, DAY + 1):
        adapter.import_sml(5, folders.telegrams(window))
    work, way = duties(adapter, tmp_path), Way(tmp_path / "chain", adapter)
    way.is_down = True
    now = ZONE.window_end(DAY + 1) + 600
    days, troubles = work.prepare(now)
    assert (len(days), troubles) == (2, ())
    _, troubles = send(adapter, way)
    assert [one.error for one in troubles] == ["NodeUnreachable", "NodeUnreachable"]
    assert counts(work, now)["outbox"] == 2
    way.is_down = False
    assert send(adapter, way) == ((), ())
    found = counts(work, now)
    assert (found["anchored"], found["final"], found["outbox"]) == (2, 2, 0)
    assert way.calls == 1
    assert work.prepare(now) == ((), ())


def test_a_day_goes_out_without_a_meter_and_is_corrected_when_it_is_heard_again(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "home", mixed_setup(), random=folders.randomness)
    way, work = Way(tmp_path / "chain", adapter), duties(adapter, tmp_path)
    adapter.import_sml(5, folders.telegrams(DAY)[:20])
    adapter.import_intervals(
        interval_file(
            tmp_path / "a.csv",
            ReaderSetup(community=COMMUNITY, reader=3, depth=12, zone=ZONE, meters=(mixed_setup().meters[1],)),
            [DAY, DAY + 1],
        )
    )
    early = ZONE.window_end(DAY) + CLOSE_S - 6 * 3600 - 1
    assert work.prepare(early) == ((), ())
    assert len(work.prepare(early + 1)[0]) == 1
    assert send(adapter, way) == ((), ())
    assert set(adapter.outbox.packs(DAY)) == {6}
    # two days later the reading head is back
    journal = adapter.shelf(mixed_setup().meters[0])
    with journal.open_stream(Kind.SML, folders.telegrams(DAY + 2)[0][0]):
        pass
    for time_ms, data in folders.telegrams(DAY + 2):
        name = journal.open_stream(Kind.SML, time_ms)
        with name as file:
            file.append([folders_record(time_ms, data)])
    now = ZONE.window_end(DAY + 2) + 600
    work.resume(now)
    assert DAY in adapter.correctable()
    work.prepare(now)
    assert send(adapter, way) == ((), ())
    newest = adapter.outbox.entry(DAY)
    assert newest is not None
    assert (newest.revision, newest.anchored) == (1, True)
    assert set(adapter.outbox.packs(DAY, 1)) == {5, 6}
    before = adapter.correctable()
    work.resume(now)
    assert adapter.correctable() == before, "once a day is enough"


def folders_record(time_ms: int, data: bytes):  # type: ignore[no-untyped-def]
    from lindenstrom.metering.timeline import stream_record

    return stream_record(Kind.SML, time_ms, data)


def test_a_day_of_which_nothing_is_known_gets_no_root(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "home", mixed_setup(), random=folders.randomness)
    work = duties(adapter, tmp_path)
    now = ZONE.window_end(DAY + 3) + CLOSE_S
    assert work.prepare(now) == ((), ())
    assert counts(work, now)["waiting"] == 5
    late = ZONE.window_end(DAY + 400)
    assert len(work.due(late)) == 45, "days long gone without a file are not tried for ever"


def test_raw_streams_of_final_days_are_thinned_and_say_the_same(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "home", live_setup(), random=folders.randomness)
    for window in (DAY, DAY + 1):
        adapter.import_sml(5, folders.telegrams(window, step=150))
    way, work = Way(tmp_path / "chain", adapter), duties(adapter, tmp_path, thin_after_days=1)
    now = ZONE.window_end(DAY + 2) + 600
    work.prepare(now)
    (live,) = adapter.setup.live(DAY)

    def size() -> int:
        return sum(path.stat().st_size for path in adapter.shelf(live).folder.glob("*.sml"))

    before = size()
    work.resume(now)
    assert size() == before, "nothing is final yet"
    send(adapter, way)
    (tmp_path / "home" / ".resumed").unlink()
    work.resume(now)
    assert size() < before
    assert all(adapter.correct(window).entry == adapter.outbox.entry(window) for window in (DAY, DAY + 1))


def test_parts_fit_the_set_up(tmp_path: Path) -> None:
    later = MeterSetup(position=5, meter=meter(50), source=Source.SML, from_day=DAY + 9)
    setup = ReaderSetup(
        community=COMMUNITY, reader=3, depth=12, zone=ZONE,
        meters=(
            MeterSetup(position=5, meter=meter(5), source=Source.SML, end_day=DAY + 9),
            MeterSetup(position=7, meter=meter(7), source=Source.DSMR),
            MeterSetup(position=8, meter=meter(8), source=Source.MQTT, mapping=MAPPING),
            MeterSetup(position=9, meter=meter(9), source=Source.MQTT, mapping=MAPPING),
        ),
    )  # fmt: skip
    adapter = Adapter.create(tmp_path / "home", setup, random=folders.randomness)
    config = parse_config(
        tmp_path / "adapter.toml",
        {
            "reader": "roof",
            "folder": "home",
            "key": {"alias": "roof"},
            "meter": [
                {"position": 5, "source": "serial:/dev/ttyUSB0?baud=1200&parity=E&bits=7"},
                {"position": 7, "source": "tcp://192.0.2.7:2000"},
                {"position": 8, "source": "mqtts://me@broker.example"},
                {"position": 9, "source": "mqtts://me@broker.example"},
            ],
            "homeassistant": {"host": "broker.example", "member": 2},
        },
    )
    parts = Assembly(config, adapter, DAY)
    serial, tcp, broker = parts.sources()
    assert isinstance(serial, SerialSource)
    assert (serial.baud, serial.data_bits, serial.parity, serial.kind) == (1200, 7, "E", Kind.SML)
    assert isinstance(tcp, TcpSource)
    assert (tcp.name, tcp.kind) == ("192.0.2.7:2000", Kind.DSMR)
    assert isinstance(broker, MqttSource)
    assert broker.positions == (8, 9)
    assert set(parts.ears()) == {5, 7, 8, 9}
    assert isinstance(parts.feed(), HomeAssistantFeed)
    # a meter bound while the adapter runs takes over at its midnight
    assert meter_at(setup, 5, DAY + 20) is setup.meters[0]
    write_setup(
        tmp_path / "home",
        ReaderSetup(community=COMMUNITY, reader=3, depth=12, zone=ZONE, meters=(*setup.meters, later)),
    )
    midnight = ZONE.window_start(DAY + 9) * 1000
    assert parts.shelf(5, midnight - 1).folder.name == f"5-{meter(5).hex()[:16]}"
    assert parts.shelf(5, midnight).folder.name == f"5-{meter(50).hex()[:16]}"


@pytest.mark.parametrize("position", [5, 6])
def test_only_live_meters_resume(tmp_path: Path, position: int) -> None:
    adapter = Adapter.create(tmp_path / "home", mixed_setup(), random=folders.randomness)
    if position == 5:
        adapter.note_received(5, ZONE.window_start(DAY) * 1000)
        assert adapter.correctable() == ()
    else:
        with pytest.raises(Exception, match="takes intervals"):
            adapter.note_received(6, ZONE.window_start(DAY) * 1000)

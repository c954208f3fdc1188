"""A thinned journal builds what the whole one built; cut off at any step, it is whole or thinned."""

from __future__ import annotations

import random
import shutil
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone
from lindenstrom.metering import thinning
from lindenstrom.metering.errors import JournalBusy
from lindenstrom.metering.journal import Journal, Kind, Record, read_journal
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom.metering.timeline import message_record
from metering.telegram_text import p1

ZONE = Zone()
DAY = 20_750
FOREVER = 2**62
METER = b"\x0a\x01MTR\x00\x00\x00\x00\x01"
MAPPING = (
    '{"fields":[{"obis":"1-0:1.8.0","path":[],"quantity":"import","sparse":false,"topic":"m/in","unit":"kWh"},'
    '{"obis":"1-0:2.8.0","path":[],"quantity":"export","sparse":false,"topic":"m/out","unit":"kWh"}],'
    '"meter":"","meter_path":[],"time":null,"version":1}'
)


def sml(second: int) -> bytes:
    return sml_telegram(server_id=METER, sec_index=second, import_mwh=10**9 + second * 100, export_mwh=0)


def dsmr(second: int) -> bytes:
    kwh = f"{second // 36:06d}.{second % 36:03d}"
    return p1(["1-3:0.2.8(50)", "0-0:96.1.1(41)", f"1-0:1.8.1({kwh}*kWh)", "1-0:2.8.1(000000.000*kWh)"])


def stream(kind: Kind, seed: int, *, damaged: bool) -> list[Record]:
    """A day and some hours around it: telegrams at random steps, in pieces, some of them with a byte changed."""
    chance = random.Random(seed)
    begin, end = ZONE.window_start(DAY) - 7_000, ZONE.window_end(DAY) + 7_000
    records: list[Record] = []
    second = 0
    while begin + second < end:
        data = bytearray(sml(second) if kind is Kind.SML else dsmr(second))
        if damaged and chance.random() < 0.3:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        cuts = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(2))})
        time_ms = (begin + second) * 1000 + chance.randrange(900)
        for number, (a, b) in enumerate(pairwise(cuts)):
            records.append(Record(kind=kind, time_ms=time_ms + number, payload=bytes(data[a:b])))
        second += chance.choice((2, 5, 300, 600, 895, 4_000))
    # pieces that hold the end of one telegram and the beginning of the next
    joined = [records[0]]
    for record in records[1:]:
        last = joined[-1]
        if chance.random() < 0.3 and record.time_ms // 86_400_000 == last.time_ms // 86_400_000:
            joined[-1] = Record(kind=kind, time_ms=record.time_ms, payload=last.payload + record.payload)
        else:
            joined.append(record)
    return joined


def messages(seed: int) -> list[Record]:
    chance = random.Random(seed)
    begin, end = ZONE.window_start(DAY) - 7_000, ZONE.window_end(DAY) + 7_000
    records = []
    for second in range(0, end - begin, 40):
        topic = chance.choice(("m/in", "m/out", "m/power"))
        text = b"nan" if chance.random() < 0.1 else b"%d.%03d" % (second // 36, second % 36)
        records.append(message_record((begin + second) * 1000, topic, text))
    return records


def built(shelf: Shelf) -> object:
    return shelf.register_window(ZONE.first_slot(DAY), ZONE.slot_count(DAY), {})[0]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), kind=st.sampled_from((Kind.SML, Kind.DSMR, Kind.MQTT)), damaged=st.booleans())
def test_a_thinned_journal_builds_the_same(tmp_path: Path, seed: int, kind: Kind, damaged: bool) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    shelf = Shelf(folder=tmp_path, position=0, mapping=MAPPING if kind is Kind.MQTT else "")
    shelf.add(messages(seed) if kind is Kind.MQTT else stream(kind, seed, damaged=damaged))
    whole = built(shelf)
    saved = shelf.thin(0, FOREVER)
    assert built(shelf) == whole
    assert shelf.thin(0, FOREVER) == 0
    assert built(shelf) == whole
    assert saved > 0 or kind is not Kind.MQTT


def test_only_whole_days_inside_are_thinned(tmp_path: Path) -> None:
    shelf = Shelf(folder=tmp_path, position=0)
    shelf.add(stream(Kind.SML, 1, damaged=False))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    before = {name: (tmp_path / name).stat().st_size for name in names}
    second_day_ms = (DAY * 86_400) * 1000
    assert shelf.thin(0, second_day_ms + 1) == before[names[0]] - (tmp_path / names[0]).stat().st_size > 0
    assert (tmp_path / names[1]).stat().st_size == before[names[1]]


def test_a_journal_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    shelf = Shelf(folder=tmp_path, position=0)
    records = stream(Kind.SML, 1, damaged=False)
    shelf.add(records)
    with shelf.open_stream(Kind.SML, records[0].time_ms), pytest.raises(JournalBusy):
        shelf.thin(0, FOREVER)


@pytest.mark.parametrize("step", ["append", "rename", "sync"])
def test_cut_off_it_is_whole_or_thinned(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(folder=tmp_path, position=0)
    records = stream(Kind.SML, 2, damaged=False)
    shelf.add(records)
    whole, path = built(shelf), min(tmp_path.iterdir())
    before = read_journal(path)

    class Cut(Exception):
        """The power is gone."""

    def cut(*_: object, **__: object) -> None:
        raise Cut

    targets = {"append": (Journal, "append"), "rename": (Path, "rename"), "sync": (thinning, "sync_folder")}
    with monkeypatch.context() as patch:
        patch.setattr(*targets[step], cut)
        with pytest.raises(Cut):
            shelf.thin(0, FOREVER)
    after = read_journal(path)
    assert len(after) < len(before) if step == "sync" else after == before
    assert built(shelf) == whole
    shelf.thin(0, FOREVER)
    assert built(shelf) == whole
    assert not list(tmp_path.glob("*.part"))


def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    """What is held is a quarter-hour of telegrams and the file's buffer, not the day."""
    shelf = Shelf(folder=tmp_path, position=0)
    begin = ZONE.window_start(DAY) + 7_200
    data = sml(1)
    for hour in range(3):
        with shelf.open_stream(Kind.SML, begin * 1000) as journal:
            journal.append(
                Record(kind=Kind.SML, time_ms=(begin + hour * 3_600 + second) * 1000, payload=data * 3)
                for second in range(3_600)
            )
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    tracemalloc.start()
    try:
        shelf.timeline(begin * 1000, (begin + 10_000) * 1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 5_000_000
    assert peak < size / 2, (peak, size)

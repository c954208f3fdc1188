"""From journaled SML bytes to samples: chunks cut anywhere, damage, locks, clock steps."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from lindenstrom.core.packs import Registers
from lindenstrom.metering import rules, sml, timeline
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.smlwriter import sml_telegram

BASE = 1_792_792_800_000
METER = b"\x0a\x01MTR\x00\x00\x00\x00\x01"


def frame(second: int, import_mwh: int, export_mwh: int | None = 0, scaler: int = -1) -> tuple[int, bytes]:
    data = sml_telegram(server_id=METER, sec_index=second, import_mwh=import_mwh, export_mwh=export_mwh, scaler=scaler)
    return BASE + second * 1000, data


def chunked(frames: list[tuple[int, bytes]], seed: int) -> list[Record]:
    """The frames' bytes in chunks of random size, each stamped with the time of the frame that it ends in."""
    chance = random.Random(seed)
    records = []
    for time_ms, data in frames:
        cuts = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
        records += [Record(kind=Kind.SML, time_ms=time_ms, payload=data[a:b]) for a, b in pairwise(cuts)]
    return records


@pytest.mark.parametrize("seed", range(5))
def test_chunks_do_not_matter(seed: int) -> None:
    frames = [frame(second, second * 1_000) for second in range(0, 2_700, 50)]
    found = timeline.register_timeline(chunked(frames, seed))
    # the first and the last telegram of each of three quarter-hours
    assert [(s.time_ms - BASE) // 1000 for s in found.samples] == [0, 850, 900, 1_750, 1_800, 2_650]
    assert [s.registers.import_mwh for s in found.samples] == [0, 850_000, 900_000, 1_750_000, 1_800_000, 2_650_000]
    assert found.unused == {}


def test_damaged_telegram_gives_way_to_its_neighbour_and_is_named() -> None:
    frames = [frame(second, second * 1_000) for second in range(0, 900, 100)]
    frames[0] = (frames[0][0], frames[0][1][:50] + b"\xff" + frames[0][1][51:])
    frames[-1] = (frames[-1][0], frames[-1][1][:-10])
    found = timeline.register_timeline(chunked(frames, 1))
    assert [(s.time_ms - BASE) // 1000 for s in found.samples] == [100, 700]
    assert found.unused == {sml.BAD_CRC: 1, sml.CUT: 1}


def test_locked_and_one_sided_telegrams_are_left_out_and_named() -> None:
    frames = [
        frame(0, 5_000_000, scaler=3),
        frame(900, 5_400_000),
        frame(1_800, 5_500_000, export_mwh=None),
        frame(2_700, 5_600_000),
    ]
    found = timeline.register_timeline(chunked(frames, 1))
    assert [(s.time_ms - BASE) // 1000 for s in found.samples] == [900, 2_700]
    assert found.unused == {rules.LOCKED: 1, rules.ONE_SIDED: 1}
    assert not found.locked
    assert timeline.register_timeline(chunked(frames[:1], 1)).locked


def test_one_way_meter_has_no_export() -> None:
    found = timeline.register_timeline(chunked([frame(0, 1_000, None), frame(900, 2_000, None)], 1))
    assert [s.registers for s in found.samples] == [
        Registers(import_mwh=1_000, export_mwh=0),
        Registers(import_mwh=2_000, export_mwh=0),
    ]


def test_clock_set_back_is_named_and_backfill_is_not() -> None:
    back = [frame(1_000, 10_000), (BASE + 899_000, frame(1_001, 10_100)[1])]
    found = timeline.register_timeline(chunked(back, 1))
    assert len(found.samples) == 1
    assert found.unused == {rules.CLOCK_BACK: 1}
    backfill = [frame(1_000, 10_000), frame(100, 1_000)]
    found = timeline.register_timeline(chunked(backfill, 1))
    assert len(found.samples) == 2
    assert found.unused == {}


def test_the_same_bytes_again_change_nothing() -> None:
    records = chunked([frame(second, second * 1_000) for second in range(0, 2_700, 50)], 3)
    once, twice = timeline.register_timeline(records), timeline.register_timeline([*records, *records])
    assert once.samples == twice.samples

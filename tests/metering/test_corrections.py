"""What comes after a day is anchored: named, then settled by the next revision; swaps, rollovers, withdrawn breaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lindenstrom import mailbox
from lindenstrom.core.packs import Pack, Registers, Status, decode_pack, pack_fault
from lindenstrom.metering import adapter as adapter_module
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.errors import BreakUnfit, FolderError, RegisterFell
from lindenstrom.metering.intervals import DeclaredBreak, Lack, Sample, rollovers
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source, read_setup, write_setup
from metering import folders
from metering.folders import COMMUNITY, DAY, KEY, NOW, ZONE, FileChain, home_setup, interval_file, operator_setup

HEAD = "metering_point,slot_start,import_kwh,export_kwh,status\n"


def reg(imported: int, exported: int = 0) -> Registers:
    return Registers(import_mwh=imported, export_mwh=exported)


class Desk:
    """An adapter with its mailbox and chain."""

    def __init__(self, folder: Path, setup: ReaderSetup) -> None:
        self.adapter = Adapter.create(folder / "reader", setup, random=folders.randomness)
        self.mail, self.chain = folder / "mail", FileChain(folder / "chain")

    def settle(self, *windows: int, partial: bool = False) -> None:
        for window in windows:
            self.adapter.process(
                window, now=NOW, key=KEY, mailbox_folder=self.mail, anchorer=self.chain, partial=partial
            )

    def correct(self, window: int) -> int:
        """Correct and anchor; the newest revision."""
        self.adapter.correct(window)
        self.settle(window)
        entry = self.adapter.outbox.entry(window)
        assert entry is not None and entry.anchored
        return entry.revision

    def pack(self, window: int, position: int, revision: int = 0) -> Pack:
        data = self.adapter.outbox.packs(window, revision)[position]
        meter = next(m.meter for m in self.adapter.setup.live(window) if m.position == position)
        fault = pack_fault(
            data,
            community=COMMUNITY,
            meter=meter,
            window=window,
            revision=revision,
            slot_count=ZONE.slot_count(window),
        )
        assert fault is None
        return decode_pack(data)

    def late(self) -> list[tuple[int, int]]:
        gaps = self.adapter.gap_list(DAY - 1, DAY + 3)
        return [(g.window, g.position) for g in gaps if g.reason == adapter_module.LATE]


def test_late_interval_values_become_the_next_revision(tmp_path: Path) -> None:
    desk = Desk(tmp_path, operator_setup(3))
    days = [DAY, DAY + 1]
    skip = ["DE00001/5", *(f"DE00002/{index}" for index in range(96))]
    desk.adapter.import_intervals(interval_file(tmp_path / "v.csv", desk.adapter.setup, days, skip))
    desk.settle(*days, partial=True)
    first = desk.adapter.outbox.packs(DAY)
    desk.adapter.import_intervals(interval_file(tmp_path / "full.csv", desk.adapter.setup, days))
    assert set(desk.late()) == {(DAY, 1), (DAY, 2), (DAY + 1, 1), (DAY + 1, 2)}
    assert desk.adapter.correctable() == (DAY, DAY + 1)
    assert [desk.correct(DAY) for _ in range(3)] == [1, 1, 1]
    assert desk.late() == [(DAY + 1, 1), (DAY + 1, 2)]
    assert desk.adapter.correctable() == (DAY + 1,)
    assert desk.adapter.outbox.packs(DAY) == first
    for position in range(3):
        assert desk.pack(DAY, position, 1).end == desk.pack(DAY + 1, position).start
    assert desk.pack(DAY, 0, 1).gap is None
    filled, was = desk.pack(DAY, 1, 1), desk.pack(DAY, 1)
    assert filled.gap is not None
    assert filled.gap.slot_index == ZONE.slot_count(DAY) - 1
    assert (filled.import_mwh[5], filled.import_mwh[6]) == (6, was.import_mwh[6])
    assert set(filled.status) == {Status.MEASURED}
    assert desk.pack(DAY, 2, 1).import_mwh[7] == 9
    sent = mailbox.collect_packs(desk.mail, DAY)
    assert [d.revision for d in sent] == [0, 1]
    assert set(desk.chain.roots()) == {f"0/{DAY}/0", f"0/{DAY}/1", f"0/{DAY + 1}/0"}


def test_a_value_that_changes_again_makes_a_second_correction(tmp_path: Path) -> None:
    desk = Desk(tmp_path, operator_setup(1))
    desk.adapter.import_intervals(interval_file(tmp_path / "v.csv", desk.adapter.setup, [DAY]))
    desk.settle(DAY)
    path = tmp_path / "new.csv"
    for revision, value in ((1, 3), (2, 5)):
        path.write_text(HEAD + f"DE00000,2026-10-24T00:00:00+02:00,{value},0,estimated\n")
        report = desk.adapter.import_intervals(path)
        assert (report.added, report.late) == (0, 1)
        assert desk.correct(DAY) == revision
        assert desk.pack(DAY, 0, revision).import_mwh[0] == value * 10**6
    assert desk.adapter.import_intervals(path).late == 0
    assert desk.adapter.correctable() == ()


def test_an_unanchored_day_waits_with_its_correction(tmp_path: Path) -> None:
    desk = Desk(tmp_path, operator_setup(1))
    desk.adapter.import_intervals(interval_file(tmp_path / "v.csv", desk.adapter.setup, [DAY]))
    desk.adapter.build(DAY, now=NOW)
    path = tmp_path / "new.csv"
    path.write_text(HEAD + "DE00000,2026-10-24T00:00:00+02:00,3,0,measured\n")
    desk.adapter.import_intervals(path)
    report = desk.adapter.correct(DAY)
    assert report.entry is not None and report.entry.revision == 0
    assert desk.adapter.correctable() == ()
    desk.settle(DAY)
    assert desk.adapter.correctable() == (DAY,)
    desk.adapter.correct(DAY)
    assert desk.adapter.correctable() == (DAY,)  # built, not anchored: a crash here loses nothing
    assert desk.correct(DAY) == 1


def test_late_telegrams_fill_an_empty_place_between_settled_days(tmp_path: Path) -> None:
    desk = Desk(tmp_path, home_setup())
    frames = folders.telegrams(DAY)
    desk.adapter.import_sml(5, frames[:100])
    desk.settle(DAY, partial=True)
    assert desk.adapter.outbox.packs(DAY) == {}
    assert [g.reason for g in desk.adapter.gap_list(DAY, DAY)] == [Lack.NO_END.value]
    desk.adapter.import_sml(5, folders.telegrams(DAY + 1))
    desk.settle(DAY + 1)
    assert desk.correct(DAY) == 1  # spread from the next day's readings
    assert Status.ESTIMATED in desk.pack(DAY, 5, 1).status
    desk.adapter.import_sml(5, frames[100:])
    assert desk.late() == [(DAY, 5)]
    assert desk.correct(DAY) == 2
    pack = desk.pack(DAY, 5, 2)
    assert set(pack.status) == {Status.MEASURED}
    assert pack.end == desk.pack(DAY + 1, 5).start
    desk.adapter.import_sml(5, folders.telegrams(DAY, step=70))
    assert desk.adapter.correctable() == ()  # what was measured stays
    assert desk.adapter.gap_list(DAY, DAY) == ()


def register_setup(modulus_mwh: int = 0) -> ReaderSetup:
    meter = MeterSetup(position=1, meter=folders.meter(1), source=Source.REGISTERS, modulus_mwh=modulus_mwh, fuse_a=0)
    return ReaderSetup(community=COMMUNITY, reader=3, depth=12, zone=ZONE, meters=(meter,))


def register_file(path: Path, registers: list[str]) -> Path:
    """Readings each quarter-hour from the start of DAY on."""
    first = ZONE.first_slot(DAY) * 900
    lines = [f"{_utc(first + 900 * i)},{value},0.5" for i, value in enumerate(registers)]
    path.write_text("time,import_kwh,export_kwh\n" + "\n".join(lines) + "\n")
    return path


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time, tz=UTC).isoformat()


def test_a_rollover_of_a_known_modulus_is_found(tmp_path: Path) -> None:
    values = [f"{(999_995 + i * 0.1) % 1_000_000:.1f}" for i in range(97)]
    blind = Desk(tmp_path / "blind", register_setup())
    blind.adapter.import_registers(1, register_file(tmp_path / "r.csv", values))
    with pytest.raises(RegisterFell, match="meter break"):
        blind.settle(DAY)
    write_setup(tmp_path / "blind" / "reader", register_setup(10**12))
    desk = Desk(tmp_path / "blind", read_setup(tmp_path / "blind" / "reader"))
    desk.settle(DAY)
    pack = desk.pack(DAY, 1)
    assert pack.import_mwh == (100_000,) * 96
    assert pack.gap is not None
    assert (pack.gap.old_end.import_mwh, pack.gap.new_start.import_mwh) == (10**12, 0)
    assert set(pack.status) == {Status.MEASURED}


def test_what_is_no_rollover_is_none() -> None:
    def fall(old: int, new: int, modulus: int = 1000, meter: bytes = b"") -> int:
        samples = [Sample(time_ms=0, registers=reg(old)), Sample(time_ms=900_000, registers=reg(new), meter=meter)]
        samples[0] = replace(samples[0], meter=b"one" if meter else b"")
        return len(rollovers(samples, [], modulus))

    assert fall(990, 10) == 1
    assert fall(500, 10) == 0  # half the modulus or more: a fall
    assert fall(10, 990) == 0
    assert fall(990, 10, meter=b"two") == 0
    assert fall(1990, 10) == 0  # beyond its modulus: the modulus is wrong
    declared = DeclaredBreak(time_ms=5, old_end=reg(991), new_start=reg(3))
    samples = [Sample(time_ms=0, registers=reg(990)), Sample(time_ms=900_000, registers=reg(10))]
    assert rollovers(samples, [declared], 1000) == []


def test_both_directions_go_round_each_at_its_time() -> None:
    def found(end: Registers) -> list[tuple[int, Registers, Registers]]:
        both = [Sample(time_ms=0, registers=reg(990, 980)), Sample(time_ms=900_000, registers=end)]
        return [(d.time_ms, d.old_end, d.new_start) for d in rollovers(both, [], 1000)]

    assert found(reg(10, 20)) == [(450_000, reg(1000, 1000), reg(0, 0))]
    assert found(reg(10, 40)) == [
        (300_000, reg(996, 1000), reg(996, 0)),
        (450_000, reg(1000, 10), reg(0, 10)),
    ]


def test_a_swap_declared_after_the_day_is_a_correction_and_can_be_withdrawn(tmp_path: Path) -> None:
    values = ["100.0"] * 40 + ["900.0"] * 57
    desk = Desk(tmp_path, register_setup())
    desk.adapter.import_registers(1, register_file(tmp_path / "r.csv", values))
    desk.settle(DAY)
    assert sum(desk.pack(DAY, 1).import_mwh) == 800 * 10**6
    time_ms = ZONE.first_slot(DAY) * 900_000 + 39 * 900_000 + 60_000
    swap = DeclaredBreak(time_ms=time_ms, old_end=reg(101 * 10**6, 500_000), new_start=reg(899 * 10**6, 500_000))
    desk.adapter.declare_break(1, swap)
    assert desk.late() == [(DAY, 1)]
    assert desk.correct(DAY) == 1
    pack = desk.pack(DAY, 1, 1)
    assert sum(pack.import_mwh) == 2 * 10**6
    assert (pack.start, pack.end) == (desk.pack(DAY, 1).start, desk.pack(DAY, 1).end)
    desk.adapter.withdraw_break(1, time_ms)
    assert desk.correct(DAY) == 2
    assert desk.pack(DAY, 1, 2).import_mwh == desk.pack(DAY, 1).import_mwh
    with pytest.raises(FolderError, match="no break is declared"):
        desk.adapter.withdraw_break(1, time_ms)


def test_a_break_that_does_not_fit_can_be_taken_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, register_setup())
    desk.adapter.import_registers(1, register_file(tmp_path / "r.csv", [f"{100 + i}.0" for i in range(97)]))
    time_ms = ZONE.first_slot(DAY) * 900_000 + 60_000
    desk.adapter.declare_break(1, DeclaredBreak(time_ms=time_ms, old_end=reg(10**9), new_start=reg(10**12)))
    with pytest.raises((BreakUnfit, RegisterFell)):
        desk.settle(DAY)
    desk.adapter.withdraw_break(1, time_ms)
    desk.settle(DAY)
    assert desk.pack(DAY, 1).import_mwh == (10**6,) * 96

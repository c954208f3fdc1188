"""The adapter: homes and metering operators, from bytes to anchored roots, in any order, after any crash."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lindenstrom import mailbox, signing
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import Registers, Status, decode_pack, pack_fault, pack_leaf
from lindenstrom.metering import adapter as adapter_module
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.errors import (
    FolderError,
    MeterLocked,
    MonthKeyError,
    RegisterFell,
    SourceError,
    ValueConflict,
    WindowNotBuilt,
    WindowNotOver,
)
from lindenstrom.metering.intervals import DeclaredBreak, Lack
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source, write_setup
from lindenstrom.metering.smlwriter import sml_telegram
from metering import folders
from metering.folders import COMMUNITY, DAY, KEY, NOW, ZONE, FileChain, home_setup, interval_file, operator_setup


def home(tmp_path: Path) -> Adapter:
    return Adapter.create(tmp_path / "home", home_setup(), random=folders.randomness)


def operator(tmp_path: Path, count: int = 20) -> Adapter:
    return Adapter.create(tmp_path / "operator", operator_setup(count), random=folders.randomness)


def check_packs(adapter: Adapter, window: int) -> None:
    """Every pack of a built window passes the contract's check, and the root is theirs."""
    entry = adapter.outbox.entry(window)
    assert entry is not None
    packs = adapter.outbox.packs(window)
    meters = {meter.position: meter.meter for meter in adapter.setup.live(window)}
    for position, pack in packs.items():
        assert (
            pack_fault(
                pack,
                community=COMMUNITY,
                meter=meters[position],
                window=window,
                revision=0,
                slot_count=ZONE.slot_count(window),
            )
            is None
        )
    leaves = {position: pack_leaf(pack) for position, pack in packs.items()}
    assert entry.root == PositionalTree(depth=12, leaves=leaves).root


def test_home_from_bytes_to_anchored(tmp_path: Path) -> None:
    adapter, chain = home(tmp_path), FileChain(tmp_path / "chain")
    assert adapter.import_sml(5, folders.telegrams()).unused == {}
    report = adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
    assert report.gaps == ()
    assert report.entry is not None
    assert report.entry.anchored
    check_packs(adapter, DAY)
    (delivery,) = mailbox.collect_packs(tmp_path / "mail", DAY)
    assert delivery.packs == adapter.outbox.packs(DAY)
    digest = Anchor(reader=3, window=DAY, revision=0, root=delivery.root).digest(COMMUNITY)
    assert signing.is_signed_by(signing.address_of(KEY), digest, delivery.signature)
    pack = decode_pack(delivery.packs[5])
    assert set(pack.status) == {Status.MEASURED}
    assert all(abs(value - 90_000) <= 300 for value in pack.import_mwh)


def test_everything_again_changes_nothing(tmp_path: Path) -> None:
    adapter, chain = home(tmp_path), FileChain(tmp_path / "chain")
    adapter.import_sml(5, folders.telegrams())
    first = adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
    packs = adapter.outbox.packs(DAY)
    assert adapter.import_sml(5, folders.telegrams()).added == 0
    adapter.import_sml(5, folders.telegrams(step=70))
    again = Adapter(tmp_path / "home", random=os.urandom)
    second = again.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
    assert second.entry == first.entry
    assert again.outbox.packs(DAY) == packs
    assert chain.calls == 1


def test_days_meet_in_any_order(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    for window in (DAY + 2, DAY, DAY + 1):
        adapter.import_sml(5, folders.telegrams(window))
    for window in (DAY + 1, DAY + 2, DAY):
        assert adapter.build(window, now=NOW).entry
    # late bytes between two built days move nothing
    adapter.import_sml(5, folders.telegrams(DAY + 3, step=110))
    assert adapter.build(DAY + 3, now=NOW).entry
    packs = [decode_pack(adapter.outbox.packs(window)[5]) for window in range(DAY, DAY + 4)]
    for a, b in pairwise(packs):
        assert a.end == b.start
    for window in range(DAY, DAY + 4):
        check_packs(adapter, window)


def test_day_without_its_end_waits_and_is_named(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    frames = folders.telegrams()
    adapter.import_sml(5, frames[:200])
    report = adapter.build(DAY, now=NOW)
    assert report.entry is None
    assert [gap.reason for gap in report.gaps] == [Lack.NO_END.value]
    assert adapter.gap_list(DAY, DAY) == report.gaps
    adapter.import_sml(5, frames[200:])
    assert [gap.reason for gap in adapter.gap_list(DAY, DAY)] == [adapter_module.READY]
    assert adapter.build(DAY, now=NOW).entry
    assert adapter.gap_list(DAY, DAY) == ()


def test_gap_of_three_days_is_spread(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    adapter.import_sml(5, folders.telegrams(DAY))
    adapter.import_sml(5, folders.telegrams(DAY + 4))
    for window in range(DAY, DAY + 5):
        assert adapter.build(window, now=NOW).entry
        check_packs(adapter, window)
    assert set(decode_pack(adapter.outbox.packs(DAY + 2)[5]).status) == {Status.ESTIMATED}


def test_locked_meter_is_refused_with_the_remedy(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    locked = [
        (t, sml_telegram(server_id=folders.SERVER, sec_index=1, import_mwh=10**9, scaler=3))
        for t, _ in folders.telegrams()
    ]
    with pytest.raises(MeterLocked, match=r"enter its PIN .* set InF to On"):
        adapter.import_sml(5, locked)
    with adapter.open_sml(5, locked[0][0]) as journal:
        journal.append([adapter_module.Record(kind=adapter_module.Kind.SML, time_ms=t, payload=d) for t, d in locked])
    (gap,) = adapter.build(DAY, now=NOW).gaps
    assert gap.reason == Lack.LOCKED.value


def test_fall_needs_a_declared_break(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    frames = folders.telegrams()
    half = len(frames) // 2
    new = [
        (t, sml_telegram(server_id=b"\x0a\x01NEW", sec_index=i, import_mwh=i * 1_000, export_mwh=0))
        for i, (t, _) in enumerate(frames[half:])
    ]
    fallen = [
        (t, sml_telegram(server_id=folders.SERVER, sec_index=i, import_mwh=i * 1_000, export_mwh=0))
        for i, (t, _) in enumerate(frames[half:])
    ]
    other = Adapter.create(tmp_path / "other", home_setup(), random=folders.randomness)
    other.import_sml(5, frames[:half] + fallen)
    with pytest.raises(RegisterFell, match="declare the meter's swap"):
        other.build(DAY, now=NOW)
    assert "register is lower" in other.gap_list(DAY, DAY)[0].reason
    adapter.import_sml(5, frames[:half] + new)
    swap = DeclaredBreak(
        time_ms=frames[half][0] - 1_000,
        old_end=Registers(import_mwh=1_048 * 10**6, export_mwh=516 * 10**6),
        new_start=Registers(import_mwh=0, export_mwh=0),
    )
    adapter.declare_break(5, swap)
    adapter.declare_break(5, swap)
    adapter.declare_break(5, replace(swap, new_start=Registers(import_mwh=5, export_mwh=5)))
    adapter.declare_break(5, swap)  # the last one counts
    assert adapter.build(DAY, now=NOW).entry
    check_packs(adapter, DAY)
    assert decode_pack(adapter.outbox.packs(DAY)[5]).gap is not None
    adapter.declare_break(5, swap)
    assert adapter.gap_list(DAY, DAY) == ()


def test_register_file(tmp_path: Path) -> None:
    setup = ReaderSetup(
        community=COMMUNITY,
        reader=3,
        depth=12,
        zone=ZONE,
        meters=(MeterSetup(position=1, meter=folders.meter(1), source=Source.REGISTERS, from_day=DAY),),
    )
    adapter = Adapter.create(tmp_path / "home", setup, random=folders.randomness)
    path = tmp_path / "registers.csv"
    rows = "".join(
        f"2026-10-{24 + hour // 24}T{hour % 24:02}:{minute:02}:03+02:00,{hour}.{minute},0.5\n"
        for hour in range(24)
        for minute in (10, 25, 40, 55)
    )
    assert ZONE.window_at(1_792_792_800) == DAY
    head = "time,import_kwh,export_kwh\n2026-10-23T23:55:00+02:00,0,0.5\n"
    path.write_text(head + rows + "2026-10-25T00:00:05+02:00,24,0.5\n")
    assert adapter.import_registers(1, path).added == 98
    assert adapter.import_registers(1, path).added == 0
    assert adapter.build(DAY, now=NOW).entry
    check_packs(adapter, DAY)
    path.write_text("time,import_kwh,export_kwh\n2026-10-23T23:55:00+02:00,1,0.5\n")
    with pytest.raises(ValueConflict):
        adapter.import_registers(1, path)
    with pytest.raises(SourceError, match="takes registers, not sml"):
        adapter.import_sml(1, folders.telegrams())
    with pytest.raises(FolderError, match="no meter is at position 9"):
        adapter.import_registers(9, path)


def test_metering_operator(tmp_path: Path) -> None:
    adapter, chain = operator(tmp_path), FileChain(tmp_path / "chain")
    path = interval_file(tmp_path / "values.csv", adapter.setup, [DAY, DAY + 1])
    assert adapter.import_intervals(path).added == 20 * 196
    assert adapter.import_intervals(path).added == 0
    for window in (DAY, DAY + 1):
        adapter.process(window, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
        check_packs(adapter, window)
        assert len(adapter.outbox.packs(window)) == 20
    first, second = (decode_pack(adapter.outbox.packs(window)[7]) for window in (DAY, DAY + 1))
    assert (first.start.import_mwh, first.end) == (0, second.start)
    assert first.import_mwh[3] == 10
    assert len(chain.roots()) == 2


def test_metering_operator_with_holes(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 3)
    skip = ["DE00001/5", *(f"DE00002/{index}" for index in range(100))]
    path = interval_file(tmp_path / "values.csv", adapter.setup, [DAY], skip)
    adapter.import_intervals(path)
    report = adapter.build(DAY, now=NOW)
    assert report.entry is None
    assert [(gap.position, gap.reason) for gap in report.gaps] == [
        (1, "quarter-hours without a value (1)"),
        (2, "no reading at all"),
    ]
    assert adapter.build(DAY + 1, now=NOW, partial=False).entry is None
    report = adapter.build(DAY, now=NOW, partial=True)
    assert report.entry is not None
    check_packs(adapter, DAY)
    packs = adapter.outbox.packs(DAY)
    assert sorted(packs) == [0, 1]
    assert decode_pack(packs[1]).status.count(Status.MISSING) == 1
    # what comes after is named and waits for a correction; what is the same is neither
    full = interval_file(tmp_path / "full.csv", adapter.setup, [DAY, DAY + 1])
    imported = adapter.import_intervals(full)
    assert (imported.late, imported.added) == (97, 3 * 100)
    assert {gap.position for gap in adapter.gap_list(DAY, DAY) if gap.reason == adapter_module.LATE} == {1, 2}
    assert adapter.outbox.packs(DAY) == packs
    assert adapter.build(DAY + 1, now=NOW).entry
    check_packs(adapter, DAY + 1)
    assert len(adapter.outbox.packs(DAY + 1)) == 3
    assert decode_pack(adapter.outbox.packs(DAY + 1)[2]).start.import_mwh == 0


def test_interval_days_are_built_in_order(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    adapter.import_intervals(interval_file(tmp_path / "v.csv", adapter.setup, [DAY - 1, DAY, DAY + 1, DAY + 2]))
    assert adapter.build(DAY, now=NOW).entry
    assert [gap.reason for gap in adapter.build(DAY + 2, now=NOW).gaps] == [Lack.EARLIER_DAY.value]
    assert adapter.build(DAY - 1, now=NOW).entry
    check_packs(adapter, DAY - 1)
    before, after = (decode_pack(adapter.outbox.packs(window)[0]) for window in (DAY - 1, DAY))
    assert before.gap is not None
    assert before.end == after.start
    assert adapter.build(DAY + 1, now=NOW).entry
    assert adapter.build(DAY + 2, now=NOW).entry


def test_later_value_counts_until_built(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    adapter.import_intervals(interval_file(tmp_path / "v.csv", adapter.setup, [DAY]))
    path = tmp_path / "new.csv"
    head = "metering_point,slot_start,import_kwh,export_kwh,status\n"
    path.write_text(
        head + "DE00000,2026-10-24T00:00:00+02:00,3,0,estimated\nUNKNOWN,2026-10-24T00:00:00Z,1,1,measured\n"
    )
    report = adapter.import_intervals(path)
    assert (report.added, report.unknown) == (1, 1)
    adapter.build(DAY, now=NOW)
    pack = decode_pack(adapter.outbox.packs(DAY)[0])
    assert (pack.import_mwh[0], pack.status[0]) == (3_000_000, Status.ESTIMATED)


def test_order_of_steps_is_kept(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    adapter.import_sml(5, folders.telegrams())
    with pytest.raises(WindowNotOver):
        adapter.build(DAY, now=ZONE.window_end(DAY) - 1)
    with pytest.raises(WindowNotBuilt, match="not built yet"):
        adapter.sign(DAY, KEY)
    adapter.build(DAY, now=NOW)
    assert adapter.build(DAY, now=ZONE.window_start(DAY)).entry, "built already: a clock set back changes nothing"
    with pytest.raises(WindowNotBuilt, match="not signed yet"):
        adapter.deliver(DAY, tmp_path / "mail")
    adapter.sign(DAY, KEY)
    chain = FileChain(tmp_path / "chain")
    assert adapter.anchor(chain).anchored == ()
    adapter.deliver(DAY, tmp_path / "mail")
    assert len(adapter.anchor(chain).anchored) == 1
    assert adapter.anchor(chain).anchored == ()
    assert chain.calls == 1


def test_month_keys_are_private_kept_and_checked(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "home", home_setup(), random=os.urandom)
    adapter.import_sml(5, folders.telegrams())
    adapter.build(DAY, now=NOW)
    (key,) = (tmp_path / "home" / "keys").iterdir()
    assert key.name == "2026-10.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_bytes(b"short")
    adapter.import_sml(5, folders.telegrams(DAY + 1))
    with pytest.raises(MonthKeyError):
        adapter.build(DAY + 1, now=NOW)


def test_setup_grows_and_never_loses_a_meter(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    old = home_setup()
    write_setup(folder, old)
    ended = replace(old.meters[0], end_day=DAY + 5)
    successor = replace(old.meters[0], meter=folders.meter(6), from_day=DAY + 5)
    write_setup(folder, replace(old, meters=(ended, successor)))
    adapter = Adapter(folder, random=os.urandom)
    assert [m.meter for m in adapter.setup.live(DAY + 5)] == [folders.meter(6)]
    with pytest.raises(FolderError, match="lacks"):
        write_setup(folder, replace(old, meters=(successor,)))
    with pytest.raises(FolderError, match="another reader"):
        write_setup(folder, replace(old, reader=9))
    with pytest.raises(FolderError, match="share"):
        write_setup(folder, replace(old, meters=(old.meters[0], successor)))
    with pytest.raises(FolderError, match="outside the tree"):
        write_setup(folder, replace(old, meters=(replace(ended, position=4096), ended)))
    (folder / "reader.json").write_text('{"community":5}')
    with pytest.raises(FolderError, match="not a reader's set-up"):
        Adapter(folder, random=os.urandom)


def start(tmp_path: Path, step: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join(str(root / name) for name in ("contracts", "ledger"))
    arguments = [str(tmp_path / name) for name in ("home", "mail", "chain")]
    return subprocess.Popen(
        [sys.executable, folders.__file__, *arguments, step], env={**os.environ, "PYTHONPATH": paths}
    )


def outcome(tmp_path: Path) -> tuple[object, ...]:
    """Everything that must come out the same, however often the run was killed."""
    adapter = Adapter(tmp_path / "home", random=os.urandom)
    (meter,) = adapter.setup.meters
    found = adapter.shelf(meter).timeline(ZONE.window_start(DAY) * 1000, ZONE.window_end(DAY) * 1000)
    assert mailbox.collect_packs(tmp_path / "mail", DAY)[0].packs == adapter.outbox.packs(DAY)
    entries = [replace(entry) for entry in adapter.outbox.entries()]
    return found.samples, adapter.outbox.packs(DAY), entries, FileChain(tmp_path / "chain").roots()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    path = tmp_path_factory.mktemp("undisturbed")
    folders.run_home(path / "home", path / "mail", path / "chain", lambda _: None)
    return outcome(path)


STEPS = ["import 0", "import 80", "make key", "build", "sign", "deliver", "note delivery", "anchor", "note anchoring"]


def test_killed_at_every_step_in_turn(tmp_path: Path, undisturbed: tuple[object, ...]) -> None:
    for step in ["torn", *STEPS]:
        assert start(tmp_path, step).wait() == -signal.SIGKILL, step
    assert start(tmp_path, "none").wait() == 0
    assert outcome(tmp_path) == undisturbed


def test_killed_at_any_moment(tmp_path: Path, undisturbed: tuple[object, ...]) -> None:
    chance = random.Random(20)
    for _ in range(8):
        process = start(tmp_path, "none")
        time.sleep(chance.uniform(0.2, 0.9))
        process.kill()
        process.wait()
    assert start(tmp_path, "none").wait() == 0
    assert outcome(tmp_path) == undisturbed

"""What the recorder accepts is on the disk; disk, clock and memory decide what it accepts, and it says so."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.metering import journal as journal_module
from lindenstrom.metering import recorder as recorder_module
from lindenstrom.metering.clock import Clock, Doubt
from lindenstrom.metering.journal import Kind, read_journal
from lindenstrom.metering.recorder import Recorder
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.sources import NotTaken

NOON_MS = 1_790_000_000_000


class Hands:
    """A clock whose hands a test moves."""

    def __init__(self) -> None:
        self.wall = NOON_MS
        self.steady = 5_000_000
        self.power_on_s = 100_000
        self.is_set = True
        self.clock = Clock(
            wait_s=600,
            wall_ms=lambda: self.wall,
            steady_ms=lambda: self.steady,
            since_power_on_s=lambda: self.power_on_s,
            is_set=lambda: self.is_set,
        )

    def pass_ms(self, passed: int) -> None:
        self.wall += passed
        self.steady += passed


class Desk:
    """A recorder on a folder, with what it said."""

    def __init__(self, folder: Path, hands: Hands | None = None) -> None:
        self.folder, self.hands = folder, hands or Hands()
        self.free = 1 << 30
        self.said: list[tuple[str, str]] = []
        self.recorder = Recorder(
            shelf_of=lambda position, _: self.shelf(position),
            clock=self.hands.clock,
            commit_s=0,
            free_bytes=lambda: self.free,
            reserve_bytes=1 << 20,
            on_event=lambda event, why: self.said.append((event, why)),
        )

    def shelf(self, position: int) -> Shelf:
        folder = self.folder / str(position)
        folder.mkdir(parents=True, exist_ok=True)
        return Shelf(folder=folder, position=position)

    def take(self, payload: bytes, position: int = 0) -> asyncio.Future[None]:
        return self.recorder.take(position, Kind.SML, self.hands.wall, payload)

    def journaled(self, position: int = 0) -> list[tuple[int, bytes]]:
        paths = sorted((self.folder / str(position)).glob("*.sml"))
        return [(record.time_ms, record.payload) for path in paths for record in read_journal(path)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_S", 0.05)
    monkeypatch.setattr(recorder_module, "CHECK_CLOCK_S", 0.05)


def at_work(desk: Desk, play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a recorder while something is played to it."""

    async def run() -> None:
        stop, hurry = asyncio.Event(), asyncio.Event()
        work = asyncio.create_task(desk.recorder.run(stop, hurry))
        try:
            await asyncio.wait_for(play(), 10)
        finally:
            hurry.set()
            stop.set()
            await asyncio.wait_for(work, 10)

    asyncio.run(run())


def test_accepted_is_on_the_disk_in_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def play() -> None:
        for number in range(50):
            future = desk.take(b"%d" % number)
            if number % 10 == 0:
                await future
                assert desk.journaled()[-1][1] == b"%d" % number
            desk.hands.pass_ms(1000)

    at_work(desk, play)
    assert [payload for _, payload in desk.journaled()] == [b"%d" % n for n in range(50)]
    assert desk.journaled()[0][0] == NOON_MS
    assert desk.recorder.accepted_pieces == 50
    assert desk.recorder.commits < 50
    assert desk.recorder.waiting_bytes == 0


def test_each_utc_day_has_its_file(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.hands.wall = 1_790_035_199_500  # half a second before midnight

    async def play() -> None:
        await desk.take(b"before")
        desk.hands.pass_ms(1000)
        await desk.take(b"after")

    at_work(desk, play)
    assert [path.name for path in sorted((tmp_path / "0").iterdir())] == ["2026-09-21.sml", "2026-09-22.sml"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_nothing_stops_nothing(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    fails = [False]
    real = os.fsync

    def fsync(handle: int) -> None:
        if fails[0]:
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(journal_module.os, "fsync", fsync)

    async def play() -> None:
        await desk.take(b"first")
        fails[0] = True
        waiting = desk.take(b"second")
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert desk.recorder.problem in {"DiskFull", "DiskReadOnly", "DiskFailed"}
        assert [payload for _, payload in desk.journaled()] in ([b"first"], [b"first", b"second"])
        fails[0] = False
        await waiting
        await desk.take(b"third")

    at_work(desk, play)
    assert [payload for _, payload in desk.journaled()] == [b"first", b"second", b"third"]
    assert desk.recorder.problem == ""
    assert [event for event, _ in desk.said] == ["journal-stopped", "journal-goes-on"]


def test_some_room_is_left_for_what_has_to_be_sent(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def play() -> None:
        desk.free = 1 << 19
        waiting = desk.take(b"x")
        await asyncio.sleep(0.2)
        assert not waiting.done()
        assert desk.recorder.problem == "DiskFull"
        desk.free = 1 << 30
        await waiting

    at_work(desk, play)


def test_one_damaged_journal_does_not_stop_another_meter(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (desk.shelf(1).folder / "2026-09-21.sml").write_bytes(b"no journal at all")

    async def play() -> None:
        stuck = desk.take(b"x", position=1)
        await desk.take(b"y", position=0)
        assert not stuck.done()
        assert desk.recorder.problem == "FolderError"

    at_work(desk, play)
    assert desk.recorder.refused_pieces == 1


def test_memory_is_bounded_and_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "WAITING_BYTES", 10_000)
    desk = Desk(tmp_path)

    async def play() -> None:
        desk.free = 0
        futures = [desk.take(bytes(1000)) for _ in range(20)]
        refused = [future for future in futures if future.done()]
        assert len(refused) == 13 == desk.recorder.refused_pieces
        for future in refused:
            with pytest.raises(NotTaken):
                await future
        other = desk.take(b"of another meter", position=1)
        assert not other.done()
        desk.free = 1 << 30
        await asyncio.gather(*futures[:7], other)

    at_work(desk, play)
    assert len(desk.journaled()) == 7


def test_before_the_clock_is_set_nothing_is_stamped_and_nothing_lost(tmp_path: Path) -> None:
    """No battery: the clock shows three hours ago after power-on, until the network sets it."""
    hands = Hands()
    hands.is_set, hands.power_on_s = False, 30
    hands.wall -= 3 * 3_600_000
    desk = Desk(tmp_path, hands)

    async def play() -> None:
        early = desk.take(b"early")
        hands.pass_ms(20_000)
        later = desk.take(b"later")
        await asyncio.sleep(0.2)
        assert not early.done()
        assert desk.recorder.doubt is Doubt.NOT_SET
        hands.wall += 3 * 3_600_000
        hands.is_set = True
        await asyncio.gather(early, later)

    at_work(desk, play)
    assert desk.journaled() == [(NOON_MS, b"early"), (NOON_MS + 20_000, b"later")]
    assert [event for event, _ in desk.said] == ["clock-doubted", "clock-trusted"]


def test_clock_rules() -> None:
    hands = Hands()
    clock = hands.clock
    assert clock.doubt() is Doubt.NONE
    clock.saw_record(NOON_MS + 60_000)
    assert clock.doubt() is Doubt.NONE, "somebody has set it: what is in the journal may be wrong"
    hands.is_set = False
    assert clock.doubt() is Doubt.BEHIND_JOURNAL
    hands.pass_ms(55_000)
    assert clock.doubt() is Doubt.NONE
    hands.power_on_s = 599
    assert clock.doubt() is Doubt.NOT_SET
    hands.power_on_s, hands.is_set = 600, True
    clock.saw_block(hands.wall // 1000 + 119)
    assert clock.doubt() is Doubt.NONE
    clock.saw_block(hands.wall // 1000 + 125)
    assert clock.doubt() is Doubt.BEHIND_CHAIN


def test_the_real_clock_is_asked_without_harm() -> None:
    clock = Clock(wait_s=0)
    assert clock.doubt() is Doubt.NONE
    assert clock.offset_ms() > 0


def test_a_brokers_full_window_does_not_wait(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.recorder._commit_s = 60

    async def play() -> None:
        stop = asyncio.Event()
        work = asyncio.create_task(desk.recorder.run(stop, asyncio.Event()))
        window = (desk.recorder.take(0, Kind.MQTT, NOON_MS + n, b"\0\1m") for n in range(recorder_module.BURST))
        await asyncio.wait_for(asyncio.gather(*window), recorder_module.ACKNOWLEDGED_COMMIT_S / 2)
        stop.set()
        await work

    asyncio.run(play())

"""The adapter as a process: sources that fail, rounds that fail, a stop within seconds, a log that tells no values."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.errors import CouldNotCheck
from lindenstrom.metering import runner as runner_module
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.assembling import Assembly
from lindenstrom.metering.clock import Clock
from lindenstrom.metering.config import AdapterConfig, parse_config
from lindenstrom.metering.events import EventLog, said
from lindenstrom.metering.healthpage import HealthPage, metrics
from lindenstrom.metering.journal import Kind, read_journal
from lindenstrom.metering.recorder import Recorder
from lindenstrom.metering.runner import AlreadyRunning, OnlyOne, PortTaken, Runner
from lindenstrom.metering.settling import Round, Trouble
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom.metering.sources import Sink, SourceLost, now_ms
from metering.folders import SERVER, home_setup, randomness

REGISTER_MWH = 123_456_789_100
VALUES = ("123456789", "12345678", "123456.7", "06-4D-54-52", "4D5452", "MTR")
"""The register's digits, and the meter's number, however they might be written."""


def telegram(number: int = 0, step: int = 100) -> bytes:
    return sml_telegram(
        server_id=SERVER, sec_index=number, import_mwh=REGISTER_MWH + number * step, export_mwh=987_654_321_000
    )


class Player:
    """A source that plays pieces, then waits; or is lost."""

    def __init__(self, pieces: list[bytes], *, losses: int = 0) -> None:
        self.pieces, self.losses, self.opened = pieces, losses, 0
        self.name, self.positions = "/dev/ttyTEST", (5,)

    async def run(self, sink: Sink, stop: asyncio.Event, /) -> None:
        self.opened += 1
        if self.opened <= self.losses:
            raise SourceLost(self.name, "pulled out")
        for piece in self.pieces:
            await sink(5, Kind.SML, now_ms(), piece)
        await stop.wait()


class Plant:
    """A runner on a folder with one meter."""

    def __init__(self, tmp_path: Path, source: Player, settle: Callable[[], Coroutine[Any, Any, Round]]) -> None:
        self.adapter = Adapter.create(tmp_path / "home", home_setup(), random=randomness)
        self.config: AdapterConfig = parse_config(
            tmp_path / "adapter.toml",
            {
                "reader": "roof",
                "folder": "home",
                "key": {"alias": "roof"},
                "meter": [{"position": 5, "source": "serial:/dev/ttyTEST"}],
                "health": {"port": 0},
            },
        )
        self.parts = Assembly(self.config, self.adapter, 20_750)
        self.log = io.StringIO()
        clock = Clock(wait_s=0)
        self.recorder = Recorder(
            shelf_of=self.parts.shelf, clock=clock, commit_s=0, free_bytes=lambda: 1 << 40, reserve_bytes=0
        )
        self.runner = Runner(
            config=self.config,
            sources=[source],
            ears=self.parts.ears(),
            recorder=self.recorder,
            clock=clock,
            settle=settle,
            next_midnight=lambda now: now + 86_400,
            log=EventLog(self.log, "debug"),
        )

    def run(self, until: Callable[[], bool]) -> float:
        """Run until something holds; how long the stop took."""

        async def play() -> float:
            stop = asyncio.Event()
            work = asyncio.create_task(self.runner.run(stop))
            for _ in range(1000):
                if until() or work.done():
                    break
                await asyncio.sleep(0.01)
            assert until(), self.log.getvalue()
            began = time.monotonic()
            stop.set()
            await work
            return time.monotonic() - began

        return asyncio.run(play())

    def events(self) -> list[str]:
        return [part[6:] for line in self.log.getvalue().splitlines() for part in line.split() if part[:6] == "event="]


async def fine() -> Round:
    return Round(now=int(time.time()), height=7, built=3, anchored=2, final=1, outbox=1)


def test_pieces_become_journal_and_the_stop_is_quick(tmp_path: Path) -> None:
    pieces = [telegram(0)[:50], telegram(0)[50:] + telegram(1)]
    plant = Plant(tmp_path, Player(pieces), fine)
    took = plant.run(lambda: plant.recorder.accepted_pieces == 2 and plant.runner.health()["node_height"] == 7)
    assert took < 3
    (path,) = (tmp_path / "home").glob("journals/*/*.sml")
    assert [record.payload for record in read_journal(path)] == pieces
    found = plant.runner.health()
    assert found["sources"][0]["telegrams_total"] == 2
    assert found["problems"] == ["position 5: closed"]
    assert plant.parts.newest_record_ms() > 0
    assert plant.events() == ["started", "open", "round", "stopping", "stopped"]


def test_a_lost_source_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "FIRST_PAUSE_S", 0.01)
    source = Player([telegram()], losses=3)
    plant = Plant(tmp_path, source, fine)
    plant.run(lambda: plant.recorder.accepted_pieces == 1)
    assert source.opened == 4
    assert plant.events().count("lost") == 3


def test_a_failing_round_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "FIRST_RETRY_S", 0.01)
    calls = []

    async def bad() -> Round:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("123456789")
        if len(calls) == 2:
            raise CouldNotCheck("https://user:token@node.example/key/123456789 is down")
        return Round(now=1, troubles=(Trouble(step="node", error="NodeUnreachable", message=""),))

    plant = Plant(tmp_path, Player([]), bad)
    plant.run(lambda: len(calls) >= 4)
    assert "round: ZeroDivisionError" not in plant.runner.health()["problems"]
    assert "node: NodeUnreachable" in plant.runner.health()["problems"]
    assert "ZeroDivisionError" in plant.log.getvalue()
    assert "123456789" not in plant.log.getvalue()
    assert "token" not in plant.log.getvalue()
    assert "node.example" in plant.log.getvalue()


def test_one_adapter_per_folder(tmp_path: Path) -> None:
    plant = Plant(tmp_path, Player([]), fine)
    with OnlyOne(tmp_path / "home"), pytest.raises(AlreadyRunning):
        asyncio.run(plant.runner.run(asyncio.Event()))
    with OnlyOne(tmp_path / "home"):
        pass


def test_no_reading_and_no_meter_number_in_log_health_or_metrics(tmp_path: Path) -> None:
    """Known values go in, by every door that reaches the log; none comes out."""
    locked = sml_telegram(
        server_id=SERVER, sec_index=1, import_mwh=REGISTER_MWH // 10**6 * 10**6, export_mwh=None, scaler=3
    )
    damaged = bytearray(telegram(9))
    damaged[60] ^= 1
    pieces = [telegram(0), bytes(damaged), telegram(1), locked, f"{VALUES[0]} kWh".encode(), telegram(2)[:80]]
    plant = Plant(tmp_path, Player(pieces), fine)
    plant.run(lambda: plant.recorder.accepted_pieces == len(pieces))
    page = HealthPage(plant.runner.health)
    told = plant.log.getvalue() + json.dumps(plant.runner.health())
    for path in ("/", "/health", "/metrics"):
        told += page.answer(f"GET {path} HTTP/1.1\r\nHost: localhost:8740\r\n\r\n")[2].decode()
    assert not [value for value in VALUES if value in told]
    assert "meter-locked" in told
    assert plant.runner.health()["sources"][0]["damaged_total"] >= 1


def test_page_answers_this_machine_alone_and_reads_only() -> None:
    page = HealthPage(lambda: {"healthy": False, "problems": ["<b>"], "sources": [], "gaps": 0})
    assert page.answer("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")[0].startswith("503")
    assert page.answer("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")[0].startswith("421")
    assert page.answer("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")[0].startswith("405")
    assert page.answer("GET /secret HTTP/1.1\r\n\r\n")[0].startswith("404")
    assert b"<b>" not in page.answer("GET / HTTP/1.1\r\nHost: [::1]:1\r\n\r\n")[2]
    assert page.answer("\r\n\r\n")[0].startswith("405")
    assert b"lindenstrom_adapter_gaps 0.0" in metrics({"sources": [], "gaps": 0})


def test_metrics_have_their_types_and_labels() -> None:
    sources = [
        {"position": n, "source": f"/dev/{n}", "telegrams_total": n, "last_bytes_age_seconds": None} for n in (3, 5)
    ]
    text = metrics({"sources": sources, "commits_total": 7, "node_height": 9, "last_round_age_seconds": None}).decode()
    assert "# TYPE lindenstrom_adapter_commits_total counter\nlindenstrom_adapter_commits_total 7.0" in text
    assert "# TYPE lindenstrom_adapter_node_height gauge" in text
    assert 'lindenstrom_adapter_telegrams_total{position="5",source="/dev/5"} 5.0' in text
    assert "age" not in text


@pytest.mark.integration
def test_a_taken_port_is_named(tmp_path: Path) -> None:
    plant = Plant(tmp_path, Player([]), fine)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        plant.runner._config = replace(plant.config, health_port=other.getsockname()[1])
        with pytest.raises(PortTaken, match="choose another port"):
            asyncio.run(plant.runner.run(asyncio.Event()))


@pytest.mark.integration
def test_page_is_served(tmp_path: Path) -> None:
    async def run() -> tuple[int, bytes]:
        page = HealthPage(lambda: {"healthy": True, "problems": [], "sources": []})
        port = await page.open(0)
        try:
            answer = await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/health")
            with answer, pytest.raises(urllib.error.HTTPError):
                await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/nothing")
            return answer.status, answer.headers["Cache-Control"].encode()
        finally:
            await page.close()

    assert asyncio.run(run()) == (200, b"no-store")


@pytest.mark.integration
def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(1)
        plant = Plant(tmp_path, Player([telegram()]), fine)
        plant.run(lambda: plant.recorder.accepted_pieces == 1)
        said = [manager.recv(100).decode()]
        while said[-1] != "STOPPING=1":
            said.append(manager.recv(100).decode())
    assert said[0] == "READY=1"
    assert "WATCHDOG=1" in said


def test_log_is_one_line_an_event_and_filtered_by_level() -> None:
    stream = io.StringIO()
    log = EventLog(stream, "warning")
    log.event("quiet", "info", a=1)
    log.event("odd", "error", path=Path("/a b"), text='x"\ny')
    (line,) = stream.getvalue().splitlines()
    assert line.partition(" ")[2] == 'level=error event=odd path="/a b" text="x\\"\\ny"'
    assert said(ValueError("secret")) == ""


def test_a_round_survives_its_way_through_json() -> None:
    found = Round(now=1, days=("2026-06-03",), troubles=(Trouble(step="a", error="b", message="c"),))
    assert Round.from_json(json.loads(json.dumps(found.to_json()))) == found

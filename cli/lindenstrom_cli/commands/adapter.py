"""adapter: the process beside the meter; `check` is in a module of its own."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lindenstrom.core.calendar import Zone
from lindenstrom.errors import ExitCode
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.adaptercheck import CONFIG, check
from lindenstrom_cli.render import Result

if TYPE_CHECKING:
    from lindenstrom.metering.config import AdapterConfig
    from lindenstrom.metering.settling import Round

adapter = group("adapter", text("help.adapter"))
adapter.add_command(check)
ROUND_S = 900
"""A round that takes longer is ended; the next one goes on where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Result):
    """A commented adapter.toml."""

    SCHEMA: ClassVar[str] = "adapter-example"
    toml: str

    def lines(self) -> Iterable[str]:
        """The file."""
        yield self.toml.rstrip("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Result):
    """An adapter that was told to stop."""

    SCHEMA: ClassVar[str] = "adapter-run"
    accepted_bytes: int
    refused_pieces: int

    def lines(self) -> Iterable[str]:
        """One line."""
        yield text("adapter.ended", bytes=self.accepted_bytes)
        if self.refused_pieces:
            yield text("adapter.refused", count=self.refused_pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Result):
    """What one round did."""

    SCHEMA: ClassVar[str] = "adapter-settle"
    round: dict[str, Any]

    @property
    def exit_code(self) -> ExitCode:
        """5 where something did not work: it is to be done again."""
        return ExitCode.COULD_NOT_CHECK if self.round["troubles"] else ExitCode.OK

    def lines(self) -> Iterable[str]:
        """What went out, what waits, what did not work."""
        found = self.round
        for day in found["days"]:
            yield text("adapter.day_out", day=day)
        yield text("adapter.round", **{k: found[k] for k in ("anchored", "final", "outbox", "waiting", "gaps")})
        yield from (text("adapter.skipped", what=what) for what in found["skipped"])
        for trouble in found["troubles"]:
            yield text("adapter.trouble", step=trouble["step"], what=trouble["message"] or trouble["error"])


@command(adapter, "example", "adapter example > adapter.toml")
def example(session: Session) -> Example:  # noqa: ARG001 - every command takes its session
    """Print a commented adapter.toml to begin with."""
    return Example(toml=(resources.files("lindenstrom.metering") / "adapter.toml").read_text(encoding="utf-8"))


@command(adapter, "settle", "adapter settle --config adapter.toml")
@CONFIG
def settle(session: Session, config_path: Path) -> Settled:  # noqa: ARG001 - every command takes its session
    """Do one round of what `adapter run` does again and again: files in, days built, signed, handed over, anchored.

    For machines that start it by a timer. Exit code 5 where something did not work; doing it again goes on.
    """
    from lindenstrom.metering.config import load_config
    from lindenstrom_cli.adapterround import one_round

    return Settled(round=one_round(load_config(config_path)).to_json())


@command(adapter, "run", "adapter run --config /etc/lindenstrom/adapter.toml")
@CONFIG
def run(session: Session, config_path: Path) -> Ended:  # noqa: ARG001 - every command takes its session
    """Listen to meters, journal what they send, and bring each day to the chain, until told to stop.

    Logs go to stderr, one event a line, without readings. SIGTERM and Ctrl-C stop it within seconds.
    """
    from lindenstrom.metering.config import load_config

    return asyncio.run(_run(load_config(config_path)))


async def _run(config: "AdapterConfig") -> Ended:
    from lindenstrom.metering.adapter import Adapter
    from lindenstrom.metering.assembling import Assembly
    from lindenstrom.metering.clock import Clock
    from lindenstrom.metering.events import EventLog
    from lindenstrom.metering.recorder import Recorder
    from lindenstrom.metering.runner import Runner

    log = EventLog(sys.stderr, config.log_level)
    reader = Adapter(config.folder, random=secrets.token_bytes)
    zone = reader.setup.zone
    parts = Assembly(config, reader, zone.window_at(int(time.time())))
    clock = Clock(wait_s=config.clock_wait_s)
    clock.saw_record(parts.newest_record_ms())
    recorder = Recorder(
        shelf_of=parts.shelf,
        clock=clock,
        commit_s=config.commit_s,
        free_bytes=lambda: shutil.disk_usage(config.folder).free,
        reserve_bytes=config.reserve_bytes,
        on_event=lambda event, why: log.event(event, "warning", why=why),
    )
    runner = Runner(
        config=config,
        sources=parts.sources(),
        ears=parts.ears(),
        recorder=recorder,
        clock=clock,
        settle=lambda: _round_in_child(config.path),
        next_midnight=lambda now: _midnight(zone, now),
        log=log,
        spread=reader.setup.reader,
        feed=parts.feed(),
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await runner.run(stop)
    return Ended(accepted_bytes=recorder.accepted_bytes, refused_pieces=recorder.refused_pieces)


def _midnight(zone: Zone, now: int) -> int:
    return zone.window_end(zone.window_at(now))


async def _round_in_child(config_path: Path) -> "Round":
    """A round in a process of its own: web3 takes memory that is given back when it ends. Raises RoundFailed."""
    from lindenstrom.metering.settling import Round, RoundFailed

    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lindenstrom_cli", "adapter", "settle", "--config", str(config_path), "--json",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, env={**os.environ, "NOTIFY_SOCKET": ""},
    )  # fmt: skip
    try:
        async with asyncio.timeout(ROUND_S):
            out, said = await child.communicate()
    except TimeoutError:
        raise RoundFailed(f"not done after {ROUND_S} seconds") from None
    finally:
        if child.returncode is None:
            child.terminate()  # each step is safe to be cut off
            await child.wait()
    if not out.strip():
        raise RoundFailed(_first_line(said.decode(errors="replace")))
    return Round.from_json(json.loads(out)["round"])


def _first_line(said: str) -> str:
    """What the child's error line says: its own errors hold no values, and a bug's line names the class alone."""
    lines = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("error: ")]
    return lines[0] if lines else "it ended without a word"

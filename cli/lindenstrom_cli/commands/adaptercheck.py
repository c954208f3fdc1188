"""adapter check: everything tried once, and told to the person who stands before the meter."""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.errors import ExitCode, KeyProblem, LindenstromError
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.render import Result, hexed

if TYPE_CHECKING:
    from lindenstrom.metering.config import AdapterConfig
    from lindenstrom.metering.trying import Tried

DAY_MIB = 30
SERIAL_BY_ID = Path("/dev/serial/by-id")


CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("adapter.toml"),
    show_default=True,
    metavar="FILE",
    help="The adapter's configuration.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing tried. code: the exit code that it alone would give. doubtful: no fault, but to be looked at."""

    what: str
    code: ExitCode
    words: str
    doubtful: bool = False

    @property
    def state(self) -> str:
        """A word for it."""
        if self.doubtful:
            return text("check.doubtful")
        unfit = self.code is ExitCode.REFUSED
        return text("check.ok" if self.code is ExitCode.OK else "check.unfit" if unfit else "check.failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Result):
    """All that was tried."""

    SCHEMA: ClassVar[str] = "adapter-check"
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> ExitCode:
        """A key problem before all, then what could not be tried, then what is unfit."""
        codes = {finding.code for finding in self.findings}
        order = (ExitCode.KEY, ExitCode.COULD_NOT_CHECK, ExitCode.REFUSED)
        return next((code for code in order if code in codes), ExitCode.OK)

    def lines(self) -> Iterable[str]:
        """A line each."""
        for finding in self.findings:
            yield f"{finding.what} – {finding.state}: {finding.words}"


@command(None, "check", "adapter check --config adapter.toml", "adapter check --seconds 60")
@CONFIG
@click.option("--seconds", type=click.IntRange(1, 3600), default=15, show_default=True, help="How long to listen.")
def check(session: Session, config_path: Path, seconds: int) -> Checked:
    """Try configuration, key, disk, clock, node and each source once, and say what is seen.

    Nothing is kept, signed or sent. Exit code 0 if all is fine, 6 if a meter is heard but unfit, 5 if something could
    not be reached, 7 for a key.
    """
    from lindenstrom.metering.config import load_config

    config = load_config(config_path)
    session.progress(text("progress.check"))
    words = text(
        "check.config_ok",
        path=config_path,
        reader=config.reader,
        meters=len(config.meters),
        inboxes=len(config.inboxes),
    )
    tried = (_folders(config), _key_node_clock(config), _sources(config, seconds))
    return Checked(findings=(_fine("config", words), *(one for part in tried for one in _as_far_as_it_goes(part))))


def _as_far_as_it_goes(findings: "Iterable[Finding]") -> "Iterable[Finding]":
    """What was found before something was missing that the rest needs, and that. Raises ConfigError."""
    from lindenstrom.metering.config import ConfigError
    from lindenstrom.metering.events import said

    try:
        yield from findings
    except ConfigError:
        raise
    except LindenstromError as error:
        yield _bad("home", said(error))


def _fine(what: str, words: str) -> Finding:
    return Finding(what=text(f"check.{what}"), code=ExitCode.OK, words=words)


def _doubtful(what: str, words: str) -> Finding:
    return Finding(what=text(f"check.{what}"), code=ExitCode.OK, words=words, doubtful=True)


def _bad(what: str, words: str, code: ExitCode = ExitCode.COULD_NOT_CHECK) -> Finding:
    return Finding(what=text(f"check.{what}"), code=code, words=words)


def _folders(config: "AdapterConfig") -> Iterable[Finding]:
    for what, folder in (("disk", config.folder), ("mailbox", config.mailbox)):
        # the mailbox is made at the first delivery
        there = folder if folder.exists() else folder.parent
        probe = there / f".probe-{os.getpid()}"
        try:
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            yield _bad(what, text("check.disk_bad", folder=folder, why=error.strerror))
            continue
        free = shutil.disk_usage(there).free
        if what == "mailbox":
            yield _fine(what, text("check.mailbox_ok", folder=folder))
        elif free < config.reserve_bytes + (DAY_MIB << 20):
            yield _bad(what, text("check.disk_small", folder=folder, free=free >> 20), ExitCode.REFUSED)
        else:
            days = ((free - config.reserve_bytes) >> 20) // DAY_MIB
            yield _fine(what, text("check.disk_ok", folder=folder, free=free >> 20, days=days))


def _key_node_clock(config: "AdapterConfig") -> Iterable[Finding]:
    from lindenstrom.metering.clock import Clock, Doubt, kernel_has_set_clock
    from lindenstrom.metering.events import said
    from lindenstrom.metering.setup import read_setup
    from lindenstrom_cli.adapterkeys import open_key
    from lindenstrom_cli.adapterround import community_of, open_chain_of, payer_of
    from lindenstrom_cli.errors import NotTheReadersKey
    from lindenstrom_cli.home import Home

    clock = Clock(wait_s=0)
    with ExitStack() as stack:
        community = community_of(config)
        chain = None
        try:
            chain = open_chain_of(community, stack)
            yield _fine("node", text("check.node_ok", height=chain.block_number()))
            if not community.node.is_trial:
                clock.saw_block(chain.now())
        except LindenstromError as error:
            yield _bad("node", text("check.node_bad", why=said(error)))
        try:
            signer = open_key(config.key, Home(config.home))
            payer = payer_of(config, community, signer, Home(config.home))
            if chain is None:
                yield _doubtful("key", text("check.key_unknown"))
            else:
                if community.contracts(chain).reader(read_setup(config.folder).reader).key != signer.key:
                    raise NotTheReadersKey(signer.alias)
                yield _fine("key", text("check.key_ok"))
                if not community.node.is_trial and not chain.balance(payer.address):
                    yield _bad("key", text("check.payer_empty", address=hexed(payer.address)), ExitCode.REFUSED)
        except KeyProblem as error:
            yield _bad("key", said(error), ExitCode.KEY)
    if clock.doubt() is Doubt.BEHIND_CHAIN:
        yield _bad("clock", text("check.clock_behind"), ExitCode.REFUSED)
    elif not kernel_has_set_clock():
        # no fault by itself: a machine may be set by other means
        yield _doubtful("clock", text("check.clock_unset"))
    else:
        yield _fine("clock", text("check.clock_ok"))


def _sources(config: "AdapterConfig", seconds: int) -> Iterable[Finding]:
    from lindenstrom.metering.adapter import Adapter
    from lindenstrom.metering.assembling import Assembly
    from lindenstrom.metering.runner import AlreadyRunning, OnlyOne
    from lindenstrom.metering.trying import try_source

    reader = Adapter(config.folder, random=secrets.token_bytes)
    parts = Assembly(config, reader, reader.setup.zone.window_at(int(time.time())))

    async def listen() -> "list[tuple[Tried, ...]]":
        tries = (try_source(source, parts.kinds, parts.mappings, seconds) for source in parts.sources())
        return list(await asyncio.gather(*tries))

    try:
        with OnlyOne(config.folder):
            tried = asyncio.run(listen())
    except AlreadyRunning:
        yield _bad("config", text("check.running", port=config.health_port))
        return
    ordered = sorted((one for group in tried for one in group), key=lambda one: one.position)
    yield from (_told(one, parts.kinds[one.position].name.lower(), seconds) for one in ordered)


def _told(one: "Tried", bound_for: str, seconds: int) -> Finding:
    from lindenstrom.metering.trying import Sound

    what = text("check.source", position=one.position)
    meter = ", ".join(name for name in one.meters if name) or text("check.nameless")
    if one.sound is Sound.METER:
        words = text("check.meter", source=one.name, meter=meter, registers=_registers(one.obis))
        if one.resolution_mwh > 1:
            words += text("check.step", wh=f"{one.resolution_mwh / 1000:g}")
        if one.damaged:
            words += text("check.damaged", count=one.damaged)
        return Finding(what=what, code=ExitCode.OK, words=words)
    if one.sound is Sound.BYTES and one.better:
        baud, bits, parity = one.better
        words = text("check.better", source=one.name, baud=baud, bits=bits, parity=parity)
    elif one.sound is Sound.CLOSED:
        words = text("check.closed", source=one.name, why=_why(one), remedy=_remedy(one.name))
    else:
        words = text(
            f"check.{one.sound.value}", source=one.name, meter=meter, other=one.other, format=bound_for,
            count=one.received_bytes, seconds=seconds,
        )  # fmt: skip
    silent = one.sound in (Sound.CLOSED, Sound.NOTHING)
    return Finding(what=what, code=ExitCode.COULD_NOT_CHECK if silent else ExitCode.REFUSED, words=words)


def _registers(obis: Iterable[str]) -> str:
    directions = {code.partition(":")[2].partition(".")[0] for code in obis}
    return text("check.both" if {"1", "2"} <= directions else "check.feed" if directions == {"2"} else "check.draw")


def _why(one: "Tried") -> str:
    return one.why.removeprefix(f"{one.name}: ").partition(";")[0]


def _remedy(name: str) -> str:
    if not name.startswith("/"):
        return text("check.remedy_host")
    found = sorted(SERIAL_BY_ID.glob("*")) if SERIAL_BY_ID.is_dir() else sorted(Path("/dev").glob("tty[UA][SC]*[0-9]"))
    devices = ", ".join(map(str, found)) or text("check.no_device")
    return text("check.remedy_device", devices=devices)

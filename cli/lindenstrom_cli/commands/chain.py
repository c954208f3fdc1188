"""chain: its clock, and a local node."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from urllib.parse import urlsplit

import click

from lindenstrom.chain.community import load_community
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import SECONDS_PER_DAY, Zone, date_of, window_of
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import BadClock, NothingGiven, OtherChain
from lindenstrom_cli.home import Home
from lindenstrom_cli.render import Result, utc
from lindenstrom_cli.types import parse_day

RULES = "osaka"
"""What a local node is started with: like public networks of now it verifies P-256."""

chain = group("chain", text("help.chain"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus(Result):
    """Where a chain stands. time: the latest block's, unix."""

    SCHEMA: ClassVar[str] = "chain"
    kind: str
    place: str
    chain_id: int
    block: int
    time: int
    day: date

    def lines(self) -> Iterable[str]:
        """Place and clock."""
        yield text("chain.status", kind=self.kind, place=self.place, id=self.chain_id, block=self.block)
        yield text("chain.clock", utc=utc(self.time), day=self.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState(Result):
    """A local node that runs, or was stopped."""

    SCHEMA: ClassVar[str] = "node"
    running: bool
    url: str | None
    pid: int | None

    def lines(self) -> Iterable[str]:
        """Where it listens."""
        yield text("chain.runs", url=self.url, pid=self.pid) if self.running else text("chain.stopped")


@command(chain, "start", "chain start", "chain start --stop")
@click.option("--port", type=click.IntRange(1024, 65535), help="Port on 127.0.0.1 (default: as before, or a free one).")
@click.option("--stop", is_flag=True, help="Stop this home's node; its state is kept.")
def start(session: Session, port: int | None, stop: bool) -> NodeState:
    """Start a local node (anvil) for this home, in the background. For trial: whoever runs it can rewrite it."""
    from lindenstrom.chain import anvil

    home = session.home
    settings = home.read_settings()
    if stop:
        anvil.stop(home.anvil)
        return NodeState(running=False, url=None, pid=None)
    if home.community.is_file() and load_community(home.community).node.kind is not NodeKind.ANVIL:
        raise OtherChain(home.community)
    node = anvil.start(home.anvil, settings.start, port=port or _port_before(home), hardfork=RULES)
    return NodeState(running=True, url=node.url, pid=node.pid)


@command(chain, "status", "chain status", "chain status --json")
def status(session: Session) -> ChainStatus:
    """Show the chain's place, latest block and clock. Protocol time is the latest block's."""
    return _status(session, advance_to=None, days=None)


@command(chain, "advance", "chain advance --to 2026-06-04T12:00", "chain advance --days 1")
@click.option("--to", "to", metavar="DATE[THH:MM]", help="Local time to go to; a date alone means its midnight.")
@click.option("--days", type=click.IntRange(1, 4000), help="Days of 24 hours to go forward.")
def advance(session: Session, to: str | None, days: int | None) -> ChainStatus:
    """Move a trial chain's clock forward; it never goes back, and real chains keep their own time."""
    if (to is None) == (days is None):
        raise NothingGiven("the time to go to", "either --to or --days")
    return _status(session, advance_to=to, days=days)


def clock(zone: Zone, given: str) -> int:
    """Unix time of local DATE or DATETHH:MM. Raises BadDate, DayOutOfSpan, BadClock."""
    day, mark, time = given.partition("T")
    window = window_of(parse_day(day))
    begin = zone.window_start(window)
    if not mark:
        return begin
    hours, colon, minutes = time.partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal() and int(minutes) < 60):
        raise BadClock(given)
    if int(hours) > 23:
        raise BadClock(given)
    # On the day of a change the clock has jumped by the hour of the change.
    jumped = int(hours) >= zone.offset_hours + 2
    quarters = zone.slot_count(window) - 96 if jumped else 0
    return begin + int(hours) * 3600 + int(minutes) * 60 + quarters * 900


def _status(session: Session, *, advance_to: str | None, days: int | None) -> ChainStatus:
    from lindenstrom.chain.client import open_chain

    node, zone = _node_and_zone(session.home)
    with open_chain(node) as opened:
        if days is not None:
            opened.advance_to(opened.now() + days * SECONDS_PER_DAY)
        elif advance_to is not None:
            opened.advance_to(clock(zone, advance_to))
        time = opened.now()
        return ChainStatus(
            kind=node.kind.value,
            place=node.place,
            chain_id=opened.chain_id,
            block=opened.block_number(),
            time=time,
            day=date_of(zone.window_at(time)),
        )


def _node_and_zone(home: Home) -> tuple[NodeConfig, Zone]:
    """The chain the community lives on; before the deployment, the one it would be deployed to."""
    from lindenstrom.chain import anvil

    if home.community.is_file():
        community = load_community(home.community)
        return community.node, Zone(offset_hours=community.constants.offset_hours)
    zone = Zone.named(home.read_settings().zone)
    running = anvil.find(home.anvil)
    return (running.config if running else NodeConfig(kind=NodeKind.EMBEDDED, path=home.chain)), zone


def _port_before(home: Home) -> int:
    """The port that community.toml names, so that it stays true; 0 takes a free one."""
    if not home.community.is_file():
        return 0
    node = load_community(home.community).node
    return (urlsplit(node.url).port or 0) if node.kind is NodeKind.ANVIL and node.url else 0

"""statement: what lies in the mailbox for a member, in words; a period's total. Checking is `verify`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import click

from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.calendar import date_of, window_of
from lindenstrom.core.changes import Correction, stated_lines, stated_net
from lindenstrom.core.statements import Line
from lindenstrom.core.units import format_eur, format_kwh, format_price
from lindenstrom.core.verification import PostingState
from lindenstrom.mailbox import list_bundles
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.demand import DemandLine, demand_line
from lindenstrom_cli.corrected import change_lines, earlier_bundle
from lindenstrom_cli.errors import EndBeforeStart
from lindenstrom_cli.meterdays import MeterDay, meter_days
from lindenstrom_cli.period import Total, total_of
from lindenstrom_cli.render import Result, table, utc
from lindenstrom_cli.types import DATE
from lindenstrom_cli.verdict import euro
from lindenstrom_cli.world import World, open_world

statement = group("statement", text("help.statement"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """A statement in the mailbox. net p€, positive: the member receives.
    counts: it is the day's newest final, or its newest while none is final.
    """

    day: date
    sequence: int
    revision: int
    state: str
    counts: bool
    net_peur: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementList(Result):
    """A member's statements. total_peur: of those that count."""

    SCHEMA: ClassVar[str] = "statements"
    member: int
    statements: tuple[StatementEntry, ...]
    total_peur: int
    demands: tuple[DemandLine, ...]

    def lines(self) -> Iterable[str]:
        """The member's open demands, a table and its total."""
        for demand in self.demands:
            shown = {"day": demand.day, "sequence": demand.sequence, "member": demand.member}
            yield text("demand.open", **shown, when=utc(demand.due_at))
        if not self.statements:
            yield text("statement.none", member=self.member)
            return
        head = [text(f"head.{name}") for name in ("day", "posting", "revision", "state", "net", "file")]
        rows = [
            (
                s.day.isoformat(),
                str(s.sequence),
                str(s.revision) if s.revision else "–",
                text("posting.corrected" if s.state == "final" and not s.counts else f"posting.{s.state}"),
                format_eur(s.net_peur, 4),
                str(s.path),
            )
            for s in self.statements
        ]
        yield from table(head, rows, right=frozenset({1, 2, 4}))
        yield text("statement.total", total=format_eur(self.total_peur, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """A line of a statement with the agreement's label and price."""

    label: str
    price_ueur_kwh: int | None
    fee_ueur_kwh: int
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementShown(Result):
    """One statement. correction: what it changed, where it is one and the statement before it is at hand."""

    SCHEMA: ClassVar[str] = "statement"
    community: str
    member: int
    name: str
    day: date
    sequence: int
    revision: int
    lines_of_day: tuple[StatementLine, ...]
    net_peur: int
    meters: tuple[MeterDay, ...]
    correction: Correction | None
    bundle: Path

    def lines(self) -> Iterable[str]:
        """A table of its lines, and its net."""
        yield text("statement.title", community=self.community, name=self.name, member=self.member, day=self.day)
        yield from self._table()
        direction = "owed" if self.net_peur > 0 else "owe" if self.net_peur < 0 else "even"
        yield text(f"amount.{direction}", net=euro(self.net_peur))
        for meter in self.meters:
            yield from meter.lines()
        if self.correction is not None:
            yield from change_lines(self.correction)
        elif self.revision:
            yield text("correction.unknown", revision=self.revision)
        yield text("statement.check", bundle=self.bundle)

    def _table(self) -> Iterator[str]:
        head = [text(f"head.{name}") for name in ("agreement", "price", "fee", "received", "gave", "amount")]
        rows = [
            (
                s.label or str(s.line.agreement),
                text("price.auction") if s.price_ueur_kwh is None else format_price(s.price_ueur_kwh),
                format_price(s.fee_ueur_kwh),
                format_kwh(s.line.taken_mwh),
                format_kwh(s.line.given_mwh),
                format_eur(s.line.amount_peur, 4),
            )
            for s in self.lines_of_day
        ]
        yield from table(head, rows, right=frozenset(range(1, 6)))


@command(statement, "list", "statement list --member anna")
@click.option("--member", "given", required=True, metavar="MEMBER", help="Name or index.")
def list_(session: Session, given: str) -> StatementList:
    """List a member's statements in the mailbox, with the state of each in the contract, and open demands."""
    from lindenstrom.demands import demands_by

    world = open_world(session)
    member = world.member(given)
    listed = [
        (p, read_bundle(p.path.read_bytes()), _state(world, p.sequence))
        for p in list_bundles(session.home.mailbox, member)
    ]
    counting = _counting([(p.window, p.sequence, state) for p, _, state in listed])
    entries = tuple(
        StatementEntry(
            day=date_of(posted.window),
            sequence=posted.sequence,
            revision=bundle.header.revision,
            state=state.name.lower(),
            counts=posted.sequence in counting,
            net_peur=stated_net(bundle),
            path=posted.path,
        )
        for posted, bundle, state in listed
    )
    total = sum(e.net_peur for e in entries if e.counts)
    return StatementList(
        member=member,
        statements=entries,
        total_peur=total,
        demands=tuple(demand_line(d, world.chain.now()) for d in demands_by(world.contracts, member)),
    )


def _state(world: World, sequence: int) -> PostingState:
    return world.contracts.posting(sequence).state


def _counting(postings: list[tuple[int, int, PostingState]]) -> set[int]:
    """Of (window, sequence, state) the sequences that count: of each day the newest final, else the newest posted."""
    best: dict[int, tuple[bool, int]] = {}
    for window, sequence, state in postings:
        if state in (PostingState.POSTED, PostingState.FINAL):
            best[window] = max(best.get(window, (False, 0)), (state is PostingState.FINAL, sequence))
    return {sequence for _, sequence in best.values()}


@command(statement, "show", "statement show mailbox/bundles/2/20607-s1.json")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def show(session: Session, bundle: Path) -> StatementShown:  # noqa: ARG001 - every command takes its session
    """Show a statement in words, with what was not measured. It is not checked: that is `lindenstrom verify`.

    For a correction it also shows what changed, if the statement before it lies beside it.
    """
    read = read_bundle(bundle.read_bytes())
    of = {a.membership.agreement: a for a in read.agreements}
    return StatementShown(
        community=read.community.name,
        member=read.member,
        name=read.name,
        day=date_of(read.header.window),
        sequence=read.sequence,
        revision=read.header.revision,
        lines_of_day=tuple(
            StatementLine(
                label=of[line.agreement].label if line.agreement in of else "",
                price_ueur_kwh=of[line.agreement].terms.price_ueur_kwh if line.agreement in of else 0,
                fee_ueur_kwh=of[line.agreement].terms.fee_ueur_kwh if line.agreement in of else 0,
                line=line,
            )
            for line in stated_lines(read).values()
        ),
        meters=meter_days(read),
        net_peur=stated_net(read),
        correction=earlier_bundle(bundle, read)[1],
        bundle=bundle,
    )


@command(
    statement,
    "total",
    "statement total 2026-06-01 2026-06-30 --member anna",
    "statement total 2026-06-01 2026-06-30 --member 2 --block 1234 --json",
)
@click.argument("first", type=DATE)
@click.argument("last", type=DATE)
@click.option("--member", "given", required=True, metavar="MEMBER", help="Name or index.")
@click.option("--block", type=click.IntRange(0), help="The block that a bill names (default: the latest).")
def total(session: Session, first: date, last: date, given: str, block: int | None) -> Total:
    """Add up what is final from FIRST to LAST: of each day the newest final, as the named block has it.

    Each statement is compared with what was posted; it is not recomputed: that is `lindenstrom verify`. Exit code 0:
    every day is in the sum; 4: days are not final yet; 5: files are missing or are not what was posted.
    """
    if last < first:
        raise EndBeforeStart(first, last)
    world = open_world(session)
    return total_of(world, world.member(given), range(window_of(first), window_of(last) + 1), block)

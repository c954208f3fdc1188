"""statement: what lies in the mailbox for a member, in words. Nothing is checked here: that is `verify`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import click

from lindenstrom.core.bundles import Bundle, read_bundle
from lindenstrom.core.calendar import date_of
from lindenstrom.core.statements import Line, decode_lines
from lindenstrom.core.units import format_eur, format_kwh, format_price
from lindenstrom.mailbox import list_bundles
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.render import Result, table
from lindenstrom_cli.verdict import euro
from lindenstrom_cli.world import open_world

statement = group("statement", text("help.statement"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """A statement in the mailbox. net p€, positive: the member receives."""

    day: date
    sequence: int
    state: str
    net_peur: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementList(Result):
    """A member's statements. total_peur: of those that are not void."""

    SCHEMA: ClassVar[str] = "statements"
    member: int
    statements: tuple[StatementEntry, ...]
    total_peur: int

    def lines(self) -> Iterable[str]:
        """A table and its total."""
        if not self.statements:
            yield text("statement.none", member=self.member)
            return
        head = [text(f"head.{name}") for name in ("day", "posting", "state", "net", "file")]
        rows = [
            (
                s.day.isoformat(),
                str(s.sequence),
                text(f"posting.{s.state}"),
                format_eur(s.net_peur, 4),
                str(s.path),
            )
            for s in self.statements
        ]
        yield from table(head, rows, right=frozenset({1, 3}))
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
    """One statement."""

    SCHEMA: ClassVar[str] = "statement"
    community: str
    member: int
    name: str
    day: date
    sequence: int
    lines_of_day: tuple[StatementLine, ...]
    net_peur: int
    bundle: Path

    def lines(self) -> Iterable[str]:
        """A table of its lines, and its net."""
        yield text("statement.title", community=self.community, name=self.name, member=self.member, day=self.day)
        yield from self._table()
        direction = "owed" if self.net_peur > 0 else "owe" if self.net_peur < 0 else "even"
        yield text(f"amount.{direction}", net=euro(self.net_peur))
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
    """List a member's statements in the mailbox, with the state of each in the contract."""
    world = open_world(session)
    member = world.member(given)
    entries = []
    for posted in list_bundles(session.home.mailbox, member):
        bundle = read_bundle(posted.path.read_bytes())
        entries.append(
            StatementEntry(
                day=date_of(posted.window),
                sequence=posted.sequence,
                state=world.contracts.posting(posted.sequence).state.name.lower(),
                net_peur=_net(bundle),
                path=posted.path,
            )
        )
    total = sum(e.net_peur for e in entries if e.state != "void")
    return StatementList(member=member, statements=tuple(entries), total_peur=total)


@command(statement, "show", "statement show mailbox/bundles/2/20607-s1.json")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def show(session: Session, bundle: Path) -> StatementShown:  # noqa: ARG001 - every command takes its session
    """Show a statement in words. It is not checked: that is `lindenstrom verify`."""
    read = read_bundle(bundle.read_bytes())
    of = {a.membership.agreement: a for a in read.agreements}
    lines = () if read.statement.empty else decode_lines(read.statement.lines)
    return StatementShown(
        community=read.community.name,
        member=read.member,
        name=read.name,
        day=date_of(read.header.window),
        sequence=read.sequence,
        lines_of_day=tuple(
            StatementLine(
                label=of[line.agreement].label if line.agreement in of else "",
                price_ueur_kwh=of[line.agreement].terms.price_ueur_kwh if line.agreement in of else 0,
                fee_ueur_kwh=of[line.agreement].terms.fee_ueur_kwh if line.agreement in of else 0,
                line=line,
            )
            for line in lines
        ),
        net_peur=_net(read),
        bundle=bundle,
    )


def _net(bundle: Bundle) -> int:
    return 0 if bundle.statement.empty else bundle.statement.statement.net_peur

"""audit: recompute days for everyone; attest, void, record withheld readings."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.core.calendar import date_of, window_of
from lindenstrom.errors import ExitCode
from lindenstrom.mailbox import bundle_path
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.operator import Correctable, correctable
from lindenstrom_cli.days import shown_spans
from lindenstrom_cli.errors import EndBeforeStart, NothingGiven
from lindenstrom_cli.keys import Signer
from lindenstrom_cli.prompter import Prompter
from lindenstrom_cli.render import Result, emphasis, table, utc
from lindenstrom_cli.trueups import true_up_line
from lindenstrom_cli.types import DATE
from lindenstrom_cli.world import World, open_world

if TYPE_CHECKING:
    from lindenstrom.audit.findings import AuditedDay, AuditReport

audit = group("audit", text("help.audit"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit(Result):
    """An audit's report."""

    SCHEMA: ClassVar[str] = "audit"
    verdict: str
    days: tuple["AuditedDay", ...]
    not_posted: tuple[date, ...]
    corrections: tuple[Correctable, ...]
    first: str

    @property
    def exit_code(self) -> ExitCode:
        """0 everything fits, 3 something differs, 5 something is missing."""
        failed = {"passed": ExitCode.OK, "differs": ExitCode.VERIFICATION_FAILED}
        return failed.get(self.verdict, ExitCode.COULD_NOT_CHECK)

    def lines(self) -> Iterable[str]:
        """Verdict, a table of days, differences."""
        colour = {"passed": "green", "differs": "red"}.get(self.verdict, "yellow")
        yield text("audit.verdict", verdict=emphasis(text(f"audit.{self.verdict}"), colour), count=len(self.days))
        if self.days:
            yield from self._table()
        for day in self.days:
            for difference in day.differences:
                yield "  " + text("audit.difference", day=date_of(day.window), sequence=day.sequence, what=difference)
            for gone in day.erased:
                whose = text("erase.everybody") if gone.member is None else text("erase.member", member=gone.member)
                what = text(f"audit.erased_{gone.what}")
                yield "  " + text("audit.erased", day=date_of(day.window), whose=whose, what=what)
            for replaced in day.replaced:
                shown = {"binding": replaced.binding, "member": replaced.member, "ground": replaced.ground}
                yield "  " + text("audit.replaced", day=date_of(day.window), **shown)
            yield from (f"  {date_of(day.window)}: {true_up_line(found)}" for found in day.true_ups)
            for demand in day.demands:
                shown = {"sequence": day.sequence, "member": demand.member, "when": utc(demand.due_at)}
                yield "  " + text("audit.demand", day=date_of(day.window), **shown)
        if self.not_posted:
            yield text("audit.not_posted", days=shown_spans(self.not_posted))
        for due in self.corrections:
            readers = ", ".join(map(str, due.readers))
            yield text("audit.correctable", day=due.day, sequence=due.sequence, readers=readers, until=utc(due.until))

    def _table(self) -> Iterable[str]:
        names = ("day", "posting", "revision", "state", "members", "meters", "slots", "unmeasured", "result")
        rows = [
            (
                date_of(d.window).isoformat(),
                str(d.sequence),
                str(d.revision) if d.revision else "–",
                text(f"posting.{d.state.name.lower()}"),
                str(d.members),
                str(d.meters),
                str(d.slots_checked),
                str(d.slots_not_measured),
                text("audit.day_differs") if not d.passed else text("audit.day_erased" if d.erased else "status.ok"),
            )
            for d in self.days
        ]
        yield from table([text(f"head.{name}") for name in names], rows, right=frozenset({1, 2, 4, 5, 6, 7}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Result):
    """What an auditor's key has done."""

    SCHEMA: ClassVar[str] = "audit-act"
    act: str
    sequences: tuple[int, ...]
    txs: tuple[bytes, ...]

    def lines(self) -> Iterable[str]:
        """A line a posting."""
        yield from (text(f"audit.{self.act}", sequence=sequence) for sequence in self.sequences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld(Result):
    """A reader's missing packs, on record."""

    SCHEMA: ClassVar[str] = "withheld"
    reader: int
    day: date
    since: int

    def lines(self) -> Iterable[str]:
        """Since when."""
        yield text("audit.withheld", reader=self.reader, day=self.day, since=utc(self.since))


@command(audit, "run", "audit run", "audit run --from 2026-06-01 --until 2026-06-30 --json")
@click.option("--from", "first", type=DATE, help="First day (default: the first that was posted).")
@click.option("--until", "last", type=DATE, help="Last day (default: the newest).")
def run(session: Session, first: date | None, last: date | None) -> Audit:
    """Recompute every posting from chain and mailbox; nothing of the operator's own is read.

    Exit code 0: everything fits; 3: something differs from the rules; 5: something needed for the check is missing.
    """
    from lindenstrom.audit.run import audit_run

    if first and last and last < first:
        raise EndBeforeStart(first, last)
    world = open_world(session)
    windows = None
    if first or last:
        begin = window_of(first) if first else world.community.first_window
        end = window_of(last) if last else world.zone.window_at(world.chain.now())
        windows = range(begin, end + 1)
    report = audit_run(
        session.home.mailbox,
        world.chain,
        world.community,
        windows=windows,
        shown=lambda day: session.progress(text("progress.audited", day=date_of(day.window))),
    )
    return Audit(
        verdict=_verdict(report),
        days=report.days,
        not_posted=tuple(date_of(w) for w in report.not_posted),
        corrections=tuple(map(correctable, report.corrections)),
        first=report.first,
    )


@command(audit, "attest", "audit attest 1", "audit attest --all", password=True)
@click.argument("sequences", metavar="[POSTING]…", nargs=-1, type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="Every posting that is not void and not attested by this key.")
def attest(session: Session, sequences: tuple[int, ...], everything: bool) -> Decided:
    """Audit postings and attest on the chain those that fit; the first that does not ends the command."""
    from lindenstrom.audit import acts
    from lindenstrom.audit.errors import ErasedDay

    if bool(sequences) == everything:
        raise NothingGiven("the posting", "numbers, or --all")
    world = open_world(session)
    key = _auditor(world)
    wanted = _not_attested(world, key) if everything else list(sequences)
    place = (session.home.mailbox, world.chain, world.community)
    done = {}
    for sequence in session.track(wanted, text("progress.audit")):
        try:
            done[sequence] = acts.attest(*place, sequence, key.secret)
        except ErasedDay as erased:
            if not everything:
                raise
            session.note(str(erased))
    return Decided(act="attested", sequences=tuple(done), txs=tuple(a.tx_hash for a in done.values() if a.tx_hash))


@command(audit, "void", "audit void 1", "audit void 1 --although-right --yes", password=True)
@click.argument("sequence", metavar="POSTING", type=click.IntRange(1))
@click.option("--although-right", is_flag=True, help="Void a posting that fits the rules, because a reading is untrue.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def void(session: Session, sequence: int, although_right: bool, yes: bool) -> Decided:
    """Audit a posting and void it if it differs from the rules; once per auditor and day."""
    from lindenstrom.audit import acts

    world = open_world(session)
    key = _auditor(world)
    _sure(session.prompter, text("audit.ask_void", sequence=sequence), yes=yes)
    done = acts.void(
        session.home.mailbox, world.chain, world.community, sequence, key.secret, although_right=although_right
    )
    return Decided(act="voided", sequences=(sequence,), txs=(done.tx_hash,))


@command(audit, "contest", "audit contest 4", "audit contest 4 --although-right --yes", password=True)
@click.argument("sequence", metavar="POSTING", type=click.IntRange(1))
@click.option("--although-right", is_flag=True, help="Contest a posting that fits the rules: a reading is untrue.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def contest(session: Session, sequence: int, although_right: bool, yes: bool) -> Decided:
    """Audit a posting and put on record that it is wrong; it also works when the posting is final.

    For what cannot be voided: finals, and days on which this key has voided a posting before. Payments leave a
    contested day out unless told otherwise.
    """
    from lindenstrom.audit import acts

    world = open_world(session)
    key = _auditor(world)
    _sure(session.prompter, text("audit.ask_contest", sequence=sequence), yes=yes)
    done = acts.contest(
        session.home.mailbox, world.chain, world.community, sequence, key.secret, although_right=although_right
    )
    return Decided(act="contested", sequences=(sequence,), txs=(done.tx_hash,) if done.tx_hash else ())


@command(
    audit, "confirm", "audit confirm 4 --member 2", "audit confirm 4 --member 2 --bundle 20607-s4.json", password=True
)
@click.argument("sequence", metavar="POSTING", type=click.IntRange(1))
@click.option("--member", "given", required=True, metavar="MEMBER", help="Who demanded: name or index.")
@click.option(
    "--bundle",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The bundle that was handed over (default: the one in the mailbox).",
)
def confirm(session: Session, sequence: int, given: str, file: Path | None) -> Decided:
    """Confirm that a member who demanded a bundle can have it. It is opened and recomputed first."""
    from lindenstrom.audit import acts

    world = open_world(session)
    key, member = _auditor(world), world.member(given)
    window = world.contracts.posting(sequence).window
    place = file or bundle_path(session.home.mailbox, member, window, sequence)
    tx = acts.confirm_delivery(world.chain, world.community, sequence, member, place, key.secret)
    return Decided(act="confirmed", sequences=(sequence,), txs=(tx,))


@command(audit, "withheld", "audit withheld --reader 0 --day 2026-06-03", password=True)
@click.option(
    "--reader", required=True, type=click.IntRange(0), metavar="INDEX", help="The reader that does not deliver."
)
@click.option("--day", required=True, type=DATE, help="The day whose readings are missing.")
def withheld(session: Session, reader: int, day: date) -> Withheld:
    """Record that a reader has anchored readings but does not hand them over, so that they may be replaced."""
    from lindenstrom.audit import acts

    world = open_world(session)
    key = _auditor(world)
    since = acts.record_withheld(world.chain, world.community, reader, window_of(day), key.secret)
    return Withheld(reader=reader, day=day, since=since)


def _auditor(world: World) -> Signer:
    key = world.auditor()
    world.chain.ensure_funds(key.address)
    return key


def _sure(prompter: Prompter, question: str, *, yes: bool) -> None:
    if not yes:
        prompter.confirm(question)


def _not_attested(world: World, key: Signer) -> list[int]:
    from lindenstrom.audit.acts import auditor_index

    index = auditor_index(world.contracts, key.address, world.chain.now())
    postings = (world.contracts.posting(s) for s in range(1, world.contracts.next_sequence()))
    return [p.sequence for p in postings if p.state.name != "VOID" and not p.attested_by >> index & 1]


def _verdict(report: "AuditReport") -> str:
    """passed, differs, or incomplete where all that is wrong is that something is missing."""
    from lindenstrom.audit.acts import UNDECIDED
    from lindenstrom.core.verification import PostingState

    if report.passed:
        return "passed"
    live = (d for day in report.days if day.state is not PostingState.VOID for d in day.differences)
    return "incomplete" if all(d.kind in UNDECIDED for d in live) else "differs"

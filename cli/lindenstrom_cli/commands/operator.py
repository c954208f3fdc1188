"""operator: settle days, correct finals, finalise, see where every day stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import click

from lindenstrom.core.calendar import date_of, window_of
from lindenstrom.errors import ExitCode
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.demand import DemandLine, demand_line
from lindenstrom_cli.commands.erase import erase
from lindenstrom_cli.commands.refute import revealed
from lindenstrom_cli.errors import NothingGiven
from lindenstrom_cli.render import Result, table, utc
from lindenstrom_cli.trueups import true_up_line
from lindenstrom_cli.types import DATE
from lindenstrom_cli.world import open_office, open_world

if TYPE_CHECKING:
    from lindenstrom.corrections import CorrectionDue
    from lindenstrom.operator.day import SettledDay
    from lindenstrom.operator.status import DayStatus

operator = group("operator", text("help.operator"))
operator.add_command(erase)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A day that could not be corrected yet, and why."""

    day: date
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Result):
    """Days that were settled or corrected now; days left out of a run over all that were due."""

    SCHEMA: ClassVar[str] = "settled"
    days: tuple["SettledDay", ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """0, or 5 where a day was left out."""
        return ExitCode.COULD_NOT_CHECK if self.left_out else ExitCode.OK

    def lines(self) -> Iterable[str]:
        """A line a day, and what had to be replaced."""
        if not self.days and not self.left_out:
            yield text("operator.nothing_due")
        yield from (text("operator.left_out", day=left.day, why=left.why) for left in self.left_out)
        for day in self.days:
            shown = {"sequence": day.sequence, "members": day.members, "gas": day.gas}
            yield text("operator.settled", day=date_of(day.window), meters=day.meters, slots=day.slots, **shown)
            if day.revision:
                yield "  " + text("operator.corrected", revision=day.revision)
            if day.resumed:
                yield "  " + text("operator.resumed")
            for gap in day.gaps:
                yield "  " + text("operator.gap", binding=gap.binding, member=gap.member, ground=gap.ground)
            yield from ("  " + true_up_line(returned) for returned in day.true_ups)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalDay:
    """A posting that became final."""

    day: date
    sequence: int
    gas_used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDay:
    """A posting that is not final. final_at: unix time, once its open demands are answered."""

    day: date
    sequence: int
    final_at: int
    open_demands: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finality(Result):
    """What became final, and what waits."""

    SCHEMA: ClassVar[str] = "finality"
    finalised: tuple[FinalDay, ...]
    waiting: tuple[WaitingDay, ...]

    def lines(self) -> Iterable[str]:
        """A line a posting."""
        if not self.finalised and not self.waiting:
            yield text("operator.nothing_open")
        yield from (text("operator.final", day=d.day, sequence=d.sequence) for d in self.finalised)
        for waiting in self.waiting:
            shown = {"day": waiting.day, "sequence": waiting.sequence}
            yield text("operator.waits", **shown, when=utc(waiting.final_at))
            if waiting.open_demands:
                yield text("operator.waits_for_answer", **shown, count=waiting.open_demands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Result):
    """A demand that was answered in public, or that could be."""

    SCHEMA: ClassVar[str] = "answered"
    day: date
    sequence: int
    member: int
    sent: bool
    tx: bytes | None
    gas_used: int | None

    def lines(self) -> Iterable[str]:
        """What is open now."""
        kind = "operator.answered" if self.sent else "operator.would_answer"
        yield text(kind, member=self.member, day=self.day, sequence=self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """Where a day stands. revision: above 0 for a correction; next_at: when the next step opens, unix time."""

    day: date
    state: str
    sequence: int | None
    revision: int | None
    voided: int
    delivered: bool
    next_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correctable:
    """A final day with newer readings. until: last time at which it can be corrected, unix time."""

    day: date
    sequence: int
    revision: int
    readers: tuple[int, ...]
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(Result):
    """Where every day stands."""

    SCHEMA: ClassVar[str] = "operator-status"
    now: int
    members: int
    readers: int
    agreements: int
    unfinished: tuple[int, ...]
    days: tuple[DayLine, ...]
    corrections: tuple[Correctable, ...]
    demands: tuple[DemandLine, ...]

    def lines(self) -> Iterable[str]:
        """Counts, a table of days, and what else waits for the operator."""
        counts = {"members": self.members - 2, "readers": self.readers, "agreements": self.agreements}
        yield text("operator.overview", now=utc(self.now), **counts)
        if self.unfinished:
            yield text("operator.unfinished", sequences=", ".join(map(str, self.unfinished)))
        head = [text(f"head.{name}") for name in ("day", "state", "posting", "revision", "voided", "next")]
        rows = [
            (
                day.day.isoformat(),
                text(f"state.{day.state}"),
                "–" if day.sequence is None else str(day.sequence),
                str(day.revision) if day.revision else "–",
                str(day.voided) if day.voided else "–",
                "–" if day.next_at is None else utc(day.next_at),
            )
            for day in self.days
        ]
        yield from table(head, rows, right=frozenset({2, 3, 4}))
        for demand in self.demands:
            shown = {"day": demand.day, "sequence": demand.sequence, "member": demand.member}
            yield text("demand.open", **shown, when=utc(demand.due_at))
        for due in self.corrections:
            readers = ", ".join(map(str, due.readers))
            yield text(
                "operator.correctable", day=due.day, sequence=due.sequence, readers=readers, until=utc(due.until)
            )


@command(operator, "day", "operator day 2026-06-03", "operator day --due", password=True)
@click.argument("days", metavar="[DATE]…", nargs=-1, type=DATE)
@click.option("--due", is_flag=True, help="All days that can be settled now, oldest first.")
def day(session: Session, days: tuple[date, ...], due: bool) -> Settled:
    """Settle days: collect readings, clear, post, and hand a bundle to every member.

    What an interruption left unfinished is finished first. A day can be settled once its close delay is over.
    """
    from lindenstrom.operator.day import finish_pending, settle_day
    from lindenstrom.operator.status import due_windows

    if bool(days) == due:
        raise NothingGiven("the day", "dates, or --due")
    office = open_office(open_world(session))
    done = finish_pending(office)
    wanted = list(due_windows(office)) if due else [w for d in days if (w := window_of(d)) not in _windows(done)]
    for window in session.track(wanted, text("progress.settle")):
        done.append(settle_day(office, window))
    return Settled(days=tuple(done))


@command(operator, "correct", "operator correct 2026-06-03", "operator correct --due", password=True)
@click.argument("days", metavar="[DATE]…", nargs=-1, type=DATE)
@click.option("--due", is_flag=True, help="All final days for which newer readings are anchored, oldest first.")
def correct(session: Session, days: tuple[date, ...], due: bool) -> Settled:
    """Correct final days: settle them again with the readings anchored since, as a new revision.

    The final stays what it is until the correction is final too. A day can be corrected for 12 months after its end.
    With --due, a day whose newer readings were not delivered is left out and named (exit code 5).
    """
    from lindenstrom.operator.day import correct_day, finish_pending
    from lindenstrom.operator.errors import NothingToCorrect, PacksNotDelivered
    from lindenstrom.operator.status import status as status_of

    if bool(days) == due:
        raise NothingGiven("the day", "dates, or --due")
    office = open_office(open_world(session))
    done = finish_pending(office)
    begun = {d.window for d in done if d.revision}
    wanted = [c.window for c in status_of(office, days=1).corrections] if due else [window_of(d) for d in days]
    left: list[LeftOut] = []
    for window in session.track([w for w in wanted if w not in begun], text("progress.settle")):
        try:
            done.append(correct_day(office, window))
        except (PacksNotDelivered, NothingToCorrect) as error:
            if not due:
                raise
            left.append(LeftOut(day=date_of(window), why=str(error)))  # one reader must not keep the others waiting
    return Settled(days=tuple(done), left_out=tuple(left))


@command(
    operator,
    "answer",
    "operator answer 3 --member anna --simulate",
    "operator answer 3 --member anna",
    password=True,
)
@click.argument("sequence", metavar="POSTING", type=click.IntRange(1))
@click.option("--member", "given", required=True, metavar="MEMBER", help="Who demanded: name or index.")
@click.option("--simulate", is_flag=True, help="Only recompute the day; nothing becomes public.")
@click.option("--yes", is_flag=True, help="Do not ask before the day becomes public.")
def answer(session: Session, sequence: int, given: str, simulate: bool, yes: bool) -> Answered:
    """Answer a member's demand by opening the member's day on the chain, where the member allows it.

    Recomputed here first. Handing the bundle over and letting an auditor confirm it (`audit confirm`) shows nothing.
    """
    from lindenstrom.operator.answering import answerable, send_answer

    world = open_world(session)
    office, member = open_office(world), world.member(given)
    bundle, result = answerable(office, sequence, member), None
    if not simulate:
        session.note(revealed(bundle, text("operator.answer_reveals")))
        if not yes:
            session.prompter.confirm(text("operator.ask_answer"))
        result = send_answer(office, bundle)
    return Answered(
        day=date_of(bundle.header.window),
        sequence=sequence,
        member=member,
        sent=result is not None,
        tx=result.tx_hash if result else None,
        gas_used=result.gas_used if result else None,
    )


@command(operator, "finalise", "operator finalise", password=True)
def finalise(session: Session) -> Finality:
    """Make final every posting whose objection period is over. Anyone may do this."""
    from lindenstrom.operator.finalise import finalise_due

    world = open_world(session)
    payer = world.operator()
    world.chain.ensure_funds(payer.address)
    run = finalise_due(world.chain, world.community, payer.secret)
    return Finality(
        finalised=tuple(FinalDay(day=date_of(f.window), sequence=f.sequence, gas_used=f.gas) for f in run.finalised),
        waiting=tuple(
            WaitingDay(
                day=date_of(w.posting.window),
                sequence=w.posting.sequence,
                final_at=w.due_at,
                open_demands=w.open_demands,
            )
            for w in run.waiting
        ),
    )


@command(operator, "status", "operator status", "operator status --days 31 --json", password=True)
@click.option(
    "--days",
    type=click.IntRange(1),
    default=14,
    show_default=True,
    help="How many days to look back; those not final are always listed.",
)
def status(session: Session, days: int) -> Overview:
    """Show where the latest days stand: waiting, due, posted, final."""
    from lindenstrom.operator.status import status as status_of

    found = status_of(open_office(open_world(session)), days=days)
    return Overview(
        now=found.now,
        members=found.members,
        readers=found.readers,
        agreements=found.agreements,
        unfinished=found.unfinished,
        days=tuple(_line(d) for d in found.days),
        corrections=tuple(map(correctable, found.corrections)),
        demands=tuple(demand_line(d, found.now) for d in found.demands),
    )


def correctable(found: "CorrectionDue") -> Correctable:
    """A final with newer readings as it is shown."""
    return Correctable(
        day=date_of(found.window),
        sequence=found.sequence,
        revision=found.revision,
        readers=found.readers,
        until=found.until,
    )


def _line(found: "DayStatus") -> DayLine:
    return DayLine(
        day=date_of(found.window),
        state=found.state.value,
        sequence=found.posting.sequence if found.posting else None,
        revision=found.posting.revision if found.posting else None,
        voided=found.voided,
        delivered=found.delivered,
        next_at=found.next_at,
    )


def _windows(days: "list[SettledDay]") -> set[Any]:
    return {d.window for d in days}

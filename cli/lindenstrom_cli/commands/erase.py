"""operator erase: what is due, what was erased, and the erasure itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.audit.file import Erasable
from lindenstrom.core.calendar import month_name
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import NoSuchMember, NothingGiven
from lindenstrom_cli.render import Result, utc
from lindenstrom_cli.types import MONTH
from lindenstrom_cli.world import open_office, open_world

if TYPE_CHECKING:
    from lindenstrom.operator.erasing import Wanted
    from lindenstrom.operator.office import Office

FIRST_PERSON = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedMonth:
    """A kind of a month, with those before it. member: None for everybody; erased_at: unix time, None for not yet."""

    what: str
    month: str
    member: int | None
    postings: int
    due_from: int
    erased_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasures(Result):
    """What was erased, or would be. record: all that was erased before."""

    SCHEMA: ClassVar[str] = "erasures"
    months: tuple[ErasedMonth, ...]
    finished: int
    simulated: bool
    record: bool = False

    def lines(self) -> Iterable[str]:
        """A line a month."""
        if self.finished:
            yield text("erase.finished", count=self.finished)
        if not self.months and not self.finished:
            yield text("erase.none_yet" if self.record else "erase.nothing")
        yield from map(_line, self.months)
        if self.simulated and self.months:
            yield text("erase.simulated")
        elif any(m.erased_at for m in self.months):
            yield text("erase.copies")


@command(
    None,
    "erase",
    "operator erase --simulate",
    "operator erase --month 2026-06 --member anna",
    "operator erase --done --json",
    password=True,
)
@click.option("--month", type=MONTH, help="Only this month (default: all that are due).")
@click.option("--member", "who", metavar="MEMBER", help="Only one member's part of the month: index or name.")
@click.option(
    "--what",
    type=click.Choice([e.value for e in Erasable]),
    help="How far: intervals (with levels), lines with them, totals with both (default: as far as due, or intervals).",
)
@click.option("--simulate", is_flag=True, help="Only list what would be erased.")
@click.option("--done", is_flag=True, help="List what was erased before; erases nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(
    session: Session, month: date | None, who: str | None, what: str | None, simulate: bool, done: bool, yes: bool
) -> Erasures:
    """Erase what was kept long enough: delete its keys, its rows, its files in the mailbox.

    Intervals and levels are due after 3 years, lines after 8, totals after 10. What remains still verifies. Nothing can
    be erased while it can be corrected, that is for 12 months. It cannot be undone.
    """
    from lindenstrom.operator.erasing import erase as erase_now
    from lindenstrom.operator.erasing import finish_erasures

    if month is None and (who is not None or what is not None):
        raise NothingGiven("the month", "--month YYYY-MM")
    office = open_office(world := open_world(session))
    if done:
        return _record(office)
    member = world.member(who) if who is not None else None
    if member is not None and member < FIRST_PERSON:
        raise NoSuchMember
    wanted = _wanted(office, month, member, what)
    if simulate:
        return Erasures(months=tuple(_shown(office, w, None) for w in wanted), finished=0, simulated=True)
    finished = finish_erasures(office)
    if wanted:
        session.note("\n".join([text("erase.will"), *(_line(_shown(office, w, None)) for w in wanted)]))
        if not yes:
            session.prompter.confirm(text("erase.ask"))
        erase_now(office, wanted)
    now = office.chain.now()
    return Erasures(months=tuple(_shown(office, w, now) for w in wanted), finished=len(finished), simulated=False)


def _wanted(office: "Office", month: date | None, member: int | None, what: str | None) -> "list[Wanted]":
    """What is asked for, checked. Errors: those of `check`."""
    from lindenstrom.operator.erasing import Wanted, check, due

    if month is None:
        wanted = list(due(office))
    else:
        kind = Erasable(what) if what else Erasable.INTERVALS
        wanted = [Wanted(what=kind, month=month.year * 12 + month.month - 1, member=member)]
    for one in wanted:
        check(office, one)
    return wanted


def _shown(office: "Office", wanted: "Wanted", erased_at: int | None) -> ErasedMonth:
    from lindenstrom.operator.erasing import due_from

    return ErasedMonth(
        what=wanted.what.value,
        month=month_name(wanted.month),
        member=wanted.member,
        postings=len(office.store.sequences(wanted.month)),
        due_from=due_from(office, wanted.what, wanted.month),
        erased_at=erased_at,
    )


def _record(office: "Office") -> Erasures:
    from lindenstrom.operator.erasing import Wanted

    done = [e for e in office.store.keys.erasures() if e.finished_at is not None]
    months = (
        _shown(office, Wanted(what=Erasable(e.kind), month=e.month, member=e.member), e.finished_at) for e in done
    )
    return Erasures(months=tuple(months), finished=0, simulated=False, record=True)


def _line(month: ErasedMonth) -> str:
    whose = text("erase.everybody") if month.member is None else text("erase.member", member=month.member)
    shown = {"month": month.month, "what": text(f"erase.{month.what}"), "whose": whose, "count": month.postings}
    if month.erased_at is not None:
        return text("erase.done", when=utc(month.erased_at), **shown)
    return text("erase.planned", due=utc(month.due_from), **shown)

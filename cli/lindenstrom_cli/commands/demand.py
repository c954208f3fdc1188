"""demand: have the contract insist on a bundle that was not handed over; list demands, void for overdue ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.core.calendar import date_of, window_of
from lindenstrom.core.eip712 import Demand
from lindenstrom.core.verification import PostingState
from lindenstrom.mailbox import bundle_path
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import NoOpenPosting
from lindenstrom_cli.render import Result, table, utc
from lindenstrom_cli.sent import Sent, sent
from lindenstrom_cli.types import DATE
from lindenstrom_cli.world import World, open_world

if TYPE_CHECKING:
    from lindenstrom.chain.contracts import Posting
    from lindenstrom.demands import OpenDemand

demand = group("demand", text("help.demand"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded(Result):
    """A demand that is on the chain, or lies in the mailbox to be carried there (file). due_at: unix time."""

    SCHEMA: ClassVar[str] = "demand"
    day: date
    sequence: int
    member: int
    public_answer: bool
    due_at: int | None
    file: Path | None
    tx: bytes | None
    gas_used: int | None

    def lines(self) -> Iterable[str]:
        """What happens next."""
        if self.due_at is None:
            yield text("demand.handed_over", file=self.file)
        else:
            shown = {"sequence": self.sequence, "day": self.day, "when": utc(self.due_at)}
            yield text("demand.made", member=self.member, **shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLine:
    """An open demand. due_at: unix time after which anyone may void the posting."""

    day: date
    revision: int
    sequence: int
    member: int
    public_answer: bool
    due_at: int
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandList(Result):
    """Open demands."""

    SCHEMA: ClassVar[str] = "demands"
    now: int
    demands: tuple[DemandLine, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        if not self.demands:
            yield text("demand.none")
            return
        head = [text(f"head.{name}") for name in ("day", "posting", "member", "public", "due")]
        rows = [
            (
                d.day.isoformat(),
                str(d.sequence),
                str(d.member),
                text("demand.public" if d.public_answer else "demand.private"),
                utc(d.due_at) + (text("demand.overdue") if d.overdue else ""),
            )
            for d in self.demands
        ]
        yield from table(head, rows, right=frozenset({1, 2}))


@command(
    demand,
    "bundle",
    "demand bundle 2026-06-03 --member anna",
    "demand bundle 2026-06-03 --member anna --public-answer",
    "demand bundle 2026-06-03 --member 2 --hand-over",
    password=True,
)
@click.argument("day", type=DATE)
@click.option("--member", "given", required=True, metavar="MEMBER", help="Name or index.")
@click.option(
    "--public-answer", is_flag=True, help="Let the day be opened in public as an answer; only if your terms allow it."
)
@click.option("--hand-over", is_flag=True, help="Put the signed demand into the mailbox, for anyone to carry.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def bundle(session: Session, day: date, given: str, public_answer: bool, hand_over: bool, yes: bool) -> Demanded:
    """Demand a day's bundle that you were not given: the day cannot be final until the demand is answered.

    Signed with the member's key. Overdue, anyone can void the posting. Once a day (and once more for each correction),
    and in the objection period only.
    """
    world = open_world(session)
    member = world.member(given)
    posting = _open_posting(world, day)
    if bundle_path(session.home.mailbox, member, posting.window, posting.sequence).is_file():
        session.note(text("demand.at_hand"))
    session.note(text("demand.means"))
    if public_answer:
        session.note(text("demand.means_public"))
    if not yes:
        session.prompter.confirm(text("demand.ask"))
    signer = world.account_signer(member)
    act = Demand(member=member, sequence=posting.sequence, posting=posting.digest, public_answer=public_answer)
    signature = world.sign(signer, act)
    shown = {"day": day, "sequence": posting.sequence, "member": member, "public_answer": public_answer}
    if hand_over:
        from lindenstrom.actfiles import SignedDemand
        from lindenstrom.actfiles import hand_over as handed

        file = handed(session.home.mailbox, world.community.id, SignedDemand(act=act, signature=signature))
        return Demanded(**shown, due_at=None, file=file, tx=None, gas_used=None)  # type: ignore[arg-type]
    result = world.carry(world.contracts.demand(act, signature), signer)
    due = world.contracts.demand_of(posting.window, posting.revision, member).due_at
    return Demanded(**shown, due_at=due, file=None, tx=result.tx_hash, gas_used=result.gas_used)  # type: ignore[arg-type]


@command(demand, "list", "demand list", "demand list --json")
def list_(session: Session) -> DemandList:
    """List the demands that are open, and by when each is to be answered."""
    from lindenstrom.demands import open_demands

    world = open_world(session)
    now = world.chain.now()
    postings = [world.contracts.posting(s) for s in range(1, world.contracts.next_sequence())]
    return DemandList(now=now, demands=tuple(demand_line(d, now) for d in open_demands(world.contracts, postings)))


@command(demand, "void", "demand void 3 --member anna", password=True)
@click.argument("sequence", metavar="POSTING", type=click.IntRange(1))
@click.option("--member", "given", required=True, metavar="MEMBER", help="Who demanded: name or index.")
@click.option("--key", "alias", metavar="ALIAS", help="The key that pays (default: the operator's or an auditor's).")
def void(session: Session, sequence: int, given: str, alias: str | None) -> Sent:
    """Void a posting whose demand was not answered in time. Anyone may do this."""
    world = open_world(session)
    member = world.member(given)
    payer = world.payer(alias)
    posting = world.contracts.posting(sequence)
    result = world.send(world.contracts.void_overdue(sequence, posting.digest, member), payer)
    shown = {"sequence": sequence, "day": date_of(posting.window), "member": member}
    return sent(result, "posting voided", text("demand.voided", **shown), sequence)


def demand_line(found: "OpenDemand", now: int) -> DemandLine:
    """A demand as it is shown."""
    return DemandLine(
        day=date_of(found.window),
        revision=found.revision,
        sequence=found.sequence,
        member=found.member,
        public_answer=found.public_answer,
        due_at=found.due_at,
        overdue=now > found.due_at,
    )


def _open_posting(world: World, day: date) -> "Posting":
    """The day's posting that can still be objected to. Raises NoOpenPosting."""
    sequence = world.contracts.live(window_of(day))
    posting = world.contracts.posting(sequence) if sequence else None
    if posting is None or posting.state is not PostingState.POSTED:
        raise NoOpenPosting(day)
    return posting

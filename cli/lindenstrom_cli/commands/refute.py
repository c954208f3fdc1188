"""refute: have the contract recompute a member's day, or check an agreement's levels, in public."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import click

from lindenstrom.core.bundles import Bundle, read_bundle
from lindenstrom.core.calendar import date_of
from lindenstrom.core.eip712 import Refute
from lindenstrom.core.refutation import Opening, Reason, recompute
from lindenstrom.core.verification import PostingState
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import DisputesNotPublic, ForeignBundle, NothingWrong, NotOpenAnyMore, OptionWithoutEffect
from lindenstrom_cli.levels import refute_levels
from lindenstrom_cli.render import Result
from lindenstrom_cli.world import World, open_world


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuted(Result):
    """A posting that the contract would void, or has voided."""

    SCHEMA: ClassVar[str] = "refuted"
    day: date
    sequence: int
    reason: Reason
    why: str
    sent: bool
    tx: bytes | None
    gas_used: int | None

    def lines(self) -> Iterable[str]:
        """The contract's finding."""
        shown = {"sequence": self.sequence, "day": self.day, "why": self.why}
        yield text("refute.voided" if self.sent else "refute.would", **shown)


@command(
    None,
    "refute",
    "refute mailbox/bundles/2/20607-s1.json",
    "refute 20607-s1.json --simulate",
    "refute 20607-s1.json --yes --no-input",
    "refute 20607-s1.json --levels 1",
    password=True,
)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--packs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A mailbox with your own copies of the readings: shows that substitute values were unfounded.",
)
@click.option(
    "--levels",
    "agreement",
    type=click.IntRange(1),
    metavar="AGREEMENT",
    help="Show an agreement's levels only, and no reading of yours: for prices and levels that cannot be right.",
)
@click.option("--hand-over", is_flag=True, help="With --levels: put the signed act into the mailbox, to be carried.")
@click.option("--simulate", is_flag=True, help="Only say what the contract would find; nothing becomes public.")
@click.option("--yes", is_flag=True, help="Do not ask before the day becomes public.")
def refute(
    session: Session, bundle: Path, packs: Path | None, agreement: int | None, hand_over: bool, simulate: bool,
    yes: bool,
) -> Result:  # fmt: skip
    """Have the contract recompute a wrong bill: it voids the posting, or refuses when nothing is wrong.

    Recomputed here first, so that nothing becomes public in vain. Sending makes your day public for ever; what that
    means is said before anything is sent. Signed with the member's key; anyone may carry it.
    """
    read = read_bundle(bundle.read_bytes())
    world = open_world(session)
    if read.community.id != world.community.id:
        raise ForeignBundle(bundle)
    if agreement is not None:
        return refute_levels(world, read, agreement, simulate=simulate, yes=yes, hand_over=hand_over)
    if hand_over:
        raise OptionWithoutEffect("--hand-over", "it goes with --levels only")
    opening, reason = _reason(world, read, packs)
    signer = world.account_signer(read.member)
    act = Refute(member=read.member, sequence=read.sequence, posting=read.digest)
    call = world.contracts.refute(act, read.header, opening, world.sign(signer, act))
    result = None
    if not simulate:
        session.note(revealed(read, text("refute.reveals")))
        if not yes:
            session.prompter.confirm(text("refute.ask"))
        result = world.carry(call, signer)
    return Refuted(
        day=date_of(read.header.window),
        sequence=read.sequence,
        reason=reason,
        why=text(f"finding.reason_{reason.name.lower()}"),
        sent=result is not None,
        tx=result.tx_hash if result else None,
        gas_used=result.gas_used if result else None,
    )


def _reason(world: World, bundle: Bundle, packs: Path | None) -> tuple[Opening, Reason]:
    """What the contract would find, recomputed here: asking a node would show it the day already.

    First from the bundle as it is, then with newer records of the chain and own copies of the readings.

    Raises NothingWrong, NotOpenAnyMore, DisputesNotPublic, BadOpening.
    """
    from lindenstrom.evidence import sharpened
    from lindenstrom.facts import ChainFacts
    from lindenstrom.mailbox import collect_packs
    from lindenstrom.roster import CommunityReader

    facts = ChainFacts(world.contracts, bundle.sequence)
    posting = facts.posting(bundle.sequence)
    if posting is None or posting.digest != bundle.digest:
        raise NotOpenAnyMore(bundle.sequence, PostingState.UNKNOWN)
    if posting.state is not PostingState.POSTED:
        raise NotOpenAnyMore(bundle.sequence, posting.state)
    for membership, terms in facts.memberships(bundle.member, bundle.header.window):
        if not terms.public_disputes:
            raise DisputesNotPublic(membership.agreement)
    window = bundle.header.window
    anchorings = CommunityReader(world.chain, world.community).anchorings(window)
    own = collect_packs(packs, window) if packs else ()
    for opening in (bundle.opening, sharpened(bundle, anchorings, own)):
        reason = recompute(facts, bundle.header, bundle.member, opening).reason
        if reason is not None:
            return opening, reason
    raise NothingWrong(bundle.sequence)


def revealed(bundle: Bundle, title: str) -> str:
    """What opening a member's day publishes, in words: kinds of data, never the data."""
    lines = [
        title,
        text("refute.reveals_meters", count=len(bundle.meters), day=date_of(bundle.header.window)),
        text("refute.reveals_parameters", count=len(bundle.agreements)),
        text("refute.reveals_levels"),
        text("refute.reveals_statement"),
        text("refute.for_ever"),
    ]
    return "\n".join(lines)

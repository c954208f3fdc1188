"""carry: send the signed acts that lie in the mailbox. Anyone may, and whoever does pays for the transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.mailbox import MailboxFileUnreadable
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.render import Result
from lindenstrom_cli.world import World, open_world

if TYPE_CHECKING:
    from lindenstrom.actfiles import Carried

CARRIED, KNOWN, OVER, UNREADABLE = "carried", "known", "over", "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedAct:
    """An act's file and what became of it; refused: the contract's error, where it refused."""

    file: Path
    outcome: str
    refused: str | None
    tx: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage(Result):
    """All acts in the mailbox."""

    SCHEMA: ClassVar[str] = "carried"
    acts: tuple[CarriedAct, ...]

    def lines(self) -> Iterable[str]:
        """A line an act."""
        if not self.acts:
            yield text("carry.none")
        for act in self.acts:
            outcome = text("carry.refused", name=act.refused) if act.refused else text(f"carry.{act.outcome}")
            yield f"{act.file.parent.name} {act.file.stem[:8]}…  {outcome}"


@command(None, "carry", "carry", "carry --key anna", password=True)
@click.option("--key", "alias", metavar="ALIAS", help="The key that pays (default: the operator's or an auditor's).")
def carry(session: Session, alias: str | None) -> Carriage:
    """Send the signed demands and refutations of levels that lie in the mailbox; whoever's key is used pays.

    What is on the chain already is passed over, and so is what the contract refuses: repeating changes nothing.
    """
    from lindenstrom.actfiles import acts_in, read_act

    files = acts_in(session.home.mailbox)
    world = open_world(session)
    done = []
    for file in files:
        try:
            signed = read_act(file, world.community.id)
        except MailboxFileUnreadable:
            done.append(CarriedAct(file=file, outcome=UNREADABLE, refused=None, tx=None))
        else:
            done.append(_carried(world, file, signed, alias))
    return Carriage(acts=tuple(done))


def _carried(world: World, file: Path, signed: "Carried", alias: str | None) -> CarriedAct:
    from lindenstrom.actfiles import SignedDemand
    from lindenstrom.chain.contracts import DemandState
    from lindenstrom.chain.errors import ContractRefused
    from lindenstrom.core.verification import PostingState

    contracts, act = world.contracts, signed.act
    posting = contracts.posting(act.sequence)
    if posting.state is not PostingState.POSTED or posting.digest != act.posting:
        return CarriedAct(file=file, outcome=OVER, refused=None, tx=None)
    if isinstance(signed, SignedDemand):
        demand = contracts.demand_of(posting.window, posting.revision, act.member)
        if demand.sequence == act.sequence or demand.state is DemandState.LAPSED:
            return CarriedAct(file=file, outcome=KNOWN, refused=None, tx=None)
    try:
        result = world.send(signed.call(contracts), world.payer(alias))
    except ContractRefused as refused:
        return CarriedAct(file=file, outcome=OVER, refused=refused.name, tx=None)
    return CarriedAct(file=file, outcome=CARRIED, refused=None, tx=result.tx_hash)

"""auditor: appoint, dismiss, resign, list. Changes are announced 30 days ahead (R1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import NoSuchAuditor, SeveralAuditors
from lindenstrom_cli.render import Result, hexed, table, utc
from lindenstrom_cli.types import ADDRESS, parse_hex
from lindenstrom_cli.world import World, open_world

if TYPE_CHECKING:
    from lindenstrom.chain.abi import ContractCall
    from lindenstrom.chain.contracts import Auditor
    from lindenstrom_cli.keys import Signer

auditor = group("auditor", text("help.auditor"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorChanged(Result):
    """An announcement that the chain took. act: appointed, dismissed, resigned. time: unix, from when it counts."""

    SCHEMA: ClassVar[str] = "auditor"
    act: str
    index: int
    address: bytes
    time: int
    none_left: bool
    tx: bytes
    gas_used: int

    def lines(self) -> Iterable[str]:
        """From when, and what is to do."""
        yield text(f"auditor.{self.act}", index=self.index, address=hexed(self.address), when=utc(self.time))
        yield text("auditor.consents")
        yield text("auditor.pin_appointed" if self.act == "appointed" else "auditor.pin_ended")
        if self.none_left:
            yield text("auditor.none_left")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorLine:
    """An auditor. Times unix; end_time None while none is fixed. state: announced, in_office, leaving, ended."""

    index: int
    address: bytes
    from_time: int
    end_time: int | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorList(Result):
    """All auditors that the community ever had."""

    SCHEMA: ClassVar[str] = "auditors"
    auditors: tuple[AuditorLine, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        if not self.auditors:
            yield text("auditor.none")
            return
        head = [text(f"head.{name}") for name in ("index", "address", "first", "last", "state")]
        rows = [
            (
                str(a.index),
                hexed(a.address),
                utc(a.from_time),
                text("auditor.open") if a.end_time is None else utc(a.end_time),
                text(f"auditor.{a.state}"),
            )
            for a in self.auditors
        ]
        yield from table(head, rows, right=frozenset({0}))


@command(auditor, "appoint", "auditor appoint 0x5aF3b2C1d4E5f60718293a4B5c6D7e8F90a1B2c3", password=True)
@click.argument("address", type=ADDRESS)
@click.option("--yes", is_flag=True, help="Do not ask.")
def appoint(session: Session, address: bytes, yes: bool) -> AuditorChanged:
    """Announce a new auditor, who is in office 30 days later. The operator does this; an address is an auditor once."""
    world = open_world(session)
    operator = world.operator()
    if not yes:
        session.prompter.confirm(text("auditor.ask_appoint", address=hexed(address)))
    index = len(world.contracts.auditors())
    return _changed(world, "appointed", index, world.contracts.appoint_auditor(index, address), operator)


@command(auditor, "dismiss", "auditor dismiss 0", password=True)
@click.argument("given", metavar="AUDITOR")
@click.option("--yes", is_flag=True, help="Do not ask.")
def dismiss(session: Session, given: str, yes: bool) -> AuditorChanged:
    """Announce an auditor's end, 30 days later; until then it can attest and void. AUDITOR is an index or address."""
    world = open_world(session)
    found = _named(world, given)
    operator = world.operator()
    if not yes:
        session.prompter.confirm(text("auditor.ask_dismiss", index=found.index))
    return _changed(world, "dismissed", found.index, world.contracts.dismiss_auditor(found.index), operator)


@command(auditor, "resign", "auditor resign", "auditor resign --key auditor-2", password=True)
@click.option("--key", "alias", metavar="ALIAS", help="The auditor's key (default: the only one in this home).")
@click.option("--yes", is_flag=True, help="Do not ask.")
def resign(session: Session, alias: str | None, yes: bool) -> AuditorChanged:
    """End one's own office at once, for good. The auditor does this, with its own key."""
    world = open_world(session)
    now = world.chain.now()
    signer = _own_key(world, now) if alias is None else session.keys.unlock(alias)
    found = next((a for a in world.contracts.auditors() if a.address == signer.address), None)
    if found is None:
        raise NoSuchAuditor
    if not yes:
        session.prompter.confirm(text("auditor.ask_resign", index=found.index))
    return _changed(world, "resigned", found.index, world.contracts.resign_auditor(), signer)


@command(auditor, "list", "auditor list", "auditor list --json")
def list_(session: Session) -> AuditorList:
    """List all auditors ever named, and from when to when they are in office."""
    world = open_world(session)
    now = world.chain.now()
    return AuditorList(
        auditors=tuple(
            AuditorLine(
                index=a.index,
                address=a.address,
                from_time=a.from_time,
                end_time=a.end_time if a.is_ending else None,
                state=_state(a, now),
            )
            for a in world.contracts.auditors()
        )
    )


def _changed(world: World, act: str, index: int, call: "ContractCall", payer: "Signer") -> AuditorChanged:
    done = world.send(call, payer)
    auditors = world.contracts.auditors()
    found = auditors[index]
    return AuditorChanged(
        act=act,
        index=index,
        address=found.address,
        time=found.from_time if act == "appointed" else found.end_time,
        none_left=all(a.is_ending for a in auditors),
        tx=done.tx_hash,
        gas_used=done.gas_used,
    )


def _named(world: World, given: str) -> "Auditor":
    """An auditor by index or address. Raises NoSuchAuditor, BadHex."""
    address = parse_hex(given, 20, "auditor") if given.startswith("0x") else None
    for found in world.contracts.auditors():
        if found.address == address or str(found.index) == given:
            return found
    raise NoSuchAuditor


def _own_key(world: World, now: int) -> "Signer":
    """The key here of an auditor whose office is not over. Raises NoKeyFor, SeveralAuditors."""
    keys = world.session.keys
    here = [a.address for a in world.contracts.auditors() if now < a.end_time and keys.find(a.address)]
    if len(here) > 1:
        raise SeveralAuditors
    return keys.signer_for(here[0] if here else bytes(20), "an auditor in office")


def _state(found: "Auditor", now: int) -> str:
    if now >= found.end_time:
        return "ended"
    if now < found.from_time:
        return "announced"
    return "leaving" if found.is_ending else "in_office"

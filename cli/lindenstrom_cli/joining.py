"""agreement join: three signatures, in one place or carried from hand to hand in a file."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.core.calendar import date_of
from lindenstrom.core.eip712 import Join
from lindenstrom.core.terms import HIGHEST_RANK, Key, Parameters, Role, Rule, Terms
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.days import end_day, first_day
from lindenstrom_cli.errors import ActFileExists, ActUnfit, NothingGiven, OptionWithoutEffect
from lindenstrom_cli.files import write_secret
from lindenstrom_cli.joinact import PARTIES, JoinAct, act_json, read_act
from lindenstrom_cli.render import Result
from lindenstrom_cli.types import CENT, DATE, PERCENT
from lindenstrom_cli.world import World, open_store, open_world

if TYPE_CHECKING:
    from lindenstrom.chain.client import TxResult

ROLES = {"taker": Role.TAKER, "giver": Role.GIVER, "both": Role.BOTH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Result):
    """A join that was sent, or saved for the parties that have not signed."""

    SCHEMA: ClassVar[str] = "join"
    member: int
    agreement: int
    first_day: date
    missing: tuple[str, ...]
    file: Path | None
    tx: bytes | None
    gas_used: int | None

    def lines(self) -> Iterable[str]:
        """What happened, and who comes next."""
        if self.tx is not None:
            yield text("agreement.joined", member=self.member, id=self.agreement, day=self.first_day)
        else:
            missing = ", ".join(text(f"party.{party}") for party in self.missing)
            yield text("agreement.saved", file=self.file, missing=missing)
            yield text("agreement.carry", file=self.file)


@command(
    None,
    "join",
    "agreement join 1 --member anna",
    "agreement join 1 --member bert --role giver --share 50 --from 2026-07-01 --act bert.json",
    "agreement join 2 --member bert --role taker --limit 14.5",
    "agreement join --act bert.json",
    password=True,
)
@click.argument("number", metavar="[AGREEMENT]", type=click.IntRange(1), required=False)
@click.option("--member", "given", metavar="MEMBER", help="Name or index.")
@click.option("--role", type=click.Choice(tuple(ROLES)), default="both", show_default=True, help="Take, give, or both.")
@click.option("--share", type=PERCENT, default="100", help="Part of the own metered energy that is offered, per cent.")
@click.option("--weight", type=PERCENT, help="Static key: the member's fixed part of the pool, per cent.")
@click.option("--parts", type=click.IntRange(1, 2**32 - 1), help="Cascading key: how many parts it gets a round (1).")
@click.option(
    "--rank", type=click.IntRange(0, HIGHEST_RANK), help="Priority key: place in the queue; 0 is served first."
)
@click.option("--limit", type=CENT, help="Auction: the most a taker pays, or the least a giver wants, ct/kWh.")
@click.option("--from", "first", type=DATE, help="First day (default: the earliest possible).")
@click.option("--until", "last", type=DATE, help="Last day (default: open).")
@click.option("--act", "file", type=click.Path(dir_okay=False, path_type=Path), help="File of a partly signed act.")
def join(
    session: Session, number: int | None, given: str | None, role: str, share: int, weight: int | None,
    parts: int | None, rank: int | None, limit: int | None, first: date | None, last: date | None, file: Path | None,
) -> Joined:  # fmt: skip
    """Join an agreement. Member, steward and operator sign, with the keys in this home.

    Where a key is missing, the act goes into the file that --act names, to be completed where that key is.
    """
    if number is None:
        if file is None:
            raise NothingGiven("the agreement", "its number, or --act FILE of an act begun elsewhere")
        act = read_act(file)  # before the chain is opened: its EVM lifts the recursion limit that guards the parser
        world = open_world(session)
        if act.community != world.community.id:
            raise ActUnfit(file, "it belongs to another community")
    elif given is None:
        raise NothingGiven("the member", "--member NAME")
    elif file is not None and file.exists():
        raise ActFileExists(file)
    else:
        world = open_world(session)
        member, salt = world.member(given), secrets.token_bytes(32)
        terms = world.contracts.terms(number)
        own_weight, own_limit = _for_terms(terms, ROLES[role], (weight, parts, rank), limit)
        parameters = Parameters(weight=own_weight, share_ppm=share, limit_ueur_kwh=own_limit, salt=salt).checked(terms)
        message = Join(
            member=member,
            agreement=number,
            role=ROLES[role],
            from_day=first_day(first, world.chain.now()),
            end_day=end_day(last),
            parameters=parameters.commitment,
        )
        act = JoinAct(community=world.community.id, join=message, parameters=parameters)
    act = _signed(world, act)
    result = None
    if not act.missing:
        result = _send(world, act)
    elif file is None:
        raise NothingGiven("a key of " + text(f"party.{act.missing[0]}"), "--act FILE to complete the act elsewhere")
    else:
        write_secret(file, act_json(act))
    return _joined(act, file, result)


def _for_terms(
    terms: Terms, role: Role, counts: tuple[int | None, int | None, int | None], limit: int | None
) -> tuple[int, int]:
    """(weight, limit) as these terms use them, from --weight, --parts and --rank; one without effect is refused."""
    options = (("--weight", Key.STATIC), ("--parts", Key.CASCADING), ("--rank", Key.PRIORITY))
    chosen = None
    for (option, key), value in zip(options, counts, strict=True):
        if terms.key is key:
            chosen = 1 if value is None and key is Key.CASCADING else value
            if chosen is None and role & Role.TAKER:
                raise NothingGiven("the member's place under the allocation key", f"{option} ({key.name.lower()} key)")
        elif value is not None:
            raise OptionWithoutEffect(option, f"it counts under a {key.name.lower()} key only")
    if limit is not None and terms.rule is not Rule.AUCTION:
        raise OptionWithoutEffect("--limit", "it counts in auctions only")
    if limit is None and terms.rule is Rule.AUCTION:
        raise NothingGiven("the price limit", "--limit CENT; this agreement is an auction")
    return chosen or 0, limit or 0


def _signed(world: World, act: JoinAct) -> JoinAct:
    """Add every signature that a key in this home can give; the operator keeps the parameters before it signs."""
    terms = world.contracts.terms(act.join.agreement)
    accounts = {
        "member": world.contracts.account(act.join.member),
        "steward": world.contracts.account(terms.steward),
        "operator": world.community.operator,
    }
    signatures = dict(act.signatures)
    for party in act.missing:
        entry = world.session.keys.find(accounts[party])
        if entry is None:
            continue
        if party == "operator":
            open_store(world).put_parameters(act.join.member, act.join.agreement, act.parameters.checked(terms))
        signatures[party] = world.sign(world.session.keys.unlock(entry.alias), act.message(party))
    return JoinAct(community=act.community, join=act.join, parameters=act.parameters, signatures=signatures)


def _send(world: World, act: JoinAct) -> "TxResult":
    call = world.contracts.join(act.join, *(act.signatures[party] for party in PARTIES))
    keys = world.session.keys
    here = keys.find(world.community.operator) or keys.find(world.contracts.account(act.join.member))
    payer = keys.unlock(here.alias) if here else world.operator()
    return world.send(call, payer)


def _joined(act: JoinAct, file: Path | None, result: "TxResult | None") -> Joined:
    return Joined(
        member=act.join.member,
        agreement=act.join.agreement,
        first_day=date_of(act.join.from_day),
        missing=act.missing,
        file=file,
        tx=result.tx_hash if result else None,
        gas_used=result.gas_used if result else None,
    )

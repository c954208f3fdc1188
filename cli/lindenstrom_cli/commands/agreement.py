"""agreement: offer, join, leave, list, show."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import click

from lindenstrom.core.calendar import OPEN_END, date_of, window_of
from lindenstrom.core.terms import NO_CAP, Key, Membership, Rule, Terms
from lindenstrom.core.units import format_kwh, format_price
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.days import end_day, first_day, shown_last
from lindenstrom_cli.errors import NoSuchMembership, NothingGiven
from lindenstrom_cli.joining import join
from lindenstrom_cli.prices import shown_price
from lindenstrom_cli.render import Result, table
from lindenstrom_cli.sent import Sent, sent
from lindenstrom_cli.types import CENT, DATE, KWH
from lindenstrom_cli.world import World, names, open_store, open_world

agreement = group("agreement", text("help.agreement"))
KEYS = {key.name.lower(): key for key in Key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A member's place in an agreement."""

    member: int
    name: str
    membership: Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEntry:
    """An agreement with its members."""

    id: int
    label: str
    terms: Terms
    parties: tuple[Party, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementList(Result):
    """All agreements."""

    SCHEMA: ClassVar[str] = "agreements"
    agreements: tuple[AgreementEntry, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        if not self.agreements:
            yield text("agreement.none")
            return
        rows = [
            (
                str(a.id),
                a.label,
                shown_price(a.terms),
                format_price(a.terms.fee_ueur_kwh),
                date_of(a.terms.first_window).isoformat(),
                _last(a.terms),
                str(len(a.parties)),
            )
            for a in self.agreements
        ]
        head = ("id", "label", "price", "fee", "first", "last", "members")
        yield from table([text(f"head.{name}") for name in head], rows, right=frozenset({0, 2, 3, 6}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementShown(Result):
    """One agreement."""

    SCHEMA: ClassVar[str] = "agreement"
    agreement: AgreementEntry

    def lines(self) -> Iterable[str]:
        """Terms in words, and who takes part."""
        a, t = self.agreement, self.agreement.terms
        yield text("agreement.title", id=a.id, label=a.label).rstrip()
        yield text("agreement.key", value=text(f"agreement.key_{t.key.name.lower()}"))
        if t.rule is Rule.MID_MARKET:
            low, high = format_price(t.price_a_ueur_kwh), format_price(t.price_b_ueur_kwh)
            yield text("agreement.price_mid", price=shown_price(t), low=low, high=high)
        elif t.rule is Rule.AUCTION:
            yield text("agreement.price_auction", price=shown_price(t))
        else:
            yield text("agreement.price_fixed", price=shown_price(t))
        if t.fee_ueur_kwh:
            yield text("agreement.fee", fee=format_price(t.fee_ueur_kwh))
        if t.cap_mwh != NO_CAP:
            yield text("agreement.cap", cap=format_kwh(t.cap_mwh))
        yield text("agreement.days", first=date_of(t.first_window), last=_last(t))
        yield text("agreement.order", priority=t.priority)
        yield text("agreement.steward", steward=t.steward)
        yield text("agreement.public" if t.public_disputes else "agreement.private")
        if a.parties:
            yield text("agreement.parties")
            head = [text(f"head.{name}") for name in ("index", "name", "role", "first", "last")]
            rows = [
                (
                    str(p.member),
                    p.name,
                    text(f"role.{int(p.membership.role)}"),
                    date_of(p.membership.from_day).isoformat(),
                    shown_last(p.membership.end_day),
                )
                for p in a.parties
            ]
            yield from (f"  {line}" for line in table(head, rows, right=frozenset({0})))


@command(
    agreement,
    "offer",
    "agreement offer --price 11.5 --fee 0.5 --label Hofstrom",
    "agreement offer --steward anna --mid-market 8.2 31.0 --key static --public-disputes",
    "agreement offer --auction 8.0 30.0 --label Marktplatz",
    password=True,
)
@click.option("--steward", default="0", metavar="MEMBER", help="Whose offer it is: name or index (default: operator).")
@click.option("--price", type=CENT, help="A fixed price, ct/kWh.")
@click.option("--mid-market", type=(CENT, CENT), metavar="FEED-IN RETAIL", help="Midway between two prices, ct/kWh.")
@click.option("--auction", type=(CENT, CENT), metavar="LOW HIGH", help="An auction between two bounds, ct/kWh.")
@click.option("--fee", type=CENT, default="0", help="Fee on the taker, ct/kWh.")
@click.option("--key", type=click.Choice(tuple(KEYS)), default="proportional", show_default=True, help="Who gets what.")
@click.option("--cap", type=KWH, help="Most energy per member and quarter-hour, kWh.")
@click.option(
    "--priority", type=click.IntRange(0, 255), default=0, help="Order among a member's agreements: low first."
)
@click.option("--from", "first", type=DATE, help="First day (default: the earliest possible).")
@click.option("--until", "last", type=DATE, help="Last day (default: open).")
@click.option(
    "--public-disputes", is_flag=True, help="Members may have the contract decide, opening their day in public."
)
@click.option("--label", default="", help="What people call it; stays in the operator's store.")
def offer(
    session: Session, steward: str, price: int | None, mid_market: tuple[int, int] | None,
    auction: tuple[int, int] | None, fee: int, key: str, cap: int | None, priority: int, first: date | None,
    last: date | None, public_disputes: bool, label: str,
) -> Sent:  # fmt: skip
    """Put an agreement on offer, signed by its steward. Terms never change afterwards."""
    from lindenstrom.core.eip712 import Offer

    if (price, mid_market, auction).count(None) != 2:
        raise NothingGiven("the price", "one of --price, --mid-market and --auction")
    world = open_world(session)
    by = world.member(steward)
    low, high = mid_market or auction or (price or 0, 0)
    terms = Terms(
        steward=by,
        key=KEYS[key],
        rule=Rule.AUCTION if auction else Rule.MID_MARKET if mid_market else Rule.FIXED,
        price_a_ueur_kwh=low,
        price_b_ueur_kwh=high,
        fee_ueur_kwh=fee,
        cap_mwh=NO_CAP if cap is None else cap,
        priority=priority,
        first_window=first_day(first, world.chain.now()),
        last_window=window_of(last) if last else OPEN_END,
        public_disputes=public_disputes,
    ).checked()
    act = Offer(terms=terms, number=world.contracts.offers_of(by))
    signer = world.account_signer(by)
    result = world.carry(world.contracts.offer(act, world.sign(signer, act)), signer)
    number = world.contracts.agreement_count()
    if label:
        open_store(world).set_agreement_label(number, label)
    summary = text("agreement.offered", id=number, day=date_of(terms.first_window))
    return sent(result, "agreement offered", summary, number)


agreement.add_command(join)


@command(agreement, "leave", "agreement leave 1 --member anna --until 2026-06-30", password=True)
@click.argument("number", metavar="AGREEMENT", type=click.IntRange(1))
@click.option("--member", "given", required=True, metavar="MEMBER", help="Name or index.")
@click.option("--until", "last", type=DATE, help="Last day (default: the earliest possible).")
def leave(session: Session, number: int, given: str, last: date | None) -> Sent:
    """Leave an agreement; the member's signature alone is enough."""
    from lindenstrom.core.eip712 import Leave

    world = open_world(session)
    member = world.member(given)
    end = end_day(last) if last else first_day(None, world.chain.now())
    places = enumerate(world.contracts.memberships_of(member))
    place = next((i for i, m in places if m.agreement == number and m.end_day > end), None)
    if place is None:
        raise NoSuchMembership(member, number)
    signer = world.account_signer(member)
    act = Leave(member=member, membership=place, end_day=end)
    result = world.carry(world.contracts.leave(act, world.sign(signer, act)), signer)
    return sent(
        result, "agreement left", text("agreement.left", member=member, id=number, day=date_of(end - 1)), number
    )


@command(agreement, "list", "agreement list")
def list_(session: Session) -> AgreementList:
    """List all agreements."""
    world = open_world(session)
    return AgreementList(agreements=_entries(world, range(1, world.contracts.agreement_count() + 1)))


@command(agreement, "show", "agreement show 1")
@click.argument("number", metavar="AGREEMENT", type=click.IntRange(1))
def show(session: Session, number: int) -> AgreementShown:
    """Show an agreement's terms and members."""
    return AgreementShown(agreement=_entries(open_world(session), [number])[0])


def _entries(world: World, wanted: Iterable[int]) -> tuple[AgreementEntry, ...]:
    terms = {number: world.contracts.terms(number) for number in wanted}
    parties: dict[int, list[Party]] = {number: [] for number in terms}
    known = names(world)
    for member in range(world.contracts.member_count()):
        for membership in world.contracts.memberships_of(member):
            if membership.agreement in parties:
                party = Party(member=member, name=known.get(member, ""), membership=membership)
                parties[membership.agreement].append(party)
    labels = open_store(world).agreement_labels() if world.session.home.store.is_file() else {}
    return tuple(
        AgreementEntry(id=n, label=labels.get(n, ""), terms=t, parties=tuple(parties[n])) for n, t in terms.items()
    )


def _last(terms: Terms) -> str:
    return shown_last(min(terms.last_window + 1, OPEN_END))

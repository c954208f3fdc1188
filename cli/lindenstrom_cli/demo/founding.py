"""A home for the demo's community: keys, chain, contracts, people, agreements, all through the project's own doors."""

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.deploy import default_constants, deploy_community
from lindenstrom.chain.embedded import create as create_chain
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import Zone
from lindenstrom.core.eip712 import Act, Bind, Countersign, Join, Offer
from lindenstrom.core.terms import Parameters
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.operator import people
from lindenstrom.operator.office import Office
from lindenstrom.signing import sign_digest
from lindenstrom.store.store import Store
from lindenstrom_cli.demo.parts import DemoAgreement, DemoCommunity, DemoMeter
from lindenstrom_cli.home import Home, Settings
from lindenstrom_cli.keys import KeyRing, Signer
from lindenstrom_cli.prompter import Prompter
from lindenstrom_cli.render import hexed

ZONE_NAME = "Europe/Berlin"
DEPTH = 7
NOON_S = 43_200
DAYS_AHEAD = 3
"""Bindings and memberships begin two days ahead at the earliest; the chain starts three before the first window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """The founded community, open for work."""

    home: Home
    model: DemoCommunity
    community: Community
    chain: Chain
    office: Office
    keys: Mapping[str, Signer]
    adapters: Mapping[int, Adapter]
    first_window: int
    end_window: int

    @property
    def zone(self) -> Zone:
        """The community's calendar."""
        return self.office.zone

    def member_key(self, member: int) -> Signer:
        """The key of a member; members 0 and 1 are the operator's."""
        return self.keys["operator" if member < 2 else member_alias(member)]

    def reader_key(self, reader: int) -> Signer:
        """The key that a reader signs with."""
        return self.keys[reader_alias(reader)]

    def sign(self, member: int, act: Act) -> bytes:
        """A member's signature on an act."""
        return sign_digest(self.member_key(member).secret, act.digest(self.community.id))


def member_alias(member: int) -> str:
    """Alias of a member's key in the home."""
    return f"member-{member:02d}"


def reader_alias(reader: int) -> str:
    """Alias of a reader's key in the home, and the name of its folder under metering/."""
    return "metering-operator" if reader == 0 else f"home-adapter-{reader}"


def found_town(root: Path, model: DemoCommunity, windows: range, stack: ExitStack) -> Town:
    """Make the home and everything in it; the clock stands before the first window. The chain stays open on `stack`.

    Meters are bound and memberships hold on `windows`.
    """
    first_window = windows.start
    home = Home(root)
    home.create()
    readers = sorted({meter.reader for meter in model.meters})
    keys = _keys(home, model, readers)
    start = Zone.named(ZONE_NAME).window_start(first_window - DAYS_AHEAD) + NOON_S
    settings = Settings(
        name=model.name, zone=ZONE_NAME, depth=DEPTH, start=start, auditors=(hexed(keys["auditor"].address),)
    )
    home.write_settings(settings)
    create_chain(home.chain, start)
    chain = stack.enter_context(open_chain(NodeConfig(kind=NodeKind.EMBEDDED, path=home.chain)))
    community = deploy_community(
        chain,
        home.community,
        name=model.name,
        zone=ZONE_NAME,
        deployer_key=keys["operator"].secret,
        auditors=[keys["auditor"].address],
        constants=replace(default_constants(ZONE_NAME), depth=DEPTH),
    )
    chain.ensure_funds(keys["auditor"].address)
    store = Store.create(home.store, community=community.id, secret=secrets.token_bytes(32), keys=home.month_keys)
    stack.callback(store.close)
    office = Office(
        chain=chain,
        community=community,
        store=store,
        mailbox=home.mailbox,
        key=keys["operator"].secret,
        randomness=secrets.token_bytes,
    )
    town = Town(
        home=home,
        model=model,
        community=community,
        chain=chain,
        office=office,
        keys=keys,
        adapters={},
        first_window=first_window,
        end_window=windows.stop,
    )
    _register(town, readers)
    for agreement in model.agreements:
        _agree(town, agreement)
    return replace(town, adapters={reader: _adapter(town, reader) for reader in readers})


def _keys(home: Home, model: DemoCommunity, readers: list[int]) -> dict[str, Signer]:
    ring = KeyRing(folder=home.keys, prompter=Prompter(may_ask=False))
    aliases = ["operator", "auditor", *(member_alias(m.index) for m in model.members), *map(reader_alias, readers)]
    for alias in aliases:
        ring.create(alias, unattended=True)
    return {alias: ring.unlock(alias) for alias in aliases}


def _register(town: Town, readers: list[int]) -> None:
    """Members with their meters, and the readers that sign for them."""
    for reader in readers:
        people.add_reader(town.office, town.reader_key(reader).address)
    auditors = town.office.contracts.auditors_hash()
    for member in town.model.members:
        index = people.add_member(town.office, member.name, town.member_key(member.index).address)
        for meter in member.meters:
            act = Bind(
                member=index,
                meter=people.meter_of(town.office, meter.metering_point),
                reader=meter.reader,
                position=meter.position,
                from_day=town.first_window,
                end_day=town.end_window,
                auditors=auditors,
            )
            people.bind(town.office, act, town.sign(index, act))


def _agree(town: Town, agreement: DemoAgreement) -> None:
    """Offer an agreement and let every party join: signed by the party, countersigned by the steward, receipted."""
    terms = replace(agreement.terms, first_window=town.first_window)
    number = town.office.contracts.offers_of(terms.steward)
    signature = town.sign(terms.steward, Offer(terms=terms, number=number))
    index = people.offer(town.office, terms, number, signature, agreement.name)
    for party in agreement.parties:
        parameters = Parameters(weight=party.weight, share_ppm=party.share_ppm, salt=secrets.token_bytes(32))
        act = Join(
            member=party.member,
            agreement=index,
            role=int(party.role),
            from_day=town.first_window,
            end_day=town.end_window,
            parameters=parameters.commitment,
        )
        request = people.JoinRequest(
            act=act,
            parameters=parameters,
            by_member=town.sign(party.member, act),
            by_steward=town.sign(terms.steward, Countersign(join=act.struct_hash)),
        )
        people.join(town.office, request)


def _adapter(town: Town, reader: int) -> Adapter:
    own = [meter for meter in town.model.meters if meter.reader == reader]
    setup = ReaderSetup(
        community=town.community.id,
        reader=reader,
        depth=DEPTH,
        zone=town.zone,
        meters=tuple(_setup(town, meter) for meter in own),
    )
    return Adapter.create(town.home.readers / reader_alias(reader), setup, random=secrets.token_bytes)


def _setup(town: Town, meter: DemoMeter) -> MeterSetup:
    by_file = meter.reader == 0
    return MeterSetup(
        position=meter.position,
        meter=people.meter_of(town.office, meter.metering_point),
        source=Source.INTERVALS if by_file else Source.SML,
        metering_point=meter.metering_point if by_file else "",
        from_day=town.first_window,
        end_day=town.end_window,
    )

"""A community opened for work: its file, its chain, its contracts, and the operator's store where it is at hand."""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lindenstrom.chain.community import Community, load_community
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import Zone
from lindenstrom_cli.app import Session
from lindenstrom_cli.errors import NoSuchMember
from lindenstrom_cli.keys import Signer, checked_alias

if TYPE_CHECKING:
    from lindenstrom.chain.abi import ContractCall
    from lindenstrom.chain.client import Chain, TxResult
    from lindenstrom.chain.contracts import Contracts
    from lindenstrom.core.eip712 import Act
    from lindenstrom.operator.office import Office
    from lindenstrom.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What most commands need. The chain stays locked until the command ends."""

    session: Session
    community: Community
    chain: "Chain"
    contracts: "Contracts"

    @property
    def zone(self) -> Zone:
        """The community's calendar."""
        return Zone(offset_hours=self.community.constants.offset_hours)

    def operator(self) -> Signer:
        """The operator's key. Raises NoKeyFor."""
        return self.session.keys.signer_for(self.community.operator, "the operator")

    def auditor(self) -> Signer:
        """A key that is here of an auditor, one in office if there is one. Raises NoKeyFor."""
        now = self.chain.now()
        here = [a for a in self.contracts.auditors() if self.session.keys.find(a.address)]
        in_office = [a for a in here if a.is_active(now)]
        address = next((a.address for a in (*in_office, *here)), bytes(20))
        return self.session.keys.signer_for(address, "an auditor")

    def account_signer(self, member: int) -> Signer:
        """The key of a member's account. Raises NoKeyFor."""
        return self.session.keys.signer_for(self.contracts.account(member), f"member {member}")

    def sign(self, signer: Signer, act: "Act") -> bytes:
        """Sign an act for this community."""
        return signer.sign(act.digest(self.contracts.domain_separator()))

    def send(self, call: "ContractCall", payer: Signer) -> "TxResult":
        """Send a transaction that a key pays for; on a trial chain the coin is free."""
        self.chain.ensure_funds(payer.address)
        return self.chain.send(call, payer.secret)

    def carry(self, call: "ContractCall", signer: Signer) -> "TxResult":
        """Send what anyone may carry: the operator pays where its key is here, else the signer does."""
        here = self.session.keys.find(self.community.operator)
        return self.send(call, self.operator() if here else signer)

    def payer(self, alias: str | None = None) -> Signer:
        """A key that pays for what anyone may do: the named one, the operator's, an auditor's. Raises NoKeyFor."""
        if alias is not None:
            return self.session.keys.unlock(alias)
        for address in (self.community.operator, *(a.address for a in self.contracts.auditors())):
            if self.session.keys.find(address):
                return self.session.keys.signer_for(address, "the carrier")
        return self.session.keys.signer_for(bytes(20), "the carrier (name one with --key)")

    def member(self, given: str) -> int:
        """Index of a member given by index, or by the name in the operator's address book. Raises NoSuchMember."""
        if given.isascii() and given.isdigit() and len(given) < 8:
            index = int(given)
            if index < self.contracts.member_count():
                return index
            raise NoSuchMember
        found = [index for index, name in names(self).items() if name == given]
        if len(found) != 1:
            raise NoSuchMember
        return found[0]


def open_world(session: Session, *, node_url: str | None = None) -> World:
    """Open the home's community, at another node if one is given; code and chain id are compared with the file's."""
    from lindenstrom.chain.client import open_chain

    community = load_community(session.home.require().community)
    if node_url is not None:
        community = replace(community, node=NodeConfig(kind=NodeKind.URL, url=node_url))
    stack = ExitStack()
    session.later(stack.close)
    chain = stack.enter_context(open_chain(community.node))
    community.check_code(chain)
    return World(session=session, community=community, chain=chain, contracts=community.contracts(chain))


def open_store(world: World) -> "Store":
    """The operator's store. Raises StoreMissing."""
    from lindenstrom.store.store import Store

    home = world.session.home
    store = Store.open(home.store, community=world.community.id, keys=home.month_keys)
    world.session.later(store.close)
    return store


def open_office(world: World) -> "Office":
    """The operator at work: chain, store, mailbox and key. Raises StoreMissing, NoKeyFor."""
    from lindenstrom.operator.office import Office

    operator = world.operator()
    world.chain.ensure_funds(operator.address)
    return Office(
        chain=world.chain,
        community=world.community,
        store=open_store(world),
        mailbox=world.session.home.mailbox,
        key=operator.secret,
        randomness=secrets.token_bytes,
    )


def reader_folder(session: Session, alias: str) -> Path:
    """Folder of a reader's journals and month keys. Raises BadAlias."""
    return session.home.readers / checked_alias(alias)


def names(world: World) -> dict[int, str]:
    """The address book, empty where the store is not at hand."""
    return open_store(world).names() if world.session.home.store.is_file() else {}

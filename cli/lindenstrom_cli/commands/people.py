"""member and reader: who takes part, and who signs readings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import click

from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.bindings import known_setup
from lindenstrom_cli.errors import NothingGiven, ReaderExists
from lindenstrom_cli.render import Result, hexed, table
from lindenstrom_cli.sent import Sent, recorded, sent
from lindenstrom_cli.types import ADDRESS, PUBLIC_KEY
from lindenstrom_cli.world import names, open_office, open_world, reader_folder

member = group("member", text("help.member"))
reader = group("reader", text("help.reader"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """A member as the chain and the operator's address book know them."""

    index: int
    name: str
    account: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberList(Result):
    """All members."""

    SCHEMA: ClassVar[str] = "members"
    members: tuple[MemberEntry, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        head = (text("head.index"), text("head.name"), text("head.account"))
        rows = [(str(m.index), m.name, hexed(m.account)) for m in self.members]
        yield from table(head, rows, right=frozenset({0}))


def _address(session: Session, key: str | None, address: bytes | None) -> bytes:
    if (key is None) == (address is None):
        raise NothingGiven("the account", "either --key ALIAS or --address 0x…")
    return address if address is not None else session.keys.entry(key or "").address


def _reader_key(session: Session, key: str | None, address: bytes | None, public_key: bytes | None) -> bytes:
    """20 bytes, or x‖y of P-256."""
    if sum(given is not None for given in (key, address, public_key)) != 1:
        raise NothingGiven("the key", "--key ALIAS, --address 0x… or --public-key 0x…")
    return address or public_key or session.keys.entry(key or "").key


@command(member, "add", 'member add "Anna Beispiel" --key anna', password=True)
@click.argument("name")
@click.option("--key", metavar="ALIAS", help="The member's key in this home; it stays locked.")
@click.option("--address", type=ADDRESS, help="The member's account, when its key is kept elsewhere.")
def member_add(session: Session, name: str, key: str | None, address: bytes | None) -> Sent:
    """Add a member. The name stays in the operator's store; the chain sees an address only."""
    from lindenstrom.operator import people

    if not name.strip():
        raise NothingGiven("the name", "one that is not empty")
    account = _address(session, key, address)
    index = people.add_member(open_office(open_world(session)), name, account)
    return recorded("member added", text("member.added", index=index, address=hexed(account)), index)


@command(member, "list", "member list")
def member_list(session: Session) -> MemberList:
    """List the members; names come from the operator's store, where it is at hand."""
    world = open_world(session)
    known = {0: text("member.fee"), 1: text("member.rounding")} | names(world)
    return MemberList(
        members=tuple(
            MemberEntry(index=i, name=known.get(i, ""), account=world.contracts.account(i))
            for i in range(world.contracts.member_count())
        )
    )


@command(member, "rotate", "member rotate anna --key anna-2", password=True)
@click.argument("given", metavar="MEMBER")
@click.option("--key", metavar="ALIAS", help="The new key, in this home.")
@click.option("--address", type=ADDRESS, help="The new account, when its key is kept elsewhere.")
def member_rotate(session: Session, given: str, key: str | None, address: bytes | None) -> Sent:
    """Give a member a new account, signed with the old one. A lost key cannot be rotated: add the member anew."""
    from lindenstrom.core.eip712 import RotateAccount

    account = _address(session, key, address)
    world = open_world(session)
    index = world.member(given)
    signer = world.account_signer(index)
    act = RotateAccount(member=index, account=account)
    result = world.carry(world.contracts.rotate_account(act, world.sign(signer, act)), signer)
    return sent(result, "account rotated", text("member.rotated", index=index, address=hexed(account)), index)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderEntry:
    """A reader as this home knows it: its folder's alias, its index and its key on the chain."""

    alias: str
    index: int
    account: bytes
    meters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderList(Result):
    """The readers of this home."""

    SCHEMA: ClassVar[str] = "readers"
    readers: tuple[ReaderEntry, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        head = (text("head.reader"), text("head.index"), text("head.account"), text("head.meters"))
        rows = [(r.alias, str(r.index), hexed(r.account), str(r.meters)) for r in self.readers]
        yield from table(head, rows, right=frozenset({1, 3}))


@command(reader, "add", "reader add street --key street", password=True)
@click.argument("alias")
@click.option("--key", metavar="ALIAS", help="The reader's key in this home; it stays locked.")
@click.option("--address", type=ADDRESS, help="The reader's address, when its key is kept elsewhere.")
@click.option("--public-key", type=PUBLIC_KEY, help="x and y of its key on P-256, when that is kept elsewhere.")
def reader_add(session: Session, alias: str, key: str | None, address: bytes | None, public_key: bytes | None) -> Sent:
    """Add a reader: a key that signs meter readings, one meter's at home or thousands at a metering operator.

    A key on P-256, as hardware keeps them, works where the chain verifies that curve; a trial chain in a file does not.
    """
    from lindenstrom.metering.setup import ReaderSetup, read_setup, write_setup
    from lindenstrom.operator import people

    account = _reader_key(session, key, address, public_key)
    folder = reader_folder(session, alias)
    if folder.exists():
        raise ReaderExists(alias)
    world = open_world(session)
    for known in session.home.readers.glob("*/"):
        if world.contracts.reader(read_setup(known).reader).key == account:
            raise ReaderExists(known.name)
    index = people.add_reader(open_office(world), account)
    community = world.community
    write_setup(
        folder,
        ReaderSetup(community=community.id, reader=index, depth=community.constants.depth, zone=world.zone, meters=()),
    )
    return recorded("reader added", text("reader.added", index=index, alias=alias, address=hexed(account)), index)


@command(reader, "list", "reader list")
def reader_list(session: Session) -> ReaderList:
    """List the readers that have a folder in this home."""
    from lindenstrom.metering.setup import read_setup

    world = open_world(session)
    setups = {folder.name: read_setup(folder) for folder in sorted(session.home.readers.glob("*/"))}
    return ReaderList(
        readers=tuple(
            ReaderEntry(alias=alias, index=s.reader, account=world.contracts.reader(s.reader).key, meters=len(s.meters))
            for alias, s in setups.items()
        )
    )


@command(reader, "rotate", "reader rotate street --key street-2", password=True)
@click.argument("alias")
@click.option("--key", metavar="ALIAS", help="The new key, in this home.")
@click.option("--address", type=ADDRESS, help="The new address, when its key is kept elsewhere.")
@click.option("--public-key", type=PUBLIC_KEY, help="x and y of its new key on P-256, when that is kept elsewhere.")
def reader_rotate(
    session: Session, alias: str, key: str | None, address: bytes | None, public_key: bytes | None
) -> Sent:
    """Give a reader a new key, signed with the old one."""
    from lindenstrom.chain.acts import key_words
    from lindenstrom.core.eip712 import RotateReader

    account = _reader_key(session, key, address, public_key)
    index = known_setup(session, alias).reader
    world = open_world(session)
    signer = session.keys.signer_for(world.contracts.reader(index).key, f"reader {alias}")
    curve, key_a, key_b = key_words(account)
    act = RotateReader(reader=index, curve=curve, key_a=key_a, key_b=key_b)
    result = world.carry(world.contracts.rotate_reader(act, world.sign(signer, act)), signer)
    return sent(result, "reader rotated", text("reader.rotated", alias=alias, address=hexed(account)), index)

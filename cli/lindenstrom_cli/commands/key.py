"""key: make and list keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import click

from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.keys import KeyEntry
from lindenstrom_cli.render import Result, hexed, table

key = group("key", text("help.key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade(Result):
    """A new key."""

    SCHEMA: ClassVar[str] = "key"
    alias: str
    address: bytes
    unattended: bool

    def lines(self) -> Iterable[str]:
        """Where it is, and what to guard."""
        yield text("key.made", alias=self.alias, address=hexed(self.address))
        yield text("key.unattended" if self.unattended else "key.attended", alias=self.alias)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyList(Result):
    """All keys of a home."""

    SCHEMA: ClassVar[str] = "keys"
    keys: tuple[KeyEntry, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        if not self.keys:
            yield text("key.none")
            return
        rows = [
            (k.alias, hexed(k.address), text(f"key.opens_{'alone' if k.unattended else 'asked'}")) for k in self.keys
        ]
        yield from table((text("head.key"), text("head.address"), text("head.opens")), rows)


@command(key, "new", "key new anna", "key new roof-7 --unattended", password=True)
@click.argument("alias")
@click.option("--unattended", is_flag=True, help="Keep a random password beside the key, for programs that run alone.")
def new(session: Session, alias: str, unattended: bool) -> KeyMade:
    """Make a key, in keys/ALIAS.json (Web3 key file, version 3, readable by you alone)."""
    entry = session.keys.create(alias, unattended=unattended)
    return KeyMade(alias=entry.alias, address=entry.address, unattended=entry.unattended)


@command(key, "list", "key list")
def list_(session: Session) -> KeyList:
    """List the keys; none is unlocked."""
    return KeyList(keys=session.keys.list())

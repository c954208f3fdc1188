"""key: make and list keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import click

from lindenstrom.signing import Curve
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.keys import KeyEntry
from lindenstrom_cli.render import Result, hexed, table

key = group("key", text("help.key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade(Result):
    """A new key: an address, or x‖y on P-256."""

    SCHEMA: ClassVar[str] = "key"
    alias: str
    curve: Curve
    key: bytes
    unattended: bool

    def lines(self) -> Iterable[str]:
        """Where it is, and what to guard."""
        yield text("key.made", alias=self.alias, address=hexed(self.key))
        if self.curve is Curve.P256:
            yield text("key.p256", alias=self.alias)
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
            (
                k.alias,
                text(f"key.curve_{k.curve.name.lower()}"),
                text("key.opens_alone" if k.unattended else "key.opens_asked"),
                hexed(k.key),
            )
            for k in self.keys
        ]
        yield from table([text(f"head.{name}") for name in ("key", "curve", "opens", "address")], rows)


@command(key, "new", "key new anna", "key new roof-7 --unattended --curve p256", password=True)
@click.argument("alias")
@click.option("--unattended", is_flag=True, help="Keep a random password beside the key, for programs that run alone.")
@click.option(
    "--curve",
    type=click.Choice([curve.name.lower() for curve in Curve]),
    default="secp256k1",
    show_default=True,
    help="p256: for a reader's key alone, on a chain that verifies it.",
)
def new(session: Session, alias: str, unattended: bool, curve: str) -> KeyMade:
    """Make a key, in keys/ALIAS.json (Web3 key file, version 3, readable by you alone)."""
    entry = session.keys.create(alias, unattended=unattended, curve=Curve[curve.upper()])
    return KeyMade(alias=entry.alias, curve=entry.curve, key=entry.key, unattended=entry.unattended)


@command(key, "list", "key list")
def list_(session: Session) -> KeyList:
    """List the keys; none is unlocked."""
    return KeyList(keys=session.keys.list())

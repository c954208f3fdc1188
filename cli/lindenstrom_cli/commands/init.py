"""init: a community's directory."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import click

from lindenstrom.core.calendar import Zone, window_of
from lindenstrom.core.merkle import MAX_DEPTH
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.home import Home, Settings
from lindenstrom_cli.keys import KeyEntry, KeyRing
from lindenstrom_cli.render import Result, hexed
from lindenstrom_cli.types import ADDRESS, DATE

NOON_S = 43_200  # by noon the day is the same in every zone of the calendar and in UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeMade(Result):
    """A new home."""

    SCHEMA: ClassVar[str] = "home"
    home: Path
    name: str
    zone: str
    start: date
    keys: tuple[KeyEntry, ...]
    auditors: tuple[bytes, ...]

    def lines(self) -> Iterable[str]:
        """What was made, and what comes next."""
        yield text("init.made", name=self.name, home=self.home, start=self.start)
        yield from (text("init.key", alias=key.alias, address=hexed(key.key)) for key in self.keys)
        yield ""
        yield text("init.next", home=self.home)


@command(
    None,
    "init",
    "init gartenweg --name Gartenweg --start 2026-06-01",
    "init hof --name Hof --start 2026-06-01 --auditor 0x5aF3b2C1d4E5f60718293a4B5c6D7e8F90a1B2c3",
)
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True, help="The community's name.")
@click.option("--start", type=DATE, required=True, help="Day at which the trial chain's clock begins.")
@click.option("--zone", default="Europe/Berlin", show_default=True, help="The community's time zone; fixed for good.")
@click.option(
    "--depth", type=click.IntRange(1, MAX_DEPTH), default=12, show_default=True, help="Room for 2^DEPTH members; fixed."
)
@click.option("--auditor", "auditors", type=ADDRESS, multiple=True, help="An auditor's address (default: a new key).")
def init(
    session: Session, directory: Path, name: str, start: date, zone: str, depth: int, auditors: tuple[bytes, ...]
) -> HomeMade:
    """Make a community's directory: keys for operator and auditor, and a trial chain of its own in one file."""
    from lindenstrom.chain import embedded

    time = Zone.named(zone).window_start(window_of(start)) + NOON_S
    home = Home(directory)
    home.create()
    keys = KeyRing(folder=home.keys, prompter=session.prompter)
    made = [keys.create("operator", unattended=True)]
    if not auditors:
        made.append(keys.create("auditor", unattended=True))
        auditors = (made[-1].address,)
    settings = Settings(name=name, zone=zone, depth=depth, start=time, auditors=tuple(map(hexed, auditors)))
    home.write_settings(settings)
    embedded.create(home.chain, time)
    return HomeMade(home=directory, name=name, zone=zone, start=start, keys=tuple(made), auditors=auditors)

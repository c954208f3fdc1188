"""meter swap, break, gaps: where a meter's registers do not run on, and what never came."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import click

from lindenstrom.core.calendar import date_of, window_of
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.bindings import known_setup
from lindenstrom_cli.errors import NothingGiven
from lindenstrom_cli.readers import milliseconds, open_adapter
from lindenstrom_cli.render import Result
from lindenstrom_cli.types import DATE, REGISTER
from lindenstrom_cli.world import open_world, reader_folder

MWH_DIGITS = 6
"""A kWh has so many digits in mWh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Result):
    """What a reader's folder now knows of a meter."""

    SCHEMA: ClassVar[str] = "meter-note"
    reader: str
    position: int
    note: str

    def lines(self) -> Iterable[str]:
        """One line."""
        yield self.note


@dataclass(frozen=True, slots=True, kw_only=True)
class DayGap:
    """Something that a day lacks, at a position."""

    day: date
    position: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps(Result):
    """What a reader's days lack."""

    SCHEMA: ClassVar[str] = "gaps"
    reader: str
    gaps: tuple[DayGap, ...]

    def lines(self) -> Iterable[str]:
        """A line a gap."""
        if not self.gaps:
            yield text("meter.no_gap")
        for gap in self.gaps:
            yield f"{gap.day}  " + text("meter.gap", position=gap.position, reason=gap.reason)


_READER = click.option("--reader", "alias", required=True, metavar="ALIAS", help="Who reads the meter.")
_POSITION = click.option("--position", required=True, type=click.IntRange(0), help="Its place in the reader's tree.")


@command(
    None,
    "swap",
    "meter swap --reader roof --position 0 --at 2026-06-03T10:20:00+02:00 --old-import 48211.3 --old-export 902",
    "meter swap --reader roof --position 0 --at 2026-06-03T10:20:00+02:00 --old-import 48211.3 --new-import 0.4",
)
@_READER
@_POSITION
@click.option("--at", "instant", required=True, metavar="TIME", help="When the new meter took over.")
@click.option("--old-import", required=True, type=REGISTER, help="Last import register of the old meter.")
@click.option("--old-export", type=REGISTER, default="0", show_default=True, help="Its last export register.")
@click.option("--new-import", type=REGISTER, default="0", show_default=True, help="First register of the new meter.")
@click.option("--new-export", type=REGISTER, default="0", show_default=True, help="Its first export register.")
def swap(
    session: Session, alias: str, position: int, instant: str,
    old_import: int, old_export: int, new_import: int, new_export: int,
) -> Noted:  # fmt: skip
    """Declare that a meter was exchanged, with the registers of the old and the new one.

    The binding stays: its meter id is the metering point's, not the device's. Declared again for the same time, the
    last registers count. A day that is anchored already gets a correction with the next `meter anchor`. For meters read
    by telegrams or registers; a file of quarter-hours needs nothing declared.
    """
    from lindenstrom.core.packs import Registers
    from lindenstrom.metering.intervals import DeclaredBreak

    declared = DeclaredBreak(
        time_ms=milliseconds(instant),
        old_end=Registers(import_mwh=old_import, export_mwh=old_export),
        new_start=Registers(import_mwh=new_import, export_mwh=new_export),
    )
    open_adapter(session, alias).declare_break(position, declared)
    return Noted(reader=alias, position=position, note=text("meter.swapped", position=position, instant=instant))


@command(
    None,
    "break",
    "meter break --reader roof --position 0 --digits 6",
    "meter break --reader roof --position 0 --withdraw 2026-06-03T10:20:00+02:00",
)
@_READER
@_POSITION
@click.option(
    "--digits", type=click.IntRange(3, 12), help="Whole kWh digits of its registers, which then start again at 0."
)
@click.option("--withdraw", "instant", metavar="TIME", help="Take back the swap that was declared for this time.")
def break_(session: Session, alias: str, position: int, digits: int | None, instant: str | None) -> Noted:
    """Say at how many digits a meter's registers go round, or take a declared swap back.

    With known digits a register that starts again at 0 is recognised by itself: no swap has to be declared for it.
    """
    if (digits is None) == (instant is None):
        raise NothingGiven("what to do", "--digits or --withdraw")
    if instant is not None:
        open_adapter(session, alias).withdraw_break(position, milliseconds(instant))
        return Noted(reader=alias, position=position, note=text("meter.withdrawn", position=position, instant=instant))
    from lindenstrom.metering.errors import FolderError
    from lindenstrom.metering.setup import write_setup

    assert digits is not None
    setup, folder = known_setup(session, alias), reader_folder(session, alias)
    here = [m for m in setup.meters if m.position == position]
    if not here:
        raise FolderError(folder, f"no meter is at position {position}", "see reader.json")
    newest = max(here, key=lambda m: m.from_day)
    known = replace(newest, modulus_mwh=10 ** (digits + MWH_DIGITS))
    write_setup(folder, replace(setup, meters=tuple(known if m == newest else m for m in setup.meters)))
    return Noted(reader=alias, position=position, note=text("meter.digits", position=position, digits=digits))


@command(None, "gaps", "meter gaps --reader street", "meter gaps --reader street --from 2026-06-01 --until 2026-06-30")
@click.option("--reader", "alias", required=True, metavar="ALIAS", help="Whose days.")
@click.option("--from", "first", type=DATE, help="First day (default: the first on which the reader has a meter).")
@click.option("--until", "last", type=DATE, help="Last day (default: the newest that is over).")
def gaps(session: Session, alias: str, first: date | None, last: date | None) -> Gaps:
    """List what a reader's days lack: what never came, what was left out, what waits for a correction."""
    adapter = open_adapter(session, alias)
    starts = [m.from_day for m in adapter.setup.meters]
    if last is None:
        world = open_world(session)
        end = world.zone.window_at(world.chain.now()) - 1
    else:
        end = window_of(last)
    begin = window_of(first) if first else min(starts, default=end + 1)
    found = adapter.gap_list(begin, end)
    return Gaps(
        reader=alias,
        gaps=tuple(DayGap(day=date_of(g.window), position=g.position, reason=g.reason) for g in sorted(set(found))),
    )

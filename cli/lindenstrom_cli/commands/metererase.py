"""meter erase: a reader's own readings, month by month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import click

from lindenstrom.core.calendar import month_name, window_of
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.readers import open_adapter
from lindenstrom_cli.render import Result
from lindenstrom_cli.types import MONTH
from lindenstrom_cli.world import open_world

YEARS = 3
"""Quarter-hours are kept for as long at most, counted from the month's first day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderErasure(Result):
    """Months of a reader that were erased, or would be."""

    SCHEMA: ClassVar[str] = "reader-erasure"
    reader: str
    months: tuple[str, ...]
    simulated: bool

    def lines(self) -> Iterable[str]:
        """A line a month."""
        if not self.months:
            yield text("erase.nothing")
        name = "meter.would_erase" if self.simulated else "meter.erased"
        yield from (text(name, month=month, reader=self.reader) for month in self.months)
        if self.simulated and self.months:
            yield text("erase.simulated")


@command(None, "erase", "meter erase --reader street --simulate", "meter erase --reader street --month 2026-06")
@click.option("--reader", "alias", required=True, metavar="ALIAS", help="Whose readings to erase.")
@click.option("--month", type=MONTH, help="Only this month (default: all that are 3 years old).")
@click.option("--simulate", is_flag=True, help="Only list what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(session: Session, alias: str, month: date | None, simulate: bool, yes: bool) -> ReaderErasure:
    """Erase a reader's readings of a month: journals, packs, and the key of their salts.

    Due after 3 years, possible after 12 months, when nothing can be corrected any more. Roots and signatures stay.
    """
    adapter = open_adapter(session, alias)
    world = open_world(session)
    now = world.chain.now()
    wanted = [month.year * 12 + month.month - 1] if month else [m for m in sorted(adapter.months()) if _due(m, now)]
    for one in wanted:
        adapter.check_erasable(one, now=now)
    names = tuple(month_name(m) for m in wanted)
    if wanted and not simulate:
        session.note("\n".join(text("meter.would_erase", month=name, reader=alias) for name in names))
        if not yes:
            session.prompter.confirm(text("erase.ask"))
        for one in wanted:
            adapter.erase(one, now=now)
    return ReaderErasure(reader=alias, months=names, simulated=simulate)


def _due(month: int, now: int) -> bool:
    later = month + 12 * YEARS
    return now >= window_of(date(later // 12, later % 12 + 1, 1)) * 86_400

"""A period's total for a member, as the command shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from lindenstrom.core.bundles import Bundle, UnreadableBundle, read_bundle
from lindenstrom.core.calendar import date_of
from lindenstrom.core.units import format_eur, format_kwh
from lindenstrom.errors import ExitCode
from lindenstrom.mailbox import list_bundles
from lindenstrom.totals import AgreementTotal, CountedDay, Missing, period_total
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.days import shown_spans
from lindenstrom_cli.render import Result, table, utc
from lindenstrom_cli.verdict import euro
from lindenstrom_cli.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingDay:
    """A day that is not in the total, and why."""

    day: date
    why: Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Total(Result):
    """A member's total over a period at a block. net_peur: positive, the member receives."""

    SCHEMA: ClassVar[str] = "statement-total"
    community: str
    member: int
    first: date
    last: date
    block: int
    time: int
    days: tuple[CountedDay, ...]
    agreements: tuple[AgreementTotal, ...]
    net_peur: int
    missing: tuple[MissingDay, ...]

    @property
    def exit_code(self) -> ExitCode:
        """0 every day counts, 4 some are not final, 5 files are missing."""
        reasons = {m.why for m in self.missing}
        if reasons & {Missing.NO_BUNDLE, Missing.OTHER_BUNDLE}:
            return ExitCode.COULD_NOT_CHECK
        return ExitCode.NOT_FINAL if reasons else ExitCode.OK

    def lines(self) -> Iterable[str]:
        """Sums an agreement, the total, and what is not in it."""
        yield text("total.title", community=self.community, member=self.member, first=self.first, last=self.last)
        yield text("total.block", block=self.block, when=utc(self.time), count=len(self.days))
        if self.agreements:
            head = [text(f"head.{name}") for name in ("agreement", "received", "gave", "amount")]
            rows = [
                (
                    a.label or str(a.agreement),
                    format_kwh(a.taken_mwh),
                    format_kwh(a.given_mwh),
                    format_eur(a.amount_peur, 4),
                )
                for a in self.agreements
            ]
            yield from table(head, rows, right=frozenset({1, 2, 3}))
        direction = "owed" if self.net_peur > 0 else "owe" if self.net_peur < 0 else "even"
        yield text(f"amount.{direction}", net=euro(self.net_peur))
        for why in Missing:
            days = [m.day for m in self.missing if m.why is why]
            if days:
                yield text(f"total.{why.name.lower()}", days=shown_spans(days))
        for name in ("contested", "open_correction"):
            days = [date_of(d.window) for d in self.days if getattr(d, name)]
            if days:
                yield text(f"total.{name}", days=shown_spans(days))


def total_of(world: World, member: int, windows: range, block: int | None) -> Total:
    """A member's total from the mailbox's bundles, as a block has it."""
    at = world.chain.block_number() if block is None else block
    bundles: dict[int, Bundle] = {}
    for posted in list_bundles(world.session.home.mailbox, member):
        if posted.window in windows:
            try:
                bundles[posted.sequence] = read_bundle(posted.path.read_bytes())
            except UnreadableBundle:
                continue  # as good as not at hand
    depth = world.community.constants.depth
    found = period_total(world.contracts.at(at), depth, member, windows, bundles)
    return Total(
        community=world.community.name,
        member=member,
        first=date_of(windows.start),
        last=date_of(windows.stop - 1),
        block=at,
        time=world.chain.time_of(at),
        days=found.days,
        agreements=found.agreements,
        net_peur=found.net_peur,
        missing=tuple(MissingDay(day=date_of(w), why=why) for w, why in sorted(found.missing.items())),
    )

"""meter: anchor readings; binding, reading and importing are in modules of their own."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.core.calendar import date_of, window_of
from lindenstrom.signing import is_signed_by
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.commands.bindings import bind, list_, unbind
from lindenstrom_cli.commands.meterbreaks import break_, gaps, swap
from lindenstrom_cli.commands.metererase import erase
from lindenstrom_cli.commands.meterimport import import_
from lindenstrom_cli.commands.meterread import layouts, read
from lindenstrom_cli.keys import Signer
from lindenstrom_cli.readers import open_adapter
from lindenstrom_cli.render import Result
from lindenstrom_cli.types import DATE
from lindenstrom_cli.world import World, open_world

if TYPE_CHECKING:
    from lindenstrom.chain.batches import SignedAnchor
    from lindenstrom.metering.adapter import Adapter, BuildReport
    from lindenstrom.metering.sender import Sender

meter = group("meter", text("help.meter"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredDay:
    """A day of a reader: anchored, or what it lacks. revision: above 0 for a correction."""

    day: date
    revision: int
    anchored: bool
    late: bool
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedDay:
    """A signed day that the chain passed over, and why; it is tried again."""

    day: date
    revision: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored(Result):
    """What anchoring did."""

    SCHEMA: ClassVar[str] = "anchored"
    reader: str
    days: tuple[AnchoredDay, ...]
    skipped: tuple[SkippedDay, ...]
    txs: tuple[bytes, ...]

    def lines(self) -> Iterable[str]:
        """A line a day, and its gaps; what the chain passed over."""
        if not self.days:
            yield text("meter.no_day")
        for day in self.days:
            state = "open" if not day.anchored else "late" if day.late else "anchored"
            state = "corrected" if day.revision else state
            yield text(f"meter.day_{state}", day=day.day, revision=day.revision)
            yield from (f"  {gap}" for gap in day.gaps)
        yield from (text("meter.skipped", day=skip.day, reason=skip.reason) for skip in self.skipped)


for made in (bind, unbind, list_, import_, read, layouts, swap, break_, gaps, erase):
    meter.add_command(made)


@command(
    meter,
    "anchor",
    "meter anchor --reader street",
    "meter anchor --reader street --day 2026-06-03 --partial",
    password=True,
)
@click.option("--reader", "alias", required=True, metavar="ALIAS", help="Whose days to sign and anchor.")
@click.option("--day", "days", type=DATE, multiple=True, help="A day (default: all that are over and not anchored).")
@click.option("--partial", is_flag=True, help="Leave out what is not complete; the operator replaces it.")
def anchor(session: Session, alias: str, days: tuple[date, ...], partial: bool) -> Anchored:
    """Build, sign, hand over and anchor a reader's days; to be repeated after any interruption.

    For days that are anchored already, what came since goes out as a correction.
    """
    adapter = open_adapter(session, alias)
    world = open_world(session)
    account = world.contracts.reader(adapter.setup.reader).key
    signer = session.keys.signer_for(account, f"reader {alias}")
    sender = _sender(world, adapter, signer)
    sender.settle()
    given = [window_of(day) for day in days]
    corrections = [w for w in adapter.correctable() if not given or w in given]
    wanted = [*corrections, *(w for w in given or _open_days(world, adapter) if w not in corrections)]
    reports = []
    for window in session.track(wanted, text("progress.anchor")):
        if window in corrections:
            report = adapter.correct(window)
        else:
            report = adapter.build(window, now=world.chain.now(), partial=partial)
        entry = report.entry
        if entry is not None and not entry.anchored:
            adapter.sign(window, signer.secret, separator=world.contracts.domain_separator(), curve=signer.curve)
            adapter.deliver(window, session.home.mailbox)
        reports.append((window, report))
    skips = adapter.anchor(sender).skipped
    over = {entry.window for entry, _ in skips}
    done = [
        _day(window, report, anchored=report.entry is not None and window not in over) for window, report in reports
    ]
    return Anchored(
        reader=alias,
        days=tuple(_with_time(world, adapter, d) for d in done),
        skipped=tuple(SkippedDay(day=date_of(e.window), revision=e.revision, reason=why.reason) for e, why in skips),
        txs=tuple(sent.tx_hash for sent in sender.sent),
    )


def _day(window: int, report: "BuildReport", *, anchored: bool) -> AnchoredDay:
    return AnchoredDay(
        day=date_of(window),
        revision=report.entry.revision if report.entry else 0,
        anchored=anchored,
        late=False,
        gaps=tuple(text("meter.gap", position=gap.position, reason=gap.reason) for gap in report.gaps),
    )


def _with_time(world: World, adapter: "Adapter", day: AnchoredDay) -> AnchoredDay:
    """The day with whether its readings came after the closing time: then a posting cannot use them."""
    window = window_of(day.day)
    closing = world.zone.window_end(window) + world.community.constants.close_delay_s
    if not day.anchored or day.revision or world.chain.now() <= closing:
        return day
    records = world.contracts.anchored(adapter.setup.reader, window)
    return replace(day, late=bool(records) and min(record.time for record in records) > closing)


def _sender(world: World, adapter: "Adapter", signer: Signer) -> "Sender":
    """Carries signed roots: the operator pays where its key is here, else the reader's key."""
    from lindenstrom.metering.sender import Sender

    def renewed(record: "SignedAnchor") -> "SignedAnchor":
        """The record with a signature of the reader's key of now: it may have been rotated since the day was signed."""
        digest = record.act.digest(world.contracts.domain_separator())
        if is_signed_by(signer.key, digest, record.signature):
            return record
        return replace(record, signature=signer.sign(digest))

    here = world.session.keys.find(world.community.operator)
    payer = world.operator() if here else signer
    payer.address  # noqa: B018 - a key on P-256 pays for nothing: raises
    return Sender(
        chain=world.chain,
        community=world.community,
        outbox=adapter.outbox,
        reader=adapter.setup.reader,
        key=payer.secret,
        renew=renewed,
    )


def _open_days(world: World, adapter: "Adapter") -> list[int]:
    """Windows that are over, on which the reader has a meter, and which are not anchored yet."""
    now, zone = world.chain.now(), world.zone
    first = min((m.from_day for m in adapter.setup.meters), default=0)
    anchored = {entry.window for entry in adapter.outbox.entries() if entry.anchored}
    over = range(first, zone.window_at(now)) if adapter.setup.meters else range(0)
    return [window for window in over if window not in anchored and adapter.setup.live(window)]

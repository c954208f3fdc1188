"""The audit of a community: every posting on the chain recomputed from the mailbox and a node, one day at a time.

Nothing of the operator's own is read: no store, no keys. Bindings, memberships and terms come from the chain alone, so
nothing can be left out of a day. Memory holds one line per meter, and the days that replacements rest on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lindenstrom.audit.file import AuditFile, read_audit
from lindenstrom.audit.findings import AuditedDay, AuditReport, Difference, Kind
from lindenstrom.audit.history import History, Standing
from lindenstrom.audit.recompute import LastReading, PostedDay, Recomputed, recompute_day
from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Posting
from lindenstrom.core.bundles import UnreadableBundle
from lindenstrom.core.verification import PostingState
from lindenstrom.corrections import CorrectionDue, corrections_due
from lindenstrom.demands import open_demands
from lindenstrom.mailbox import MailboxFileUnreadable, audit_path, collect_pack_file
from lindenstrom.readings import Finding, ReaderDay, check_delivery, find_readings
from lindenstrom.roster import Anchorings, CommunityReader, Roster, newest_at
from lindenstrom.signing import is_signed_by

Shown = Callable[[AuditedDay], None]
"""Called with each day as soon as it is audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    mailbox: Path
    chain: Chain
    community: Community
    reader: CommunityReader
    roster: Roster
    separator: bytes
    now: int


def audit_run(
    mailbox: Path,
    chain: Chain,
    community: Community,
    *,
    windows: range | None = None,
    shown: Shown | None = None,
) -> AuditReport:
    """Audit every posting of these windows (all by default). Errors: those of the chain; differences are reported."""
    days = []
    for day in audit_days(mailbox, chain, community, windows=windows):
        days.append(day)
        if shown is not None:
            shown(day)
    return AuditReport(
        days=tuple(days),
        not_posted=_not_posted(chain, community, days, windows),
        corrections=_corrections(chain, community, windows),
    )


def audit_days(
    mailbox: Path, chain: Chain, community: Community, *, windows: range | None = None
) -> Iterator[AuditedDay]:
    """Audited postings by window and sequence. The window before the first one is looked at for its registers."""
    contracts = community.contracts(chain)
    postings = [contracts.posting(s) for s in range(1, contracts.next_sequence())]
    near = [p for p in postings if windows is None or p.window in range(windows.start - 1, windows.stop)]
    for day in _in_order(_desk(mailbox, chain, community), near, lambda: postings):
        if windows is None or day.window in windows:
            yield day


def audit_posting(mailbox: Path, chain: Chain, community: Community, sequence: int) -> AuditedDay | None:
    """One posting audited, None when the chain has no such posting."""
    contracts = community.contracts(chain)
    if not 1 <= sequence < contracts.next_sequence():
        return None
    posting = contracts.posting(sequence)

    @cache
    def every() -> list[Posting]:
        return [contracts.posting(s) for s in range(1, sequence)]

    live = contracts.live(posting.window - 1)  # the day before, for its registers
    if live < sequence:
        before = [contracts.posting(live)] if live else []
    else:
        before = [p for p in every() if p.window == posting.window - 1 and p.state is not PostingState.VOID]
    near = [*before[-1:], posting]
    return list(_in_order(_desk(mailbox, chain, community), near, every))[-1]


def _desk(mailbox: Path, chain: Chain, community: Community) -> _Desk:
    reader = CommunityReader(chain, community)
    return _Desk(
        mailbox=mailbox,
        chain=chain,
        community=community,
        reader=reader,
        roster=reader.roster(),
        separator=reader.contracts.domain_separator(),
        now=chain.now(),
    )


def _in_order(desk: _Desk, postings: list[Posting], every: Callable[[], Sequence[Posting]]) -> Iterator[AuditedDay]:
    """The audited postings. every: all postings of the chain, for what replacements rest on."""
    standing = Standing()
    history = _history(desk, every)
    for posting in sorted(postings, key=lambda p: (p.window, p.sequence)):
        day, found = _audit(desk, posting, standing.before(posting), history)
        if posting.state is not PostingState.VOID:
            standing.add(found.readings)
        yield day


def _history(desk: _Desk, every: Callable[[], Sequence[Posting]]) -> History:
    def load(posting: Posting) -> tuple[AuditFile | Difference, list[Finding]]:
        anchorings = desk.reader.anchorings(posting.window)
        return _file(desk.mailbox, posting), _readings(desk, posting, anchorings, _withheld(desk, posting))

    return History(
        community=desk.community.id,
        depth=desk.community.constants.depth,
        zone=desk.reader.zone,
        postings=every,
        load=load,
    )


def _withheld(desk: _Desk, posting: Posting) -> Callable[[int], bool]:
    withheld: dict[int, int] = {}

    def is_withheld(reader: int) -> bool:
        if reader not in withheld:
            withheld[reader] = desk.reader.contracts.withheld_at(reader, posting.window)
        return 0 < withheld[reader] < posting.posted_at

    return is_withheld


def _audit(
    desk: _Desk, posting: Posting, before: Mapping[bytes, LastReading], history: History
) -> tuple[AuditedDay, Recomputed]:
    window, zone, constants = posting.window, desk.reader.zone, desk.community.constants
    anchorings = desk.reader.anchorings(window)
    is_withheld = _withheld(desk, posting)
    day = PostedDay(
        community=desk.community.id,
        depth=constants.depth,
        zone=zone,
        posting=posting,
        as_of=zone.window_end(window) + constants.close_delay_s,
        roster=desk.roster,
        findings=_readings(desk, posting, anchorings, is_withheld),
        withheld=is_withheld,
        now=desk.now,
    )
    file = _file(desk.mailbox, posting)
    if isinstance(file, Difference):
        found = Recomputed(differences=(file,))
    else:
        found = recompute_day(day, file, before, history.before(posting))
    return _facts(desk, day, found, anchorings), found


def _facts(desk: _Desk, day: PostedDay, found: Recomputed, anchorings: Anchorings) -> AuditedDay:
    posting = day.posting
    anchoring = {a.tx_hash for rows in anchorings.values() for a in rows}
    live = desk.roster.live_places(posting.window)
    return AuditedDay(
        window=posting.window,
        revision=posting.revision,
        sequence=posting.sequence,
        state=posting.state,
        digest=posting.digest,
        attested_by=posting.attested_by,
        contested_by=posting.contested_by,
        members=found.members,
        agreements=len({p.membership.agreement for places in live.values() for p in places}),
        meters=len(day.findings),
        slots_checked=found.members * day.slot_count,
        slots_not_measured=found.slots_not_measured,
        replaced=found.replaced,
        true_ups=found.true_ups,
        register_gaps=found.register_gaps,
        gas_post=_gas(desk, desk.reader.posting_tx(posting.sequence)),
        gas_anchor=sum(_gas(desk, tx) for tx in anchoring),
        demands=open_demands(desk.reader.contracts, [posting]),
        differences=found.differences,
        erased=found.erased,
    )


def _readings(desk: _Desk, posting: Posting, anchorings: Anchorings, withheld: Callable[[int], bool]) -> list[Finding]:
    window, depth = posting.window, desk.community.constants.depth
    bindings = desk.roster.live_bindings(window)
    days: dict[tuple[int, int], ReaderDay] = {}
    for reader in sorted({b.reader for b in bindings}):
        anchoring = newest_at(anchorings.get(reader, ()), posting.as_of)
        if anchoring is None:
            continue
        try:
            delivery = collect_pack_file(desk.mailbox, window, reader, anchoring.record.revision)
        except MailboxFileUnreadable:
            continue  # as good as not delivered
        if delivery is None:
            continue
        checked = check_delivery(
            delivery,
            anchoring,
            separator=desk.separator,
            depth=depth,
            keys=desk.roster.reader_keys.get(reader, ()),
            signed_by=is_signed_by,
        )
        if isinstance(checked, ReaderDay):
            days[reader, checked.revision] = checked
    return find_readings(
        community=desk.community.id,
        window=window,
        slot_count=desk.reader.zone.slot_count(window),
        as_of=posting.as_of,
        bindings=bindings,
        anchorings=anchorings,
        days=days,
        withheld=withheld,
    )


def _file(mailbox: Path, posting: Posting) -> AuditFile | Difference:
    try:
        return read_audit(audit_path(mailbox, posting.window, posting.sequence).read_bytes())
    except OSError:
        return Difference(kind=Kind.FILE, what="the operator did not deliver it, so nothing can be checked")
    except UnreadableBundle:
        return Difference(kind=Kind.FILE, what="it cannot be read")


def _gas(desk: _Desk, tx_hash: bytes | None) -> int:
    result = desk.chain.result(tx_hash) if tx_hash else None
    return result.gas_used if result else 0


def _corrections(chain: Chain, community: Community, windows: range | None) -> tuple[CorrectionDue, ...]:
    reader = CommunityReader(chain, community)
    postings = (reader.contracts.posting(s) for s in range(1, reader.contracts.next_sequence()))
    wanted = [p for p in postings if windows is None or p.window in windows]
    return corrections_due(reader, reader.roster(), wanted, chain.now())


def _not_posted(chain: Chain, community: Community, days: list[AuditedDay], windows: range | None) -> tuple[int, ...]:
    """Windows with live memberships whose close delay is over and that have no live posting."""
    reader = CommunityReader(chain, community)
    settled = chain.now() - community.constants.close_delay_s
    last = reader.zone.window_at(settled)  # still running then, so not due
    wanted = windows if windows is not None else range(community.first_window, last)
    live = {d.window for d in days if d.state is not PostingState.VOID}
    due = (w for w in wanted if community.first_window <= w < last and w not in live)
    roster = reader.roster()
    return tuple(w for w in due if not roster.is_idle(w))

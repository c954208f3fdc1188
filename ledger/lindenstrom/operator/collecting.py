"""A day's readings: packs from the mailbox, checked against chain and signature, and a source per binding (R5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from lindenstrom.core.replacement import NOTHING_READ, replacement_pack
from lindenstrom.core.salts import Purpose
from lindenstrom.core.statements import Source
from lindenstrom.mailbox import MailboxFileUnreadable, collect_pack_file
from lindenstrom.operator.committing import Plan, salt_book
from lindenstrom.operator.errors import PacksNotDelivered
from lindenstrom.operator.office import Office
from lindenstrom.operator.replacing import last_ends, measured_days
from lindenstrom.readings import (
    DeliveryFault,
    Finding,
    ReaderDay,
    check_delivery,
    find_readings,
)
from lindenstrom.roster import Anchorings, Roster, newest_at
from lindenstrom.signing import is_signed_by
from lindenstrom.store.records import StoredPack, StoredSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What each live binding's day rests on."""

    findings: tuple[Finding, ...]


def collect(office: Office, roster: Roster, plan: Plan) -> Collected:
    """Gather and keep a window's packs. Raises PacksNotDelivered where a reader anchored but did not deliver."""
    window, as_of, contracts = plan.window, plan.as_of, office.contracts
    bindings = roster.live_bindings(window)
    anchorings = office.reader.anchorings(window)
    readers = sorted({b.reader for b in bindings})
    days, faults = _deliveries(office, roster, plan, anchorings, readers)
    findings = find_readings(
        community=office.community.id,
        window=window,
        slot_count=office.zone.slot_count(window),
        as_of=as_of,
        bindings=bindings,
        anchorings=anchorings,
        days=days,
        withheld=lambda reader: contracts.withheld_at(reader, window) > 0,
    )
    missing = {f.binding.reader for f in findings if f.undelivered}
    if missing:
        raise PacksNotDelivered(window, {r: faults.get(r, "nothing was delivered") for r in missing})
    office.store.put_packs([_stored(f, window) for f in findings if f.day])
    return Collected(findings=tuple(findings))


def choose_sources(
    office: Office, roster: Roster, plan: Plan, collected: Collected
) -> tuple[dict[int, StoredSource], dict[int, bytes]]:
    """A source per binding, and the pack that counts for it; replacements are made here."""
    window = plan.window
    replaced = [f.binding for f in collected.findings if f.ground is not None]
    salts = salt_book(office, plan, {Purpose.REPLACEMENT: {b.id for b in replaced}}).of(Purpose.REPLACEMENT)
    measured = measured_days(office, roster, window, plan.sequence, replaced)
    ends = last_ends(office, roster, window, plan.sequence, {b.meter for b in replaced})
    sources: dict[int, StoredSource] = {}
    packs: dict[int, bytes] = {}
    for finding in collected.findings:
        binding = finding.binding
        if finding.ground is None and finding.day is not None:
            sources[binding.id] = StoredSource(source=Source.anchored(finding.day.revision))
            packs[binding.id] = finding.pack
            continue
        pack = replacement_pack(
            community=office.community.id,
            meter=binding.meter,
            window=window,
            salt=salts(binding.id),
            zone=office.zone,
            last_end=ends.get(binding.meter, NOTHING_READ),
            measured=measured[binding.member, binding.meter],
        )
        packs[binding.id] = pack.encode()
        sources[binding.id] = StoredSource(
            source=Source.replaced(pack.leaf), pack=packs[binding.id], ground=str(finding.ground)
        )
    return sources, packs


def _deliveries(
    office: Office, roster: Roster, plan: Plan, anchorings: Anchorings, readers: list[int]
) -> tuple[Mapping[tuple[int, int], ReaderDay], dict[int, str]]:
    days: dict[tuple[int, int], ReaderDay] = {}
    faults: dict[int, str] = {}
    separator = office.contracts.domain_separator()
    for reader in readers:
        anchoring = newest_at(anchorings.get(reader, ()), plan.as_of)
        if anchoring is None:
            continue
        revision = anchoring.record.revision
        try:
            delivery = collect_pack_file(office.mailbox, plan.window, reader, revision)
        except MailboxFileUnreadable:  # one reader's broken file must not hide what the others lack
            faults[reader] = "its file in the mailbox cannot be read"
            continue
        if delivery is None:
            continue
        checked = check_delivery(
            delivery,
            anchoring,
            separator=separator,
            depth=office.community.constants.depth,
            keys=roster.reader_keys.get(reader, ()),
            signed_by=is_signed_by,
        )
        if isinstance(checked, DeliveryFault):
            faults[reader] = str(checked)
        else:
            days[reader, revision] = checked
    return days, faults


def _stored(finding: Finding, window: int) -> StoredPack:
    """What the reader has at the binding's place: a good pack, or nothing or an unfit one, the ground to replace it."""
    assert finding.day is not None
    return StoredPack(
        binding=finding.binding.id,
        window=window,
        revision=finding.day.revision,
        pack=finding.day.packs.get(finding.binding.position, b""),
        proof=finding.day.tree.proof(finding.binding.position),
        reader_key=finding.day.key,
        signature=finding.day.signature,
    )

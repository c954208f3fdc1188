"""Bundles for members and the audit file for auditors, from what a posting committed. Repeatable: same bytes again."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lindenstrom.audit.file import (
    AuditFile,
    OpenedParameters,
    OpenedResult,
    OpenedSource,
    OpenedStatement,
    audit_json,
    read_audit,
)
from lindenstrom.chain.community import community_ref
from lindenstrom.core.bundles import Bundle, BundleAgreement, BundleMeter, GroundOpening, bundle_json, read_bundle
from lindenstrom.core.commitment import CommittedDay
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, StatementOpening
from lindenstrom.core.replacement import TrueUp
from lindenstrom.core.salts import Purpose
from lindenstrom.core.statements import SourceKind, Statement
from lindenstrom.core.terms import Binding, Parameters
from lindenstrom.mailbox import DeliveryConflict, audit_path, bundle_path, deliver_audit, deliver_bundle
from lindenstrom.operator.committing import SaltBook, recommit
from lindenstrom.operator.office import Office
from lindenstrom.operator.replacing import true_ups
from lindenstrom.roster import OWN_ACCOUNTS, Anchorings, LivePlace, Roster, newest_at
from lindenstrom.store.errors import ParametersUnknown
from lindenstrom.store.records import StoredDay, StoredPack, StoredPosting

WRITERS = 8
"""Files are forced to the disk one by one; several at a time hide the waiting."""
NO_SALT = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A posting with everything that bundles and audit file open."""

    posting: StoredPosting
    day: StoredDay
    committed: CommittedDay
    book: SaltBook
    roster: Roster
    anchorings: Anchorings
    packs: Mapping[tuple[int, int], StoredPack]
    true_ups: Mapping[int, TrueUp]
    parameters: Mapping[bytes, Parameters]

    def parameters_of(self, place: LivePlace) -> Parameters:
        """A membership's parameters. Raises ParametersUnknown."""
        found = self.parameters.get(place.membership.parameters)
        if found is None:
            raise ParametersUnknown(place.member, place.membership.agreement)
        return found


def open_posting(office: Office, posting: StoredPosting, roster: Roster | None = None) -> Opened:
    """A stored posting with all that it opens. Raises StoredDayDiffers."""
    return open_day(office, posting, recommit(office, posting), roster or office.reader.roster())


def open_day(
    office: Office, posting: StoredPosting, content: tuple[StoredDay, CommittedDay, SaltBook], roster: Roster
) -> Opened:
    """A posting that need not be stored, with all that it opens."""
    day, committed, book = content
    window = posting.header.window
    packs = office.store.packs(window)
    used = {b: packs.get((b, s.source.revision)) for b, s in day.sources.items()}
    return Opened(
        posting=posting,
        day=day,
        committed=committed,
        book=book,
        roster=roster,
        anchorings=office.reader.anchorings(window),
        packs=packs,
        true_ups=true_ups(office, roster, posting, used),
        parameters=office.store.all_parameters(),
    )


def deliver_bundles(office: Office, opened: Opened) -> int:
    """A bundle to every member with a live meter or membership; how many. Raises DeliveryConflict."""
    make = bundle_maker(office, opened)
    window = opened.posting.header.window
    concerned = {*opened.roster.live_places(window), *(b.member for b in opened.roster.live_bindings(window))}
    members = [m for m in sorted(concerned) if m >= OWN_ACCOUNTS]
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(lambda member: _deliver_bundle(office, make(member)), members):
            pass
    return len(members)


def bundle_maker(office: Office, opened: Opened) -> Callable[[int], Bundle]:
    """What makes a member's bundle of an opened posting."""
    window = opened.posting.header.window
    places = opened.roster.live_places(window)
    meters: dict[int, list[Binding]] = {}
    for binding in opened.roster.live_bindings(window):
        meters.setdefault(binding.member, []).append(binding)
    names, labels = office.store.names(), office.store.agreement_labels()
    points = office.store.metering_points()

    def make(member: int) -> Bundle:
        return Bundle(
            community=community_ref(office.community),
            sequence=opened.posting.sequence,
            header=opened.posting.header,
            member=member,
            name=names.get(member, ""),
            statement=_statement(office, opened, member),
            meters=tuple(_meter(opened, b, points.get(b.meter, "")) for b in meters.get(member, [])),
            agreements=tuple(
                _agreement(opened, place, labels.get(place.membership.agreement, ""))
                for place in places.get(member, ())
            ),
        )

    return make


def deliver_audit_file(office: Office, opened: Opened) -> None:
    """The audit file of a posting. Raises DeliveryConflict."""
    posting, day, book = opened.posting, opened.day, opened.book
    level, line, total = (book.of(p) for p in (Purpose.LEVEL, Purpose.LINE, Purpose.TOTAL))
    places = [p for row in opened.roster.live_places(posting.header.window).values() for p in row]
    content = AuditFile(
        community=office.community.id,
        sequence=posting.sequence,
        header=posting.header,
        statements=tuple(
            OpenedStatement(member=m, lines=s.lines, lines_salt=line(m), net_peur=s.net_peur, salt=total(m))
            for m, s in sorted(day.statements.items())
        ),
        results=tuple(
            OpenedResult(agreement=a, triples=triples, salt=level(a)) for a, triples in sorted(day.triples.items())
        ),
        parameters=tuple(_opened_parameters(opened, p) for p in places),
        sources=tuple(
            OpenedSource(binding=b, kind=int(s.source.kind), revision=s.source.revision, pack=s.pack)
            for b, s in sorted(day.sources.items())
        ),
    )
    window, sequence = posting.header.window, posting.sequence
    try:
        deliver_audit(office.mailbox, window, sequence, audit_json(content))
    except DeliveryConflict:
        known = read_audit(audit_path(office.mailbox, window, sequence).read_bytes())
        if known.header.digest(office.community.id, sequence) != posting.digest:
            raise


def _deliver_bundle(office: Office, bundle: Bundle) -> None:
    window = bundle.header.window
    try:
        deliver_bundle(office.mailbox, bundle.member, window, bundle.sequence, bundle_json(bundle))
    except DeliveryConflict:
        # A name or a binding's end may have changed since a delivery that was cut short; what was posted cannot.
        known = read_bundle(bundle_path(office.mailbox, bundle.member, window, bundle.sequence).read_bytes())
        if known.digest != bundle.digest:
            raise


def _statement(office: Office, opened: Opened, member: int) -> StatementOpening:
    proof = opened.committed.statements_tree.proof(member)
    statement = opened.committed.statements.get(member)
    if statement is None:
        header = opened.posting.header
        nothing = Statement(
            community=office.community.id,
            window=header.window,
            revision=header.revision,
            index=member,
            lines_commitment=NO_SALT,
            net_peur=0,
            salt=NO_SALT,
        )
        return StatementOpening(empty=True, statement=nothing, lines_salt=NO_SALT, lines=b"", proof=proof)
    return StatementOpening(
        empty=False,
        statement=statement,
        lines_salt=opened.book.of(Purpose.LINE)(member),
        lines=opened.day.statements[member].lines,
        proof=proof,
    )


def _meter(opened: Opened, binding: Binding, label: str) -> BundleMeter:
    stored = opened.day.sources[binding.id]
    source, proof = stored.source, opened.committed.sources_tree.proof(binding.id)
    if source.kind is SourceKind.REPLACED:
        opening = MeterOpening(
            kind=int(source.kind),
            revision=source.revision,
            replacement=source.replacement,
            source_proof=proof,
            pack=stored.pack,
        )
        return BundleMeter(label=label, binding=binding, opening=opening, ground=_ground(opened, binding))
    pack = opened.packs[binding.id, source.revision]
    anchoring = opened.anchorings[binding.reader][source.revision]
    opening = MeterOpening(
        kind=int(source.kind),
        revision=source.revision,
        replacement=source.replacement,
        source_proof=proof,
        pack=pack.pack,
        pack_proof=pack.proof,
        record=anchoring.opening,
    )
    return BundleMeter(
        label=label,
        binding=binding,
        opening=opening,
        reader_key=pack.reader_key,
        signature=pack.signature,
        true_up=opened.true_ups.get(binding.id),
    )


def _ground(opened: Opened, binding: Binding) -> GroundOpening | None:
    """What the reader had anchored instead; nothing to open where that is nothing, or was withheld."""
    newest = newest_at(opened.anchorings.get(binding.reader, ()), opened.posting.header.as_of)
    found = opened.packs.get((binding.id, newest.record.revision)) if newest else None
    if newest is None or found is None:
        return None
    return GroundOpening(
        revision=newest.record.revision,
        record=newest.opening,
        empty=not found.pack,
        pack=found.pack,
        proof=found.proof,
    )


def _agreement(opened: Opened, place: LivePlace, label: str) -> BundleAgreement:
    agreement, parameters = place.membership.agreement, opened.parameters_of(place)
    triples = opened.day.triples.get(agreement)
    opening = AgreementOpening(
        weight=parameters.weight,
        share_ppm=parameters.share_ppm,
        limit_ueur_kwh=parameters.limit_ueur_kwh,
        salt=parameters.salt,
        empty=triples is None,
        triples_salt=opened.book.of(Purpose.LEVEL)(agreement) if triples is not None else NO_SALT,
        triples=triples or b"",
        proof=opened.committed.results_tree.proof(agreement),
    )
    return BundleAgreement(label=label, membership=place.membership, terms=place.terms, opening=opening)


def _opened_parameters(opened: Opened, place: LivePlace) -> OpenedParameters:
    parameters = opened.parameters_of(place)
    return OpenedParameters(
        member=place.member,
        agreement=place.membership.agreement,
        weight=parameters.weight,
        share_ppm=parameters.share_ppm,
        limit_ueur_kwh=parameters.limit_ueur_kwh,
        salt=parameters.salt,
    )

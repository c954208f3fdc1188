"""demo --cheat: every lie of the catalogue is told on the demo's chain, and caught by whoever catches it."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from lindenstrom.audit.acts import void as void_by_auditor
from lindenstrom.audit.run import audit_posting
from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.core.bundles import Bundle
from lindenstrom.core.calendar import parse_date, window_of
from lindenstrom.core.clearing import Party, both_curtailed
from lindenstrom.core.eip712 import Anchor, Demand, Refute, RefuteLevels
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import decode_pack, pack_leaf
from lindenstrom.core.refutation import Opening, Reason
from lindenstrom.core.statements import SourceKind, decode_triples
from lindenstrom.core.terms import Terms
from lindenstrom.core.verification import CheckStatus
from lindenstrom.evidence import sharpened
from lindenstrom.mailbox import PackDelivery, collect_pack_file, collect_packs, deliver_packs
from lindenstrom.operator.committing import Plan, commit, recommit
from lindenstrom.operator.day import work_out
from lindenstrom.operator.delivering import Opened, bundle_maker, deliver_audit_file, open_day
from lindenstrom.readings import member_energy
from lindenstrom.roster import Roster
from lindenstrom.signing import sign_digest
from lindenstrom.store.records import PostingStep, StoredDay, StoredPosting
from lindenstrom_cli.app import Session
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.demo import scenes
from lindenstrom_cli.demo.cheatreport import Caught, CheatReport
from lindenstrom_cli.demo.feeding import Feeder
from lindenstrom_cli.demo.founding import Town, found_town
from lindenstrom_cli.demo.lies import LIES, Lie, Scene, Way
from lindenstrom_cli.demo.model import HOME_READERS, community_model, day_energy

FIRST_DAY = "2026-10-23"
DAYS = 3
CORRECTED_READER, CORRECTED_DAY = 1, 1
"""This home's reader anchors a second revision in time; who settles on the first one settles on stale readings."""
SILENT_READER, SILENT_DAY = 3, 2
VICTIM = 5
AGREEMENT = 2
"""The community's agreement; the first one is the neighbours' own deal, without public disputes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A lie on the chain, with what the cheated member holds."""

    sequence: int
    window: int
    gas: int
    bundle: Bundle


def run_cheat(session: Session, root: Path, names: Sequence[str], *, kept: bool, seed: int) -> CheatReport:
    """Found the demo's community, read three days, and tell each lie on the day that it belongs to."""
    began = time.perf_counter()
    lies = [lie for lie in LIES if lie.name in names]
    note = (lambda _: None) if session.renderer.as_json else session.note
    model = community_model(seed)
    first = window_of(parse_date(FIRST_DAY))
    rows: dict[str, Caught] = {}
    with ExitStack() as stack:
        note(text("demo.founding", name=model.name, members=len(model.members), meters=len(model.meters)))
        town = found_town(root, model, range(first, first + DAYS), stack)
        feeder = Feeder(town, lambda window: day_energy(model, window, town.zone))
        for offset in range(DAYS):
            window = first + offset
            feeder.feed(window, frozenset({SILENT_READER}) if offset == SILENT_DAY else frozenset())
            if offset == CORRECTED_DAY:
                _anchor_second_revision(town, window)
            town.chain.advance_to(max(town.chain.now(), town.office.as_of(window)))
            for lie in (one for one in lies if one.day == offset):
                note(text("cheat.telling", lie=lie.name))
                rows[lie.name] = _tell(town, window, lie)
            scenes.settle(town, window)
        return CheatReport(
            community=model.name,
            caught=tuple(rows[lie.name] for lie in lies),
            home=root if kept else None,
            seconds=round(time.perf_counter() - began, 1),
        )


def _anchor_second_revision(town: Town, window: int) -> None:
    """A reader corrects a day before its close: the same readings, signed anew as revision 1."""
    office = town.office
    first = collect_pack_file(town.home.mailbox, window, CORRECTED_READER, 0)
    assert first is not None
    packs = {at: replace(decode_pack(data), revision=1).encode() for at, data in first.packs.items()}
    tree = PositionalTree(depth=town.community.constants.depth, leaves={at: pack_leaf(p) for at, p in packs.items()})
    act = Anchor(reader=CORRECTED_READER, window=window, revision=1, root=tree.root)
    signature = sign_digest(town.reader_key(CORRECTED_READER).secret, act.digest(town.community.id))
    delivery = PackDelivery(
        reader=CORRECTED_READER, window=window, revision=1, root=tree.root, signature=signature, packs=packs
    )
    deliver_packs(town.home.mailbox, delivery)
    town.chain.send(office.contracts.anchor(SignedAnchor(act=act, signature=signature)), office.key)


def _tell(town: Town, window: int, lie: Lie) -> Caught:
    """Post a day with the lie in it, and have it caught."""
    office = town.office
    roster = office.reader.roster()
    plan = Plan(window=window, revision=0, as_of=office.as_of(window), sequence=office.contracts.next_sequence())
    honest = work_out(office, roster, plan)
    scene = _scene(town, roster, window, lie, honest)
    day = lie.change(honest, scene) if lie.change else honest
    opened = _opened(town, roster, plan, day)
    if lie.name == "header":
        opened = _yesterday(town, opened)
    sent = town.chain.send(office.contracts.post(plan.sequence, opened.posting.header), office.key)
    if lie.way is Way.AUDITOR:
        deliver_audit_file(office, opened)
    told = Told(
        sequence=plan.sequence,
        window=window,
        gas=sent.gas_used,
        bundle=_as_told(_honest_bundle(town, roster, plan, honest, scene.member), opened),
    )
    return {
        Way.REFUTE: _by_refutation,
        Way.LEVELS: _by_levels,
        Way.DEMAND: _by_demand,
        Way.AUDITOR: _by_auditor,
    }[lie.way](town, lie, told)


def _scene(town: Town, roster: Roster, window: int, lie: Lie, honest: StoredDay) -> Scene:
    office = town.office
    readers = {"stale-source": CORRECTED_READER, "invented-values": SILENT_READER}
    at_home = {reader: member for member, reader in HOME_READERS.items()}
    member = at_home[readers[lie.name]] if lie.name in readers else VICTIM
    stored = office.store.packs(window)
    packs = {
        binding: source.pack or stored[binding, source.source.revision].pack
        for binding, source in honest.sources.items()
    }
    known = office.store.all_parameters()
    parties: dict[int, tuple[tuple[int, Party], ...]] = {}
    terms: dict[int, Terms] = {}
    for index, places in roster.live_places(window).items():
        row = []
        for place in places:
            held, its = place.membership, place.terms
            row.append((held.agreement, Party(role=held.role, parameters=known[held.parameters], terms=its)))
            terms[held.agreement] = its
        parties[index] = tuple(row)
    return Scene(
        member=member,
        binding=next(b.id for b in roster.live_bindings(window) if b.member == member),
        agreement=AGREEMENT,
        energy=member_energy(((roster.bindings[b].member, p) for b, p in packs.items()), town.zone.slot_count(window)),
        parties=parties,
        terms=terms,
        packs=packs,
    )


def _opened(town: Town, roster: Roster, plan: Plan, day: StoredDay) -> Opened:
    """A day committed and ready for its posting, as the operator's own code makes it."""
    committed, book = commit(town.office, plan, day)
    posting = StoredPosting(
        sequence=plan.sequence, header=committed.header, digest=committed.digest, step=PostingStep.INTENT, call=b""
    )
    return open_day(town.office, posting, (day, committed, book), roster)


def _yesterday(town: Town, opened: Opened) -> Opened:
    """The same posting with the statements of the day before, which are all right but for their day."""
    header = opened.posting.header
    before = town.office.store.posting(town.office.contracts.live(header.window - 1))
    assert before is not None
    day, committed, book = recommit(town.office, before)
    told = replace(header, statements_root=committed.header.statements_root)
    posting = replace(opened.posting, header=told, digest=told.digest(town.community.id, opened.posting.sequence))
    mixed = replace(opened.committed, statements=committed.statements, statements_tree=committed.statements_tree)
    return replace(
        opened,
        posting=posting,
        committed=replace(mixed, header=told),
        day=replace(opened.day, statements=day.statements),
        book=book,
    )


def _honest_bundle(town: Town, roster: Roster, plan: Plan, honest: StoredDay, member: int) -> Bundle:
    return bundle_maker(town.office, _opened(town, roster, plan, honest))(member)


def _as_told(bundle: Bundle, opened: Opened) -> Bundle:
    """The member's bundle as the cheat hands it out: everything proves to what was posted."""
    committed, day, book = opened.committed, opened.day, opened.book.day
    stated = committed.statements.get(bundle.member)
    statement = replace(
        bundle.statement,
        empty=stated is None,
        statement=stated or bundle.statement.statement,
        lines_salt=book.line(bundle.member) if stated else bytes(32),
        lines=day.statements[bundle.member].lines if stated else b"",
        proof=committed.statements_tree.proof(bundle.member),
    )
    meters = []
    for meter in bundle.meters:
        source = day.sources.get(meter.binding.id)
        opening = replace(meter.opening, source_proof=committed.sources_tree.proof(meter.binding.id))
        if source is None:
            opening = replace(opening, kind=0, revision=0)
        elif source.source.kind is SourceKind.REPLACED:
            opening = replace(
                opening,
                kind=int(source.source.kind),
                revision=source.source.revision,
                replacement=source.source.replacement,
                pack=source.pack,
                pack_proof=(),
                record=None,
            )
        elif source.source.revision != opening.revision:
            records = opened.anchorings[meter.binding.reader]
            opening = replace(opening, revision=source.source.revision, record=records[source.source.revision].opening)
        meters.append(replace(meter, opening=opening))
    agreements = []
    for agreement in bundle.agreements:
        its = agreement.membership.agreement
        triples = day.triples.get(its)
        opening_ = replace(
            agreement.opening,
            empty=triples is None,
            triples=triples or b"",
            proof=committed.results_tree.proof(its),
        )
        agreements.append(replace(agreement, opening=opening_))
    return replace(
        bundle,
        header=opened.posting.header,
        statement=statement,
        meters=tuple(meters),
        agreements=tuple(agreements),
    )


def _by_refutation(town: Town, lie: Lie, told: Told) -> Caught:
    bundle = told.bundle
    act = Refute(member=bundle.member, sequence=told.sequence, posting=bundle.digest)
    opening = _strongest(town, bundle, lie)
    call = town.office.contracts.refute(act, bundle.header, opening, town.sign(bundle.member, act))
    return _sent(town, lie, told, call, _noticed(town, bundle))


def _strongest(town: Town, bundle: Bundle, lie: Lie) -> Opening:
    """What the member can open: the bundle, newer records of the chain, and own copies of the readings."""
    if lie.name not in ("stale-source", "invented-replacement"):
        return bundle.opening
    window = bundle.header.window
    anchorings = town.office.reader.anchorings(window)
    return sharpened(bundle, anchorings, collect_packs(town.home.mailbox, window))


def _by_levels(town: Town, lie: Lie, told: Told) -> Caught:
    bundle, contracts = told.bundle, town.office.contracts
    agreement = next(a for a in bundle.agreements if a.membership.agreement == AGREEMENT)
    triples = decode_triples(agreement.opening.triples)
    slot = next(i for i, triple in enumerate(triples) if both_curtailed(agreement.terms.key, triple))
    act = RefuteLevels(member=bundle.member, sequence=told.sequence, posting=bundle.digest, agreement=AGREEMENT)
    signature = town.sign(bundle.member, act)
    call = contracts.refute_levels(act, bundle.header, slot, agreement.opening.result, signature)
    return _sent(town, lie, told, call, _noticed(town, bundle))


def _by_demand(town: Town, lie: Lie, told: Told) -> Caught:
    """The member has no bundle. Nobody answers the demand in time, so anyone voids."""
    contracts, member, digest = town.office.contracts, told.bundle.member, told.bundle.digest
    act = Demand(member=member, sequence=told.sequence, posting=digest, public_answer=False)
    asked = town.chain.send(contracts.demand(act, town.sign(member, act)), town.keys["auditor"].secret)
    town.chain.advance_to(town.chain.now() + town.community.constants.answer_time_s + 60)
    row = _sent(town, lie, told, contracts.void_overdue(told.sequence, digest, member), ())
    return replace(row, gas=row.gas + asked.gas_used)


def _by_auditor(town: Town, lie: Lie, told: Told) -> Caught:
    day = audit_posting(town.home.mailbox, town.chain, town.community, told.sequence)
    assert day is not None
    noticed = _noticed(town, told.bundle)
    act = void_by_auditor(town.home.mailbox, town.chain, town.community, told.sequence, town.keys["auditor"].secret)
    return Caught(
        lie=lie.name,
        way=lie.way,
        checks=noticed,
        reason=None,
        finding=", ".join(sorted({str(d.kind) for d in day.differences})),
        gas=act.gas,
        opened_bytes=0,
        posting_gas=told.gas,
    )


def _noticed(town: Town, bundle: Bundle) -> tuple[int, ...]:
    """The numbers of the checks that fail when the member verifies the bundle."""
    return tuple(c.id for c in scenes.verify(town, bundle).checks if c.status is CheckStatus.FAILED)


def _sent(town: Town, lie: Lie, told: Told, call: ContractCall, checks: tuple[int, ...]) -> Caught:
    """Simulate, send, and read why the contract voided."""
    town.chain.call(call)
    sent = town.chain.send(call, town.keys["auditor"].secret)
    (voided,) = (event for event in town.office.contracts.events(sent) if event.name == "Voided")
    return Caught(
        lie=lie.name,
        way=lie.way,
        checks=checks,
        reason=Reason(voided["reason"]),
        finding="",
        gas=sent.gas_used,
        opened_bytes=len(call.data),
        posting_gas=told.gas,
    )

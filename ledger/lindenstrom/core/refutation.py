"""The twin of `Settlement.refute` and `refuteLevels` (R7): a member's day opened, recomputed, and compared.

Whatever is opened must match a commitment, else BadOpening; only a true difference gives a Reason. No energy,
membership, meter or price comes from anywhere but storage (`StoredFacts`) or a commitment opened here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from lindenstrom.core.calendar import Zone
from lindenstrom.core.clearing import Party, Triple, amount_peur, both_curtailed, level_in_range, member_slot
from lindenstrom.core.hashing import EMPTY, TAG_SOURCE, keccak, u8, u16
from lindenstrom.core.merkle import proves, root_from_proof
from lindenstrom.core.packs import REPLACEMENT_REVISION, decode_pack, pack_fault, pack_leaf
from lindenstrom.core.statements import (
    TRIPLE_BYTES,
    Header,
    Line,
    Record,
    SourceKind,
    Statement,
    batch_digest,
    decode_triples,
    encode_lines,
    lines_commitment,
    result_leaf,
)
from lindenstrom.core.terms import Binding, Membership, Parameters, Terms, parameters_commitment
from lindenstrom.errors import UsageError, VerificationFailed


class Reason(IntEnum):
    """Why a posting is void; the numbers of Settlement's Voided event."""

    STATEMENT_FIELD = 1
    SOURCE_MISSING = 2
    SOURCE_MALFORMED = 3
    SOURCE_NOT_ANCHORED = 4
    SOURCE_TOO_NEW = 5
    SOURCE_STALE = 6
    POSITION_EMPTY = 7
    PACK_UNFIT = 8
    REPLACEMENT_UNFOUNDED = 9
    REPLACEMENT_UNFIT = 10
    RESULT_MISSING = 11
    RESULT_LENGTH = 12
    PRICE_DIFFERS = 13
    LEVEL_RANGE = 14
    LINES_DIFFER = 15
    NET_DIFFERS = 16
    BOTH_CURTAILED = 17
    DEMAND_OVERDUE = 18


class BadOpening(VerificationFailed):
    """Something opened does not match the commitment it claims to open."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the opened {what} does not match its commitment; one of the two copies was changed")
        self.what = what


class SlotOutOfDay(UsageError):
    """The window has no such slot."""

    def __init__(self, slot: int, slots: int) -> None:
        super().__init__(f"the day has the quarter-hours 0 to {slots - 1}, not {slot}; name one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOpening:
    """Where a reader's root was anchored: batch, its block time, the root, its place in the batch and its siblings."""

    batch: int
    time: int
    root: bytes
    slot: int
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOpening:
    """The member's leaf, opened; `empty` claims that there is none."""

    empty: bool
    statement: Statement
    lines_salt: bytes
    lines: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOpening:
    """One live binding's source, opened. kind 0 claims an empty leaf; `challenge` disputes a replacement."""

    kind: int
    revision: int
    replacement: bytes
    source_proof: tuple[bytes, ...]
    pack: bytes
    pack_proof: tuple[bytes, ...] = ()
    record: RecordOpening | None = None
    next: RecordOpening | None = None
    challenge: bool = False
    challenge_revision: int = 0
    empty_position: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultOpening:
    """An agreement's leaf of the results tree, opened; `empty` claims that there is no result."""

    empty: bool
    triples_salt: bytes
    triples: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementOpening:
    """One live membership's parameters and the agreement's triples, opened; `empty` claims that there is no result."""

    weight: int
    share_ppm: int
    limit_ueur_kwh: int
    salt: bytes
    empty: bool
    triples_salt: bytes
    triples: bytes
    proof: tuple[bytes, ...]

    @property
    def result(self) -> ResultOpening:
        """The agreement's leaf alone, without the member's parameters."""
        return ResultOpening(empty=self.empty, triples_salt=self.triples_salt, triples=self.triples, proof=self.proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Everything of a member's day; meters in the order of live bindings, agreements in running order."""

    statement: StatementOpening
    meters: tuple[MeterOpening, ...]
    agreements: tuple[AgreementOpening, ...]


class StoredFacts(Protocol):
    """What the contract reads from its own storage."""

    @property
    def community(self) -> bytes: ...
    @property
    def depth(self) -> int: ...
    @property
    def zone(self) -> Zone: ...
    @property
    def posted_at(self) -> int: ...
    def bindings(self, member: int, window: int) -> Sequence[Binding]: ...
    def memberships(self, member: int, window: int) -> Sequence[tuple[Membership, Terms]]: ...
    def count(self, reader: int, window: int) -> int: ...
    def batch(self, batch: int) -> bytes: ...
    def withheld_at(self, reader: int, window: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of a recomputation: a reason to void or none, and what the rules give (empty if it stopped early)."""

    reason: Reason | None
    lines: tuple[Line, ...] = ()


def recompute_lines(
    parties: Sequence[tuple[int, Party]],
    triples: Sequence[Sequence[Triple]],
    draw_mwh: Sequence[int],
    feed_mwh: Sequence[int],
) -> tuple[Line, ...]:
    """A member's lines: (agreement id, party) in running order, triples per agreement and slot, mWh per slot."""
    totals = [[0, 0, 0] for _ in parties]
    plain = [party for _, party in parties]
    for i, (draw, feed) in enumerate(zip(draw_mwh, feed_mwh, strict=True)):
        slot = [row[i] for row in triples]
        for total, party, triple, (took, gave) in zip(
            totals, plain, slot, member_slot(draw, feed, plain, slot), strict=True
        ):
            total[0] += took
            total[1] += gave
            total[2] += amount_peur(took, gave, triple.price_ueur_kwh, party.terms.fee_ueur_kwh)
    return tuple(
        Line(agreement=agreement, taken_mwh=t[0], given_mwh=t[1], amount_peur=t[2])
        for (agreement, _), t in zip(parties, totals, strict=True)
    )


def recompute(facts: StoredFacts, header: Header, member: int, opening: Opening) -> Verdict:
    """What `refute` would find. Raises BadOpening. The header is checked against the digest by the caller."""
    reason = _statement(facts, header, member, opening.statement)
    if reason:
        return Verdict(reason=reason)
    slots = facts.zone.slot_count(header.window)
    draw, feed = [0] * slots, [0] * slots
    bindings = facts.bindings(member, header.window)
    if len(bindings) != len(opening.meters):
        raise BadOpening("list of meters")
    for binding, meter in zip(bindings, opening.meters, strict=True):
        reason = _meter(facts, header, binding, meter)
        if reason:
            return Verdict(reason=reason)
        pack = decode_pack(meter.pack)
        draw = [a + b for a, b in zip(draw, pack.import_mwh, strict=True)]
        feed = [a + b for a, b in zip(feed, pack.export_mwh, strict=True)]
    places = facts.memberships(member, header.window)
    if len(places) != len(opening.agreements):
        raise BadOpening("list of agreements")
    parties, triples = [], []
    for (membership, terms), opened in zip(places, opening.agreements, strict=True):
        party, row, reason = _agreement(facts, header, membership, terms, opened)
        if reason:
            return Verdict(reason=reason)
        parties.append((membership.agreement, party))
        triples.append(row)
    lines = recompute_lines(parties, triples, draw, feed)
    stated_lines = b"" if opening.statement.empty else opening.statement.lines
    stated_net = 0 if opening.statement.empty else opening.statement.statement.net_peur
    if encode_lines(lines) != stated_lines:
        return Verdict(reason=Reason.LINES_DIFFER, lines=lines)
    if sum(line.amount_peur for line in lines) != stated_net:
        return Verdict(reason=Reason.NET_DIFFERS, lines=lines)
    return Verdict(reason=None, lines=lines)


def _statement(facts: StoredFacts, header: Header, member: int, opened: StatementOpening) -> Reason | None:
    s = opened.statement
    if not opened.empty and lines_commitment(opened.lines_salt, opened.lines) != s.lines_commitment:
        raise BadOpening("lines of the statement")
    leaf = EMPTY if opened.empty else s.leaf
    if not proves(header.statements_root, leaf, member, opened.proof, facts.depth):
        raise BadOpening("statement")
    if opened.empty:
        return None
    fits = (s.community, s.window, s.revision, s.index) == (facts.community, header.window, header.revision, member)
    return None if fits else Reason.STATEMENT_FIELD


def check_record(
    facts: StoredFacts, reader: int, window: int, revision: int, opened: RecordOpening | None
) -> RecordOpening:
    """The record, when the chain holds it as opened. Raises BadOpening."""
    if opened is None:
        raise BadOpening("anchored record (none was given)")
    leaf = Record(reader=reader, window=window, revision=revision, root=opened.root).leaf(facts.community)
    fits = len(opened.proof) <= 8 and 0 <= opened.slot < 2 ** len(opened.proof)
    root = root_from_proof(leaf, opened.slot, opened.proof)
    if not fits or batch_digest(root, opened.time) != facts.batch(opened.batch):
        raise BadOpening("anchored record")
    return opened


def _meter(facts: StoredFacts, header: Header, binding: Binding, opened: MeterOpening) -> Reason | None:
    leaf = (
        EMPTY if opened.kind == 0 else keccak(TAG_SOURCE + u8(opened.kind) + u16(opened.revision) + opened.replacement)
    )
    if not proves(header.sources_root, leaf, binding.id, opened.source_proof, facts.depth):
        raise BadOpening("source")
    if opened.kind == 0:
        return Reason.SOURCE_MISSING
    if opened.kind == SourceKind.ANCHORED and opened.replacement == bytes(32):
        return _anchored(facts, header, binding, opened)
    if opened.kind == SourceKind.REPLACED and opened.revision == REPLACEMENT_REVISION:
        return _replaced(facts, header, binding, opened)
    return Reason.SOURCE_MALFORMED


def _fault(facts: StoredFacts, header: Header, binding: Binding, revision: int, pack: bytes) -> bool:
    count = facts.zone.slot_count(header.window)
    return bool(
        pack_fault(
            pack,
            community=facts.community,
            meter=binding.meter,
            window=header.window,
            revision=revision,
            slot_count=count,
        )
    )


def _anchored(facts: StoredFacts, header: Header, binding: Binding, opened: MeterOpening) -> Reason | None:
    reader, window = binding.reader, header.window
    if facts.count(reader, window) <= opened.revision:
        return Reason.SOURCE_NOT_ANCHORED
    record = check_record(facts, reader, window, opened.revision, opened.record)
    if record.time > header.as_of:
        return Reason.SOURCE_TOO_NEW
    if opened.next and check_record(facts, reader, window, opened.revision + 1, opened.next).time <= header.as_of:
        return Reason.SOURCE_STALE
    leaf = EMPTY if opened.empty_position else pack_leaf(opened.pack)
    if not proves(record.root, leaf, binding.position, opened.pack_proof, facts.depth):
        raise BadOpening("pack")
    if opened.empty_position:
        return Reason.POSITION_EMPTY
    return Reason.PACK_UNFIT if _fault(facts, header, binding, opened.revision, opened.pack) else None


def _replaced(facts: StoredFacts, header: Header, binding: Binding, opened: MeterOpening) -> Reason | None:
    if opened.challenge:
        return _challenge(facts, header, binding, opened)
    if pack_leaf(opened.pack) != opened.replacement:
        raise BadOpening("replacement pack")
    return Reason.REPLACEMENT_UNFIT if _fault(facts, header, binding, REPLACEMENT_REVISION, opened.pack) else None


def _challenge(facts: StoredFacts, header: Header, binding: Binding, opened: MeterOpening) -> Reason:
    reader, window, revision = binding.reader, header.window, opened.challenge_revision
    record = check_record(facts, reader, window, revision, opened.record)
    withheld = facts.withheld_at(reader, window)
    if opened.next:
        newest = check_record(facts, reader, window, revision + 1, opened.next).time > header.as_of
    else:
        newest = facts.count(reader, window) == revision + 1
    if not newest or record.time > header.as_of or 0 < withheld < facts.posted_at:
        raise BadOpening("challenge of the replacement")
    if not proves(record.root, pack_leaf(opened.pack), binding.position, opened.pack_proof, facts.depth):
        raise BadOpening("pack")
    if _fault(facts, header, binding, revision, opened.pack):
        raise BadOpening("challenge of the replacement")
    return Reason.REPLACEMENT_UNFOUNDED


def _agreement(
    facts: StoredFacts, header: Header, membership: Membership, terms: Terms, opened: AgreementOpening
) -> tuple[Party, Sequence[Triple], Reason | None]:
    commitment = parameters_commitment(opened.salt, opened.weight, opened.share_ppm, opened.limit_ueur_kwh)
    if commitment != membership.parameters:
        raise BadOpening("membership's parameters")
    parameters = Parameters(
        weight=opened.weight, share_ppm=opened.share_ppm, limit_ueur_kwh=opened.limit_ueur_kwh, salt=opened.salt
    )
    party = Party(role=membership.role, parameters=parameters, terms=terms)
    reason = _result_fault(facts, header, membership.agreement, opened.result)
    if reason is not None:
        return party, (), reason
    triples = decode_triples(opened.triples)
    faults = (_range_fault(terms, triple, facts.depth) for triple in triples)
    return party, triples, next(filter(None, faults), None)  # slot by slot, as the contract goes


def _result_fault(facts: StoredFacts, header: Header, agreement: int, opened: ResultOpening) -> Reason | None:
    """RESULT_MISSING or RESULT_LENGTH. Raises BadOpening."""
    leaf = EMPTY if opened.empty else result_leaf(opened.triples_salt, opened.triples)
    if not proves(header.results_root, leaf, agreement, opened.proof, facts.depth):
        raise BadOpening("result of an agreement")
    if opened.empty:
        return Reason.RESULT_MISSING
    whole = len(opened.triples) == TRIPLE_BYTES * facts.zone.slot_count(header.window)
    return None if whole else Reason.RESULT_LENGTH


def _range_fault(terms: Terms, triple: Triple, depth: int) -> Reason | None:
    if not terms.price_fits(triple.price_ueur_kwh):
        return Reason.PRICE_DIFFERS
    return None if level_in_range(terms.key, triple, depth) else Reason.LEVEL_RANGE


def triple_fault(terms: Terms, triple: Triple, depth: int) -> Reason | None:
    """PRICE_DIFFERS, LEVEL_RANGE or BOTH_CURTAILED for a slot of which nothing but its triple is known."""
    reason = _range_fault(terms, triple, depth)
    return reason or (Reason.BOTH_CURTAILED if both_curtailed(terms.key, triple) else None)


def recompute_levels(
    facts: StoredFacts, header: Header, agreement: int, terms: Terms, slot: int, opened: ResultOpening
) -> Reason | None:
    """What `refuteLevels` would find in one slot (index in the day). Raises SlotOutOfDay and BadOpening.

    The header is checked against the digest, and that the member is a party of the agreement, by the caller.
    """
    slots = facts.zone.slot_count(header.window)
    if not 0 <= slot < slots:
        raise SlotOutOfDay(slot, slots)
    reason = _result_fault(facts, header, agreement, opened)
    return reason or triple_fault(terms, decode_triples(opened.triples)[slot], facts.depth)

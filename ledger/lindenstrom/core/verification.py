"""Numbered checks of a member's bundle (the numbers are the same in code, output and docs).

    1  the file speaks of this community and this member; which day it is, its header says, and 2, 5 and 6 compare
    2  the readings are those that the meters' readers signed, and the member's own copies where there are any
    3  the member's parameters are the signed ones, every price is the terms', every level is possible
    4  the amounts follow from readings, terms and levels, to the last mWh and p€
    5  statement, levels and sources are the ones committed for this member
    6  the posting stands in the contract; it is final; auditors whom the member has pinned attested it
    7  meters, memberships, terms, readers' keys and anchors are as the chain holds them

6 and 7 need a chain. Without one the verdict is INCOMPLETE at best. Works without numpy and without web3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Protocol

from lindenstrom.core.bundles import Bundle, BundleMeter, CommunityRef
from lindenstrom.core.calendar import Zone
from lindenstrom.core.clearing import both_curtailed
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.hashing import EMPTY
from lindenstrom.core.merkle import proves, root_from_proof
from lindenstrom.core.packs import REPLACEMENT_REVISION, Status, UnreadablePack, decode_pack, pack_fault, pack_leaf
from lindenstrom.core.refutation import BadOpening, Reason, StoredFacts, Verdict, check_record, recompute
from lindenstrom.core.statements import Line, Record, SourceKind, batch_digest, decode_lines, decode_triples
from lindenstrom.core.terms import Binding, Membership, Terms

SignedBy = Callable[[bytes, bytes, bytes], bool]
"""(key, digest, signature) → whether the key signed: 20 bytes, an address, or 64 bytes x‖y of P-256."""


class CheckStatus(StrEnum):
    """Outcome of one check."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Outcome(StrEnum):
    """The verdict word."""

    VERIFIED = "VERIFIED"
    CONSISTENT = "CONSISTENT"
    NOT_VERIFIED = "NOT VERIFIED"
    NOT_FINAL = "NOT FINAL YET"
    INCOMPLETE = "INCOMPLETE"


class PostingState(IntEnum):
    """Settlement's states."""

    UNKNOWN = 0
    POSTED = 1
    VOID = 2
    FINAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingFacts:
    """A posting as the contract holds it. attested_by and contested_by are auditors' addresses; times unix."""

    window: int
    revision: int
    as_of: int
    posted_at: int
    state: PostingState
    attested_by: tuple[bytes, ...]
    contested_by: tuple[bytes, ...]
    digest: bytes
    final_at: int
    """Earliest time of finality, protocol time."""
    open_demands: int = 0
    """How many members' demands for bundles bar its finality."""
    live: int = 0
    """The window's newest posting that stands, by sequence; a later one than this corrects it."""


class ChainView(StoredFacts, Protocol):
    """What the checks read from a chain, on top of the contract's own storage."""

    def posting(self, sequence: int) -> PostingFacts | None: ...
    def reader_keys(self, reader: int) -> Sequence[bytes]: ...
    def anchored_at(self, reader: int, window: int, revision: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One numbered check; `finding` is a catalogue key and `detail` its non-personal arguments."""

    id: int
    status: CheckStatus
    finding: str = ""
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One agreement's line as stated and as the rules give it; None where a side has no such line."""

    agreement: int
    label: str
    stated: Line | None
    rules: Line | None

    @property
    def amount_peur(self) -> int:
        """p€ by which the rules differ from the statement; positive: in the member's favour."""
        return (self.rules.amount_peur if self.rules else 0) - (self.stated.amount_peur if self.stated else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAmounts:
    """The day in sums: mWh metered, shared and left to the residual supplier; net p€ as stated.

    true_up: what meters read again show beyond their replacements of the day before, as the operator states it; not
    priced here.
    """

    drew_mwh: int
    fed_in_mwh: int
    taken_mwh: int
    given_mwh: int
    net_peur: int
    slots_not_measured: int
    true_up_import_mwh: int
    true_up_export_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a verification found."""

    outcome: Outcome
    checks: tuple[Check, ...]
    amounts: DayAmounts | None
    differences: tuple[Difference, ...]
    posting: PostingFacts | None
    attested_by_pinned: int


class SelfContainedFacts:
    """A bundle's own copies in place of a chain: what an offline check has to take from the file."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.community = bundle.community.id
        self.depth = bundle.community.depth
        self.zone = Zone(offset_hours=bundle.community.offset_hours)
        self.posted_at = 0
        self._batches: dict[int, bytes] = {}
        for meter in bundle.meters:
            opening, reader = meter.opening, meter.binding.reader
            records = [(opening.revision, opening.record), (opening.revision + 1, opening.next)]
            if meter.ground:
                records.append((meter.ground.revision, meter.ground.record))
            for revision, opened in records:
                if opened:
                    record = Record(reader=reader, window=bundle.header.window, revision=revision, root=opened.root)
                    root = root_from_proof(record.leaf(self.community), opened.slot, opened.proof)
                    self._batches[opened.batch] = batch_digest(root, opened.time)

    def bindings(self, member: int, window: int) -> Sequence[Binding]:  # noqa: ARG002
        """The bundle's bindings."""
        return [m.binding for m in self._bundle.meters]

    def memberships(self, member: int, window: int) -> Sequence[tuple[Membership, Terms]]:  # noqa: ARG002
        """The bundle's memberships and terms."""
        return [(a.membership, a.terms) for a in self._bundle.agreements]

    def count(self, reader: int, window: int) -> int:  # noqa: ARG002
        """As many revisions as the bundle speaks of."""
        used = [m for m in self._bundle.meters if m.binding.reader == reader]
        counted = [m.opening.revision + 1 for m in used if m.opening.kind == SourceKind.ANCHORED]
        return max([*counted, *(m.ground.revision + 1 for m in used if m.ground)], default=0)

    def batch(self, batch: int) -> bytes:
        """The batch digest that the bundle's own record leads to."""
        return self._batches.get(batch, b"")

    def withheld_at(self, reader: int, window: int) -> int:  # noqa: ARG002
        """Nothing is known offline."""
        return 0


_CHECK_OF_OPENING = {
    "pack": 2,
    "anchored record (none was given)": 2,
    "anchored record": 7,
    "replacement pack": 2,
    "membership's parameters": 3,
}
_CHECK_OF_REASON = {
    Reason.STATEMENT_FIELD: 5,
    Reason.RESULT_MISSING: 5,
    Reason.SOURCE_MISSING: 5,
    Reason.SOURCE_MALFORMED: 5,
    Reason.RESULT_LENGTH: 3,
    Reason.PRICE_DIFFERS: 3,
    Reason.LEVEL_RANGE: 3,
    Reason.LINES_DIFFER: 4,
    Reason.NET_DIFFERS: 4,
}


class _Ledger:
    """Collects the outcome of checks; the first failure of a check stays."""

    def __init__(self) -> None:
        self.found: dict[int, Check] = {}

    def ok(self, check: int) -> None:
        self.found.setdefault(check, Check(id=check, status=CheckStatus.OK))

    def fail(self, check: int, finding: str, *detail: str) -> None:
        if self.found.get(check, Check(id=check, status=CheckStatus.OK)).status is not CheckStatus.FAILED:
            self.found[check] = Check(id=check, status=CheckStatus.FAILED, finding=finding, detail=detail)

    def skip(self, check: int, finding: str) -> None:
        self.found.setdefault(check, Check(id=check, status=CheckStatus.NOT_CHECKED, finding=finding))

    @property
    def failed(self) -> bool:
        return any(c.status is CheckStatus.FAILED for c in self.found.values())

    @property
    def skipped(self) -> bool:
        return any(c.status is CheckStatus.NOT_CHECKED for c in self.found.values())

    def result(self) -> tuple[Check, ...]:
        for check in range(1, 8):
            self.skip(check, "not_reached")
        return tuple(self.found[i] for i in sorted(self.found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the member holds on their own: the community file's facts, who they are, whom they pinned, their own packs.

    own_packs: (meter id) → pack bytes of the bundle's window, from the member's own reader; may be empty.
    """

    community: CommunityRef
    member: int | None = None
    pinned_auditors: tuple[bytes, ...] = ()
    own_packs: Mapping[bytes, bytes] | None = None


def verify_bundle(
    bundle: Bundle,
    expected: Expectation,
    *,
    signed_by: SignedBy,
    chain: ChainView | None,
    foreign: tuple[str, ...] = (),
) -> Report:
    """Run the seven checks. `chain` None is an offline verification.

    foreign: finding and detail where the contracts are not the project's; then they are not asked, and `chain` is None.
    """
    checks = _Ledger()
    if foreign:
        checks.fail(7, foreign[0], *foreign[1:])
        checks.skip(6, "foreign_contracts")
    _identity(bundle, expected, checks)
    bundle = replace(bundle, community=expected.community)  # never the file's own copy
    if chain is not None:
        _stored_copies(bundle, chain, checks)
        bundle = _with_stored_bindings(bundle, chain)
        _sources(bundle, chain, checks)
    _signatures(bundle, expected, signed_by, checks)
    facts: StoredFacts = chain if chain is not None else SelfContainedFacts(bundle)
    for meter in bundle.meters:
        _ground(bundle, meter, facts, checks)
    verdict = _recomputation(bundle, facts, checks)
    posting = _posting(bundle, chain, checks)
    pinned = _pinned(posting, expected)
    stated = () if bundle.statement.empty else decode_lines(bundle.statement.lines)
    differences = _differences(bundle, stated, verdict.lines) if verdict and verdict.reason in _DIFFER else ()
    return Report(
        outcome=_outcome(checks, posting, pinned),
        checks=checks.result(),
        amounts=_amounts(bundle, stated),
        differences=differences,
        posting=posting,
        attested_by_pinned=pinned,
    )


_DIFFER = (Reason.LINES_DIFFER, Reason.NET_DIFFERS)


def _identity(bundle: Bundle, expected: Expectation, checks: _Ledger) -> None:
    theirs, ours = bundle.community, expected.community
    facts = ("id", "chain_id", "offset_hours", "depth", "registry", "agreements", "reading_log", "settlement")
    if any(getattr(theirs, f) != getattr(ours, f) for f in facts):
        checks.fail(1, "other_community")
    elif expected.member is not None and expected.member != bundle.member:
        checks.fail(1, "other_member", str(bundle.member), str(expected.member))
    else:
        checks.ok(1)


def _signatures(bundle: Bundle, expected: Expectation, signed_by: SignedBy, checks: _Ledger) -> None:
    for meter in bundle.meters:
        opening = meter.opening
        if opening.challenge or opening.empty_position:
            checks.fail(2, "disputed_source", str(meter.binding.id))
        if opening.kind != SourceKind.ANCHORED or opening.record is None:
            continue  # of a replacement the ground decides: an own copy may have been anchored too late
        own = (expected.own_packs or {}).get(meter.binding.meter)
        if own is not None and own != opening.pack:
            checks.fail(2, "own_pack_differs", str(meter.binding.id))
        act = Anchor(
            reader=meter.binding.reader,
            window=bundle.header.window,
            revision=opening.revision,
            root=opening.record.root,
        )
        if not signed_by(meter.reader_key, act.digest(bundle.community.id), meter.signature):
            checks.fail(2, "reader_signature", str(meter.binding.reader))


def _stored_copies(bundle: Bundle, chain: ChainView, checks: _Ledger) -> None:
    """Bindings and memberships may have been given an earlier end since; on the bundle's day they held all the same."""
    window = bundle.header.window
    held = [replace(b, end_day=0) for b in chain.bindings(bundle.member, window)]
    if held != [replace(m.binding, end_day=0) for m in bundle.meters]:
        checks.fail(7, "bindings_differ")
    places = [(replace(m, end_day=0), t) for m, t in chain.memberships(bundle.member, window)]
    if places != [(replace(a.membership, end_day=0), a.terms) for a in bundle.agreements]:
        checks.fail(7, "memberships_differ")
    for meter in bundle.meters:
        if meter.signature and meter.reader_key not in chain.reader_keys(meter.binding.reader):
            checks.fail(7, "reader_key_differs", str(meter.binding.reader))
    checks.ok(7)


def _with_stored_bindings(bundle: Bundle, chain: ChainView) -> Bundle:
    """The bundle with the chain's bindings in place of the file's copies, which check 7 has compared."""
    stored = {b.id: b for b in chain.bindings(bundle.member, bundle.header.window)}
    return replace(bundle, meters=tuple(replace(m, binding=stored.get(m.binding.id, m.binding)) for m in bundle.meters))


def _sources(bundle: Bundle, chain: ChainView, checks: _Ledger) -> None:
    """Whether each source is the newest at the cut-off, and each replacement had a ground (R5)."""
    window, as_of = bundle.header.window, bundle.header.as_of
    posting = chain.posting(bundle.sequence)
    for meter in bundle.meters:
        opening, reader = meter.opening, meter.binding.reader
        count = chain.count(reader, window)
        in_time = [r for r in range(count) if chain.anchored_at(reader, window, r) <= as_of]
        newest = in_time[-1] if in_time else None
        if opening.kind == SourceKind.ANCHORED and newest is not None and newest > opening.revision:
            checks.fail(2, "reason_source_stale")
        if opening.kind != SourceKind.REPLACED or opening.revision != REPLACEMENT_REVISION:
            continue
        withheld = chain.withheld_at(reader, window)
        recorded = posting is not None and 0 < withheld < posting.posted_at
        if meter.ground.revision != newest if meter.ground else in_time and not recorded:
            checks.fail(2, "replacement_unproven")


def _ground(bundle: Bundle, meter: BundleMeter, facts: StoredFacts, checks: _Ledger) -> None:
    """Whether an opened ground is one: the position empty in the anchored tree, or its pack unfit (R5)."""
    ground, binding, window = meter.ground, meter.binding, bundle.header.window
    if ground is None or meter.opening.kind != SourceKind.REPLACED:
        return
    record = ground.record
    leaf = EMPTY if ground.empty else pack_leaf(ground.pack)
    proven = proves(record.root, leaf, binding.position, ground.proof, facts.depth)
    if record.time > bundle.header.as_of or not proven:
        checks.fail(2, "bad_opening", "ground of a replacement")
    elif not ground.empty and not pack_fault(
        ground.pack,
        community=facts.community,
        meter=binding.meter,
        window=window,
        revision=ground.revision,
        slot_count=facts.zone.slot_count(window),
    ):
        checks.fail(2, "reason_replacement_unfounded")
    if ground.revision >= facts.count(binding.reader, window):
        return  # never anchored: check 2 has said so
    try:
        check_record(facts, binding.reader, window, ground.revision, record)
    except BadOpening as error:
        checks.fail(7, "bad_opening", error.what)


def _recomputation(bundle: Bundle, facts: StoredFacts, checks: _Ledger) -> Verdict | None:
    try:
        verdict = recompute(facts, bundle.header, bundle.member, bundle.opening)
    except BadOpening as error:
        checks.fail(_CHECK_OF_OPENING.get(error.what, 5), "bad_opening", error.what)
        return None
    if verdict.reason is None:
        places = facts.memberships(bundle.member, bundle.header.window)
        for (membership, terms), opened in zip(places, bundle.agreements, strict=True):
            if any(both_curtailed(terms.key, triple) for triple in decode_triples(opened.opening.triples)):
                checks.fail(3, "reason_both_curtailed", str(membership.agreement))  # refuteLevels, not refute
        for check in (2, 3, 4, 5):
            checks.ok(check)
        return verdict
    failed = _CHECK_OF_REASON.get(verdict.reason, 2)
    checks.fail(failed, f"reason_{verdict.reason.name.lower()}")
    if verdict.reason in _DIFFER:  # everything before the comparison held
        for check in (2, 3, 5):
            checks.ok(check)
    return verdict


def _posting(bundle: Bundle, chain: ChainView | None, checks: _Ledger) -> PostingFacts | None:
    if chain is None:
        checks.skip(6, "offline")
        checks.skip(7, "offline")
        return None
    posting = chain.posting(bundle.sequence)
    if posting is None or posting.state is PostingState.UNKNOWN:
        checks.fail(6, "not_posted", str(bundle.sequence))
    elif posting.digest != bundle.digest:
        checks.fail(6, "other_digest", str(bundle.sequence))
    elif posting.state is PostingState.VOID:
        checks.fail(6, "void", str(bundle.sequence))
    else:
        checks.ok(6)
    return posting


def _pinned(posting: PostingFacts | None, expected: Expectation) -> int:
    return len(set(posting.attested_by) & set(expected.pinned_auditors)) if posting else 0


def _outcome(checks: _Ledger, posting: PostingFacts | None, pinned: int) -> Outcome:
    if checks.failed:
        return Outcome.NOT_VERIFIED
    if posting is None or checks.skipped:
        return Outcome.INCOMPLETE
    if posting.state is PostingState.POSTED:
        return Outcome.NOT_FINAL
    return Outcome.VERIFIED if pinned else Outcome.CONSISTENT


def _differences(bundle: Bundle, stated: Sequence[Line], rules: Sequence[Line]) -> tuple[Difference, ...]:
    labels = {a.membership.agreement: a.label for a in bundle.agreements}
    by_stated, by_rules = ({line.agreement: line for line in lines} for lines in (stated, rules))
    return tuple(
        Difference(
            agreement=agreement,
            label=labels.get(agreement, ""),
            stated=by_stated.get(agreement),
            rules=by_rules.get(agreement),
        )
        for agreement in sorted({*by_stated, *by_rules})
        if by_stated.get(agreement) != by_rules.get(agreement)
    )


def _amounts(bundle: Bundle, stated: Sequence[Line]) -> DayAmounts | None:
    """Sums for the reader; None where a pack cannot be read (a check has failed then)."""
    slots = Zone(offset_hours=bundle.community.offset_hours).slot_count(bundle.header.window)
    try:
        packs = [decode_pack(m.opening.pack) for m in bundle.meters]
    except UnreadablePack:
        return None
    if any(len(p.status) != slots for p in packs):
        return None
    return DayAmounts(
        drew_mwh=sum(sum(p.import_mwh) for p in packs),
        fed_in_mwh=sum(sum(p.export_mwh) for p in packs),
        taken_mwh=sum(line.taken_mwh for line in stated),
        given_mwh=sum(line.given_mwh for line in stated),
        net_peur=0 if bundle.statement.empty else bundle.statement.statement.net_peur,
        slots_not_measured=sum(s is not Status.MEASURED for p in packs for s in p.status),
        true_up_import_mwh=sum(m.true_up.import_mwh for m in bundle.meters if m.true_up),
        true_up_export_mwh=sum(m.true_up.export_mwh for m in bundle.meters if m.true_up),
    )

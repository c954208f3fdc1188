"""One posting recomputed from the chain's facts, the readers' packs and the audit file. Pure: no node, no files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lindenstrom.audit.balance import first_imbalance
from lindenstrom.audit.erased import (
    erasable_from,
    opened_result_leaf,
    opened_source_leaf,
    remaining_differences,
    statement_leaf,
)
from lindenstrom.audit.file import AuditFile, Erased, OpenedSource
from lindenstrom.audit.findings import Difference, Kind, MeterTrueUp, ReplacedMeter
from lindenstrom.audit.replacements import Earlier, replacement_difference
from lindenstrom.chain.contracts import Posting
from lindenstrom.core.allocation import DayResult, MemberEnergy, Place
from lindenstrom.core.calendar import Zone
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import (
    REPLACEMENT_REVISION,
    Registers,
    pack_fault,
)
from lindenstrom.core.refutation import Reason, triple_fault
from lindenstrom.core.replacement import true_up
from lindenstrom.core.statements import (
    TRIPLE_BYTES,
    SourceKind,
    decode_lines,
    decode_triples,
    encode_lines,
    encode_triples,
)
from lindenstrom.core.terms import BadParameters, Binding, Parameters
from lindenstrom.readings import Finding, clear_window, member_energy, pack_registers, slots_not_measured
from lindenstrom.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReading:
    """A meter's newest end registers in an audited posting."""

    window: int
    sequence: int
    end: Registers
    replaced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedDay:
    """What the chain and the readers say about one posting.

    as_of: what the community's constants give revision 0; now: the chain's clock, unix time.
    """

    community: bytes
    depth: int
    zone: Zone
    posting: Posting
    as_of: int
    roster: Roster
    findings: Sequence[Finding]
    withheld: Callable[[int], bool]
    now: int

    @property
    def window(self) -> int:
        """The posting's window."""
        return self.posting.window

    @property
    def slot_count(self) -> int:
        """Slots of the window."""
        return self.zone.slot_count(self.posting.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What a recomputation found; differences alone where it stopped. readings: the last one per meter."""

    differences: tuple[Difference, ...]
    replaced: tuple[ReplacedMeter, ...] = ()
    true_ups: tuple[MeterTrueUp, ...] = ()
    register_gaps: tuple[int, ...] = ()
    readings: Mapping[bytes, LastReading] = field(default_factory=dict)
    slots_not_measured: int = 0
    members: int = 0
    erased: tuple[Erased, ...] = ()


def recompute_day(day: PostedDay, file: AuditFile, before: Mapping[bytes, LastReading], earlier: Earlier) -> Recomputed:
    """Recompute a posting. before: per meter, the last reading of earlier days; earlier: days for replacements.

    Stops where nothing further can be said (a header or a source that does not fit), else gives the first difference
    of each kind.
    """
    differences = list(_header(day, file))
    packs: dict[int, bytes] = {}
    replaced: list[ReplacedMeter] = []
    if file.erased and not differences:
        due = day.now > erasable_from(day.zone, day.window)
        return Recomputed(differences=tuple(remaining_differences(file, day.depth, due=due)), erased=file.erased)
    if not differences:
        differences += _sources(day, file, packs, replaced)
    gaps: list[int] = []
    true_ups: list[MeterTrueUp] = []
    if not differences:
        instead = {r.binding for r in replaced}
        differences += _registers(day, packs, instead, before, gaps, true_ups)
        differences += _clearing(day, file, packs)
        differences += _replacements(day, packs, instead, earlier)
    readings = {
        b.meter: LastReading(
            window=day.window,
            sequence=day.posting.sequence,
            end=pack_registers(packs[b.id])[1],
            replaced=b.id in {r.binding for r in replaced},
        )
        for b in day.roster.live_bindings(day.window)
        if b.id in packs
    }
    order = list(Kind)
    return Recomputed(
        differences=tuple(sorted(_first_of_kind(differences), key=lambda d: order.index(d.kind))),
        replaced=tuple(replaced),
        true_ups=tuple(true_ups),
        register_gaps=tuple(gaps),
        readings=readings,
        slots_not_measured=sum(slots_not_measured(p, day.slot_count) for p in packs.values()),
        members=len({b.member for b in day.roster.live_bindings(day.window)} | set(day.roster.live_places(day.window))),
    )


def _first_of_kind(differences: Sequence[Difference]) -> list[Difference]:
    found: dict[Kind, Difference] = {}
    for difference in differences:
        found.setdefault(difference.kind, difference)
    return list(found.values())


def _header(day: PostedDay, file: AuditFile) -> Iterator[Difference]:
    header, posting = file.header, day.posting
    if (file.community, file.sequence) != (day.community, posting.sequence):
        yield Difference(kind=Kind.FILE, what="it was made for another community or posting")
    elif header.digest(day.community, posting.sequence) != posting.digest:
        yield Difference(kind=Kind.HEADER, what="its header does not lead to the digest on the chain")
    elif (header.window, header.revision, header.as_of) != (posting.window, posting.revision, posting.as_of):
        yield Difference(kind=Kind.HEADER, what="its header is not the one on the chain")
    elif header.revision and not day.as_of < header.as_of <= posting.posted_at:
        yield Difference(kind=Kind.HEADER, what="its cut-off is not between that of the first posting and its own time")
    elif not header.revision and header.as_of != day.as_of:
        yield Difference(kind=Kind.HEADER, what="its cut-off is not the end of the window and the close delay")


# --- sources


def leads_to_sources(file: AuditFile, depth: int) -> bool:
    """Whether the opened sources are those of the header's root."""
    leaves = {s.binding: opened_source_leaf(s) for s in file.sources}
    return PositionalTree(depth=depth, leaves=_inside(leaves, depth)).root == file.header.sources_root


def _sources(
    day: PostedDay, file: AuditFile, packs: dict[int, bytes], replaced: list[ReplacedMeter]
) -> Iterator[Difference]:
    if not leads_to_sources(file, day.depth):
        yield Difference(kind=Kind.SOURCES, what="the opened sources do not lead to the posted root")
        return
    opened = {s.binding: s for s in file.sources}
    for finding in day.findings:
        source = opened.pop(finding.binding.id, None)
        yield from _source(day, finding, source, packs, replaced)
    for binding in sorted(opened):
        yield Difference(kind=Kind.SOURCES, what="a source for a meter that is not bound on this day", binding=binding)


def _source(
    day: PostedDay,
    finding: Finding,
    source: OpenedSource | None,
    packs: dict[int, bytes],
    replaced: list[ReplacedMeter],
) -> Iterator[Difference]:
    binding = finding.binding
    if source is None:
        yield _at(Kind.SOURCES, binding, "a bound meter without a source")
    elif source.kind == SourceKind.ANCHORED and not source.pack:
        if finding.undelivered:
            yield _at(Kind.PACKS, binding, "the reader's packs were not delivered, so nothing can be checked")
        elif not finding.pack or finding.anchoring is None:
            yield _at(Kind.SOURCES, binding, f"it counts as read, but {finding.ground}")
        elif source.revision != finding.anchoring.record.revision:
            yield _at(Kind.SOURCES, binding, "its revision is not the newest at the cut-off")
        else:
            packs[binding.id] = finding.pack
    elif source.kind == SourceKind.REPLACED and source.revision == REPLACEMENT_REVISION:
        withheld = day.withheld(binding.reader)
        if finding.ground is None and not withheld:
            why = "the reader's packs were not delivered" if finding.undelivered else "the reader's good pack was there"
            yield _at(Kind.REPLACEMENTS, binding, f"it was replaced, but {why}")
            return
        fault = _replacement_fault(day, binding, source.pack)
        if fault:
            yield _at(Kind.REPLACEMENTS, binding, fault)
            return
        packs[binding.id] = source.pack
        ground = "an auditor recorded that the reader withholds its packs" if withheld else str(finding.ground)
        replaced.append(ReplacedMeter(binding=binding.id, member=binding.member, ground=ground))
    else:
        yield _at(Kind.SOURCES, binding, "its source has no valid form")


def _replacement_fault(day: PostedDay, binding: Binding, data: bytes) -> str:
    fault = pack_fault(
        data,
        community=day.community,
        meter=binding.meter,
        window=day.window,
        revision=REPLACEMENT_REVISION,
        slot_count=day.slot_count,
    )
    return "" if fault is None else "its replacement does not pass the format check"


def _replacements(
    day: PostedDay, packs: Mapping[int, bytes], replaced: set[int], earlier: Earlier
) -> Iterator[Difference]:
    for binding in day.roster.live_bindings(day.window):
        if binding.id in replaced:
            found = replacement_difference(day.zone, day.window, binding, packs[binding.id], earlier)
            if found is not None:
                yield found


# --- registers


def _registers(
    day: PostedDay,
    packs: Mapping[int, bytes],
    replaced: set[int],
    before: Mapping[bytes, LastReading],
    gaps: list[int],
    true_ups: list[MeterTrueUp],
) -> Iterator[Difference]:
    """I4 from day to day: between two readings a jump is a difference, after a replacement it is the true-up.

    A jump beside a day that was not posted before is a listed gap.
    """
    for binding in day.roster.live_bindings(day.window):
        last = before.get(binding.meter)
        start = pack_registers(packs[binding.id])[0]
        if last is None or start == last.end:
            continue
        apart = last.window + 1 != day.window or last.sequence > day.posting.sequence
        if binding.id in replaced and not apart:
            yield _at(Kind.REGISTERS, binding, "its replacement does not begin where the last reading ended")
        elif apart:
            gaps.append(binding.id)
        elif last.replaced:
            found = true_up(last.end, start)
            true_ups.append(
                MeterTrueUp(
                    binding=binding.id,
                    member=binding.member,
                    import_mwh=found.import_mwh,
                    export_mwh=found.export_mwh,
                )
            )
        else:
            yield _at(Kind.REGISTERS, binding, "it does not begin where the day before ended")


# --- clearing


def _clearing(day: PostedDay, file: AuditFile, packs: Mapping[int, bytes]) -> Iterator[Difference]:
    opened: dict[bytes, Parameters] = {}
    wrong = list(_parameters(day, file, opened))
    if wrong:
        yield from wrong
        return
    owners = {b.id: b.member for b in day.roster.live_bindings(day.window)}
    energy = member_energy(((owners[b], pack) for b, pack in packs.items()), day.slot_count)
    rules = clear_window(roster=day.roster, window=day.window, slot_count=day.slot_count, energy=energy, opened=opened)
    yield from _results(day, file, rules)
    yield from _statements(day, file, rules)
    yield from _balances(day, file, energy, opened)


def _parameters(day: PostedDay, file: AuditFile, opened: dict[bytes, Parameters]) -> Iterator[Difference]:
    given = {(p.member, p.agreement): p for p in file.parameters}
    for places in day.roster.live_places(day.window).values():
        for place in places:
            member, agreement = place.member, place.membership.agreement
            p = given.get((member, agreement))
            what = ""
            if p is None:
                what = "the parameters of a membership are not opened"
            else:
                try:
                    parameters = Parameters(
                        weight=p.weight, share_ppm=p.share_ppm, limit_ueur_kwh=p.limit_ueur_kwh, salt=p.salt
                    )
                except BadParameters:
                    what = "the parameters are out of range"
                else:
                    opened[place.membership.parameters] = parameters
                    if parameters.commitment != place.membership.parameters:
                        what = "the opened parameters are not the signed ones"
            if what:
                yield Difference(kind=Kind.PARAMETERS, what=what, member=member, agreement=agreement)


_LEVELS: dict[Reason | None, str] = {
    Reason.PRICE_DIFFERS: "the price is not one of the terms'",
    Reason.LEVEL_RANGE: "a level is out of range",
    Reason.BOTH_CURTAILED: "takers and givers are both held back",
}
"""Faults that any party could show to the contract."""
_OTHERWISE = "price or levels are not what the rules give"


def _results(day: PostedDay, file: AuditFile, rules: DayResult) -> Iterator[Difference]:
    leaves = {r.agreement: opened_result_leaf(r) for r in file.results}
    if PositionalTree(depth=day.depth, leaves=_inside(leaves, day.depth)).root != file.header.results_root:
        yield Difference(kind=Kind.RESULTS, what="the opened levels do not lead to the posted root")
        return
    stated = {r.agreement: r.triples for r in file.results}
    for agreement in sorted({*stated, *rules.triples}):
        if agreement not in stated:
            yield Difference(kind=Kind.RESULTS, what="an agreement without a result", agreement=agreement)
        elif agreement not in rules.triples:
            yield Difference(kind=Kind.RESULTS, what="a result for an agreement that nobody is in", agreement=agreement)
        else:
            due, found = encode_triples(rules.triples[agreement]), stated[agreement]
            if len(found) != len(due):
                yield Difference(kind=Kind.RESULTS, what="levels for another number of slots", agreement=agreement)
            elif found != due:
                slot = next(
                    i
                    for i in range(day.slot_count)
                    if found[i * TRIPLE_BYTES :][:TRIPLE_BYTES] != due[i * TRIPLE_BYTES :][:TRIPLE_BYTES]
                )
                terms, triple = day.roster.terms[agreement], decode_triples(found)[slot]
                reason = triple_fault(terms, triple, day.depth)
                yield Difference(
                    kind=Kind.RESULTS, what=_LEVELS.get(reason, _OTHERWISE), agreement=agreement, slot=slot
                )


def _statements(day: PostedDay, file: AuditFile, rules: DayResult) -> Iterator[Difference]:
    leaves = {s.member: statement_leaf(day.community, file.header, s) for s in file.statements}
    if PositionalTree(depth=day.depth, leaves=_inside(leaves, day.depth)).root != file.header.statements_root:
        yield Difference(kind=Kind.STATEMENTS, what="the opened statements do not lead to the posted root")
        return
    stated = {s.member: s for s in file.statements}
    for member in sorted({*stated, *rules.lines}):
        if member not in stated:
            yield Difference(kind=Kind.STATEMENTS, what="a member without a statement", member=member)
            continue
        if member not in rules.lines:
            yield Difference(kind=Kind.STATEMENTS, what="a statement for a member without agreements", member=member)
            continue
        due, found = rules.lines[member], stated[member]
        if encode_lines(due) != found.lines:
            lines = {line.agreement: line for line in decode_lines(found.lines)}
            agreement = next((line.agreement for line in due if lines.get(line.agreement) != line), None)
            yield Difference(
                kind=Kind.STATEMENTS, what="the lines are not what the rules give", member=member, agreement=agreement
            )
        elif found.net_peur != rules.net_peur(member):
            yield Difference(kind=Kind.STATEMENTS, what="the net is not the sum of the lines", member=member)


def _balances(
    day: PostedDay, file: AuditFile, energy: Mapping[int, MemberEnergy], opened: Mapping[bytes, Parameters]
) -> Iterator[Difference]:
    if sum({s.member: s.net_peur for s in file.statements}.values()) != 0:
        yield Difference(kind=Kind.MONEY, what="the nets of all members and accounts do not sum to zero")
    live = [place for places in day.roster.live_places(day.window).values() for place in places]
    agreements = {p.membership.agreement: p.terms for p in live}
    triples = {r.agreement: decode_triples(r.triples) for r in file.results}
    if any(len(triples.get(a, ())) != day.slot_count for a in agreements):
        return  # named by the comparison of levels
    places = [
        Place(
            member=p.member,
            agreement=p.membership.agreement,
            role=p.membership.role,
            parameters=opened[p.membership.parameters],
        )
        for p in live
    ]
    wrong = first_imbalance(
        slot_count=day.slot_count,
        energy=energy,
        agreements=agreements,
        places=places,
        triples=triples,
        depth=day.depth,
    )
    if wrong is not None:
        yield Difference(
            kind=Kind.ENERGY,
            what="at the posted levels, taken and given energy do not balance",
            agreement=wrong[0],
            slot=wrong[1],
        )


def _inside(leaves: Mapping[int, bytes], depth: int) -> dict[int, bytes]:
    """Leaves that fit into the tree; one that does not makes the root differ, unless it changes nothing."""
    return {position: leaf for position, leaf in leaves.items() if position < 2**depth}


def _at(kind: Kind, binding: Binding, what: str) -> Difference:
    return Difference(kind=kind, what=what, member=binding.member, binding=binding.id, reader=binding.reader)

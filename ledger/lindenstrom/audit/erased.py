"""Audit files after an erasure (R9): what is taken out, and what the rest still proves. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from lindenstrom.audit.file import AuditFile, Erasable, Erased, OpenedResult, OpenedSource, OpenedStatement
from lindenstrom.audit.findings import Difference, Kind
from lindenstrom.core.calendar import CORRECTION_PERIOD_S, Zone
from lindenstrom.core.hashing import TAG_SOURCE, keccak, u8, u16
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import pack_leaf
from lindenstrom.core.statements import Header, Statement, decode_lines, lines_commitment, result_leaf

ORDER = tuple(Erasable)


def erasable_from(zone: Zone, window: int) -> int:
    """When the corrections of a window have ended, unix time."""
    return zone.window_end(window) + CORRECTION_PERIOD_S


def without(file: AuditFile, what: Erasable, member: int | None, bindings: Collection[int] | None) -> AuditFile:
    """The file without everybody's (member None, bindings None) or one member's data. Repeatable.

    bindings: the member's. Levels are shared: they go with everybody's intervals only.
    """
    depth, header = ORDER.index(what), file.header

    def mine(of: int) -> bool:
        return member is None or of == member

    def statement(s: OpenedStatement) -> OpenedStatement:
        if not mine(s.member) or s.leaf or what is Erasable.INTERVALS:
            return s
        if what is Erasable.TOTALS:
            return OpenedStatement(member=s.member, leaf=statement_leaf(file.community, header, s))
        return replace(s, lines=b"", lines_salt=b"", lines_commitment=_commitment(s))

    def source(s: OpenedSource) -> OpenedSource:
        if not s.pack or (bindings is not None and s.binding not in bindings):
            return s
        return replace(s, pack=b"", replacement=pack_leaf(s.pack))

    results = file.results
    if member is None:
        results = tuple(OpenedResult(agreement=r.agreement, leaf=opened_result_leaf(r)) for r in results)
    said = {(e.what, e.member) for e in file.erased} | {(kind, member) for kind in ORDER[: depth + 1]}
    said = {(kind, of) for kind, of in said if of is None or (kind, None) not in said}
    return replace(
        file,
        statements=tuple(map(statement, file.statements)),
        results=results,
        parameters=tuple(p for p in file.parameters if not mine(p.member)),
        sources=tuple(map(source, file.sources)),
        erased=tuple(
            Erased(what=kind, member=of)
            for kind, of in sorted(said, key=lambda e: (ORDER.index(e[0]), -1 if e[1] is None else e[1]))
        ),
    )


def statement_leaf(community: bytes, header: Header, s: OpenedStatement) -> bytes:
    """Leaf of a statement, whatever is left of it."""
    if s.leaf:
        return s.leaf
    return Statement(
        community=community,
        window=header.window,
        revision=header.revision,
        index=s.member,
        lines_commitment=_commitment(s),
        net_peur=s.net_peur,
        salt=s.salt,
    ).leaf


def opened_result_leaf(r: OpenedResult) -> bytes:
    """Leaf of a result, whatever is left of it."""
    return r.leaf or result_leaf(r.salt, r.triples)


def opened_source_leaf(s: OpenedSource) -> bytes:
    """Leaf of a source, whatever is left of it."""
    replacement = s.replacement or (pack_leaf(s.pack) if s.pack else bytes(32))
    return keccak(TAG_SOURCE + u8(s.kind) + u16(s.revision) + replacement)


def remaining_differences(file: AuditFile, depth: int, *, due: bool) -> Iterator[Difference]:
    """What can still be checked of an erased day whose header is the posted one.

    All that is left leads to the posted roots; open lines add up to their nets; open nets to zero. due: whether the
    day's corrections have ended, since nothing may be erased before.
    """
    if not due:
        yield Difference(kind=Kind.FILE, what="something is erased in it although the day can still be corrected")
    h = file.header
    roots = (
        (Kind.SOURCES, "sources", h.sources_root, {s.binding: opened_source_leaf(s) for s in file.sources}),
        (Kind.RESULTS, "levels", h.results_root, {r.agreement: opened_result_leaf(r) for r in file.results}),
        (
            Kind.STATEMENTS,
            "statements",
            h.statements_root,
            {s.member: statement_leaf(file.community, h, s) for s in file.statements},
        ),
    )
    for kind, name, root, leaves in roots:
        inside = {at: leaf for at, leaf in leaves.items() if at < 2**depth}
        if PositionalTree(depth=depth, leaves=inside).root != root:
            yield Difference(kind=kind, what=f"what is left of the {name} does not lead to the posted root")
            return
    for s in file.statements:
        if not s.leaf and not s.lines_commitment and sum(x.amount_peur for x in decode_lines(s.lines)) != s.net_peur:
            yield Difference(kind=Kind.STATEMENTS, what="the net is not the sum of the lines", member=s.member)
            return
    if not any(s.leaf for s in file.statements) and sum(s.net_peur for s in file.statements) != 0:
        yield Difference(kind=Kind.MONEY, what="the nets of all members and accounts do not sum to zero")


def _commitment(s: OpenedStatement) -> bytes:
    return s.lines_commitment or lines_commitment(s.lines_salt, s.lines)

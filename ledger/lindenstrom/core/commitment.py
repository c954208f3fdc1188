"""From a day's result to the three roots that are posted (R6), and back to what each member needs to check them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lindenstrom.core.allocation import DayResult
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.statements import (
    Header,
    Source,
    Statement,
    encode_lines,
    encode_triples,
    lines_commitment,
    result_leaf,
)

SaltOf = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySalts:
    """The salts of a posting: per agreement for levels, per member for lines and totals."""

    level: SaltOf
    line: SaltOf
    total: SaltOf


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedDay:
    """A day ready to be posted: header, trees and the statements in them."""

    header: Header
    sequence: int
    digest: bytes
    statements: Mapping[int, Statement]
    statements_tree: PositionalTree
    results_tree: PositionalTree
    sources_tree: PositionalTree


def commit_day(
    *,
    community: bytes,
    window: int,
    revision: int,
    as_of: int,
    sequence: int,
    depth: int,
    result: DayResult,
    sources: Mapping[int, Source],
    salts: DaySalts,
) -> CommittedDay:
    """Build the trees. sources: by binding id; result's lines by member index. Same inputs, same bytes (I7)."""
    statements = {
        member: Statement(
            community=community,
            window=window,
            revision=revision,
            index=member,
            lines_commitment=lines_commitment(salts.line(member), encode_lines(lines)),
            net_peur=result.net_peur(member),
            salt=salts.total(member),
        )
        for member, lines in result.lines.items()
    }
    statements_tree = PositionalTree(depth=depth, leaves={m: s.leaf for m, s in statements.items()})
    results_tree = PositionalTree(
        depth=depth,
        leaves={a: result_leaf(salts.level(a), encode_triples(t)) for a, t in result.triples.items()},
    )
    sources_tree = PositionalTree(depth=depth, leaves={b: s.leaf for b, s in sources.items()})
    header = Header(
        window=window,
        revision=revision,
        as_of=as_of,
        statements_root=statements_tree.root,
        results_root=results_tree.root,
        sources_root=sources_tree.root,
    )
    return CommittedDay(
        header=header,
        sequence=sequence,
        digest=header.digest(community, sequence),
        statements=statements,
        statements_tree=statements_tree,
        results_tree=results_tree,
        sources_tree=sources_tree,
    )

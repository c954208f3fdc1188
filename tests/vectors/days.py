"""Whole days of made-up communities, from readings to roots: what the contract computes of an opening, to the byte."""

from typing import Any

from lindenstrom.core.packs import decode_pack
from lindenstrom.core.statements import encode_lines, encode_triples
from tests.support.example_day import salt_of
from tests.support.made_day import WINDOWS, MadeDay, made_day
from tests.vectors.bundle_days import REF

DAYS = ((4, WINDOWS[0]), (21, WINDOWS[1]), (30, WINDOWS[2]))
"""Seeds: among them every key, every price rule, replaced meters and swaps; 100, 96 and 92 quarter-hours."""


def h(data: bytes) -> str:
    return "0x" + data.hex()


def metered(day: MadeDay, member: int) -> tuple[list[int], list[int]]:
    """Draw and feed-in per slot over all of a member's meters, mWh."""
    packs = [decode_pack(day.pack(b)) for b in day.bindings(member, day.window)]
    sides = ([p.import_mwh for p in packs], [p.export_mwh for p in packs])
    draw, feed = ([sum(values) for values in zip(*side, strict=True)] for side in sides)
    return draw, feed


def case(seed: int, window: int) -> dict[str, Any]:
    """One community's posting, and member 2's bill in it."""
    day = made_day(seed, REF, window=window)
    committed, result, sources = day.committed(), day.result(), day.sources()
    member = 2
    held = day.memberships(member, window)
    own = {p.agreement: p.parameters for p in day.places if p.member == member}
    draw, feed = metered(day, member)
    statement = committed.statements[member]
    agreements = sorted(result.triples)
    return {
        "community": h(day.community), "window": window, "slots": day.slots, "depth": day.depth, "member": member,
        "draw": [str(x) for x in draw], "feed": [str(x) for x in feed],
        "agreement": [m.agreement for m, _ in held],
        "key": [int(t.key) for _, t in held], "rule": [int(t.rule) for _, t in held],
        "priceA": [t.price_a_ueur_kwh for _, t in held], "priceB": [t.price_b_ueur_kwh for _, t in held],
        "fee": [t.fee_ueur_kwh for _, t in held], "cap": [t.cap_mwh for _, t in held],
        "role": [int(m.role) for m, _ in held],
        "weight": [own[m.agreement].weight for m, _ in held], "share": [own[m.agreement].share_ppm for m, _ in held],
        "limit": [own[m.agreement].limit_ueur_kwh for m, _ in held],
        "salt": [h(own[m.agreement].salt) for m, _ in held],
        "parameters": [h(m.parameters) for m, _ in held],
        "triples": [h(encode_triples(result.triples[m.agreement])) for m, _ in held],
        "lines": h(encode_lines(result.lines[member])), "net": str(statement.net_peur),
        "linesSalt": h(salt_of("line", member)), "totalSalt": h(statement.salt),
        "statementLeaf": h(statement.leaf),
        "statements": list(committed.statements_tree.leaves),
        "statementLeaves": [h(leaf) for leaf in committed.statements_tree.leaves.values()],
        "results": agreements, "resultLeaves": [h(committed.results_tree.leaves[a]) for a in agreements],
        "resultSalts": [h(salt_of("level", a)) for a in agreements],
        "sources": list(sources), "sourceLeaves": [h(s.leaf) for s in sources.values()],
        "kind": [int(s.kind) for s in sources.values()], "revision": [s.revision for s in sources.values()],
        "replacement": [h(s.replacement) for s in sources.values()],
        "sequence": committed.sequence, "asOf": committed.header.as_of,
        "statementsRoot": h(committed.header.statements_root), "resultsRoot": h(committed.header.results_root),
        "sourcesRoot": h(committed.header.sources_root), "digest": h(committed.digest),
    }  # fmt: skip


def day_vectors() -> dict[str, Any]:
    """All cases."""
    return {"cases": [case(*day) for day in DAYS]}

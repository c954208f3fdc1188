"""Writes the shared vectors that the Python and the Solidity suite both read. Run: python tests/vectors/generate.py

Parallel arrays of texts, since that is what both readers parse without losing digits.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

from lindenstrom.core.calendar import Zone, parse_date, window_of
from lindenstrom.core.clearing import (
    NOT_LIMITED,
    ONE,
    RANK_SHIFT,
    Party,
    Triple,
    auction,
    given,
    levels,
    party_given,
    party_taken,
    taken,
)
from lindenstrom.core.eip712 import (
    Act,
    Anchor,
    Bind,
    Countersign,
    Demand,
    Join,
    Leave,
    Offer,
    Receipt,
    Refute,
    RefuteLevels,
    RotateAccount,
    RotateReader,
    Unbind,
    domain_separator,
)
from lindenstrom.core.hashing import keccak
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import Break, Pack, Registers, Status
from lindenstrom.core.refutation import triple_fault
from lindenstrom.core.replacement import DayValues, history, replacement_pack
from lindenstrom.core.statements import (
    Header,
    Line,
    Record,
    Source,
    Statement,
    batch_digest,
    encode_lines,
    encode_triples,
    lines_commitment,
)
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms, parameters_commitment

HERE = Path(__file__).parent
COMMUNITY = keccak(b"example community")


def h(data: bytes) -> str:
    return "0x" + data.hex()


def calendar_vectors() -> dict[str, Any]:
    days = ["2026-01-01", "2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25", "2026-10-26",
            "2027-03-28", "2027-10-31", "2028-02-29", "2028-03-26", "2030-03-31", "2099-12-31",
            "2100-03-28"]  # fmt: skip
    rows = [(window_of(parse_date(d)), offset) for d in days for offset in (0, 1, 2)]
    return {
        "window": [w for w, _ in rows],
        "offset": [o for _, o in rows],
        "first": [Zone(offset_hours=o).first_slot(w) for w, o in rows],
        "count": [Zone(offset_hours=o).slot_count(w) for w, o in rows],
    }


def clearing_vectors() -> dict[str, Any]:
    rng = random.Random(20261025)
    edge_c, edge_l = (0, 1, 2**32 - 1, 10**6), (0, 1, ONE - 1, ONE, 2**63, NOT_LIMITED)
    weights = (0, 1, 333_333, 10**6, 2**32 - 1)
    cases = [(key, c, lv, k) for key in Key for c in edge_c for lv in edge_l for k in weights]
    rank_levels = [(rank << RANK_SHIFT) + q for rank in (0, 7, 65_535) for q in (0, 1, ONE - 1, ONE, 2**48 - 1)]
    cases += [
        (Key.PRIORITY, c, lv, k) for c in edge_c for lv in rank_levels for k in (0, 6, 7, 8, 65_534, 65_535, 65_536)
    ]
    cases += [
        (Key(rng.randrange(5)), rng.randrange(2**32), rng.randrange(2 ** rng.randint(1, 64)), rng.randint(0, 10**6))
        for _ in range(200)
    ]
    giver = [(f, g) for f in edge_c for g in (0, 1, ONE - 1, ONE)]
    return {
        "key": [str(int(c[0])) for c in cases],
        "offered": [str(c[1]) for c in cases],
        "level": [str(c[2]) for c in cases],
        "weight": [str(c[3]) for c in cases],
        "taken": [str(taken(c[0], c[2], c[1], c[3])) for c in cases],
        "feed": [str(f) for f, _ in giver],
        "giverLevel": [str(g) for _, g in giver],
        "given": [str(given(g, f)) for f, g in giver],
    }


def auction_vectors() -> dict[str, Any]:
    """Whole slots, and of each the part of every party, who takes and gives by the one limit."""
    rng = random.Random(2026)
    rows = []
    for case in range(40):
        low, high = sorted(rng.randrange(2**32 if case % 4 == 0 else 400_000) for _ in range(2))
        limits = (low, high, (low + high) // 2, rng.randint(low, high), 0, 2**32 - 1)
        top = 10 ** rng.randint(1, 9)
        parties = [(rng.randrange(top), rng.randrange(top), rng.choice(limits)) for _ in range(rng.randint(1, 5))]
        t = auction([(c, b) for c, _, b in parties], [(f, s) for _, f, s in parties], low, high)
        terms = Terms(
            steward=0, key=Key.PROPORTIONAL, rule=Rule.AUCTION, price_a_ueur_kwh=low, price_b_ueur_kwh=high
        )  # fmt: skip
        for c, f, b in parties:
            party = Party(
                role=Role.BOTH, terms=terms, parameters=Parameters(limit_ueur_kwh=b, salt=bytes(32))
            )  # fmt: skip
            rows.append((low, high, t, b, c, f, party_taken(party, t, c), party_given(party, t, f)))
    columns = list(zip(*rows, strict=True))
    names = ("low", "high", "triple", "limit", "draw", "feed", "taken", "given")
    return {
        name: [h(encode_triples([x])) if name == "triple" else str(x) for x in column]
        for name, column in zip(names, columns, strict=True)
    }


def triple_vectors() -> dict[str, Any]:
    """What one slot's triple is judged to be, nothing else being known: 0 right, else a reason of section 8."""
    depth = 12
    rows = []
    for key, rule in [(k, r) for k in range(5) for r in (0, 1)] + [(0, 2)]:
        terms = Terms(
            steward=0, key=Key(key), rule=Rule(rule), price_a_ueur_kwh=80_001, price_b_ueur_kwh=300_000
        )  # fmt: skip
        for price in (0, 80_000, 80_001, 190_000, 300_000, 300_001):
            for level in (0, ONE, 2 ** (32 + depth), 2 ** (32 + depth) + 1, NOT_LIMITED - 1, NOT_LIMITED):
                for giver_level in (0, ONE - 1, ONE, ONE + 1):
                    t = Triple(price_ueur_kwh=price, taker_level=level, giver_level=giver_level)
                    rows.append((key, rule, h(encode_triples([t])), triple_fault(terms, t, depth) or 0))
    return {
        "depth": depth, "priceA": 80_001, "priceB": 300_000,
        "key": [str(r[0]) for r in rows], "rule": [str(r[1]) for r in rows], "triple": [r[2] for r in rows],
        "reason": [str(int(r[3])) for r in rows],
    }  # fmt: skip


def level_vectors() -> dict[str, Any]:
    rng = random.Random(42)
    rows = []
    weights = {Key.STATIC: 10**6 // 4, Key.CASCADING: 9, Key.PRIORITY: 3}
    for number in range(100):
        key, top = Key(number % 5), 10 ** rng.randint(1, 9)
        draws = [(rng.randrange(top), 1 + rng.randrange(weights.get(key, 1))) for _ in range(rng.randint(0, 6))]
        feeds = [rng.randrange(top) for _ in range(rng.randint(0, 6))]
        level, giver_level = levels(key, draws, feeds)
        rows.append({"key": int(key), "draws": draws, "feeds": feeds, "L": str(level), "g": str(giver_level)})
    return {"cases": rows, "auctions": [auction_case(rng) for _ in range(40)]}


def auction_case(rng: random.Random) -> dict[str, Any]:
    """Takers and givers as (offered, limit), the bounds, and the triple that the rules give."""
    top, (low, high) = 10 ** rng.randint(1, 9), sorted(rng.sample(range(20), 2))
    takers, givers = (
        [(rng.randrange(top), rng.randint(low, high)) for _ in range(rng.randint(0, 5))] for _ in range(2)
    )
    found = auction(takers, givers, low, high)
    return {"takers": takers, "givers": givers, "low": low, "high": high, "price": found.price_ueur_kwh,
            "L": str(found.taker_level), "g": str(found.giver_level)}  # fmt: skip


def tree_vectors() -> dict[str, Any]:
    leaves = {p: keccak(bytes([p])) for p in (0, 1, 5, 6, 15)}
    tree = PositionalTree(depth=4, leaves=leaves)
    empty = PositionalTree(depth=4, leaves={})
    return {
        "depth": 4,
        "positions": list(leaves),
        "leaves": [h(leaf) for leaf in leaves.values()],
        "root": h(tree.root),
        "emptyRoot": h(empty.root),
        "proof5": [h(s) for s in tree.proof(5)],
        "proof7": [h(s) for s in tree.proof(7)],
    }


def example_pack(slots: int, broken: bool) -> Pack:
    imports = tuple(1000 * i % 7000 for i in range(slots))
    exports = tuple(500 * i % 3000 for i in range(slots))
    start = Registers(import_mwh=5_000_000, export_mwh=1_000)
    end_plain = Registers(import_mwh=start.import_mwh + sum(imports), export_mwh=start.export_mwh + sum(exports))
    swap = Break(
        slot_index=10,
        old_end=Registers(import_mwh=start.import_mwh + 20_000, export_mwh=start.export_mwh + 1_000),
        new_start=Registers(import_mwh=0, export_mwh=0),
    )
    end_swap = Registers(import_mwh=sum(imports) - 20_000, export_mwh=sum(exports) - 1_000)
    return Pack(
        community=COMMUNITY,
        meter=keccak(b"example meter"),
        window=window_of(parse_date("2026-10-25")),
        revision=0,
        salt=keccak(b"example salt"),
        start=start,
        end=end_swap if broken else end_plain,
        import_mwh=imports,
        export_mwh=exports,
        status=tuple(Status(i % 4 if i < 8 else 0) for i in range(slots)),
        gap=swap if broken else None,
    )


def pack_vectors() -> dict[str, Any]:
    good, swap = example_pack(100, False), example_pack(100, True)
    return {
        "community": h(COMMUNITY),
        "meter": h(good.meter),
        "window": good.window,
        "revision": 0,
        "slots": 100,
        "pack": h(good.encode()),
        "leaf": h(good.leaf),
        "packWithBreak": h(swap.encode()),
        "leafWithBreak": h(swap.leaf),
    }


def commitment_vectors() -> dict[str, Any]:
    salt = keccak(b"salt")
    rows = [
        Line(agreement=1, taken_mwh=1_250_000, given_mwh=0, amount_peur=-137_500_000_000),
        Line(agreement=7, taken_mwh=0, given_mwh=2**40, amount_peur=2**90),
    ]
    lines = encode_lines(rows)
    commitment = lines_commitment(salt, lines)
    statement = Statement(community=COMMUNITY, window=20_751, revision=0, index=5, lines_commitment=commitment,
                          net_peur=2**90 - 137_500_000_000, salt=keccak(b"total"))  # fmt: skip
    header = Header(window=20_751, revision=0, as_of=1_793_095_200, statements_root=keccak(b"s"),
                    results_root=keccak(b"r"), sources_root=keccak(b"q"))  # fmt: skip
    record = Record(reader=3, window=20_751, revision=0, root=keccak(b"root"))
    replaced = Source.replaced(keccak(b"pack"))
    return {
        "community": h(COMMUNITY),
        "salt": h(salt),
        "lines": h(lines),
        "linesCommitment": h(commitment),
        "statementLeaf": h(statement.leaf),
        "statementSalt": h(statement.salt),
        "net": str(statement.net_peur),
        "anchoredSource": h(Source.anchored(2).leaf),
        "replacedSource": h(replaced.leaf),
        "postingDigest": h(header.digest(COMMUNITY, 9)),
        "recordLeaf": h(record.leaf(COMMUNITY)),
        "batchDigest": h(batch_digest(record.leaf(COMMUNITY), 1_793_000_000)),
        "parameters": h(parameters_commitment(salt, 333_333, 1_000_000, 250_000)),
        "inputs": {
            "lines": [
                {"agreement": r.agreement, "taken": str(r.taken_mwh), "given": str(r.given_mwh),
                 "amount": str(r.amount_peur)} for r in rows
            ],
            "statementLeaf": {"window": statement.window, "revision": statement.revision, "index": statement.index},
            "anchoredSource": {"kind": 1, "revision": 2, "hash": h(bytes(32))},
            "replacedSource": {"kind": 2, "revision": replaced.revision, "hash": h(replaced.replacement)},
            "postingDigest": {
                "sequence": 9, "window": header.window, "revision": header.revision, "asOf": header.as_of,
                "statementsRoot": h(header.statements_root), "resultsRoot": h(header.results_root),
                "sourcesRoot": h(header.sources_root),
            },
            "recordLeaf": {
                "reader": record.reader, "window": record.window, "revision": record.revision, "root": h(record.root),
            },
            "batchDigest": {"root": h(record.leaf(COMMUNITY)), "time": 1_793_000_000},
            "parameters": {"weight": 333_333, "share": 1_000_000, "limit": 250_000},
        },
    }  # fmt: skip


def eip712_vectors() -> dict[str, Any]:
    registry = bytes.fromhex("00000000000000000000000000000000000000a1")
    b32 = keccak(b"word")
    terms = Terms(steward=0, key=Key.STATIC, rule=Rule.MID_MARKET, price_a_ueur_kwh=80_000,
                  price_b_ueur_kwh=300_000, fee_ueur_kwh=5_000, priority=3, first_window=20_000, last_window=30_000,
                  public_disputes=True)  # fmt: skip
    acts = [
        Anchor(reader=1, window=20_751, revision=2, root=b32),
        RotateReader(reader=1, curve=1, key_a=b32, key_b=bytes(32)),
        RotateAccount(member=4, account=registry),
        Bind(member=4, meter=b32, reader=1, position=9, from_day=20_752, end_day=2**32 - 1, auditors=b32),
        Unbind(binding=8, end_day=20_800),
        Offer(terms=terms, number=1),
        Join(member=4, agreement=2, role=3, from_day=20_752, end_day=2**32 - 1, parameters=b32),
        Countersign(join=b32),
        Receipt(join=b32),
        Leave(member=4, membership=0, end_day=20_900),
        Refute(member=4, sequence=11, posting=b32),
        RefuteLevels(member=4, sequence=11, posting=b32, agreement=3),
        Demand(member=4, sequence=11, posting=b32, public_answer=True),
    ]
    separator = domain_separator(31337, registry)
    return {
        "chainId": 31337,
        "registry": h(registry),
        "separator": h(separator),
        "type": [type(a).TYPE for a in acts],
        "fields": [fields_of(a) for a in acts],
        "structHash": [h(a.struct_hash) for a in acts],
        "digest": [h(a.digest(separator)) for a in acts],
    }


def fields_of(act: Act) -> dict[str, int | str | bool]:
    """An act's values by the names in its type."""
    names = [field.split()[1] for field in type(act).TYPE.partition("(")[2].rstrip(")").split(",")]
    values = [h(v) if isinstance(v, bytes) else v if isinstance(v, bool) else int(v) for v in act.values()]
    return dict(zip(names, values, strict=True))


def field_vectors() -> dict[str, Any]:
    from tests.vectors import field

    return field.field_vectors()


def replacement_vectors() -> dict[str, Any]:
    """Cases: measured days with their values per slot; the replacement pack (salt, meter: zeros) or its values."""
    rng = random.Random(20260329)
    spring, autumn = window_of(parse_date("2026-03-29")), window_of(parse_date("2026-10-25"))
    back = [(0,), (1,), (3, 8), (1, 2, 3, 4, 5, 6, 7, 8), (10, 28), (11, 12), (2, 9, 27, 28, 29)]
    windows = [spring - 1, spring, spring + 1, autumn, autumn + 1, autumn + 2, autumn + 10]
    cases = []
    for offset, window, days in zip((1, 1, 1, 1, 1, 0, 2), windows, back, strict=True):
        zone = Zone(offset_hours=offset)
        measured = {}
        for day in (window - d for d in days if d):
            slots = zone.slot_count(day)
            measured[day] = DayValues(
                import_mwh=tuple(rng.randrange(2_000_000) for _ in range(slots)),
                export_mwh=tuple(rng.randrange(2**32) for _ in range(slots)),
            )
        pack = replacement_pack(community=COMMUNITY, meter=keccak(b"example meter"), window=window, salt=bytes(32),
                                zone=zone, last_end=Registers(import_mwh=1_000, export_mwh=2**40),
                                measured=measured)  # fmt: skip
        cases.append({
            "offset": offset, "window": window, "history": list(history(window, measured)),
            "measured": [{"window": d, "import": list(v.import_mwh), "export": list(v.export_mwh)}
                         for d, v in sorted(measured.items())],
            "status": int(pack.status[0]), "import": list(pack.import_mwh), "export": list(pack.export_mwh),
            "pack": h(pack.encode()),
        })  # fmt: skip
    return {
        "community": h(COMMUNITY), "meter": h(keccak(b"example meter")),
        "lastEndImport": "1000", "lastEndExport": str(2**40), "cases": cases,
    }  # fmt: skip


def day_vectors() -> dict[str, Any]:
    from tests.vectors import days

    return days.day_vectors()


VECTORS = {
    "calendar": calendar_vectors,
    "clearing": clearing_vectors,
    "auction": auction_vectors,
    "triples": triple_vectors,
    "levels": level_vectors,
    "tree": tree_vectors,
    "pack": pack_vectors,
    "commitments": commitment_vectors,
    "eip712": eip712_vectors,
    "field": field_vectors,
    "days": day_vectors,
    "replacement": replacement_vectors,
}


def text_of(name: str) -> str:
    compact = name == "replacement"  # lists of slots would take a line a number
    return json.dumps(VECTORS[name](), indent=None if compact else 1) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))  # run as a file, Python knows only this folder
    from tests.vectors.bundle_files import files

    for stale in (HERE / "bundles").glob("*.json"):
        stale.unlink()
    for file, text in files().items():
        (HERE / "bundles" / file).write_text(text)
    for name in VECTORS:
        (HERE / f"{name}.json").write_text(text_of(name))

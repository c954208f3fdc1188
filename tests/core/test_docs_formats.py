"""The documents say what the code does: the worked example of docs/formats.md, value by value, and the tables.

Run as a program it writes the example's values into docs/formats.md again: python tests/core/test_docs_formats.py
"""

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.audit.file import SCHEMA as AUDIT_SCHEMA
from lindenstrom.audit.file import (
    AuditFile,
    OpenedParameters,
    OpenedResult,
    OpenedSource,
    OpenedStatement,
    audit_json,
    read_audit,
)
from lindenstrom.core import eip712, hashing
from lindenstrom.core.allocation import MemberEnergy, Place, clear_day
from lindenstrom.core.bundles import SCHEMA as BUNDLE_SCHEMA
from lindenstrom.core.bundles import (
    Bundle,
    BundleAgreement,
    BundleMeter,
    CommunityRef,
    GroundOpening,
    bundle_json,
    read_bundle,
)
from lindenstrom.core.calendar import OPEN_END, Zone, parse_date, window_of
from lindenstrom.core.clearing import NOT_LIMITED, ONE, given, taken
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.eip712 import Act, Anchor, Countersign, Join, Refute, domain_separator
from lindenstrom.core.hashing import keccak
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.packs import Pack, PackFault, Registers, Status
from lindenstrom.core.refutation import (
    AgreementOpening,
    BadOpening,
    MeterOpening,
    Reason,
    RecordOpening,
    StatementOpening,
    recompute,
)
from lindenstrom.core.replacement import TrueUp
from lindenstrom.core.salts import Purpose, meter_id, salt
from lindenstrom.core.statements import Record, Source, batch_digest, decode_triples, encode_lines, encode_triples
from lindenstrom.core.terms import Binding, Key, Membership, Parameters, Role, Rule, Terms
from lindenstrom.core.verification import (
    CheckStatus,
    Expectation,
    Outcome,
    SelfContainedFacts,
    verify_bundle,
)
from lindenstrom.signing import address_of, is_signed_by, sign_digest

DOCS = Path(__file__).resolve().parents[2] / "docs"
FORMATS, PROTOCOL = DOCS / "formats.md", DOCS / "protocol.md"
VALUE = re.compile(r"`([a-z][a-z0-9_]*)` = `([^`]+)`")

GIVER, TAKER = 2, 3
CHAIN_ID, REGISTRY, DEPTH, SEQUENCE = 31337, bytes(19) + b"\xa1", 4, 1
WINDOW, SLOTS = window_of(parse_date("2026-10-25")), 100
READER_KEY = bytes(31) + b"\x07"
DRAWS = {40: 300_000, 41: 100_000, 42: 50_000}
FEEDS = {40: 200_000, 41: 250_000, 43: 80_000}
POINTS = {GIVER: "DE0001", TAKER: "DE0002"}
STARTS = {GIVER: Registers(import_mwh=0, export_mwh=7_000_000), TAKER: Registers(import_mwh=5_000_000, export_mwh=0)}
SHARES = {GIVER: 1_000_000, TAKER: 900_000}
TERMS = Terms(
    steward=GIVER, key=Key.PROPORTIONAL, rule=Rule.FIXED, price_a_ueur_kwh=110_000, fee_ueur_kwh=5_000,
    first_window=WINDOW, public_disputes=True,
)  # fmt: skip


def salt_of(purpose: Purpose, key_byte: int, sequence: int, index: int) -> bytes:
    return salt(key=bytes([key_byte]) * 32, purpose=purpose, community=COMMUNITY, window=WINDOW, revision=0,
                sequence=sequence, index=index)  # fmt: skip


COMMUNITY = domain_separator(CHAIN_ID, REGISTRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The worked example: one day of a community of two."""

    packs: dict[int, Pack]
    reader_tree: PositionalTree
    anchor: Anchor
    signature: bytes
    record: bytes
    record_time: int
    parameters: dict[int, Parameters]
    day: CommittedDay
    triples: bytes
    lines: dict[int, bytes]
    bundle: Bundle


def per_slot(values: dict[int, int]) -> tuple[int, ...]:
    return tuple(values.get(i, 0) for i in range(SLOTS))


def pack_of(member: int) -> Pack:
    """The giver's meter stands at position 0, the taker's at position 1."""
    drawn, fed = (per_slot({}), per_slot(FEEDS)) if member == GIVER else (per_slot(DRAWS), per_slot({}))
    start = STARTS[member]
    return Pack(
        community=COMMUNITY,
        meter=meter_id(b"\xa0" * 32, POINTS[member]),
        window=WINDOW,
        revision=0,
        salt=salt_of(Purpose.PACK, 0x11, 0, member - GIVER),
        start=start,
        end=Registers(import_mwh=start.import_mwh + sum(drawn), export_mwh=start.export_mwh + sum(fed)),
        import_mwh=drawn,
        export_mwh=fed,
        status=(Status.MEASURED,) * SLOTS,
    )


def build() -> Example:
    zone = Zone(offset_hours=1)
    packs = {member: pack_of(member) for member in (GIVER, TAKER)}
    reader_tree = PositionalTree(depth=DEPTH, leaves={0: packs[GIVER].leaf, 1: packs[TAKER].leaf})
    anchor = Anchor(reader=0, window=WINDOW, revision=0, root=reader_tree.root)
    signature = sign_digest(READER_KEY, anchor.digest(COMMUNITY))
    record = Record(reader=0, window=WINDOW, revision=0, root=reader_tree.root).leaf(COMMUNITY)
    parameters = {m: Parameters(share_ppm=SHARES[m], salt=bytes([0x50 + m]) * 32) for m in SHARES}
    result = clear_day(
        slot_count=SLOTS,
        energy={m: MemberEnergy(draw_mwh=p.import_mwh, feed_mwh=p.export_mwh) for m, p in packs.items()},
        agreements={1: TERMS},
        places=[
            Place(member=GIVER, agreement=1, role=Role.GIVER, parameters=parameters[GIVER]),
            Place(member=TAKER, agreement=1, role=Role.TAKER, parameters=parameters[TAKER]),
        ],
    )
    day = commit_day(
        community=COMMUNITY,
        window=WINDOW,
        revision=0,
        as_of=zone.window_end(WINDOW) + 36 * 3600,
        sequence=SEQUENCE,
        depth=DEPTH,
        result=result,
        sources={1: Source.anchored(0), 2: Source.anchored(0)},
        salts=DaySalts(
            level=lambda a: salt_of(Purpose.LEVEL, 0x20 + a, SEQUENCE, a),
            line=lambda m: salt_of(Purpose.LINE, 0x30 + m, SEQUENCE, m),
            total=lambda m: salt_of(Purpose.TOTAL, 0x40 + m, SEQUENCE, m),
        ),
    )
    example = Example(
        packs=packs,
        reader_tree=reader_tree,
        anchor=anchor,
        signature=signature,
        record=record,
        record_time=zone.window_end(WINDOW) + 3600,
        parameters=parameters,
        day=day,
        triples=encode_triples(result.triples[1]),
        lines={m: encode_lines(lines) for m, lines in result.lines.items()},
        bundle=None,  # type: ignore[arg-type]  # made of the rest, on the next line
    )
    return replace(example, bundle=taker_bundle(example))


def taker_bundle(e: Example) -> Bundle:
    """What the operator delivers to member 3."""
    day = e.day
    community = CommunityRef(
        name="Example", id=COMMUNITY, chain_id=CHAIN_ID, offset_hours=1, depth=DEPTH, registry=REGISTRY,
        agreements=bytes(19) + b"\xa2", reading_log=bytes(19) + b"\xa3", settlement=bytes(19) + b"\xa4",
    )  # fmt: skip
    meter = BundleMeter(
        label="DE0002",
        binding=Binding(
            id=2, member=TAKER, meter=e.packs[TAKER].meter, reader=0, position=1, from_day=WINDOW, end_day=OPEN_END
        ),
        opening=MeterOpening(
            kind=1,
            revision=0,
            replacement=bytes(32),
            source_proof=day.sources_tree.proof(2),
            pack=e.packs[TAKER].encode(),
            pack_proof=e.reader_tree.proof(1),
            record=RecordOpening(batch=1, time=e.record_time, root=e.reader_tree.root, slot=0),
        ),
        reader_key=address_of(READER_KEY),
        signature=e.signature,
    )
    mine = e.parameters[TAKER]
    agreement = BundleAgreement(
        label="Roof",
        membership=Membership(
            agreement=1, role=Role.TAKER, from_day=WINDOW, end_day=OPEN_END, parameters=mine.commitment
        ),
        terms=TERMS,
        opening=AgreementOpening(
            weight=mine.weight,
            share_ppm=mine.share_ppm,
            limit_ueur_kwh=mine.limit_ueur_kwh,
            salt=mine.salt,
            empty=False,
            triples_salt=salt_of(Purpose.LEVEL, 0x21, SEQUENCE, 1),
            triples=e.triples,
            proof=day.results_tree.proof(1),
        ),
    )
    statement = StatementOpening(
        empty=False,
        statement=day.statements[TAKER],
        lines_salt=salt_of(Purpose.LINE, 0x30 + TAKER, SEQUENCE, TAKER),
        lines=e.lines[TAKER],
        proof=day.statements_tree.proof(TAKER),
    )
    return Bundle(
        community=community,
        sequence=SEQUENCE,
        header=day.header,
        member=TAKER,
        name="Ada",
        statement=statement,
        meters=(meter,),
        agreements=(agreement,),
    )


def _proof(proof: Sequence[bytes]) -> bytes:
    return b"".join(proof)


def values(e: Example) -> dict[str, str]:
    """Every named value of the document, as it stands there."""
    day, zone = e.day, Zone(offset_hours=1)
    join = Join(
        member=TAKER, agreement=1, role=1, from_day=WINDOW, end_day=OPEN_END, parameters=e.parameters[TAKER].commitment
    )
    found: dict[str, bytes | int] = {
        "chain_id": CHAIN_ID,
        "registry": REGISTRY,
        "community": COMMUNITY,
        "window": WINDOW,
        "first_slot": zone.first_slot(WINDOW),
        "slot_count": zone.slot_count(WINDOW),
        "window_end": zone.window_end(WINDOW),
        "as_of": day.header.as_of,
        "empty_root": PositionalTree(depth=DEPTH, leaves={}).root,
        "reader_secret": READER_KEY,
        "reader_key": address_of(READER_KEY),
        "giver_meter": e.packs[GIVER].meter,
        "taker_meter": e.packs[TAKER].meter,
        "giver_pack_salt": e.packs[GIVER].salt,
        "taker_pack_salt": e.packs[TAKER].salt,
        "pack_length": len(e.packs[TAKER].encode()),
        "giver_pack_header": e.packs[GIVER].encode()[:168],
        "taker_pack_header": e.packs[TAKER].encode()[:168],
        "giver_pack_leaf": e.packs[GIVER].leaf,
        "taker_pack_leaf": e.packs[TAKER].leaf,
        "reader_root": e.reader_tree.root,
        "taker_pack_proof": _proof(e.reader_tree.proof(1)),
        "anchor_struct_hash": e.anchor.struct_hash,
        "anchor_digest": e.anchor.digest(COMMUNITY),
        "anchor_signature": e.signature,
        "record_leaf": e.record,
        "batch_root": batch_tree([e.record]).root,
        "batch_time": e.record_time,
        "batch_digest": batch_digest(batch_tree([e.record]).root, e.record_time),
        "giver_parameters": e.parameters[GIVER].commitment,
        "taker_parameters": e.parameters[TAKER].commitment,
        "join_struct_hash": join.struct_hash,
        "join_digest": join.digest(COMMUNITY),
        "countersign_digest": Countersign(join=join.struct_hash).digest(COMMUNITY),
        **{f"triple_{i}": e.triples[20 * i : 20 * i + 20] for i in (0, 40, 41, 42, 43)},
        "level_salt": salt_of(Purpose.LEVEL, 0x21, SEQUENCE, 1),
        "result_leaf": day.results_tree.leaf(1),
    }
    for name, member in (("fee", 0), ("rounding", 1), ("giver", GIVER), ("taker", TAKER)):
        statement = day.statements[member]
        found |= {
            f"{name}_lines": e.lines[member],
            f"{name}_line_salt": salt_of(Purpose.LINE, 0x30 + member, SEQUENCE, member),
            f"{name}_lines_commitment": statement.lines_commitment,
            f"{name}_net": statement.net_peur,
            f"{name}_total_salt": statement.salt,
            f"{name}_statement_leaf": statement.leaf,
        }
    found |= {
        "source_leaf": day.sources_tree.leaf(1),
        "statements_root": day.header.statements_root,
        "results_root": day.header.results_root,
        "sources_root": day.header.sources_root,
        "posting_digest": day.digest,
        "taker_statement_proof": _proof(day.statements_tree.proof(TAKER)),
        "taker_result_proof": _proof(day.results_tree.proof(1)),
        "taker_source_proof": _proof(day.sources_tree.proof(2)),
        "refute_digest": Refute(member=TAKER, sequence=SEQUENCE, posting=day.digest).digest(COMMUNITY),
        "taker_bundle_length": len(bundle_json(e.bundle).encode()),
        "taker_bundle_keccak": keccak(bundle_json(e.bundle).encode()),
    }
    return {name: f"0x{v.hex()}" if isinstance(v, bytes) else str(v) for name, v in found.items()}


def test_the_worked_example_is_what_the_core_gives() -> None:
    stated = VALUE.findall(FORMATS.read_text(encoding="utf-8"))
    assert len(stated) == len(dict(stated)), "a name stands twice"
    assert dict(stated) == values(build())


def test_the_example_s_bundle_verifies_and_a_changed_one_does_not() -> None:
    bundle = read_bundle(bundle_json(build().bundle))
    expected = Expectation(community=bundle.community, member=TAKER)
    report = verify_bundle(bundle, expected, signed_by=is_signed_by, chain=None)
    assert report.outcome is Outcome.INCOMPLETE
    assert [c.id for c in report.checks if c.status is CheckStatus.OK] == [1, 2, 3, 4, 5]
    changed = replace(bundle, statement=replace(bundle.statement, lines=bytes(36)))
    assert verify_bundle(changed, expected, signed_by=is_signed_by, chain=None).outcome is Outcome.NOT_VERIFIED


def test_the_example_cannot_be_refuted() -> None:
    bundle = build().bundle
    assert recompute(SelfContainedFacts(bundle), bundle.header, bundle.member, bundle.opening).reason is None


def paths(value: Any, at: str = "") -> Iterator[str]:
    """The document's spelling of every field: a.b for objects, a[].b for lists of objects."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{at}.{name}" if at else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from paths(value[0], f"{at}[]")
    else:
        yield at


def fields_in(section: int) -> set[str]:
    """The names in the first column of a section's tables."""
    text = FORMATS.read_text(encoding="utf-8").partition(f"\n## {section} ")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_\[\].]+)` \|", text, re.MULTILINE))


def test_every_field_of_an_audit_file_stands_in_the_document_and_no_other() -> None:
    file = AuditFile(
        community=COMMUNITY,
        sequence=SEQUENCE,
        header=build().day.header,
        statements=(OpenedStatement(member=3, lines=b"", lines_salt=bytes(32), net_peur=0, salt=bytes(32)),),
        results=(OpenedResult(agreement=1, triples=b"", salt=bytes(32)),),
        parameters=(OpenedParameters(member=3, agreement=1, weight=0, share_ppm=0, limit_ueur_kwh=0, salt=bytes(32)),),
        sources=(OpenedSource(binding=1, kind=1, revision=0),),
    )
    assert fields_in(16) == set(paths(json.loads(audit_json(file))))
    assert read_audit(audit_json(file)) == file and f"`{AUDIT_SCHEMA}`" in FORMATS.read_text(encoding="utf-8")


def test_every_field_of_a_bundle_stands_in_the_document_and_no_other() -> None:
    bundle = build().bundle
    used = replace(bundle.meters[0].opening, next=bundle.meters[0].opening.record)
    assert used.record is not None
    opened = GroundOpening(revision=0, record=used.record, empty=True, pack=b"", proof=())
    meter = replace(bundle.meters[0], opening=used, ground=opened, true_up=TrueUp(import_mwh=-1, export_mwh=1))
    bundle = replace(bundle, meters=(meter,))
    assert read_bundle(bundle_json(bundle)) == bundle
    assert fields_in(14) == set(paths(json.loads(bundle_json(bundle))))
    assert f"`{BUNDLE_SCHEMA}`" in FORMATS.read_text(encoding="utf-8")


def level(text: str) -> int:
    named = {"M": NOT_LIMITED, "2^32": ONE}
    return named[text] if text in named else int(text.replace(" ", ""))


def test_the_clearing_table_of_the_example_is_what_the_core_gives() -> None:
    rows = re.findall(r"^\| (4[0-3]) \|((?: [^|]+ \|){6})", FORMATS.read_text(encoding="utf-8"), re.MULTILINE)
    triples = decode_triples(build().triples)
    assert len(rows) == 4
    for slot, cells in rows:
        drawn, fed, taker_level, giver_level, took, gave = (level(c.strip()) for c in cells.split("|")[:-1])
        i = int(slot)
        assert (taker_level, giver_level) == (triples[i].taker_level, triples[i].giver_level)
        assert (drawn, fed) == (DRAWS.get(i, 0) * 9 // 10, FEEDS.get(i, 0))
        assert (took, gave) == (taken(Key.PROPORTIONAL, taker_level, drawn, 0), given(giver_level, fed))


def acts() -> list[type[Act]]:
    return [
        kind for _, kind in inspect.getmembers(eip712, inspect.isclass) if issubclass(kind, Act) and kind is not Act
    ]


def test_every_signed_type_and_every_tag_stands_in_the_document() -> None:
    text = FORMATS.read_text(encoding="utf-8")
    assert all(kind.TYPE in text for kind in acts()) and eip712.DOMAIN_TYPE in text
    tags = {name: value for name, value in vars(hashing).items() if name.startswith("TAG_")}
    assert all(f"| `0x{value.hex()}` |" in text for value in tags.values())
    assert all(f"`{purpose}`" in text for purpose in Purpose)
    assert all(f"| {fault.value} | {fault.name} |" in text for fault in PackFault)


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def test_the_protocol_lists_the_reasons_and_checks_of_the_code() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    assert all(f"| {reason.value} | {camel(reason.name)} |" in text for reason in Reason)
    assert all(f"| **{check}** |" in text for check in range(1, 8))
    assert all(f"**{prefix}{n} " in text for prefix, last in (("R", 10), ("I", 14)) for n in range(1, last + 1))


def test_the_protocol_names_tests_that_exist() -> None:
    named = set(re.findall(r"`((?:tests|contracts)/[\w./-]+)`", PROTOCOL.read_text(encoding="utf-8")))
    assert named and not [path for path in sorted(named) if not (DOCS.parent / path).is_file()]


def test_an_opening_that_does_not_match_is_no_reason() -> None:
    bundle = build().bundle
    opening = replace(bundle.opening, statement=replace(bundle.opening.statement, proof=()))
    with pytest.raises(BadOpening, match="statement"):
        recompute(SelfContainedFacts(bundle), bundle.header, bundle.member, opening)


def rewrite(text: str, found: dict[str, str]) -> str:
    """The document with the values of today; unknown names stay as they are, and the test names them."""
    return VALUE.sub(lambda m: f"`{m[1]}` = `{found.get(m[1], m[2])}`", text)


if __name__ == "__main__":
    FORMATS.write_text(rewrite(FORMATS.read_text(encoding="utf-8"), values(build())), encoding="utf-8")

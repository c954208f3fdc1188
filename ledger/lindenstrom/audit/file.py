"""The audit file: what an auditor needs, on top of chain and readers' packs, to recompute one posting. Canonical JSON.

One file per posting, `audit/<window>-s<sequence>.json` in the mailbox, schema `lindenstrom/audit@v1`. Bytes are
lower-case hex with 0x; whole numbers are JSON numbers, except `net_peur`, a decimal text. Lists are sorted by their
first field.

    schema        "lindenstrom/audit@v1"
    community     community id, 32 bytes
    sequence      the posting's sequence
    header        window, revision, as_of, statements_root, results_root, sources_root
    statements    one per leaf of the statements tree: member (0 fees, 1 rounding), lines (n × 36 bytes), lines_salt,
                  net_peur, salt
    results       one per leaf of the results tree: agreement, triples (n × 20 bytes), salt
    parameters    one per live membership: member, agreement, weight, share_ppm, limit_ueur_kwh, salt
    sources       one per leaf of the sources tree: binding, kind (1 anchored, 2 replaced), revision, pack (a
                  replacement's bytes, empty for an anchored one)

After an erasure (R9) a list `erased` says what is missing: what ("intervals", "lines" or "totals", each with those
before it), member (null: everybody's). Hashes are left in its place, so that the rest still leads to the posted roots:
`lines_commitment` for lines and lines_salt; `leaf` for all of a statement but member, and for triples and salt;
`replacement` for a replacement's pack; an erased membership's parameters are not there.

It holds no names and no metering points. It does hold amounts and salts: it is for auditors only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lindenstrom.core.bundles import Reader, canonical_json, header_json, hex_text, parse_json, read_header
from lindenstrom.core.statements import Header

SCHEMA = "lindenstrom/audit@v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStatement:
    """A leaf of the statements tree, opened. lines: bytes; net in p€.

    After an erasure of lines their commitment is left, after one of totals the leaf alone.
    """

    member: int
    lines: bytes = b""
    lines_salt: bytes = b""
    net_peur: int = 0
    salt: bytes = b""
    lines_commitment: bytes = b""
    leaf: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedResult:
    """A leaf of the results tree, opened; after an erasure the leaf alone."""

    agreement: int
    triples: bytes = b""
    salt: bytes = b""
    leaf: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedParameters:
    """A live membership's parameters."""

    member: int
    agreement: int
    weight: int
    share_ppm: int
    limit_ueur_kwh: int
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSource:
    """A leaf of the sources tree; `pack` holds a replacement's bytes, after an erasure `replacement` their hash."""

    binding: int
    kind: int
    revision: int
    pack: bytes = b""
    replacement: bytes = b""


class Erasable(StrEnum):
    """What is erased at one time (R9); each kind takes those before it along."""

    INTERVALS = "intervals"
    LINES = "lines"
    TOTALS = "totals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Something that is no longer in the file. member: None for everybody's."""

    what: Erasable
    member: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFile:
    """One posting, opened for auditors."""

    community: bytes
    sequence: int
    header: Header
    statements: tuple[OpenedStatement, ...]
    results: tuple[OpenedResult, ...]
    parameters: tuple[OpenedParameters, ...]
    sources: tuple[OpenedSource, ...]
    erased: tuple[Erased, ...] = ()


def audit_json(file: AuditFile) -> str:
    """Canonical JSON of an audit file."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "community": hex_text(file.community),
        "sequence": file.sequence,
        "header": header_json(file.header),
        "statements": [_statement_json(s) for s in file.statements],
        "results": [_result_json(r) for r in file.results],
        "parameters": [_parameters_json(p) for p in file.parameters],
        "sources": [_source_json(s) for s in file.sources],
    }
    if file.erased:
        content["erased"] = [{"what": e.what.value, "member": e.member} for e in file.erased]
    return canonical_json(content)


def read_audit(text: str | bytes) -> AuditFile:
    """Audit file of its JSON text. Raises UnreadableBundle naming the first place that cannot be read."""
    top = parse_json(text, SCHEMA)
    return AuditFile(
        community=top["community"].data(32),
        sequence=top["sequence"].number(64),
        header=read_header(top["header"]),
        statements=top["statements"].list_of(_read_statement),
        results=top["results"].list_of(_read_result),
        parameters=top["parameters"].list_of(_read_parameters),
        sources=top["sources"].list_of(_read_source),
        erased=top["erased"].list_of(_read_erased) if top.has("erased") else (),
    )


def _statement_json(s: OpenedStatement) -> dict[str, Any]:
    if s.leaf:
        return {"member": s.member, "leaf": hex_text(s.leaf)}
    lines = (
        {"lines_commitment": hex_text(s.lines_commitment)}
        if s.lines_commitment
        else {"lines": hex_text(s.lines), "lines_salt": hex_text(s.lines_salt)}
    )
    return {"member": s.member, **lines, "net_peur": str(s.net_peur), "salt": hex_text(s.salt)}


def _result_json(r: OpenedResult) -> dict[str, Any]:
    if r.leaf:
        return {"agreement": r.agreement, "leaf": hex_text(r.leaf)}
    return {"agreement": r.agreement, "triples": hex_text(r.triples), "salt": hex_text(r.salt)}


def _source_json(s: OpenedSource) -> dict[str, Any]:
    pack = {"replacement": hex_text(s.replacement)} if s.replacement else {"pack": hex_text(s.pack)}
    return {"binding": s.binding, "kind": s.kind, "revision": s.revision, **pack}


def _parameters_json(p: OpenedParameters) -> dict[str, Any]:
    return {
        "member": p.member,
        "agreement": p.agreement,
        "weight": p.weight,
        "share_ppm": p.share_ppm,
        "limit_ueur_kwh": p.limit_ueur_kwh,
        "salt": hex_text(p.salt),
    }


def _read_parameters(r: Reader) -> OpenedParameters:
    return OpenedParameters(
        member=r["member"].number(32),
        agreement=r["agreement"].number(32),
        weight=r["weight"].number(32),
        share_ppm=r["share_ppm"].number(32),
        limit_ueur_kwh=r["limit_ueur_kwh"].number(32),
        salt=r["salt"].data(32),
    )


def _read_statement(r: Reader) -> OpenedStatement:
    member = r["member"].number(32)
    if r.has("leaf"):
        return OpenedStatement(member=member, leaf=r["leaf"].data(32))
    gone = r.has("lines_commitment")
    return OpenedStatement(
        member=member,
        lines=b"" if gone else r["lines"].data(),
        lines_salt=b"" if gone else r["lines_salt"].data(32),
        lines_commitment=r["lines_commitment"].data(32) if gone else b"",
        net_peur=r["net_peur"].signed(128),
        salt=r["salt"].data(32),
    )


def _read_result(r: Reader) -> OpenedResult:
    agreement = r["agreement"].number(32)
    if r.has("leaf"):
        return OpenedResult(agreement=agreement, leaf=r["leaf"].data(32))
    return OpenedResult(agreement=agreement, triples=r["triples"].data(), salt=r["salt"].data(32))


def _read_source(r: Reader) -> OpenedSource:
    gone = r.has("replacement")
    return OpenedSource(
        binding=r["binding"].number(32),
        kind=r["kind"].number(8),
        revision=r["revision"].number(16),
        pack=b"" if gone else r["pack"].data(),
        replacement=r["replacement"].data(32) if gone else b"",
    )


def _read_erased(r: Reader) -> Erased:
    return Erased(what=r["what"].word_of(Erasable), member=None if r["member"].absent else r["member"].number(32))

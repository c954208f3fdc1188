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

It holds no names and no metering points. It does hold amounts and salts: it is for auditors only.
"""

from dataclasses import dataclass
from typing import Any

from lindenstrom.core.bundles import Reader, canonical_json, header_json, hex_text, parse_json, read_header
from lindenstrom.core.statements import Header

SCHEMA = "lindenstrom/audit@v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStatement:
    """A leaf of the statements tree, opened. lines: bytes; net in p€."""

    member: int
    lines: bytes
    lines_salt: bytes
    net_peur: int
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedResult:
    """A leaf of the results tree, opened."""

    agreement: int
    triples: bytes
    salt: bytes


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
    """A leaf of the sources tree; `pack` holds a replacement's bytes."""

    binding: int
    kind: int
    revision: int
    pack: bytes = b""


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


def audit_json(file: AuditFile) -> str:
    """Canonical JSON of an audit file."""
    return canonical_json(
        {
            "schema": SCHEMA,
            "community": hex_text(file.community),
            "sequence": file.sequence,
            "header": header_json(file.header),
            "statements": [
                {
                    "member": s.member,
                    "lines": hex_text(s.lines),
                    "lines_salt": hex_text(s.lines_salt),
                    "net_peur": str(s.net_peur),
                    "salt": hex_text(s.salt),
                }
                for s in file.statements
            ],
            "results": [
                {"agreement": r.agreement, "triples": hex_text(r.triples), "salt": hex_text(r.salt)}
                for r in file.results
            ],
            "parameters": [_parameters_json(p) for p in file.parameters],
            "sources": [
                {"binding": s.binding, "kind": s.kind, "revision": s.revision, "pack": hex_text(s.pack)}
                for s in file.sources
            ],
        }
    )


def read_audit(text: str | bytes) -> AuditFile:
    """Audit file of its JSON text. Raises UnreadableBundle naming the first place that cannot be read."""
    top = parse_json(text, SCHEMA)
    return AuditFile(
        community=top["community"].data(32),
        sequence=top["sequence"].number(64),
        header=read_header(top["header"]),
        statements=top["statements"].list_of(_read_statement),
        results=top["results"].list_of(
            lambda r: OpenedResult(
                agreement=r["agreement"].number(32), triples=r["triples"].data(), salt=r["salt"].data(32)
            )
        ),
        parameters=top["parameters"].list_of(_read_parameters),
        sources=top["sources"].list_of(
            lambda r: OpenedSource(
                binding=r["binding"].number(32),
                kind=r["kind"].number(8),
                revision=r["revision"].number(16),
                pack=r["pack"].data(),
            )
        ),
    )


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
    return OpenedStatement(
        member=r["member"].number(32),
        lines=r["lines"].data(),
        lines_salt=r["lines_salt"].data(32),
        net_peur=r["net_peur"].signed(128),
        salt=r["salt"].data(32),
    )

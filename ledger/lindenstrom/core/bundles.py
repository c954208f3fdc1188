"""The bundle: everything a member needs to recheck one posted day, as canonical JSON (docs/formats.md).

Bytes are lower-case hex with 0x; whole numbers are JSON numbers, except net and amounts, which are decimal texts since
JSON readers in other languages round beyond 2⁵³.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lindenstrom.core.nesting import foreign_json
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, Opening, RecordOpening, StatementOpening
from lindenstrom.core.replacement import TrueUp
from lindenstrom.core.statements import Header, Statement
from lindenstrom.core.terms import Binding, Key, Membership, Role, Rule, Terms
from lindenstrom.errors import CouldNotCheck

SCHEMA = "lindenstrom/bundle@v1"
T = TypeVar("T")


class UnreadableBundle(CouldNotCheck):
    """The file is no bundle, or a field in it cannot be read."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"bundle cannot be read at {where}: {what}; ask the operator for the file again")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityRef:
    """Which community a bundle belongs to; compared with the member's own community file, never trusted alone."""

    name: str
    id: bytes
    chain_id: int
    offset_hours: int
    depth: int
    registry: bytes
    agreements: bytes
    reading_log: bytes
    settlement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundOpening:
    """Why a reader's anchored tree did not do: at the meter's position it is empty, or has this unfit pack (R5).

    revision: the reader's newest at the cut-off; record: where it was anchored; proof: from the position to its root.
    """

    revision: int
    record: RecordOpening
    empty: bool
    pack: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMeter:
    """One live binding with its opened source; reader_key and signature are empty for a replacement.

    ground: of a replacement, where the reader had anchored something. true_up: of a meter replaced the day before.
    """

    label: str
    binding: Binding
    opening: MeterOpening
    reader_key: bytes = b""
    signature: bytes = b""
    ground: GroundOpening | None = None
    true_up: TrueUp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleAgreement:
    """One live membership with its terms and openings."""

    label: str
    membership: Membership
    terms: Terms
    opening: AgreementOpening


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A member's day: what was posted, what is opened, and the names people use for it."""

    community: CommunityRef
    sequence: int
    header: Header
    member: int
    name: str
    statement: StatementOpening
    meters: tuple[BundleMeter, ...]
    agreements: tuple[BundleAgreement, ...]

    @property
    def digest(self) -> bytes:
        """Digest of the posting this bundle speaks of."""
        return self.header.digest(self.community.id, self.sequence)

    @property
    def opening(self) -> Opening:
        """The opening that `refute` takes."""
        return Opening(
            statement=self.statement,
            meters=tuple(m.opening for m in self.meters),
            agreements=tuple(a.opening for a in self.agreements),
        )


def hex_text(data: bytes) -> str:
    """0x and lower-case hex."""
    return "0x" + data.hex()


class Reader:
    """Typed access to parsed JSON that names the place of the first fault (UnreadableBundle)."""

    def __init__(self, value: Any, where: str = "top") -> None:
        self._value, self._where = value, where

    def fail(self, what: str) -> UnreadableBundle:
        """The error for this place."""
        return UnreadableBundle(self._where, what)

    def __getitem__(self, name: str) -> "Reader":
        if not isinstance(self._value, dict) or name not in self._value:
            raise self.fail(f"field {name!r} is missing")
        return Reader(self._value[name], f"{self._where}.{name}")

    def has(self, name: str) -> bool:
        """Whether an object has a field."""
        return isinstance(self._value, dict) and name in self._value

    @property
    def absent(self) -> bool:
        """Whether the value is null."""
        return self._value is None

    def list_of(self, read: "Callable[[Reader], T]") -> tuple[T, ...]:
        """Every entry of a list."""
        if not isinstance(self._value, list):
            raise self.fail("expected a list")
        return tuple(read(Reader(v, f"{self._where}[{i}]")) for i, v in enumerate(self._value))

    def text(self) -> str:
        """A text."""
        if not isinstance(self._value, str):
            raise self.fail("expected a text")
        return self._value

    def flag(self) -> bool:
        """true or false."""
        if not isinstance(self._value, bool):
            raise self.fail("expected true or false")
        return self._value

    def number(self, bits: int) -> int:
        """A whole number of at most `bits` bits, not negative."""
        if isinstance(self._value, bool) or not isinstance(self._value, int) or not 0 <= self._value < 2**bits:
            raise self.fail(f"expected a whole number of at most {bits} bits")
        return self._value

    def signed(self, bits: int) -> int:
        """A signed whole number written as decimal text."""
        body = self.text()
        digits = body.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 60:
            raise self.fail("expected a whole number as text")
        value = int(body)
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise self.fail(f"expected a whole number of at most {bits} bits")
        return value

    def data(self, size: int | None = None) -> bytes:
        """Bytes as 0x hex; of an exact size if one is given."""
        body = self.text()
        try:
            value = bytes.fromhex(body.removeprefix("0x"))
        except ValueError:
            raise self.fail("expected hex bytes") from None
        if not body.startswith("0x") or (size is not None and len(value) != size):
            raise self.fail(f"expected 0x and {size if size is not None else 'some'} bytes in hex")
        return value

    def member_of(self, kind: type[T]) -> T:
        """A value of an enum."""
        try:
            return kind(self.number(8))  # type: ignore[call-arg]
        except ValueError:
            raise self.fail(f"not a known {kind.__name__.lower()}") from None

    def word_of(self, kind: type[T]) -> T:
        """A value of an enum of words."""
        try:
            return kind(self.text())  # type: ignore[call-arg]
        except ValueError:
            raise self.fail(f"not a known {kind.__name__.lower()}") from None


def parse_json(text: str | bytes, schema: str) -> Reader:
    """Top of a JSON document of one schema. Raises UnreadableBundle."""
    try:
        value = foreign_json(text)
    except (ValueError, RecursionError):
        raise UnreadableBundle("top", "it is not JSON") from None
    top = Reader(value)
    found = top["schema"].text()
    if found != schema:
        raise UnreadableBundle("top.schema", f"expected {schema}, found another schema")
    return top


def canonical_json(value: Mapping[str, Any]) -> str:
    """Sorted keys, no white space, one line with a newline at its end: same value, same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def _proof(proof: tuple[bytes, ...]) -> list[str]:
    return [hex_text(p) for p in proof]


def _read_proof(r: Reader) -> tuple[bytes, ...]:
    return r.list_of(lambda x: x.data(32))


def record_json(r: RecordOpening | None) -> dict[str, Any] | None:
    """JSON object of a record opening."""
    if r is None:
        return None
    return {"batch": r.batch, "time": r.time, "root": hex_text(r.root), "slot": r.slot, "proof": _proof(r.proof)}


def read_record(r: Reader) -> RecordOpening | None:
    """Record opening of its JSON object, None for null."""
    if r.absent:
        return None
    return RecordOpening(
        batch=r["batch"].number(64),
        time=r["time"].number(64),
        root=r["root"].data(32),
        slot=r["slot"].number(16),
        proof=_read_proof(r["proof"]),
    )


def header_json(h: Header) -> dict[str, Any]:
    """JSON object of a header."""
    return {
        "window": h.window,
        "revision": h.revision,
        "as_of": h.as_of,
        "statements_root": hex_text(h.statements_root),
        "results_root": hex_text(h.results_root),
        "sources_root": hex_text(h.sources_root),
    }


def read_header(r: Reader) -> Header:
    """Header of its JSON object."""
    return Header(
        window=r["window"].number(21),  # beyond the calendar's year 7000 nothing can be computed
        revision=r["revision"].number(16),
        as_of=r["as_of"].number(64),
        statements_root=r["statements_root"].data(32),
        results_root=r["results_root"].data(32),
        sources_root=r["sources_root"].data(32),
    )


def terms_json(t: Terms) -> dict[str, Any]:
    """JSON object of an agreement's terms."""
    return {name: int(getattr(t, name)) for name in Terms.__slots__ if name != "public_disputes"} | {
        "public_disputes": t.public_disputes
    }


def read_terms(r: Reader) -> Terms:
    """Terms of their JSON object."""
    numbers = {
        name: r[name].number(8 if name == "priority" else 32)
        for name in Terms.__slots__
        if name not in ("key", "rule", "public_disputes")
    }
    return Terms(
        key=r["key"].member_of(Key),
        rule=r["rule"].member_of(Rule),
        public_disputes=r["public_disputes"].flag(),
        **numbers,
    )


def _community_json(c: CommunityRef) -> dict[str, Any]:
    return {
        "name": c.name,
        "id": hex_text(c.id),
        "chain_id": c.chain_id,
        "offset_hours": c.offset_hours,
        "depth": c.depth,
        "registry": hex_text(c.registry),
        "agreements": hex_text(c.agreements),
        "reading_log": hex_text(c.reading_log),
        "settlement": hex_text(c.settlement),
    }


def _read_community(r: Reader) -> CommunityRef:
    return CommunityRef(
        name=r["name"].text(),
        id=r["id"].data(32),
        chain_id=r["chain_id"].number(64),
        offset_hours=r["offset_hours"].number(2),
        depth=r["depth"].number(5),
        registry=r["registry"].data(20),
        agreements=r["agreements"].data(20),
        reading_log=r["reading_log"].data(20),
        settlement=r["settlement"].data(20),
    )


def _statement_json(s: StatementOpening) -> dict[str, Any]:
    st = s.statement
    return {
        "empty": s.empty,
        "community": hex_text(st.community),
        "window": st.window,
        "revision": st.revision,
        "index": st.index,
        "net_peur": str(st.net_peur),
        "salt": hex_text(st.salt),
        "lines_commitment": hex_text(st.lines_commitment),
        "lines_salt": hex_text(s.lines_salt),
        "lines": hex_text(s.lines),
        "proof": _proof(s.proof),
    }


def _read_statement(r: Reader) -> StatementOpening:
    return StatementOpening(
        empty=r["empty"].flag(),
        statement=Statement(
            community=r["community"].data(32),
            window=r["window"].number(32),
            revision=r["revision"].number(16),
            index=r["index"].number(32),
            lines_commitment=r["lines_commitment"].data(32),
            net_peur=r["net_peur"].signed(128),
            salt=r["salt"].data(32),
        ),
        lines_salt=r["lines_salt"].data(32),
        lines=r["lines"].data(),
        proof=_read_proof(r["proof"]),
    )


def _meter_json(m: BundleMeter) -> dict[str, Any]:
    b, o = m.binding, m.opening
    return {
        "label": m.label,
        "binding": {
            "id": b.id,
            "member": b.member,
            "meter": hex_text(b.meter),
            "reader": b.reader,
            "position": b.position,
            "from_day": b.from_day,
            "end_day": b.end_day,
        },
        "source": {"kind": o.kind, "revision": o.revision, "replacement": hex_text(o.replacement)},
        "source_proof": _proof(o.source_proof),
        "pack": hex_text(o.pack),
        "pack_proof": _proof(o.pack_proof),
        "record": record_json(o.record),
        "next": record_json(o.next),
        "empty_position": o.empty_position,
        "challenge": o.challenge,
        "challenge_revision": o.challenge_revision,
        "reader_key": hex_text(m.reader_key),
        "signature": hex_text(m.signature),
        "ground": _ground_json(m.ground),
        "true_up": _true_up_json(m.true_up),
    }


def _ground_json(g: GroundOpening | None) -> dict[str, Any] | None:
    if g is None:
        return None
    return {
        "revision": g.revision,
        "record": record_json(g.record),
        "empty": g.empty,
        "pack": hex_text(g.pack),
        "proof": _proof(g.proof),
    }


def _read_ground(r: Reader) -> GroundOpening | None:
    if r.absent:
        return None
    record = read_record(r["record"])
    if record is None:
        raise r["record"].fail("expected a record")
    return GroundOpening(
        revision=r["revision"].number(16),
        record=record,
        empty=r["empty"].flag(),
        pack=r["pack"].data(),
        proof=_read_proof(r["proof"]),
    )


def _true_up_json(t: TrueUp | None) -> dict[str, Any] | None:
    return None if t is None else {"import_mwh": str(t.import_mwh), "export_mwh": str(t.export_mwh)}


def _read_true_up(r: Reader) -> TrueUp | None:
    if r.absent:
        return None
    return TrueUp(import_mwh=r["import_mwh"].signed(65), export_mwh=r["export_mwh"].signed(65))


def _read_meter(r: Reader) -> BundleMeter:
    b, s = r["binding"], r["source"]
    return BundleMeter(
        label=r["label"].text(),
        binding=Binding(
            id=b["id"].number(32),
            member=b["member"].number(32),
            meter=b["meter"].data(32),
            reader=b["reader"].number(32),
            position=b["position"].number(32),
            from_day=b["from_day"].number(32),
            end_day=b["end_day"].number(32),
        ),
        opening=MeterOpening(
            kind=s["kind"].number(8),
            revision=s["revision"].number(16),
            replacement=s["replacement"].data(32),
            source_proof=_read_proof(r["source_proof"]),
            pack=r["pack"].data(),
            pack_proof=_read_proof(r["pack_proof"]),
            record=read_record(r["record"]),
            next=read_record(r["next"]),
            empty_position=r["empty_position"].flag(),
            challenge=r["challenge"].flag(),
            challenge_revision=r["challenge_revision"].number(16),
        ),
        reader_key=r["reader_key"].data(),
        signature=r["signature"].data(),
        ground=_read_ground(r["ground"]),
        true_up=_read_true_up(r["true_up"]),
    )


def _agreement_json(a: BundleAgreement) -> dict[str, Any]:
    m, o = a.membership, a.opening
    return {
        "label": a.label,
        "membership": {
            "agreement": m.agreement,
            "role": int(m.role),
            "from_day": m.from_day,
            "end_day": m.end_day,
            "parameters": hex_text(m.parameters),
        },
        "terms": terms_json(a.terms),
        "weight": o.weight,
        "share_ppm": o.share_ppm,
        "limit_ueur_kwh": o.limit_ueur_kwh,
        "salt": hex_text(o.salt),
        "empty": o.empty,
        "triples_salt": hex_text(o.triples_salt),
        "triples": hex_text(o.triples),
        "proof": _proof(o.proof),
    }


def _read_role(r: Reader) -> Role:
    value = r.number(8)
    if not 1 <= value <= Role.BOTH:
        raise r.fail("expected a role: 1 taker, 2 giver, 3 both")
    return Role(value)


def _read_agreement(r: Reader) -> BundleAgreement:
    m = r["membership"]
    return BundleAgreement(
        label=r["label"].text(),
        membership=Membership(
            agreement=m["agreement"].number(32),
            role=_read_role(m["role"]),
            from_day=m["from_day"].number(32),
            end_day=m["end_day"].number(32),
            parameters=m["parameters"].data(32),
        ),
        terms=read_terms(r["terms"]),
        opening=AgreementOpening(
            weight=r["weight"].number(32),
            share_ppm=r["share_ppm"].number(32),
            limit_ueur_kwh=r["limit_ueur_kwh"].number(32),
            salt=r["salt"].data(32),
            empty=r["empty"].flag(),
            triples_salt=r["triples_salt"].data(32),
            triples=r["triples"].data(),
            proof=_read_proof(r["proof"]),
        ),
    )


def bundle_json(bundle: Bundle) -> str:
    """Canonical JSON of a bundle."""
    return canonical_json(
        {
            "schema": SCHEMA,
            "community": _community_json(bundle.community),
            "sequence": bundle.sequence,
            "header": header_json(bundle.header),
            "member": bundle.member,
            "name": bundle.name,
            "statement": _statement_json(bundle.statement),
            "meters": [_meter_json(m) for m in bundle.meters],
            "agreements": [_agreement_json(a) for a in bundle.agreements],
        }
    )


def read_bundle(text: str | bytes) -> Bundle:
    """Bundle of its JSON text. Raises UnreadableBundle naming the first place that cannot be read."""
    top = parse_json(text, SCHEMA)
    return Bundle(
        community=_read_community(top["community"]),
        sequence=top["sequence"].number(64),
        header=read_header(top["header"]),
        member=top["member"].number(32),
        name=top["name"].text(),
        statement=_read_statement(top["statement"]),
        meters=top["meters"].list_of(_read_meter),
        agreements=top["agreements"].list_of(_read_agreement),
    )

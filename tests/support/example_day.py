"""A small community's day, built with the core alone: four people, two agreements, two readers, one posting.

Members: 2 feeds in from two meters and also draws; 3 draws; 4 feeds in; 5 has no agreement. Agreement 1 is a static
deal between 2 and 3 that runs first, agreement 2 the proportional community of 2, 3 and 4. All values are made up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.bundles import Bundle, BundleAgreement, BundleMeter, CommunityRef
from lindenstrom.core.calendar import OPEN_END, Zone, parse_date, window_of
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.packs import Pack, Registers, Status, decode_pack
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, RecordOpening, StatementOpening
from lindenstrom.core.replacement import replacement_pack
from lindenstrom.core.statements import (
    Record,
    Source,
    SourceKind,
    Statement,
    batch_digest,
    encode_lines,
    encode_triples,
)
from lindenstrom.core.terms import Binding, Key, Membership, Parameters, Role, Rule, Terms
from lindenstrom.core.verification import PostingFacts, PostingState
from lindenstrom.signing import Curve, address_of, key_of, sign_on

ZONE = Zone()
WINDOW = window_of(parse_date("2026-10-25"))
SLOTS = ZONE.slot_count(WINDOW)
DEPTH = 5
AS_OF = ZONE.window_end(WINDOW) + 36 * 3600
COMMUNITY = keccak(b"example community")
READER_KEYS = (keccak(b"reader 0"), keccak(b"reader 1"))
AUDITOR = address_of(keccak(b"auditor"))
REF = CommunityRef(
    name="Example", id=COMMUNITY, chain_id=31337, offset_hours=1, depth=DEPTH, registry=b"\x01" * 20,
    agreements=b"\x02" * 20, reading_log=b"\x03" * 20, settlement=b"\x04" * 20,
)  # fmt: skip
FROM_DAY = WINDOW - 3
TERMS = {
    1: Terms(
        steward=2, key=Key.STATIC, rule=Rule.FIXED, price_a_ueur_kwh=90_000, priority=0, first_window=FROM_DAY,
        public_disputes=True,
    ),
    2: Terms(
        steward=0, key=Key.PROPORTIONAL, rule=Rule.MID_MARKET, price_a_ueur_kwh=80_000, price_b_ueur_kwh=300_001,
        fee_ueur_kwh=5_000, priority=1, cap_mwh=900_000, first_window=FROM_DAY, public_disputes=True,
    ),
}  # fmt: skip


def salt_of(name: str, index: int) -> bytes:
    return keccak(name.encode() + u32(index))


def place(member: int, agreement: int, role: Role, weight: int = 0, share_ppm: int = 10**6) -> Place:
    salt = salt_of(f"parameters {member}", agreement)
    parameters = Parameters(weight=weight, share_ppm=share_ppm, salt=salt)
    return Place(member=member, agreement=agreement, role=role, parameters=parameters)


PLACES = (
    place(2, 1, Role.GIVER, share_ppm=400_000),
    place(3, 1, Role.TAKER, weight=1_000_000),
    place(2, 2, Role.BOTH),
    place(3, 2, Role.TAKER),
    place(4, 2, Role.GIVER),
)
BINDINGS = tuple(
    Binding(id=i, member=m, meter=salt_of("meter", i), reader=r, position=p, from_day=FROM_DAY, end_day=OPEN_END)
    for i, m, r, p in ((1, 2, 0, 0), (2, 2, 0, 3), (3, 3, 0, 1), (4, 4, 1, 0), (5, 5, 1, 2))
)
MISSING = 4
"""The binding whose reader anchored nothing."""


def values(binding: int, direction: int) -> tuple[int, ...]:
    exports = binding in (1, 2, 4)
    if direction == 0:
        return tuple((i * 7_919 * binding) % 400_000 for i in range(SLOTS))
    return tuple((i * 104_729 * binding) % 1_500_000 if exports and 30 < i < 80 else 0 for i in range(SLOTS))


def example_pack(binding: Binding, community: bytes, revision: int = 0) -> Pack:
    imports, exports = values(binding.id, 0), values(binding.id, 1)
    start = Registers(import_mwh=10**9, export_mwh=10**8)
    return Pack(
        community=community, meter=binding.meter, window=WINDOW, revision=revision, salt=salt_of("pack", binding.id),
        start=start,
        end=Registers(import_mwh=start.import_mwh + sum(imports), export_mwh=start.export_mwh + sum(exports)),
        import_mwh=imports, export_mwh=exports, status=(Status.MEASURED,) * SLOTS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """What a cheating operator changes, and where; every later hash is then computed honestly."""

    result: Callable[[DayResult], DayResult] = lambda r: r
    source: Callable[[int, Source], Source] = lambda _, s: s
    leaves: Callable[[CommittedDay], CommittedDay] = lambda c: c
    statement: Callable[[Bundle], Bundle] = lambda b: b


def wrong_net(member: int, delta_peur: int = 1) -> Callable[[DayResult], DayResult]:
    """The lines' amounts stay right one by one and their sum does not follow: told through a result of another sum."""

    class Lying(DayResult):
        def net_peur(self, index: int) -> int:
            return DayResult.net_peur(self, index) + delta_peur * (index == member)

    return lambda r: Lying(triples=r.triples, lines=r.lines, residual=r.residual)


@dataclass(frozen=True, kw_only=True)
class ExampleDay:
    """Everything of the day; also a ChainView, as if the contracts held it. Subclasses tell another day's readings."""

    community: bytes = COMMUNITY
    ref: CommunityRef = REF
    sequence: int = 1
    window: int = WINDOW
    revision: int = 0
    as_of: int = AS_OF
    anchor_time: int = AS_OF - 3600
    batch_id: int = 1
    lie: Lie = field(default_factory=Lie)
    state: PostingState = PostingState.FINAL
    bindings_held: tuple[Binding, ...] = BINDINGS
    places: Sequence[Place] = PLACES
    terms: Mapping[int, Terms] = field(default_factory=lambda: TERMS)
    readers: tuple[bytes, ...] = READER_KEYS
    curve: Curve = Curve.SECP256K1
    zone = ZONE
    depth = DEPTH

    @property
    def posted_at(self) -> int:
        return self.as_of + 60

    @property
    def from_day(self) -> int:
        return self.window - 3

    @property
    def slots(self) -> int:
        return self.zone.slot_count(self.window)

    def live(self) -> tuple[Binding, ...]:
        return self.bindings_held

    def delivered(self, reader: int) -> bool:
        """Whether the reader anchored the window."""
        return reader == 0

    def counts(self, binding: Binding) -> bool:
        """Whether the day counts the reader's own pack."""
        return self.delivered(binding.reader)

    def newest(self, reader: int) -> int:
        """The reader's newest revision at the cut-off."""
        return 0

    def reading(self, binding: Binding, revision: int) -> Pack:
        return example_pack(binding, self.community, revision)

    def replacement(self, binding: Binding) -> Pack:
        return replacement_pack(
            community=self.community, meter=binding.meter, window=self.window, salt=salt_of("replacement", binding.id),
            zone=ZONE, last_end=Registers(import_mwh=5, export_mwh=6), measured={},
        )  # fmt: skip

    def pack(self, binding: Binding) -> bytes:
        """What the day counts for the binding."""
        if self.counts(binding):
            return self.reading(binding, self.newest(binding.reader)).encode()
        return self.replacement(binding).encode()

    def reader_tree(self, reader: int = 0, revision: int | None = None) -> PositionalTree:
        number = self.newest(reader) if revision is None else revision
        mine = {b.position: keccak(self.reading(b, number).encode()) for b in self.bindings_held if b.reader == reader}
        return PositionalTree(depth=self.depth, leaves=mine)

    def record(self, reader: int = 0, revision: int | None = None) -> Record:
        number = self.newest(reader) if revision is None else revision
        return Record(reader=reader, window=self.window, revision=number, root=self.reader_tree(reader, number).root)

    def batches(self) -> Mapping[int, tuple[int, tuple[Record, ...]]]:
        """Everything anchored for the window: per batch its time and records."""
        anchored = tuple(self.record(i, 0) for i in range(len(self.readers)) if self.delivered(i))
        return {self.batch_id: (self.anchor_time, anchored)}

    def opened(self, reader: int, revision: int | None = None) -> RecordOpening:
        wanted = self.record(reader, revision)
        batch, time, records = next((b, t, rows) for b, (t, rows) in self.batches().items() if wanted in rows)
        slot = records.index(wanted)
        proof = batch_tree([r.leaf(self.community) for r in records]).proof(slot)
        return RecordOpening(batch=batch, time=time, root=wanted.root, slot=slot, proof=proof)

    def result(self) -> DayResult:
        energy: dict[int, MemberEnergy] = {}
        zeros = (0,) * self.slots
        for b in self.bindings_held:
            counted = decode_pack(self.pack(b))
            old = energy.get(b.member, MemberEnergy(draw_mwh=zeros, feed_mwh=zeros))
            energy[b.member] = MemberEnergy(
                draw_mwh=tuple(x + y for x, y in zip(old.draw_mwh, counted.import_mwh, strict=True)),
                feed_mwh=tuple(x + y for x, y in zip(old.feed_mwh, counted.export_mwh, strict=True)),
            )
        honest = clear_day(slot_count=self.slots, energy=energy, agreements=self.terms, places=self.places)
        return self.lie.result(honest)

    def sources(self) -> dict[int, Source]:
        honest = {
            b.id: Source.anchored(self.newest(b.reader)) if self.counts(b) else Source.replaced(keccak(self.pack(b)))
            for b in self.bindings_held
        }
        return {i: self.lie.source(i, s) for i, s in honest.items()}

    def committed(self) -> CommittedDay:
        return self.lie.leaves(
            commit_day(
                community=self.community, window=self.window, revision=self.revision, as_of=self.as_of,
                sequence=self.sequence, depth=self.depth, result=self.result(), sources=self.sources(),
                salts=DaySalts(
                    level=lambda a: salt_of("level", a),
                    line=lambda m: salt_of("line", m),
                    total=lambda m: salt_of("total", m),
                ),
            )
        )  # fmt: skip

    def bundle(self, member: int) -> Bundle:
        day, result = self.committed(), self.result()
        meters, sources = [], self.sources()
        for b in self.bindings(member, self.window):
            source = sources[b.id]
            anchored = self.counts(b)
            meters.append(
                BundleMeter(
                    label=f"meter {b.id}", binding=b,
                    reader_key=key_of(self.readers[b.reader], self.curve) if anchored else b"",
                    signature=self.signature(b.reader) if anchored else b"",
                    opening=MeterOpening(
                        kind=int(source.kind), revision=source.revision, replacement=source.replacement,
                        source_proof=day.sources_tree.proof(b.id), pack=self.pack(b),
                        pack_proof=self.reader_tree(b.reader).proof(b.position) if anchored else (),
                        record=self.opened(b.reader) if anchored else None,
                    ),
                )
            )  # fmt: skip
        agreements = [
            BundleAgreement(
                label=f"agreement {m.agreement}", membership=m, terms=t, opening=self._agreement(member, m, day, result)
            )
            for m, t in self.memberships(member, self.window)
        ]
        return self.lie.statement(
            Bundle(
                community=self.ref, sequence=self.sequence, header=day.header, member=member, name="Example Person",
                statement=self._statement(member, day, result),
                meters=tuple(meters), agreements=tuple(agreements),
            )
        )  # fmt: skip

    def signature(self, reader: int, revision: int | None = None) -> bytes:
        record = self.record(reader, revision)
        act = Anchor(reader=reader, window=self.window, revision=record.revision, root=record.root)
        return sign_on(self.readers[reader], act.digest(self.community), self.curve)

    def _statement(self, member: int, day: CommittedDay, result: DayResult) -> StatementOpening:
        if member not in day.statements:
            return empty_statement(day, member)
        return StatementOpening(
            empty=False, statement=day.statements[member], lines_salt=salt_of("line", member),
            lines=encode_lines(result.lines[member]), proof=day.statements_tree.proof(member),
        )  # fmt: skip

    def _agreement(self, member: int, m: Membership, day: CommittedDay, result: DayResult) -> AgreementOpening:
        mine = next(p.parameters for p in self.places if p.member == member and p.agreement == m.agreement)
        return AgreementOpening(
            weight=mine.weight, share_ppm=mine.share_ppm, limit_ueur_kwh=mine.limit_ueur_kwh, salt=mine.salt,
            empty=False, triples_salt=salt_of("level", m.agreement),
            triples=encode_triples(result.triples[m.agreement]),
            proof=day.results_tree.proof(m.agreement),
        )  # fmt: skip

    # --- as the contracts would answer

    def bindings(self, member: int, window: int) -> list[Binding]:
        return [b for b in self.bindings_held if b.member == member and b.live(window)]

    def memberships(self, member: int, window: int) -> list[tuple[Membership, Terms]]:
        rows = sorted((self.terms[p.agreement].priority, p.agreement, p) for p in self.places if p.member == member)
        return [
            (
                Membership(
                    agreement=a,
                    role=p.role,
                    from_day=self.from_day,
                    end_day=OPEN_END,
                    parameters=p.parameters.commitment,
                ),
                self.terms[a],
            )
            for _, a, p in rows
        ]

    def count(self, reader: int, window: int) -> int:
        return sum(r.reader == reader for _, records in self.batches().values() for r in records)

    def batch(self, batch: int) -> bytes:
        return self._digests.get(batch, bytes(32))

    @cached_property
    def _digests(self) -> dict[int, bytes]:
        return {
            batch: batch_digest(batch_tree([r.leaf(self.community) for r in records]).root, time)
            for batch, (time, records) in self.batches().items()
        }

    def withheld_at(self, reader: int, window: int) -> int:
        return 0

    def reader_keys(self, reader: int) -> list[bytes]:
        return [key_of(self.readers[reader], self.curve)]

    def anchored_at(self, reader: int, window: int, revision: int) -> int:
        rows = self.batches().values()
        found = (t for t, records in rows for r in records if (r.reader, r.revision) == (reader, revision))
        return next(found, self.anchor_time)

    def posting(self, sequence: int) -> PostingFacts | None:
        if sequence != self.sequence:
            return None
        return PostingFacts(
            window=self.window, revision=self.revision, as_of=self.as_of, posted_at=self.posted_at, state=self.state,
            attested_by=(AUDITOR,), contested_by=(), digest=self.committed().digest,
            final_at=self.posted_at + 14 * 86_400,
        )  # fmt: skip


def empty_statement(day: CommittedDay, member: int) -> StatementOpening:
    """That a member's leaf is empty; nothing in it counts but the proof."""
    header = day.header
    nothing = Statement(community=bytes(32), window=header.window, revision=header.revision, index=member,
                        lines_commitment=bytes(32), net_peur=0, salt=bytes(32))  # fmt: skip
    proof = day.statements_tree.proof(member)
    return StatementOpening(empty=True, statement=nothing, lines_salt=bytes(32), lines=b"", proof=proof)


def cheat_lines(member: int, delta_peur: int) -> Callable[[DayResult], DayResult]:
    """Take money from one member's first line before the trees are built."""

    def change(result: DayResult) -> DayResult:
        first, *rest = result.lines[member]
        lines = (replace(first, amount_peur=first.amount_peur + delta_peur), *rest)
        return replace(result, lines={**result.lines, member: lines})

    return change


ANCHORED = SourceKind.ANCHORED

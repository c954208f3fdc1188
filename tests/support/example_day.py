"""A small community's day, built with the core alone: four people, two agreements, two readers, one posting.

Members: 2 feeds in from two meters and also draws; 3 draws; 4 feeds in; 5 has no agreement. Agreement 1 is a static
deal between 2 and 3 that runs first, agreement 2 the proportional community of 2, 3 and 4. All values are made up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.bundles import Bundle, BundleAgreement, BundleMeter, CommunityRef
from lindenstrom.core.calendar import OPEN_END, Zone, parse_date, window_of
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.packs import Pack, Registers, Status
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, RecordOpening, StatementOpening
from lindenstrom.core.replacement import replacement_pack
from lindenstrom.core.statements import Record, Source, SourceKind, batch_digest, encode_lines, encode_triples
from lindenstrom.core.terms import Binding, Key, Membership, Parameters, Role, Rule, Terms
from lindenstrom.core.verification import PostingFacts, PostingState
from lindenstrom.signing import address_of, recover_address, sign_digest

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
    net: int = 0
    statement: Callable[[Bundle], Bundle] = lambda b: b


@dataclass(frozen=True, kw_only=True)
class ExampleDay:
    """Everything of the day; also a ChainView, as if the contracts held it."""

    community: bytes = COMMUNITY
    ref: CommunityRef = REF
    sequence: int = 1
    anchor_time: int = AS_OF - 3600
    batch_id: int = 1
    lie: Lie = field(default_factory=Lie)
    state: PostingState = PostingState.FINAL
    bindings_held: tuple[Binding, ...] = BINDINGS
    places: Sequence[Place] = PLACES
    terms: Mapping[int, Terms] = field(default_factory=lambda: TERMS)
    zone = ZONE
    depth = DEPTH
    posted_at = AS_OF + 60

    def live(self) -> tuple[Binding, ...]:
        return self.bindings_held

    def pack(self, binding: Binding) -> bytes:
        if binding.reader != 1:
            return example_pack(binding, self.community).encode()
        return replacement_pack(
            community=self.community, meter=binding.meter, window=WINDOW, salt=salt_of("replacement", binding.id),
            zone=ZONE, last_end=Registers(import_mwh=5, export_mwh=6), measured={},
        ).encode()  # fmt: skip

    def reader_tree(self) -> PositionalTree:
        mine = {b.position: keccak(self.pack(b)) for b in self.bindings_held if b.reader == 0}
        return PositionalTree(depth=DEPTH, leaves=mine)

    def record(self) -> Record:
        return Record(reader=0, window=WINDOW, revision=0, root=self.reader_tree().root)

    def result(self) -> DayResult:
        energy: dict[int, MemberEnergy] = {}
        for b in self.bindings_held:
            zeros = (0,) * SLOTS
            add = (values(b.id, 0), values(b.id, 1)) if b.reader == 0 else (zeros, zeros)
            old = energy.get(b.member, MemberEnergy(draw_mwh=zeros, feed_mwh=zeros))
            energy[b.member] = MemberEnergy(
                draw_mwh=tuple(x + y for x, y in zip(old.draw_mwh, add[0], strict=True)),
                feed_mwh=tuple(x + y for x, y in zip(old.feed_mwh, add[1], strict=True)),
            )
        honest = clear_day(slot_count=SLOTS, energy=energy, agreements=self.terms, places=self.places)
        return self.lie.result(honest)

    def sources(self) -> dict[int, Source]:
        honest = {
            b.id: Source.anchored(0) if b.reader == 0 else Source.replaced(keccak(self.pack(b)))
            for b in self.bindings_held
        }
        return {i: self.lie.source(i, s) for i, s in honest.items()}

    def committed(self) -> CommittedDay:
        return self.lie.leaves(
            commit_day(
                community=self.community, window=WINDOW, revision=0, as_of=AS_OF, sequence=self.sequence, depth=DEPTH,
                result=self.result(), sources=self.sources(),
                salts=DaySalts(
                    level=lambda a: salt_of("level", a),
                    line=lambda m: salt_of("line", m),
                    total=lambda m: salt_of("total", m),
                ),
            )
        )  # fmt: skip

    def bundle(self, member: int) -> Bundle:
        day, result = self.committed(), self.result()
        tree = self.reader_tree()
        record = self.record()
        batch = batch_tree([record.leaf(self.community)])
        opened = RecordOpening(
            batch=self.batch_id, time=self.anchor_time, root=record.root, slot=0, proof=batch.proof(0)
        )
        digest = Anchor(reader=0, window=WINDOW, revision=0, root=record.root).digest(self.community)
        meters = []
        for b in self.bindings(member, WINDOW):
            source = self.sources()[b.id]
            anchored = b.reader == 0
            meters.append(
                BundleMeter(
                    label=f"meter {b.id}", binding=b, reader_account=address_of(READER_KEYS[0]) if anchored else b"",
                    signature=sign_digest(READER_KEYS[0], digest) if anchored else b"",
                    opening=MeterOpening(
                        kind=int(source.kind), revision=source.revision, replacement=source.replacement,
                        source_proof=day.sources_tree.proof(b.id), pack=self.pack(b),
                        pack_proof=tree.proof(b.position) if anchored else (), record=opened if anchored else None,
                    ),
                )
            )  # fmt: skip
        agreements = [
            BundleAgreement(
                label=f"agreement {m.agreement}", membership=m, terms=t, opening=self._agreement(member, m, day, result)
            )
            for m, t in self.memberships(member, WINDOW)
        ]
        statement = day.statements[member]
        return self.lie.statement(
            Bundle(
                community=self.ref, sequence=self.sequence, header=day.header, member=member, name="Example Person",
                statement=StatementOpening(
                    empty=False, statement=statement, lines_salt=salt_of("line", member),
                    lines=encode_lines(result.lines[member]), proof=day.statements_tree.proof(member),
                ),
                meters=tuple(meters), agreements=tuple(agreements),
            )
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
                    agreement=a, role=p.role, from_day=FROM_DAY, end_day=OPEN_END, parameters=p.parameters.commitment
                ),
                self.terms[a],
            )
            for _, a, p in rows
        ]

    def count(self, reader: int, window: int) -> int:
        return int(reader == 0)

    def batch(self, batch: int) -> bytes:
        root = batch_tree([self.record().leaf(self.community)]).root
        return batch_digest(root, self.anchor_time) if batch == self.batch_id else bytes(32)

    def withheld_at(self, reader: int, window: int) -> int:
        return 0

    def reader_accounts(self, reader: int) -> list[bytes]:
        return [address_of(READER_KEYS[reader])]

    def anchored_at(self, reader: int, window: int, revision: int) -> int:
        return self.anchor_time

    def posting(self, sequence: int) -> PostingFacts | None:
        if sequence != self.sequence:
            return None
        return PostingFacts(
            window=WINDOW, revision=0, as_of=AS_OF, posted_at=self.posted_at, state=self.state,
            attested_by=(AUDITOR,), contested_by=(), digest=self.committed().digest,
            final_at=self.posted_at + 14 * 86_400,
        )  # fmt: skip


def cheat_lines(member: int, delta_peur: int) -> Callable[[DayResult], DayResult]:
    """Take money from one member's first line before the trees are built."""

    def change(result: DayResult) -> DayResult:
        first, *rest = result.lines[member]
        lines = (replace(first, amount_peur=first.amount_peur + delta_peur), *rest)
        return replace(result, lines={**result.lines, member: lines})

    return change


RECOVER = recover_address
ANCHORED = SourceKind.ANCHORED

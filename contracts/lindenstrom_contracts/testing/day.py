"""One day of a small neighbourhood, played by the ledger's own core on the real contracts.

Member 2 feeds in and draws, 3 draws, 4 feeds in. Agreement 1 is a static deal of 2 and 3 at a fixed price, offered by
member 2; agreement 2 the community's proportional one at the mid-market price. Reader 0 reads 2 and 3, reader 1 reads
4. All values are made up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from lindenstrom.chain.openings import opening_tuple
from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.eip712 import Anchor, Refute
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.packs import Pack, Registers, Status
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, Opening, RecordOpening, StatementOpening
from lindenstrom.core.statements import Record, Source, encode_lines, encode_triples
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from lindenstrom_contracts.bindings import structs
from lindenstrom_contracts.testing.community import Community

METERS = {2: (0, 0), 3: (0, 1), 4: (1, 0)}
"""member → (reader, position)"""

Change = Callable[[DayResult], DayResult]


class Stage(IntEnum):
    """How far a day is played."""

    AGREED = 0
    """meters bound, agreements joined; the clock stands where it stood"""
    READ = 1
    """the day is over and every reader has anchored it; the clock stands at the cut-off"""
    POSTED = 2
    FINAL = 3
    """attested by the first auditor, and final after the objection period"""


@dataclass(frozen=True, kw_only=True)
class PlayedDay:
    """Everything that the operator knows of the day. binding ids as keys, unless it says member."""

    community: Community
    window: int
    bindings: Mapping[int, int]
    """member → binding"""
    terms: Mapping[int, Terms]
    places: tuple[Place, ...]
    packs: Mapping[int, Pack]
    records: Mapping[int, RecordOpening]
    """reader → where its root was anchored"""
    sequence: int
    change: Change

    @property
    def as_of(self) -> int:
        """The cut-off for readings."""
        return self.community.zone.window_end(self.window) + self.community.constants.close_delay

    @cached_property
    def result(self) -> DayResult:
        """What everybody took, gave and owes; with the change, if the day was to be falsified."""
        energy = {
            member: MemberEnergy(draw_mwh=self.packs[binding].import_mwh, feed_mwh=self.packs[binding].export_mwh)
            for member, binding in self.bindings.items()
        }
        slots = self.community.zone.slot_count(self.window)
        return self.change(clear_day(slot_count=slots, energy=energy, agreements=self.terms, places=self.places))

    @cached_property
    def committed(self) -> CommittedDay:
        """Roots, trees and statements."""
        return commit_day(
            community=self.community.registry.community(),
            window=self.window,
            revision=0,
            as_of=self.as_of,
            sequence=self.sequence,
            depth=self.community.constants.depth,
            result=self.result,
            sources={binding: Source.anchored(0) for binding in self.packs},
            salts=DaySalts(
                level=lambda a: salt("level", a), line=lambda m: salt("line", m), total=lambda m: salt("total", m)
            ),
        )

    @property
    def digest(self) -> bytes:
        """What the contract stores of the posting, and every later call names."""
        return self.committed.digest

    @property
    def header(self) -> structs.Header:
        """What `post` and `refute` take."""
        h = self.committed.header
        return structs.Header(
            window=h.window,
            revision=h.revision,
            as_of=h.as_of,
            statements_root=h.statements_root,
            results_root=h.results_root,
            sources_root=h.sources_root,
        )

    def opening(self, member: int) -> structs.Opening:
        """The member's day as `refute` takes it; honest, so that only what was posted can be wrong."""
        day, binding = self.committed, self.bindings[member]
        reader, position = METERS[member]
        meter = MeterOpening(
            kind=1,
            revision=0,
            replacement=bytes(32),
            source_proof=day.sources_tree.proof(binding),
            pack=self.packs[binding].encode(),
            pack_proof=reader_tree(self.community, self.packs, self.bindings, reader).proof(position),
            record=self.records[reader],
        )
        mine = sorted(
            (place for place in self.places if place.member == member),
            key=lambda place: (self.terms[place.agreement].priority, place.agreement),
        )
        statement = StatementOpening(
            empty=False,
            statement=day.statements[member],
            lines_salt=salt("line", member),
            lines=encode_lines(self.result.lines[member]),
            proof=day.statements_tree.proof(member),
        )
        opened = Opening(
            statement=statement, meters=(meter,), agreements=tuple(self._agreement(place) for place in mine)
        )
        return structs.Opening.from_abi(opening_tuple(opened))

    def refute_signature(self, member: int) -> bytes:
        """The member's signed act for `refute`."""
        act = Refute(member=member, sequence=self.sequence, posting=self.digest)
        return self.community.sign_with(self.community.key_of(member), act)

    def _agreement(self, place: Place) -> AgreementOpening:
        return AgreementOpening(
            weight=place.parameters.weight,
            share_ppm=place.parameters.share_ppm,
            limit_ueur_kwh=place.parameters.limit_ueur_kwh,
            salt=place.parameters.salt,
            empty=False,
            triples_salt=salt("level", place.agreement),
            triples=encode_triples(self.result.triples[place.agreement]),
            proof=self.committed.results_tree.proof(place.agreement),
        )


def play_day(community: Community, until: Stage = Stage.FINAL, *, change: Change = lambda result: result) -> PlayedDay:
    """Play the first possible day up to a stage, on top of a community without bindings or agreements.

    change: what a cheating operator makes of the result; every hash after it is computed honestly.
    """
    chain, window = community.chain, community.earliest_day
    bindings = {m: community.bind(m, reader, position) for m, (reader, position) in METERS.items()}
    terms, places = _agree(community, window)
    packs = {binding: made_up_pack(community, binding, window) for binding in bindings.values()}
    records = {}
    if until >= Stage.READ:
        chain.advance_to(community.zone.window_end(window) + 3_600)
        for reader in sorted({reader for reader, _ in METERS.values()}):
            records[reader] = anchor(community, reader, window, reader_tree(community, packs, bindings, reader).root)
        chain.advance_to(community.zone.window_end(window) + community.constants.close_delay)
    day = PlayedDay(
        community=community,
        window=window,
        bindings=bindings,
        terms=terms,
        places=places,
        packs=packs,
        records=records,
        sequence=community.settlement.next_sequence(),
        change=change,
    )
    if until >= Stage.POSTED:
        community.settlement.by(community.cast.operator).post(day.sequence, day.header)
    if until >= Stage.FINAL:
        community.settlement.by(community.cast.auditors[0]).attest(day.sequence, day.digest)
        chain.advance(seconds=community.constants.objection_period)
        community.settlement.finalise(day.sequence, day.digest)
    return day


def anchor(community: Community, reader: int, window: int, root: bytes, revision: int = 0) -> RecordOpening:
    """Anchor a root with the reader's signature; what opens it later."""
    act = Anchor(reader=reader, window=window, revision=revision, root=root)
    signature = community.sign(community.cast.readers[reader], act)
    row = structs.Anchor(reader=reader, window=window, revision=revision, root=root, signature=signature)
    community.reading_log.anchor(row)
    leaf = Record(reader=reader, window=window, revision=revision, root=root).leaf(community.registry.community())
    batch = community.reading_log.batch_count()
    return RecordOpening(batch=batch, time=community.chain.now, root=root, slot=0, proof=batch_tree([leaf]).proof(0))


def reader_tree(
    community: Community, packs: Mapping[int, Pack], bindings: Mapping[int, int], reader: int
) -> PositionalTree:
    """The tree that a reader signs."""
    leaves = {
        position: keccak(packs[bindings[member]].encode())
        for member, (its, position) in METERS.items()
        if its == reader
    }
    return PositionalTree(depth=community.constants.depth, leaves=leaves)


def made_up_pack(community: Community, binding: int, window: int) -> Pack:
    """A meter's day: everybody draws, members 2 and 4 feed in around noon."""
    bound = community.registry.binding(binding)
    slots = community.zone.slot_count(window)
    drew = tuple((i * 7_919 * binding) % 400_000 for i in range(slots))
    roof = bound.member != 3
    fed = tuple((i * 104_729 * binding) % 1_500_000 if roof and 30 < i < 70 else 0 for i in range(slots))
    start = Registers(import_mwh=10**9, export_mwh=10**8)
    return Pack(
        community=community.registry.community(),
        meter=bound.meter,
        window=window,
        revision=0,
        salt=salt("pack", binding),
        start=start,
        end=Registers(import_mwh=start.import_mwh + sum(drew), export_mwh=start.export_mwh + sum(fed)),
        import_mwh=drew,
        export_mwh=fed,
        status=(Status.MEASURED,) * slots,
    )


def salt(name: str, index: int) -> bytes:
    """32 bytes, the same each time: for tests only."""
    return keccak(name.encode() + u32(index))


def _agree(community: Community, window: int) -> tuple[dict[int, Terms], tuple[Place, ...]]:
    deal = Terms(
        steward=2, key=Key.STATIC, rule=Rule.FIXED, price_a_ueur_kwh=90_000, first_window=window, public_disputes=True
    )
    shared = Terms(
        steward=0,
        key=Key.PROPORTIONAL,
        rule=Rule.MID_MARKET,
        price_a_ueur_kwh=80_000,
        price_b_ueur_kwh=300_001,
        fee_ueur_kwh=5_000,
        priority=1,
        first_window=window,
        public_disputes=True,
    )
    first, second = community.offer(deal), community.offer(shared)
    rows = (
        (2, first, Role.GIVER, 0, 400_000),
        (3, first, Role.TAKER, 1_000_000, 10**6),
        (2, second, Role.BOTH, 0, 10**6),
        (3, second, Role.TAKER, 0, 10**6),
        (4, second, Role.GIVER, 0, 10**6),
    )
    places = []
    for member, agreement, role, weight, share in rows:
        parameters = Parameters(weight=weight, share_ppm=share, salt=salt(f"parameters {member}", agreement))
        community.join(member, agreement, role, parameters)
        places.append(Place(member=member, agreement=agreement, role=role, parameters=parameters))
    return {first: deal, second: shared}, tuple(places)

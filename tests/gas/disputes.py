"""A member's day opened: refuted, refuted in one slot, demanded and answered; usual, and at the caps of R1."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lindenstrom.chain.batches import MAX_BATCH, SignedAnchor, dense
from lindenstrom.chain.openings import opening_tuple
from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.calendar import OPEN_END
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.eip712 import Anchor, Bind, Countersign, Demand, Join, Receipt, Refute, RefuteLevels
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.packs import Pack, Registers, Status
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, Opening, Reason, RecordOpening, StatementOpening
from lindenstrom.core.statements import Record, Source, encode_lines, encode_triples
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from lindenstrom.signing import Curve, address_of, sign_digest
from lindenstrom_contracts.bindings import events, structs
from lindenstrom_contracts.bindings.base import Event
from lindenstrom_contracts.testing import Community
from lindenstrom_contracts.testing.day import salt
from tests.gas.days import secret_of
from tests.gas.node import Node

WINDOW = 20_751
"""2026-10-25, a day of 100 slots."""
SLOTS = 100
MEMBER, NEIGHBOUR = 2, 3
EVER = 32
POSITION = 40
"""The first meter's place in its reader's tree."""
KEYS = (
    ("proportional", Key.PROPORTIONAL, Rule.MID_MARKET),
    ("static", Key.STATIC, Rule.FIXED),
    ("cascading", Key.CASCADING, Rule.FIXED),
    ("equal", Key.EQUAL, Rule.FIXED),
    ("priority", Key.PRIORITY, Rule.FIXED),
    ("auction", Key.PROPORTIONAL, Rule.AUCTION),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of a member the contract has to look at.

    ever: bindings and memberships stored, the live ones included. late: each reader has anchored a newer revision after
    the cut-off, so that its record is opened as well.
    """

    meters: int
    agreements: int
    ever: int
    keys: tuple[tuple[Key, Rule], ...]
    late: bool = False


USUAL = Size(
    meters=2, agreements=3, ever=0,
    keys=((Key.STATIC, Rule.FIXED), (Key.PROPORTIONAL, Rule.MID_MARKET), (Key.PROPORTIONAL, Rule.AUCTION)),
)  # fmt: skip


def at_the_caps(key: Key, rule: Rule) -> Size:
    """Four meters and four agreements of one kind live, 32 of each ever stored."""
    return Size(meters=4, agreements=4, ever=EVER, keys=((key, rule),), late=True)


@dataclass(frozen=True, kw_only=True)
class Disputed:
    """A day of a member that is posted, and everything to open it."""

    community: Community
    bindings: tuple[int, ...]
    terms: dict[int, Terms]
    places: tuple[Place, ...]
    packs: tuple[Pack, ...]
    records: tuple[RecordOpening, ...]
    later: tuple[RecordOpening, ...]
    sequence: int
    net_off_by: int = 0
    curtailed: bool = False

    @cached_property
    def result(self) -> DayResult:
        """Cleared with one neighbour, so that now the takers and now the givers are held back."""
        mine = MemberEnergy(
            draw_mwh=tuple(map(sum, zip(*(p.import_mwh for p in self.packs), strict=True))),
            feed_mwh=tuple(map(sum, zip(*(p.export_mwh for p in self.packs), strict=True))),
        )
        other = MemberEnergy(draw_mwh=values("draw", 99, 1_900_000), feed_mwh=values("feed", 99, 1_700_000))
        honest = clear_day(
            slot_count=SLOTS, energy={MEMBER: mine, NEIGHBOUR: other}, agreements=self.terms, places=self.places
        )
        if not self.curtailed:
            return honest
        *right, last = honest.triples[self.curtailed_agreement]
        # Both sides held back; under a static key, which cannot tell, a level out of range.
        level = 2**32 + 1 if self.terms[self.curtailed_agreement].key is Key.STATIC else 2**31
        wrong = (*right, replace(last, taker_level=2**31, giver_level=level))
        return replace(honest, triples={**honest.triples, self.curtailed_agreement: wrong})

    @property
    def curtailed_agreement(self) -> int:
        """The one whose last slot is wrong, if `curtailed`."""
        return min(self.terms, key=lambda a: (self.terms[a].key is Key.STATIC, a))

    @cached_property
    def committed(self) -> CommittedDay:
        """With the member's total wrong by `net_off_by` p€, which is the last thing that the contract looks at."""
        registry = self.community.registry
        day = commit_day(
            community=registry.community(), window=WINDOW, revision=0, as_of=self.as_of, sequence=self.sequence,
            depth=self.community.constants.depth, result=self.result,
            sources={binding: Source.anchored(0) for binding in self.bindings},
            salts=DaySalts(
                level=lambda a: salt("level", a), line=lambda m: salt("line", m), total=lambda m: salt("total", m)
            ),
        )  # fmt: skip
        wrong = replace(day.statements[MEMBER], net_peur=day.statements[MEMBER].net_peur + self.net_off_by)
        statements = {**day.statements, MEMBER: wrong}
        tree = PositionalTree(depth=day.statements_tree.depth, leaves={m: s.leaf for m, s in statements.items()})
        header = replace(day.header, statements_root=tree.root)
        digest = header.digest(registry.community(), self.sequence)
        return replace(day, statements=statements, statements_tree=tree, header=header, digest=digest)

    @property
    def as_of(self) -> int:
        return self.community.registry.window_end(WINDOW) + self.community.constants.close_delay

    @property
    def header(self) -> structs.Header:
        h = self.committed.header
        return structs.Header.from_abi(
            (h.window, h.revision, h.as_of, h.statements_root, h.results_root, h.sources_root)
        )

    def opening(self) -> structs.Opening:
        day = self.committed
        meters = tuple(
            MeterOpening(
                kind=1, revision=0, replacement=bytes(32), source_proof=day.sources_tree.proof(binding),
                pack=pack.encode(), pack_proof=tree_of(self.community, i, pack).proof(POSITION + i),
                record=self.records[i], next=self.later[i] if self.later else None,
            )
            for i, (binding, pack) in enumerate(zip(self.bindings, self.packs, strict=True))
        )  # fmt: skip
        statement = StatementOpening(
            empty=False, statement=day.statements[MEMBER], lines_salt=salt("line", MEMBER),
            lines=encode_lines(self.result.lines[MEMBER]), proof=day.statements_tree.proof(MEMBER),
        )  # fmt: skip
        mine = sorted(
            (place for place in self.places if place.member == MEMBER),
            key=lambda place: (self.terms[place.agreement].priority, place.agreement),
        )
        agreements = tuple(
            AgreementOpening(
                weight=p.parameters.weight, share_ppm=p.parameters.share_ppm,
                limit_ueur_kwh=p.parameters.limit_ueur_kwh, salt=p.parameters.salt, empty=False,
                triples_salt=salt("level", p.agreement), triples=encode_triples(self.result.triples[p.agreement]),
                proof=day.results_tree.proof(p.agreement),
            )
            for p in mine
        )  # fmt: skip
        return structs.Opening.from_abi(
            opening_tuple(Opening(statement=statement, meters=meters, agreements=agreements))
        )

    def result_opening(self, agreement: int) -> structs.ResultOpening:
        return structs.ResultOpening(
            empty=False, triples_salt=salt("level", agreement), triples=encode_triples(self.result.triples[agreement]),
            proof=self.committed.results_tree.proof(agreement),
        )  # fmt: skip

    def post(self) -> "Disputed":
        self.community.settlement.by(self.community.cast.operator).post(self.sequence, self.header)
        return self

    def sign(self, act: Refute | RefuteLevels | Demand) -> bytes:
        return self.community.sign_with(self.community.key_of(MEMBER), act)

    # --- what is measured

    def refute(self) -> int:
        """A total that is wrong by one p€: everything is recomputed, then the posting is void."""
        act = Refute(member=MEMBER, sequence=self.sequence, posting=self.committed.digest)
        sent = self.community.settlement.refute(self.sequence, MEMBER, self.header, self.opening(), self.sign(act))
        assert _reason(sent.events) == Reason.NET_DIFFERS
        return sent.gas_used

    def refute_levels(self) -> int:
        """The last slot of an agreement."""
        agreement = self.curtailed_agreement
        act = RefuteLevels(member=MEMBER, sequence=self.sequence, posting=self.committed.digest, agreement=agreement)
        sent = self.community.settlement.refute_levels(
            self.sequence, MEMBER, self.header, agreement, SLOTS - 1, self.result_opening(agreement), self.sign(act)
        )
        assert _reason(sent.events) in (Reason.LEVEL_RANGE, Reason.BOTH_CURTAILED)
        return sent.gas_used

    def demand(self) -> int:
        """With leave to answer in public: the contract then looks at all the member's terms."""
        act = Demand(member=MEMBER, sequence=self.sequence, posting=self.committed.digest, public_answer=True)
        settlement = self.community.settlement
        sent = settlement.demand(self.sequence, self.committed.digest, MEMBER, True, self.sign(act))
        assert isinstance(sent.events[0], events.Demanded)
        return sent.gas_used

    def answer(self) -> int:
        """Everything is recomputed, and nothing is wrong."""
        sent = self.community.settlement.answer(self.sequence, MEMBER, self.header, self.opening())
        assert isinstance(sent.events[0], events.Answered)
        return sent.gas_used

    def confirm(self) -> int:
        settlement = self.community.settlement.by(self.community.cast.auditors[0])
        sent = settlement.confirm_delivery(self.sequence, self.committed.digest, MEMBER)
        assert isinstance(sent.events[0], events.Answered)
        return sent.gas_used

    def void_overdue(self) -> int:
        self.community.chain.advance(seconds=self.community.constants.answer_time + 1)
        sent = self.community.settlement.void_overdue(self.sequence, self.committed.digest, MEMBER)
        assert _reason(sent.events) == Reason.DEMAND_OVERDUE
        return sent.gas_used

    def finalise(self) -> int:
        self.community.chain.advance(seconds=self.community.constants.objection_period)
        sent = self.community.settlement.finalise(self.sequence, self.committed.digest)
        assert isinstance(sent.events[0], events.Finalised)
        return sent.gas_used


def _reason(found: Sequence[Event]) -> int:
    (event,) = found
    assert isinstance(event, events.Voided)
    return event.reason


def values(name: str, index: int, below: int) -> tuple[int, ...]:
    """100 made-up mWh, none of them zero."""
    return tuple(
        1 + int.from_bytes(keccak(name.encode() + u32(index) + u32(i))[:8], "big") % (below - 1) for i in range(SLOTS)
    )


def prepare(community: Community, size: Size) -> Disputed:
    """Bind, join and anchor up to the cut-off of the day; the day itself can then be posted honestly or not."""
    registry, first = community.registry, community.earliest_day
    for reader in range(registry.reader_count(), size.meters):
        key = address_of(secret_of(community, reader)).rjust(32, b"\0")
        registry.by(community.cast.operator).add_reader(reader, Curve.SECP256K1, key, bytes(32))
    for i in range(size.ever - size.meters):
        bind(community, 0, 1_000 + i, first + i, first + i + 1)
    bindings = tuple(bind(community, place, POSITION + place, first + EVER) for place in range(size.meters))
    terms, places = agree(community, size, first)
    packs = tuple(pack_of(community, place, binding) for place, binding in enumerate(bindings))
    community.chain.advance_to(registry.window_end(WINDOW) + 3_600)
    roots = [tree_of(community, i, pack).root for i, pack in enumerate(packs)]
    records = anchor(community, roots, revision=0)
    community.chain.advance_to(registry.window_end(WINDOW) + community.constants.close_delay)
    later = anchor(community, [keccak(root) for root in roots], revision=1) if size.late else ()
    return Disputed(
        community=community, bindings=bindings, terms=terms, places=places, packs=packs, records=records, later=later,
        sequence=community.settlement.next_sequence(),
    )  # fmt: skip


def bind(community: Community, reader: int, position: int, from_day: int, end_day: int = OPEN_END) -> int:
    """A meter of the member; the binding's id."""
    act = Bind(
        member=MEMBER, meter=keccak(b"meter" + u32(reader) + u32(position)), reader=reader, position=position,
        from_day=from_day, end_day=end_day, auditors=community.registry.auditors_hash(),
    )  # fmt: skip
    signature = community.sign_with(community.key_of(MEMBER), act)
    community.registry.bind(structs.Bind.from_abi(act.values()), signature)
    return community.registry.binding_count()


def join(community: Community, agreement: int, parameters: Parameters, from_day: int, end_day: int = OPEN_END) -> None:
    """The member joins in both roles; the operator is the steward."""
    act = Join(
        member=MEMBER, agreement=agreement, role=int(Role.BOTH), from_day=from_day, end_day=end_day,
        parameters=parameters.commitment,
    )  # fmt: skip
    operator = community.cast.operator
    community.agreements.join(
        structs.Join.from_abi(act.values()),
        community.sign_with(community.key_of(MEMBER), act),
        community.sign(operator, Countersign(join=act.struct_hash)),
        community.sign(operator, Receipt(join=act.struct_hash)),
    )


def agree(community: Community, size: Size, first: int) -> tuple[dict[int, Terms], tuple[Place, ...]]:
    """The live agreements, run against the order of their ids, and the memberships that are over before the day."""
    terms: dict[int, Terms] = {}
    places = []
    for j in range(size.agreements):
        key, rule = size.keys[j % len(size.keys)]
        mine = Terms(
            steward=0, key=key, rule=rule, price_a_ueur_kwh=80_000, price_b_ueur_kwh=300_001, fee_ueur_kwh=5_000,
            cap_mwh=3_900_000_000, priority=9 - j, first_window=first, public_disputes=True,
        )  # fmt: skip
        agreement = community.offer(mine)
        terms[agreement] = mine
        for member in (MEMBER, NEIGHBOUR):
            parameters = Parameters(
                weight=350_001 + 7 * j if key is not Key.PRIORITY else 1, share_ppm=300_001 + 100_000 * j,
                limit_ueur_kwh=150_000 + 7_919 * member, salt=salt(f"parameters {member}", agreement),
            )  # fmt: skip
            places.append(Place(member=member, agreement=agreement, role=Role.BOTH, parameters=parameters))
    for i in range(size.ever - size.agreements):
        join(community, 1, places[0].parameters, first + i, first + i + 1)
    for place in places:
        if place.member == MEMBER:
            join(community, place.agreement, place.parameters, first + EVER)
    return terms, tuple(places)


def pack_of(community: Community, place: int, binding: int) -> Pack:
    """Every slot draws and feeds in."""
    drew, fed = values("draw", place, 900_000), values("feed", place, 700_000)
    start = Registers(import_mwh=77 * 10**9, export_mwh=78 * 10**9)
    return Pack(
        community=community.registry.community(), meter=community.registry.binding(binding).meter, window=WINDOW,
        revision=0, salt=salt("pack", place), start=start,
        end=Registers(import_mwh=start.import_mwh + sum(drew), export_mwh=start.export_mwh + sum(fed)),
        import_mwh=drew, export_mwh=fed, status=(Status.ESTIMATED,) * SLOTS,
    )  # fmt: skip


def tree_of(community: Community, place: int, pack: Pack) -> PositionalTree:
    """A reader's tree with as many neighbours as make no sibling of the path empty."""
    depth = community.constants.depth
    others = {(POSITION + place) ^ (1 << height): keccak(b"neighbour" + u32(height)) for height in range(depth)}
    return PositionalTree(depth=depth, leaves={**others, POSITION + place: keccak(pack.encode())})


def anchor(community: Community, roots: Sequence[bytes], revision: int) -> tuple[RecordOpening, ...]:
    """Each meter's reader in one full batch, so that proofs are longest; the rest of it are old windows of reader 0."""
    domain, id_ = community.registry.domain_separator(), community.registry.community()
    acts = [Anchor(reader=i, window=WINDOW, revision=revision, root=root) for i, root in enumerate(roots)]
    acts += [
        Anchor(reader=0, window=WINDOW - i, revision=revision, root=salt(f"old {revision}", i))
        for i in range(len(acts), MAX_BATCH)
    ]
    signed = [
        SignedAnchor(act=act, signature=sign_digest(secret_of(community, act.reader), act.digest(domain)))
        for act in acts
    ]
    community.reading_log.anchor_many(dense(signed))
    leaves = [Record(reader=a.reader, window=a.window, revision=revision, root=a.root).leaf(id_) for a in acts]
    tree, batch, now = batch_tree(leaves), community.reading_log.batch_count(), community.chain.now
    return tuple(
        RecordOpening(batch=batch, time=now, root=root, slot=i, proof=tree.proof(i)) for i, root in enumerate(roots)
    )


def answer_of(day: Disputed) -> dict[str, int]:
    """Every way in which the posting of this day can end, each from the same state; gas by function."""
    node = day.community.chain
    assert isinstance(node, Node)
    fresh = node.snapshot()
    wrong = replace(day, net_off_by=1).post()
    found = {"refute": wrong.refute()}
    fresh = node.revert(fresh)
    found["refuteLevels"] = replace(day, curtailed=True).post().refute_levels()
    fresh = node.revert(fresh)
    day.post()
    found["demand"] = day.demand()
    demanded = node.snapshot()
    found["answer"] = day.answer()
    demanded = node.revert(demanded)
    found["voidOverdue"] = day.void_overdue()
    node.revert(demanded)
    found["confirmDelivery"] = day.confirm()
    found["finalise after a demand"] = day.finalise()
    node.revert(fresh)
    return found


def onboarding(community: Community) -> dict[str, int]:
    """What a new member with one meter and one agreement costs, once."""
    registry, cast = community.registry, community.cast
    index = registry.member_count()
    steps = {
        "addMember": registry.by(cast.operator).add_member(index, address_of(secret_of(community, index))).gas_used
    }
    terms = Terms(
        steward=0, key=Key.PROPORTIONAL, rule=Rule.MID_MARKET, price_a_ueur_kwh=80_000, price_b_ueur_kwh=300_001,
        fee_ueur_kwh=5_000, first_window=community.earliest_day, public_disputes=True,
    )  # fmt: skip
    agreement = community.offer(terms)
    key = secret_of(community, index)
    consent = Bind(
        member=index, meter=keccak(b"its meter"), reader=0, position=index, from_day=community.earliest_day,
        end_day=OPEN_END, auditors=registry.auditors_hash(),
    )  # fmt: skip
    act = Join(
        member=index, agreement=agreement, role=int(Role.BOTH), from_day=community.earliest_day, end_day=OPEN_END,
        parameters=salt("hidden parameters", index),
    )  # fmt: skip
    bound = registry.bind(structs.Bind.from_abi(consent.values()), community.sign_with(key, consent))
    joined = community.agreements.join(
        structs.Join.from_abi(act.values()),
        community.sign_with(key, act),
        community.sign(cast.operator, Countersign(join=act.struct_hash)),
        community.sign(cast.operator, Receipt(join=act.struct_hash)),
    )
    return steps | {"bind": bound.gas_used, "join": joined.gas_used}

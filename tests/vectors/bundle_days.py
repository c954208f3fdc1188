"""Bundles for other implementations of `verify`: days that hold, and days with one fault each (docs/vectors.md).

Everything is made up, and made anew by the same code: readings by a fixed formula, keys and salts by hashing a name. An
operator's lie is told before the trees are built, so that every hash is right and only the labelled check fails; a
damaged file is changed after.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lindenstrom.core.allocation import DayResult, Place
from lindenstrom.core.bundles import Bundle, CommunityRef, GroundOpening
from lindenstrom.core.calendar import OPEN_END, parse_date, window_of
from lindenstrom.core.clearing import ONE
from lindenstrom.core.eip712 import domain_separator
from lindenstrom.core.hashing import EMPTY, keccak
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import Pack, Registers, Status
from lindenstrom.core.replacement import DayValues, TrueUp, replacement_pack
from lindenstrom.core.statements import Record, Source
from lindenstrom.core.terms import Binding, Key, Parameters, Role, Rule, Terms
from lindenstrom.core.verification import Outcome, PostingFacts, PostingState
from lindenstrom.signing import Curve, address_of
from tests.support.example_day import AUDITOR, ZONE, Lie, cheat_lines, salt_of
from tests.support.made_day import CLOSE_DELAY_S, MadeDay, Reading, pack_of

REGISTRY = bytes.fromhex("00000000000000000000000000000000000000a1")
REF = CommunityRef(
    name="Example", id=domain_separator(31337, REGISTRY), chain_id=31337, offset_hours=1, depth=5, registry=REGISTRY,
    agreements=b"\xa2" * 20, reading_log=b"\xa3" * 20, settlement=b"\xa4" * 20,
)  # fmt: skip
ANNA, BORIS, CARLA = 2, 3, 4
DAYS = {slots: window_of(parse_date(d)) for d, slots in (("2026-11-11", 96), ("2027-03-28", 92), ("2026-10-25", 100))}


@dataclass(frozen=True, kw_only=True)
class VectorDay(MadeDay):
    """A made-up day, with what the chain says of it."""

    second_at: int | None = None
    overlooks: bool = False
    together: bool = False
    """Both revisions in one batch."""
    anchors_anyway: bool = False
    anyway_at: int | None = None
    left_out: frozenset[int] = frozenset()
    """Bindings without a pack in their reader's tree."""
    at_position: bytes = b""
    withheld: int = 0
    shown: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[int, DayValues] = field(default_factory=dict)
    signed: Callable[[Pack], Pack] = lambda p: p

    def newest(self, reader: int) -> int:
        anchored_twice = reader == 0 and self.second_at is not None and self.second_at <= self.as_of
        return int(anchored_twice and not self.overlooks)

    def counts(self, binding: Binding) -> bool:
        return super().counts(binding) and binding.id not in self.left_out

    def reading(self, binding: Binding, revision: int) -> Pack:
        told = self.readings[binding.id]
        raised = replace(told, import_mwh=tuple(x + 1_000 * revision for x in told.import_mwh))
        return self.signed(pack_of(raised, binding, self.community, self.window, revision))

    def replacement(self, binding: Binding) -> Pack:
        return replacement_pack(
            community=self.community, meter=binding.meter, window=self.window, salt=salt_of("replacement", binding.id),
            zone=ZONE, last_end=Registers(import_mwh=10**9, export_mwh=10**8), measured=self.history,
        )  # fmt: skip

    def reader_tree(self, reader: int = 0, revision: int | None = None) -> PositionalTree:
        if reader == 0 or not self.anchors_anyway:
            whole = super().reader_tree(reader, revision)
            empty = {b.position for b in self.bindings_held if b.reader == reader and b.id in self.left_out}
            return PositionalTree(
                depth=self.depth, leaves={p: leaf for p, leaf in whole.leaves.items() if p not in empty}
            )
        own = {b.position: keccak(self.at_position) for b in self.bindings_held if b.reader == 1 and self.at_position}
        return PositionalTree(depth=self.depth, leaves={9: keccak(b"a neighbour's pack"), **own})

    def batches(self) -> Mapping[int, tuple[int, tuple[Record, ...]]]:
        first = super().batches()
        late = {} if self.second_at is None else {8: (self.second_at, (self.record(0, 1),))}
        if self.together:
            ((batch, (time, records)),) = first.items()
            first, late = {batch: (time, (*records, self.record(0, 1)))}, {}
        other = {6: (self.anyway_at or self.anchor_time, (self.record(1, 0),))} if self.anchors_anyway else {}
        return {**first, **late, **other}

    def withheld_at(self, reader: int, window: int) -> int:
        return self.withheld

    def posting(self, sequence: int) -> PostingFacts | None:
        found = super().posting(sequence)
        return replace(found, **self.shown) if found else None


def reading(seed: int, slots: int, *, sun: bool = False, swap: int | None = None) -> Reading:
    """A household's day, from 30 to 400 Wh a quarter-hour; with a roof it feeds in around noon."""
    noon = range(slots * 3 // 8, slots * 3 // 4)
    return Reading(
        import_mwh=tuple(30_000 + (i * 7_919 + seed * 104_729) % 370_000 for i in range(slots)),
        export_mwh=tuple((i * 15_485 + seed * 7_907) % 900_000 if sun and i in noon else 0 for i in range(slots)),
        status=tuple(Status.PROVISIONAL if i % 31 == seed else Status.MEASURED for i in range(slots)),
        swap_slot=swap,
    )


def terms(key: Key = Key.PROPORTIONAL, rule: Rule = Rule.FIXED, **more: Any) -> Terms:
    """Terms at 11 ct/kWh; mid-market and auction between 8 and 30.0001 ct/kWh."""
    prices = (110_000, 0) if rule is Rule.FIXED else (80_000, 300_001)
    return Terms(
        steward=0, key=key, rule=rule, price_a_ueur_kwh=prices[0], price_b_ueur_kwh=prices[1], public_disputes=True,
        **more,
    )  # fmt: skip


def place(member: int, agreement: int, role: Role, weight: int = 0, share: int = 10**6, limit: int = 0) -> Place:
    salt = salt_of(f"parameters {member}", agreement)
    parameters = Parameters(weight=weight, share_ppm=share, limit_ueur_kwh=limit, salt=salt)
    return Place(member=member, agreement=agreement, role=role, parameters=parameters)


def day(
    agreements: Sequence[Terms], places: Sequence[Place], *, slots: int = 96, meters: Sequence[int] = (ANNA, BORIS),
    roofs: Sequence[int] = (BORIS, CARLA), swap: int | None = None, **more: Any,
) -> VectorDay:  # fmt: skip
    """A posted, final and attested day. meters: whose they are, in order of binding."""
    window = DAYS[slots]
    bindings = tuple(
        Binding(id=i, member=m, meter=salt_of("meter", i), reader=0, position=i, from_day=window - 3, end_day=OPEN_END)
        for i, m in enumerate(meters, start=1)
    )
    as_of = ZONE.window_end(window) + CLOSE_DELAY_S
    values: dict[str, Any] = {
        "as_of": as_of, "anchor_time": as_of - 3_600, "batch_id": 7, "sequence": 5, "bindings_held": bindings,
        "terms": dict(enumerate((replace(t, first_window=window - 3) for t in agreements), start=1)),
        "readings": {b.id: reading(b.id, slots, sun=b.member in roofs, swap=swap) for b in bindings},
    }  # fmt: skip
    return VectorDay(community=REF.id, ref=REF, window=window, places=tuple(places), **{**values, **more})


PAIR = (place(ANNA, 1, Role.TAKER), place(BORIS, 1, Role.GIVER))


def simple(**more: Any) -> VectorDay:
    """Anna takes from Boris, in proportion, at a fixed price."""
    return day([terms()], PAIR, **more)


def keyed(key: Key, anna: int, carla: int) -> VectorDay:
    """Anna and Carla take from Boris under a key."""
    places = (place(ANNA, 1, Role.TAKER, anna), place(CARLA, 1, Role.TAKER, carla), place(BORIS, 1, Role.GIVER))
    return day([terms(key)], places, meters=(ANNA, BORIS, CARLA), roofs=(BORIS,))


def several() -> VectorDay:
    """Anna has two meters, takes in three agreements and gives in two; Boris and Carla as well."""
    agreements = (
        terms(Key.STATIC, priority=0),
        terms(Key.CASCADING, Rule.MID_MARKET, fee_ueur_kwh=5_000, priority=1, cap_mwh=200_000),
        terms(Key.PROPORTIONAL, Rule.AUCTION, priority=1),
    )
    places = (
        place(ANNA, 1, Role.TAKER, 500_000), place(BORIS, 1, Role.GIVER, share=400_000),
        place(ANNA, 2, Role.BOTH, 2, share=600_000), place(BORIS, 2, Role.BOTH, 3), place(CARLA, 2, Role.BOTH, 1),
        place(ANNA, 3, Role.BOTH, limit=200_000), place(CARLA, 3, Role.BOTH, limit=150_000),
    )  # fmt: skip
    return day(agreements, places, meters=(ANNA, ANNA, BORIS, CARLA), roofs=(ANNA, BORIS, CARLA))


def auctioned() -> VectorDay:
    places = (
        place(ANNA, 1, Role.TAKER, limit=180_000), place(CARLA, 1, Role.TAKER, limit=140_000),
        place(BORIS, 1, Role.GIVER, limit=120_000),
    )  # fmt: skip
    return day([terms(rule=Rule.AUCTION)], places, meters=(ANNA, BORIS, CARLA), roofs=(BORIS,))


def replaced(**more: Any) -> VectorDay:
    """Reader 0 anchored nothing; Anna's meter counts the mean of two measured days."""
    window = DAYS[96]
    told = {d: reading(n, 96) for n, d in enumerate((window - 3, window - 2))}
    history = {d: DayValues(import_mwh=r.import_mwh, export_mwh=r.export_mwh) for d, r in told.items()}
    plain = simple(history=history, **more)
    silent = replace(plain.bindings_held[0], reader=1)
    return replace(plain, bindings_held=(silent, plain.bindings_held[1]))


def grounded(**more: Any) -> VectorDay:
    """Reader 1 anchored something, which does not serve Anna's meter: replaced all the same."""
    return replaced(silent=frozenset({1}), anchors_anyway=True, **more)


def opened_ground(told: VectorDay) -> Callable[[Bundle], Bundle]:
    """The file with what the reader's tree holds in place of Anna's pack."""
    position = told.bindings_held[0].position
    ground = GroundOpening(
        revision=0, record=told.opened(1, 0), empty=not told.at_position, pack=told.at_position,
        proof=told.reader_tree(1).proof(position),
    )  # fmt: skip
    return lambda b: replace(b, meters=(replace(b.meters[0], ground=ground),))


def good_pack() -> bytes:
    """What the reader signed and the operator will not count."""
    told = grounded()
    return told.reading(told.bindings_held[0], 0).encode()


def corrected(**more: Any) -> VectorDay:
    """Revision 1: reader 0 signed again after revision 0 was final."""
    first = simple()
    later = first.as_of + 20 * 86_400
    return replace(first, revision=1, as_of=later, second_at=later - 86_400, sequence=9, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One entry of the index. fails: the number of the check that must fail, None where the day holds."""

    name: str
    why: str
    day: VectorDay
    member: int = ANNA
    outcome: Outcome = Outcome.VERIFIED
    fails: int | None = None
    change: Callable[[Bundle], Bundle] = lambda b: b
    pinned: tuple[bytes, ...] = (AUDITOR,)
    own_pack: bytes | None = None
    expected_member: int | None = None
    chain: VectorDay | None = None


def bad(check: int, name: str, why: str, told: VectorDay | None = None, **more: Any) -> Vector:
    """A day, or the simple one, with one fault."""
    return Vector(
        name=f"check-{check}-{name}", why=why, day=told or simple(), outcome=Outcome.NOT_VERIFIED, fails=check, **more
    )


def holding() -> list[Vector]:
    """Days that hold."""
    none = frozenset({1})
    return [
        Vector(name="proportional-fixed", why="one agreement, one meter", day=simple()),
        Vector(name="proportional-giver", why="the same day for the giver", day=simple(), member=BORIS),
        Vector(name="static-mid-market", why="a static weight of 40 %, priced between feed-in and retail",
               day=day([terms(Key.STATIC, Rule.MID_MARKET, fee_ueur_kwh=5_000)],
                       (place(ANNA, 1, Role.TAKER, 400_000), place(BORIS, 1, Role.GIVER)))),
        Vector(name="cascading", why="weights 3 and 1", day=keyed(Key.CASCADING, 3, 1)),
        Vector(name="equal", why="the same entitlement for each", day=keyed(Key.EQUAL, 0, 0)),
        Vector(name="priority", why="Carla's rank is behind Anna's", day=keyed(Key.PRIORITY, 0, 1), member=CARLA),
        Vector(name="auction", why="a uniform price a quarter-hour", day=auctioned()),
        Vector(name="auction-giver", why="the seller's side of it", day=auctioned(), member=BORIS),
        Vector(name="several-agreements", why="three agreements, both roles, two meters, a cap and a fee",
               day=several()),
        Vector(name="short-day", why="92 quarter-hours: the clock goes forward", day=simple(slots=92)),
        Vector(name="long-day-swap", why="100 quarter-hours, and the meter was swapped in slot 40",
               day=simple(slots=100, swap=40)),
        Vector(name="replaced", why="the reader anchored nothing; mean of two measured days, status estimated",
               day=replaced(silent=none)),
        Vector(name="replaced-empty", why="the reader's tree is empty at the meter's position; the ground is opened",
               day=grounded(), change=opened_ground(grounded())),
        Vector(name="replaced-unfit", why="the reader signed a pack that fails the format check; the ground is opened",
               day=grounded(at_position=b"no pack"), change=opened_ground(grounded(at_position=b"no pack"))),
        Vector(name="true-up", why="the operator states what a returning meter shows beyond its replacement",
               day=simple(), change=lambda b: replace(
                   b, meters=(replace(b.meters[0], true_up=TrueUp(import_mwh=-12_345, export_mwh=0)),))),
        Vector(name="reader-p256", why="the reader signs on P-256; its key is x‖y", day=simple(curve=Curve.P256)),
        Vector(name="correction", why="revision 1 by the reader's second revision", day=corrected()),
        Vector(name="not-attested", why="no auditor whom the member pinned attested it", day=simple(),
               outcome=Outcome.CONSISTENT, pinned=(b"\x55" * 20,)),
        Vector(name="not-final", why="the objection period still runs",
               day=simple(shown={"state": PostingState.POSTED}), outcome=Outcome.NOT_FINAL),
    ]  # fmt: skip


def changed_opening(index: int = 0, **changes: Any) -> Callable[[Bundle], Bundle]:
    """The file with fields of one meter's opening changed."""

    def change(b: Bundle) -> Bundle:
        meter = b.meters[index]
        meter = replace(meter, opening=replace(meter.opening, **changes))
        return replace(b, meters=(*b.meters[:index], meter, *b.meters[index + 1 :]))

    return change


def changed_agreement(**changes: Any) -> Callable[[Bundle], Bundle]:
    """The file with fields of the first agreement's opening changed."""
    return lambda b: replace(
        b, agreements=(replace(b.agreements[0], opening=replace(b.agreements[0].opening, **changes)), *b.agreements[1:])
    )


def flipped(data: bytes, at: int) -> bytes:
    """One bit changed."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def bent(slot: int = 50, **changes: int) -> Lie:
    """A lie about one triple of agreement 1, told to everybody."""

    def change(result: DayResult) -> DayResult:
        row = list(result.triples[1])
        row[slot] = replace(row[slot], **changes)
        return replace(result, triples={**result.triples, 1: tuple(row)})

    return Lie(result=change)


def lied(lie: Lie) -> VectorDay:
    return simple(lie=lie)


def changed_lines(change: Callable[..., Any]) -> Lie:
    return Lie(result=lambda r: replace(r, lines={**r.lines, ANNA: change(r.lines[ANNA])}))


def swapped(tree: str, position: int, leaf: bytes) -> Callable[[Any], Any]:
    """A committed day with another leaf in one tree, and the roots and digest that follow."""

    def change(committed: Any) -> Any:
        new = PositionalTree(depth=REF.depth, leaves={**getattr(committed, tree).leaves, position: leaf})
        header = replace(committed.header, **{tree.removesuffix("_tree") + "_root": new.root})
        return replace(committed, header=header, digest=header.digest(REF.id, committed.sequence), **{tree: new})

    return change


def other_index() -> Lie:
    def statement(b: Bundle) -> Bundle:
        return replace(b, statement=replace(b.statement, statement=replace(b.statement.statement, index=BORIS)))

    return Lie(
        leaves=lambda c: swapped("statements_tree", ANNA, replace(c.statements[ANNA], index=BORIS).leaf)(c),
        statement=statement,
    )


def net_off_by_one() -> Lie:
    def leaf(c: Any) -> Any:
        lying = replace(c.statements[ANNA], net_peur=c.statements[ANNA].net_peur + 1)
        return replace(swapped("statements_tree", ANNA, lying.leaf)(c), statements={**c.statements, ANNA: lying})

    return Lie(leaves=leaf)


def unfit(pack: Pack) -> Pack:
    """A pack whose registers do not add up."""
    return replace(pack, end=replace(pack.end, import_mwh=pack.end.import_mwh + 1))


def forged(b: Bundle) -> Bundle:
    """A signature that is right, by a key that the registry does not know."""
    stranger = keccak(b"a stranger's key")
    signature = replace(simple(), readers=(stranger, stranger)).signature(0)
    return replace(b, meters=(replace(b.meters[0], reader_key=address_of(stranger), signature=signature),))


def changed_binding(**changes: Any) -> Callable[[Bundle], Bundle]:
    return lambda b: replace(b, meters=(replace(b.meters[0], binding=replace(b.meters[0].binding, **changes)),))


def changed_membership(**changes: Any) -> Callable[[Bundle], Bundle]:
    def change(b: Bundle) -> Bundle:
        first = b.agreements[0]
        return replace(b, agreements=(replace(first, membership=replace(first.membership, **changes)),))

    return change


def changed_terms(**changes: Any) -> Callable[[Bundle], Bundle]:
    return lambda b: replace(b, agreements=(replace(b.agreements[0], terms=replace(b.agreements[0].terms, **changes)),))


def changed_statement(**changes: Any) -> Callable[[Bundle], Bundle]:
    """The file with fields of the statement's opening changed."""
    return lambda b: replace(b, statement=replace(b.statement, **changes))


def failing() -> list[Vector]:
    """Days with one fault, check by check."""
    honest = simple()
    good = honest.bundle(ANNA)
    pack, triples = good.meters[0].opening.pack, good.agreements[0].opening.triples
    proof = good.meters[0].opening.source_proof
    lying = lied(Lie(result=cheat_lines(ANNA, -30_000_000_000)))

    def community(**changes: Any) -> Callable[[Bundle], Bundle]:
        return lambda b: replace(b, community=replace(b.community, **changes))

    return [
        bad(1, "other-chain", "the file names another chain id", change=community(chain_id=1)),
        bad(1, "other-contract", "the file names another settlement contract", change=community(settlement=bytes(20))),
        bad(1, "other-member", "Boris's file, read by Anna", member=BORIS, expected_member=ANNA),
        bad(2, "value", "one bit of a quarter-hour's value differs from what the reader signed",
            change=changed_opening(pack=flipped(pack, -9))),
        bad(2, "signature", "one bit of the reader's signature differs",
            change=lambda b: replace(b, meters=(replace(b.meters[0], signature=flipped(b.meters[0].signature, 40)),))),
        bad(2, "signature-p256", "one bit of a P-256 reader's signature differs", simple(curve=Curve.P256),
            change=lambda b: replace(b, meters=(replace(b.meters[0], signature=flipped(b.meters[0].signature, 40)),))),
        bad(2, "own-copy", "the member's own copy of the readings differs", own_pack=flipped(pack, 500)),
        bad(2, "stale", "the reader had anchored a newer revision before the cut-off",
            replace(honest, second_at=honest.as_of - 60, overlooks=True)),
        bad(2, "registers", "the signed pack's registers do not add up", simple(signed=unfit)),
        bad(2, "not-anchored", "the source names a revision that the reader never anchored",
            lied(Lie(source=lambda i, s: Source.anchored(1) if i == 1 else s))),
        bad(2, "no-ground", "a replacement where the reader had anchored something, without its ground", grounded()),
        bad(2, "no-true-ground", "the pack that was replaced is good", grounded(at_position=good_pack()),
            change=opened_ground(grounded(at_position=good_pack()))),
        bad(3, "price", "slot 50 has a price 1 µ€/kWh above the terms'", lied(bent(price_ueur_kwh=110_001))),
        bad(3, "giver-level", "slot 50 has a giver level above ONE", lied(bent(giver_level=ONE + 1))),
        bad(3, "both-held-back", "slot 0 holds back takers and givers at once", lied(bent(0, giver_level=ONE - 1))),
        bad(3, "weight", "the weight in the file is not the one that the member signed",
            change=changed_agreement(weight=1)),
        bad(3, "auction-bounds", "slot 50 has a price above the auction's upper bound",
            replace(auctioned(), lie=bent(price_ueur_kwh=300_002))),
        bad(4, "amount", "a line claims 3 cent more from Anna than the rules", lying),
        bad(4, "energy", "a line states one mWh more than the rules give, at the same amount",
            lied(changed_lines(lambda rows: (replace(rows[0], taken_mwh=rows[0].taken_mwh + 1),)))),
        bad(4, "net", "the net is one p€ more than the sum of the lines", lied(net_off_by_one())),
        bad(4, "line-left-out", "the statement has no line for an agreement that the member is in",
            lied(changed_lines(lambda _: ()))),
        bad(4, "level", "slot 50's taker level is half of what the line was made with", starved()),
        bad(5, "lines-salt", "the lines do not open their commitment", change=changed_statement(lines_salt=bytes(32))),
        bad(5, "triples", "one bit of slot 50's taker level differs from what was posted",
            change=changed_agreement(triples=flipped(triples, 50 * 20 + 11))),
        bad(5, "source-proof", "a hash on the way to the sources' root differs",
            change=changed_opening(source_proof=(flipped(proof[0], 0), *proof[1:]))),
        bad(5, "index", "the posted leaf at Anna's place speaks of Boris", lied(other_index())),
        bad(5, "no-result", "the posting has no levels for the agreement",
            lied(Lie(leaves=lambda c: swapped("results_tree", 1, EMPTY)(c))), change=changed_agreement(empty=True)),
        bad(6, "void", "the posting was voided", simple(shown={"state": PostingState.VOID})),
        bad(6, "not-posted", "the contract knows no posting of that sequence", chain=replace(honest, sequence=4)),
        bad(6, "other-posting", "the operator posted another day than the one handed out", chain=lying),
        bad(6, "cut-off", "the file's cut-off is a second later than the posting's",
            change=lambda b: replace(b, header=replace(b.header, as_of=b.header.as_of + 1))),
        bad(7, "binding", "the file's meter is bound from another day", change=changed_binding(from_day=1)),
        bad(7, "terms", "the file's terms have a fee that the contract's have not",
            change=changed_terms(fee_ueur_kwh=5_000)),
        bad(7, "role", "the file calls the taker a giver as well", change=changed_membership(role=Role.BOTH)),
        bad(7, "reader-curve", "signed by a key that never was the reader's, on a curve that the reader never used",
            change=lambda b: replace(b, meters=simple(curve=Curve.P256).bundle(ANNA).meters)),
        bad(7, "reader-key", "signed by a key that never was the reader's", change=forged),
    ]  # fmt: skip


def starved() -> VectorDay:
    """Lines made with the honest levels, one of which is then posted halved."""

    def change(result: DayResult) -> DayResult:
        row = list(result.triples[1])
        row[50] = replace(row[50], taker_level=min(row[50].taker_level, ONE) // 2)
        return replace(result, triples={**result.triples, 1: tuple(row)})

    return lied(Lie(result=change))

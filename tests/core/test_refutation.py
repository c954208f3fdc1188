"""The twin of `refute`: an honest posting never falls, whatever is opened (I11); every lie does; verify names it."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from lindenstrom.core.allocation import DayResult
from lindenstrom.core.bundles import UnreadableBundle, bundle_json, read_bundle
from lindenstrom.core.clearing import ONE, Triple
from lindenstrom.core.hashing import EMPTY, keccak
from lindenstrom.core.levelcheck import LevelFault, first_level_fault
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.refutation import (
    BadOpening,
    MeterOpening,
    Opening,
    Reason,
    ResultOpening,
    SlotOutOfDay,
    recompute,
    recompute_levels,
)
from lindenstrom.core.statements import Source, encode_triples, result_leaf
from lindenstrom.core.terms import Key
from lindenstrom.core.verification import CheckStatus, Expectation, Outcome, PostingState, Report, verify_bundle
from lindenstrom.signing import is_signed_by
from tests.support.example_day import (
    AUDITOR,
    DEPTH,
    REF,
    ExampleDay,
    Lie,
    cheat_lines,
    salt_of,
)

HONEST = ExampleDay()
EXPECTED = Expectation(community=REF, member=2, pinned_auditors=(AUDITOR,))


def judge(day: ExampleDay, member: int = 2) -> Reason | None:
    bundle = day.bundle(member)
    return recompute(day, bundle.header, member, bundle.opening).reason


def changed_words(value: Any) -> Iterator[Any]:
    """Every copy of an opening with one word of it changed."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value ^ 1
        yield value ^ 2
    elif isinstance(value, bytes):
        for offset in range(0, len(value), max(1, len(value) // 40)):
            yield value[:offset] + bytes([value[offset] ^ 1]) + value[offset + 1 :]
        yield value + b"\x00"
    elif isinstance(value, tuple):
        for i, entry in enumerate(value):
            yield from ((*value[:i], new, *value[i + 1 :]) for new in changed_words(entry))
            yield value[:i] + value[i + 1 :]
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            for new in changed_words(getattr(value, field.name)):
                yield replace(value, **{field.name: new})


@pytest.mark.parametrize("member", [2, 3, 4])
def test_an_honest_posting_never_falls_whatever_is_opened(member: int) -> None:
    bundle = HONEST.bundle(member)
    assert judge(HONEST, member) is None
    tried = 0
    for opening in changed_words(bundle.opening):
        tried += 1
        try:
            assert recompute(HONEST, bundle.header, member, opening).reason is None
        except BadOpening:
            pass
    assert tried > 300


def swap_leaf(name: str, position: int, leaf: bytes) -> Callable[..., Any]:
    def change(day: Any) -> Any:
        tree = PositionalTree(depth=DEPTH, leaves={**getattr(day, name).leaves, position: leaf})
        root = {f"{name.removesuffix('_tree')}_root": tree.root}
        header = replace(day.header, **root)
        return replace(
            day, header=header, digest=header.digest(day.statements[2].community, day.sequence), **{name: tree}
        )

    return change


def change_triple(**changes: int) -> Callable[[DayResult], DayResult]:
    def change(result: DayResult) -> DayResult:
        row = result.triples[2]
        return replace(result, triples={**result.triples, 2: (*row[:40], replace(row[40], **changes), *row[41:])})

    return change


def falsified(name: str) -> ExampleDay:
    lies = {
        "amount": Lie(result=cheat_lines(2, -1)),
        "level": Lie(result=change_triple(taker_level=ONE // 3)),
        "giver level": Lie(result=change_triple(giver_level=1)),
        "level range": Lie(result=change_triple(giver_level=ONE + 1)),
        "price": Lie(result=change_triple(price_ueur_kwh=190_001)),
        "short result": Lie(result=lambda r: replace(r, triples={**r.triples, 2: r.triples[2][:-1]})),
        "source revision": Lie(source=lambda i, s: Source.anchored(1) if i == 1 else s),
        "other replacement": Lie(source=lambda i, s: replace(s, revision=5) if i == 4 else s),
        "source hash": Lie(source=lambda i, s: replace(s, replacement=keccak(b"x")) if i == 1 else s),
    }
    return ExampleDay(lie=lies[name])


LIES = [
    ("amount", 2, Reason.LINES_DIFFER),
    ("level", 2, Reason.LINES_DIFFER),
    ("giver level", 2, Reason.LINES_DIFFER),
    ("level range", 2, Reason.LEVEL_RANGE),
    ("price", 2, Reason.PRICE_DIFFERS),
    ("short result", 2, Reason.RESULT_LENGTH),
    ("source revision", 2, Reason.SOURCE_NOT_ANCHORED),
    ("other replacement", 4, Reason.SOURCE_MALFORMED),
    ("source hash", 2, Reason.SOURCE_MALFORMED),
]
"""Name of the lie, the member who sees it, and the reason that the contract gives."""


@pytest.mark.parametrize(("name", "member", "reason"), LIES)
def test_each_lie_is_void_for_its_reason(name: str, member: int, reason: Reason) -> None:
    assert judge(falsified(name), member) is reason


@pytest.mark.parametrize(
    ("tree", "position", "reason"),
    [("results_tree", 2, Reason.RESULT_MISSING), ("sources_tree", 1, Reason.SOURCE_MISSING)],
)
def test_an_omitted_leaf_is_void(tree: str, position: int, reason: Reason) -> None:
    day = ExampleDay(lie=Lie(leaves=swap_leaf(tree, position, EMPTY)))
    bundle = day.bundle(2)
    opening = bundle.opening
    if tree == "results_tree":
        first, second = opening.agreements
        opening = replace(opening, agreements=(first, replace(second, empty=True)))
    else:
        first_meter, *others = opening.meters
        opening = replace(opening, meters=(replace(first_meter, kind=0), *others))
    assert recompute(day, bundle.header, 2, opening).reason is reason


def test_an_empty_statement_is_refutable_and_true_for_who_has_no_agreement() -> None:
    day = ExampleDay(lie=Lie(leaves=swap_leaf("statements_tree", 2, EMPTY)))
    bundle = day.bundle(2)
    opening = replace(bundle.opening, statement=replace(bundle.statement, empty=True))
    assert recompute(day, bundle.header, 2, opening).reason is Reason.LINES_DIFFER
    other = HONEST.committed()
    nobody = replace(
        bundle.statement, empty=True, proof=other.statements_tree.proof(5)
    )  # member 5 has a meter and no agreement
    meters = tuple(m.opening for m in _meters_of(5))
    opening = Opening(statement=nobody, meters=meters, agreements=())
    assert recompute(HONEST, other.header, 5, opening).reason is None


def _meters_of(member: int) -> tuple[Any, ...]:
    day = ExampleDay(lie=Lie(leaves=lambda c: replace(c, statements={**c.statements, member: c.statements[2]})))
    return _Patched(day).bundle_meters(member)


class _Patched:
    """Bundles of a member without a statement, for its meters alone."""

    def __init__(self, day: ExampleDay) -> None:
        self.day = day

    def bundle_meters(self, member: int) -> tuple[Any, ...]:
        result = self.day.result()
        day = replace(
            self.day,
            lie=replace(self.day.lie, result=lambda r: replace(r, lines={**result.lines, member: ()})),
        )
        return day.bundle(member).meters


def test_a_statement_for_somebody_else_is_void() -> None:
    lie = Lie(
        leaves=lambda day: swap_leaf("statements_tree", 2, replace(day.statements[2], index=3).leaf)(day),
        statement=lambda b: replace(
            b, statement=replace(b.statement, statement=replace(b.statement.statement, index=3))
        ),
    )
    assert judge(ExampleDay(lie=lie)) is Reason.STATEMENT_FIELD


def test_a_challenge_stands_with_true_records_only() -> None:
    day = ExampleDay(lie=Lie(source=lambda i, s: Source.replaced(keccak(b"made up")) if i == 1 else s))
    bundle = day.bundle(2)
    meter = bundle.opening.meters[0]
    challenge = replace(meter, kind=2, revision=0xFFFF, replacement=keccak(b"made up"), challenge=True)

    def reason(meter: MeterOpening) -> Reason | None:
        opening = replace(bundle.opening, meters=(meter, *bundle.opening.meters[1:]))
        return recompute(day, bundle.header, 2, opening).reason

    assert reason(challenge) is Reason.REPLACEMENT_UNFOUNDED
    for record in (challenge.record, replace(day.opened(0), time=day.as_of + 1)):
        with pytest.raises(BadOpening):  # there is no later revision, and the contract looks at what is opened
            reason(replace(challenge, next=record))


def check_states(report: Report) -> dict[int, CheckStatus]:
    return {c.id: c.status for c in report.checks}


def test_verify_says_verified_and_what_it_could_not_check_offline() -> None:
    bundle = read_bundle(bundle_json(HONEST.bundle(2)))
    report = verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=HONEST)
    assert report.outcome is Outcome.VERIFIED and report.attested_by_pinned == 1
    assert set(check_states(report).values()) == {CheckStatus.OK} and len(report.checks) == 7
    offline = verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=None)
    assert offline.outcome is Outcome.INCOMPLETE
    assert [c for c, s in check_states(offline).items() if s is CheckStatus.NOT_CHECKED] == [6, 7]
    unpinned = replace(EXPECTED, pinned_auditors=())
    assert verify_bundle(bundle, unpinned, signed_by=is_signed_by, chain=HONEST).outcome is Outcome.CONSISTENT
    posted = replace(HONEST, state=PostingState.POSTED)
    assert verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=posted).outcome is Outcome.NOT_FINAL
    void = verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=replace(HONEST, state=PostingState.VOID))
    assert void.outcome is Outcome.NOT_VERIFIED and check_states(void)[6] is CheckStatus.FAILED


def test_verify_says_where_and_by_how_much() -> None:
    """A result falsified before the trees: every hash is right, only the recomputation finds it."""
    day = ExampleDay(lie=Lie(result=cheat_lines(2, -30_000_000_000)))
    report = verify_bundle(day.bundle(2), EXPECTED, signed_by=is_signed_by, chain=day)
    assert report.outcome is Outcome.NOT_VERIFIED
    assert [c for c, s in check_states(report).items() if s is CheckStatus.FAILED] == [4]
    (difference,) = report.differences
    assert difference.agreement == 1 and difference.amount_peur == 30_000_000_000


def test_verify_names_other_people_s_and_other_communities_files() -> None:
    bundle = HONEST.bundle(3)
    report = verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=None)
    assert check_states(report)[1] is CheckStatus.FAILED
    foreign = replace(EXPECTED, member=3, community=replace(REF, chain_id=1))
    assert check_states(verify_bundle(bundle, foreign, signed_by=is_signed_by, chain=None))[1] is CheckStatus.FAILED


def test_verify_compares_with_the_member_s_own_packs_and_the_reader_s_key() -> None:
    bundle = HONEST.bundle(2)
    own = {bundle.meters[0].binding.meter: b"something else"}
    report = verify_bundle(bundle, replace(EXPECTED, own_packs=own), signed_by=is_signed_by, chain=None)
    assert check_states(report)[2] is CheckStatus.FAILED
    forged = replace(bundle, meters=(replace(bundle.meters[0], signature=bytes(65)), *bundle.meters[1:]))
    assert check_states(verify_bundle(forged, EXPECTED, signed_by=is_signed_by, chain=None))[2] is CheckStatus.FAILED
    other = replace(bundle.meters[0], binding=replace(bundle.meters[0].binding, reader=0, meter=salt_of("x", 0)))
    moved = replace(bundle, meters=(other, *bundle.meters[1:]))
    assert check_states(verify_bundle(moved, EXPECTED, signed_by=is_signed_by, chain=HONEST))[7] is CheckStatus.FAILED


BUNDLE_TEXT = bundle_json(HONEST.bundle(2))


@forall(st.integers(0, len(BUNDLE_TEXT) - 1), st.characters(codec="ascii"))
@settings(max_examples=120)
def test_a_damaged_file_is_one_clear_error_or_a_failed_check(place: int, letter: str) -> None:
    damaged = BUNDLE_TEXT[:place] + letter + BUNDLE_TEXT[place + 1 :]
    try:
        bundle = read_bundle(damaged)
    except UnreadableBundle as error:
        assert "ask the operator" in str(error)
        return
    report = verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=HONEST)
    harmless = bundle == HONEST.bundle(2) or (
        replace(bundle, name=HONEST.bundle(2).name, community=REF).opening == HONEST.bundle(2).opening
    )
    assert harmless or report.outcome is Outcome.NOT_VERIFIED


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":"other"}', '{"schema":3}', "\x00", "[" * 10_000])
def test_what_is_no_bundle_is_said_so(text: str) -> None:
    with pytest.raises(UnreadableBundle):
        read_bundle(text)


def levels_of(day: ExampleDay, agreement: int, triples: bytes | None = None) -> tuple[ExampleDay, Any, ResultOpening]:
    """A header that commits to these triples (the honest ones by default), and the opening of their leaf."""
    committed = day.committed()
    salt = salt_of("level", agreement)
    raw = encode_triples(day.result().triples[agreement]) if triples is None else triples
    tree = PositionalTree(
        depth=DEPTH, leaves={**committed.results_tree.leaves, agreement: result_leaf(salt, raw) if raw else EMPTY}
    )
    opened = ResultOpening(empty=not raw, triples_salt=salt, triples=raw, proof=tree.proof(agreement))
    return day, replace(committed.header, results_root=tree.root), opened


def level_reason(agreement: int, slot: int, triples: bytes | None = None) -> Reason | None:
    day, header, opened = levels_of(HONEST, agreement, triples)
    return recompute_levels(day, header, agreement, day.terms[agreement], slot, opened)


def test_honest_levels_stand_in_every_slot() -> None:
    for agreement in HONEST.terms:
        assert {level_reason(agreement, slot) for slot in range(HONEST.slots)} == {None}


def test_false_levels_fall_in_their_slot_and_in_no_other() -> None:
    (agreement,) = [a for a, t in HONEST.terms.items() if t.key is not Key.STATIC][:1]
    honest = HONEST.result().triples[agreement]
    price = honest[7].price_ueur_kwh
    for price_, level, giver, reason in (
        (price, 5, ONE - 1, Reason.BOTH_CURTAILED),
        (price + 1, 5, ONE - 1, Reason.PRICE_DIFFERS),
        (price, 5, ONE + 1, Reason.LEVEL_RANGE),
    ):
        bent = Triple(price_ueur_kwh=price_, taker_level=level, giver_level=giver)
        raw = encode_triples([*honest[:7], bent, *honest[8:]])
        assert level_reason(agreement, 7, raw) is reason
        assert level_reason(agreement, 6, raw) is None
    assert level_reason(agreement, 7, b"") is Reason.RESULT_MISSING
    assert level_reason(agreement, 7, bytes(20)) is Reason.RESULT_LENGTH


def level_fault(agreement: int, triples: bytes | None = None) -> LevelFault | None:
    day, header, opened = levels_of(HONEST, agreement, triples)
    return first_level_fault(day, header, agreement, day.terms[agreement], opened)


def test_the_first_false_level_is_found() -> None:
    assert {level_fault(agreement) for agreement in HONEST.terms} == {None}
    (agreement,) = [a for a, t in HONEST.terms.items() if t.key is not Key.STATIC][:1]
    honest = HONEST.result().triples[agreement]
    price = honest[0].price_ueur_kwh
    dear = Triple(price_ueur_kwh=price + 1, taker_level=5, giver_level=ONE)
    starved = Triple(price_ueur_kwh=price, taker_level=5, giver_level=ONE - 1)
    for slot in (0, 1, 7, len(honest) - 1):
        found = level_fault(agreement, encode_triples([*honest[:slot], dear, *honest[slot + 1 :]]))
        assert found == LevelFault(slot=slot, reason=Reason.PRICE_DIFFERS)
    both = [*honest[:3], starved, *honest[4:9], dear, *honest[10:]]
    assert level_fault(agreement, encode_triples(both)) == LevelFault(slot=3, reason=Reason.BOTH_CURTAILED)
    assert level_fault(agreement, b"") == LevelFault(slot=0, reason=Reason.RESULT_MISSING)
    assert level_fault(agreement, bytes(20)) == LevelFault(slot=0, reason=Reason.RESULT_LENGTH)
    day, header, opened = levels_of(HONEST, 1)
    with pytest.raises(BadOpening):
        first_level_fault(day, header, 1, day.terms[1], replace(opened, proof=opened.proof[:-1]))


def test_a_static_level_is_at_most_the_greatest_pool() -> None:
    agreements = [a for a, t in HONEST.terms.items() if t.key is Key.STATIC]
    assert agreements
    honest = HONEST.result().triples[agreements[0]]
    for beyond, reason in ((0, None), (1, Reason.LEVEL_RANGE)):
        bent = replace(honest[0], taker_level=2 ** (32 + DEPTH) + beyond)
        assert level_reason(agreements[0], 0, encode_triples([bent, *honest[1:]])) is reason


def test_levels_need_a_slot_of_the_day_and_the_committed_triples() -> None:
    day, header, opened = levels_of(HONEST, 1)
    with pytest.raises(SlotOutOfDay, match=rf"0 to {day.slots - 1}, not {day.slots};"):
        recompute_levels(day, header, 1, day.terms[1], day.slots, opened)
    for false in (
        replace(opened, triples=opened.triples[:-1] + b"\x01"),
        replace(opened, empty=True),
        replace(opened, proof=opened.proof[:-1]),
    ):
        with pytest.raises(BadOpening):
            recompute_levels(day, header, 1, day.terms[1], 0, false)

"""The audit needs the mailbox and a node, nothing of the operator's; and it names what differs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.audit import acts
from lindenstrom.audit.errors import NotAttested, NotAudited, NothingToVoid
from lindenstrom.audit.findings import Kind
from lindenstrom.audit.run import audit_run
from lindenstrom.core.allocation import DayResult
from lindenstrom.core.clearing import Triple
from lindenstrom.core.verification import PostingState
from lindenstrom.mailbox import audit_path, pack_path
from lindenstrom.operator.day import on_result, settle_day
from tests.operator.world import AUDITOR_KEY, FIRST_DAY, World, new_world

pytestmark = pytest.mark.integration


def delete_store(world: World) -> None:
    world.office.store.close()
    (world.folder / "store.sqlite").unlink()


def shift_money(result: DayResult) -> DayResult:
    """One p€ from member 3 to member 4."""
    lines = dict(result.lines)
    for member, change in ((3, -1), (4, 1)):
        first, *rest = lines[member]
        lines[member] = (replace(first, amount_peur=first.amount_peur + change), *rest)
    return replace(result, lines=lines)


def test_three_honest_days_pass_without_the_operators_store(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        for window in (FIRST_DAY, FIRST_DAY + 1, FIRST_DAY + 2):
            world.read_day(window)
            settle_day(world.office, window)
        delete_store(world)
        report = audit_run(world.office.mailbox, world.chain, world.community)
        assert report.passed, report.first
        assert [d.slots_checked for d in report.days] == [4 * 96, 4 * 100, 4 * 96]
        assert report.not_posted == ()
        assert all(d.gas_post > 20_000 and d.gas_anchor > 20_000 for d in report.days)
        assert all((d.members, d.meters, d.agreements) == (4, 4, 2) for d in report.days)
        done = acts.attest(world.office.mailbox, world.chain, world.community, 2, AUDITOR_KEY)
        again = acts.attest(world.office.mailbox, world.chain, world.community, 2, AUDITOR_KEY)
        assert done.gas > 0 and again.gas == 0
        with pytest.raises(NothingToVoid):
            acts.void(world.office.mailbox, world.chain, world.community, 1, AUDITOR_KEY)


def test_a_shifted_amount_is_named_voided_and_posted_anew(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        mailbox, chain, community = world.office.mailbox, world.chain, world.community
        world.read_day(FIRST_DAY)
        false = settle_day(world.office, FIRST_DAY, falsify=on_result(shift_money))
        (day,) = audit_run(mailbox, chain, community).days
        assert [d.kind for d in day.differences] == [Kind.STATEMENTS]
        assert (day.differences[0].member, day.differences[0].agreement) == (3, 1)
        with pytest.raises(NotAttested):
            acts.attest(mailbox, chain, community, 1, AUDITOR_KEY)
        acts.void(mailbox, chain, community, 1, AUDITOR_KEY)
        true = settle_day(world.office, FIRST_DAY)
        assert (true.sequence, true.window) == (2, false.window)
        report = audit_run(mailbox, chain, community)
        assert [d.state for d in report.days] == [PostingState.VOID, PostingState.POSTED]
        assert report.passed and not report.days[0].passed
        acts.attest(mailbox, chain, community, 2, AUDITOR_KEY)


def lower_a_level(result: DayResult) -> DayResult:
    triples = {a: list(t) for a, t in result.triples.items()}
    slot = next(i for i, t in enumerate(triples[2]) if 0 < t.giver_level < 2**32)
    old = triples[2][slot]
    triples[2][slot] = Triple(
        price_ueur_kwh=old.price_ueur_kwh, taker_level=old.taker_level, giver_level=old.giver_level // 2
    )
    return replace(result, triples={a: tuple(t) for a, t in triples.items()})


def forget_a_member(result: DayResult) -> DayResult:
    return replace(result, lines={m: lines for m, lines in result.lines.items() if m != 3})


def pocket_the_fee(result: DayResult) -> DayResult:
    lines = dict(result.lines)
    lines[0] = tuple(replace(line, amount_peur=line.amount_peur + 1) for line in lines[0])
    return replace(result, lines=lines)


def invent_a_member(result: DayResult) -> DayResult:
    return replace(result, lines={**result.lines, 9: ()})


@pytest.mark.parametrize(
    ("falsify", "kinds", "member"),
    [
        (lower_a_level, [Kind.RESULTS, Kind.ENERGY], None),
        (forget_a_member, [Kind.STATEMENTS, Kind.MONEY], 3),
        (pocket_the_fee, [Kind.STATEMENTS, Kind.MONEY], 0),
        (invent_a_member, [Kind.STATEMENTS], 9),
    ],
)
def test_each_falsification_is_named(
    tmp_path: Path, falsify: Callable[[DayResult], DayResult], kinds: list[Kind], member: int | None
) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        settle_day(world.office, FIRST_DAY, falsify=on_result(falsify))
        (day,) = audit_run(world.office.mailbox, world.chain, world.community).days
        assert [d.kind for d in day.differences] == kinds
        assert day.differences[0].member == member


def test_what_is_missing_is_no_verdict(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        mailbox, chain, community = world.office.mailbox, world.chain, world.community
        world.read_day(FIRST_DAY)
        settle_day(world.office, FIRST_DAY)
        packs = pack_path(mailbox, FIRST_DAY, 1, 0)
        packs.rename(tmp_path / "elsewhere")
        (day,) = audit_run(mailbox, chain, community).days
        assert [(d.kind, d.reader) for d in day.differences] == [(Kind.PACKS, 1)]
        with pytest.raises(NotAudited):
            acts.attest(mailbox, chain, community, 1, AUDITOR_KEY)
        (tmp_path / "elsewhere").rename(packs)
        audit_path(mailbox, FIRST_DAY, 1).unlink()
        (day,) = audit_run(mailbox, chain, community).days
        assert [d.kind for d in day.differences] == [Kind.FILE]
        with pytest.raises(NotAudited):
            acts.void(mailbox, chain, community, 1, AUDITOR_KEY)

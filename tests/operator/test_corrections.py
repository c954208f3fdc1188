"""Finals are corrected by newer readings: crash-safe like a first posting, audited, shown beside what they correct."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.audit.run import audit_run
from lindenstrom.chain.community import community_ref
from lindenstrom.core.bundles import Bundle, read_bundle
from lindenstrom.core.changes import correction, is_committed
from lindenstrom.core.packs import Pack, decode_pack
from lindenstrom.core.verification import Expectation, Outcome, PostingState, verify_bundle
from lindenstrom.facts import ChainFacts
from lindenstrom.mailbox import bundle_path, list_audit, list_bundles
from lindenstrom.operator.correcting import CORRECTION_PERIOD_S, correctable_until
from lindenstrom.operator.day import correct_day, finish_pending, settle_day
from lindenstrom.operator.errors import CorrectionTooLate, NotCorrectable, NothingToCorrect
from lindenstrom.operator.finalise import finalise_due
from lindenstrom.operator.office import Step
from lindenstrom.operator.status import DayState, status
from lindenstrom.signing import address_of, is_signed_by
from lindenstrom.store.records import PostingStep
from lindenstrom.totals import Missing, period_total
from tests.operator.test_crashes import Cut, contents, cut_at
from tests.operator.world import AUDITOR_KEY, DEPTH, FIRST_DAY, World, new_world, reopened

pytestmark = pytest.mark.integration


def corrected(pack: Pack) -> Pack:
    """The pack at revision 1 with 0.01 kWh moved from one quarter-hour's draw to the next's: registers stay."""
    drew = list(pack.import_mwh)
    drew[40], drew[41] = drew[40] + 10_000, drew[41] - 10_000
    return replace(pack, revision=1, import_mwh=tuple(drew))


def newer_readings(world: World, window: int) -> None:
    """Reader 0 anchors and delivers a second revision of its packs."""
    packs = {p: corrected(decode_pack(data)).encode() for p, data in world.packs(window)[0].items()}
    world.anchor(window, {0: packs}, revision=1)


def make_final(world: World) -> None:
    world.chain.advance_to(world.chain.now() + world.community.constants.objection_period_s)
    finalise_due(world.chain, world.community, world.office.key)


@contextmanager
def final_day(folder: Path) -> Iterator[World]:
    """The first day posted and final, then a newer revision of its readings."""
    with new_world(folder) as world:
        world.read_day(FIRST_DAY)
        settle_day(world.office, FIRST_DAY)
        make_final(world)
        newer_readings(world, FIRST_DAY)
        yield world


def bundle_of(world: World, member: int, sequence: int) -> Bundle:
    return read_bundle(bundle_path(world.office.mailbox, member, FIRST_DAY, sequence).read_bytes())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, bytes]]:
    """Digest and mailbox of a correction that nothing disturbed."""
    with final_day(tmp_path_factory.mktemp("whole")) as world:
        done = correct_day(world.office, FIRST_DAY)
        return done.digest, contents(world.office.mailbox)


def test_a_final_is_corrected_and_what_changed_is_shown(tmp_path: Path) -> None:
    with final_day(tmp_path) as world:
        office = world.office
        (due,) = status(office).corrections
        assert (due.window, due.sequence, due.readers) == (FIRST_DAY, 1, (0,))
        assert due.until == office.zone.window_end(FIRST_DAY) + CORRECTION_PERIOD_S
        done = correct_day(office, FIRST_DAY)
        assert (done.sequence, done.revision, done.resumed) == (2, 1, False)
        contracts = office.contracts
        assert (contracts.live(FIRST_DAY), contracts.newest_final(FIRST_DAY)) == (2, 1)
        assert status(office).corrections == ()
        assert (status(office).days[0].state, status(office).days[0].posting.revision) == (DayState.POSTED, 1)  # type: ignore[union-attr]
        world.chain.advance_to(world.chain.now() + 5 * 86_400)
        days = status(office, days=1).days
        assert len(days) > 1 and days[0].window == FIRST_DAY  # long past, not final: still listed
        with pytest.raises(NotCorrectable):
            correct_day(office, FIRST_DAY)
        report = audit_run(office.mailbox, world.chain, world.community)
        assert [(d.sequence, d.revision, d.passed) for d in report.days] == [(1, 0, True), (2, 1, True)]
        make_final(world)
        total = 0
        for member in range(2, 6):
            before, after = bundle_of(world, member, 1), bundle_of(world, member, 2)
            found = correction(before, after)
            assert found.before_peur + found.net_peur == found.after_peur
            assert sum(c.amount_peur for c in found.changes) == found.net_peur
            assert is_committed(after, world.community.id, DEPTH, contracts.posting(2).digest)
            assert not is_committed(after, world.community.id, DEPTH, contracts.posting(1).digest)
            total += found.net_peur != 0
            expected = Expectation(community=community_ref(world.community), member=member)
            facts = ChainFacts(contracts, 2)
            assert verify_bundle(after, expected, signed_by=is_signed_by, chain=facts).outcome is Outcome.CONSISTENT
            old = verify_bundle(before, expected, signed_by=is_signed_by, chain=ChainFacts(contracts, 1))
            assert old.outcome is Outcome.CONSISTENT and old.posting is not None and old.posting.live == 2
        assert total > 0


def test_a_total_takes_the_newest_final_of_each_day(tmp_path: Path) -> None:
    with final_day(tmp_path) as world:
        office, days = world.office, range(FIRST_DAY, FIRST_DAY + 2)
        correct_day(office, FIRST_DAY)
        at = world.chain.block_number()
        bundles = {p.sequence: read_bundle(p.path.read_bytes()) for p in list_bundles(office.mailbox, 2)}
        nets = {s: b.statement.statement.net_peur for s, b in bundles.items()}
        first = period_total(office.contracts.at(at), DEPTH, 2, days, bundles)
        assert (first.net_peur, first.days[0].open_correction) == (nets[1], True)
        assert first.missing == {FIRST_DAY + 1: Missing.NOT_POSTED}
        make_final(world)
        second = period_total(office.contracts, DEPTH, 2, days, bundles)
        assert (second.net_peur, second.days[0].revision) == (nets[2], 1)
        assert nets[1] != nets[2]
        again = period_total(office.contracts.at(at), DEPTH, 2, days, bundles)
        assert again.net_peur == nets[1]


def test_nothing_newer_is_nothing_to_correct(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        with pytest.raises(NotCorrectable):
            correct_day(world.office, FIRST_DAY)
        settle_day(world.office, FIRST_DAY)
        with pytest.raises(NotCorrectable):
            correct_day(world.office, FIRST_DAY)
        make_final(world)
        assert status(world.office).corrections == ()
        with pytest.raises(NothingToCorrect):
            correct_day(world.office, FIRST_DAY)


def test_a_voided_correction_is_made_anew_and_ends_after_twelve_months(tmp_path: Path) -> None:
    with final_day(tmp_path) as world:
        office, contracts = world.office, world.office.contracts
        correct_day(office, FIRST_DAY)
        world.chain.ensure_funds(address_of(AUDITOR_KEY))
        world.chain.send(contracts.void_by_auditor(2, contracts.posting(2).digest), AUDITOR_KEY)
        assert contracts.live(FIRST_DAY) == 1
        done = correct_day(office, FIRST_DAY)
        assert (done.sequence, done.revision) == (3, 1)
        make_final(world)
        assert contracts.posting(3).state is PostingState.FINAL
        world.chain.advance_to(correctable_until(office, FIRST_DAY) + 1)
        with pytest.raises(CorrectionTooLate):
            correct_day(office, FIRST_DAY)


@pytest.mark.parametrize("step", [s for s in Step if s is not Step.DONE])
def test_a_correction_cut_off_at_any_step(tmp_path: Path, step: Step, whole: tuple[bytes, dict[str, bytes]]) -> None:
    with final_day(tmp_path) as world:
        with pytest.raises(Cut):
            correct_day(world.office, FIRST_DAY, progress=cut_at(step))
        meters = world.meters
    with reopened(tmp_path, meters) as world:
        again = correct_day(world.office, FIRST_DAY)
        assert again.resumed == (list(Step).index(step) > list(Step).index(Step.STORE))
        assert (again.sequence, again.revision) == (2, 1)
        assert world.office.contracts.next_sequence() == 3
        assert [p.step for p in world.office.store.postings()] == [PostingStep.DELIVERED] * 2
        assert [p.sequence for p in list_audit(world.office.mailbox)] == [1, 2]
        assert finish_pending(world.office) == []
        if again.resumed:
            assert (again.digest, contents(world.office.mailbox)) == whole


def _correct_and_die(folder: Path, meters: dict[int, tuple[bytes, int, int]], step: Step) -> None:
    def progress(begun: Step) -> None:
        if begun is step:
            os.kill(os.getpid(), signal.SIGKILL)

    with reopened(folder, meters) as world:
        correct_day(world.office, FIRST_DAY, progress=progress)


@pytest.mark.parametrize("step", [Step.POST, Step.AUDIT])
def test_killed_while_correcting(tmp_path: Path, step: Step, whole: tuple[bytes, dict[str, bytes]]) -> None:
    with final_day(tmp_path) as world:
        meters = dict(world.meters)
        with pytest.raises(Cut):  # the keys are drawn here, so that the digest can be compared
            correct_day(world.office, FIRST_DAY, progress=cut_at(Step.SIGN))
    victim = multiprocessing.get_context("spawn").Process(target=_correct_and_die, args=(tmp_path, meters, step))
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    with reopened(tmp_path, meters) as world:
        again = correct_day(world.office, FIRST_DAY)
        assert again.resumed
        assert (again.digest, contents(world.office.mailbox)) == whole


def test_a_correction_that_came_too_late_bars_nothing(tmp_path: Path) -> None:
    with final_day(tmp_path) as world:
        office = world.office
        world.read_day(FIRST_DAY + 1)
        with pytest.raises(Cut):
            correct_day(office, FIRST_DAY, progress=cut_at(Step.POST))
        world.chain.advance_to(correctable_until(office, FIRST_DAY) + 1)
        assert settle_day(office, FIRST_DAY + 1).sequence == 2
        assert [p.header.window for p in office.store.postings()] == [FIRST_DAY, FIRST_DAY + 1]

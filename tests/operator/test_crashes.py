"""A settlement that is cut off anywhere ends, called again, in the same posting: one on the chain, one digest (I14)."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from lindenstrom.chain.client import Chain
from lindenstrom.core.packs import Status
from lindenstrom.core.verification import PostingState
from lindenstrom.mailbox import list_audit, list_bundles
from lindenstrom.operator import day as day_module
from lindenstrom.operator import people
from lindenstrom.operator.day import finish_pending, settle_day
from lindenstrom.operator.errors import (
    AlreadyPosted,
    NotTheOperator,
    PacksNotDelivered,
    WindowBeforeBeginning,
    WindowTooEarly,
)
from lindenstrom.operator.finalise import finalise_due
from lindenstrom.operator.office import Step
from lindenstrom.operator.status import DayState, due_windows, status
from lindenstrom.store.errors import ParametersUnknown
from lindenstrom.store.records import PostingStep
from tests.operator.world import FIRST_DAY, READER_KEYS, World, new_world, randomness, reopened

pytestmark = pytest.mark.integration


class Cut(Exception):
    """The power fails."""


def cut_at(step: Step):  # type: ignore[no-untyped-def]
    def progress(begun: Step) -> None:
        if begun is step:
            raise Cut

    return progress


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.json"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, bytes]]:
    """Digest and mailbox of a settlement that nothing disturbed."""
    with new_world(tmp_path_factory.mktemp("whole")) as world:
        world.read_day(FIRST_DAY)
        done = settle_day(world.office, FIRST_DAY)
        return done.digest, contents(world.office.mailbox)


def assert_whole(world: World, whole: tuple[bytes, dict[str, bytes]]) -> None:
    contracts = world.office.contracts
    assert contracts.next_sequence() == 2
    assert contracts.posting(1).digest == whole[0]
    assert contents(world.office.mailbox) == whole[1]
    (posting,) = world.office.store.postings()
    assert posting.step is PostingStep.DELIVERED


@pytest.mark.parametrize("step", list(Step))
def test_cut_off_at_any_step(tmp_path: Path, step: Step, whole: tuple[bytes, dict[str, bytes]]) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        with pytest.raises(Cut):
            settle_day(world.office, FIRST_DAY, progress=cut_at(step))
        meters = world.meters
    with reopened(tmp_path, meters) as world:
        if step is Step.DONE:
            assert finish_pending(world.office) == []
        else:
            again = settle_day(world.office, FIRST_DAY)
            assert again.resumed == (list(Step).index(step) > list(Step).index(Step.STORE))
        if step in (Step.COLLECT, Step.CLEAR, Step.TREES):  # no key was drawn yet, and this world draws other ones
            assert world.office.contracts.next_sequence() == 2
            assert [p.step for p in world.office.store.postings()] == [PostingStep.DELIVERED]
            return
        assert_whole(world, whole)
    with reopened(tmp_path, meters) as world, pytest.raises(AlreadyPosted):
        settle_day(world.office, FIRST_DAY)


def test_cut_off_between_sending_and_the_answer(
    tmp_path: Path, whole: tuple[bytes, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        real = Chain.broadcast

        def sent_and_lost(self: Chain, *args: object, **kwargs: object) -> None:
            real(self, *args, **kwargs)  # type: ignore[arg-type]
            raise Cut

        with monkeypatch.context() as patched:
            patched.setattr(Chain, "broadcast", sent_and_lost)
            with pytest.raises(Cut):
                settle_day(world.office, FIRST_DAY)
        done = settle_day(world.office, FIRST_DAY)
        assert done.resumed and done.gas > 20_000
        assert_whole(world, whole)


def test_another_transaction_takes_the_nonce(tmp_path: Path, whole: tuple[bytes, dict[str, bytes]]) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        with pytest.raises(Cut):
            settle_day(world.office, FIRST_DAY, progress=cut_at(Step.POST))
        people.add_reader(world.office, b"\x07" * 20)
        done = settle_day(world.office, FIRST_DAY)
        assert done.resumed
        assert_whole(world, whole)


def _settle_and_die(folder: Path, meters: dict[int, tuple[bytes, int, int]], step: Step) -> None:
    def progress(begun: Step) -> None:
        if begun is step:
            os.kill(os.getpid(), signal.SIGKILL)

    with reopened(folder, meters) as world:
        settle_day(world.office, FIRST_DAY, progress=progress)


@pytest.mark.parametrize("step", [Step.POST, Step.AUDIT])
def test_killed(tmp_path: Path, whole: tuple[bytes, dict[str, bytes]], step: Step) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        meters = dict(world.meters)
        with pytest.raises(Cut):  # the keys are drawn here, so that the digest can be compared
            settle_day(world.office, FIRST_DAY, progress=cut_at(Step.SIGN))
    victim = multiprocessing.get_context("spawn").Process(target=_settle_and_die, args=(tmp_path, meters, step))
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    with reopened(tmp_path, meters) as world:
        assert settle_day(world.office, FIRST_DAY).resumed
        assert_whole(world, whole)


def test_a_pending_day_is_finished_before_another_begins(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        world.read_day(FIRST_DAY + 1)
        with pytest.raises(Cut):
            settle_day(world.office, FIRST_DAY, progress=cut_at(Step.SIGN))
        second = settle_day(world.office, FIRST_DAY + 1)
        assert (second.sequence, world.office.contracts.posting(1).window) == (2, FIRST_DAY)
        assert [(p.window, p.sequence) for p in list_bundles(world.office.mailbox, 2)] == [
            (FIRST_DAY, 1),
            (FIRST_DAY + 1, 2),
        ]


def test_what_cannot_be_settled_says_why(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        office = world.office
        with pytest.raises(WindowBeforeBeginning):
            settle_day(office, world.community.first_window - 1)
        with pytest.raises(WindowTooEarly) as early:
            settle_day(office, FIRST_DAY)
        assert early.value.exit_code == 4
        world.chain.advance_to(office.zone.window_start(FIRST_DAY))
        (day,) = status(office).days
        assert (day.state, day.next_at) == (DayState.WAITING, office.as_of(FIRST_DAY))
        stranger = type(office)(
            chain=office.chain,
            community=office.community,
            store=office.store,
            mailbox=office.mailbox,
            key=READER_KEYS[0],
            randomness=randomness(),
        )
        with pytest.raises(NotTheOperator):
            settle_day(stranger, FIRST_DAY)
        world.run_past(FIRST_DAY)
        packs = world.packs(FIRST_DAY)
        world.anchor(FIRST_DAY, packs, deliver=False)
        world.run_to_close(FIRST_DAY)
        with pytest.raises(PacksNotDelivered) as missing:
            settle_day(office, FIRST_DAY)
        assert set(missing.value.readers) == {0, 1}
        assert due_windows(office) == (FIRST_DAY,)


def test_a_reader_that_anchored_nothing_is_replaced_and_listed(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        office = world.office
        world.read_day(FIRST_DAY)
        settle_day(office, FIRST_DAY)
        second = FIRST_DAY + 1
        world.run_past(second)
        world.anchor(second, {0: world.packs(second)[0]})
        world.run_to_close(second)
        done = settle_day(office, second)
        (gap,) = done.gaps
        assert (gap.member, gap.ground) == (5, "the reader anchored nothing in time")
        (source,) = [s for s in office.store.day(2).sources.values() if s.pack]
        n = office.zone.slot_count(second)
        assert source.pack[168 : 168 + n] == bytes([Status.ESTIMATED]) * n
        world.chain.advance_to(office.chain.now() + world.community.constants.objection_period_s + 1)
        assert [f.sequence for f in finalise_due(office.chain, office.community, office.key).finalised] == [1, 2]
        assert finalise_due(office.chain, office.community, office.key).finalised == ()
        assert status(office).days[0].state is DayState.FINAL
        assert office.contracts.posting(1).state is PostingState.FINAL


def test_lost_parameters_stop_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        monkeypatch.setattr(type(world.office.store), "all_parameters", lambda _self: {})
        with pytest.raises(ParametersUnknown):
            settle_day(world.office, FIRST_DAY)


def test_audit_file_and_timings(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        seen: list[Step] = []
        done = day_module.settle_day(world.office, FIRST_DAY, progress=seen.append)
        assert seen == list(Step)
        assert set(done.timings) == set(Step) - {Step.DONE}
        assert [p.sequence for p in list_audit(world.office.mailbox)] == [1]

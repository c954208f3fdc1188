"""A store that another one overtook, and a store that was damaged."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.operator.day import settle_day
from lindenstrom.operator.errors import AlreadyPosted, SequenceTaken, StoredDayDiffers
from lindenstrom.operator.office import Step
from lindenstrom.store.errors import RowDamaged
from lindenstrom.store.store import Store
from tests.operator.test_crashes import Cut, cut_at
from tests.operator.world import FIRST_DAY, World, new_world

pytestmark = pytest.mark.integration
SECOND = FIRST_DAY + 1


def settle_with_a_copy(world: World, copy: Path, window: int) -> None:
    with Store.open(copy, community=world.community.id) as store:
        assert settle_day(replace(world.office, store=store), window).sequence == 1


@pytest.mark.parametrize("step", [Step.SIGN, Step.POST])
def test_another_store_took_the_sequence(tmp_path: Path, step: Step) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        world.read_day(SECOND)
        copy = tmp_path / "copy.sqlite"
        shutil.copy(tmp_path / "store.sqlite", copy)
        with pytest.raises(Cut):
            settle_day(world.office, FIRST_DAY, progress=cut_at(step))
        settle_with_a_copy(world, copy, SECOND)
        if step is Step.SIGN:  # nothing had left the machine: the day is made anew
            assert settle_day(world.office, FIRST_DAY).sequence == 2
            with pytest.raises(AlreadyPosted):
                settle_day(world.office, SECOND)
        else:
            with pytest.raises(SequenceTaken):
                settle_day(world.office, FIRST_DAY)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE statements SET sealed_lines = zeroblob(64) WHERE member = 3", RowDamaged),
        ("UPDATE statements SET sealed_lines = (SELECT sealed_lines FROM statements WHERE member = 4)", RowDamaged),
        ("DELETE FROM statements WHERE member = 3", StoredDayDiffers),
    ],
)
def test_a_damaged_store_delivers_nothing(tmp_path: Path, damage: str, found: type[Exception]) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        with pytest.raises(Cut):
            settle_day(world.office, FIRST_DAY, progress=cut_at(Step.BUNDLES))
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as raw, raw:
            raw.execute(damage)
        with pytest.raises(found):
            settle_day(world.office, FIRST_DAY)
        assert not (world.office.mailbox / "bundles").exists()

"""An audit holds one day, however many it looks at (budget: memory flat)."""

import tracemalloc
from pathlib import Path

import pytest

from lindenstrom.audit.run import audit_days
from lindenstrom.operator.day import settle_day
from tests.operator.world import FIRST_DAY, World, new_world

pytestmark = pytest.mark.integration
DAYS = 8


def peak_bytes(world: World, days: int) -> int:
    tracemalloc.start()
    for day in audit_days(
        world.office.mailbox, world.chain, world.community, windows=range(FIRST_DAY, FIRST_DAY + days)
    ):
        assert day.passed, day.first
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_days(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        for window in range(FIRST_DAY, FIRST_DAY + DAYS):
            world.read_day(window)
            settle_day(world.office, window)
        peak_bytes(world, DAYS)  # fills what is cached once
        few, many = peak_bytes(world, 2), peak_bytes(world, DAYS)
        assert many < few * 1.2

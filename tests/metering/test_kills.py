"""A small campaign of kills; the one of a thousand is `python3 dev.py deep kills`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.metering.kills import campaign

from lindenstrom.chain.errors import AnvilMissing

pytestmark = pytest.mark.anvil
TRIALS = 12


def test_a_dozen_killed_adapters_lose_and_double_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    try:
        figures = campaign.sample(TRIALS, seed=20_261_123, say=told.append)
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    assert told == []
    assert figures["trials"] == TRIALS
    assert figures["kills"] >= TRIALS // 2
    assert figures["accepted"] == figures["settled"] + figures["in_gap_list"] > 1000
    assert (figures["lost"], figures["doubled"]) == (0, 0)

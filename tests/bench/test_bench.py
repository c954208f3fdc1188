"""The benchmark still measures what it says, on a small scale; its figures are nobody's test."""

import re
from pathlib import Path

import pytest

from tests.bench import metering
from tests.bench.__main__ import machine
from tests.bench.metering import MEASUREMENTS


def test_every_measurement_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "TELEGRAM_EVERY_S", 60)
    lines = [measure(tmp_path, 2, 1) for measure in MEASUREMENTS.values()]
    assert [re.split(r"[,:]", line)[0] for line in lines] == [
        "month of MSCONS",
        "2 meter-days built",
        "a day at home",
    ]
    assert all("s of processor), peak memory" in line for line in lines)


def test_the_machine_is_named() -> None:
    assert re.search(r"\d+ cores, load .*; Python 3\.", machine())

"""Inboxes of the running adapter: what of a file was unfit is said, and the file put aside."""

import os
from pathlib import Path

from lindenstrom.core.packs import Status
from lindenstrom.metering.config import Inbox
from lindenstrom.metering.settling import Trouble, take_files
from metering.folders import NOW
from metering.test_importing import EXPORT_OBIS, mscons, operator, series


def test_unfit_values_are_a_trouble_and_other_quantities_none(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    adapter = operator(tmp_path, 1)
    paths = [
        mscons(folder / "a", series([1, 0], status=[Status.MEASURED, Status.MISSING])),
        mscons(folder / "b", series([1], EXPORT_OBIS), series([1], "1-1:5.29.0")),
    ]
    for path in paths:
        os.utime(path, (1, 1))
    taken, troubles = take_files(adapter, [Inbox(folder=folder, position=None)], NOW)
    assert (taken, troubles) == (2, (Trouble(step="inbox 1", error="Unfit", message="1 invalid-status"),))
    assert sorted(path.name for path in (folder / "taken").iterdir()) == ["a", "b"]

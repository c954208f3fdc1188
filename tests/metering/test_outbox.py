"""The outbox: what is written once stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lindenstrom.core.packs import Registers
from lindenstrom.metering.outbox import Entry, Gap, Outbox

METER = b"\x01" * 32
HIGH = Registers(import_mwh=2**64 - 1, export_mwh=2**63)
LOW = Registers(import_mwh=1, export_mwh=2)


def add(outbox: Outbox, window: int, registers: Registers, packs: dict[int, bytes]) -> None:
    outbox.add(
        window=window,
        revision=0,
        root=bytes([window]) * 32,
        packs=packs,
        boundaries={METER: {7: registers}},
        gaps=[Gap(window=window, position=3, reason="why")],
    )


def test_what_is_built_and_signed_stays(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    assert outbox.entry(5) is None
    add(outbox, 5, HIGH, {0: b"pack"})
    with pytest.raises(sqlite3.IntegrityError):
        add(outbox, 5, LOW, {0: b"other"})
    add(outbox, 6, LOW, {})
    assert outbox.packs(5) == {0: b"pack"}
    assert outbox.boundaries(METER) == {7: HIGH}
    outbox.set_signature(5, 0, b"first")
    outbox.set_signature(5, 0, b"second")
    outbox.set_delivered(5, 0)
    expected = Entry(window=5, revision=0, root=b"\x05" * 32, signature=b"first", delivered=True, anchored=False)
    assert Outbox(tmp_path / "outbox.sqlite").entry(5) == expected
    assert [entry.window for entry in outbox.entries()] == [5, 6]
    outbox.add_gaps(outbox.gaps())
    assert [(gap.window, gap.position) for gap in outbox.gaps()] == [(5, 3), (6, 3)]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    Outbox(tmp_path / "outbox.sqlite")
    assert (tmp_path / "outbox.sqlite").stat().st_mode & 0o777 == 0o600

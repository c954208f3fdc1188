"""A sample of the changed files of `python -m tests.deep.inputs`: no exception, no hang, no wrong value accepted."""

from __future__ import annotations

import random
import time

import pytest
from tests.metering.fuzz.mutate import CHANGES, mutated
from tests.metering.fuzz.runner import changed_file, run
from tests.metering.fuzz.targets import targets

from lindenstrom.metering.formats import detect
from lindenstrom.metering.observation import Problem

COUNT, SEED = 150, 20261123


@pytest.mark.parametrize("name", targets())
def test_changed_files(name: str) -> None:
    target = targets()[name]
    count = COUNT // 4 if name == "import" else COUNT  # each makes and deletes a reader's folder
    figures = run(target, count=count, seed=SEED)
    assert figures.failures == ()
    assert figures.refused + figures.same + figures.changed == count
    assert figures.refused
    assert figures.same
    if target.stands is None:
        assert figures.changed == 0


@pytest.mark.parametrize("name", [name for name in targets() if name != "detection"])
def test_the_seeds_are_read_whole(name: str) -> None:
    target = targets()[name]
    for data in target.seeds:
        found = {one.problem for one in target.read(data)}
        assert found & {None, Problem.PIN_LOCKED, Problem.UNVERIFIED_SIGNATURE}, data[:80]
        assert not found & {Problem.DAMAGED_FRAME, Problem.BAD_SIGNATURE, Problem.BAD_VALUE}, data[:80]


PIECES = (
    b"'", b"QTY+220:1.5'", b"?", b"<a>", b"<signedData>", b"OCMF|", b"128.8.0(ST:", b'{"a":', b"[", b",", b";", b"\n",
    b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01", b"\x1b", b"\x77", b"1.8.0(", b"/LIN5x\r\n", b"tele/a/SENSOR {}\n", b'"', b"1",
)  # fmt: skip


@pytest.mark.parametrize(
    "name", [name for name in targets() if name not in {"import", "csv-own", "dsmr-crc", "live", "detection"}]
)
def test_a_piece_repeated_takes_time_by_its_length_only(name: str) -> None:
    target = targets()[name]
    for piece in PIECES:
        for head in (b"", target.seeds[0][:60]):
            started = time.process_time()
            target.read(head + piece * (100_000 // len(piece)))
            assert time.process_time() - started < 5, piece


def test_every_format_has_its_target() -> None:
    names = {name.partition("-")[0] for name in targets()}
    assert set(detect.format_names()) <= names


def test_a_file_can_be_made_again() -> None:
    target = targets()["dsmr-plain"]
    files = target.files(real=False)
    assert changed_file(target, files, SEED, 3) == changed_file(target, files, SEED, 3)
    assert len({changed_file(target, files, SEED, number) for number in range(40)}) > 30


def test_every_change_can_be_done_to_any_file() -> None:
    for change in CHANGES:
        for data in (b"", b"a", b"1", b"a\nb\n", bytes(range(256))):
            for seed in range(8):
                change(bytearray(data), random.Random(seed), [data])
    assert mutated(b"", [b""], random.Random(1)) is not None

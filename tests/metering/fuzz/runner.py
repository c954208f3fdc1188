"""Feeds a target with changed files, each made from its own number, so that it can be made again."""

from __future__ import annotations

import random
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from tests.metering.fuzz.judge import fault_of_form
from tests.metering.fuzz.mutate import mutated
from tests.metering.fuzz.targets import Target

from lindenstrom.metering.observation import Observation

LIMIT_S = 5.0
Identity = tuple[object, ...]


class TooSlow(Exception):
    """A file took longer than the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What became of the files.

    refused: nothing of them was accepted. same: something was, and all of it stands in a whole file. changed: something
    else was accepted, which is what the changed bytes say. failures: (number of the file, what went wrong).
    """

    files: int
    refused: int
    same: int
    changed: int
    slowest_ms: int
    failures: tuple[tuple[int, str], ...]


def run(target: Target, *, count: int, seed: int, real: bool = False, first: int = 0) -> Figures:
    """Feed a target with `count` changed files, numbered from `first`."""
    files = target.files(real=real)
    known = {identity(one) for data in files for one in target.read(data) if one.problem is None}
    counts = {"refused": 0, "same": 0, "changed": 0}
    failures: list[tuple[int, str]] = []
    slowest = 0.0
    for number in range(first, first + count):
        data = changed_file(target, files, seed, number)
        started = time.perf_counter()
        try:
            with limited(LIMIT_S):
                accepted = [one for one in _sound(target.read(data)) if one.problem is None]
            outcome = _outcome(target, known, accepted, data)
            counts[outcome] += 1
        except Exception as error:  # noqa: BLE001 — whatever it is, it is the finding
            where = traceback.extract_tb(error.__traceback__)[-1]
            failures.append((number, f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"))
        slowest = max(slowest, time.perf_counter() - started)
    return Figures(files=count, slowest_ms=round(slowest * 1000), failures=tuple(failures), **counts)


def changed_file(target: Target, files: list[bytes], seed: int, number: int) -> bytes:
    """The file of this number: the same for the same seed, target and files."""
    chance = random.Random(f"{seed}:{target.name}:{number}")
    return mutated(chance.choice(files), files, chance)


def identity(one: Observation) -> Identity:
    """All that is said, whatever its place in the file; a number with its meter, time and mark."""
    return (
        one.meter, one.obis, one.energy_mwh, one.power_mw, one.resolution_mwh, one.time_ms, one.span_s, one.status,
        one.summed, one.seconds_index,
    )  # fmt: skip


def _sound(found: object) -> Iterator[Observation]:
    assert isinstance(found, (list, tuple))
    for one in found:
        assert isinstance(one, Observation)
        assert not (fault := fault_of_form(one)), fault
        yield one


def _outcome(target: Target, known: set[Identity], accepted: list[Observation], data: bytes) -> str:
    if not accepted:
        return "refused"
    others = [one for one in accepted if identity(one) not in known]
    for one in others:
        assert target.stands is not None, f"a wrong value was accepted: {one}"
        assert target.stands(one, data), f"accepted, but not what the bytes say: {one}"
    return "changed" if others else "same"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooSlow in what takes longer; in the main thread only, and not where another alarm is set."""
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(_: int, __: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

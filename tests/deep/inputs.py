"""Changed files for every reader: `python -m tests.deep.inputs [FORMAT…] [--count N] [--seed N] [--first N] [--write]`.

Without --seed a new one is drawn, and reported; `--seed S --first N --count 1 FORMAT` makes one file again. --write
keeps the figures in inputs.json, from which docs/reliability.md is written.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from dataclasses import asdict
from typing import Any

from tests.deep.common import HERE, DeepCheckFailed, say
from tests.metering.fuzz.runner import Figures, run
from tests.metering.fuzz.targets import SAMPLES, targets

COUNT = 10_000
FILE = HERE / "inputs.json"


def check() -> str:
    """All formats with a new seed. Raises DeepCheckFailed with the first findings of each."""
    seed = secrets.randbits(32)
    say(f"inputs with seed {seed}")
    found = {name: run(target, count=COUNT, seed=seed, real=SAMPLES.is_dir()) for name, target in targets().items()}
    if any(figures.failures for figures in found.values()):
        raise DeepCheckFailed("\n".join(report(name, figures, seed) for name, figures in found.items()))
    return f"{COUNT} changed files for each of {len(found)} readers"


def report(name: str, figures: Figures, seed: int) -> str:
    """One line of figures, and the first failures with how to make them again."""
    head = (
        f"{name}: {figures.files} files, {figures.refused} refused, {figures.same} with values of a whole file, "
        f"{figures.changed} read as changed, {len(figures.failures)} failures, slowest {figures.slowest_ms} ms"
    )
    failed = [f"  --seed {seed} --first {number} --count 1 {name}: {what}" for number, what in figures.failures[:5]]
    return "\n".join([head, *failed])


def main(words: list[str]) -> int:
    """The number of failures."""
    known = targets()
    parser = argparse.ArgumentParser(prog="python -m tests.deep.inputs")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=", ".join(known))
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(words)
    if unknown := [name for name in given.formats if name not in known]:
        parser.error(f"no such format: {', '.join(unknown)}; there are {', '.join(known)}")
    seed = secrets.randbits(32) if given.seed is None else given.seed
    failures = 0
    kept: dict[str, Any] = json.loads(FILE.read_text()) if FILE.is_file() else {}
    for name in given.formats or known:
        target = known[name]
        figures = run(target, count=given.count, seed=seed, real=SAMPLES.is_dir(), first=given.first)
        failures += len(figures.failures)
        say(report(name, figures, seed))
        kept[name] = {"seed": seed, "claim": target.claim, **asdict(figures), "failures": len(figures.failures)}
    if given.write:
        FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))

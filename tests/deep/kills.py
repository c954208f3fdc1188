"""`python -m tests.deep.kills [--count 1000] [--seed N]`: adapters killed at every write point and at any moment."""

from __future__ import annotations

import argparse
import json
import secrets
import sys

from tests.deep.common import ROOT, DeepCheckFailed, say
from tests.metering.kills import campaign
from tests.metering.kills.trial import Violation

FIGURES = ROOT / "tests" / "metering" / "kills" / "figures.json"


def check(count: int = 1000, seed: int | None = None) -> str:
    """Run a campaign and keep its figures. Raises DeepCheckFailed at anything lost or doubled."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    try:
        figures = campaign.run(count, seed, say, keep)
    except Violation as violation:
        raise DeepCheckFailed(f"seed {seed}: {violation}") from violation
    keep(figures)
    return f"{figures['kills']} kills, {figures['accepted']} readings accepted, {figures['lost']} lost"


def keep(figures: dict[str, object]) -> None:
    """Write the figures, also of a campaign that is still on its way."""
    FIGURES.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


def main() -> int:
    """As a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    say(check(arguments.count, arguments.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())

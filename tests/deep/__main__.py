"""`python -m tests.deep [NAME…]`: the named deep checks, or all of them, one after the other."""

import sys
import time
from collections.abc import Callable

from tests.deep import core_mutants, fuzz, inputs, kills, solidity_mutants, static, symbolic
from tests.deep.common import DeepCheckFailed, say
from tests.tracing import mutants

CHECKS: dict[str, Callable[[], str]] = {
    "slither": static.check,
    "halmos": symbolic.check,
    "forge": fuzz.forge,
    "pytest": fuzz.pytest,
    "inputs": inputs.check,
    "mutate-contracts": solidity_mutants.check,
    "mutate-core": core_mutants.check,
    "trace": mutants.check,
    "kills": kills.check,
}


def main(names: list[str]) -> int:
    """The number of checks that failed."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        say(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
        return 2
    failed = []
    for name in names or CHECKS:
        started = time.monotonic()
        try:
            outcome = CHECKS[name]()
        except DeepCheckFailed as failure:
            failed.append(name)
            outcome = f"FAILED\n{failure}"
        say(f"{name}: {outcome} ({time.monotonic() - started:.0f} s)")
    say(f"failed: {', '.join(failed)}" if failed else "all fine")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

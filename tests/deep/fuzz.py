"""forge's properties with many runs, from a seed that the report names; and the Python tests marked deep."""

import secrets
import sys

from tests.deep.common import FORGE, ROOT, DeepCheckFailed, copy_contracts, environment, run, say, scratch


def forge() -> str:
    """Raises DeepCheckFailed with forge's report if a property fails."""
    seed = hex(secrets.randbits(64))
    say(f"forge with seed {seed}")
    with scratch() as folder:
        contracts = copy_contracts(folder, "test")
        words = [FORGE, "test", "--fuzz-seed", seed]
        done = run(words, cwd=contracts, env=environment(FOUNDRY_PROFILE="deep"))
    if done.returncode:
        raise DeepCheckFailed(f"seed {seed}\n{done.stdout[-8000:]}{done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


def pytest() -> str:
    """Raises DeepCheckFailed with pytest's report if one of the tests marked deep fails."""
    done = run([sys.executable, "-m", "pytest", "-q", "-m", "deep"], cwd=ROOT)
    if done.returncode:
        raise DeepCheckFailed(done.stdout[-8000:])
    return done.stdout.strip().splitlines()[-1]

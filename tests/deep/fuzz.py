"""forge's properties and invariants with many runs, from a seed that the report names."""

import secrets

from tests.deep.common import FORGE, DeepCheckFailed, copy_contracts, environment, run, scratch, say


def check() -> str:
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

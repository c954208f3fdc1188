"""halmos proves the `check_` functions of contracts/symbolic for all inputs within the stated bounds."""

import json

from tests.deep.common import DeepCheckFailed, copy_contracts, environment, run, scratch, tools

# A proof over 256-bit products needs the word-level solver; the time limit is per query, in milliseconds.
OPTIONS = (
    "--solver-timeout-assertion",
    "120000",
    "--solver-timeout-branching",
    "1000",
    "--no-status",
    "--loop",
    "16",
    "--default-bytes-lengths",
    "65",
)


def check() -> str:
    """Raises DeepCheckFailed if a property has a counterexample, or could not be proven."""
    programs = tools("contracts")
    with scratch() as folder:
        contracts = copy_contracts(folder, "symbolic", "test")
        report = folder / "report.json"
        env = environment(
            programs, FOUNDRY_PROFILE="symbolic", FOUNDRY_DENY="never", FOUNDRY_LINT_LINT_ON_BUILD="false"
        )
        done = run([programs / "halmos", *OPTIONS, "--json-output", report], cwd=contracts, env=env)
        if not report.is_file():
            raise DeepCheckFailed((done.stdout + done.stderr)[-4000:])
        results = [result for tests in json.loads(report.read_text())["test_results"].values() for result in tests]
    failed = [result["name"] for result in results if result["exitcode"] != 0]
    if failed or not results:
        raise DeepCheckFailed(f"not proven: {', '.join(failed) or 'there was nothing to prove'}\n{done.stdout[-6000:]}")
    return f"{len(results)} properties proven"

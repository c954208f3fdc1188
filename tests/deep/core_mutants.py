"""mutmut over the core: each mutant of each function runs against the tests in tests/core that reach it.

`python -m tests.deep.core_mutants [MODULE…]` runs some modules of lindenstrom.core only, and merges what it finds into
core_mutants.json. mutmut changes functions and methods; what it leaves out are properties, constants and
signatures. Only the tests near a module take part, so the share that is killed is a lower bound.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.deep.common import HERE, PACKAGE, ROOT, DeepCheckFailed, environment, run, say, scratch, tools

RESULTS = HERE / "core_mutants.json"
CORE = ROOT / "ledger" / "lindenstrom" / "core"
GOAL_PERCENT = 90
DIRECT = ("units", "pack_edges", "error_messages", "formats", "golden", "nesting", "field_vectors", "docs_formats")
SHARING = (*DIRECT, "clearing", "invariants_day", "against_reference")
VECTORS = ("bundle_vectors", "verify_with_chain")
# Who tests what: the tests that are near enough to be run hundreds of times. What is left out can only kill more.
TESTS = {
    "clearing": ("clearing", "field_vectors", "against_reference"),
    "levels": SHARING,
    "allocation": SHARING,
    "levelcheck": ("refutation",),
    "bundles": (*DIRECT, "bundle_fields", "bundle_vectors"),
    "changes": ("changes", *VECTORS),
    "refutation": ("refutation_edges", "refutation", "refutability", "field_vectors", *VECTORS),
    "replacement": ("replacement", *VECTORS),
    "verification": ("verify_reports", "refutation", *VECTORS),
}
SETTINGS = """\
[mutmut]
source_paths=
    lindenstrom/core
only_mutate=
{modules}
also_copy=
    lindenstrom
    lindenstrom_cli
    {package}
    docs
pytest_add_cli_args=
    -q
    -x
    -p
    no:cacheprovider
    --deselect
    tests/core/test_docs_formats.py::test_the_protocol_names_tests_that_exist
pytest_add_cli_args_test_selection=
{tests}
timeout_multiplier=2
"""


def modules() -> list[str]:
    """All modules of the core that hold code."""
    return sorted(path.stem for path in CORE.glob("*.py") if path.stem != "__init__")


def prepare(folder: Path, names: list[str]) -> None:
    """A copy of the project with its packages side by side, as mutmut wants them."""
    ignored = shutil.ignore_patterns("__pycache__", "deep")
    for source in (ROOT / "ledger/lindenstrom", ROOT / "contracts" / PACKAGE, ROOT / "cli/lindenstrom_cli"):
        shutil.copytree(source, folder / source.name, ignore=ignored)
    for name in ("tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy2(ROOT / "pyproject.toml", folder)
    wanted = "\n".join(f"    lindenstrom/core/{name}.py" for name in names)
    tests = "\n".join(f"    tests/core/test_{name}.py" for name in TESTS.get(names[0], DIRECT))
    (folder / "setup.cfg").write_text(SETTINGS.format(modules=wanted, package=PACKAGE, tests=tests))


def mutate(names: list[str]) -> dict[str, Any]:
    """Per module: how many mutants, how many were not reached or killed, and the others with their change."""
    found = {}
    for tests in dict.fromkeys(TESTS.get(name, DIRECT) for name in names):
        found.update(mutate_alike([name for name in names if TESTS.get(name, DIRECT) == tests]))
    return found


def mutate_alike(names: list[str]) -> dict[str, Any]:
    """The same for modules with the same tests."""
    programs, found = tools("core", with_project=True), {}
    with scratch() as folder:
        prepare(folder, names)
        env = environment(programs)
        with (folder / "log").open("w") as log:
            words = ["nice", "-n", "15", str(programs / "mutmut"), "run", "--max-children", "1"]
            code = subprocess.run(words, cwd=folder, env=env, stdout=log, stderr=log, check=False).returncode
        listed = run([programs / "mutmut", "results", "--all", "true"], cwd=folder, env=env).stdout
        states = dict(line.strip().rsplit(": ", 1) for line in listed.splitlines() if ": " in line)
        if not states:
            raise DeepCheckFailed(f"mutmut ended with {code}\n{(folder / 'log').read_text()[-3000:]}")
        for name in names:
            own = {k: v for k, v in states.items() if k.startswith(f"lindenstrom.core.{name}.")}
            alive = [key for key, state in own.items() if state not in {"killed", "timeout", "skipped", "not checked"}]
            unchecked = sum(state == "not checked" for state in own.values())
            found[name] = {
                "mutants": len(own),
                "unchecked": unchecked,
                "killed": len(own) - len(alive) - unchecked,
                "alive": {key: change(programs, folder, key) for key in alive},
            }
    return found


def change(programs: Path, folder: Path, mutant: str) -> list[str]:
    """The lines that the mutant takes away and puts in."""
    shown = run([programs / "mutmut", "show", mutant], cwd=folder, env=environment(programs)).stdout
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    return [line[0] + " " + line[1:].strip() for line in lines]


def merge(found: dict[str, Any]) -> dict[str, Any]:
    """What was found, put beside what earlier runs found for the other modules."""
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    merged = {name: result for name, result in sorted({**known, **found}.items()) if name in modules()}
    RESULTS.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return merged


def share(results: dict[str, Any]) -> tuple[int, int]:
    """Killed, and all that were checked."""
    killed, checked = (r["killed"] for r in results.values()), (r["mutants"] - r["unchecked"] for r in results.values())
    return sum(killed), sum(checked)


def check() -> str:
    """Mutates the whole core. Raises DeepCheckFailed if fewer than the goal are killed."""
    killed, mutants = share(merge(mutate(modules())))
    if killed * 100 < mutants * GOAL_PERCENT:
        raise DeepCheckFailed(f"{killed} of {mutants} mutants of the core killed, below {GOAL_PERCENT} %")
    return f"{killed} of {mutants} mutants killed"


if __name__ == "__main__":
    some = mutate(sys.argv[1:] or modules())
    merge(some)
    say("{} of {} mutants killed".format(*share(some)))

"""Makes each wrong change of trace.toml in a copy of the project and sees its test fail.

`python -m tests.tracing.mutants [ID…]`
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.deep.common import DeepCheckFailed
from tests.tracing.table import ROOT, Mutant, load

FORGE = "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
COPIED = ("contracts", "ledger", "cli", "tests", "docs", "deploy", "pyproject.toml", "README.md", "dev.py")
LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__", "out", "cache")
LIMIT_S = 900


class NothingRun(AssertionError):
    """A test did not get as far as running."""

    def __init__(self, test: str, output: str) -> None:
        super().__init__(f"{test} did not run:\n{output[-2000:]}")


def say(text: str) -> None:
    """A line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def copy_of_project(folder: Path) -> Path:
    """A copy to spoil; the compiler's packages are linked."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=LEFT_OUT)
        elif source.is_file():
            shutil.copy2(source, folder / name)
    (folder / "contracts" / "node_modules").symlink_to((ROOT / "contracts" / "node_modules").resolve())
    return folder


def run_test(copy: Path, test: str) -> bool:
    """Whether the test passes in the copy."""
    file, _, name = test.partition("::")
    if file.endswith(".sol"):
        words = [
            FORGE,
            "test",
            "--deny",
            "never",
            "--match-path",
            file.removeprefix("contracts/"),
            "--match-test",
            rf"^{name}\(",
        ]
        folder = copy / "contracts"
    else:
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"{file}::{name}"]
        folder = copy
    run = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if "Compiler run failed" in run.stdout + run.stderr or "no tests ran" in run.stdout:
        raise NothingRun(test, run.stdout + run.stderr)
    return run.returncode == 0 and " passed" in run.stdout


def rebuilt(copy: Path, file: str) -> None:
    """Artifacts that follow a changed contract, where a Python test looks at them."""
    if file.endswith(".sol"):
        words = [sys.executable, "-m", "lindenstrom_contracts.compiler", "build"]
        environment = {**os.environ, "PYTHONPATH": f"{copy / 'contracts'}:{copy / 'ledger'}"}
        subprocess.run(words, cwd=copy, env=environment, capture_output=True, timeout=LIMIT_S, check=True)


def killed(copy: Path, mutant: Mutant) -> bool:
    """Whether the test that passes on the true text fails on the changed one."""
    path = copy / mutant.file
    original = path.read_text(encoding="utf-8")
    python_test = not mutant.test.partition("::")[0].endswith(".sol")
    if not run_test(copy, mutant.test):
        say(f"  {mutant.test} does not pass as it is")
        return False
    path.write_text(original.replace(mutant.find, mutant.put), encoding="utf-8")
    try:
        if python_test:
            rebuilt(copy, mutant.file)
        return not run_test(copy, mutant.test)
    except (NothingRun, subprocess.CalledProcessError) as error:
        say(f"  {mutant.put!r} cannot be tried: {error}")
        return False
    finally:
        path.write_text(original, encoding="utf-8")
        if python_test:
            rebuilt(copy, mutant.file)


def check() -> str:
    """All mutants, as one of the deep checks. Raises DeepCheckFailed."""
    if alive := survivors([]):
        raise DeepCheckFailed(f"{alive} mutants of trace.toml live")
    return "every mutant of trace.toml is killed"


def survivors(wanted: list[str]) -> int:
    """How many mutants live, of all or of those of the given ids."""
    alive = 0
    with tempfile.TemporaryDirectory(prefix="lindenstrom-trace-") as folder:
        copy = copy_of_project(Path(folder))
        for entry in load():
            for mutant in entry.mutants:
                if wanted and entry.id not in wanted:
                    continue
                dead = killed(copy, mutant)
                alive += not dead
                say(f"{entry.id}: {'killed' if dead else 'ALIVE'} by {mutant.test}")
    return alive


def main(wanted: list[str]) -> int:
    """All mutants, or those of the given ids; exit 1 if one lives."""
    return 1 if survivors(wanted) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

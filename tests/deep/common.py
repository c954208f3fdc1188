"""What the deep checks share: places, environments for foreign tools, scratch copies, and running a command."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
PACKAGE = "lindenstrom_contracts"
HERE = Path(__file__).resolve().parent
FORGE = CONTRACTS / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin" / "forge"
MEMORY = Path("/dev/shm")


class DeepCheckFailed(Exception):
    """A deep check found something; the message says what."""


def reasons() -> dict[str, str]:
    """Why a mutant survives, by its change; for those that somebody has looked at."""
    entries = json.loads((HERE / "survivors.json").read_text("utf-8"))
    return {entry["change"]: entry["reason"] for entry in entries}


def same(change: str) -> bool:
    """Whether a mutant was found to be the same program, so that no test can tell it apart."""
    return reasons().get(change, "").startswith("Same:")


def say(text: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"deep: {text}\n")
    sys.stderr.flush()


def tools(kind: str, *, with_project: bool = False) -> Path:
    """The programs of the environment for `kind`, which is made from requirements-`kind`.txt if missing or old.

    Foreign tools pin other versions than the project, so they never share its environment. `with_project` lets the
    environment see the project's packages behind its own.
    """
    lock, place = HERE / f"requirements-{kind}.txt", ROOT / ".deep-venv" / kind
    stamp, digest = place / ".stamp", hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        say(f"preparing {place.relative_to(ROOT)} (once)")
        venv.create(place, with_pip=True, clear=True)
        pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock], check=True)
        if with_project:
            (link,) = place.glob("lib/python*/site-packages")
            (link / "project.pth").write_text(sysconfig.get_path("purelib") + "\n")
        stamp.write_text(digest)
    return place / "bin"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards, in memory where that is possible."""
    with tempfile.TemporaryDirectory(prefix="lindenstrom-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def copy_contracts(into: Path, *tests: str) -> Path:
    """A copy of the contracts' folder with the named test folders; the node packages stay where they are."""
    target = into / "contracts"
    for name in (PACKAGE, *tests):
        shutil.copytree(CONTRACTS / name, target / name)
    for name in ("foundry.toml", "solc-wasm.js"):
        shutil.copy2(CONTRACTS / name, target / name)
    (target / "node_modules").symlink_to((CONTRACTS / "node_modules").resolve())
    shutil.copytree(ROOT / "tests" / "vectors", into / "tests" / "vectors")
    return target


def environment(*front: Path, **more: str) -> dict[str, str]:
    """This process's variables with the given folders of programs and forge's own first on the path."""
    path = os.pathsep.join([*map(str, front), str(FORGE.parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, **more}


def run(
    words: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None, timeout: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and keep what it writes."""
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env=env, timeout=timeout, check=False, capture_output=True, text=True
    )

"""The wheel in a project that is not ours: an empty environment, the plugin found by its entry point alone."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FOREIGN = """
from pathlib import Path

import lindenstrom_contracts
from lindenstrom_contracts.bindings import errors, events
from lindenstrom_contracts.testing import PlayedDay, Stage, play_day, refused


def test_it_is_the_wheel():
    assert "site-packages" in Path(lindenstrom_contracts.__file__).parts
    assert (Path(lindenstrom_contracts.__file__).parent / "Settlement.sol").is_file()


def test_a_stranger_adds_no_member(community, cast):
    with refused(errors.NotOperator(cast.anyone.address)):
        community.registry.add_member(6, cast.anyone.address)


def test_a_settled_day_is_final(settled_day: PlayedDay):
    settlement = settled_day.community.settlement
    assert settlement.newest_final(settled_day.window) == settled_day.sequence


def test_a_final_day_is_not_contested_by_a_stranger(settled_day, cast):
    settlement = settled_day.community.settlement
    with refused(errors.NotAuditor(cast.anyone.address)):
        settlement.contest(settled_day.sequence, settled_day.digest)
    (event,) = settlement.by(cast.auditors[1]).contest(settled_day.sequence, settled_day.digest).events
    assert event == events.Contested(sequence=settled_day.sequence, auditor=1)


def test_a_day_is_played_on_the_tests_own_changes(community):
    community.chain.advance(days=100)
    assert play_day(community, Stage.POSTED).window == community.registry.first_window() + 100
"""


@pytest.mark.integration
@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="needs hatchling: dev.py installs it")
def test_a_foreign_project_uses_the_plugin(tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, folder=ROOT)
    (wheel,) = tmp_path.glob("lindenstrom-*.whl")
    place = tmp_path / "empty"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = place / "lib" / version / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    run(*pip, "--disable-pip-version-check", wheel, folder=tmp_path)
    # The dependencies of the environment that runs this test, by a link: no index is asked. Only the project itself,
    # whose own entry comes first, is really installed.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    project = tmp_path / "foreign"
    project.mkdir()
    (project / "test_foreign.py").write_text(FOREIGN)
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", folder=project)
    assert "5 passed" in said
    listed = run(python, "-m", "pytest", "--fixtures", "-q", folder=project)
    assert {"settled_day", "posted_day", "community", "cast", "chain"} <= {
        line.split()[0] for line in listed.splitlines() if line and not line.startswith((" ", "-"))
    }


def run(*words: object, folder: Path) -> str:
    """A program's output, away from the checkout's own packages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

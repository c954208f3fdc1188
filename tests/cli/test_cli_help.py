"""Help: complete, with examples, and fast to load."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lindenstrom_cli.catalogue import CATALOGUE
from lindenstrom_cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("web3", "numpy", "sqlalchemy", "eth_account", "eth_tester", "pandas")
OWN = [name for name in COMMANDS if name != "demo"]  # the demo is tested by itself


def commands() -> Iterator[tuple[str, ...]]:
    context = click.Context(cli)
    for name in OWN:
        found = cli.get_command(context, name)
        if isinstance(found, click.Group):
            yield from ((name, child) for child in found.commands)
        elif found is not None:
            yield (name,)


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_help_has_an_example_and_what_every_command_shares(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"])
    assert shown.exit_code == 0
    assert "$ lindenstrom " in shown.stdout
    for option in ("--json", "--quiet", "--debug"):
        assert option in shown.stdout


@pytest.mark.parametrize("name", OWN)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    assert f"help.{name}" in CATALOGUE
    assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


def test_a_newcomer_learns_what_to_do_first() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).stdout
    assert shown.index("lindenstrom demo") < shown.index("Options:")
    assert shown.index("Start here") < shown.index("Every day")


def imported_by(*args: str, cwd: Path) -> tuple[str, float]:
    code = "import sys; sys.argv[0] = 'lindenstrom'; from lindenstrom_cli.main import main; main()"
    path = ":".join(str(ROOT / part) for part in ("contracts", "ledger", "cli"))
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *args],
        env={"PYTHONPATH": path, "PATH": ""}, cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stderr, time.monotonic() - start


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    for args in (("--help",), ("verify", "--help"), ("key", "list")):
        trace, _ = imported_by(*args, cwd=tmp_path)
        modules = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in trace.splitlines() if "|" in line}
        assert "lindenstrom_cli" in modules
        assert not modules & set(HEAVY)

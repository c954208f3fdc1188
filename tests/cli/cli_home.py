"""A community built through the command line alone, for tests that need one."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from lindenstrom_cli.main import cli

DAY = "2026-06-03"
WINDOW = 20_607
MEMBERS = ("anna", "bert")
BUNDLE = f"mailbox/bundles/2/{WINDOW}-s1.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CliHome:
    """A home and a way to run commands in it."""

    root: Path

    def run(self, *args: str) -> Result:
        """Run a command in this home."""
        return CliRunner().invoke(cli, [*args, "--home", str(self.root)])

    def ok(self, *args: str) -> str:
        """Run a command that has to succeed; its text."""
        done = self.run(*args)
        assert done.exit_code == 0, (args, done.stderr, done.exception)
        return done.stdout

    def json(self, *args: str, code: int = 0) -> dict[str, Any]:
        """Run a command with --json; its document."""
        done = self.run(*args, "--json")
        assert done.exit_code == code, (args, done.stderr)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def copy(self, root: Path) -> "CliHome":
        """The same home elsewhere."""
        shutil.copytree(self.root, root)
        return CliHome(root=root)

    def path(self, name: str) -> str:
        """A file in the home."""
        return str(self.root / name)


def found(root: Path, *, public: bool = True) -> CliHome:
    """Two members, one giving by day, one drawing all day; one agreement, its disputes public or not; one reader."""
    made = CliRunner().invoke(cli, ["init", str(root), "--name", "Gartenweg", "--start", "2026-06-01"])
    assert made.exit_code == 0, made.stderr
    home = CliHome(root=root)
    home.ok("contracts", "deploy")
    for alias in (*MEMBERS, "street"):
        home.ok("key", "new", alias, "--unattended")
    for member in MEMBERS:
        home.ok("member", "add", member, "--key", member)
    home.ok("reader", "add", "street", "--key", "street")
    disputes = ("--public-disputes",) if public else ()
    home.ok("agreement", "offer", "--price", "11.5", "--fee", "0.5", "--label", "Hofstrom", *disputes)
    home.ok("agreement", "join", "1", "--member", "anna", "--role", "taker")
    home.ok("agreement", "join", "1", "--member", "bert", "--role", "giver", "--share", "50")
    for member in MEMBERS:
        home.ok("meter", "bind", f"DE-{member}", "--member", member, "--reader", "street")
    return home


def settle(home: CliHome, day: str = DAY) -> None:
    """Bring a day's readings in, and settle it."""
    readings = home.root / f"{day}.csv"
    readings.write_text(interval_file(date.fromisoformat(day)))
    first = date.fromisoformat(day)
    home.ok("chain", "advance", "--to", f"{first + timedelta(days=1)}T01:00")
    home.ok("meter", "import", str(readings), "--reader", "street")
    home.ok("meter", "anchor", "--reader", "street", "--day", day)
    home.ok("chain", "advance", "--to", f"{first + timedelta(days=2)}T13:00")
    home.ok("operator", "day", day)


def interval_file(day: date) -> str:
    """Anna draws 0.25 kWh a quarter-hour, Bert feeds in 0.3 kWh from 8 to 16 o'clock (of a day in summer)."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
    rows = ["metering_point,slot_start,import_kwh,export_kwh,status"]
    for slot in range(96):
        start = (begin + timedelta(minutes=15 * slot)).isoformat()
        rows.append(f"DE-anna,{start},0.25,0,measured")
        rows.append(f"DE-bert,{start},0,{'0.3' if 32 <= slot < 64 else '0'},measured")
    return "\n".join(rows) + "\n"

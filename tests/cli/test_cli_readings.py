"""Late, missing and exchanged: what happens to readings that do not come as they should, by commands alone."""

from datetime import date
from pathlib import Path

import pytest

from cli.cli_home import BUNDLE, DAY, CliHome, found, interval_file

pytestmark = pytest.mark.integration
SWAP = ("meter", "swap", "--reader", "street", "--position", "2", "--at", "2026-06-04T10:00:00+02:00")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> CliHome:
    return found(tmp_path_factory.mktemp("founded") / "home")


def test_a_missing_day_is_replaced_named_and_corrected(home: CliHome) -> None:
    readings = Path(home.path("day.csv"))
    lines = interval_file(date.fromisoformat(DAY)).splitlines(keepends=True)
    readings.write_text("".join(line for line in lines if "anna" not in line))
    home.ok("chain", "advance", "--to", "2026-06-04T01:00")
    home.ok("meter", "import", str(readings), "--reader", "street")
    home.ok("meter", "anchor", "--reader", "street", "--day", DAY, "--partial")
    gaps = home.json("meter", "gaps", "--reader", "street")["gaps"]
    assert [(g["day"], g["position"]) for g in gaps] == [(DAY, 0)]
    home.ok("chain", "advance", "--to", "2026-06-05T13:00")
    assert "meter is not among the reader's packs" in home.ok("operator", "day", DAY)
    shown = home.ok("statement", "show", home.path(BUNDLE))
    assert "DE-anna: the day was not read" in shown
    assert "DE-anna: 96 quarter-hours are missing; they count as 0." in shown
    checks = home.json("verify", home.path(BUNDLE), "--member", "2", code=4)["checks"]
    assert (checks[1]["status"], checks[1]["detail"]) == ("ok", "")

    readings.write_text("".join(lines))
    assert "96 values came after their day was built" in home.ok("meter", "import", str(readings), "--reader", "street")
    assert "need a correction" in home.ok("meter", "gaps", "--reader", "street", "--until", DAY)
    days = home.json("meter", "anchor", "--reader", "street")["days"]
    assert [(d["day"], d["revision"], d["anchored"]) for d in days] == [(DAY, 1, True), ("2026-06-04", 0, False)]
    assert home.ok("meter", "gaps", "--reader", "street", "--until", DAY) == "Nothing is missing.\n"
    assert home.json("meter", "anchor", "--reader", "street")["txs"] == []


def test_swaps_and_digits_are_noted(home: CliHome) -> None:
    home.ok("meter", "bind", "DE-two", "--member", "anna", "--reader", "street", "--source", "registers")
    first = home.json("meter", "list")["meters"][-1]["binding"]["from_day"]
    assert first > 20_608
    refused = home.run(*SWAP, "--old-import", "12.5")
    assert (refused.exit_code, "no meter is at position 2" in refused.stderr) == (2, True)
    at = ("--at", "2026-06-09T10:00:00+02:00")
    assert "was exchanged" in home.ok(*SWAP[:6], *at, "--old-import", "12.5", "--new-import", "0.1")
    place = ("--reader", "street", "--position", "2")
    assert "any more" in home.ok("meter", "break", *place, "--withdraw", at[1])
    assert home.run("meter", "break", *place, "--withdraw", at[1]).exit_code == 2
    assert "after 6 digits" in home.ok("meter", "break", *place, "--digits", "6")
    assert '"modulus_mwh":1000000000000' in next(home.root.rglob("street/reader.json")).read_text()
    assert home.run("meter", "break", *place).exit_code == 2
    assert home.run("meter", "break", "--reader", "street", "--position", "7", "--digits", "6").exit_code == 2
    taken = home.run(*SWAP[:4], "--position", "0", *at, "--old-import", "1")
    assert "takes intervals, not sml or registers" in taken.stderr

"""operator erase and meter erase: nothing too early, a list first, a yes, and a record."""

import shutil
from pathlib import Path

import pytest

from cli.cli_home import BUNDLE, CliHome, found, settle

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def year_later(tmp_path_factory: pytest.TempPathFactory) -> CliHome:
    """One settled, final day in June, and the clock 13 months on."""
    home = found(tmp_path_factory.mktemp("erase") / "home")
    settle(home)
    home.ok("chain", "advance", "--days", "15")
    home.ok("operator", "finalise")
    return home


def test_erasing_at_the_operator(year_later: CliHome, tmp_path: Path) -> None:
    home = year_later
    own = shutil.copy(home.path(BUNDLE), tmp_path)
    assert home.json("operator", "erase", "--simulate")["months"] == []
    early = home.run("operator", "erase", "--month", "2026-06", "--member", "anna", "--yes")
    assert (early.exit_code, "restrict" in early.stderr) == (6, True)
    assert home.run("operator", "erase", "--member", "anna").exit_code == 2
    assert home.run("operator", "erase", "--month", "June").exit_code == 2
    assert home.run("meter", "erase", "--reader", "street", "--month", "2026-06", "--yes").exit_code == 6
    home.ok("chain", "advance", "--days", "400")
    anna = ("operator", "erase", "--month", "2026-06", "--member", "anna")
    asked = home.run(*anna, "--no-input")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    assert home.json("operator", "erase", "--done")["months"] == []
    assert home.ok("operator", "erase", "--done") == "Nothing was erased so far.\n"
    (month,) = home.json(*anna, "--simulate")["months"]
    assert (month["what"], month["member"], month["erased_at"]) == ("intervals", 2, None)
    assert Path(home.path(BUNDLE)).exists()
    assert "erased" in home.ok(*anna, "--yes")
    assert not Path(home.path(BUNDLE)).exists()
    assert home.run(*anna, "--yes").exit_code == 6
    audit = home.json("audit", "run")
    assert (audit["verdict"], audit["days"][0]["erased"]) == ("passed", [{"what": "intervals", "member": 2}])
    assert "rest fits" in home.ok("audit", "run")
    assert home.run("audit", "attest", "1").exit_code == 5
    assert home.json("audit", "attest", "--all")["sequences"] == []
    home.ok("verify", own)
    home.ok("chain", "advance", "--days", "800")
    (due,) = home.json("operator", "erase", "--yes")["months"]
    assert (due["month"], due["what"], due["member"]) == ("2026-06", "intervals", None)
    done = home.json("operator", "erase", "--done")["months"]
    assert [(m["what"], m["member"]) for m in done] == [("intervals", None), ("intervals", 2)]
    home.ok("verify", own)
    assert home.json("audit", "run")["verdict"] == "passed"
    readings = Path(home.path("metering/street"))
    assert list(readings.rglob("2026-06.csv"))
    assert home.json("meter", "erase", "--reader", "street", "--simulate")["months"] == ["2026-06"]
    assert home.json("meter", "erase", "--reader", "street", "--yes")["months"] == ["2026-06"]
    assert not list(readings.rglob("*.csv"))
    assert "Nothing is due" in home.ok("meter", "erase", "--reader", "street")

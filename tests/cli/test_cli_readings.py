"""Late, missing and exchanged: what happens to readings that do not come as they should, by commands alone."""

import json
from datetime import date
from pathlib import Path

import pytest

from cli.cli_home import BUNDLE, DAY, CliHome, found, interval_file
from lindenstrom.core.calendar import Zone, window_of
from lindenstrom.core.packs import Status
from lindenstrom.metering.writers.mscons import Series, interchange

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
    assert "takes intervals, not sml, dsmr, mqtt or registers" in taken.stderr


def test_files_of_the_metering_operator_come_in_as_they_are(home: CliHome, tmp_path: Path) -> None:
    first = Zone().first_slot(window_of(date(2026, 6, 20)))

    def series(obis: str, status: Status = Status.MEASURED) -> Series:
        return Series(
            metering_point="DE-anna",
            obis=obis,
            first_slot=first,
            values_mwh=[1000] * 96,
            made_at=(first + 100) * 900,
            status=[Status.MEASURED] * 95 + [status],
        )

    def file(name: str, *parts: Series) -> str:
        path = tmp_path / name
        path.write_bytes(b"".join(interchange(parts, made_at=first * 900, reference=name)))
        return str(path)

    good = file("good", series("1-1:1.29.0"), series("1-1:2.29.0"))
    assert "96 new records" in home.ok("meter", "import", good, "--reader", "street")
    assert home.json("meter", "import", good, "--reader", "street")["added"] == 0
    partly = home.run("meter", "import", file("partly", series("1-1:1.29.0", Status.MISSING)), "--reader", "street")
    assert (partly.exit_code, "1 value not taken: invalid-status" in partly.stdout) == (6, True)
    picture = tmp_path / "picture"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    other = file("other", series("1-1:5.29.0"))
    done = home.run("meter", "import", str(picture), other, "--reader", "street", "--json")
    assert (done.exit_code, "a picture" in done.stderr) == (5, True)
    shown = json.loads(done.stdout)
    assert (shown["unread"], shown["unfit"]) == (1, {"not-active-energy": 96})
    assert "DE-anna" not in done.stderr + done.stdout + partly.stdout

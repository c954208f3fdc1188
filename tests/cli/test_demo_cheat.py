"""The catalogue of lies: every one is told on a chain, and caught by the one who is said to catch it."""

import json

import pytest
from tests.cli.test_demo_run import run

from lindenstrom.core.refutation import Reason
from lindenstrom_cli.demo.cheatreport import Caught, CheatReport
from lindenstrom_cli.demo.lies import LIES, Way
from lindenstrom_cli.types import LIES as NAMES

ENDS = {
    "amount": ("refute", [4], "lines_differ"),
    "energy": ("refute", [4], "lines_differ"),
    "price": ("refute", [3], "price_differs"),
    "level": ("refute", [3], "level_range"),
    "header": ("refute", [5], "statement_field"),
    "omitted-meter": ("refute", [5], "source_missing"),
    "omitted-member": ("refute", [4], "lines_differ"),
    "omitted-agreement": ("refute", [5], "result_missing"),
    "stale-source": ("refute", [2], "source_stale"),
    "invented-replacement": ("refute", [2], "replacement_unfounded"),
    "both-curtailed": ("levels", [3], "both_curtailed"),
    "withheld-bundle": ("demand", [], "demand_overdue"),
    "unbalanced-slot": ("auditor", [], None),
    "skimmed-fee": ("auditor", [], None),
    "invented-values": ("auditor", [], None),
}


def test_the_names_are_those_of_the_lies() -> None:
    assert tuple(lie.name for lie in LIES) == NAMES == tuple(ENDS)


def test_the_table_fits_a_terminal() -> None:
    common = {"gas": 1_324_366, "opened_bytes": 6_000, "posting_gas": 1}
    longest = max(LIES, key=lambda lie: len(lie.name)).name
    caught = [
        Caught(lie=longest, way=Way.REFUTE, checks=(2, 5), reason=reason, finding="", **common) for reason in Reason
    ]
    finding = "energy balance, levels, replacements, statements"
    caught.append(Caught(lie=longest, way=Way.AUDITOR, checks=(), reason=None, finding=finding, **common))
    lines = list(CheatReport(community="Lindenhain", caught=tuple(caught), home=None, seconds=1.0).lines())
    assert max(map(len, lines)) <= 100
    assert any("energy balance, levels, and 2 more" in line for line in lines)


@pytest.mark.integration
def test_every_lie_is_caught() -> None:
    done = run("demo", "--cheat", "all", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["caught"]
    assert {row["lie"]: (row["way"], row["checks"], row["reason"]) for row in rows} == ENDS
    for row in rows:
        assert row["gas"] > 20_000
        assert (row["opened_bytes"] > 1_000) == (row["way"] in ("refute", "levels"))
        assert bool(row["finding"]) == (row["way"] == "auditor")


@pytest.mark.integration
def test_some_lies_and_unknown_ones() -> None:
    done = run("demo", "--cheat", "skimmed-fee", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["finding"] for row in json.loads(done.stdout)["caught"]] == ["money balance, statements"]
    wrong = run("demo", "--cheat", "amount,murder")
    assert wrong.returncode == 2
    assert "murder" in wrong.stderr and "skimmed-fee" in wrong.stderr

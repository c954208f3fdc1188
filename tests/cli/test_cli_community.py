"""A community's whole life by commands alone, on the embedded chain."""

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.cli_home import BUNDLE, DAY, CliHome, interval_file, settle
from lindenstrom_cli.main import cli
from lindenstrom_cli.prompter import Prompter

pytestmark = pytest.mark.integration


def test_what_was_founded_is_shown(founded: CliHome) -> None:
    shown = founded.json("contracts", "show")
    assert shown["name"] == "Gartenweg"
    assert shown["first_day"] == DAY
    assert [m["name"] for m in founded.json("member", "list")["members"]][2:] == ["anna", "bert"]
    assert founded.json("reader", "list")["readers"][0]["meters"] == 2
    agreement = founded.json("agreement", "show", "1")["agreement"]
    assert agreement["label"] == "Hofstrom"
    assert [p["membership"]["role"] for p in agreement["parties"]] == [1, 2]
    assert "11.50 ct/kWh" in founded.ok("agreement", "show", "1")
    assert "Hofstrom" in founded.ok("agreement", "list")


def test_a_day_waits_for_its_close_delay(home: CliHome) -> None:
    refused = home.run("operator", "day", DAY)
    assert refused.exit_code == 4
    assert refused.stderr.startswith(f"error: {DAY} cannot be settled before 2026-06-05 10:00 UTC")


def test_a_posted_day_is_not_final_yet_and_then_verified(day: CliHome) -> None:
    bundle = day.path(BUNDLE)
    pending = day.json("verify", bundle, "--member", "2", code=4)
    assert pending["verdict"] == "not_final"
    assert {c["status"] for c in pending["checks"]} == {"ok"}
    assert pending["amounts"]["net_peur"] == "-576000000000"
    day.ok("audit", "attest", "--all")
    day.ok("chain", "advance", "--days", "15")
    assert "is final" in day.ok("operator", "finalise")
    verified = day.ok("verify", bundle, "--packs", day.path("mailbox"))
    assert "VERIFIED   Gartenweg, anna (member 2), 2026-06-03" in verified
    assert "You drew        24.000 kWh: 4.800 kWh from neighbours, 19.200 kWh from your supplier" in verified
    assert "You owe         0.5760 EUR" in verified
    assert "What this does NOT prove" in verified
    assert "You are relying on" in verified
    assert "your own copies of the readings of 1 meter" in verified
    assert f"{DAY}  final" in day.ok("operator", "status", "--days", "30")
    assert day.ok("audit", "run").startswith("✓ PASSED   1 posting recomputed")
    assert day.run("audit", "run", "--from", "2026-06-05", "--until", "2026-06-03").exit_code == 2


def test_without_an_attestation_it_is_only_consistent(day: CliHome) -> None:
    day.ok("chain", "advance", "--days", "15")
    day.ok("operator", "finalise")
    assert day.json("verify", day.path(BUNDLE))["verdict"] == "consistent"
    stranger = "0x" + "11" * 20
    day.ok("audit", "attest", "1")
    assert day.json("verify", day.path(BUNDLE), "--auditor", stranger)["verdict"] == "consistent"
    assert day.json("verify", day.path(BUNDLE))["verdict"] == "verified"


def test_readings_that_come_too_late_are_said_to(home: CliHome) -> None:
    readings = home.root / "late.csv"
    readings.write_text(interval_file(date.fromisoformat(DAY)))
    home.ok("chain", "advance", "--to", "2026-06-05T13:00")
    assert "192 new records" in home.ok("meter", "import", str(readings), "--reader", "street")
    assert "0 new records" in home.ok("meter", "import", str(readings), "--reader", "street")
    assert f"{DAY}  anchored after its closing time" in home.ok("meter", "anchor", "--reader", "street", "--day", DAY)
    assert "replaced" in home.ok("operator", "day", DAY)


def test_offline_is_incomplete(settled: CliHome) -> None:
    report = settled.json("verify", settled.path(BUNDLE), "--offline", code=5)
    assert report["verdict"] == "incomplete"
    assert [c["status"] for c in report["checks"]] == ["ok"] * 5 + ["not_checked"] * 2
    assert report["schema"] == "lindenstrom/verification@1"
    assert report["tool"]["name"] == "lindenstrom"


@pytest.mark.parametrize("number", range(1, 8))
def test_each_check_shows_its_evidence(settled: CliHome, number: int) -> None:
    shown = settled.run("verify", settled.path(BUNDLE), "--offline", "--explain", str(number)).stdout
    assert "Compared:" in shown
    assert "By hand:" in shown


def test_a_changed_bundle_is_not_verified(settled: CliHome, tmp_path: Path) -> None:
    content = json.loads(Path(settled.path(BUNDLE)).read_text())
    content["statement"]["net_peur"] = "-470000000000"
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(content))
    failed = settled.run("verify", str(changed), "--offline")
    assert failed.exit_code == 3
    assert "NOT VERIFIED" in failed.stdout.splitlines()[0]
    assert "failed:" in failed.stdout


def test_anothers_bundle_and_another_community_fail(settled: CliHome, tmp_path: Path) -> None:
    strange = settled.run("verify", settled.path(BUNDLE), "--member", "3", "--offline")
    assert strange.exit_code == 3
    assert "another member or community" in strange.stdout and "refute" not in strange.stdout
    other = tmp_path / "other.toml"
    lines = (settled.root / "community.toml").read_text().splitlines()
    other.write_text("\n".join(f'id = "0x{"ff" * 32}"' if line.startswith('id = "') else line for line in lines))
    failed = settled.run("verify", settled.path(BUNDLE), "--community", str(other), "--offline")
    assert failed.exit_code == 3
    assert "Check 1 failed: the file belongs to another community" in failed.stdout


def test_statements_are_listed_and_shown(settled: CliHome) -> None:
    listed = settled.json("statement", "list", "--member", "anna")
    assert [(s["day"], s["state"], s["net_peur"]) for s in listed["statements"]] == [(DAY, "posted", "-576000000000")]
    assert listed["total_peur"] == "-576000000000"
    assert "Hofstrom" in settled.ok("statement", "show", settled.path(BUNDLE))


def test_an_honest_bill_cannot_be_refuted(settled: CliHome) -> None:
    refused = settled.run("refute", settled.path(BUNDLE), "--yes")
    assert refused.exit_code == 6
    assert refused.stderr.startswith("error: recomputed by the contract's rules, your day agrees with posting 1")


def test_a_lie_is_refuted_after_a_yes(home: CliHome, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from lindenstrom.operator import day as settlement

    honest = settlement.settle_day

    def lying(office: object, window: int, **_: object) -> object:
        def falsify(result: object) -> object:
            (line,) = result.lines[2]  # type: ignore[attr-defined]
            wrong = replace(line, amount_peur=line.amount_peur - 70_000_000_000)
            return replace(result, lines={**result.lines, 2: (wrong,)})  # type: ignore[type-var, attr-defined]

        return honest(office, window, falsify=settlement.on_result(falsify))  # type: ignore[arg-type]

    monkeypatch.setattr(settlement, "settle_day", lying)
    settle(home)
    bundle = home.path(BUNDLE)
    failed = home.run("verify", bundle)
    assert failed.exit_code == 3
    assert "Check 4 failed: the statement's lines are not what the rules give" in failed.stdout
    assert "The statement gives you 0.07 EUR too little." in failed.stdout
    assert home.run("audit", "run").exit_code == 3
    assert home.run("audit", "attest", "1").exit_code == 3
    asked = home.run("refute", bundle, "--no-input")
    assert asked.exit_code == 2
    assert "every quarter-hour of your 1 meter " in asked.stderr
    assert "Nothing was sent" in home.ok("refute", bundle, "--simulate")

    class Yes(Prompter):
        def confirm(self, question: str) -> None:
            assert question == "Make this day public and void the posting?"

    done = CliRunner().invoke(cli, ["refute", bundle, "--home", str(home.root)], obj=Yes())
    assert done.exit_code == 0, done.stderr
    assert "The contract voided posting 1" in done.stdout
    assert "is void and binds nobody" in home.run("verify", bundle).stdout
    monkeypatch.setattr(settlement, "settle_day", honest)
    home.ok("operator", "day", "--due")
    assert home.json("statement", "list", "--member", "2")["total_peur"] == "-576000000000"


def test_an_auditor_voids_a_day_whose_reading_is_untrue(day: CliHome) -> None:
    assert day.run("audit", "void", "1", "--yes").exit_code == 6
    assert "Posting 1 is void" in day.ok("audit", "void", "1", "--although-right", "--yes")


def test_a_join_is_carried_between_the_parties_homes(home: CliHome, tmp_path: Path) -> None:
    home.ok("key", "new", "cora", "--unattended")
    home.ok("member", "add", "Cora", "--key", "cora")
    member = CliHome(root=tmp_path / "member")
    (member.root / "keys").mkdir(parents=True)
    for name in ("community.toml", "chain.sqlite"):
        (home.root / name).rename(member.root / name)
    for name in ("cora.json", "cora.password"):
        (home.root / "keys" / name).rename(member.root / "keys" / name)
    act = tmp_path / "cora.join"
    join = ("agreement", "join", "1", "--member", "4", "--share", "25")
    refused = member.run(*join)
    assert refused.exit_code == 2
    assert "hint: give --act FILE" in refused.stderr
    saved = member.json(*join, "--act", str(act))
    assert saved["missing"] == ["steward", "operator"]
    assert act.stat().st_mode & 0o777 == 0o600
    for name in ("community.toml", "chain.sqlite"):
        (member.root / name).rename(home.root / name)
    broken = tmp_path / "broken.join"
    broken.write_text(act.read_text().replace('"share_ppm":250000', '"share_ppm":260000'))
    assert home.run("agreement", "join", "--act", str(broken)).exit_code == 2
    assert "Member 4 joins agreement 1" in home.ok("agreement", "join", "--act", str(act))


def test_keys_are_rotated_and_bindings_end(home: CliHome) -> None:
    for alias in ("anna-2", "street-2"):
        home.ok("key", "new", alias, "--unattended")
    home.ok("member", "rotate", "anna", "--key", "anna-2")
    home.ok("reader", "rotate", "street", "--key", "street-2")
    listed = {k["alias"]: k["key"] for k in home.json("key", "list")["keys"]}
    assert home.json("member", "list")["members"][2]["account"] == listed["anna-2"]
    assert home.json("reader", "list")["readers"][0]["account"] == listed["street-2"]
    assert "DE-anna" in home.ok("meter", "list")
    assert "Binding 1 ends; last day 2026-06-30." in home.ok("meter", "unbind", "1", "--until", "2026-06-30")
    (anna, bert) = home.json("meter", "list")["meters"]
    assert anna["binding"]["end_day"] < bert["binding"]["end_day"]
    settle(home)
    assert home.run("verify", home.path(BUNDLE)).exit_code == 4


def test_refusals_say_what_to_do(home: CliHome) -> None:
    again = home.run("agreement", "join", "1", "--member", "anna")
    assert again.exit_code == 6
    assert "hint: leave the agreement first" in again.stderr
    assert home.run("contracts", "deploy").exit_code == 2
    assert home.run("agreement", "leave", "1", "--member", "nobody").exit_code == 2
    assert home.run("agreement", "leave", "2", "--member", "anna").exit_code == 2
    assert "leaves agreement 1" in home.ok("agreement", "leave", "1", "--member", "anna", "--until", "2026-06-30")


def test_the_clock_never_goes_back(home: CliHome) -> None:
    status = home.json("chain", "advance", "--to", "2026-10-25T04:00")
    assert status["day"] == "2026-10-25"
    assert home.run("chain", "advance", "--to", "2026-10-24").exit_code == 2
    assert home.run("chain", "advance").exit_code == 2
    assert home.run("chain", "advance", "--to", "2026-10-25T25:00").exit_code == 2
    assert home.json("chain", "status")["time"] == status["time"]


def test_a_total_names_its_block_and_lists_what_it_leaves_out(day: CliHome) -> None:
    period = ("statement", "total", DAY, "2026-06-04", "--member", "anna")
    waiting = day.json(*period, code=4)
    assert [(m["day"], m["why"]) for m in waiting["missing"]] == [(DAY, "not_final"), ("2026-06-04", "not_posted")]
    assert (waiting["net_peur"], waiting["days"]) == ("0", [])
    day.ok("chain", "advance", "--days", "15")
    day.ok("operator", "finalise")
    final = day.json("statement", "total", DAY, DAY, "--member", "anna")
    assert (final["net_peur"], final["missing"]) == ("-576000000000", [])
    assert [(a["label"], a["taken_mwh"]) for a in final["agreements"]] == [("Hofstrom", 4_800_000)]
    shown = day.ok("statement", "total", DAY, DAY, "--member", "anna")
    assert f"at block {final['block']}" in shown and "You owe      0.5760 EUR" in shown
    before = day.json(*period[:3], DAY, "--member", "anna", "--block", str(waiting["block"]), code=4)
    assert (before["block"], before["net_peur"]) == (waiting["block"], "0")
    bundle = Path(day.path(BUNDLE))
    content = json.loads(bundle.read_text())
    content["statement"]["net_peur"] = "-1"
    bundle.write_text(json.dumps(content))
    assert day.json("statement", "total", DAY, DAY, "--member", "2", code=5)["missing"][0]["why"] == "other_bundle"
    bundle.unlink()
    lost = day.run("statement", "total", DAY, DAY, "--member", "2")
    assert lost.exit_code == 5 and "because your file is not here: 2026-06-03" in lost.stdout
    assert day.run("statement", "total", "2026-06-04", DAY, "--member", "2").exit_code == 2

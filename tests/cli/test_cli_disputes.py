"""Withheld bundles, impossible levels, corrections and objections by commands alone, on the embedded chain."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli.cli_home import BUNDLE, DAY, MEMBERS, WINDOW, CliHome, found, settle
from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.chain.client import open_chain
from lindenstrom.chain.community import load_community
from lindenstrom.core.allocation import DayResult
from lindenstrom.core.clearing import ONE
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import decode_pack
from lindenstrom.mailbox import collect_pack_file, deliver_packs
from lindenstrom.operator import day as settlement
from lindenstrom.signing import address_of, sign_digest
from lindenstrom_cli import keyfile

pytestmark = pytest.mark.integration


def lying(monkeypatch: pytest.MonkeyPatch, change: Callable[[DayResult], DayResult]) -> None:
    """From now on the operator falsifies every day."""
    honest = settlement.settle_day

    def settle_falsely(office: object, window: int, **_: object) -> object:
        return honest(office, window, falsify=settlement.on_result(change))  # type: ignore[arg-type]

    monkeypatch.setattr(settlement, "settle_day", settle_falsely)


def both_held_back(result: DayResult) -> DayResult:
    """At noon neither side gets what the other offers."""
    triples = list(result.triples[1])
    triples[48] = replace(triples[48], taker_level=ONE // 4, giver_level=ONE // 4)
    return replace(result, triples={**result.triples, 1: tuple(triples)})


def newer_readings(home: CliHome) -> None:
    """The reader anchors and delivers a second revision: Anna drew 0.2 kWh not at noon but in the evening."""
    community = load_community(home.root / "community.toml")
    keys = home.root / "keys"
    password = (keys / "street.password").read_bytes().strip()
    key = keyfile.decrypt((keys / "street.json").read_text(), password)
    old = collect_pack_file(home.root / "mailbox", WINDOW, 0, 0)
    assert old is not None
    packs = {}
    for position, data in old.packs.items():
        pack = decode_pack(data)
        drew = list(pack.import_mwh)
        if any(drew):
            drew[48], drew[70] = drew[48] - 200_000, drew[70] + 200_000
        packs[position] = replace(pack, revision=1, import_mwh=tuple(drew))
    depth = community.constants.depth
    tree = PositionalTree(depth=depth, leaves={p: pack.leaf for p, pack in packs.items()})
    act = Anchor(reader=0, window=WINDOW, revision=1, root=tree.root)
    signature = sign_digest(key, act.digest(community.id))
    encoded = {p: pack.encode() for p, pack in packs.items()}
    deliver_packs(home.root / "mailbox", replace(old, revision=1, root=tree.root, signature=signature, packs=encoded))
    with open_chain(community.node) as chain:
        chain.ensure_funds(address_of(key))
        chain.send(community.contracts(chain).anchor(SignedAnchor(act=act, signature=signature)), key)


def test_a_demand_is_answered_in_public(day: CliHome) -> None:
    made = day.json("demand", "bundle", DAY, "--member", "anna", "--public-answer", "--yes")
    assert (made["sequence"], made["file"], made["public_answer"]) == (1, None, True)
    assert f"{DAY}  posting 1: member 2 demands the bundle" in day.ok("operator", "status")
    assert day.json("demand", "list")["demands"][0]["due_at"] == made["due_at"]
    assert day.json("statement", "list", "--member", "anna")["demands"][0]["sequence"] == 1
    assert "Your demand for this bundle is open" in day.run("verify", day.path(BUNDLE)).stdout
    again = day.run("demand", "bundle", DAY, "--member", "anna", "--yes")
    assert again.exit_code == 6 and "bundle is demanded once" in again.stderr
    assert day.run("operator", "answer", "1", "--member", "bert", "--yes").exit_code == 6
    assert "Nothing was sent" in day.ok("operator", "answer", "1", "--member", "anna", "--simulate")
    asked = day.run("operator", "answer", "1", "--member", "anna", "--no-input")
    assert asked.exit_code == 2 and "every quarter-hour of your 1 meter " in asked.stderr
    day.ok("chain", "advance", "--days", "15")
    waiting = day.json("operator", "finalise")
    assert (waiting["finalised"], waiting["waiting"][0]["open_demands"]) == ([], 1)
    assert day.json("audit", "run")["days"][0]["demands"][0]["member"] == 2
    assert "the demand is answered" in day.ok("operator", "answer", "1", "--member", "anna", "--yes")
    assert "No demand is open." in day.ok("demand", "list")
    assert day.json("operator", "finalise")["waiting"][0]["open_demands"] == 0  # 24 hours after the last answer
    day.ok("chain", "advance", "--days", "1")
    assert day.json("operator", "finalise")["finalised"][0]["sequence"] == 1


def test_a_demand_is_carried_and_the_auditor_confirms_the_delivery(day: CliHome) -> None:
    handed = day.json("demand", "bundle", DAY, "--member", "bert", "--hand-over", "--yes")
    file = Path(handed["file"])
    assert (file.parent.name, handed["tx"]) == ("demand", None)
    (file.parent / f"{'0' * 64}.json").write_text("{}")
    assert [a["outcome"] for a in day.json("carry")["acts"]] == ["unreadable", "carried"]
    assert [a["outcome"] for a in day.json("carry", "--key", "anna")["acts"]] == ["unreadable", "known"]
    refused = day.run("operator", "answer", "1", "--member", "bert", "--yes")
    assert refused.exit_code == 6 and "does not allow a public answer" in refused.stderr
    bundle = day.root / "mailbox" / "bundles" / "3" / f"{WINDOW}-s1.json"
    bundle.rename(bundle.with_suffix(".kept"))
    assert day.run("audit", "confirm", "1", "--member", "bert").exit_code == 5
    annas = ("--bundle", day.path(BUNDLE))
    assert day.run("audit", "confirm", "1", "--member", "bert", *annas).exit_code == 3
    bundle.with_suffix(".kept").rename(bundle)
    assert "confirmed" in day.ok("audit", "confirm", "1", "--member", "bert")
    assert day.run("audit", "confirm", "1", "--member", "bert").exit_code == 6
    day.ok("chain", "advance", "--days", "15")
    assert day.json("operator", "finalise")["finalised"][0]["sequence"] == 1
    assert [a["outcome"] for a in day.json("carry")["acts"]] == ["unreadable", "over"]


def test_an_overdue_demand_voids_and_the_day_is_posted_anew(day: CliHome) -> None:
    day.ok("demand", "bundle", DAY, "--member", "anna", "--yes")
    early = day.run("demand", "void", "1", "--member", "anna", "--key", "bert")
    assert early.exit_code == 6 and "wait until 2026-06-08 11:00 UTC" in early.stderr
    day.ok("chain", "advance", "--days", "4")
    assert "overdue" in day.ok("demand", "list")
    assert "posting 1 of 2026-06-03 is void" in day.ok("demand", "void", "1", "--member", "anna", "--key", "bert")
    day.ok("operator", "day", DAY)
    day.ok("chain", "advance", "--days", "15")
    assert day.json("operator", "finalise")["finalised"][0]["sequence"] == 2


def test_levels_that_cannot_be_right_are_refuted_without_anybodys_readings(
    home: CliHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying(monkeypatch, both_held_back)
    settle(home)
    bundle = home.path(BUNDLE)
    assert "takers and givers are both held back" in home.run("audit", "run").stdout
    assert home.run("refute", bundle, "--levels", "2", "--yes").exit_code == 2
    assert home.run("refute", bundle, "--hand-over", "--yes").exit_code == 2
    found_ = home.json("refute", bundle, "--levels", "1", "--simulate")
    assert (found_["slot"], found_["quarter_hour"], found_["reason"]) == (48, "12:00–12:15", "both_curtailed")
    asked = home.run("refute", bundle, "--levels", "1", "--no-input")
    assert asked.exit_code == 2
    assert "price and levels of Hofstrom in every quarter-hour" in asked.stderr
    assert "meters" not in asked.stderr
    handed = home.json("refute", bundle, "--levels", "1", "--hand-over", "--yes")
    assert Path(handed["file"]).parent.name == "refute-levels"
    assert "carried" in home.ok("carry", "--key", "bert")
    assert "is void and binds nobody" in home.run("verify", bundle).stdout


def test_right_levels_are_not_refuted_and_sending_works_directly(
    day: CliHome, home: CliHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = day.run("refute", day.path(BUNDLE), "--levels", "1", "--yes")
    assert right.exit_code == 6 and "show no fault by themselves" in right.stderr
    lying(monkeypatch, both_held_back)
    settle(home)
    assert "The contract voided posting 1" in home.ok("refute", home.path(BUNDLE), "--levels", "1", "--yes")


def test_a_final_day_is_corrected_and_the_difference_shown(day: CliHome) -> None:
    day.ok("chain", "advance", "--days", "15")
    day.ok("operator", "finalise")
    assert day.run("operator", "correct", DAY).exit_code == 6
    newer_readings(day)
    packs = day.root / "mailbox" / "packs" / str(WINDOW) / "0-r1.json"
    packs.rename(packs.with_suffix(".late"))
    late = day.json("operator", "correct", "--due", code=5)
    assert (late["days"], late["left_out"][0]["day"]) == ([], DAY)
    packs.with_suffix(".late").rename(packs)
    assert f"{DAY}  final posting 1: newer readings of reader 0" in day.ok("operator", "status", "--days", "1")
    assert f"{DAY}: newer readings of reader 0" in day.ok("audit", "run")
    assert "a correction, revision 1" in day.ok("operator", "correct", "--due")
    bundle = day.path(f"mailbox/bundles/2/{WINDOW}-s2.json")
    shown = day.ok("statement", "show", bundle)
    assert "What this correction changed, beside posting 1:" in shown
    assert "Hofstrom: received 4.80 kWh, now 4.70 kWh (-0.10)" in shown
    assert "total: -0.576 EUR, now -0.564 EUR (+0.012; positive: to receive)" in shown
    assert "Hofstrom: received 4.80 kWh, now 4.70 kWh (-0.10)" in day.run("verify", bundle).stdout
    open_ = day.json("statement", "total", DAY, DAY, "--member", "anna")
    assert (open_["net_peur"], open_["days"][0]["open_correction"]) == ("-576000000000", True)
    assert [s["counts"] for s in day.json("statement", "list", "--member", "anna")["statements"]] == [True, False]
    day.ok("audit", "attest", "2")
    day.ok("chain", "advance", "--days", "15")
    day.ok("operator", "finalise")
    verified = day.json("verify", bundle)
    assert (verified["verdict"], verified["revision"], verified["correction"]["sequence"]) == ("verified", 1, 1)
    listed = day.json("statement", "list", "--member", "anna")
    assert [(s["revision"], s["counts"]) for s in listed["statements"]] == [(0, False), (1, True)]
    total = day.json("statement", "total", DAY, DAY, "--member", "anna")
    assert total["net_peur"] == listed["total_peur"] == "-564000000000"
    assert "The day was corrected by posting 2" in day.run("verify", day.path(BUNDLE)).stdout
    assert day.ok("audit", "run").startswith("✓ PASSED   2 postings recomputed")


def test_a_final_is_contested(day: CliHome) -> None:
    assert day.run("audit", "contest", "1", "--yes").exit_code == 6
    assert "contested" in day.ok("audit", "contest", "1", "--although-right", "--yes")
    day.ok("chain", "advance", "--days", "15")
    day.ok("operator", "finalise")
    assert "Contested by an auditor" in day.ok("statement", "total", DAY, DAY, "--member", "anna")
    assert day.json("audit", "contest", "1", "--although-right", "--yes")["txs"] == []


def test_without_public_disputes_the_auditor_does_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = found(tmp_path / "home", public=False)
    lying(monkeypatch, both_held_back)
    settle(home)
    bundle = home.path(BUNDLE)
    for refused in (
        home.run("refute", bundle, "--yes"),
        home.run("refute", bundle, "--levels", "1", "--yes"),
        home.run("demand", "bundle", DAY, "--member", MEMBERS[0], "--public-answer", "--yes"),
    ):
        assert refused.exit_code == 6, refused.stderr
    assert "demands the bundle" not in home.ok("operator", "status")
    home.ok("demand", "bundle", DAY, "--member", MEMBERS[0], "--yes")
    wrong = home.run("audit", "confirm", "1", "--member", MEMBERS[0])
    assert wrong.exit_code == 3 and "void the posting instead" in wrong.stderr
    assert "Posting 1 is void" in home.ok("audit", "void", "1", "--yes")

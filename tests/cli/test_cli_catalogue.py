"""Every text that the code asks for is in the catalogue, and every one in it is asked for."""

import ast
import re
from pathlib import Path

from lindenstrom.core.refutation import Reason
from lindenstrom.core.verification import CheckStatus, Outcome
from lindenstrom.errors import ExitCode
from lindenstrom_cli.catalogue import CATALOGUE, text
from lindenstrom_cli.main import COMMANDS, SECTIONS
from lindenstrom_cli.verdict import CHECKS, NOT_PROVEN

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [p for p in (ROOT / "cli" / "lindenstrom_cli").rglob("*.py") if not p.name.startswith("english")]
TOPIC = re.compile(r"[a-z_]+(\.[a-z_]*)+")
TOPICS = {key.partition(".")[0] for key in CATALOGUE}


def is_topic(beginning: str) -> bool:
    return bool(TOPIC.fullmatch(beginning)) and beginning.partition(".")[0] in TOPICS


def asked() -> tuple[set[str], set[str]]:
    """Ids given literally to text(), and the literal beginnings of those put together."""
    whole, beginnings = set(), set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value=str(value)) if value in CATALOGUE:
                    whole.add(value)
                case ast.Call(func=ast.Name(id="text"), args=[ast.Constant(value=str(value)), *_]):
                    whole.add(value)
                case ast.JoinedStr(values=[ast.Constant(value=str(value)), *_]) if is_topic(value):
                    beginnings.add(value)
    return whole, beginnings


def test_every_text_is_there() -> None:
    whole, beginnings = asked()
    assert not whole - CATALOGUE.keys()
    assert not [b for b in beginnings if not any(key.startswith(b) for key in CATALOGUE)]


def test_no_text_is_left_over() -> None:
    whole, beginnings = asked()
    left_over = {key for key in CATALOGUE if key not in whole and not key.startswith(tuple(beginnings))}
    assert not {key for key in left_over if not key.startswith("demo.")}


def test_what_is_put_together_is_complete() -> None:
    wanted = {f"exit.{code.name}" for code in ExitCode}
    wanted |= {f"section.{name}" for name in SECTIONS} | {f"help.{name}" for name in COMMANDS}
    wanted |= {f"{kind}.{number}" for kind in ("check", "explain") for number in CHECKS}
    wanted |= {f"not_proven.{item}" for item in NOT_PROVEN}
    wanted |= {f"status.{status.name.lower()}" for status in CheckStatus}
    wanted |= {f"verify.is_{outcome}" for outcome in ("verified", "consistent", "incomplete")}
    wanted |= {f"finding.reason_{reason.name.lower()}" for reason in Reason}
    assert not wanted - CATALOGUE.keys()
    assert len(Outcome) == 5


def test_every_finding_of_the_checks_has_words() -> None:
    source = (ROOT / "ledger" / "lindenstrom" / "core" / "verification.py").read_text(encoding="utf-8")
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("fail", "skip"):
            finding = node.args[1]
            if isinstance(finding, ast.Constant):
                found.add(finding.value)
    assert {"other_community", "offline"} <= found
    assert not {f"finding.{name}" for name in found} - CATALOGUE.keys()


def test_values_are_put_in() -> None:
    assert text("key.made", alias="anna", address="0x1") == "Key anna: 0x1"


def test_a_count_of_one_takes_the_singular() -> None:
    shown = {"sequence": 1, "day": "2026-06-03"}
    assert text("operator.waits_for_answer", count=1, **shown).endswith("1 demand")
    assert text("operator.waits_for_answer", count=11, **shown).endswith("11 demands")
    shown = {"readers": 1, "agreements": 2, "now": "noon"}
    assert text("operator.overview", members=1, **shown).startswith("1 member, 1 reader, 2 agreements;")
    assert text("verify.demands_open", count=1) == "Not final before 1 open demand for bundles is answered."

"""docs/attacks.md is true: each row's tests exist and speak of the row's error; each attack test is in a row."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lindenstrom.core.refutation import Reason
from tests.tracing.table import names_in

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "attacks.md"
FORGE = ROOT / "contracts" / "test"
ENDINGS = ("void", "refused", "harmless", "accepted")
BY_AUDITOR = "0 Auditor"
# A reason in the words of Solidity, Python or the command line: LINES_DIFFER, lines_differ.
REASONS = {f"{reason.value} {reason.name.title().replace('_', '')}": reason.name for reason in Reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table: which attack, how it ends, by which errors or reasons, and `file::name` of its tests."""

    number: str
    attack: str
    ends: str
    errors: tuple[str, ...]
    tests: tuple[str, ...]


def rows(text: str) -> list[Row]:
    """The lines whose first cell is a letter and a number."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"[A-Z]\d+", cells[0]):
            number, attack, ends, errors, tests = cells
            named = tuple(error.strip() for error in errors.split(",")) if errors != "–" else ()
            found.append(
                Row(number=number, attack=attack, ends=ends, errors=named, tests=tuple(re.findall(r"`(.+?)`", tests)))
            )
    return found


def file_of(test: str) -> Path:
    """Forge's tests go by their file's name alone."""
    name = test.partition("::")[0]
    return FORGE / name if name.endswith(".t.sol") else ROOT / name


def source(file: Path) -> str:
    """A test's file, with what its file of helpers says for it."""
    shared = [FORGE / "Attacks.sol"] if file.name.startswith("Attacks") else []
    return "\n".join(path.read_text(encoding="utf-8") for path in (file, *shared))


def known_errors() -> set[str]:
    """Names of all errors of all contracts, and of what a member's program says of contracts that are not theirs."""
    interface = json.loads((ROOT / "tests/contracts/baseline/interface.json").read_text(encoding="utf-8"))
    named = {line.split(" ")[1].partition("(")[0] for contract in interface.values() for line in contract["errors"]}
    return named | {"ForeignContract"}


def faults(table: Sequence[Row]) -> Iterator[str]:
    """What is wrong in the rows themselves."""
    known = known_errors()
    for row in table:
        kind, _, why = row.ends.partition(": ")
        if kind not in ENDINGS or (kind == "accepted") != bool(why):
            yield f"{row.number}: ends {row.ends!r}"
        missing = [test for test in row.tests or [""] if not is_test(test)]
        yield from (f"{row.number}: no test {test}" for test in missing)
        if missing:
            continue
        text = "\n".join(source(file_of(test)) for test in row.tests)
        for error in row.errors:
            if error not in known and error not in REASONS and error != BY_AUDITOR:
                yield f"{row.number}: no error or reason {error}"
            elif error != BY_AUDITOR and not re.search(REASONS.get(error, error), text, re.IGNORECASE):
                yield f"{row.number}: its tests say nothing of {error}"


def is_test(test: str) -> bool:
    """Whether file and test function exist."""
    file, name = file_of(test), test.partition("::")[2]
    return file.is_file() and name.startswith("test") and name in names_in(file)


def attack_tests() -> set[str]:
    """Every test in a file of attacks, as the page names it."""
    forge = sorted(FORGE.glob("Attacks*.t.sol"))
    python = sorted((ROOT / "tests" / "attacks").rglob("test_*.py"))
    names = [(file, file.name) for file in forge] + [(file, str(file.relative_to(ROOT))) for file in python]
    return {f"{shown}::{name}" for file, shown in names for name in names_in(file) if name.startswith("test")}


def test_rows_name_what_there_is() -> None:
    assert list(faults(rows(PAGE.read_text(encoding="utf-8")))) == []


def test_numbers_count_up_in_each_section() -> None:
    table = rows(PAGE.read_text(encoding="utf-8"))
    letters = list(dict.fromkeys(row.number[0] for row in table))
    counted = {letter: [row.number for row in table if row.number[0] == letter] for letter in letters}
    assert [row.number for row in table] == [number for letter in letters for number in counted[letter]]
    assert counted == {letter: [f"{letter}{n + 1}" for n in range(len(counted[letter]))] for letter in letters}


def test_each_attack_is_in_a_row() -> None:
    attacks = attack_tests()
    assert len(attacks) > 80
    assert attacks - {test for row in rows(PAGE.read_text(encoding="utf-8")) for test in row.tests} == set()


@pytest.mark.parametrize(
    ("ends", "errors", "test", "fault"),
    [
        ("refused", "TooEarly", "Settlement.t.sol::test_nothing", "no test Settlement.t.sol::test_nothing"),
        ("refused", "TooEarly", "Nowhere.t.sol::test_post", "no test Nowhere.t.sol::test_post"),
        ("refused", "TooEarly", "", "no test "),
        ("refused", "TooSoon", "Settlement.t.sol::test_post", "no error or reason TooSoon"),
        ("void", "15 NetDiffers", "Refute.t.sol::test_results", "no error or reason 15 NetDiffers"),
        ("refused", "MeterTaken", "Settlement.t.sol::test_post", "its tests say nothing of MeterTaken"),
        ("accepted", "TooEarly", "Settlement.t.sol::test_post", "ends 'accepted'"),
        ("void: why", "–", "Settlement.t.sol::test_post", "ends 'void: why'"),
    ],
)
def test_a_false_row_is_found(ends: str, errors: str, test: str, fault: str) -> None:
    (row,) = rows(f"| O1 | posts | {ends} | {errors} | `{test}` |")
    assert list(faults([row])) == [f"O1: {fault}"]

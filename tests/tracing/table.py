"""From requirement to code, to test, to a mutant that the test kills. `python -m tests.tracing.table write|check`."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("trace.toml")
PAGE = ROOT / "docs" / "trace.md"
IDS = [*(f"R{n}" for n in range(1, 11)), *(f"I{n}" for n in range(1, 15))]
SOLIDITY_TEST = re.compile(r"function ((?:test|invariant|check)\w*)\s*\(")

INTRODUCTION = """\
From each rule and invariant of [protocol.md](protocol.md) to the code that holds it, to tests of it, and to a wrong
change of the code that one of these tests catches. Generated from `tests/tracing/trace.toml`; a test fails where an id
has no code, no test or no mutant, or names something that is not there. `python3 dev.py deep trace` makes every one of
the changes and sees its test fail.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A small wrong change, and the test that must fail under it."""

    file: str
    find: str
    put: str
    test: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A requirement with everything that stands for it."""

    id: str
    says: str
    code: tuple[str, ...]
    tests: tuple[str, ...]
    mutants: tuple[Mutant, ...]


def load(text: str | None = None) -> list[Entry]:
    """The entries of trace.toml, in the file's order."""
    data = tomllib.loads(SOURCE.read_text(encoding="utf-8") if text is None else text)
    return [
        Entry(
            id=name,
            says=row["says"],
            code=tuple(row["code"]),
            tests=tuple(row["tests"]),
            mutants=tuple(Mutant(**mutant) for mutant in row.get("mutants", [])),
        )
        for name, row in data.items()
    ]


def names_in(path: Path) -> set[str]:
    """What a file defines: functions, methods and classes; of Solidity functions, contracts and libraries."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sol":
        return set(re.findall(r"(?:function|contract|library|struct|modifier) (\w+)", text))
    nodes = ast.walk(ast.parse(text))
    return {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)}


def problems(entries: list[Entry], root: Path = ROOT) -> Iterator[str]:
    """What the trace lacks: an id, file, name, test or mutant; a mutant that changes nothing or several places."""
    known = [entry.id for entry in entries]
    yield from (f"{missing} is not traced" for missing in IDS if missing not in known)
    yield from (f"{extra} is no requirement" for extra in known if extra not in IDS)
    for entry in entries:
        for kind, places in (("code", entry.code), ("test", entry.tests)):
            if not places:
                yield f"{entry.id} has no {kind}"
            for place in places:
                yield from (f"{entry.id}: {fault}" for fault in _place(root, place, kind))
        if not entry.mutants:
            yield f"{entry.id} has no mutant"
        for mutant in entry.mutants:
            if mutant.test not in entry.tests:
                yield f"{entry.id}: {mutant.test} is not among its tests"
            path = root / mutant.file
            found = path.read_text(encoding="utf-8").count(mutant.find) if path.is_file() else 0
            if found != 1 or mutant.find == mutant.put:
                yield f"{entry.id}: {mutant.find!r} stands {found} times in {mutant.file}, or is not changed"


def _place(root: Path, place: str, kind: str) -> Iterator[str]:
    file, _, name = place.partition("::")
    if not (root / file).is_file():
        yield f"no file {file}"
    elif name and name not in names_in(root / file):
        yield f"{file} has no {name}"
    elif kind == "test" and not re.match(r"test|invariant|check", name):
        yield f"{place} names no test"


def page(entries: list[Entry]) -> str:
    """docs/trace.md."""
    lines = [
        "# Trace",
        "",
        *INTRODUCTION.splitlines(),
        "",
        "| id | says | code | tests | mutant → killed by |",
        "|---|---|---|---|---|",
    ]
    for e in entries:
        code = "<br>".join(f"`{place}`" for place in e.code)
        tests = "<br>".join(f"`{place}`" for place in e.tests)
        mutants = "<br>".join(
            f"`{_cell(m.find)}` → `{_cell(m.put)}` in {Path(m.file).name}: `{m.test.partition('::')[2]}`"
            for m in e.mutants
        )
        lines.append(f"| **{e.id}** | {e.says} | {code} | {tests} | {mutants} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or "(nothing)"


def main(task: str) -> int:
    """Write the page, or say whether it is up to date."""
    text = page(load())
    if task == "write":
        PAGE.write_text(text, encoding="utf-8")
        return 0
    return 0 if PAGE.read_text(encoding="utf-8") == text else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

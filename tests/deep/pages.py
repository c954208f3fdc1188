"""The parts of docs/ that come from the deep checks' files: `python -m tests.deep.pages write`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.deep.common import HERE, ROOT, reasons, same

ASSURANCE, MUTATION = ROOT / "docs" / "assurance.md", ROOT / "docs" / "mutation.md"
RELIABILITY = ROOT / "docs" / "reliability.md"
FIGURES = ROOT / "tests" / "metering" / "kills" / "figures.json"
KILLS = "<!-- from tests/metering/kills/figures.json: python -m tests.deep.pages write -->\n"
START, END = "<!-- from tests/deep/slither.json: python -m tests.deep.pages write -->\n", "<!-- end -->\n"
INPUTS_START = "<!-- from tests/deep/inputs.json: python -m tests.deep.pages write -->\n"
INTRODUCTION = """\
# Mutation

Written by `python -m tests.deep.pages write` from what the last runs found; [assurance.md](assurance.md) says how they
run. A mutant is the code with one small change; it is killed if a test then fails. A survivor is either explained, by a
reason why no test can or need tell it from the original, or open.

"""
NOT_RUN = "Not run yet.\n"


def assurance() -> str:
    """The page with the present answers to slither."""
    before, _, rest = ASSURANCE.read_text("utf-8").partition(START)
    _, _, after = rest.partition(END)
    rows = [
        f"| {entry['check']} | {', '.join(f'`{where}`' for where in entry['where'])} | {entry['answer']} |\n"
        for entry in load("slither.json") or ()
    ]
    return before + START + "| detector | places | answer |\n|---|---|---|\n" + "".join(rows) + END + after


def reliability() -> str:
    """The page with what the last runs of `tests.deep.inputs` found."""
    before, _, rest = with_kills(RELIABILITY.read_text("utf-8")).partition(INPUTS_START)
    _, _, after = rest.partition(END)
    rows = [
        f"| `{name}` | {r['claim']} | {r['files']} | {r['refused']} | {r['same']} | {r['changed']} | {r['failures']} | "
        f"{r['slowest_ms']} | {r['seed']} |\n"
        for name, r in (load("inputs.json") or {}).items()
    ]
    head = (
        "| reader | protected by | files | nothing accepted | values of a whole file only | read as changed | wrong | "
        "slowest, ms | seed |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return before + INPUTS_START + (head + "".join(rows) if rows else NOT_RUN) + END + after


def mutation() -> str:
    """Figures and survivors of both languages."""
    return INTRODUCTION + "## 1 Contracts\n\n" + contracts() + "\n## 2 Core\n\n" + core()


def with_kills(page: str) -> str:
    """The page with the figures of the last kill campaign."""
    before, _, rest = page.partition(KILLS)
    _, _, after = rest.partition(END)
    return before + KILLS + (kills() if FIGURES.is_file() else NOT_RUN) + END + after


def kills() -> str:
    """Figures of a kill campaign."""
    found = json.loads(FIGURES.read_text("utf-8"))
    by_point: dict[str, list[int]] = {}
    for name, count in found["kills_by_point"].items():
        when, _, what = name.partition(" ")
        place = by_point.setdefault(what if when in ("before", "after") else name, [0, 0, 0])
        place[{"before": 0, "after": 1}.get(when, 2)] += count
    text = (
        f"\n{found['kills']} kills in {found['trials']} trials and {found['lives']} lives (seed {found['seed']}), "
        f"with {found['source_outages']} outages of a source, {found['broker_outages']} of the broker, and "
        f"{sum(count for name, count in found['node_faults'].items() if name != 'none')} of the node:\n\n"
        "| readings accepted | settled | on the gap list | lost | doubled | roots anchored | days left open |\n"
        "|---:|---:|---:|---:|---:|---:|---:|\n"
        f"| {found['accepted']} | {found['settled']} | {found['in_gap_list']} | {found['lost']} | {found['doubled']} | "
        f"{found['anchored']} | {found['unbuilt']} |\n\n"
    )
    text += "| killed at | before | after | |\n|---|---:|---:|---:|\n"
    text += "".join(f"| {what} | {' | '.join(str(n or '') for n in row)} |\n" for what, row in sorted(by_point.items()))
    for title, key in (("source", "sources"), ("node", "node_faults"), ("seen by the adapter", "errors_seen")):
        text += f"\n| {title} | {'times' if key == 'errors_seen' else 'trials'} |\n|---|---:|\n"
        text += "".join(f"| {name} | {count} |\n" for name, count in found[key].items())
    return text + "\n"


def contracts() -> str:
    """What a run over the contracts found."""
    result = load("solidity_mutants.json")
    if result is None:
        return NOT_RUN
    counted = result["killed"] + result["alive"]
    low, high = interval(result["killed"], counted)
    text = (
        f"slither-mutate made {result['made']} mutants of {result['units']}. "
        f"Tried: {result['tried']}, picked at random (seed {result['seed']}); "
        f"{result['stillborn']} did not compile and {result['same']} compiled to the same bytes.\n"
        f"Of the other {counted}, {result['killed']} were killed: {percent(result['killed'], counted)} "
        f"(95 % interval {low} to {high} %).\n"
    )
    rows = [
        (f"{Path(s['unit']).name}:{s['line']}", f"{s['was']} ⟶ {s['is'] or '(nothing)'}") for s in result["survivors"]
    ]
    text += different(rows, result["killed"])
    note = result.get("note")
    return text + (f"{note}\n\n" if note else "") + survivors(rows)


def core() -> str:
    """What the runs over the core's modules found."""
    results = load("core_mutants.json")
    if not results:
        return NOT_RUN
    rows = [
        f"| {name} | {r['mutants']} | {r['mutants'] - r['unchecked']} | {r['killed']} | "
        f"{percent(r['killed'], r['mutants'] - r['unchecked'])} |\n"
        for name, r in results.items()
    ]
    killed, mutants, unchecked = (sum(r[part] for r in results.values()) for part in ("killed", "mutants", "unchecked"))
    left = sorted({p.stem for p in (ROOT / "ledger/lindenstrom/core").glob("*.py")} - {*results, "__init__"})
    alive = [
        (place(key), " ⟶ ".join(line[2:] for line in change) or key)
        for r in results.values()
        for key, change in r["alive"].items()
    ]
    head = (
        f"mutmut made {mutants} mutants of {len(results)} modules and tried {mutants - unchecked}; "
        f"{killed} were killed: {percent(killed, mutants - unchecked)}.\n"
    )
    head += different(alive, killed)
    head += f"Not run yet: {', '.join(left)}.\n" if left else ""
    return (
        head
        + "\n| module | mutants | tried | killed | share |\n|---|---:|---:|---:|---:|\n"
        + "".join(rows)
        + "\n"
        + survivors(alive)
    )


def place(mutant: str) -> str:
    """`module.function` or `module.Class.method` of mutmut's name for a mutant."""
    name = re.sub(r"__mutmut_\d+$", "", mutant).removeprefix("lindenstrom.core.")
    return re.sub(r"\.x_|ǁ", ".", name.replace(".xǁ", "."))


def different(rows: list[tuple[str, str]], killed: int) -> str:
    """The share of those killed that are not the same program."""
    others = sum(not same(change) for _, change in rows)
    return (
        f"{len(rows) - others} of the {len(rows)} survivors were looked at and are the same program in other words; "
        f"of the mutants without them, {percent(killed, killed + others)} were killed.\n\n"
    )


def survivors(rows: list[tuple[str, str]]) -> str:
    """A table of what survived, where, and why; reasons stand in survivors.json by the change."""
    why = reasons()
    text = [f"| `{where}` | {code(change)} | {why.get(change, 'open')} |\n" for where, change in sorted(set(rows))]
    return "| survivor | change | why |\n|---|---|---|\n" + "".join(text) if text else "No survivors.\n"


def code(text: str) -> str:
    """In a table's cell."""
    return "`` " + text.replace("|", "\\|") + " ``"


def percent(part: int, whole: int) -> str:
    """One decimal place, rounded down: a share is never shown better than it is."""
    tenths = 1000 * part // whole if whole else 0
    return f"{tenths // 10}.{tenths % 10} %"


def interval(part: int, whole: int) -> tuple[int, int]:
    """Wilson's 95 % interval of a share, in whole per cent outwards."""
    if not whole:
        return 0, 100
    z, p = 1.96, part / whole
    centre, spread = p + z * z / (2 * whole), z * (p * (1 - p) / whole + z * z / (4 * whole * whole)) ** 0.5
    scale = 1 + z * z / whole
    return int(100 * (centre - spread) / scale), min(100, int(100 * (centre + spread) / scale) + 1)


def load(name: str) -> Any:
    """A file of the deep checks, or nothing."""
    path = HERE / name
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


PAGES = {ASSURANCE: assurance, MUTATION: mutation, RELIABILITY: reliability}


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    for page, text in PAGES.items():
        page.write_text(text(), "utf-8")

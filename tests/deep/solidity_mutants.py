"""Mutants of the contracts, made by slither-mutate, against forge's tests.

slither-mutate only makes the mutants: its compiler is a stand-in, and its test command copies the file. A compiler that
stays loaded then compiles what a mutant touches, the result is put in the place of forge's own artifacts, and forge
runs until the first failure. Mutants that do not compile, or to the same bytes, do not count.

    python -m tests.deep.solidity_mutants [SIZE [SEED]]    a random sample; without SIZE, all (days)
"""

import json
import os
import posixpath
import random
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lindenstrom_contracts import CONTRACTS as DEPLOYED
from lindenstrom_contracts import compiler
from tests.deep.common import (
    CONTRACTS,
    FORGE,
    HERE,
    PACKAGE,
    DeepCheckFailed,
    copy_contracts,
    environment,
    run,
    same,
    say,
    scratch,
    tools,
)

RESULTS = HERE / "solidity_mutants.json"
SOLJSON = CONTRACTS / "node_modules" / "solc" / "soljson.js"
GOAL_PERCENT = 95
# Enough to tell 95 % from 98 %, in a night; all of them take days.
SAMPLE = 400
BANNER = "solc, the solidity compiler commandline interface\\n"
TARGETS = ("Registry", "Agreements", "ReadingLog", "Settlement")
LIBRARIES = ("Calendar", "Clearing", "Intervals", "Pack", "Refutation", "Signatures", "Tree")
# Tests of libraries by themselves are compiled anew with the mutant; all others reach it through what is deployed.
OWN_TESTS = "test/Vectors.t.sol"
FIRST, LAST = (
    ("--no-match-path", "test/{Invariants,NoStall}.t.sol"),
    ("--match-path", "test/{Invariants,NoStall}.t.sol"),
)
FORGE_ENV = {
    "FOUNDRY_DYNAMIC_TEST_LINKING": "true",
    "FOUNDRY_LINT_LINT_ON_BUILD": "false",
    "FOUNDRY_DENY": "never",
    "FOUNDRY_FUZZ_RUNS": "32",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed file: its unit, the operator's name, the first line that differs, that line before and after."""

    unit: str
    operator: str
    line: int
    before: str
    after: str
    text: str


def units() -> list[str]:
    """The source units that are mutated."""
    return [f"{PACKAGE}/{n}.sol" for n in TARGETS] + [f"{PACKAGE}/libraries/{n}.sol" for n in LIBRARIES]


def generate(folder: Path, unit: str) -> list[Mutant]:
    """All mutants that slither-mutate makes of a unit's contract or library."""
    programs, name = tools("contracts"), Path(unit).stem
    place = folder / name
    shutil.copytree(CONTRACTS / PACKAGE, place / PACKAGE)
    source, kept = place / unit, place / "kept"
    kept.mkdir()
    node, shim, cached = compiler.find_node(), HERE / "solc.js", place / "answer.json"
    version = (
        "solc, the solidity compiler commandline interface\\nVersion: " + compiler.VERSION + "+commit.0.Linux.g++\\n"
    )
    # the real compiler once; mutants are compiled later
    script(
        place / "bin" / "solc",
        f"""[ "$1" = --version ] && printf '{version}' && exit 0
[ -f {cached} ] || {node} {shim} {SOLJSON} "$@" > {cached}
cat {cached}""",
    )
    script(
        place / "keep",
        f"""[ -f {kept}/started ] || {{ touch {kept}/started; exit 0; }}
cp {source} {kept}/$(ls {kept} | wc -l).sol
exit 1""",
    )
    words = [
        programs / "slither-mutate",
        source,
        "--test-cmd",
        shlex.quote(str(place / "keep")),
        "--contract-names",
        name,
    ]
    env = {**os.environ, "PATH": f"{place / 'bin'}:{programs}:{os.environ['PATH']}"}
    done = run(
        ["nice", "-n", "15", *words, "--timeout", "600", "-v", "--output-dir", place / "out"], cwd=place, env=env
    )
    operators = [line.split("[")[1].split("]")[0] for line in done.stderr.splitlines() + done.stdout.splitlines()
                 if "INFO:Slither-Mutate:[" in line]  # fmt: skip
    texts = [path.read_text("utf-8") for path in sorted(kept.glob("*.sol"), key=lambda p: int(p.stem))]
    original = (CONTRACTS / unit).read_text("utf-8")
    return [mutant(unit, o, original, text) for o, text in zip(operators, texts, strict=False)]


def script(path: Path, text: str) -> None:
    """A small program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def mutant(unit: str, operator: str, original: str, text: str) -> Mutant:
    """A mutant with its first differing line."""
    old, new = original.splitlines(), text.splitlines()
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    before, after = (lines[at].strip() if at < len(lines) else "" for lines in (old, new))
    return Mutant(unit=unit, operator=operator, line=at + 1, before=before, after=after, text=text)


class Bench:
    """A compiled copy of the contracts, a compiler that stays loaded, and forge."""

    def __init__(self, folder: Path) -> None:
        self.contracts = copy_contracts(folder, "test")
        version = run([compiler.FRONT_END, "--version"], cwd=CONTRACTS).stdout.splitlines()[-1]
        stub = folder / "solc"
        script(
            stub,
            f"""[ "$1" = --version ] && printf '{BANNER}{version}\\n' && exit 0
exec {self.contracts / "solc-wasm.js"} "$@\"""",
        )
        self.plain = copy_contracts(folder / "plain", "test")
        self.env = environment(**FORGE_ENV, FOUNDRY_SOLC=str(stub))
        if (built := self.forge("build")).returncode:
            raise DeepCheckFailed(built.stdout[-2000:] + built.stderr[-2000:])
        if (sound := self.forge("test", *FIRST)).returncode:
            raise DeepCheckFailed("the tests fail without a mutant\n" + sound.stdout[-3000:])
        self.worker = subprocess.Popen(
            ["nice", "-n", "15", compiler.find_node(), HERE / "solc.js", SOLJSON, "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        shutil.copytree(self.contracts / "out", folder / "out")
        self.sound = folder / "out"
        self.closures = {u: self.closure(u) for u in (*(f"{PACKAGE}/{n}.sol" for n in DEPLOYED), OWN_TESTS)}

    def forge(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Forge in the copy."""
        return run(["nice", "-n", "15", FORGE, *words], cwd=self.contracts, env=self.env)

    def closure(self, unit: str) -> set[str]:
        """A unit and all that it imports."""
        found, waiting = set[str](), [unit]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            text = (self.contracts / name).read_text("utf-8")
            names = (path for path in compiler.IMPORT.findall(text) if path.endswith(".sol"))
            waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in names]
        return found

    def compiled(self, unit: str, text: str) -> dict[str, dict[str, Any]] | None:
        """By unit, the contracts of all that a changed unit reaches; None if it does not compile."""
        reached = [top for top, closure in self.closures.items() if unit in closure]
        names = sorted(set().union(*(self.closures[top] for top in reached)))
        contents = {n: (text if n == unit else (self.contracts / n).read_text("utf-8")) for n in names}
        source = {
            "language": "Solidity",
            "sources": {n: {"content": content} for n, content in contents.items()},
            "settings": {
                "evmVersion": "cancun",
                "optimizer": {"enabled": True, "runs": 200},
                "metadata": {"appendCBOR": False},
                "outputSelection": {top: {"*": ["evm.bytecode", "evm.deployedBytecode"]} for top in reached},
            },
        }
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        self.worker.stdin.write(json.dumps(source) + "\n")
        self.worker.stdin.flush()
        answer = json.loads(self.worker.stdout.readline())
        if any(e["severity"] == "error" for e in answer.get("errors", ())):
            return None
        return {top: answer["contracts"][top] for top in reached}

    def put(self, built: dict[str, dict[str, Any]]) -> None:
        """Put compiled contracts in the place of forge's own."""
        for top, contracts in built.items():
            for name, contract in contracts.items():
                path = self.contracts / "out" / Path(top).name / f"{name}.json"
                if not path.is_file():
                    continue
                artifact = json.loads(path.read_text())
                for kind in ("bytecode", "deployedBytecode"):
                    artifact[kind]["object"] = "0x" + contract["evm"][kind]["object"]
                references = contract["evm"]["deployedBytecode"].get("immutableReferences")
                artifact["deployedBytecode"]["immutableReferences"] = references
                path.write_text(json.dumps(artifact))

    def verdict(self, m: Mutant, sound: dict[str, Any]) -> str:
        """`stillborn`, `same` bytes, `killed` or `alive`."""
        built = self.compiled(m.unit, m.text)
        if built is None:
            return "stillborn"
        if objects(built) == sound[m.unit]:
            return "same"
        self.put(built)
        try:
            for part in (FIRST, LAST):
                done = self.forge("test", "--fail-fast", *part)
                if "Compiling" in done.stdout:
                    raise DeepCheckFailed("forge compiled anew, and so tested something else")
                if done.returncode:
                    return "killed"
        finally:
            shutil.copytree(self.sound, self.contracts / "out", dirs_exist_ok=True)
        return self.second_look(m)

    def second_look(self, m: Mutant) -> str:
        """Survivors once more, compiled as ever: where contracts are linked by name, a refused creation goes unseen."""
        unit = self.plain / m.unit
        original = unit.read_text("utf-8")
        unit.write_text(m.text, "utf-8")
        try:
            env = {**self.env, "FOUNDRY_DYNAMIC_TEST_LINKING": "false"}
            words = ["nice", "-n", "15", FORGE, "test", "--fail-fast", *FIRST]
            return "killed" if run(words, cwd=self.plain, env=env).returncode else "alive"
        finally:
            unit.write_text(original, "utf-8")


def objects(built: dict[str, dict[str, Any]]) -> list[str]:
    """The creation codes, in order."""
    return [
        c["evm"]["bytecode"]["object"] for _, contracts in sorted(built.items()) for _, c in sorted(contracts.items())
    ]


def campaign(size: int | None, seed: int, seconds: float | None = None) -> dict[str, Any]:
    """Runs a sample (or all) for at most so many seconds, and returns what came of it."""
    started = time.monotonic()
    with scratch() as folder:
        made = [m for unit in units() for m in generate(folder, unit)]
        order = random.Random(seed).sample(made, len(made))
        bench = Bench(folder / "bench")
        sound = {u: objects(bench.compiled(u, (CONTRACTS / u).read_text("utf-8")) or {}) for u in units()}
        say(f"{len(made)} mutants; the bench stands after {time.monotonic() - started:.0f} s")
        found: dict[str, int] = dict.fromkeys(("killed", "alive", "same", "stillborn"), 0)
        alive, tried = [], 0
        for m in order[:size]:
            if seconds is not None and time.monotonic() - started > seconds:
                break
            state = bench.verdict(m, sound)
            found[state] += 1
            tried += 1
            if state == "alive":
                alive.append({"unit": m.unit, "line": m.line, "operator": m.operator, "was": m.before, "is": m.after})
                say(f"alive: {m.unit}:{m.line} [{m.operator}] {m.before} ==> {m.after}")
            if tried % 20 == 0:
                say(f"{tried}: {found}")
        bench.worker.kill()
    names = ", ".join(dict.fromkeys(Path(m.unit).stem for m in made))
    return {"made": len(made), "units": names, "tried": tried, "seed": seed, **found, "survivors": alive}


def check() -> str:
    """A sample. Raises DeepCheckFailed if fewer than the goal are killed of those that are not the same program."""
    result = campaign(SAMPLE, 1)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    counted = result["killed"] + sum(not same(f"{s['was']} ⟶ {s['is'] or '(nothing)'}") for s in result["survivors"])
    if result["killed"] * 100 < counted * GOAL_PERCENT:
        raise DeepCheckFailed(
            f"{result['killed']} of {counted} mutants of the contracts killed, below {GOAL_PERCENT} %"
        )
    return f"{result['killed']} of {counted} mutants killed"


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    outcome = campaign(numbers[0] if numbers else None, numbers[1] if numbers[1:] else 1, *numbers[2:])
    RESULTS.write_text(json.dumps(outcome, indent=1, ensure_ascii=False) + "\n", "utf-8")
    say(json.dumps({k: v for k, v in outcome.items() if k != "survivors"}))

"""The house rules, kept by a machine; every rule is first tried on a snippet that breaks it."""

import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import tidy_rules as rules

ROOT = Path(__file__).resolve().parent.parent
ROOTS = ("contracts/lindenstrom_contracts", "ledger/lindenstrom", "cli/lindenstrom_cli")
RENDERER = "cli/lindenstrom_cli/render.py"
BUILT = {
    ".git",
    ".venv",
    "node_modules",
    "__pycache__",
    "dist",
    "out",
    "cache",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
}

Rule = Callable[[str, str], list[str]]


def tracked() -> list[Path]:
    """The project's files: what git knows, or outside a checkout everything that is not built."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    return [p for p in ROOT.rglob("*") if p.is_file() and not BUILT & set(p.relative_to(ROOT).parts)]


def modules() -> dict[str, str]:
    """The packages' Python modules: path from the top, text."""
    found = [path for root in ROOTS for path in sorted((ROOT / root).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


MODULES = modules()
CORE = {path: text for path, text in MODULES.items() if path.startswith("ledger/lindenstrom/core/")}
LEDGER = {path: text for path, text in MODULES.items() if path.startswith("ledger/")}
UNPRINTED = {path: text for path, text in MODULES.items() if path != RENDERER}


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        (rules.sizes, MODULES),
        (rules.import_direction, MODULES),
        (rules.pure_core, CORE),
        (rules.no_float, CORE),
        (rules.no_print, UNPRINTED),
        (rules.no_bare_raise, MODULES),
        (rules.frozen_data, LEDGER),
        (rules.no_test_switch, MODULES),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rule_holds(rule: Rule, where: dict[str, str]) -> None:
    assert where, "nothing to look at"
    assert not [finding for path, text in where.items() for finding in rule(path, text)]


CORE_PATH, CHAIN_PATH = "ledger/lindenstrom/core/x.py", "ledger/lindenstrom/chain/x.py"


@pytest.mark.parametrize(
    ("rule", "path", "bad"),
    [
        (rules.sizes, CORE_PATH, "x = 1\n" * 601),
        (rules.sizes, CORE_PATH, "def f():\n" + "    x = 1\n" * 70),
        (rules.import_direction, CORE_PATH, "from lindenstrom.chain import node"),
        (rules.import_direction, CORE_PATH, "from lindenstrom import store"),
        (rules.import_direction, CHAIN_PATH, "import lindenstrom.operator.day"),
        (rules.import_direction, "ledger/lindenstrom/audit/x.py", "def f():\n    from lindenstrom_cli import main"),
        (rules.import_direction, "contracts/lindenstrom_contracts/x.py", "from lindenstrom.chain import node"),
        (rules.import_direction, "contracts/lindenstrom_contracts/x.py", "import lindenstrom_contracts.testing.day"),
        (rules.import_direction, "contracts/lindenstrom_contracts/testing/x.py", "import lindenstrom.operator.day"),
        (rules.pure_core, CORE_PATH, "import os"),
        (rules.pure_core, CORE_PATH, "from web3 import Web3"),
        (rules.pure_core, CORE_PATH, "from lindenstrom.signing import sign"),
        (rules.pure_core, CORE_PATH, "open('x')"),
        (rules.pure_core, CORE_PATH, "x = datetime.now()"),
        (rules.no_float, CORE_PATH, "x = 0.5"),
        (rules.no_float, CORE_PATH, "x = float(y)"),
        (rules.no_float, CORE_PATH, "def f(x: float): ..."),
        (rules.no_float, CORE_PATH, "x = a / b"),
        (rules.no_float, CORE_PATH, "a /= b"),
        (rules.no_float, CORE_PATH, "x = round(a)"),
        (rules.no_float, CORE_PATH, "x = a.astype(np.float64)"),
        (rules.no_float, CORE_PATH, "x = math.sqrt(a)"),
        (rules.no_print, CHAIN_PATH, "def f():\n    print('x')"),
        (rules.no_print, CHAIN_PATH, "click.secho('x')"),
        (rules.no_bare_raise, CHAIN_PATH, "raise ValueError('x')"),
        (rules.no_bare_raise, CHAIN_PATH, "raise NotImplementedError"),
        (rules.frozen_data, CHAIN_PATH, "@dataclass\nclass A: ..."),
        (rules.frozen_data, CHAIN_PATH, "@dataclasses.dataclass(frozen=True, slots=True)\nclass A: ..."),
        (rules.frozen_data, CHAIN_PATH, "@dataclass(frozen=True, slots=True, kw_only=False)\nclass A: ..."),
        (rules.frozen_data, CHAIN_PATH, "@dataclass(frozen=True)\nclass _A: ..."),
        (rules.no_test_switch, CHAIN_PATH, "if 'PYTEST_CURRENT_TEST' in environ: ..."),
        (rules.no_foreign_place, "x.md", "see /" + "home/anna/notes"),
        (rules.no_foreign_place, "x.toml", "file: '/" + "tmp/chain'"),
        (rules.no_foreign_place, "x.txt", "--index-url https://" + "pypi" + ".org/simple"),
    ],
)
def test_rule_finds(rule: Rule, path: str, bad: str) -> None:
    assert rule(path, bad)


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (rules.import_direction, "from lindenstrom.core.units import Slot\nimport lindenstrom.errors"),
        (rules.pure_core, "import hashlib, numpy\nfrom lindenstrom.core import units\nfrom sha3 import keccak_256"),
        (rules.no_float, "x = a // b + (c >> 32) + math.isqrt(9)\n'''1.5 / 2'''"),
        (rules.no_bare_raise, "try: ...\nexcept ValueError as error:\n    raise NotASlot(3) from error"),
        (rules.frozen_data, "@dataclass(frozen=True, slots=True, kw_only=True)\nclass A: ..."),
        (rules.no_foreign_place, "https://example.org/work/tmp/x, ../work/x, <root>/work/x and 1/home"),
    ],
)
def test_rule_is_quiet(rule: Rule, good: str) -> None:
    assert rule(CORE_PATH, good) == []


def test_median_module(record_property: Callable[[str, object], None]) -> None:
    median = statistics.median(len(text.splitlines()) for text in MODULES.values())
    record_property("median module, lines", median)
    assert median <= rules.MEDIAN_MODULE


def test_no_foreign_place() -> None:
    findings, texts = [], 0
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        texts += 1
        findings += rules.no_foreign_place(path.relative_to(ROOT).as_posix(), text)
    assert texts > 10
    assert not findings


def test_the_door_is_small_and_needs_nothing() -> None:
    text = (ROOT / "dev.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert not rules.foreign_packages(text, own=frozenset(), stdlib=frozenset(sys.stdlib_module_names))


def test_no_large_file() -> None:
    assert not [str(path) for path in tracked() if path.stat().st_size > rules.LARGEST_FILE_BYTES]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def project() -> dict[str, object]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(table, dict)
    return table


def declared(*extras: str) -> list[Requirement]:
    """The project's own requirements for this platform, with those of the named extras."""
    table = project()
    lists = [table["dependencies"], *(table["optional-dependencies"][extra] for extra in extras)]  # type: ignore[index]
    found = [Requirement(line) for lines in lists for line in lines]  # type: ignore[attr-defined]
    return [r for r in found if r.marker is None or r.marker.evaluate()]


def closure(requirements: list[Requirement]) -> dict[str, metadata.Distribution]:
    """Every installed distribution that these requirements lead to, by normalised name."""
    found: dict[str, metadata.Distribution] = {}
    queue = [(normal(r.name), frozenset(r.extras)) for r in requirements]
    seen = set()
    while queue:
        name, extras = queue.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra's package in an environment without it; the locked environment has all
        for line in found[name].requires or []:
            r = Requirement(line)
            if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                queue.append((normal(r.name), frozenset(r.extras)))
    return found


def licences(distribution: metadata.Distribution) -> list[str]:
    """What a distribution says about its licence; of a pasted licence text the first line only."""
    fields = distribution.metadata
    text = (fields.get("License") or "").strip().partition("\n")[0]
    classifiers = [c for c in fields.get_all("Classifier") or [] if c.startswith("License ::")]
    return [statement for statement in (fields.get("License-Expression") or "", text, *classifiers) if statement]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("LGPL-3.0-only", False),
        ("License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", False),
        ("MIT OR Apache-2.0", False),
    ],
)
def test_copyleft_is_recognised(statement: str, found: bool) -> None:
    assert rules.copyleft([statement]) is found


def test_no_copyleft_dependency() -> None:
    packages = closure(declared("demo"))
    assert {"web3", "py-solc-x", "eth-tester", "py-evm", "click"} <= set(packages)
    assert not [name for name, package in packages.items() if not licences(package)], "without a licence statement"
    assert not [name for name, package in packages.items() if rules.copyleft(licences(package))]


def test_every_import_is_a_declared_dependency() -> None:
    own = frozenset({"lindenstrom", "lindenstrom_cli", "lindenstrom_contracts"})
    stdlib = frozenset(sys.stdlib_module_names)
    assert rules.foreign_packages("import os, left_pad.x", own=own, stdlib=stdlib) == {"left_pad"}
    names = {normal(r.name) for r in declared("demo", "metering", "research", "testing")}
    owners = metadata.packages_distributions()
    missing = [
        f"{path}: {package}"
        for path, text in MODULES.items()
        for package in rules.foreign_packages(text, own=own, stdlib=stdlib)
        if not names & {normal(owner) for owner in owners.get(package, [package])}
    ]
    assert not missing


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_lock_is_hashed_and_covers_the_project(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = {normal(pin): body for pin, body in re.findall(r"^([\w.-]+)==((?:.*\\\n)*.*)", text, re.MULTILINE)}
    assert not [pin for pin, body in pins.items() if "--hash=sha256:" not in body]
    assert not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE), "an index or option line"
    extras = ("demo", "metering", "research", *(("dev",) if "dev" in name else ()))
    assert {normal(r.name) for r in declared(*extras)} <= set(pins)
    for r in declared(*extras):
        version = pins[normal(r.name)].split()[0]
        assert r.specifier.contains(version, prereleases=True), f"{r} is locked at {version}; make the lock anew"


def test_both_locks_agree() -> None:
    locks = [
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / n).read_text(), re.MULTILINE))
        for n in ("requirements.txt", "requirements-dev.txt")
    ]
    assert locks[0] <= locks[1]

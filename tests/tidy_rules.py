"""The house rules as plain functions from source text to findings; `test_tidy.py` applies them to the project."""

import ast
import re
import sys
from collections.abc import Iterable

LONGEST_MODULE = 600
LONGEST_FUNCTION = 70
MEDIAN_MODULE = 150
LARGEST_FILE_BYTES = 1_500_000

# A part may import parts of its own rank or below. What is not listed takes the rank of its longest listed prefix.
RANKS = {
    "lindenstrom.errors": 0,
    "lindenstrom.core": 1,
    "lindenstrom_contracts": 1,
    # Plays days with the core on the embedded chain; the package's other modules may not import it.
    "lindenstrom_contracts.testing": 2,
    "lindenstrom.signing": 2,
    "lindenstrom.mailbox": 2,
    "lindenstrom.chain": 2,
    "lindenstrom.store": 2,
    "lindenstrom.metering": 3,
    "lindenstrom.simulation": 3,
    "lindenstrom.operator": 3,
    "lindenstrom.audit": 3,
    "lindenstrom.export": 3,
    "lindenstrom": 3,
    "lindenstrom_cli": 4,
}
# The core is pure: no I/O, no clock, no chance, no log.
IMPURE_LIST = """
    asyncio fcntl glob http io logging multiprocessing os pathlib random secrets shutil signal socket sqlite3 ssl
    subprocess sys tempfile threading time urllib uuid warnings zoneinfo
"""
IMPURE = frozenset(IMPURE_LIST.split())
CORE_MAY_IMPORT = frozenset({"lindenstrom", "numpy", "sha3", "Crypto"})
BARE_ERRORS = frozenset(
    {"ValueError", "RuntimeError", "Exception", "BaseException", "AssertionError", "NotImplementedError"}
)
EXACT_MATH = frozenset({"ceil", "comb", "floor", "gcd", "isqrt", "lcm", "prod"})
FROZEN = frozenset({"frozen", "slots", "kw_only"})

# Written so that this file does not name what it forbids.
MACHINE_PATH = re.compile(r"(?<![\w./~$}<>-])/(?:work|root|farm|tmp|home)/[a-z]")
REGISTRY_HOST = re.compile(
    r"(?:pypi|files)\.(?:org|pythonhosted)|registry\.(?:npmjs|yarnpkg)|proxy\.golang|(?:static|index)\.crates|deb\.debian",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"(?<![A-Za-z])A?GPL|Affero|GNU General Public", re.IGNORECASE)


def module_name(path: str) -> str:
    """`ledger/lindenstrom/core/units.py` is `lindenstrom.core.units`."""
    return ".".join(path.removesuffix(".py").removesuffix("/__init__").split("/")[1:])


def rank(module: str) -> int | None:
    """The layer of a module of the project; none for a foreign one."""
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((RANKS[prefix] for prefix in prefixes if prefix in RANKS), None)


def imports(tree: ast.AST) -> Iterable[tuple[int, str]]:
    """Line and module of every import; `from a import b` counts as `a.b` and as `a`'s rank where b is no module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def sizes(path: str, text: str) -> list[str]:
    """Modules of at most 600 lines, functions of at most 70."""
    lines = len(text.splitlines())
    found = [f"{path}: {lines} lines, at most {LONGEST_MODULE}"] if lines > LONGEST_MODULE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                found.append(f"{path}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}")
    return found


def import_direction(path: str, text: str) -> list[str]:
    """cli → operator, audit, metering → chain, store → core; never back."""
    own = rank(module_name(path))
    assert own is not None, path
    return [
        f"{path}:{line}: imports {module}, which is a layer above"
        for line, module in imports(ast.parse(text))
        if (other := rank(module)) is not None and other > own
    ]


def pure_core(path: str, text: str) -> list[str]:
    """The core imports the pure standard library, numpy, hashing, itself and the errors; it opens nothing."""
    found = []
    tree = ast.parse(text)
    for line, module in imports(tree):
        top = module.partition(".")[0]
        if top in IMPURE or not (top in sys.stdlib_module_names or top in CORE_MAY_IMPORT):
            found.append(f"{path}:{line}: the core may not import {top}")
        if top == "lindenstrom" and not module.startswith(("lindenstrom.core", "lindenstrom.errors")):
            found.append(f"{path}:{line}: the core may not import {module}")
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="open" | "input" | "print" as name)):
                found.append(f"{path}:{node.lineno}: the core may not call {name}")
            case ast.Attribute(attr="now" | "today" | "utcnow" | "fromtimestamp" as name):
                found.append(f"{path}:{node.lineno}: the core may not read a clock or a zone: {name}")
            case _:
                pass
    return found


def no_float(path: str, text: str) -> list[str]:
    """Energy and money are integers: no float, no true division, no rounding by the language."""
    found = []
    for node in ast.walk(ast.parse(text)):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Constant(value=float() | complex()):
                found.append(f"{path}:{line}: float literal")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                found.append(f"{path}:{line}: true division")
            case ast.Name(id="float" | "complex" | "round" as name):
                found.append(f"{path}:{line}: {name}")
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in EXACT_MATH:
                found.append(f"{path}:{line}: math.{name}")
            case ast.Attribute(attr=name) if re.fullmatch(
                r"float\w*|double|true_divide|divide|mean|average|linspace", name
            ):
                found.append(f"{path}:{line}: .{name}")
            case _:
                pass
    return found


def no_print(path: str, text: str) -> list[str]:
    """Only the renderer prints."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="print" | "echo" | "secho" as name)):
                found.append(f"{path}:{node.lineno}: {name} outside the renderer")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="click"), attr="echo" | "secho" as name)):
                found.append(f"{path}:{node.lineno}: click.{name} outside the renderer")
            case _:
                pass
    return found


def no_bare_raise(path: str, text: str) -> list[str]:
    """Every failure has a class of its own below `LindenstromError`."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            target = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(target, ast.Name) and target.id in BARE_ERRORS:
                found.append(f"{path}:{node.lineno}: raise {target.id}; give the failure a class of its own")
    return found


def frozen_data(path: str, text: str) -> list[str]:
    """Dataclasses are frozen and slotted; those that leave their module are keyword-only too."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            if name != "dataclass":
                continue
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            given = {k.arg for k in keywords if isinstance(k.value, ast.Constant) and k.value.value is True}
            needed = FROZEN - {"kw_only"} if node.name.startswith("_") else FROZEN
            if missing := sorted(needed - given):
                found.append(f"{path}:{node.lineno}: dataclass {node.name} without {', '.join(missing)}")
    return found


def no_test_switch(path: str, text: str) -> list[str]:
    """No code behaves differently because a test watches."""
    return [
        f"{path}:{n}: looks for the test runner" for n, line in enumerate(text.splitlines(), 1) if "PYTEST_" in line
    ]


def no_foreign_place(path: str, text: str) -> list[str]:
    """No path of one machine, no package registry's host."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            found.append(f"{path}:{number}: path of one machine")
        if REGISTRY_HOST.search(line):
            found.append(f"{path}:{number}: host of a package registry")
    return found


def foreign_packages(text: str, *, own: frozenset[str], stdlib: frozenset[str]) -> set[str]:
    """Top-level names of the third-party packages that a module imports."""
    return {module.partition(".")[0] for _, module in imports(ast.parse(text))} - own - stdlib


def copyleft(licences: Iterable[str]) -> bool:
    """Whether any of a package's licence statements names GPL or AGPL (LGPL and MPL are fine)."""
    return any(COPYLEFT.search(licence) for licence in licences)

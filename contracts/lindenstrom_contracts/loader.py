"""Committed artifacts, read without a compiler."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from lindenstrom_contracts.errors import ArtifactUnreadable, UnknownContract

CONTRACTS: Final = ("Registry", "Agreements", "ReadingLog", "Settlement")
"""The deployed contracts in the order of deployment: each constructor takes contracts before it."""

ARTIFACTS: Final = Path(__file__).parent / "artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Immutable:
    """One place of an immutable in the code on chain: its name in the source, and where it stands, in bytes."""

    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractArtifact:
    """One compiled contract.

    `bytecode` is the creation code without constructor arguments, `deployed_bytecode` the code on chain with zeros in
    the place of immutables; `immutables` lists those places in order. `input_sha256` is the hash of the standard-JSON
    input that compiles to this artifact.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes
    immutables: tuple[Immutable, ...]
    compiler: str
    settings: Mapping[str, Any]
    input_sha256: str


@cache
def load(name: str) -> ContractArtifact:
    """The committed artifact of the contract `name`.

    Raises UnknownContract for another name, ArtifactUnreadable if the file is missing or damaged.
    """
    if name not in CONTRACTS:
        raise UnknownContract(name, CONTRACTS)
    path = ARTIFACTS / f"{name}.json"
    try:
        document = json.loads(path.read_text("utf-8"))
        return ContractArtifact(
            name=document["name"],
            abi=document["abi"],
            bytecode=bytes.fromhex(document["bytecode"]),
            deployed_bytecode=bytes.fromhex(document["deployedBytecode"]),
            immutables=tuple(Immutable(**place) for place in document["immutables"]),
            compiler=document["compiler"],
            settings=document["settings"],
            input_sha256=document["inputSha256"],
        )
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise ArtifactUnreadable(path) from failure

"""What the contracts promise to everybody who holds an address, a signature or a stored word, written down.

    python -m tests.contracts.baseline write    rewrite tests/contracts/baseline/*.json, after a change that is meant

`test_baseline.py` compares. Interface and code size come from the committed artifacts, EIP-712 types from the sources,
the storage layout from the compiler.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import solcx
from eth_account.messages import encode_typed_data

from lindenstrom.core.eip712 import DOMAIN_NAME, DOMAIN_VERSION
from lindenstrom.core.hashing import keccak
from lindenstrom_contracts import CONTRACTS, compiler, load

HERE = Path(__file__).parent / "baseline"
TYPE = re.compile(r'keccak256\(\s*"(\w+\([^"]*\))"\s*\)')
CHAIN_ID = 31_337
VERIFYING_CONTRACT = "0x00000000000000000000000000000000000000a1"
DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


def interface() -> dict[str, Any]:
    """Per contract: functions and errors with their selectors, events with their topics, in canonical types."""
    return {name: _signatures(load(name).abi) for name in CONTRACTS}


def code_size() -> dict[str, Any]:
    """Per contract: bytes on chain (at most 24 576), and of the creation code."""
    return {n: {"deployed": len(load(n).deployed_bytecode), "creation": len(load(n).bytecode)} for n in CONTRACTS}


def storage() -> dict[str, Any]:
    """Per contract: its state variables with slot, offset and type, and the structs' members. Needs the compiler."""
    found = {}
    with compiler.pinned_solc() as solc:
        for name in CONTRACTS:
            source, unit = compiler.standard_input(name), f"{compiler.PACKAGE.name}/{name}.sol"
            source["settings"]["outputSelection"] = {unit: {name: ["storageLayout"]}}
            layout = solcx.compile_standard(source, solc_binary=solc)["contracts"][unit][name]["storageLayout"]
            types = layout["types"] or {}
            found[name] = {
                "variables": [_variable(entry, types) for entry in layout["storage"]],
                "structs": {
                    t["label"]: [_variable(m, types) for m in t["members"]] for t in types.values() if "members" in t
                },
            }
    return found


def eip712() -> dict[str, Any]:
    """Per type in the Solidity sources: its hash, and the digest of a sample message as eth-account computes it."""
    found = {}
    for text in sorted(types()):
        name = text.partition("(")[0]
        message = sample(text)
        signable = encode_typed_data(
            full_message={
                "types": {"EIP712Domain": DOMAIN, name: [{"name": n, "type": kind} for kind, n in members(text)]},
                "primaryType": name,
                "domain": {
                    "name": DOMAIN_NAME,
                    "version": DOMAIN_VERSION,
                    "chainId": CHAIN_ID,
                    "verifyingContract": VERIFYING_CONTRACT,
                },
                "message": message,
            }
        )
        digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
        found[text] = {"typeHash": "0x" + keccak(text.encode()).hex(), "sampleDigest": "0x" + digest.hex()}
    return found


def types() -> set[str]:
    """The EIP-712 types of messages that the Solidity sources name."""
    sources = "".join(path.read_text("utf-8") for path in sorted(compiler.PACKAGE.rglob("*.sol")))
    return {text for text in TYPE.findall(sources) if not text.startswith("EIP712Domain(")}


def members(text: str) -> list[tuple[str, str]]:
    """Type and name of each member of an EIP-712 type."""
    pairs = (member.split(" ") for member in text.rstrip(")").partition("(")[2].split(","))
    return [(kind, name) for kind, name in pairs]


def sample(text: str) -> dict[str, Any]:
    """A message with a different value in every member, from the member's name alone."""
    message: dict[str, Any] = {}
    for kind, name in members(text):
        word = keccak(name.encode())
        if kind == "bytes32":
            message[name] = word
        elif kind == "address":
            message[name] = "0x" + word[12:].hex()
        elif kind == "bool":
            message[name] = True
        else:
            message[name] = int.from_bytes(word, "big") % 2 ** int(kind.removeprefix("uint"))
    return message


BASELINES = {"interface": interface, "code_size": code_size, "storage": storage, "eip712": eip712}


def text_of(name: str) -> str:
    """A baseline as its file holds it."""
    return json.dumps(BASELINES[name](), indent=1, sort_keys=True) + "\n"


def _variable(entry: dict[str, Any], kinds: dict[str, Any]) -> str:
    return f"slot {entry['slot']} byte {entry['offset']}: {kinds[entry['type']]['label']} {entry['label']}"


def _signatures(abi: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"functions": [], "events": [], "errors": []}
    for entry in abi:
        match entry["type"]:
            case "function":
                text = _signature(entry)
                results = ",".join(_kind(o) for o in entry["outputs"])
                row = f"{keccak(text.encode())[:4].hex()} {text} {entry['stateMutability']}"
                found["functions"].append(row + (f" returns ({results})" if results else ""))
            case "event":
                text = _signature(entry)
                indexed = ",".join(i["name"] for i in entry["inputs"] if i["indexed"])
                found["events"].append(f"{keccak(text.encode()).hex()} {text} indexed ({indexed})")
            case "error":
                text = _signature(entry)
                found["errors"].append(f"{keccak(text.encode())[:4].hex()} {text}")
            case _:
                found["constructor"] = [_signature({"name": "constructor", **entry})]
    return {
        kind: sorted(rows, key=lambda row: row.split(" ")[-1 if kind == "constructor" else 1])
        for kind, rows in found.items()
    }


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_kind(i) for i in entry['inputs'])})"


def _kind(entry: dict[str, Any]) -> str:
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    return f"({','.join(_kind(c) for c in entry['components'])}){entry['type'].removeprefix('tuple')}"


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    for key in BASELINES:
        (HERE / f"{key}.json").write_text(text_of(key), "utf-8")

"""commitments.json and eip712.json follow from the inputs that stand in them, by the bytes of docs/formats.md alone."""

import json
from typing import Any

from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from tests.vectors import generate


def load(name: str) -> Any:
    return json.loads((generate.HERE / f"{name}.json").read_text())


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def row(values: dict[str, Any], sizes: dict[str, int]) -> bytes:
    """Fields in the order of `sizes` (bytes); texts are decimal, hex is taken as it is."""
    return b"".join(
        raw(values[name])
        if str(values[name]).startswith("0x")
        else int(values[name]).to_bytes(size, "big", signed=int(values[name]) < 0)
        for name, size in sizes.items()
    )


def test_commitments() -> None:
    v = load("commitments")
    community, salt, given = raw(v["community"]), raw(v["salt"]), v["inputs"]
    lines = b"".join(row(x, {"agreement": 4, "taken": 8, "given": 8, "amount": 16}) for x in given["lines"])
    commitment = keccak(b"\x15" + salt + lines)
    net = sum(int(x["amount"]) for x in given["lines"])
    named = row(given["statementLeaf"], {"window": 4, "revision": 2, "index": 4})
    roots = {"statementsRoot": 32, "resultsRoot": 32, "sourcesRoot": 32}
    source = {"kind": 1, "revision": 2, "hash": 32}
    found = {
        "lines": lines,
        "linesCommitment": commitment,
        "statementLeaf": keccak(
            b"\x11" + community + named + commitment + net.to_bytes(16, "big", signed=True) + raw(v["statementSalt"])
        ),
        "anchoredSource": keccak(b"\x13" + row(given["anchoredSource"], source)),
        "replacedSource": keccak(b"\x13" + row(given["replacedSource"], source)),
        "postingDigest": keccak(
            b"\x17"
            + community
            + row(given["postingDigest"], {"sequence": 8, "window": 4, "revision": 2, "asOf": 8, **roots})
        ),
        "recordLeaf": keccak(
            b"\x14" + community + row(given["recordLeaf"], {"reader": 4, "window": 4, "revision": 2, "root": 32})
        ),
        "batchDigest": keccak(b"\x18" + row(given["batchDigest"], {"root": 32, "time": 8})),
        "parameters": keccak(b"\x16" + salt + row(given["parameters"], {"weight": 4, "share": 4, "limit": 4})),
    }
    assert {name: raw(v[name]) for name in found} == found
    assert int(v["net"]) == net
    assert set(v) == {*found, "community", "salt", "statementSalt", "net", "inputs"}


def test_signed_acts() -> None:
    v = load("eip712")
    domain = {"name": "Lindenstrom", "version": "1", "chainId": v["chainId"], "verifyingContract": v["registry"]}
    for kind, fields, expected in zip(v["type"], v["fields"], v["digest"], strict=True):
        name, _, rest = kind.rstrip(")").partition("(")
        members = [dict(zip(("type", "name"), field.split(), strict=True)) for field in rest.split(",")]
        signable = encode_typed_data(domain, {name: members}, fields)
        assert "0x" + keccak(b"\x19" + signable.version + signable.header + signable.body).hex() == expected, name

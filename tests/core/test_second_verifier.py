"""Whoever verifies from the pages alone comes to the same: tests/reference/verify.py against the labelled bundles."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lindenstrom.core.bundles import UnreadableBundle, read_bundle
from lindenstrom.core.verification import CheckStatus, Expectation, Report, verify_bundle
from lindenstrom.signing import is_signed_by
from tests.reference.verify import Verifier
from tests.support.chain_file import FileChain, read_community
from tests.vectors import generate

FOLDER = Path(generate.__file__).parent / "bundles"
INDEX = json.loads((FOLDER / "index.json").read_text())["vectors"]


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


@pytest.mark.parametrize("entry", INDEX, ids=[v["name"] for v in INDEX])
def test_the_second_verifier_says_the_same(entry: dict[str, Any]) -> None:
    verdict = Verifier(read(entry["bundle"]), read("community.json"), read(entry["chain"]), entry).verdict()
    assert verdict.failed == (set() if entry["fails"] is None else {entry["fails"]})
    assert verdict.outcome == entry["outcome"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all texts, numbers and flags."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def changed(value: Any, rng: Random) -> Any:
    """Another value of the same kind; None where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if not isinstance(value, str) or not value.removeprefix("-").removeprefix("0x"):
        return None
    if value.startswith("0x"):
        data = bytearray.fromhex(value[2:])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return "0x" + data.hex()
    return str(int(value) + 1) if value.removeprefix("-").isdigit() else None


@pytest.mark.parametrize("seed", range(300))
def test_both_find_the_same_in_a_damaged_file(seed: int) -> None:
    rng = Random(seed)
    entry = rng.choice([v for v in INDEX if v["fails"] is None])
    bundle, chain = read(entry["bundle"]), read(entry["chain"])
    path = rng.choice(list(leaves(bundle)))
    place: Any = bundle
    for step in path[:-1]:
        place = place[step]
    new = changed(place[path[-1]], rng)
    if new is None:
        return
    place[path[-1]] = new
    try:
        read_bundle(json.dumps(bundle))
    except UnreadableBundle:
        return
    report = first_verifier(bundle, entry)
    failed = {c.id for c in report.checks if c.status is CheckStatus.FAILED}
    second = Verifier(bundle, read("community.json"), chain, entry).verdict()
    assert (failed, report.outcome.value) == (second.failed, second.outcome), path


def first_verifier(bundle: dict[str, Any], entry: dict[str, Any]) -> Report:
    expected = Expectation(
        community=read_community(read("community.json")),
        member=entry["member"],
        pinned_auditors=tuple(bytes.fromhex(a[2:]) for a in entry["pinned_auditors"]),
    )
    chain = FileChain((FOLDER / entry["chain"]).read_text())
    return verify_bundle(read_bundle(json.dumps(bundle)), expected, signed_by=is_signed_by, chain=chain)

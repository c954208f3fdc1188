"""The bundles in tests/vectors/bundles/: our verification gives exactly the labelled check, from the files alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.core.bundles import bundle_json, read_bundle
from lindenstrom.core.verification import CheckStatus, Expectation, Report, verify_bundle
from lindenstrom.signing import is_signed_by
from tests.support.chain_file import FileChain, read_community
from tests.vectors import bundle_files, generate

FOLDER = Path(generate.__file__).parent / "bundles"
INDEX = json.loads((FOLDER / "index.json").read_text())["vectors"]
COMMUNITY = read_community(json.loads((FOLDER / "community.json").read_text()))
NAMED = pytest.mark.parametrize("vector", INDEX, ids=[v["name"] for v in INDEX])


def data(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def verified(vector: dict[str, Any], *, offline: bool = False) -> Report:
    own = {data(k): data(v) for k, v in vector.get("own_packs", {}).items()}
    expected = Expectation(
        community=COMMUNITY,
        member=vector["member"],
        pinned_auditors=tuple(data(a) for a in vector["pinned_auditors"]),
        own_packs=own or None,
    )
    bundle = read_bundle((FOLDER / vector["bundle"]).read_bytes())
    chain = None if offline else FileChain((FOLDER / vector["chain"]).read_text())
    return verify_bundle(bundle, expected, signed_by=is_signed_by, chain=chain)


@NAMED
def test_verify_gives_the_labelled_check_and_no_other(vector: dict[str, Any]) -> None:
    report = verified(vector)
    failed = [c.id for c in report.checks if c.status is CheckStatus.FAILED]
    assert failed == ([] if vector["fails"] is None else [vector["fails"]]), [c for c in report.checks if c.finding]
    assert report.outcome.value == vector["outcome"]


@NAMED
def test_files_are_canonical(vector: dict[str, Any]) -> None:
    text = (FOLDER / vector["bundle"]).read_text()
    assert bundle_json(read_bundle(text)) == text


def test_every_check_fails_somewhere_twice_and_every_key_and_rule_holds_somewhere() -> None:
    fails = [v["fails"] for v in INDEX]
    assert all(fails.count(check) >= 2 for check in range(1, 8))
    terms = [
        a.terms
        for v in INDEX
        if v["fails"] is None
        for a in read_bundle((FOLDER / v["bundle"]).read_bytes()).agreements
    ]
    assert {int(t.key) for t in terms} == set(range(5)) and {int(t.rule) for t in terms} == set(range(3))


def test_committed_files_are_what_the_generator_gives() -> None:
    made = bundle_files.files()
    assert {p.name for p in FOLDER.iterdir()} == set(made)
    assert [name for name, text in made.items() if (FOLDER / name).read_text() != text] == []
    assert sum(len(text) for text in made.values()) < 1_500_000

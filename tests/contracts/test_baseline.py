"""The contracts' outside against the committed baselines; see baseline.py."""

import shutil
from dataclasses import fields

import pytest

from lindenstrom.core import eip712
from lindenstrom.core.terms import Terms
from lindenstrom_contracts import CONTRACTS, compiler, load
from tests.contracts import baseline

HINT = "if this change is meant: python -m tests.contracts.baseline write"
ACTS = {act.TYPE: act for act in eip712.Act.__subclasses__()}

needs_compiler = pytest.mark.skipif(
    shutil.which("node") is None or not (compiler.FRONT_END.parent / "node_modules" / "solc").is_dir(),
    reason="needs node and the npm compiler: run `npm ci` in the folder contracts",
)


@pytest.mark.parametrize("name", ["interface", "code_size", "eip712", pytest.param("storage", marks=needs_compiler)])
def test_as_written_down(name: str) -> None:
    assert baseline.text_of(name) == (baseline.HERE / f"{name}.json").read_text("utf-8"), HINT


def test_code_fits_with_the_limit_of_eip_170() -> None:
    assert all(len(load(name).deployed_bytecode) <= 24_576 for name in CONTRACTS)


def test_both_languages_know_the_same_types() -> None:
    assert set(ACTS) == baseline.types()


def bytes_of(value: object) -> object:
    return bytes.fromhex(value[2:]) if isinstance(value, str) else value


@pytest.mark.parametrize("text", sorted(ACTS), ids=lambda text: text.partition("(")[0])
def test_core_digests_are_those_of_eth_account(text: str) -> None:
    values = [bytes_of(value) for value in baseline.sample(text).values()]
    separator = eip712.domain_separator(baseline.CHAIN_ID, bytes.fromhex(baseline.VERIFYING_CONTRACT[2:]))
    if ACTS[text] is eip712.Offer:
        steward, number, key, rule, *rest = values
        names = [f.name for f in fields(Terms) if f.name not in {"steward", "key", "rule"}]
        terms = Terms.__new__(Terms)  # sample words are outside of what terms may be
        for name, value in {
            "steward": steward,
            "key": key,
            "rule": rule,
            **dict(zip(names, rest, strict=True)),
        }.items():
            object.__setattr__(terms, name, value)
        act: eip712.Act = eip712.Offer(terms=terms, number=number)  # type: ignore[arg-type]
    else:
        act = ACTS[text](**dict(zip((f.name for f in fields(ACTS[text])), values, strict=True)))
    assert "0x" + act.digest(separator).hex() == baseline.eip712()[text]["sampleDigest"]

"""Deep JSON is refused before the parser can overflow the stack."""

import json
import sys
import time

import pytest

from lindenstrom.core.bundles import UnreadableBundle, read_bundle
from lindenstrom.core.nesting import MAX_NESTING, foreign_json, nests_too_deep


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"a":[', '["]]]",['])
def test_deep_is_found(opening: str) -> None:
    assert nests_too_deep(opening * 100_000)


def test_the_bound_is_exact() -> None:
    assert not nests_too_deep("[" * MAX_NESTING + "]" * MAX_NESTING)
    assert nests_too_deep("[" * (MAX_NESTING + 1))


def test_brackets_in_strings_and_side_by_side_do_not_count() -> None:
    assert not nests_too_deep(json.dumps(["[" * 1000, '"[{' * 1000, "\\[" * 1000, [[]] * 1000]))


@pytest.mark.parametrize("text", ['"\\"' * 300_000, '"' + "\\" * 300_001, '"' + "a" * 1_000_000])
def test_a_string_without_an_end_takes_one_pass(text: str) -> None:
    began = time.perf_counter()
    assert not nests_too_deep(text)
    assert time.perf_counter() - began < 2


def test_a_deep_bundle_is_refused_whatever_the_recursion_limit() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # as libraries of the EVM do
    try:
        with pytest.raises(UnreadableBundle):
            read_bundle("[" * 100_000)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le"])
def test_other_encodings_are_no_way_around(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"codec|char"):
        foreign_json('["∢"]'.encode(encoding))

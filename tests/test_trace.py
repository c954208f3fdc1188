"""Every requirement has code, a test and a mutant; and the check sees where one is missing."""

import pytest

from tests.tracing import table as trace


def test_every_requirement_is_traced() -> None:
    assert list(trace.problems(trace.load())) == []


def test_the_page_is_what_the_table_says() -> None:
    assert trace.main("check") == 0, "docs/trace.md is stale: python -m tests.tracing.table write"


WITH_MUTANT = """
[R1]
says = ""
code = []
tests = []
[[R1.mutants]]
file = "tests/test_trace.py"
find = "\\u0007"
put = "x"
test = "a::test_b"
"""


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("", "R1 is not traced"),
        ('[R99]\nsays = ""\ncode = []\ntests = []', "R99 is no requirement"),
        ('[R1]\nsays = ""\ncode = []\ntests = []', "R1 has no code"),
        ('[R1]\nsays = ""\ncode = ["nowhere.py"]\ntests = []', "R1: no file nowhere.py"),
        (
            '[R1]\nsays = ""\ncode = ["tests/test_trace.py::nobody"]\ntests = []',
            "R1: tests/test_trace.py has no nobody",
        ),
        ('[R1]\nsays = ""\ncode = []\ntests = []', "R1 has no test"),
        ('[R1]\nsays = ""\ncode = []\ntests = ["tests/test_trace.py"]', "R1: tests/test_trace.py names no test"),
        ('[R1]\nsays = ""\ncode = []\ntests = []', "R1 has no mutant"),
        (
            WITH_MUTANT,
            "R1: a::test_b is not among its tests",
        ),
        (
            WITH_MUTANT,
            "R1: '\\x07' stands 0 times in tests/test_trace.py, or is not changed",
        ),
    ],
)
def test_what_is_missing_is_named(broken: str, complaint: str) -> None:
    assert complaint in list(trace.problems(trace.load(broken)))

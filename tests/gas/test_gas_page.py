"""The committed figures: within the budgets, and what the page says. `dev.py gas --check` measures them anew."""

import pytest

from lindenstrom_contracts import CONTRACTS, load
from tests.gas import figures
from tests.gas.node import LARGEST_BYTES, Node, TooLong
from tests.gas.page import PAGE, render, spaced

FOUND = figures.read()


def test_the_page_says_what_was_measured() -> None:
    assert PAGE.read_text("utf-8") == render(FOUND)


@pytest.mark.parametrize("budget", figures.budgets(FOUND), ids=lambda budget: budget.what)
def test_within_budget(budget: figures.Budget) -> None:
    assert budget.kept


def test_a_budget_that_is_exceeded_is_noticed() -> None:
    dear = {**FOUND, "usual: refute": 1_000_001, "caps, equal: refute": 2_000_000, "day: post": 600_000}
    assert [b.kept for b in figures.budgets(dear)] == [False, False, True, False, False]
    assert figures.worst(dear, "refute") == ("equal", 2_000_000)


def test_a_changed_figure_is_noticed() -> None:
    assert figures.differences(FOUND, FOUND) == []
    changed = {**FOUND, "day: post": 1, "day: mail": 2}
    del changed["day: attest"]
    said = figures.differences(FOUND, changed)
    assert len(said) == 3
    assert any("day: post" in line and "→ 1" in line for line in said)


def test_the_figures_are_of_the_contracts_of_now() -> None:
    """A cheap sign that somebody forgot to measure: the length of the code."""
    assert {name: FOUND[f"bytes of {name}"] for name in CONTRACTS} == {
        name: len(load(name).deployed_bytecode) for name in CONTRACTS
    }


def test_numbers_are_easy_to_read() -> None:
    assert [spaced(n) for n in (1_234_567, 456.4, 147.25, 3.241, 0.324, 5)] == [
        "1 234 567", "456.4", "147.2", "3.24", "0.32", "5",
    ]  # fmt: skip


def test_a_transaction_that_no_pool_takes_is_not_measured() -> None:
    node = Node("http://127.0.0.1:1")
    with pytest.raises(TooLong):
        node.send(bytes(20), bytes(LARGEST_BYTES), key=b"\x01" * 32)

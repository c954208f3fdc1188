"""The examples on docs/developing-contracts.md, run as they stand there."""

import inspect
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "developing-contracts.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


# The third block tests a rule that the reader of the page has yet to write.
@pytest.mark.parametrize("block", BLOCKS[:2], ids=lambda block: re.search(r"def (test_\w+)", block)[1])  # type: ignore[index]
def test_example(block: str, request: pytest.FixtureRequest) -> None:
    space: dict[str, object] = {}
    exec(compile(block, PAGE.name, "exec"), space)
    (test,) = [value for name, value in space.items() if name.startswith("test_")]
    assert inspect.isfunction(test)
    test(**{name: request.getfixturevalue(name) for name in inspect.signature(test).parameters})


def test_the_worked_change_fits_the_source() -> None:
    """What the page tells the reader to put where, can be put there."""
    package = PAGE.parents[1] / "contracts" / "lindenstrom_contracts"
    assert "function offer(Terms calldata t," in (package / "Agreements.sol").read_text("utf-8")
    assert "error RuleNotSupported(uint8 rule);" in (package / "interfaces" / "IAgreements.sol").read_text("utf-8")
    assert len(BLOCKS) == 3
    assert not re.search(r"\bMEASURED\b", PAGE.read_text("utf-8"))

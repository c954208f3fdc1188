"""R10: the contracts keep books of receivables; none takes, holds or moves money."""

import pytest

from lindenstrom_contracts.loader import CONTRACTS, load


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_contract_takes_money(name: str) -> None:
    abi = load(name).abi
    assert [entry.get("name", entry["type"]) for entry in abi if entry.get("stateMutability") == "payable"] == []
    assert not {"receive", "fallback"} & {entry["type"] for entry in abi}

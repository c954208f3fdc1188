"""Every way in which a node reports a revert becomes the contract's own error."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_tester.exceptions import TransactionFailed
from web3.exceptions import ContractCustomError, ContractLogicError

from chain import box
from lindenstrom.chain.abi import ContractCall, refusal
from lindenstrom.chain.client import Chain
from lindenstrom.chain.errors import ContractRefused, NodeError, NodeUnreachable, NotEnoughFunds
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.rpc import revert_data
from lindenstrom.core.hashing import keccak

WHO = b"\x11" * 20
TOO_MUCH = keccak(b"TooMuch(uint256,address)")[:4] + encode(["uint256", "address"], [7, WHO])
CALL = ContractCall(contract="Box", function="put", to=WHO, data=b"")


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (TransactionFailed(f"execution reverted: {TOO_MUCH!r}"), TOO_MUCH),
        (TransactionFailed(repr(TOO_MUCH)), TOO_MUCH),
        (ContractCustomError("0x" + TOO_MUCH.hex(), data="0x" + TOO_MUCH.hex()), TOO_MUCH),
        (ContractLogicError("execution reverted"), b""),
        (ConnectionError("no"), None),
    ],
)
def test_exceptions(error: Exception, data: bytes | None) -> None:
    assert revert_data(error) == data


@pytest.mark.parametrize(
    ("data", "name", "values"),
    [
        (TOO_MUCH, "TooMuch", (7, WHO)),
        (bytes.fromhex("08c379a0") + encode(["string"], ["no"]), "Error", ("no",)),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [17]), "Panic", (17,)),
        (b"", "WithoutReason", ()),
        (b"\x01\x02\x03\x04rest", "UnknownError", (b"\x01\x02\x03\x04rest",)),
    ],
)
def test_names(data: bytes, name: str, values: tuple[Any, ...]) -> None:
    refused = refusal(data, "Box", [box.BOX])
    assert (refused.name, refused.values, refused.contract) == (name, values, "Box")


class Answering:
    """A node that always answers the same."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def make_request(self, method: Any, params: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"jsonrpc": "2.0", "id": 1, **self.answer}


def asked(answer: Any) -> bytes:
    node = NodeConfig(kind=NodeKind.URL, url="http://node.example")
    return Chain(node, Answering(answer), [box.BOX]).call(CALL)


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": "0x" + TOO_MUCH.hex()},
        {"code": -32000, "message": "execution reverted: custom error", "data": "0x" + TOO_MUCH.hex()},
        {"code": 3, "message": "x", "data": {"data": "0x" + TOO_MUCH.hex()}},
    ],
)
def test_answers_of_nodes(error: dict[str, Any]) -> None:
    with pytest.raises(ContractRefused) as refused:
        asked({"error": error})
    assert (refused.value.name, refused.value.values) == ("TooMuch", (7, WHO))
    assert "0x1111" in str(refused.value)


def test_other_failures() -> None:
    with pytest.raises(NodeError, match="too many requests") as failed:
        asked({"error": {"code": -32005, "message": "too many requests"}})
    assert failed.value.exit_code == 5
    with pytest.raises(NodeUnreachable, match=r"http://node\.example") as silent:
        asked(ConnectionError())
    assert silent.value.exit_code == 5
    assert asked({"result": "0x01"}) == b"\x01"


def test_no_coin(chain: Chain) -> None:
    place = box.deploy(chain)
    with pytest.raises(NotEnoughFunds) as poor:
        chain.send(box.put(place, 1, 1), b"\x08" * 32)
    assert poor.value.exit_code == 6

"""A contract small enough to write by hand: `put(k, v)` stores v and logs; `put(k, 0)` reverts with Zero()."""

from lindenstrom.chain.abi import ContractAbi, ContractCall
from lindenstrom.chain.client import Chain
from lindenstrom.chain.errors import UnexpectedAnswer
from lindenstrom.signing import address_of

START = 1_750_000_000
KEY = b"\x07" * 32
OWNER = address_of(KEY)

BOX = ContractAbi(
    "Box",
    [
        {
            "type": "function",
            "name": "put",
            "inputs": [{"name": "k", "type": "uint256"}, {"name": "v", "type": "uint256"}],
            "outputs": [],
        },
        {"type": "error", "name": "Zero", "inputs": []},
        {
            "type": "error",
            "name": "TooMuch",
            "inputs": [{"name": "v", "type": "uint256"}, {"name": "who", "type": "address"}],
        },
    ],
)
_ZERO = next(selector for selector, item in BOX.errors.items() if item.name == "Zero")
# v == 0: mstore(0, selector), revert(28, 4); else sstore(k, v), log1(0, 32, topic 42)
_RUNTIME = bytes.fromhex("60243560185763" + _ZERO.hex() + "6000526004601cfd").ljust(0x18, b"\x5b") + bytes.fromhex(
    "5b60243560043555602a60206000a100"
)
_INIT = bytes.fromhex(f"60{len(_RUNTIME):02x}600c60003960{len(_RUNTIME):02x}6000f3") + _RUNTIME


def deploy(chain: Chain) -> bytes:
    """A new box; pays with KEY."""
    chain.ensure_funds(OWNER)
    result = chain.send(ContractCall(contract="Box", function="constructor", to=None, data=_INIT), KEY)
    if result.created is None:
        raise UnexpectedAnswer("Box", "constructor")
    return result.created


def put(box: bytes, key: int, value: int) -> ContractCall:
    return BOX.call(box, "put", key, value)

"""Contracts that are not what their addresses are said to be, on a real chain."""

from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.client import Chain
from lindenstrom.signing import address_of

STORES_SEVEN = bytes.fromhex("60075f55")
"""Creation code that writes 7 to the first word of the new contract's storage."""


def planted(chain: Chain, code: bytes, *, key: bytes, first: bytes = b"") -> bytes:
    """Put any runtime code on the chain, after creation code of one's own; its address."""
    copied = b"\x61" + len(code).to_bytes(2, "big") + b"\x80\x60" + bytes([len(first) + 10]) + bytes.fromhex("5f395ff3")
    return deployed(chain, ContractCall(contract="forgery", function="", to=None, data=first + copied + code), key=key)


def deployed(chain: Chain, call: ContractCall, *, key: bytes) -> bytes:
    """Send a creation; the new contract's address."""
    chain.ensure_funds(address_of(key))
    made = chain.send(call, key).created
    assert made is not None
    return made

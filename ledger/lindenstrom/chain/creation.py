"""Whether a community's contracts were created by this release's creation code: the transactions of the deployment.

Code on chain says nothing of the storage that it began with. Creation code does: who began with this release's, given
the community file's values, began with nothing else.
"""

from dataclasses import astuple
from enum import StrEnum
from typing import TYPE_CHECKING

from lindenstrom.chain.abi import ContractCall, creation

if TYPE_CHECKING:
    from lindenstrom.chain.client import Chain
    from lindenstrom.chain.community import Community

BLOCKS_SEARCHED = 100
"""The four are deployed one after the other; behind so many blocks nobody looks for them."""


class Creation(StrEnum):
    """What is known of how a contract came to be."""

    SAME = "same"
    OTHER = "other"
    NOT_FOUND = "not_found"


def compare_creations(community: "Community", chain: "Chain") -> tuple[Creation, ...]:
    """Compare the deployment's transactions with this release's, in the order of deployment.

    A contract that no transaction of the first blocks has created (a factory, a node that keeps no old blocks) is
    NOT_FOUND. Errors: NodeUnreachable, NodeError.
    """
    wanted = dict(zip(astuple(community.addresses), creation_calls(community), strict=True))
    found: dict[bytes, bytes] = {}
    first = community.deployment_block
    for block in range(first, min(chain.block_number() + 1, first + BLOCKS_SEARCHED)):
        found |= {address: data for address, data in chain.creations(block) if address in wanted}
        if len(found) == len(wanted):
            break
    return tuple(_compared(found.get(address), call) for address, call in wanted.items())


def creation_calls(community: "Community") -> tuple[ContractCall, ...]:
    """The four transactions that deploy a community as its file describes it."""
    at = community.addresses
    return (
        creation("Registry", astuple(community.constants), community.operator, list(community.auditors)),
        creation("Agreements", at.registry),
        creation("ReadingLog", at.registry),
        creation("Settlement", at.registry, at.agreements, at.reading_log),
    )


def _compared(found: bytes | None, call: ContractCall) -> Creation:
    if found is None:
        return Creation.NOT_FOUND
    return Creation.SAME if found == call.data else Creation.OTHER

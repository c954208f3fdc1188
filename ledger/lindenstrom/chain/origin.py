"""Whether a community's contracts are this release's, made by their own constructors."""

from typing import TYPE_CHECKING

from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.errors import ForeignContract
from lindenstrom.core.eip712 import domain_separator

if TYPE_CHECKING:
    from lindenstrom.chain.client import Chain
    from lindenstrom.chain.community import Community

_WORD = 32
_FROM_WINDOW = 2**32


def check_origin(community: "Community", chain: "Chain") -> None:
    """Run this release's creation code in a simulated call and compare what it makes with what is there.

    A community file names the hashes of what its operator deployed; only this says what that is. Nothing is sent.
    Errors: ForeignContract, NodeUnreachable, NodeError.
    """
    at = community.addresses
    _check_registry(community, chain)
    for key, name, arguments in (
        ("agreements", "Agreements", (at.registry,)),
        ("reading_log", "ReadingLog", (at.registry,)),
        ("settlement", "Settlement", (at.registry, at.agreements, at.reading_log)),
    ):
        address = getattr(at, key)
        if chain.code(address) != _made(chain, name, *arguments):
            raise ForeignContract(key, address)


def _check_registry(community: "Community", chain: "Chain") -> None:
    """The Registry's code holds its own id and first window, which differ from call to call; the rest must not."""
    from lindenstrom_contracts import loader

    fixed = community.constants
    constants = (fixed.offset_hours, fixed.close_delay_s, fixed.objection_period_s, fixed.answer_time_s, fixed.depth)
    # Constants, operator, and an empty list of auditors, which leaves nothing in the code.
    made = _made(chain, "Registry", *constants, community.operator, 7 * _WORD, 0)
    found = chain.code(community.addresses.registry)
    places = [slice(offset, offset + length) for offset, length in loader.load("Registry").immutables]
    pairs = {(made[place], found[place]) for place in places}
    own = {community.id, community.first_window.to_bytes(_WORD)}
    fits = (
        _without(made, places) == _without(found, places)
        # each value stands for one other, wherever it stands, and none for two
        and len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
        and all(old == new or (new in own and _is_window(old) == _is_window(new)) for old, new in pairs)
    )
    if not fits:
        raise ForeignContract("registry", community.addresses.registry)
    if community.id != domain_separator(community.chain_id, community.addresses.registry):
        raise ForeignContract("registry, by its id,", community.addresses.registry)


def _made(chain: "Chain", name: str, *arguments: int | bytes) -> bytes:
    from lindenstrom_contracts import loader

    words = [a.to_bytes(_WORD) if isinstance(a, int) else a.rjust(_WORD, b"\0") for a in arguments]
    data = loader.load(name).bytecode + b"".join(words)
    return chain.call(ContractCall(contract=name, function="constructor", to=None, data=data))


def _without(code: bytes, places: list[slice]) -> bytes:
    blank = bytearray(code)
    for place in places:
        blank[place] = bytes(place.stop - place.start)
    return bytes(blank)


def _is_window(word: bytes) -> bool:
    return int.from_bytes(word) < _FROM_WINDOW

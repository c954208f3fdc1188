"""Whether the contracts at a community's addresses are this release's, built for this community. Pure comparison.

The code that the compiler makes has gaps for the immutables; what fills them follows from the community file. With both
the whole code on chain is known beforehand, byte by byte, and a contract that is wired to another one shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lindenstrom.core.eip712 import domain_separator, word

if TYPE_CHECKING:
    from lindenstrom.chain.community import Community
    from lindenstrom_contracts.loader import ContractArtifact

# What the Registry's constructor insists on, by the immutable's name: (least, greatest).
_RANGES = {
    "offsetHours": (0, 2),
    "closeDelay": (36 * 3600, 2**32 - 1),
    "objectionPeriod": (14 * 86400, 2**32 - 1),
    "answerTime": (3 * 86400, 2**32 - 1),
    "depth": (1, 20),
}


class Match(StrEnum):
    """How a contract compares with this release's."""

    SAME = "same"
    NO_CODE = "no_code"
    OTHER_CODE = "other_code"
    OTHER_VALUES = "other_values"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractMatch:
    """One contract's result. differing: the immutables that hold something else than the community file's values."""

    contract: str
    address: bytes
    match: Match
    differing: tuple[str, ...] = ()


def compare_release(community: "Community", codes: Sequence[bytes]) -> tuple[ContractMatch, ...]:
    """Compare the four codes on chain, in the order of deployment, with this release's. Errors: ArtifactUnreadable."""
    from lindenstrom_contracts import loader

    found = []
    places = zip(loader.CONTRACTS, astuple(community.addresses), codes, strict=True)
    for name, address, code in places:
        match, differing = compare_code(loader.load(name), immutable_values(community)[name], code)
        if name == "Registry" and match in (Match.SAME, Match.OTHER_VALUES):
            differing += tuple(item for item in impossible_values(community) if item not in differing)
            match = Match.OTHER_VALUES if differing else match
        found.append(ContractMatch(contract=name, address=address, match=match, differing=differing))
    return tuple(found)


def compare_code(
    artifact: "ContractArtifact", values: Mapping[str, bytes], code: bytes
) -> tuple[Match, tuple[str, ...]]:
    """Compare a code on chain with an artifact whose immutables hold these words; with the names that differ."""
    if not code:
        return Match.NO_CODE, ()
    plain = bytearray(code)
    differing = set()
    for place in artifact.immutables:
        span = slice(place.start, place.start + place.length)
        if code[span] != values[place.name]:
            differing.add(place.name)
        plain[span] = bytes(len(plain[span]))
    if plain != artifact.deployed_bytecode:
        return Match.OTHER_CODE, ()
    return (Match.OTHER_VALUES if differing else Match.SAME), tuple(sorted(differing))


def immutable_values(community: "Community") -> Mapping[str, Mapping[str, bytes]]:
    """What each contract's immutables have to hold, as 32-byte words, by contract and name in the source."""
    at, constants = community.addresses, community.constants
    words: dict[str, dict[str, int | bytes]] = {
        "Registry": {
            "community": community.id,
            "CHAIN_ID": community.chain_id,
            "operator": community.operator,
            "offsetHours": constants.offset_hours,
            "closeDelay": constants.close_delay_s,
            "objectionPeriod": constants.objection_period_s,
            "answerTime": constants.answer_time_s,
            "depth": constants.depth,
            "firstWindow": community.first_window,
        },
        "Agreements": {"registry": at.registry, "DEPTH": constants.depth},
        "ReadingLog": {"registry": at.registry, "COMMUNITY": community.id},
        "Settlement": {"registry": at.registry, "agreements": at.agreements, "readingLog": at.reading_log},
    }
    return {name: {item: word(value) for item, value in held.items()} for name, held in words.items()}


def impossible_values(community: "Community") -> tuple[str, ...]:
    """Immutables of a Registry that its constructor would have refused, or made otherwise: another code ran first."""
    constants = community.constants
    given = {
        "offsetHours": constants.offset_hours,
        "closeDelay": constants.close_delay_s,
        "objectionPeriod": constants.objection_period_s,
        "answerTime": constants.answer_time_s,
        "depth": constants.depth,
    }
    found = [name for name, (least, greatest) in _RANGES.items() if not least <= given[name] <= greatest]
    if community.id != domain_separator(community.chain_id, community.addresses.registry):
        found.insert(0, "community")
    return tuple(found)

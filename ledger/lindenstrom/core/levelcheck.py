"""Which slot of an agreement's levels `refuteLevels` would void for (R7): it shows without anybody's reading."""

from dataclasses import dataclass

from lindenstrom.core.refutation import Reason, ResultOpening, StoredFacts, recompute_levels, triple_fault
from lindenstrom.core.statements import Header, decode_triples
from lindenstrom.core.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFault:
    """Why a posting's levels make it void. slot: index in the day; 0 where the whole day is at fault."""

    slot: int
    reason: Reason


def first_level_fault(
    facts: StoredFacts, header: Header, agreement: int, terms: Terms, opened: ResultOpening
) -> LevelFault | None:
    """The first slot at fault, None when there is none. Raises BadOpening."""
    whole = recompute_levels(facts, header, agreement, terms, 0, opened)
    if whole is not None:
        return LevelFault(slot=0, reason=whole)
    for slot, triple in enumerate(decode_triples(opened.triples)):
        reason = triple_fault(terms, triple, facts.depth)
        if reason is not None:
            return LevelFault(slot=slot, reason=reason)
    return None

"""The twin of `Settlement.refuteLevels` (R7): faults of an agreement's levels that show without anybody's reading."""

from dataclasses import dataclass

from lindenstrom.core.calendar import Zone
from lindenstrom.core.clearing import Triple, both_curtailed, level_in_range
from lindenstrom.core.hashing import EMPTY
from lindenstrom.core.merkle import proves
from lindenstrom.core.refutation import BadOpening, Reason, ResultOpening
from lindenstrom.core.statements import TRIPLE_BYTES, Header, decode_triples, result_leaf
from lindenstrom.core.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFault:
    """Why a posting's levels make it void. slot: index in the day; 0 where the whole day is at fault."""

    slot: int
    reason: Reason


def triple_fault(terms: Terms, triple: Triple, depth: int) -> Reason | None:
    """What is wrong with one slot's triple, in the contract's order."""
    if not terms.price_fits(triple.price_ueur_kwh):
        return Reason.PRICE_DIFFERS
    if not level_in_range(terms.key, triple, depth):
        return Reason.LEVEL_RANGE
    return Reason.BOTH_CURTAILED if both_curtailed(terms.key, triple) else None


def first_level_fault(
    *, header: Header, zone: Zone, depth: int, agreement: int, terms: Terms, opened: ResultOpening
) -> LevelFault | None:
    """The first slot that `refuteLevels` would void for, None when there is none. Raises BadOpening."""
    leaf = EMPTY if opened.empty else result_leaf(opened.triples_salt, opened.triples)
    if not proves(header.results_root, leaf, agreement, opened.proof, depth):
        raise BadOpening("result of an agreement")
    if opened.empty:
        return LevelFault(slot=0, reason=Reason.RESULT_MISSING)
    if len(opened.triples) != TRIPLE_BYTES * zone.slot_count(header.window):
        return LevelFault(slot=0, reason=Reason.RESULT_LENGTH)
    for slot, triple in enumerate(decode_triples(opened.triples)):
        reason = triple_fault(terms, triple, depth)
        if reason is not None:
            return LevelFault(slot=slot, reason=reason)
    return None

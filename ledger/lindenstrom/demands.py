"""Demands for bundles that members lack (R7): which are open, by when they are due, and whom they bar."""

from dataclasses import dataclass

from lindenstrom.chain.contracts import Contracts, DemandState, Posting
from lindenstrom.core.verification import PostingState

AFTER_ANSWER_S = 86_400
"""Finality comes no sooner after the last answer; the contract has the same figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDemand:
    """A member's demand that bars a posting's finality. due_at: unix time after which anyone may void."""

    window: int
    revision: int
    sequence: int
    member: int
    due_at: int
    public_answer: bool


def open_demands(contracts: Contracts, postings: list[Posting]) -> tuple[OpenDemand, ...]:
    """Open demands of these postings, by posting and member. Errors: those of the chain layer."""
    found = []
    for posting in postings:
        if posting.state is not PostingState.POSTED or not contracts.demands(posting.sequence).open:
            continue
        for _, member in contracts.demanded(sequence=posting.sequence):
            demand = demand_on(contracts, posting, member)
            if demand is not None:
                found.append(demand)
    return tuple(found)


def demands_by(contracts: Contracts, member: int) -> tuple[OpenDemand, ...]:
    """A member's open demands, by posting. Errors: those of the chain layer."""
    mine = (demand_on(contracts, contracts.posting(s), member) for s, _ in contracts.demanded(member=member))
    return tuple(demand for demand in mine if demand is not None)


def demand_on(contracts: Contracts, posting: Posting, member: int) -> OpenDemand | None:
    """A member's open demand for one posting, None when there is none or it no longer matters."""
    demand = contracts.demand_of(posting.window, posting.revision, member)
    if posting.state is not PostingState.POSTED or demand.state is not DemandState.OPEN:
        return None
    if demand.sequence != posting.sequence:  # it was for a posting that is void by now
        return None
    return OpenDemand(
        window=posting.window,
        revision=posting.revision,
        sequence=posting.sequence,
        member=member,
        due_at=demand.due_at,
        public_answer=demand.public_answer,
    )


def earliest_finality(contracts: Contracts, posting: Posting, objection_period_s: int) -> int:
    """Unix time from which a posting may be final, were no demand open."""
    answered = contracts.demands(posting.sequence).last_answer_at
    return max(posting.posted_at + objection_period_s, answered + AFTER_ANSWER_S if answered else 0)

"""Finality for every posting whose objection period is over (R8). Anyone may do this, with any key."""

from dataclasses import dataclass

from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Posting
from lindenstrom.core.verification import PostingState
from lindenstrom.demands import earliest_finality


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalised:
    """A posting that became final, and what that cost."""

    window: int
    sequence: int
    gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A posting that may be final from a unix time on, once its open demands are answered."""

    posting: Posting
    due_at: int
    open_demands: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalityRun:
    """Postings made final now, and those still waiting."""

    finalised: tuple[Finalised, ...]
    waiting: tuple[Waiting, ...]


def open_postings(chain: Chain, community: Community) -> list[Waiting]:
    """Postings that are neither void nor final."""
    contracts = community.contracts(chain)
    period = community.constants.objection_period_s
    postings = [contracts.posting(s) for s in range(1, contracts.next_sequence())]
    return [
        Waiting(
            posting=posting,
            due_at=earliest_finality(contracts, posting, period),
            open_demands=contracts.demands(posting.sequence).open,
        )
        for posting in postings
        if posting.state is PostingState.POSTED
    ]


def finalise_due(chain: Chain, community: Community, key: bytes) -> FinalityRun:
    """Make final what is due by the chain's clock. Repeatable: what is final already is not looked at.

    Errors: those of `Chain.send`.
    """
    contracts = community.contracts(chain)
    now = chain.now()
    done: list[Finalised] = []
    waiting: list[Waiting] = []
    for found in open_postings(chain, community):
        if found.due_at > now or found.open_demands:
            waiting.append(found)
            continue
        posting = found.posting
        sent = chain.send(contracts.finalise(posting.sequence, posting.digest), key)
        done.append(Finalised(window=posting.window, sequence=posting.sequence, gas=sent.gas_used))
    return FinalityRun(finalised=tuple(done), waiting=tuple(waiting))

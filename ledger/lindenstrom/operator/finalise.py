"""Finality for every posting whose objection period is over (R8). Anyone may do this, with any key."""

from dataclasses import dataclass

from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Posting
from lindenstrom.core.verification import PostingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalised:
    """A posting that became final, and what that cost."""

    window: int
    sequence: int
    gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalityRun:
    """Postings made final now, and those still waiting: (posting, earliest time of finality)."""

    finalised: tuple[Finalised, ...]
    waiting: tuple[tuple[Posting, int], ...]


def open_postings(chain: Chain, community: Community) -> list[tuple[Posting, int]]:
    """Postings that are neither void nor final, with the earliest time at which each may become final."""
    contracts = community.contracts(chain)
    period = community.constants.objection_period_s
    postings = (contracts.posting(s) for s in range(1, contracts.next_sequence()))
    return [(p, p.posted_at + period) for p in postings if p.state is PostingState.POSTED]


def finalise_due(chain: Chain, community: Community, key: bytes) -> FinalityRun:
    """Make final what is due by the chain's clock. Repeatable: what is final already is not looked at.

    Errors: those of `Chain.send`.
    """
    contracts = community.contracts(chain)
    now = chain.now()
    done: list[Finalised] = []
    waiting: list[tuple[Posting, int]] = []
    for posting, due in open_postings(chain, community):
        if due > now:
            waiting.append((posting, due))
            continue
        sent = chain.send(contracts.finalise(posting.sequence, posting.digest), key)
        done.append(Finalised(window=posting.window, sequence=posting.sequence, gas=sent.gas_used))
    return FinalityRun(finalised=tuple(done), waiting=tuple(waiting))

"""Where every day stands: settled, due, waiting, unfinished. No amounts, no names."""

from dataclasses import dataclass
from enum import StrEnum

from lindenstrom.chain.contracts import Posting
from lindenstrom.core.verification import PostingState
from lindenstrom.corrections import CorrectionDue, corrections_due
from lindenstrom.demands import OpenDemand, earliest_finality, open_demands
from lindenstrom.operator.office import Office
from lindenstrom.store.records import PostingStep

MAX_DAYS = 400


class DayState(StrEnum):
    """What a day waits for."""

    DUE = "due"
    """Its close delay is over and it has no live posting."""
    WAITING = "waiting"
    """Its close delay runs."""
    POSTED = "posted"
    """The objection period runs, or is over and nobody has made it final."""
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """One window. posting: the live one; voided: how many before it; next_at: when the next step opens, unix time."""

    window: int
    state: DayState
    posting: Posting | None
    voided: int
    delivered: bool
    next_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityStatus:
    """The operator's overview: the newest days and all not final, every final to correct, every open demand."""

    now: int
    members: int
    readers: int
    agreements: int
    unfinished: tuple[int, ...]
    days: tuple[DayStatus, ...]
    corrections: tuple[CorrectionDue, ...]
    demands: tuple[OpenDemand, ...]

    @property
    def due(self) -> tuple[int, ...]:
        """Windows that can be settled now."""
        return tuple(d.window for d in self.days if d.state is DayState.DUE)


def status(office: Office, *, days: int = MAX_DAYS) -> CommunityStatus:
    """The newest `days` windows that somebody had an agreement on, up to the running one, and earlier ones not final.

    Errors: those of chain and store.
    """
    contracts, now = office.contracts, office.chain.now()
    postings: dict[int, list[Posting]] = {}
    for sequence in range(1, contracts.next_sequence()):
        posting = contracts.posting(sequence)
        postings.setdefault(posting.window, []).append(posting)
    every = [p for rows in postings.values() for p in rows]
    delivered = {p.sequence for p in office.store.postings(None, PostingStep.DELIVERED)}
    unfinished = office.store.postings(None, PostingStep.INTENT, PostingStep.SIGNED, PostingStep.POSTED)
    running = office.zone.window_at(now)
    first = max(office.community.first_window, running - MAX_DAYS + 1)
    roster = office.reader.roster()
    windows = [w for w in range(first, running + 1) if w in postings or not roster.is_idle(w)]
    rows = [_day(office, w, postings.get(w, []), delivered, now) for w in windows]
    return CommunityStatus(
        now=now,
        members=contracts.member_count(),
        readers=contracts.reader_count(),
        agreements=contracts.agreement_count(),
        unfinished=tuple(p.sequence for p in unfinished),
        days=tuple(d for at, d in enumerate(rows, days) if at >= len(rows) or d.state is not DayState.FINAL),
        corrections=corrections_due(office.reader, roster, every, now),
        demands=open_demands(contracts, every),
    )


def due_windows(office: Office) -> tuple[int, ...]:
    """Windows that can be settled now, oldest first."""
    return status(office).due


def _day(office: Office, window: int, postings: list[Posting], delivered: set[int], now: int) -> DayStatus:
    live = next((p for p in reversed(postings) if p.state is not PostingState.VOID), None)
    voided = sum(p.state is PostingState.VOID for p in postings)
    if live is None:
        as_of = office.as_of(window)
        state, next_at = (DayState.DUE, None) if now >= as_of else (DayState.WAITING, as_of)
    elif live.state is PostingState.FINAL:
        state, next_at = DayState.FINAL, None
    else:
        period = office.community.constants.objection_period_s
        state, next_at = DayState.POSTED, earliest_finality(office.contracts, live, period)
    return DayStatus(
        window=window,
        state=state,
        posting=live,
        voided=voided,
        delivered=live is not None and live.sequence in delivered,
        next_at=next_at,
    )

"""Which finals newer readings could correct, as the chain alone tells it: for operator and auditor (R5, R6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from lindenstrom.chain.contracts import Posting
from lindenstrom.core.calendar import CORRECTION_PERIOD_S
from lindenstrom.core.verification import PostingState
from lindenstrom.roster import CommunityReader, Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionDue:
    """A final window with newer anchored readings. until: last time at which it can be corrected, unix seconds."""

    window: int
    sequence: int
    revision: int
    readers: tuple[int, ...]
    until: int


def corrections_due(
    reader: CommunityReader, roster: Roster, postings: Iterable[Posting], now: int
) -> tuple[CorrectionDue, ...]:
    """Finals for which a reader anchored something after their cut-off. now: the chain's clock.

    Errors: those of the chain layer.
    """
    standing = {p.window: p for p in sorted(postings, key=lambda p: p.sequence) if p.state is not PostingState.VOID}
    newest, found = reader.newest_records(), []
    for window, live in sorted(standing.items()):
        until = reader.zone.window_end(window) + CORRECTION_PERIOD_S
        if live.state is not PostingState.FINAL or now > until or newest.get(window, 0) <= live.as_of:
            continue
        anchorings = reader.anchorings(window)
        readers = {b.reader for b in roster.live_bindings(window)}
        late = [r for r in sorted(readers) if any(a.time > live.as_of for a in anchorings.get(r, ()))]
        if late:
            due = CorrectionDue(
                window=window, sequence=live.sequence, revision=live.revision, readers=tuple(late), until=until
            )
            found.append(due)
    return tuple(found)

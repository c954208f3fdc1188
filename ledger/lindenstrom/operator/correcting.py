"""Corrections: which finals may be posted in a new revision, and with which cut-off.

A correction takes the newest readings at the time of its preparation (R5) and ends 12 months after its window (R9).
"""

from collections.abc import Mapping

from lindenstrom.core.calendar import CORRECTION_PERIOD_S
from lindenstrom.core.statements import SourceKind
from lindenstrom.core.verification import PostingState
from lindenstrom.operator.committing import Plan
from lindenstrom.operator.errors import CorrectionTooLate, NotCorrectable, NothingToCorrect
from lindenstrom.operator.office import Office
from lindenstrom.store.records import StoredSource


def correctable_until(office: Office, window: int) -> int:
    """Last unix time at which a correction of a window is taken."""
    return office.zone.window_end(window) + CORRECTION_PERIOD_S


def plan_correction(office: Office, window: int) -> Plan:
    """The next revision of a final window, with the readings of now. Errors: NotCorrectable, CorrectionTooLate."""
    live = office.contracts.live(window)
    final = office.contracts.posting(live) if live else None
    if final is None or final.state is not PostingState.FINAL:
        raise NotCorrectable(window, live)
    now, latest = office.chain.now(), correctable_until(office, window)
    if now > latest:
        raise CorrectionTooLate(window, latest)
    return Plan(window=window, revision=final.revision + 1, as_of=now, sequence=office.contracts.next_sequence())


def refuse_unchanged(office: Office, plan: Plan, sources: Mapping[int, StoredSource]) -> None:
    """Raises NothingToCorrect when a correction would rest on the same readings as the final before it."""
    before = office.store.day(office.contracts.live(plan.window)).sources
    if before and _rests_on(before) == _rests_on(sources):
        raise NothingToCorrect(plan.window)


def _rests_on(sources: Mapping[int, StoredSource]) -> dict[int, int | None]:
    """Per binding the revision used, None for a replacement: its salt is another one each time."""
    return {
        binding: s.source.revision if s.source.kind is SourceKind.ANCHORED else None for binding, s in sources.items()
    }

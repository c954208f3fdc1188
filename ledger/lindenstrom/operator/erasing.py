"""Erasure at the operator (R9): which months are due, what may not be erased yet, and the erasure itself.

First the keys go, and with them every backup's rows; then the rows, the mailbox's files and the bytes that databases
leave behind. It is written down before anything is deleted, and every step can be done again: after a crash the next
erasure ends what was begun.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lindenstrom.audit.erased import erasable_from, without
from lindenstrom.audit.file import Erasable, audit_json, read_audit
from lindenstrom.core.calendar import month_name, window_of, windows_of
from lindenstrom.core.salts import Purpose
from lindenstrom.core.verification import PostingState
from lindenstrom.mailbox import erase_audit, erase_bundles, erase_packs
from lindenstrom.operator.errors import ErasedAlready, NotErasableYet, PostingsOpen
from lindenstrom.operator.office import Office
from lindenstrom.roster import Roster
from lindenstrom.store.keybook import Erasure
from lindenstrom.store.records import PostingStep

KINDS = tuple(Erasable)
PURPOSES: Mapping[Erasable, tuple[Purpose, ...]] = {
    Erasable.INTERVALS: (Purpose.PACK, Purpose.REPLACEMENT, Purpose.LEVEL),
    Erasable.LINES: (Purpose.LINE,),
    Erasable.TOTALS: (Purpose.TOTAL,),
}
INTERVAL_YEARS, LINE_YEARS, TOTAL_YEARS = 3, 8, 10
"""Intervals and levels: at most, counted from the month's first day. Lines (vouchers) and totals (books): from the
end of the calendar year."""


class EraseStep(StrEnum):
    """Parts of an erasure, in order."""

    RECORD = "record"
    KEYS = "keys"
    MAILBOX = "mailbox"
    SCRUB = "scrub"
    DONE = "done"


EraseProgress = Callable[[EraseStep], None]
"""Called as each step begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something to erase: a kind, with those before it, of a month; everybody's or one member's."""

    what: Erasable
    month: int
    member: int | None = None


def due_from(office: Office, what: Erasable, month: int) -> int:
    """Unix time from which a kind of a month is due for erasure."""
    year, index = divmod(month, 12)
    if what is Erasable.INTERVALS:
        day = date(year + INTERVAL_YEARS, index + 1, 1)
    else:
        day = date(year + 1 + (LINE_YEARS if what is Erasable.LINES else TOTAL_YEARS), 1, 1)
    return office.zone.window_start(window_of(day))


def due(office: Office) -> tuple[Wanted, ...]:
    """What has to go now, oldest first: per month the latest kind that is due and not erased yet."""
    now, gone = office.chain.now(), _gone(office.store.keys.erasures())
    found = []
    for month in sorted(office.store.months()):
        kinds = [k for k in KINDS if due_from(office, k, month) <= now]
        if kinds and (kinds[-1], month, None) not in gone:
            found.append(Wanted(what=kinds[-1], month=month))
    return tuple(found)


def check(office: Office, wanted: Wanted) -> None:
    """Raises NotErasableYet while a day of the month can still be corrected, PostingsOpen, ErasedAlready."""
    until = max(erasable_from(office.zone, w) for w in windows_of(wanted.month))
    if office.chain.now() <= until:
        raise NotErasableYet(month_name(wanted.month), until)
    unfinished = {p.sequence for p in office.store.postings() if p.step is not PostingStep.DELIVERED}
    contracts = office.contracts
    waiting = [
        sequence
        for sequence in office.store.sequences(wanted.month)
        if sequence in unfinished or contracts.posting(sequence).state is PostingState.POSTED
    ]
    if waiting:
        raise PostingsOpen(month_name(wanted.month), waiting)
    gone = _gone(office.store.keys.erasures())
    if {(wanted.what, wanted.month, None), (wanted.what, wanted.month, wanted.member)} & gone:
        raise ErasedAlready(month_name(wanted.month))


def erase(office: Office, wanted: Iterable[Wanted], *, progress: EraseProgress = lambda _step: None) -> None:
    """Erase for good, after ending what an earlier call began. All is checked before anything goes.

    Errors: those of `check`, of chain, store and mailbox. Databases are rewritten once, at the end.
    """
    everything = list(wanted)
    for one in everything:
        check(office, one)
    book, now = office.store.keys, office.chain.now()
    progress(EraseStep.RECORD)
    for one in everything:
        for kind in KINDS[: KINDS.index(one.what) + 1]:
            book.begin_erasure(kind.value, one.month, one.member, now)
    finish_erasures(office, progress=progress)


def finish_erasures(office: Office, *, progress: EraseProgress = lambda _step: None) -> tuple[Erasure, ...]:
    """End every erasure that was begun; what there was to end."""
    begun = tuple(e for e in office.store.keys.erasures() if e.finished_at is None)
    if not begun:
        return ()
    roster = office.reader.roster()
    progress(EraseStep.KEYS)
    for one in begun:
        _erase_rows(office, roster, one)
    progress(EraseStep.MAILBOX)
    for one in begun:
        for window in windows_of(one.month):
            _erase_files(office, roster, one, window)
    progress(EraseStep.SCRUB)
    office.store.scrub()
    now = office.chain.now()
    for one in begun:
        office.store.keys.finish_erasure(one.kind, one.month, one.member, now)
    progress(EraseStep.DONE)
    return begun


def _gone(erasures: Iterable[Erasure]) -> set[tuple[Erasable, int, int | None]]:
    return {(Erasable(e.kind), e.month, e.member) for e in erasures if e.finished_at is not None}


def _erase_rows(office: Office, roster: Roster, one: Erasure) -> None:
    """Keys and rows. Levels are shared by an agreement's parties: one member's erasure leaves them."""
    store, kind = office.store, Erasable(one.kind)
    for purpose in PURPOSES[kind]:
        if one.member is None:
            store.erase(purpose, one.month, store.subjects(purpose, one.month))
        elif purpose in (Purpose.LINE, Purpose.TOTAL):
            store.erase(purpose, one.month, [one.member])
        elif purpose is not Purpose.LEVEL:
            store.erase(purpose, one.month, _bindings(roster, one.member))
    if one.member is None and kind is Erasable.LINES:
        for member in _left_for_good(office, roster, one.month):
            store.erase_parameters(member)


def _left_for_good(office: Office, roster: Roster, month: int) -> list[int]:
    """Members whose last day in any agreement lies in this month or before, and of whom no later month is kept."""
    after = windows_of(month).stop
    left = [m for m, rows in roster.memberships.items() if rows and all(r.end_day <= after for r in rows)]
    return [] if any(m < month for m in office.store.months() - _erased_lines(office)) else left


def _erased_lines(office: Office) -> set[int]:
    return {e.month for e in office.store.keys.erasures() if e.kind == Erasable.LINES and e.member is None}


def _erase_files(office: Office, roster: Roster, one: Erasure, window: int) -> None:
    mailbox, kind = office.mailbox, Erasable(one.kind)
    bindings = None if one.member is None else _bindings(roster, one.member)
    if kind is Erasable.INTERVALS:
        positions: dict[int, set[int]] | None = None
        if bindings is not None:
            positions = {}
            for binding in roster.live_bindings(window):
                if binding.id in bindings:
                    positions.setdefault(binding.reader, set()).add(binding.position)
        erase_packs(mailbox, window, positions)
        erase_bundles(mailbox, window, one.member)
    erase_audit(mailbox, window, lambda data: audit_json(without(read_audit(data), kind, one.member, bindings)))


def _bindings(roster: Roster, member: int) -> set[int]:
    return {b.id for b in roster.bindings.values() if b.member == member}

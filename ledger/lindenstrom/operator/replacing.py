"""What replacements rest on (R5): earlier measured days, and where a meter's registers stood, both as posted."""

from collections.abc import Iterable, Mapping, Sequence

from lindenstrom.core.packs import Registers
from lindenstrom.core.replacement import (
    HISTORY_DAYS,
    LONGEST_RUN,
    DayValues,
    TrueUp,
    day_values,
    is_measured,
    lookback,
    true_up,
)
from lindenstrom.core.statements import SourceKind
from lindenstrom.core.terms import Binding
from lindenstrom.core.verification import PostingState
from lindenstrom.operator.committing import FIRST_REVISION
from lindenstrom.operator.office import Office
from lindenstrom.readings import pack_registers
from lindenstrom.roster import Roster
from lindenstrom.store.records import PostingStep, StoredPack, StoredPosting

Place = tuple[int, bytes]
"""(member, meter): what history belongs to, over all its bindings."""


def measured_days(
    office: Office, roster: Roster, window: int, sequence: int, bindings: Iterable[Binding]
) -> dict[Place, dict[int, DayValues]]:
    """Per (member, meter) of these bindings the measured days that may count for a window, as posted before."""
    found: dict[Place, dict[int, DayValues]] = {(b.member, b.meter): {} for b in bindings}
    for day in lookback(window):
        late = window - day > LONGEST_RUN
        open_ = {place for place, days in found.items() if len(days) < HISTORY_DAYS and (days or not late)}
        if not open_:
            break
        live = [b for b in roster.live_bindings(day) if (b.member, b.meter) in open_]
        first = (p for p in _earlier(office, day, sequence) if p.header.revision == FIRST_REVISION)
        posting = next(first, None) if live else None
        if posting is None:
            continue
        slots = office.zone.slot_count(day)
        for binding, pack, replaced in _used(office, posting, live):
            if not replaced and is_measured(pack, slots):
                found[binding.member, binding.meter][day] = day_values(pack, slots)
    return found


def last_ends(office: Office, roster: Roster, window: int, sequence: int, meters: set[bytes]) -> dict[bytes, Registers]:
    """Per meter its end registers in the newest earlier day that was posted and not voided, whoever's it was."""
    found: dict[bytes, Registers] = {}
    earlier = {p.header.window for p in office.store.postings() if p.header.window < window}
    for day in sorted(earlier, reverse=True):
        live = [b for b in roster.live_bindings(day) if b.meter in meters - found.keys()]
        posting = _standing(office, day, sequence) if live else None
        if posting is not None:
            found |= {b.meter: pack_registers(pack)[1] for b, pack, _ in _used(office, posting, live)}
        if found.keys() == meters:
            break
    return found


def true_ups(
    office: Office, roster: Roster, posting: StoredPosting, read: Mapping[int, StoredPack | None]
) -> dict[int, TrueUp]:
    """Per binding that is read again what its registers show beyond its replacement of the day before; no zeros.

    read: binding → the reader's pack that the posting uses, None for a replacement.
    """
    window = posting.header.window
    starts = {roster.bindings[b].meter: (b, pack_registers(p.pack)[0]) for b, p in read.items() if p}
    before = _standing(office, window - 1, posting.sequence)
    sources = office.store.day(before.sequence).sources if before else {}
    found = {}
    for binding in roster.live_bindings(window - 1):
        stored = sources.get(binding.id)
        if stored is not None and stored.pack and binding.meter in starts:
            own, start = starts[binding.meter]
            if difference := true_up(pack_registers(stored.pack)[1], start):
                found[own] = difference
    return found


def _standing(office: Office, window: int, sequence: int) -> StoredPosting | None:
    """The newest posting of a window before a sequence that is not void."""
    state = office.contracts.posting
    rows = (p for p in _earlier(office, window, sequence) if state(p.sequence).state is not PostingState.VOID)
    return next(rows, None)


def _used(office: Office, posting: StoredPosting, bindings: Sequence[Binding]) -> list[tuple[Binding, bytes, bool]]:
    """(binding, pack that a posting used, whether it was a replacement), as far as the store still has them."""
    sources, packs = office.store.day(posting.sequence).sources, office.store.packs(posting.header.window)
    used = []
    for binding in bindings:
        stored = sources.get(binding.id)
        if stored is None:
            continue
        replaced = stored.source.kind is SourceKind.REPLACED
        read = packs.get((binding.id, stored.source.revision))
        pack = stored.pack if replaced else read.pack if read else b""
        if pack:
            used.append((binding, pack, replaced))
    return used


def _earlier(office: Office, window: int, sequence: int) -> list[StoredPosting]:
    """Postings of a window before a sequence, the newest first."""
    rows = office.store.postings(window, PostingStep.POSTED, PostingStep.DELIVERED)
    return [p for p in reversed(rows) if p.sequence < sequence]

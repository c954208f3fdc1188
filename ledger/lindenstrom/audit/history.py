"""Earlier days for checking replacements: loaded when asked for, the newest kept, so that memory stays flat."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from lindenstrom.audit.file import AuditFile
from lindenstrom.audit.findings import Difference, Kind
from lindenstrom.audit.recompute import LastReading, leads_to_sources
from lindenstrom.audit.replacements import Earlier, EarlierDay, Place
from lindenstrom.chain.contracts import Posting
from lindenstrom.core.calendar import Zone
from lindenstrom.core.replacement import LOOKBACK_DAYS, is_measured
from lindenstrom.core.statements import SourceKind
from lindenstrom.readings import Finding

Loaded = tuple[AuditFile | Difference, Sequence[Finding]]
"""A posting's audit file, or why there is none, and what its meters' readers anchored and delivered in time."""
KEPT = LOOKBACK_DAYS + 4


ROWS_KEPT = 6
"""Readings kept for a meter: those of the day before, with corrections, and one older."""


class Standing:
    """Where meters' registers stood after each audited posting; postings come by window and sequence."""

    def __init__(self) -> None:
        self._rows: dict[bytes, list[LastReading]] = {}

    def add(self, readings: Mapping[bytes, LastReading]) -> None:
        """Remember a posting that stands."""
        for meter, reading in readings.items():
            self._rows[meter] = [*self._rows.get(meter, ()), reading][-ROWS_KEPT:]

    def before(self, posting: Posting) -> dict[bytes, LastReading]:
        """Per meter its reading of the newest earlier window, as posted before this posting if it was by then."""
        found = {}
        for meter, rows in self._rows.items():
            earlier = [r for r in rows if r.window < posting.window]
            known = [r for r in earlier if r.sequence < posting.sequence] or earlier
            if known:
                found[meter] = known[-1]
        return found


class History:
    """Earlier days of one audit. postings: all of the chain, asked for once; load: of one posting."""

    def __init__(
        self,
        *,
        community: bytes,
        depth: int,
        zone: Zone,
        postings: Callable[[], Sequence[Posting]],
        load: Callable[[Posting], Loaded],
    ) -> None:
        self._community, self._depth, self._zone = community, depth, zone
        self._postings, self._load = postings, load
        self._known: dict[int, EarlierDay] = {}

    def before(self, posting: Posting) -> Earlier:
        """What a posting's replacements rest on: per window its newest posting of revision 0 with a lower sequence."""

        def earlier(window: int) -> EarlierDay | None:
            rows = [p for p in self._first_revisions.get(window, ()) if p.sequence < posting.sequence]
            return self._day(max(rows, key=lambda p: p.sequence)) if rows else None

        return earlier

    @cached_property
    def _first_revisions(self) -> Mapping[int, Sequence[Posting]]:
        found: dict[int, list[Posting]] = {}
        for posting in self._postings():
            if posting.revision == 0:
                found.setdefault(posting.window, []).append(posting)
        return found

    def _day(self, posting: Posting) -> EarlierDay:
        day = self._known.pop(posting.sequence, None) or self._measured(posting)
        self._known[posting.sequence] = day
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return day

    def _measured(self, posting: Posting) -> EarlierDay:
        file, findings = self._load(posting)
        bound = frozenset((f.binding.member, f.binding.meter) for f in findings)
        if not isinstance(file, Difference) and not self._fits(file, posting):
            file = Difference(kind=Kind.FILE, what="its audit file does not lead to what was posted")
        if isinstance(file, Difference):
            return EarlierDay(bound=bound, packs={}, unknown={None: file})
        kinds = {s.binding: s.kind for s in file.sources}
        packs: dict[Place, bytes] = {}
        unknown: dict[Place | None, Difference] = {}
        for finding in findings:
            place = (finding.binding.member, finding.binding.meter)
            if kinds.get(finding.binding.id) != SourceKind.ANCHORED:
                continue
            if finding.undelivered:
                unknown[place] = Difference(kind=Kind.PACKS, what="the reader's packs were not delivered")
            elif finding.pack and is_measured(finding.pack, self._zone.slot_count(posting.window)):
                packs[place] = finding.pack
        return EarlierDay(bound=bound, packs=packs, unknown=unknown)

    def _fits(self, file: AuditFile, posting: Posting) -> bool:
        header = file.header.digest(self._community, posting.sequence) == posting.digest
        return header and leads_to_sources(file, self._depth)

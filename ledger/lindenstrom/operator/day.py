"""A day's settlement: collect, clear, commit, store, post, deliver (R5, R6); a correction takes the same way.

Every step is stored before the next begins. After a crash the same call goes on where it stopped and ends in the same
posting; `finish_pending` does so for all days.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lindenstrom.chain.client import PreparedTx
from lindenstrom.chain.errors import NodeError, NonceTaken, NotMinedInTime
from lindenstrom.core.allocation import DayResult
from lindenstrom.core.statements import SourceKind
from lindenstrom.operator.collecting import Collected, choose_sources, collect
from lindenstrom.operator.committing import FIRST_REVISION, Plan, commit, result_of, stored_day
from lindenstrom.operator.correcting import correctable_until, plan_correction, refuse_unchanged
from lindenstrom.operator.delivering import deliver_audit_file, deliver_bundles, open_posting
from lindenstrom.operator.errors import AlreadyPosted, SequenceTaken, WindowBeforeBeginning, WindowTooEarly
from lindenstrom.operator.office import Office, Progress, Step, silent
from lindenstrom.readings import clear_window, member_energy
from lindenstrom.roster import Roster
from lindenstrom.signing import address_of
from lindenstrom.store.errors import ParametersUnknown
from lindenstrom.store.records import PostingStep, StoredDay, StoredPosting

Falsify = Callable[[StoredDay], StoredDay]
"""What a cheating operator does to a day before it is committed; for demonstrations and tests."""


def on_result(change: Callable[[DayResult], DayResult]) -> Falsify:
    """A falsification of triples and lines; the sources stay."""
    return lambda day: stored_day(change(result_of(day)), day.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A meter whose day was replaced, and why; no reading is in it."""

    binding: int
    member: int
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A meter read again after a replaced day: its true-up, mWh, may be negative; not priced here (R5)."""

    binding: int
    member: int
    import_mwh: int
    export_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledDay:
    """What a settlement did. revision: from 1 on a correction; members: bundles delivered; gas: of the posting;
    timings: seconds per step.
    """

    window: int
    revision: int
    sequence: int
    digest: bytes
    tx_hash: bytes
    gas: int
    slots: int
    members: int
    agreements: int
    meters: int
    gaps: tuple[Gap, ...]
    true_ups: tuple[Returned, ...]
    resumed: bool
    timings: Mapping[Step, float]


class _Clock:
    """Tells the caller about each step and measures it."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.timings: dict[Step, float] = {}
        self._last: tuple[Step, float] | None = None

    def begin(self, step: Step) -> None:
        now = time.perf_counter()
        if self._last is not None:
            self.timings[self._last[0]] = now - self._last[1]
        self._last = (step, now)
        self.progress(step)


def settle_day(
    office: Office, window: int, *, falsify: Falsify | None = None, progress: Progress = silent
) -> SettledDay:
    """Settle a window, or finish what an earlier call began.

    Errors: NotTheOperator, WindowBeforeBeginning, WindowTooEarly, AlreadyPosted, PacksNotDelivered, ParametersUnknown,
    SequenceTaken, StoredDayDiffers, MonthErased, and those of chain, store and mailbox.
    """
    done = _resumed(office, window, progress)
    if done is not None:
        return done
    _check_due(office, window)
    plan = Plan(
        window=window,
        revision=FIRST_REVISION,
        as_of=office.as_of(window),
        sequence=office.contracts.next_sequence(),
    )
    return _settle(office, plan, falsify, _Clock(progress))


def correct_day(
    office: Office, window: int, *, falsify: Falsify | None = None, progress: Progress = silent
) -> SettledDay:
    """Post the next revision of a final window with the readings anchored by now, or finish what was begun.

    Errors: NotCorrectable, CorrectionTooLate, NothingToCorrect, and those of `settle_day` from NotTheOperator on.
    """
    done = _resumed(office, window, progress)
    if done is not None and done.revision > FIRST_REVISION:
        return done
    return _settle(office, plan_correction(office, window), falsify, _Clock(progress))


def _resumed(office: Office, window: int, progress: Progress) -> SettledDay | None:
    """Finish what is unfinished; the window's own posting, if it was among that and stands."""
    office.require_operator()
    for pending in _pending(office):
        done = _finish(office, pending, _Clock(progress), resumed=True)
        if done.window == window and office.contracts.live(window) == done.sequence:
            return done
    return None


def _settle(office: Office, plan: Plan, falsify: Falsify | None, clock: "_Clock") -> SettledDay:
    clock.begin(Step.COLLECT)
    roster = office.reader.roster()
    return _finish(office, _prepare(office, roster, plan, falsify, clock), clock, resumed=False, roster=roster)


def finish_pending(office: Office, *, progress: Progress = silent) -> list[SettledDay]:
    """Finish every posting that a crash left unfinished."""
    office.require_operator()
    return [_finish(office, posting, _Clock(progress), resumed=True) for posting in _pending(office)]


def _pending(office: Office) -> list[StoredPosting]:
    """Unfinished postings in order; one that can never be taken any more is forgotten, its day is made anew."""
    postings = office.store.postings(None, PostingStep.INTENT, PostingStep.SIGNED, PostingStep.POSTED)
    upcoming = office.contracts.next_sequence() if postings else 0
    kept = []
    for posting in postings:
        if posting.step is PostingStep.INTENT and posting.sequence < upcoming:
            office.store.drop_intent(posting.sequence)
        elif posting.sequence >= upcoming and _too_late(office, posting):
            office.store.drop_intent(posting.sequence, signed=True)
        else:
            kept.append(posting)
    return kept


def _too_late(office: Office, posting: StoredPosting) -> bool:
    """Whether time has run out for a correction; the contract refuses it for good then."""
    header = posting.header
    return header.revision > FIRST_REVISION and office.chain.now() > correctable_until(office, header.window)


def _check_due(office: Office, window: int) -> None:
    if window < office.community.first_window:
        raise WindowBeforeBeginning(window, office.community.first_window)
    live = office.contracts.live(window)
    if live:
        raise AlreadyPosted(window, live)
    office.store.require_kept(window)
    as_of, now = office.as_of(window), office.chain.now()
    if now < as_of:
        raise WindowTooEarly(window, as_of, now)


def work_out(office: Office, roster: Roster, plan: Plan) -> StoredDay:
    """A day as it follows from readings, terms and memberships, not yet committed. Errors: those of `settle_day`."""
    return _work_out(office, roster, plan, _Clock(silent))


def _work_out(office: Office, roster: Roster, plan: Plan, clock: _Clock) -> StoredDay:
    collected = collect(office, roster, plan)
    clock.begin(Step.CLEAR)
    sources, packs = choose_sources(office, roster, plan, collected)
    if plan.revision > FIRST_REVISION:
        refuse_unchanged(office, plan, sources)
    return stored_day(_clear(office, roster, plan.window, collected, packs), sources)


def _prepare(office: Office, roster: Roster, plan: Plan, falsify: Falsify | None, clock: _Clock) -> StoredPosting:
    day = _work_out(office, roster, plan, clock)
    clock.begin(Step.TREES)
    if falsify is not None:
        day = falsify(day)
    committed, _ = commit(office, plan, day)
    call = office.contracts.post(plan.sequence, committed.header)
    clock.begin(Step.STORE)
    posting = StoredPosting(
        sequence=plan.sequence,
        header=committed.header,
        digest=committed.digest,
        step=PostingStep.INTENT,
        call=call.data,
    )
    office.store.put_intent(posting, day)
    return posting


def _clear(office: Office, roster: Roster, window: int, collected: Collected, packs: Mapping[int, bytes]) -> DayResult:
    known = office.store.all_parameters()
    for places in roster.live_places(window).values():
        for place in places:
            if place.membership.parameters not in known:
                raise ParametersUnknown(place.member, place.membership.agreement)
    slots = office.zone.slot_count(window)
    owners = [(f.binding.member, packs[f.binding.id]) for f in collected.findings]
    energy = member_energy(owners, slots)
    return clear_window(roster=roster, window=window, slot_count=slots, energy=energy, opened=known)


def _finish(
    office: Office, posting: StoredPosting, clock: _Clock, *, resumed: bool, roster: Roster | None = None
) -> SettledDay:
    if posting.step in (PostingStep.INTENT, PostingStep.SIGNED):
        posting = _post(office, posting, clock)
    clock.begin(Step.BUNDLES)
    window = posting.header.window
    opened = open_posting(office, posting, roster)
    day = opened.day
    members = deliver_bundles(office, opened)
    clock.begin(Step.AUDIT)
    deliver_audit_file(office, opened)
    office.store.mark_delivered(posting.sequence)
    clock.begin(Step.DONE)
    replaced = [b for b, s in sorted(day.sources.items()) if s.source.kind is SourceKind.REPLACED]
    return SettledDay(
        window=window,
        revision=posting.header.revision,
        sequence=posting.sequence,
        digest=posting.digest,
        tx_hash=posting.tx_hash,
        gas=posting.gas,
        slots=office.zone.slot_count(window),
        members=members,
        agreements=len(day.triples),
        meters=len(day.sources),
        gaps=tuple(
            Gap(binding=b, member=opened.roster.bindings[b].member, ground=day.sources[b].ground) for b in replaced
        ),
        true_ups=tuple(
            Returned(
                binding=b, member=opened.roster.bindings[b].member, import_mwh=up.import_mwh, export_mwh=up.export_mwh
            )
            for b, up in sorted(opened.true_ups.items())
        ),
        resumed=resumed,
        timings=clock.timings,
    )


def _post(office: Office, posting: StoredPosting, clock: _Clock) -> StoredPosting:
    """Sign, store, send: whatever happens in between, one transaction with this calldata is mined."""
    posted = _already_there(office, posting)
    if posted is None and (posting.step is PostingStep.INTENT or _mined_in_vain(office, posting)):
        clock.begin(Step.SIGN)
        posting = _sign(office, posting)
    clock.begin(Step.POST)
    if posted is None:
        posted = _send(office, posting)
    clock.begin(Step.CONFIRM)
    office.store.mark_posted(posted.sequence, posted.gas)
    return posted


def _already_there(office: Office, posting: StoredPosting) -> StoredPosting | None:
    if office.contracts.next_sequence() <= posting.sequence:
        return None
    if office.contracts.posting(posting.sequence).digest != posting.digest:
        raise SequenceTaken(posting.sequence)
    tx_hash = office.reader.posting_tx(posting.sequence) or posting.tx_hash
    mined = office.chain.result(tx_hash) if tx_hash else None
    return replace(posting, step=PostingStep.POSTED, tx_hash=tx_hash, gas=mined.gas_used if mined else 0)


def _mined_in_vain(office: Office, posting: StoredPosting) -> bool:
    """Whether the signed transaction was mined and failed, for want of gas for example: it can never be mined again."""
    try:
        office.chain.result(posting.tx_hash)
    except NodeError:
        return True  # signing anew is safe: the calldata names the sequence, so the posting is made once at most
    return False


def _sign(office: Office, posting: StoredPosting) -> StoredPosting:
    prepared = office.chain.prepare(office.contracts.post(posting.sequence, posting.header), office.key)
    return _keep(office, posting, prepared)


def _keep(office: Office, posting: StoredPosting, prepared: PreparedTx) -> StoredPosting:
    office.store.put_signed(posting.sequence, prepared.raw, prepared.tx_hash)
    return replace(posting, step=PostingStep.SIGNED, raw_tx=prepared.raw, tx_hash=prepared.tx_hash)


def _send(office: Office, posting: StoredPosting) -> StoredPosting:
    first = PreparedTx.from_raw(posting.raw_tx, address_of(office.key))
    try:
        mined = office.chain.broadcast(first)
    except NonceTaken:
        # Another of the operator's transactions came first.
        posted = _already_there(office, posting)
        if posted is not None:
            return posted
        posting = _sign(office, posting)
        mined = office.chain.broadcast(PreparedTx.from_raw(posting.raw_tx, address_of(office.key)))
    except NotMinedInTime:
        dearer = office.chain.reprice(first, office.key)
        posting = _keep(office, posting, dearer)
        mined = office.chain.broadcast(dearer, earlier=(first.tx_hash,))
    return replace(posting, step=PostingStep.POSTED, tx_hash=mined.tx_hash, gas=mined.gas_used)

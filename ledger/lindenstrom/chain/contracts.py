"""A community's four contracts: acts (inherited, as calls to send) and typed reads."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from lindenstrom.chain.abi import ContractAbi, Event, LogEntry
from lindenstrom.chain.acts import Acts, Addresses
from lindenstrom.chain.batches import PlacedRecord, Skip, records_of, skips_of
from lindenstrom.chain.client import Chain, TxResult
from lindenstrom.chain.constants import Constants
from lindenstrom.chain.errors import UnexpectedAnswer
from lindenstrom.core.statements import Header, Record
from lindenstrom.core.terms import Binding, Key, Membership, Role, Rule, Terms
from lindenstrom.core.verification import PostingState
from lindenstrom.signing import Curve

OPEN_TIME = 2**64 - 1
"""The end of an auditor whose end is not fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderKey:
    """A reader's key of now. curve 1: key_a is the signer's address, left-padded; curve 2: x and y of P-256."""

    curve: int
    key_a: bytes
    key_b: bytes

    @property
    def key(self) -> bytes:
        """20 bytes, an address, or 64 bytes x‖y."""
        return reader_key(self.curve, self.key_a, self.key_b)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """An auditor by the bit that stands for them in attestations; active in [from_time, end_time), unix."""

    index: int
    address: bytes
    from_time: int
    end_time: int

    def is_active(self, now: int) -> bool:
        """Whether they may act at a time."""
        return self.from_time <= now < self.end_time

    @property
    def is_ending(self) -> bool:
        """Whether their end is fixed: dismissed or resigned."""
        return self.end_time != OPEN_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredRecord:
    """A reader's record at place `slot` among `records`, its batch's records in order; anchored at unix `time`."""

    record: Record
    batch: int
    slot: int
    time: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What the chain keeps of a posting. attested_by and contested_by are bitmaps over auditor indices."""

    sequence: int
    window: int
    revision: int
    as_of: int
    posted_at: int
    state: PostingState
    attested_by: int
    contested_by: int
    digest: bytes


class DemandState(IntEnum):
    """A member's demand for a window's revision."""

    NONE = 0
    OPEN = 1
    ANSWERED = 2
    LAPSED = 3
    """It voided its posting; the member has no further one in this revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandRecord:
    """A member's demand: the posting that it named (which may be void by now) and when an answer is overdue."""

    sequence: int
    due_at: int
    public_answer: bool
    state: DemandState


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandCount:
    """A posting's demands: how many are open, and the unix time of the last answer, 0 for none."""

    open: int
    last_answer_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMembership:
    """A membership that holds on a window, with its terms."""

    membership: Membership
    terms: Terms


class Contracts(Acts):
    """Reads ask the latest block, unless `at` names one."""

    def __init__(self, chain: Chain, addresses: Addresses, deployment_block: int) -> None:
        super().__init__(addresses)
        self._chain = chain
        self._first_block = deployment_block
        self._block: int | str = "latest"

    def at(self, block: int) -> "Contracts":
        """The same contracts as they stood after a block; events stay the latest block's."""
        then = Contracts(self._chain, self.addresses, self._first_block)
        then._block = block
        return then

    # --- Registry

    def constants(self) -> Constants:
        """The community's constants."""
        names = ("offsetHours", "closeDelay", "objectionPeriod", "answerTime", "depth")
        offset, close, objection, answer, depth = (self._ask_registry(name)[0] for name in names)
        return Constants(
            offset_hours=offset, close_delay_s=close, objection_period_s=objection, answer_time_s=answer, depth=depth
        )

    def community(self) -> bytes:
        """The community's id (32 bytes)."""
        return bytes(self._ask_registry("community")[0])

    def domain_separator(self) -> bytes:
        """The EIP-712 domain that acts are signed in."""
        return bytes(self._ask_registry("domainSeparator")[0])

    def operator(self) -> bytes:
        """The operator's address."""
        return bytes(self._ask_registry("operator")[0])

    def first_window(self) -> int:
        """The first window that can be posted."""
        return int(self._ask_registry("firstWindow")[0])

    def auditors(self) -> tuple[Auditor, ...]:
        """All auditors ever named, by index."""
        rows = [self._ask_registry("auditor", i) for i in range(self._ask_registry("auditorCount")[0])]
        return tuple(
            Auditor(index=i, address=bytes(address), from_time=start, end_time=end)
            for i, (address, start, end) in enumerate(rows)
        )

    def auditors_hash(self) -> bytes:
        """What a member's Bind names."""
        return bytes(self._ask_registry("auditorsHash")[0])

    def member_count(self) -> int:
        """Members, 0 and 1 included."""
        return int(self._ask_registry("memberCount")[0])

    def account(self, member: int) -> bytes:
        """A member's address of now."""
        return bytes(self._ask_registry("account", member)[0])

    def reader_count(self) -> int:
        """Readers."""
        return int(self._ask_registry("readerCount")[0])

    def reader(self, reader: int) -> ReaderKey:
        """A reader's key of now."""
        ((curve, key_a, key_b),) = self._ask_registry("reader", reader)
        return ReaderKey(curve=curve, key_a=key_a, key_b=key_b)

    def reader_keys(self, reader: int) -> tuple[bytes, ...]:
        """All keys (20 bytes, or 64 of P-256) that a reader has signed with, oldest first."""
        found: list[tuple[int, int, bytes]] = []
        for name in ("ReaderAdded", "ReaderRotated"):
            topics = self.registry.topics(name, reader=reader)
            logs = self._chain.logs(self.addresses.registry, topics, self._first_block)
            found += [(log.block, log.position, event_key(_sure(self.registry, log))) for log in logs]
        return tuple(key for _, _, key in sorted(found))

    def binding_count(self) -> int:
        """Bindings ever made; the last one's id."""
        return int(self._ask_registry("bindingCount")[0])

    def binding(self, binding: int) -> Binding:
        """One binding by id (from 1)."""
        return _binding(binding, self._ask_registry("binding", binding))

    def bindings_of(self, member: int) -> tuple[Binding, ...]:
        """All bindings a member ever had."""
        return tuple(self.binding(i) for i in self._ask_registry("bindingsOf", member)[0])

    def live_bindings(self, member: int, window: int) -> tuple[Binding, ...]:
        """A member's bindings that hold on a window, in order of id."""
        ids, rows = self._ask_registry("liveBindings", member, window)
        return tuple(_binding(i, row) for i, row in zip(ids, rows, strict=True))

    # --- Agreements

    def agreement_count(self) -> int:
        """Agreements; the last one's id."""
        return int(self._ask_agreements("agreementCount")[0])

    def terms(self, agreement: int) -> Terms:
        """An agreement's terms by id (from 1)."""
        return _terms(self._ask_agreements("terms", agreement)[0])

    def offers_of(self, steward: int) -> int:
        """How many offers a member has made: the next offer's number."""
        return int(self._ask_agreements("offersOf", steward)[0])

    def memberships_of(self, member: int) -> tuple[Membership, ...]:
        """All memberships a member ever had; Leave names the place in this list."""
        return tuple(_membership(row) for row in self._ask_agreements("membershipsOf", member)[0])

    def live_memberships(self, member: int, window: int) -> tuple[LiveMembership, ...]:
        """A member's memberships that hold on a window, in running order."""
        rows, terms = self._ask_agreements("liveMemberships", member, window)
        return tuple(
            LiveMembership(membership=_membership(row), terms=_terms(its)) for row, its in zip(rows, terms, strict=True)
        )

    # --- ReadingLog

    def count(self, reader: int, window: int) -> int:
        """Revisions that a reader has anchored for a window."""
        return int(self._ask_log("count", reader, window)[0])

    def withheld_at(self, reader: int, window: int) -> int:
        """When an auditor recorded the reader as withholding, 0 for never."""
        return int(self._ask_log("withheldAt", reader, window)[0])

    def batch_digest(self, batch: int) -> bytes:
        """What the chain keeps of a batch."""
        return bytes(self._ask_log("batchDigest", batch)[0])

    def anchored(self, reader: int, window: int) -> tuple[AnchoredRecord, ...]:
        """A reader's records for a window by revision, each with its whole batch, so that its proof can be built."""
        return tuple(self._anchored(row, block) for row, block in self.placed(reader, window))

    def placed(self, reader: int, window: int) -> tuple[tuple[PlacedRecord, int], ...]:
        """A reader's records for a window by revision, each with the number of its block."""
        topics = self.reading_log.topics("Anchored", window=window)
        logs = self._chain.logs(self.addresses.reading_log, topics, self._first_block)
        found = [(row, log.block) for log in logs for row in records_of(_sure(self.reading_log, log))]
        mine = [(row, block) for row, block in found if row.record.reader == reader]
        return tuple(sorted(mine, key=lambda m: m[0].record.revision))

    # --- Settlement

    def next_sequence(self) -> int:
        """The sequence that the next posting gets (from 1)."""
        return int(self._ask_settlement("nextSequence")[0])

    def posting(self, sequence: int) -> Posting:
        """A posting by sequence."""
        answer = self._ask_settlement("posting", sequence)
        window, revision, as_of, posted_at, state, attested, contested, digest = (
            answer[0] if len(answer) == 1 else answer
        )
        return Posting(
            sequence=sequence, window=window, revision=revision, as_of=as_of, posted_at=posted_at,
            state=PostingState(state), attested_by=attested, contested_by=contested, digest=digest,
        )  # fmt: skip

    def live(self, window: int) -> int:
        """Sequence of the window's newest posting that is posted or final, 0 for none."""
        return int(self._ask_settlement("live", window)[0])

    def newest_final(self, window: int) -> int:
        """Sequence of the window's newest final posting, 0 for none."""
        return int(self._ask_settlement("newestFinal", window)[0])

    def demand_of(self, window: int, revision: int, member: int) -> DemandRecord:
        """A member's demand for a window's revision; at most one ever."""
        sequence, due_at, public_answer, state = self._ask_settlement("demandOf", window, revision, member)
        return DemandRecord(
            sequence=sequence, due_at=due_at, public_answer=public_answer, state=DemandState(state)
        )  # fmt: skip

    def demands(self, sequence: int) -> DemandCount:
        """A posting's demands."""
        count, last_answer_at = self._ask_settlement("demands", sequence)
        return DemandCount(open=count, last_answer_at=last_answer_at)

    def demanded(self, *, sequence: int | None = None, member: int | None = None) -> tuple[tuple[int, int], ...]:
        """(posting, member) of every demand ever made, of one posting or one member if given."""
        wanted = {"sequence": sequence, "member": member}
        topics = self.settlement.topics("Demanded", **{k: v for k, v in wanted.items() if v is not None})
        logs = self._chain.logs(self.addresses.settlement, topics, self._first_block)
        events = [_sure(self.settlement, log) for log in logs]
        return tuple((event["sequence"], event["member"]) for event in events)

    def header(self, sequence: int) -> Header | None:
        """The header that a posting was made with, from its event; None when there is no such posting."""
        topics = self.settlement.topics("Posted", sequence=sequence)
        for log in self._chain.logs(self.addresses.settlement, topics, self._first_block):
            event = _sure(self.settlement, log)
            return Header(
                window=event["window"], revision=event["revision"], as_of=event["asOf"],
                statements_root=event["statementsRoot"], results_root=event["resultsRoot"],
                sources_root=event["sourcesRoot"],
            )  # fmt: skip
        return None

    # --- events

    def events(self, result: TxResult) -> tuple[Event, ...]:
        """What a mined transaction's logs say, in order."""
        return tuple(event for event in map(self.event, result.logs) if event is not None)

    def skipped(self, result: TxResult) -> dict[int, Skip]:
        """What an `anchor_many` passed over: place in the call → why. Known records are not among them."""
        return skips_of(self.events(result))

    def event(self, log: LogEntry) -> Event | None:
        """A decoded log, None when it is of none of the four contracts."""
        places = (
            self.addresses.registry, self.addresses.agreements, self.addresses.reading_log, self.addresses.settlement
        )  # fmt: skip
        for place, abi in zip(places, self.abis, strict=True):
            if log.address == place:
                return abi.event(log)
        return None

    # --- inside

    def _anchored(self, row: PlacedRecord, block: int) -> AnchoredRecord:
        topics = self.reading_log.topics("Anchored", batch=row.batch)
        near = self._chain.logs(self.addresses.reading_log, topics, block, block)
        batch = sorted((r for log in near for r in records_of(_sure(self.reading_log, log))), key=lambda r: r.slot)
        return AnchoredRecord(
            record=row.record, batch=row.batch, slot=row.slot, time=row.time, records=tuple(r.record for r in batch)
        )

    def _ask_registry(self, function: str, *values: Any) -> tuple[Any, ...]:
        return self._ask(self.registry, self.addresses.registry, function, values)

    def _ask_agreements(self, function: str, *values: Any) -> tuple[Any, ...]:
        return self._ask(self.agreements, self.addresses.agreements, function, values)

    def _ask_log(self, function: str, *values: Any) -> tuple[Any, ...]:
        return self._ask(self.reading_log, self.addresses.reading_log, function, values)

    def _ask_settlement(self, function: str, *values: Any) -> tuple[Any, ...]:
        return self._ask(self.settlement, self.addresses.settlement, function, values)

    def _ask(self, abi: ContractAbi, to: bytes, function: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return abi.answer(function, self._chain.call(abi.call(to, function, *values), block=self._block))


def reader_key(curve: int, key_a: bytes, key_b: bytes) -> bytes:
    """A reader's key as signatures name it: 20 bytes, an address, or 64 bytes x‖y of P-256."""
    return bytes(key_a + key_b if curve == Curve.P256 else key_a[12:])


def event_key(event: Event) -> bytes:
    """The key that a ReaderAdded or ReaderRotated tells."""
    return reader_key(event["curve"], event["keyA"], event["keyB"])


def _sure(abi: ContractAbi, log: LogEntry) -> Event:
    event = abi.event(log)
    if event is None:
        raise UnexpectedAnswer(abi.contract, "event")
    return event


def _binding(binding: int, row: tuple[Any, ...]) -> Binding:
    member, meter, reader, position, from_day, end_day = row
    return Binding(
        id=binding, member=member, meter=meter, reader=reader, position=position, from_day=from_day, end_day=end_day
    )


def _membership(row: tuple[Any, ...]) -> Membership:
    agreement, role, from_day, end_day, parameters = row
    return Membership(agreement=agreement, role=Role(role), from_day=from_day, end_day=end_day, parameters=parameters)


def _terms(row: tuple[Any, ...]) -> Terms:
    steward, key, rule, price_a, price_b, fee, cap, priority, first, last, public = row
    return Terms(
        steward=steward, key=Key(key), rule=Rule(rule), price_a_ueur_kwh=price_a, price_b_ueur_kwh=price_b,
        fee_ueur_kwh=fee, cap_mwh=cap, priority=priority, first_window=first, last_window=last, public_disputes=public,
    )  # fmt: skip

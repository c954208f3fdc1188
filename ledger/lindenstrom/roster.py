"""A community as the chain tells it: members, readers' keys, bindings, memberships, terms, and who anchored what when.

Read from the contracts' events: a handful of questions to the node, however many members there are. Bindings and
memberships only ever change for days to come (R1), so one reading serves all windows up to then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lindenstrom.chain.abi import ContractAbi, Event
from lindenstrom.chain.batches import records_of
from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Contracts, event_key
from lindenstrom.core.calendar import Zone
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.refutation import RecordOpening
from lindenstrom.core.statements import Record
from lindenstrom.core.terms import Binding, Key, Membership, Role, Rule, Terms

OWN_ACCOUNTS = 2
"""Members 0 (fees) and 1 (rounding) exist from the start."""


NEAR_BLOCKS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlace:
    """A membership that holds on a window, with its terms."""

    member: int
    membership: Membership
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Everybody and everything bound. reader_keys: all keys a reader ever had, the newest last."""

    accounts: Mapping[int, bytes]
    reader_keys: Mapping[int, tuple[bytes, ...]]
    bindings: Mapping[int, Binding]
    memberships: Mapping[int, tuple[Membership, ...]]
    terms: Mapping[int, Terms]

    def live_bindings(self, window: int) -> tuple[Binding, ...]:
        """Bindings that hold on a window, by id."""
        return tuple(b for _, b in sorted(self.bindings.items()) if b.live(window))

    def is_idle(self, window: int) -> bool:
        """Whether nobody has an agreement on a window: then there is nothing to settle."""
        return not self.live_places(window)

    def live_places(self, window: int) -> dict[int, tuple[LivePlace, ...]]:
        """Memberships that hold on a window, per member in running order (priority, agreement)."""
        found = {
            member: tuple(
                LivePlace(member=member, membership=m, terms=self.terms[m.agreement])
                for m in sorted(memberships, key=lambda m: (self.terms[m.agreement].priority, m.agreement))
                if m.live(window) and self.terms[m.agreement].covers(window)
            )
            for member, memberships in self.memberships.items()
        }
        return {member: places for member, places in sorted(found.items()) if places}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """A reader's anchored record with what it takes to open it."""

    record: Record
    batch: int
    time: int
    slot: int
    tree: PositionalTree
    tx_hash: bytes

    @property
    def opening(self) -> RecordOpening:
        """The record, opened for a bundle or a refutation."""
        return RecordOpening(
            batch=self.batch, time=self.time, root=self.record.root, slot=self.slot, proof=self.tree.proof(self.slot)
        )


Anchorings = Mapping[int, tuple[Anchoring, ...]]
"""Per reader, one window's records by revision."""


def newest_at(anchorings: Sequence[Anchoring], as_of: int) -> Anchoring | None:
    """The newest revision anchored at a time, None when there is none (R5)."""
    return next((a for a in reversed(anchorings) if a.time <= as_of), None)


class CommunityReader:
    """Reads rosters and anchorings of one community from an open chain."""

    def __init__(self, chain: Chain, community: Community) -> None:
        self._chain = chain
        self._community = community
        self.contracts: Contracts = community.contracts(chain)
        self.zone = Zone(offset_hours=community.constants.offset_hours)

    def roster(self) -> Roster:
        """Everybody and everything bound, by the latest block. Errors: NodeUnreachable, NodeError, UnexpectedAnswer."""
        accounts: dict[int, bytes] = {}
        readers: dict[int, list[bytes]] = {}
        bindings: dict[int, Binding] = {}
        for event in self._events(self.contracts.registry, self._community.addresses.registry):
            match event.name:
                case "MemberAdded":
                    accounts[event["member"]] = event["account"]
                case "AccountRotated":
                    accounts[event["member"]] = event["newAccount"]
                case "ReaderAdded" | "ReaderRotated":
                    readers.setdefault(event["reader"], []).append(event_key(event))
                case "MeterBound":
                    bindings[event["binding"]] = _binding(event)
                case "MeterUnbound":
                    bindings[event["binding"]] = replace(bindings[event["binding"]], end_day=event["endDay"])
        memberships: dict[int, list[Membership]] = {}
        terms: dict[int, Terms] = {}
        for event in self._events(self.contracts.agreements, self._community.addresses.agreements):
            match event.name:
                case "AgreementOffered":
                    terms[event["agreement"]] = _terms(event["terms"])
                case "MemberJoined":
                    memberships.setdefault(event["member"], []).append(_membership(event))
                case "MemberLeft":
                    mine, place = memberships[event["member"]], event["membership"]
                    mine[place] = replace(mine[place], end_day=event["endDay"])
        return Roster(
            accounts=accounts,
            reader_keys={r: tuple(keys) for r, keys in readers.items()},
            bindings=bindings,
            memberships={m: tuple(rows) for m, rows in memberships.items()},
            terms=terms,
        )

    def anchorings(self, window: int) -> dict[int, tuple[Anchoring, ...]]:
        """Per reader, what was anchored for a window by the latest block, by revision."""
        abi = self.contracts.reading_log
        own = self._logs(abi, abi.topics("Anchored", window=window), self._community.deployment_block, None)
        if not own:
            return {}
        batches: dict[int, dict[int, Record]] = {}
        for first, last in _spans({event.block for event in own}):
            for event in self._logs(abi, abi.topics("Anchored"), first, last):
                batches.setdefault(event["batch"], {}).update({row.slot: row.record for row in records_of(event)})
        wanted = {event["batch"] for event in own}
        trees = {
            batch: batch_tree([records[slot].leaf(self._community.id) for slot in sorted(records)])
            for batch, records in batches.items()
            if batch in wanted
        }
        found: dict[int, dict[int, Anchoring]] = {}
        for row in (row for event in own for row in records_of(event)):
            found.setdefault(row.record.reader, {})[row.record.revision] = Anchoring(
                record=row.record,
                batch=row.batch,
                time=row.time,
                slot=row.slot,
                tree=trees[row.batch],
                tx_hash=row.tx_hash,
            )
        return {reader: tuple(rows[r] for r in sorted(rows)) for reader, rows in found.items()}

    def newest_records(self) -> dict[int, int]:
        """Per window, when its newest record was anchored: unix time."""
        abi = self.contracts.reading_log
        newest: dict[int, int] = {}
        for event in self._logs(abi, abi.topics("Anchored"), self._community.deployment_block, None):
            newest[event["window"]] = max(newest.get(event["window"], 0), event["time"])
        return newest

    def posting_tx(self, sequence: int) -> bytes | None:
        """Hash of the transaction that made a posting, None when there is no such posting."""
        abi = self.contracts.settlement
        (first, *_) = abi.events["Posted"].names
        topics = abi.topics("Posted", **{first: sequence})
        address, since = self._community.addresses.settlement, self._community.deployment_block
        return next((log.tx_hash for log in self._chain.logs(address, topics, since)), None)

    def _events(self, abi: ContractAbi, address: bytes) -> list[Event]:
        logs = self._chain.logs(address, [], self._community.deployment_block)
        return [event for event in map(abi.event, logs) if event is not None]

    def _logs(self, abi: ContractAbi, topics: list[str | None], first: int, last: int | None) -> list[Event]:
        logs = self._chain.logs(self._community.addresses.reading_log, topics, first, last)
        return [event for event in map(abi.event, logs) if event is not None]


def _spans(blocks: set[int]) -> list[tuple[int, int]]:
    """Ranges that hold these blocks; a late revision far away gets a range of its own."""
    spans: list[tuple[int, int]] = []
    for block in sorted(blocks):
        if spans and block - spans[-1][1] <= NEAR_BLOCKS:
            spans[-1] = (spans[-1][0], block)
        else:
            spans.append((block, block))
    return spans


def _binding(event: Event) -> Binding:
    return Binding(
        id=event["binding"],
        member=event["member"],
        meter=event["meter"],
        reader=event["reader"],
        position=event["position"],
        from_day=event["fromDay"],
        end_day=event["endDay"],
    )


def _membership(event: Event) -> Membership:
    return Membership(
        agreement=event["agreement"],
        role=Role(event["role"]),
        from_day=event["fromDay"],
        end_day=event["endDay"],
        parameters=event["parameters"],
    )


def _terms(row: Sequence[Any]) -> Terms:
    steward, key, rule, price_a, price_b, fee, cap, priority, first, last, public = row
    return Terms(
        steward=steward,
        key=Key(key),
        rule=Rule(rule),
        price_a_ueur_kwh=price_a,
        price_b_ueur_kwh=price_b,
        fee_ueur_kwh=fee,
        cap_mwh=cap,
        priority=priority,
        first_window=first,
        last_window=last,
        public_disputes=public,
    )

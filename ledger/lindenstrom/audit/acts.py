"""What an auditor does on the chain: attest, void, contest, confirm a delivery, record a reader (R5, R7, R8).

Who is an auditor the chain says, not the community file. Every act raises NotAnAuditor, or NotInOffice (R1).
"""

from dataclasses import dataclass
from pathlib import Path

from lindenstrom.audit.errors import (
    BundleMissing,
    BundleUnfit,
    ErasedDay,
    NotAnAuditor,
    NotAttested,
    NotAudited,
    NothingDemanded,
    NothingToVoid,
    NotInOffice,
    NotPostedAnyMore,
    PostingMissing,
)
from lindenstrom.audit.findings import AuditedDay, Kind
from lindenstrom.audit.run import audit_posting
from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Contracts
from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.refutation import BadOpening, recompute
from lindenstrom.core.verification import PostingState
from lindenstrom.demands import demand_on
from lindenstrom.facts import ChainFacts
from lindenstrom.signing import address_of

UNDECIDED = (Kind.FILE, Kind.PACKS)
"""Kinds that say that something is missing, not that something is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was sent; tx_hash is empty and gas 0 when the chain had it already."""

    day: AuditedDay
    tx_hash: bytes
    gas: int


def attest(mailbox: Path, chain: Chain, community: Community, sequence: int, key: bytes) -> Act:
    """Audit a posting and attest it on the chain if nothing differs. Repeatable.

    Errors: NotAnAuditor, PostingMissing, NotPostedAnyMore (void), NotAttested, NotAudited, ErasedDay, and those of
    `Chain.send`.
    """
    _auditor(chain, community, key)
    return attest_day(chain, community, _audited(mailbox, chain, community, sequence), key)


def attest_day(chain: Chain, community: Community, day: AuditedDay, key: bytes) -> Act:
    """Attest a day that was audited just now (`audit_days`), if nothing differs. Errors: those of `attest`."""
    index = _auditor(chain, community, key)
    if day.state is PostingState.VOID:
        raise NotPostedAnyMore(day.sequence, "void")
    if not day.passed:
        raise (NotAudited if _undecided(day) else NotAttested)(day.first)
    if day.erased:
        raise ErasedDay(day.sequence)
    if day.attested_by >> index & 1:
        return Act(day=day, tx_hash=b"", gas=0)
    sent = chain.send(community.contracts(chain).attest(day.sequence, day.digest), key)
    return Act(day=day, tx_hash=sent.tx_hash, gas=sent.gas_used)


def void(
    mailbox: Path, chain: Chain, community: Community, sequence: int, key: bytes, *, although_right: bool = False
) -> Act:
    """Audit a posting and void it if something differs, or expressly although nothing does (a reader that lies).

    Errors: NotAnAuditor, PostingMissing, NotPostedAnyMore, NothingToVoid, NotAudited, and those of `Chain.send`.
    """
    _auditor(chain, community, key)
    day = _audited(mailbox, chain, community, sequence)
    if day.state is not PostingState.POSTED:
        raise NotPostedAnyMore(sequence, day.state.name.lower())
    _wrong(day, although_right=although_right)
    sent = chain.send(community.contracts(chain).void_by_auditor(sequence, day.digest), key)
    return Act(day=day, tx_hash=sent.tx_hash, gas=sent.gas_used)


def contest(
    mailbox: Path, chain: Chain, community: Community, sequence: int, key: bytes, *, although_right: bool = False
) -> Act:
    """Audit a posting and put on record that it is wrong, also where it is final or was voided by this key before.

    Repeatable. Errors: NotAnAuditor, PostingMissing, NotPostedAnyMore (void), NothingToVoid, NotAudited, and those of
    `Chain.send`.
    """
    index = _auditor(chain, community, key)
    day = _audited(mailbox, chain, community, sequence)
    if day.state is PostingState.VOID:
        raise NotPostedAnyMore(sequence, "void")
    _wrong(day, although_right=although_right)
    if day.contested_by >> index & 1:
        return Act(day=day, tx_hash=b"", gas=0)
    sent = chain.send(community.contracts(chain).contest(sequence, day.digest), key)
    return Act(day=day, tx_hash=sent.tx_hash, gas=sent.gas_used)


def confirm_delivery(chain: Chain, community: Community, sequence: int, member: int, file: Path, key: bytes) -> bytes:
    """Confirm to the contract that a member can have a bundle, after opening it; hash of the transaction.

    file: where the member's bundle lies. Errors: NotAnAuditor, PostingMissing, NothingDemanded, BundleMissing,
    BundleUnfit, and those of `Chain.send`.
    """
    _auditor(chain, community, key)
    contracts = community.contracts(chain)
    if not 1 <= sequence < contracts.next_sequence():
        raise PostingMissing(sequence)
    posting = contracts.posting(sequence)
    if demand_on(contracts, posting, member) is None:
        raise NothingDemanded(sequence, member)
    try:
        bundle = read_bundle(file.read_bytes())
    except FileNotFoundError:
        raise BundleMissing(file) from None
    if bundle.member != member or bundle.header.digest(community.id, bundle.sequence) != posting.digest:
        raise BundleUnfit(file, "it is of another posting or member")
    try:
        reason = recompute(ChainFacts(contracts, sequence), bundle.header, member, bundle.opening).reason
    except BadOpening:
        raise BundleUnfit(file, "it does not open what was posted") from None
    if reason is not None:
        raise BundleUnfit(file, "its bill is wrong: void the posting instead")
    return chain.send(contracts.confirm_delivery(sequence, posting.digest, member), key).tx_hash


def record_withheld(chain: Chain, community: Community, reader: int, window: int, key: bytes) -> int:
    """Record that a reader does not deliver a window's packs; since when, unix time. Repeatable."""
    _auditor(chain, community, key)
    contracts = community.contracts(chain)
    since = contracts.withheld_at(reader, window)
    if not since:
        chain.send(contracts.record_withheld(reader, window), key)
        since = contracts.withheld_at(reader, window)
    return since


def auditor_index(contracts: Contracts, address: bytes, now: int) -> int:
    """The bit that stands for an auditor who may act at a unix time. Raises NotAnAuditor, NotInOffice."""
    found = next((a for a in contracts.auditors() if a.address == address), None)
    if found is None:
        raise NotAnAuditor
    if not found.is_active(now):
        begins = now < found.from_time
        raise NotInOffice(found.index, begins=begins, time=found.from_time if begins else found.end_time)
    return found.index


def _auditor(chain: Chain, community: Community, key: bytes) -> int:
    return auditor_index(community.contracts(chain), address_of(key), chain.now())


def _audited(mailbox: Path, chain: Chain, community: Community, sequence: int) -> AuditedDay:
    day = audit_posting(mailbox, chain, community, sequence)
    if day is None:
        raise PostingMissing(sequence)
    return day


def _wrong(day: AuditedDay, *, although_right: bool) -> None:
    """Raises NothingToVoid, NotAudited, unless it is said expressly that a right posting is meant."""
    if although_right:
        return
    if day.passed:
        raise NothingToVoid(day.sequence)
    if _undecided(day):
        raise NotAudited(day.first)


def _undecided(day: AuditedDay) -> bool:
    return all(d.kind in UNDECIDED for d in day.differences)

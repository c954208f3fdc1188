"""Carries signed roots to the chain with one account, and watches them until the chain cannot lose them any more.

A transaction is written into the outbox before it is first sent. After a crash, a silence or a reorganisation the same
nonce and the same data go out again; only the fee may grow. Roots that the log shows already are never sent again (I5),
so a transaction that another one overtakes may be made anew without harm.

    with open_chain(community.node) as chain:
        sender = Sender(chain=chain, community=community, outbox=adapter.outbox, reader=3, key=payer)
        sender.settle()            what has become final, and what a reorganisation took back
        adapter.anchor(sender)     all that is delivered and not on the chain, in one transaction (256 roots at most)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lindenstrom.chain.batches import SignedAnchor, Skip, records_of
from lindenstrom.chain.errors import ContractRefused, NodeError, NonceTaken, NotEnoughFunds, NotMinedInTime, WrongChain
from lindenstrom.core.statements import Record
from lindenstrom.metering.storage import only_sender
from lindenstrom.signing import address_of

if TYPE_CHECKING:
    from lindenstrom.chain.client import Chain, PreparedTx, TxResult
    from lindenstrom.chain.community import Community
    from lindenstrom.metering.outbox import Entry, Outbox

CONFIRMATIONS = 12
"""Blocks on top of a record after which it counts as final, where the network does not say what is final."""
DEARER = 1
"""How often a transaction that nobody mines is offered more within one call, and"""
DEAREST = 12
"""in all: at a quarter more each time, some 15 times the first fee. A chain that stands still is not helped by more."""
ANEW = 3
"""How often one that others overtake is made anew within one call."""

_REFUSALS = {
    "UnknownReader": Skip.UNKNOWN_READER,
    "WindowNotOver": Skip.WINDOW_NOT_OVER,
    "ZeroRoot": Skip.ZERO_ROOT,
    "RootConflict": Skip.ROOT_CONFLICT,
    "RevisionGap": Skip.REVISION_GAP,
    "TooManyRevisions": Skip.TOO_MANY_REVISIONS,
    "NotSignedByReader": Skip.NOT_SIGNED_BY_READER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the chain showed: entries that became final, and entries that it has no more, to be sent again."""

    final: tuple[Entry, ...]
    lost: tuple[Entry, ...]


def _as_signed(record: SignedAnchor) -> SignedAnchor:
    """The signature that the outbox has."""
    return record


class Sender:
    """A reader's way to the chain, for one connection. It is an `Anchorer`.

    key: of the account that pays; no other program should send with it. renew: gives a record the signature of the
    reader's key of now, where that was rotated after the day was signed.
    confirmations: blocks on top of a record that make it final; None asks the network for its newest final block, and
    takes 12 where it has none. On a trial chain a block is final at once.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        community: Community,
        outbox: Outbox,
        reader: int,
        key: bytes,
        renew: Callable[[SignedAnchor], SignedAnchor] = _as_signed,
        confirmations: int | None = None,
    ) -> None:
        self._chain = chain
        self._community = community
        self._contracts = community.contracts(chain)
        self._outbox = outbox
        self._reader = reader
        self._key = key
        self._address = address_of(key)
        self._renew = renew
        self._confirmations = confirmations
        self.sent: list[TxResult] = []
        """What this sender has seen mined, oldest first."""

    def anchor(self, records: Sequence[SignedAnchor], /) -> Mapping[int, Skip]:
        """Bring 1 to 256 roots onto the chain, and finish what was begun; place → why for those passed over.

        Raises SenderBusy, WrongChain, NodeUnreachable, NodeError, NotEnoughFunds, NotMinedInTime, NonceTaken, and the
        outbox's errors. After any of them, and after a crash, calling again goes on.
        """
        with only_sender(self._lock):
            self._check_chain()
            self._finish()
            return self._anchor(records)

    def settle(self) -> Settled:
        """Look for the roots that were anchored and not yet final. Raises as `anchor`, but for want of funds."""
        with only_sender(self._lock):
            self._check_chain()
            newest = self._final_block()
            mined = self._mined()
            seen = {record: block for _, block, records in mined for record in records}
            waiting = [entry for entry in self._outbox.entries() if entry.anchored and not entry.final]
            placed = [(entry, self._block_of(self._record(entry), seen)) for entry in waiting]
            final = tuple(entry for entry, block in placed if block is not None and block <= newest)
            lost = tuple(entry for entry, block in placed if block is None)
            closed = [raw for tries, block, _ in mined if block <= newest for raw in tries]
            if final or lost or closed:
                self._outbox.settle(final=final, lost=lost, closed=closed)
        return Settled(final=final, lost=lost)

    # --- inside

    @property
    def _lock(self) -> Path:
        return self._outbox.path.with_name(".sending.lock")

    def _check_chain(self) -> None:
        if self._chain.chain_id != self._community.chain_id:
            raise WrongChain(self._community.chain_id, self._chain.chain_id)

    def _anchor(self, records: Sequence[SignedAnchor]) -> dict[int, Skip]:
        skips: dict[int, Skip] = {}
        for _ in range(ANEW):
            missing = [place for place, record in enumerate(records) if self._is_missing(place, record, skips)]
            if not missing:
                return skips
            call = self._contracts.anchoring([self._renew(records[place]) for place in missing])
            try:
                done = self._push([self._write(self._chain.prepare(call, self._key))])
            except ContractRefused as refused:
                if len(missing) > 1 or refused.name not in _REFUSALS:
                    raise
                return {**skips, missing[0]: _REFUSALS[refused.name]}
            if done is not None:
                return {**skips, **{missing[at]: why for at, why in self._contracts.skipped(done).items()}}
        raise NonceTaken("0x" + self._address.hex(), self._chain.nonce(self._address))

    def _is_missing(self, place: int, signed: SignedAnchor, skips: dict[int, Skip]) -> bool:
        """Whether the log lacks a root; another one in its place is noted."""
        act = signed.act
        if self._contracts.count(act.reader, act.window) <= act.revision:
            return True
        rows = [row.record for row, _ in self._contracts.placed(act.reader, act.window)]
        if any(row.revision == act.revision and row.root != act.root for row in rows):
            skips[place] = Skip.ROOT_CONFLICT
        return False

    def _finish(self) -> None:
        """Send again, in the order of their nonces, what is written down and not mined."""
        for raws in self._outbox.sendings(self._address):
            tries = [self._prepared(raw) for raw in raws]
            if not any(self._result(one.tx_hash) for one in tries):
                # closed already if another took its place or if it failed; its roots are then sent anew
                with suppress(ContractRefused):
                    self._push(tries)

    def _write(self, prepared: PreparedTx) -> PreparedTx:
        """Keep a transaction that the account can pay for."""
        self._chain.ensure_funds(self._address)
        if self._chain.balance(self._address) < prepared.gas * prepared.max_fee_wei:
            raise NotEnoughFunds("0x" + self._address.hex())
        self._outbox.add_sending(self._address, prepared.nonce, prepared.raw)
        return prepared

    def _push(self, tries: list[PreparedTx]) -> TxResult | None:
        """Send until mined, at a higher fee if nobody mines it; None if it can never be mined."""
        for left in reversed(range(DEARER + 1)):
            try:
                done = self._chain.broadcast(tries[-1], earlier=[one.tx_hash for one in tries[:-1]])
            except NotMinedInTime:
                if not left or len(tries) > DEAREST:
                    raise
                tries = [*tries, self._write(self._chain.reprice(tries[-1], self._key))]
            except NonceTaken:
                break
            except ContractRefused:
                self._close(tries)
                raise
            except NodeError:
                if not any(self._chain.failed(one.tx_hash) for one in tries):
                    raise
                break
            else:
                self.sent.append(done)
                return done
        self._close(tries)
        return None

    def _close(self, tries: Sequence[PreparedTx]) -> None:
        self._outbox.settle(closed=[one.raw for one in tries])

    def _prepared(self, raw: bytes) -> PreparedTx:
        from lindenstrom.chain.client import PreparedTx

        return PreparedTx.from_raw(raw, self._address)

    def _result(self, tx_hash: bytes) -> TxResult | None:
        return None if self._chain.failed(tx_hash) else self._chain.result(tx_hash)

    def _mined(self) -> list[tuple[tuple[bytes, ...], int, tuple[Record, ...]]]:
        """Of each open nonce that is mined: its transactions, the block, the roots that its events tell."""
        found = []
        for raws in self._outbox.sendings(self._address):
            for raw in raws:
                done = self._result(self._prepared(raw).tx_hash)
                if done is not None:
                    events = [event for event in self._contracts.events(done) if event.name == "Anchored"]
                    rows = tuple(row.record for event in events for row in records_of(event))
                    found.append((raws, done.block, rows))
        return found

    def _record(self, entry: Entry) -> Record:
        return Record(reader=self._reader, window=entry.window, revision=entry.revision, root=entry.root)

    def _block_of(self, record: Record, seen: Mapping[Record, int]) -> int | None:
        """Number of the block whose events tell a root, None if there is none; `seen`: those of own transactions."""
        if record in seen:
            return seen[record]
        if self._contracts.count(record.reader, record.window) <= record.revision:
            return None
        rows = self._contracts.placed(record.reader, record.window)
        return next((block for row, block in rows if row.record == record), None)

    def _final_block(self) -> int:
        newest = self._chain.block_number()
        if self._chain.node.is_trial:
            return newest
        if self._confirmations is not None:
            return newest - self._confirmations
        final = self._chain.finalized()
        return newest - CONFIRMATIONS if final is None else final

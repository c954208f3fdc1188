"""One API over the embedded chain, anvil and any EVM node: `with open_chain(node) as chain: ...`.

Protocol time is the latest block's (`now`), never a machine's. Sending is crash-safe in two steps: `prepare` gives the
signed bytes, which the caller stores; `broadcast` may then be repeated for ever with the same result.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lindenstrom.chain.abi import ContractAbi, ContractCall, LogEntry, contract_abi
from lindenstrom.chain.errors import (
    ClockGoesBack,
    ContractRefused,
    NoClockControl,
    NodeConfigInvalid,
    NodeError,
    NonceTaken,
    NotEnoughFunds,
    NotMinedInTime,
)
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.rpc import Reverted, Rpc, http_provider
from lindenstrom.core.hashing import keccak
from lindenstrom.signing import address_of

CONTRACTS = ("Registry", "Agreements", "ReadingLog", "Settlement")
GAS_CAP = 2**24  # EIP-7825: public networks take no more in one transaction
TRIAL_GAS = 16_000_000
TIP_WEI = 10**9
FUNDS_WEI = 10**21
POLL_S = 0.1
RECEIPT_POLLS = 20
MIN_LOG_SPAN = 1000
_CALLER = bytes(19) + b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTx:
    """A signed transaction. `raw` holds everything and is what a caller stores; `from_raw` reads it back."""

    raw: bytes
    tx_hash: bytes
    chain_id: int
    sender: bytes
    nonce: int
    to: bytes | None
    data: bytes
    gas: int
    max_fee_wei: int
    tip_wei: int

    @classmethod
    def from_raw(cls, raw: bytes, sender: bytes) -> "PreparedTx":
        """Read back what `prepare` made."""
        chain_id, nonce, tip, max_fee, gas, to, _value, data = _leading_items(raw[1:], 8)
        number = int.from_bytes
        return cls(
            raw=raw, tx_hash=keccak(raw), chain_id=number(chain_id, "big"), sender=sender, nonce=number(nonce, "big"),
            to=to or None, data=data, gas=number(gas, "big"), max_fee_wei=number(max_fee, "big"),
            tip_wei=number(tip, "big"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TxResult:
    """A mined transaction. created: address of a new contract."""

    tx_hash: bytes
    block: int
    gas_used: int
    logs: tuple[LogEntry, ...]
    created: bytes | None


class Chain:
    """A connection to one chain. Addresses are 20 bytes, keys 32 bytes, times unix seconds."""

    def __init__(self, node: NodeConfig, provider: Any, abis: Sequence[ContractAbi] = ()) -> None:
        self.node = node
        self.provider = provider
        self._rpc = Rpc(provider, node.place, abis)

    @cached_property
    def chain_id(self) -> int:
        """The node's chain id."""
        return self._rpc.ask_number("eth_chainId")

    @cached_property
    def w3(self) -> Any:
        """web3 on the same provider, for what this class does not cover."""
        from web3 import Web3
        from web3.middleware import ExtraDataToPOAMiddleware

        w3 = Web3(self.provider)
        if self.node.kind is NodeKind.URL:
            w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return w3

    # --- time and blocks

    def now(self) -> int:
        """Time of the latest block."""
        return self.time_of("latest")

    def time_of(self, block: int | str) -> int:
        """Time of a block."""
        return int(self._block(block)["timestamp"], 16)

    def block_number(self) -> int:
        """Number of the latest block."""
        return self._rpc.ask_number("eth_blockNumber")

    def advance_to(self, timestamp: int) -> None:
        """Move a trial chain's clock. Already there: nothing. Errors: ClockGoesBack, NoClockControl."""
        if not self.node.is_trial:
            raise NoClockControl(self.node.place)
        now = self.now()
        if timestamp < now:
            raise ClockGoesBack(now, timestamp)
        if timestamp == now:
            return
        if self.node.kind is NodeKind.EMBEDDED:
            self._rpc.ask("evm_setTime", timestamp)
        else:
            self._rpc.ask("evm_setNextBlockTimestamp", timestamp)
            self._rpc.ask("evm_mine")

    # --- accounts

    def balance(self, address: bytes) -> int:
        """Balance in wei."""
        return self._rpc.ask_number("eth_getBalance", _hex(address), "latest")

    def nonce(self, address: bytes) -> int:
        """How many transactions of the account are mined."""
        return self._rpc.ask_number("eth_getTransactionCount", _hex(address), "latest")

    def code(self, address: bytes) -> bytes:
        """Runtime code at an address, empty when there is none."""
        return _unhex(self._rpc.ask("eth_getCode", _hex(address), "latest"))

    def creations(self, block: int) -> tuple[tuple[bytes, bytes], ...]:
        """(address, creation code with its arguments) of each contract that a transaction of a block has created."""
        whole = self._rpc.ask("eth_getBlockByNumber", hex(block), True) or {"transactions": ()}
        made = [tx for tx in whole["transactions"] if not tx["to"]]
        receipts = [self._receipt(_unhex(tx["hash"])) for tx in made]
        return tuple(
            (_unhex(receipt["contractAddress"]), _unhex(tx["input"]))
            for tx, receipt in zip(made, receipts, strict=True)
            if receipt is not None and receipt.get("contractAddress")
        )

    def ensure_funds(self, address: bytes) -> None:
        """Give an account coin on a trial chain; elsewhere its owner has to see to it, and nothing happens."""
        if not self.node.is_trial or self.balance(address) >= FUNDS_WEI // 2:
            return
        if self.node.kind is NodeKind.ANVIL:
            self._rpc.ask("anvil_setBalance", _hex(address), hex(FUNDS_WEI))
            return
        from lindenstrom.chain.embedded import FAUCET_KEY

        gift = ContractCall(contract="faucet", function="transfer", to=address, data=b"")
        faucet = address_of(FAUCET_KEY)
        self.broadcast(self._signed(gift, FAUCET_KEY, self.nonce(faucet), 21_000, value=FUNDS_WEI))

    # --- reading

    def call(self, call: ContractCall, *, caller: bytes = _CALLER, block: int | str = "latest") -> bytes:
        """Simulate a call and return its raw answer. Errors: ContractRefused, NodeUnreachable, NodeError."""
        return self._simulate(self._request(call, caller), call, block)

    def logs(
        self, address: bytes, topics: Sequence[str | None], first_block: int, last_block: int | None = None
    ) -> tuple[LogEntry, ...]:
        """Logs of a contract in order. Asks for the whole range, and for halves where the node finds it too long."""
        last = self.block_number() if last_block is None else last_block
        if last < first_block:
            return ()
        wanted = {"address": _hex(address), "topics": list(topics), "fromBlock": hex(first_block), "toBlock": hex(last)}
        try:
            return tuple(_log(entry) for entry in self._rpc.ask("eth_getLogs", wanted))
        except NodeError:
            if last - first_block < MIN_LOG_SPAN:
                raise
        middle = (first_block + last) // 2
        return self.logs(address, topics, first_block, middle) + self.logs(address, topics, middle + 1, last)

    def finalized(self) -> int | None:
        """Number of the newest block that the network takes for final, None where it has no such notion."""
        try:
            found = self._rpc.ask("eth_getBlockByNumber", "finalized", False)
        except NodeError:
            return None
        return int(found["number"], 16) if found else None

    def failed(self, tx_hash: bytes) -> bool:
        """Whether a transaction was mined and reverted: it can never be mined again."""
        receipt = self._receipt(tx_hash)
        return receipt is not None and int(receipt["status"], 16) != 1

    def result(self, tx_hash: bytes) -> TxResult | None:
        """What became of a transaction, None while it is not mined. Errors: NodeError for a mined revert."""
        receipt = self._receipt(tx_hash)
        if receipt is None:
            return None
        if int(receipt["status"], 16) != 1:
            raise NodeError(self.node.place, "transaction", f"0x{tx_hash.hex()} was mined and failed")
        return _result(receipt)

    # --- sending

    def send(self, call: ContractCall, key: bytes) -> TxResult:
        """Prepare and broadcast, with the errors of both."""
        # The embedded chain refuses what would revert, so one execution is enough.
        return self.broadcast(self.prepare(call, key, simulate=self.node.kind is not NodeKind.EMBEDDED))

    def prepare(self, call: ContractCall, key: bytes, *, nonce: int | None = None, simulate: bool = True) -> PreparedTx:
        """Sign a transaction without sending it. Simulates first, so that what would revert is refused here.

        nonce: the account's next one by default. Errors: ContractRefused, NodeUnreachable, NodeError.
        """
        sender = address_of(key)
        gas = TRIAL_GAS
        if simulate and self.node.kind is NodeKind.EMBEDDED:
            self.call(call, caller=sender)
        elif simulate:
            gas = min(GAS_CAP, self.gas_needed(call, sender) * 5 // 4)
        return self._signed(call, key, self.nonce(sender) if nonce is None else nonce, gas)

    def gas_needed(self, call: ContractCall, caller: bytes) -> int:
        """The node's estimate. Errors: ContractRefused, NodeUnreachable, NodeError."""
        try:
            return self._rpc.ask_number("eth_estimateGas", self._request(call, caller))
        except Reverted as reverted:
            raise self._rpc.refused(reverted, call) from None

    def reprice(self, prepared: PreparedTx, key: bytes) -> PreparedTx:
        """The same nonce and calldata at a fee that replaces the old one (at least a quarter more)."""
        call = ContractCall(contract="", function="", to=prepared.to, data=prepared.data)
        tip = prepared.tip_wei * 5 // 4 + 1
        fees = (max(self._max_fee(tip), prepared.max_fee_wei * 5 // 4 + 1), tip)
        return self._signed(call, key, prepared.nonce, prepared.gas, fees=fees)

    def broadcast(self, prepared: PreparedTx, *, earlier: Sequence[bytes] = ()) -> TxResult:
        """Send a prepared transaction and wait until it is mined. Repeatable: mined already is a normal answer.

        earlier: hashes of the same transaction at other fees, any of which may have been mined instead.
        Errors: ContractRefused, NonceTaken, NotEnoughFunds, NotMinedInTime, NodeUnreachable, NodeError.
        """
        hashes = (prepared.tx_hash, *earlier)
        receipt = self._first_receipt(hashes)
        if receipt is None:
            self._send_raw(prepared, hashes)
            receipt = self._wait(prepared, hashes)
        if int(receipt["status"], 16) != 1:
            raise self._why(prepared, int(receipt["blockNumber"], 16))
        return _result(receipt)

    # --- inside

    def _send_raw(self, prepared: PreparedTx, hashes: Sequence[bytes]) -> None:
        try:
            self._rpc.ask("eth_sendRawTransaction", _hex(prepared.raw))
        except Reverted as reverted:
            raise self._rpc.refused(reverted, self._as_call(prepared)) from None
        except NodeError as error:
            text = error.message.lower()
            # "replacement transaction underpriced": another of this nonce waits already, so time will tell
            if "already" in text or "replacement" in text or self._first_receipt(hashes) is not None:
                return
            if any(word in text for word in ("insufficient", "funds", "afford")):
                raise NotEnoughFunds(_hex(prepared.sender)) from error
            if self.nonce(prepared.sender) > prepared.nonce:
                raise NonceTaken(_hex(prepared.sender), prepared.nonce) from error
            raise

    def _wait(self, prepared: PreparedTx, hashes: Sequence[bytes]) -> dict[str, Any]:
        deadline = time.monotonic() + self.node.timeout_s
        counted = 0
        while True:
            receipt = self._first_receipt(hashes)
            if receipt is not None:
                return receipt
            # A node may count a nonce a moment before it shows the receipt.
            counted += self.nonce(prepared.sender) > prepared.nonce
            if counted > RECEIPT_POLLS:
                raise NonceTaken(_hex(prepared.sender), prepared.nonce)
            if time.monotonic() >= deadline:
                raise NotMinedInTime(prepared.tx_hash, self.node.timeout_s)
            time.sleep(POLL_S)

    def _why(self, prepared: PreparedTx, block: int) -> Exception:
        call = self._as_call(prepared)
        try:
            self._simulate(self._request(call, prepared.sender), call, block - 1)
        except (ContractRefused, NodeError) as error:
            return error
        return NodeError(self.node.place, "transaction", f"0x{prepared.tx_hash.hex()} was mined and failed")

    def _as_call(self, prepared: PreparedTx) -> ContractCall:
        selector = prepared.data[:4]
        for abi in self._rpc.abis:
            for item in abi.functions.values():
                if prepared.to is not None and item.selector[:4] == selector:
                    return ContractCall(contract=abi.contract, function=item.name, to=prepared.to, data=prepared.data)
        return ContractCall(contract="contract", function="", to=prepared.to, data=prepared.data)

    def _simulate(self, request: dict[str, Any], call: ContractCall, block: int | str) -> bytes:
        try:
            return _unhex(self._rpc.ask("eth_call", request, _block_name(block)))
        except Reverted as reverted:
            raise self._rpc.refused(reverted, call) from None

    @staticmethod
    def _request(call: ContractCall, caller: bytes) -> dict[str, Any]:
        request = {"from": _hex(caller), "data": _hex(call.data)}
        if call.to is not None:
            request["to"] = _hex(call.to)
        return request

    def _max_fee(self, tip_wei: int) -> int:
        return 2 * int(self._block("latest")["baseFeePerGas"], 16) + tip_wei

    def _signed(
        self,
        call: ContractCall,
        key: bytes,
        nonce: int,
        gas: int,
        *,
        value: int = 0,
        fees: tuple[int, int] | None = None,
    ) -> PreparedTx:
        from eth_account import Account

        max_fee, tip = fees or (self._max_fee(TIP_WEI), TIP_WEI)
        fields = {
            "type": 2, "chainId": self.chain_id, "nonce": nonce, "gas": gas, "value": value, "data": call.data,
            "maxFeePerGas": max_fee, "maxPriorityFeePerGas": tip,
        }  # fmt: skip
        if call.to is not None:
            fields["to"] = call.to
        raw = bytes(Account.sign_transaction(fields, key).raw_transaction)
        return PreparedTx(
            raw=raw, tx_hash=keccak(raw), chain_id=self.chain_id, sender=address_of(key), nonce=nonce, to=call.to,
            data=call.data, gas=gas, max_fee_wei=max_fee, tip_wei=tip,
        )  # fmt: skip

    def _block(self, block: int | str) -> dict[str, Any]:
        found = self._rpc.ask("eth_getBlockByNumber", _block_name(block), False)
        if not isinstance(found, dict):
            raise NodeError(self.node.place, "eth_getBlockByNumber", f"there is no block {block}")
        return found

    def _receipt(self, tx_hash: bytes) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._rpc.ask("eth_getTransactionReceipt", _hex(tx_hash))
        return found if found is not None and found.get("blockNumber") else None

    def _first_receipt(self, hashes: Sequence[bytes]) -> dict[str, Any] | None:
        return next((found for found in map(self._receipt, hashes) if found is not None), None)


@contextmanager
def open_chain(node: NodeConfig) -> Iterator[Chain]:
    """Connect to a node; an embedded chain stays locked until the end of the block.

    Errors: NodeConfigInvalid, ChainFileMissing, ChainFileBusy, NotAChainFile, NodeUnreachable.
    """
    abis = [contract_abi(name) for name in CONTRACTS]
    if node.kind is NodeKind.EMBEDDED:
        if node.path is None:
            raise NodeConfigInvalid(node.kind, "a path")
        from lindenstrom.chain.embedded import open_provider

        provider = open_provider(node.path, node.lock_wait_s)
        try:
            yield Chain(node, provider, abis)
        finally:
            provider.close()
        return
    if node.url is None or not node.url.startswith(("http://", "https://")):
        raise NodeConfigInvalid(node.kind, "an http or https url")
    chain = Chain(node, http_provider(node.url), abis)
    assert chain.chain_id > 0  # the first question to the node
    yield chain


def _leading_items(rlp: bytes, count: int) -> list[bytes]:
    """The first byte strings of an RLP list that this module has written (https://ethereum.org/developers/docs/rlp)."""
    position = 1 if rlp[0] <= 0xF7 else rlp[0] - 0xF7 + 1
    items = []
    for _ in range(count):
        first = rlp[position]
        if first < 0x80:
            size = 1
        else:
            position += 1
            size = first - 0x80
            if first > 0xB7:
                width = first - 0xB7
                size = int.from_bytes(rlp[position : position + width], "big")
                position += width
        items.append(rlp[position : position + size])
        position += size
    return items


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _block_name(block: int | str) -> str:
    return hex(block) if isinstance(block, int) else block


def _log(entry: dict[str, Any]) -> LogEntry:
    return LogEntry(
        address=_unhex(entry["address"]), topics=tuple(_unhex(topic) for topic in entry["topics"]),
        data=_unhex(entry["data"]), block=int(entry["blockNumber"], 16), tx_hash=_unhex(entry["transactionHash"]),
        position=int(entry["logIndex"], 16),
    )  # fmt: skip


def _result(receipt: dict[str, Any]) -> TxResult:
    created = receipt.get("contractAddress")
    return TxResult(
        tx_hash=_unhex(receipt["transactionHash"]), block=int(receipt["blockNumber"], 16),
        gas_used=int(receipt["gasUsed"], 16), logs=tuple(_log(entry) for entry in receipt["logs"]),
        created=_unhex(created) if created else None,
    )  # fmt: skip

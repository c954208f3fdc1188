"""The embedded chain in memory: time travel, and snapshots that cost nothing.

The same py-evm behind eth-tester as `lindenstrom.chain.embedded` gives to a trial community, with the same rules: a
block per transaction, a second between blocks, and a revert that arrives before anything is mined. A transaction may
use 2^24 gas, as on public networks.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lindenstrom.chain.chainfile import ChainFile, MinedReceipt
from lindenstrom.chain.embedded import CHAIN_ID, FAUCET_KEY, EmbeddedProvider
from lindenstrom.chain.rpc import Reverted as NodeReverted
from lindenstrom.chain.rpc import Rpc
from lindenstrom.core.hashing import keccak
from lindenstrom.signing import address_of
from lindenstrom_contracts.bindings.base import Log, Mined, Reverted

GAS = 2**24
FUNDS_WEI = 10**24
MAX_FEE_WEI = 10**11


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A chain's whole state. Good for any number of reverts, in any order."""

    layers: tuple[dict[bytes, bytes | None], ...]
    receipts: tuple[MinedReceipt, ...]


class RpcChain(ABC):
    """What every chain behind JSON-RPC gives the kit. Addresses are 20 bytes, keys 32 bytes, times unix seconds."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    @property
    def now(self) -> int:
        """Time of the latest block."""
        return int(self._rpc.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    @property
    def today(self) -> int:
        """The latest block's UTC day since 1970; changes take effect on the day after the next."""
        return self.now // 86_400

    @abstractmethod
    def advance_to(self, timestamp: int) -> None:
        """Travel to a time, by an empty block."""

    def advance(self, *, days: int = 0, hours: int = 0, seconds: int = 0) -> None:
        """Travel on."""
        self.advance_to(self.now + days * 86_400 + hours * 3_600 + seconds)

    def address(self, key: bytes) -> bytes:
        """The account of a key."""
        return address_of(key)

    def call(self, to: bytes, data: bytes, *, caller: bytes | None = None, block: int | None = None) -> bytes:
        """Simulate on the latest block or an earlier one. Raises Reverted."""
        request = {"to": hex_of(to), "data": hex_of(data)} | ({} if caller is None else {"from": hex_of(caller)})
        return bytes_of(self._asked("eth_call", request, "latest" if block is None else hex(block)))

    def _asked(self, method: str, *values: Any) -> str:
        """The node's answer, its revert as the bindings' own."""
        try:
            return str(self._rpc.ask(method, *values))
        except NodeReverted as reverted:
            raise Reverted(reverted.data) from None


class LocalChain(RpcChain):
    """A `Transport` for the bindings, in memory."""

    def __init__(self, start_time: int) -> None:
        self._file = _Memory()
        self.provider = EmbeddedProvider(self._file, start_time)
        """For web3, or for `lindenstrom.chain.client.Chain`."""
        super().__init__(Rpc(self.provider, "chain in memory", ()))

    def advance_to(self, timestamp: int) -> None:
        """Travel to a time, by an empty block. Errors: ClockGoesBack."""
        self._rpc.ask("evm_setTime", timestamp)

    # --- state

    def snapshot(self) -> Snapshot:
        """Everything as it is now."""
        return self._file.snapshot()

    def revert(self, snapshot: Snapshot) -> None:
        """Everything as it was then."""
        self._file.revert(snapshot)
        self.provider.reload()

    @property
    def head(self) -> bytes:
        """Hash of the latest block: the same only if nothing has happened."""
        return bytes.fromhex(self._rpc.ask("eth_getBlockByNumber", "latest", False)["hash"][2:])

    def balance(self, address: bytes) -> int:
        """In wei."""
        return self._rpc.ask_number("eth_getBalance", hex_of(address), "latest")

    def fund(self, address: bytes) -> None:
        """A million coins from the faucet."""
        self._submit(FAUCET_KEY, address, b"", FUNDS_WEI)

    # --- as the bindings' transport

    def send(self, to: bytes | None, data: bytes, *, key: bytes) -> Mined:
        """One transaction, one block. Raises Reverted."""
        return self._submit(key, to, data, 0)

    def _submit(self, key: bytes, to: bytes | None, data: bytes, value: int) -> Mined:
        from eth_keys.datatypes import PrivateKey

        nonce = self._rpc.ask_number("eth_getTransactionCount", hex_of(address_of(key)), "latest")
        unsigned = self.provider.transactions().new_unsigned_dynamic_fee_transaction(
            CHAIN_ID, nonce, 0, MAX_FEE_WEI, GAS, to or b"", value, data, ()
        )
        raw = unsigned.as_signed_transaction(PrivateKey(key)).encode()
        self._asked("eth_sendRawTransaction", hex_of(raw))
        receipt = self._file.receipt(keccak(raw))
        assert receipt is not None, "the embedded chain mines at once"
        return mined_of(receipt)


class _Memory(ChainFile):
    """A chain file without a file: layers of a dictionary, the newest last; those below it never change."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"), sqlite3.connect(":memory:"))
        self._layers: list[dict[bytes, bytes | None]] = [{}]
        self._mined: list[MinedReceipt] = []

    def snapshot(self) -> Snapshot:
        kept = tuple(self._layers)
        self._layers.append({})
        return Snapshot(layers=kept, receipts=tuple(self._mined))

    def revert(self, snapshot: Snapshot) -> None:
        self.discard()
        self._layers = [*snapshot.layers, {}]
        self._mined = list(snapshot.receipts)

    def __getitem__(self, key: bytes) -> bytes:
        for layer in (self._pending, *reversed(self._layers)):
            if key in layer:
                value = layer[key]
                if value is None:
                    break
                return value
        raise KeyError(key)

    def commit(self) -> None:
        self._layers[-1].update(self._pending)
        self._mined += self._receipts
        self.discard()

    def receipt(self, tx_hash: bytes) -> dict[str, Any] | None:
        return next((mined.body for mined in reversed(self._mined) if mined.tx_hash == tx_hash), None)

    def logs(
        self, first_block: int, last_block: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]]
    ) -> Iterator[dict[str, Any]]:
        wanted = [addresses, *topics]
        for mined in self._mined:
            if first_block <= mined.block <= last_block:
                for log in mined.body["logs"]:
                    found = [log["address"], *log["topics"]]
                    if all(
                        not accepted or (place < len(found) and bytes.fromhex(found[place][2:]) in accepted)
                        for place, accepted in enumerate(wanted)
                    ):
                        yield log


def mined_of(receipt: dict[str, Any]) -> Mined:
    created = receipt.get("contractAddress")
    return Mined(
        tx_hash=bytes_of(receipt["transactionHash"]),
        block=int(receipt["blockNumber"], 16),
        gas_used=int(receipt["gasUsed"], 16),
        logs=tuple(
            Log(
                address=bytes_of(log["address"]), topics=tuple(map(bytes_of, log["topics"])), data=bytes_of(log["data"])
            )
            for log in receipt["logs"]
        ),
        created=bytes_of(created) if created else None,
    )


def hex_of(data: bytes) -> str:
    return f"0x{data.hex()}"


def bytes_of(text: str) -> bytes:
    return bytes.fromhex(text[2:])

"""An anvil node under the rules of public networks, as a chain for the kit's community.

Osaka's rules: 2^24 gas a transaction, a floor price for calldata, P-256 at 0x100. Each measured transaction is mined in
a block of its own; the clock is the kit's, so that the same work costs the same gas on every machine.
"""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lindenstrom.chain.anvil import find_anvil
from lindenstrom.chain.errors import AnvilDidNotStart, NodeError, NodeUnreachable
from lindenstrom.chain.rpc import Rpc, http_provider
from lindenstrom.signing import address_of
from lindenstrom_contracts.bindings.base import Mined
from lindenstrom_contracts.testing.chain import FUNDS_WEI, GAS, RpcChain, hex_of, mined_of

HARDFORK = "osaka"
LARGEST_BYTES = 128 * 1024
"""What geth's pool takes; signature, addresses and fees of a transaction need less than ENVELOPE."""
ENVELOPE = 256
START_WAIT_S = 20
RECEIPT_WAIT_S = 30


class TooLong(AssertionError):
    """A transaction that no public pool would take."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes of calldata; public pools take {LARGEST_BYTES}")


class Failed(AssertionError):
    """A measured transaction was mined and failed."""

    def __init__(self, tx_hash: str) -> None:
        super().__init__(f"transaction {tx_hash} failed on the node, or was not mined in {RECEIPT_WAIT_S} s")


class Node(RpcChain):
    """A node as the kit's chain. Senders are impersonated; gas does not depend on it."""

    def __init__(self, url: str) -> None:
        self._provider = http_provider(url)
        super().__init__(Rpc(self._provider, url, ()))

    def advance_to(self, timestamp: int) -> None:
        self._rpc.ask("evm_setNextBlockTimestamp", timestamp)
        self._rpc.ask("evm_mine")

    def snapshot(self) -> str:
        return str(self._rpc.ask("evm_snapshot"))

    def revert(self, snapshot: str) -> str:
        """As it was; anvil forgets a snapshot with its use, so the next one comes back."""
        now = self.now
        assert self._rpc.ask("evm_revert", snapshot)
        assert self.now <= now
        return self.snapshot()

    def fund(self, address: bytes) -> None:
        self._rpc.ask("anvil_setBalance", hex_of(address), hex(FUNDS_WEI))

    def send(self, to: bytes | None, data: bytes, *, key: bytes) -> Mined:
        request = self._request(to, data, key)
        tx_hash = self._asked("eth_sendTransaction", request)
        receipt = self._receipt(tx_hash)
        if receipt["status"] != "0x1":
            self.call(to or b"", data, caller=address_of(key), block=int(receipt["blockNumber"], 16) - 1)
            raise Failed(tx_hash)
        return mined_of(receipt)

    def send_all(self, to: bytes, calls: Sequence[bytes], *, key: bytes, gas_each: int, at_a_time: int = 250) -> None:
        """Many small calls that are not measured, several in a block: anvil takes a batch's requests side by side."""
        sender = hex_of(address_of(key))
        nonce = self._rpc.ask_number("eth_getTransactionCount", sender, "latest")
        self._rpc.ask("evm_setAutomine", False)
        for start in range(0, len(calls), at_a_time):
            part = calls[start : start + at_a_time]
            requests = [
                {"from": sender, "to": hex_of(to), "data": hex_of(data), "gas": hex(gas_each), "nonce": hex(nonce + i)}
                for i, data in enumerate(part)
            ]
            answers = self._provider.make_batch_request([("eth_sendTransaction", [request]) for request in requests])
            assert all("result" in answer for answer in answers), "taken into the pool"
            nonce += len(part)
            while self._rpc.ask_number("eth_getTransactionCount", sender, "latest") < nonce:
                self._rpc.ask("evm_mine")
        self._rpc.ask("evm_setAutomine", True)

    def _receipt(self, tx_hash: str) -> dict[str, Any]:
        """anvil answers with the hash before it has mined."""
        deadline = time.monotonic() + RECEIPT_WAIT_S
        while time.monotonic() < deadline:
            found: dict[str, Any] | None = self._rpc.ask("eth_getTransactionReceipt", tx_hash)
            if found is not None:
                return found
            time.sleep(0.005)
        raise Failed(tx_hash)

    @staticmethod
    def _request(to: bytes | None, data: bytes, key: bytes) -> dict[str, str]:
        if len(data) > LARGEST_BYTES - ENVELOPE:
            raise TooLong(len(data))
        request = {"from": hex_of(address_of(key)), "data": hex_of(data), "gas": hex(GAS)}
        return request if to is None else {**request, "to": hex_of(to)}


@contextmanager
def public_rules(start_time: int) -> Iterator[Node]:
    """A node for the length of the block, its genesis at that unix time. Errors: AnvilMissing, AnvilDidNotStart."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        log = Path(folder) / "anvil.log"
        command = [
            *(str(find_anvil()), "--host", "127.0.0.1", "--port", str(port), "--hardfork", HARDFORK, "--quiet"),
            *("--enable-tx-gas-limit", "--gas-limit", str(30_000_000), "--auto-impersonate", "--no-cors"),
            *("--timestamp", str(start_time), "--accounts", "1"),
        ]
        with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            try:
                yield _up(f"http://127.0.0.1:{port}", log)
            finally:
                process.terminate()


def _up(url: str, log: Path) -> Node:
    rpc = Rpc(http_provider(url), url, ())
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline:
        try:
            # Without it anvil would add the machine's elapsed time to every block.
            rpc.ask("anvil_setBlockTimestampInterval", 1)
        except (NodeUnreachable, NodeError):
            time.sleep(0.1)
        else:
            return Node(url)
    raise AnvilDidNotStart(log)

"""The embedded chain: py-evm behind eth-tester's provider, kept in one SQLite file.

For trial and tests. One block per transaction, block time = parent's + 1 s: the machine's clock plays no part. A
transaction that would revert is refused and not mined; the answer carries the revert's data as a node's does.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert, VMError
from eth.vm.forks.cancun import CancunVM
from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester
from eth_tester.backends.pyevm.main import PyEVMBackend
from eth_tester.utils.address import generate_contract_address
from eth_utils.exceptions import ValidationError
from web3.providers.eth_tester import EthereumTesterProvider
from web3.types import RPCEndpoint, RPCResponse

from lindenstrom.chain.chainfile import ChainFile, MinedReceipt
from lindenstrom.chain.errors import ChainFileExists, ClockGoesBack
from lindenstrom.signing import address_of

CHAIN_ID = 131277322940537  # eth-tester's own
GAS_LIMIT = 30_000_000
FAUCET_KEY = bytes(31) + b"\x01"
FAUCET_WEI = 10**30


class EmbeddedChain(MiningChain):
    """py-evm's chain with a constant gas limit and a clock of its own."""

    chain_id = CHAIN_ID
    vm_configuration = cast("Any", ((0, CancunVM),))

    def create_header_from_parent(self, parent_header: Any, **fields: Any) -> Any:
        """Gas limit and second follow from the parent: py-evm would take the machine's time."""
        fields.setdefault("timestamp", parent_header.timestamp + 1)
        fields["gas_limit"] = parent_header.gas_limit
        return super().create_header_from_parent(parent_header, **fields)

    def get_transaction_builder(self) -> Any:
        """eth-tester expects it on the chain."""
        return self.get_vm().get_transaction_builder()


class FileBackend(PyEVMBackend):  # type: ignore[misc]
    """eth-tester's backend on a chain that was loaded from a file, or begun in it."""

    chain: Any  # py-evm's own types are narrower than what eth-tester does with them

    def __init__(self, file: ChainFile, start_time: int | None) -> None:
        self._file = file
        self._start_time = start_time
        super().__init__()

    def reset_to_genesis(self, *_args: Any, **_kwargs: Any) -> None:
        """Load the file's chain; build a genesis only into a new file."""
        if self._start_time is None:
            self.reload()
            return
        params: Any = {
            "coinbase": ZERO_ADDRESS,
            "difficulty": 0,
            "extra_data": b"",
            "gas_limit": GAS_LIMIT,
            "mix_hash": ZERO_HASH32,
            "nonce": bytes(8),
            "receipt_root": BLANK_ROOT_HASH,
            "timestamp": self._start_time,
            "transaction_root": BLANK_ROOT_HASH,
        }
        state: Any = {address_of(FAUCET_KEY): {"balance": FAUCET_WEI, "nonce": 0, "code": b"", "storage": {}}}
        self.chain = EmbeddedChain.from_genesis(self._database(), params, state)
        self._file.commit()

    def get_accounts(self) -> tuple[bytes, ...]:
        """The faucet. eth-tester signs nothing here."""
        return (address_of(FAUCET_KEY),)

    def reload(self) -> None:
        """Drop the pending block and everything it wrote."""
        self._file.discard()
        self.chain = EmbeddedChain(self._database())

    def _database(self) -> AtomicDB:
        return AtomicDB(cast("Any", self._file))  # dict-like is all that AtomicDB asks for


class EmbeddedProvider(EthereumTesterProvider):
    """Provider for web3 and for `lindenstrom.chain.client`: answers the usual JSON-RPC methods from file and EVM."""

    def __init__(self, file: ChainFile, start_time: int | None = None) -> None:
        self._file = file
        self._backend = FileBackend(file, start_time)
        super().__init__(EthereumTester(self._backend))
        self._methods: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_blockNumber": lambda: hex(self._head().block_number),
            "eth_getBlockByNumber": self._block,
            "eth_getTransactionCount": lambda account, _block="latest": hex(self._state().get_nonce(_bytes(account))),
            "eth_getBalance": lambda account, _block="latest": hex(self._state().get_balance(_bytes(account))),
            "eth_getCode": lambda account, _block="latest": _hex(self._state().get_code(_bytes(account))),
            "eth_call": self._call,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": lambda tx_hash: self._file.receipt(_bytes(tx_hash)),
            "eth_getLogs": self._logs,
            "evm_setTime": self.advance_to,
        }

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One JSON-RPC request. What is not answered here goes to eth-tester."""
        handler = self._methods.get(method)
        if handler is None:
            return super().make_request(method, params)
        try:
            return {"jsonrpc": "2.0", "id": 1, "result": handler(*params)}
        except Revert as revert:
            data = revert.args[0] if revert.args and isinstance(revert.args[0], bytes) else b""
            return _error(3, "execution reverted", _hex(data))
        except (VMError, ValidationError) as error:
            return _error(-32000, str(error), None)

    def advance_to(self, timestamp: int) -> None:
        """Mine an empty block of that time. Errors: ClockGoesBack."""
        now = self._head().timestamp
        if timestamp < now:
            raise ClockGoesBack(now, timestamp)
        if timestamp > now:
            with self._whole_block() as chain:
                chain.header = chain.header.copy(timestamp=timestamp)

    def transactions(self) -> Any:
        """py-evm's builder of transactions for the newest block's rules."""
        return self._backend.chain.get_transaction_builder()

    def reload(self) -> None:
        """Go on from what the file says, where somebody has changed it."""
        self._backend.reload()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _head(self) -> Any:
        return self._backend.chain.get_canonical_head()

    def _state(self) -> Any:
        chain = self._backend.chain
        return chain.get_vm(chain.get_canonical_head()).state

    @contextmanager
    def _whole_block(self) -> Iterator[Any]:
        """Mine and keep what the body does to the chain; whatever fails or interrupts leaves the last block."""
        chain = self._backend.chain
        try:
            yield chain
            # Without a random mix hash the same transactions give the same blocks.
            chain.mine_block(coinbase=ZERO_ADDRESS, mix_hash=ZERO_HASH32)
            self._file.commit()
        except BaseException:
            self._backend.reload()
            raise

    def _block(self, number: Any, full: bool = False) -> dict[str, Any] | None:
        chain = self._backend.chain
        head = chain.get_canonical_head()
        wanted = _number(number, head.block_number)
        if wanted > head.block_number:
            return None
        header = head if wanted == head.block_number else chain.get_canonical_block_header_by_number(wanted)
        mined = chain.get_block_by_header(header).transactions if full else ()
        return ({"transactions": [_shown(transaction) for transaction in mined]} if full else {}) | {
            "number": hex(header.block_number),
            "hash": _hex(header.hash),
            "parentHash": _hex(header.parent_hash),
            "timestamp": hex(header.timestamp),
            "baseFeePerGas": hex(header.base_fee_per_gas),
            "gasLimit": hex(header.gas_limit),
            "gasUsed": hex(header.gas_used),
            "stateRoot": _hex(header.state_root),
        }

    def _call(self, call: dict[str, Any], block: Any = "latest") -> str:
        chain = self._backend.chain
        head = chain.get_canonical_head()
        wanted = _number(block, head.block_number)
        header = head if wanted == head.block_number else chain.get_canonical_block_header_by_number(wanted)
        vm = chain.get_vm(header)
        sender = _bytes(call["from"]) if call.get("from") else self._backend.get_accounts()[0]
        unsigned = vm.get_transaction_builder().create_unsigned_transaction(
            nonce=vm.state.get_nonce(sender),
            gas_price=header.base_fee_per_gas,
            gas=GAS_LIMIT,
            to=_bytes(call.get("to") or "0x"),
            value=0,
            data=_bytes(call.get("data") or call.get("input") or "0x"),
        )
        # The caller of a view needs no coin, as on any node; the state is thrown away.
        vm.state.set_balance(sender, FAUCET_WEI)
        computation = vm.state.apply_transaction(cast("Any", SpoofTransaction(unsigned, from_=sender)))
        computation.raise_if_error()
        return _hex(computation.output)

    def _send(self, raw: str) -> str:
        transaction = self._backend.chain.get_transaction_builder().decode(_bytes(raw))
        if self._file.receipt(transaction.hash) is not None:
            return _hex(transaction.hash)
        with self._whole_block() as chain:
            block, receipt, computation = chain.apply_transaction(transaction)
            computation.raise_if_error()
            self._index(block, transaction, receipt)
        return _hex(transaction.hash)

    def _index(self, block: Any, transaction: Any, receipt: Any) -> None:
        number = hex(block.number)
        tx_hash = _hex(transaction.hash)
        logs = [
            {
                "address": _hex(log.address),
                "topics": [f"0x{topic:064x}" for topic in log.topics],
                "data": _hex(log.data),
                "blockNumber": number,
                "transactionHash": tx_hash,
                "transactionIndex": "0x0",
                "logIndex": hex(position),
            }
            for position, log in enumerate(receipt.logs)
        ]
        created = generate_contract_address(transaction.sender, transaction.nonce) if transaction.to == b"" else None
        body = {
            "transactionHash": tx_hash,
            "transactionIndex": "0x0",
            "blockNumber": number,
            "from": _hex(transaction.sender),
            "to": None if created else _hex(transaction.to),
            "contractAddress": _hex(created) if created else None,
            "gasUsed": hex(receipt.gas_used),
            "cumulativeGasUsed": hex(receipt.gas_used),
            "status": "0x1",
            "logs": logs,
        }
        self._file.add_receipt(MinedReceipt(tx_hash=transaction.hash, block=block.number, body=body))

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        head = self._head().block_number
        first = _number(wanted.get("fromBlock", "latest"), head)
        last = _number(wanted.get("toBlock", "latest"), head)
        topics = [_several(topic) for topic in wanted.get("topics") or []]
        return list(self._file.logs(first, last, _several(wanted.get("address")), topics))


def create(path: Path, start_time: int) -> None:
    """Begin a chain whose genesis block has that time (unix seconds). Errors: ChainFileExists."""
    if path.exists():
        raise ChainFileExists(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        file = ChainFile.create(Path(name))
        try:
            EmbeddedProvider(file, start_time)
        finally:
            file.close()
        os.link(name, path)  # fails where a rename would replace
    except FileExistsError:
        raise ChainFileExists(path) from None
    finally:
        Path(name).unlink()


def open_provider(path: Path, wait_s: float) -> EmbeddedProvider:
    """Open the chain; it stays locked until `close`. Errors: ChainFileMissing, ChainFileBusy, NotAChainFile."""
    file = ChainFile.open(path, wait_s)
    try:
        return EmbeddedProvider(file)
    except BaseException:
        file.close()
        raise


def _shown(transaction: Any) -> dict[str, Any]:
    return {
        "hash": _hex(transaction.hash),
        "to": _hex(transaction.to) if transaction.to else None,
        "input": _hex(transaction.data),
    }


def _error(code: int, message: str, data: str | None) -> RPCResponse:
    error: Any = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": 1, "error": error}


def _hex(data: bytes) -> str:
    return f"0x{bytes(data).hex()}"


def _bytes(text: Any) -> bytes:
    return bytes.fromhex(text[2:]) if isinstance(text, str) else bytes(text)


def _several(value: Any) -> list[bytes]:
    if value is None:
        return []
    return [_bytes(item) for item in value] if isinstance(value, list | tuple) else [_bytes(value)]


def _number(block: Any, head: int) -> int:
    if isinstance(block, int):
        return block
    if block in ("latest", "pending", "safe", "finalized"):
        return head
    return 0 if block == "earliest" else int(block, 16)

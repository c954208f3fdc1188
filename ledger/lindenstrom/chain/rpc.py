"""JSON-RPC over any of the three nodes, and the one place where a node's failures become the project's errors."""

import ast
from collections.abc import Sequence
from typing import Any, Protocol

from lindenstrom.chain.abi import ContractAbi, ContractCall, refusal
from lindenstrom.chain.errors import ContractRefused, NodeError, NodeUnreachable
from lindenstrom.errors import LindenstromError

REVERT_CODE = 3
RETRIES = 2
REQUEST_TIMEOUT_S = 30


class Provider(Protocol):
    """web3's provider, as far as it is used here."""

    def make_request(self, method: Any, params: Any) -> Any:
        """One JSON-RPC request and its whole answer."""


class Reverted(Exception):
    """A node reported a revert; data is what the contract returned."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


class Rpc:
    """Requests to one node."""

    def __init__(self, provider: Provider, place: str, abis: Sequence[ContractAbi]) -> None:
        self.provider = provider
        self.place = place
        self.abis = tuple(abis)

    def ask(self, method: str, *params: Any) -> Any:
        """One request. Errors: NodeUnreachable, NodeError; Reverted (inside the package only)."""
        try:
            answer = self.provider.make_request(method, list(params))
        except (LindenstromError, KeyboardInterrupt):
            raise
        except Exception as error:  # each transport has its own tree of errors
            raise _translated(error, self.place) from error
        if "error" in answer:
            raise _from_answer(answer["error"], self.place, method)
        return answer.get("result")

    def ask_number(self, method: str, *params: Any) -> int:
        """A request whose answer is a hex number."""
        return int(self.ask(method, *params), 16)

    def refused(self, reverted: Reverted, call: ContractCall) -> ContractRefused:
        """The contract's own error, decoded."""
        own = [abi for abi in self.abis if abi.contract == call.contract]
        return refusal(reverted.data, call.contract, own + [abi for abi in self.abis if abi not in own])


def http_provider(url: str) -> Provider:
    """web3's HTTP provider, which keeps its connection and retries reads."""
    from web3 import HTTPProvider

    provider = HTTPProvider(url, request_kwargs={"timeout": REQUEST_TIMEOUT_S})
    if provider.exception_retry_configuration is not None:
        provider.exception_retry_configuration.retries = RETRIES
    return provider


def revert_data(error: BaseException) -> bytes | None:
    """The data of a revert that web3 or eth-tester raised, None when it was none.

    eth-tester puts a Python repr of the bytes into its message, web3 a hex string into `data`.
    """
    data = getattr(error, "data", None)
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    names = {kind.__name__ for kind in type(error).__mro__}
    if not names & {"TransactionFailed", "ContractLogicError"}:
        return None
    text = str(error.args[0]) if error.args else ""
    text = text.removeprefix("execution reverted: ")
    if text[:2] in ("b'", 'b"'):
        found = ast.literal_eval(text)
        return found if isinstance(found, bytes) else None
    return b""


def _translated(error: Exception, place: str) -> Exception:
    data = revert_data(error)
    return Reverted(data) if data is not None else NodeUnreachable(place, type(error).__name__)


def _from_answer(error: Any, place: str, method: str) -> Exception:
    if not isinstance(error, dict):
        return NodeError(place, method, str(error))
    message = str(error.get("message", "no message"))
    data = error.get("data")
    if isinstance(data, dict):  # some nodes wrap it once more
        data = data.get("data")
    reverted = "revert" in message.lower() or error.get("code") == REVERT_CODE
    if reverted:
        return Reverted(bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b"")
    return NodeError(place, method, message)

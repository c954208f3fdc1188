"""Encoding of calls and decoding of answers, logs and reverts, from the contracts' ABIs. Needs eth_abi only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lindenstrom.chain.errors import ContractRefused, UnexpectedAnswer
from lindenstrom.core.hashing import keccak

Entry = Mapping[str, Any]
ERROR_STRING = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCall:
    """A call to send or simulate. to: 20 bytes, None creates a contract. data: selector and arguments."""

    contract: str
    function: str
    to: bytes | None
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One log as the node gave it. address 20 bytes, topics 32 bytes each; position is the log's index in its block."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    tx_hash: bytes
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decoded log: the event's name and its values by name."""

    contract: str
    name: str
    values: Mapping[str, Any]
    block: int
    tx_hash: bytes

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    names: tuple[str, ...]
    indexed: tuple[bool, ...]


class ContractAbi:
    """A contract's functions, errors and events by name."""

    def __init__(self, contract: str, abi: Sequence[Entry]) -> None:
        self.contract = contract
        items = [(entry["type"], _item(entry)) for entry in abi if entry["type"] in ("function", "error", "event")]
        self.functions = {item.name: item for kind, item in items if kind == "function"}
        self.errors = {item.selector[:4]: item for kind, item in items if kind == "error"}
        self.events = {item.name: item for kind, item in items if kind == "event"}
        self._events_by_topic = {item.selector: item for item in self.events.values()}

    def call(self, to: bytes, function: str, *values: Any) -> ContractCall:
        """Encode a call. Structs are tuples in the ABI's order."""
        item = self.functions[function]
        data = item.selector[:4] + _encode(item.inputs, values)
        return ContractCall(contract=self.contract, function=function, to=to, data=data)

    def answer(self, function: str, data: bytes) -> tuple[Any, ...]:
        """Decode what a function returned. Errors: UnexpectedAnswer."""
        try:
            return _decode(self.functions[function].outputs, data)
        except Exception as error:  # eth_abi raises a wide tree for foreign bytes
            raise UnexpectedAnswer(self.contract, function) from error

    def topics(self, event: str, **indexed: int | bytes) -> list[str | None]:
        """Topics of a log filter: the event and the values of indexed parameters."""
        item = self.events[event]
        topics: list[str | None] = ["0x" + item.selector.hex()]
        for name, is_indexed in zip(item.names, item.indexed, strict=True):
            if is_indexed:
                value = indexed.get(name)
                topics.append(None if value is None else "0x" + _word(value).hex())
        while topics[-1] is None:
            topics.pop()
        return topics

    def event(self, log: LogEntry) -> Event | None:
        """Decode a log, None when it is no event of this contract. Errors: UnexpectedAnswer."""
        item = self._events_by_topic.get(log.topics[0]) if log.topics else None
        if item is None:
            return None
        columns = list(zip(item.names, item.inputs, item.indexed, strict=True))
        try:
            inside = iter(_decode(tuple(kind for _, kind, is_indexed in columns if not is_indexed), log.data))
            topics = iter(log.topics[1:])
            values = {
                name: _topic_value(kind, next(topics)) if is_indexed else next(inside)
                for name, kind, is_indexed in columns
            }
        except Exception as error:
            raise UnexpectedAnswer(self.contract, item.name) from error
        return Event(contract=self.contract, name=item.name, values=values, block=log.block, tx_hash=log.tx_hash)


def refusal(data: bytes, contract: str, abis: Sequence[ContractAbi]) -> ContractRefused:
    """The error that a revert's data stands for. `abis` in order of preference: errors cross contracts unchanged."""
    selector, body = data[:4], data[4:]
    if not data:
        return ContractRefused("WithoutReason", (), contract)
    if selector == ERROR_STRING:
        return ContractRefused("Error", _decode(("string",), body), contract)
    if selector == PANIC:
        return ContractRefused("Panic", _decode(("uint256",), body), contract)
    for abi in abis:
        item = abi.errors.get(selector)
        if item is not None:
            return ContractRefused(item.name, _decode(item.inputs, body), contract)
    return ContractRefused("UnknownError", (data,), contract)


@cache
def contract_abi(name: str) -> ContractAbi:
    """The ABI of one of the project's contracts, from its artifact."""
    from lindenstrom_contracts import loader

    return ContractAbi(name, loader.load(name).abi)


def creation(contract: str, *values: Any) -> ContractCall:
    """The call that deploys one of the project's contracts with these constructor arguments."""
    from lindenstrom_contracts import loader

    artifact = loader.load(contract)
    inputs = next(entry["inputs"] for entry in artifact.abi if entry["type"] == "constructor")
    data = artifact.bytecode + _encode(_types(inputs), values)
    return ContractCall(contract=contract, function="constructor", to=None, data=data)


def _item(entry: Entry) -> _Item:
    inputs = entry.get("inputs", ())
    types = _types(inputs)
    return _Item(
        entry["name"],
        keccak(f"{entry['name']}({','.join(types)})".encode()),
        types,
        _types(entry.get("outputs", ())),
        tuple(part["name"] for part in inputs),
        tuple(bool(part.get("indexed")) for part in inputs),
    )


def _types(parts: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(_type(part) for part in parts)


def _type(part: Entry) -> str:
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_types(part['components']))}){kind.removeprefix('tuple')}"


def _word(value: int | bytes) -> bytes:
    return value.rjust(32, b"\0") if isinstance(value, bytes) else int(value).to_bytes(32, "big")


@cache
def _codec() -> tuple[Callable[..., bytes], Callable[..., tuple[Any, ...]]]:
    from eth_abi.abi import decode, encode

    return encode, decode


def _encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    return _codec()[0](types, values)


def _decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    return tuple(_address_bytes(kind, value) for kind, value in zip(types, _codec()[1](types, data), strict=True))


def _topic_value(kind: str, topic: bytes) -> Any:
    # Indexed parameters of the contracts are numbers, addresses and words.
    if kind.startswith("uint"):
        return int.from_bytes(topic, "big")
    return topic[12:] if kind == "address" else topic


def _address_bytes(kind: str, value: Any) -> Any:
    # eth_abi gives addresses as text; inside the project they are 20 bytes.
    if kind == "address":
        return bytes.fromhex(value[2:])
    return [_address_bytes("address", item) for item in value] if kind == "address[]" else value

"""What the generated bindings stand on: calls, receipts, structs, and reverts as exceptions. Needs eth_abi only.

Addresses are 20 bytes, keys 32 bytes, times unix seconds. How bytes reach a chain is the `Transport`'s business.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from lindenstrom.errors import CouldNotCheck, RefusedByRules, UsageError

T = TypeVar("T")
Values = Sequence[Any]

ERROR_STRING = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")


class Reverted(Exception):
    """What a transport raises for a revert; `data` is what the contract returned."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log as the chain keeps it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """What a transport knows of a mined transaction. created: the address of a new contract."""

    tx_hash: bytes
    block: int
    gas_used: int
    logs: tuple[Log, ...]
    created: bytes | None = None


class Transport(Protocol):
    """A way to a chain."""

    def call(self, to: bytes, data: bytes, *, caller: bytes | None, block: int | None) -> bytes:
        """Simulate on the latest block, or on an earlier one. Raises Reverted."""

    def send(self, to: bytes | None, data: bytes, *, key: bytes) -> Mined:
        """Sign, send and wait until it is mined; `to` None creates a contract. Raises Reverted."""

    def address(self, key: bytes) -> bytes:
        """The account of a key."""


class Speaker(Protocol):
    """Somebody with a key."""

    @property
    def key(self) -> bytes:
        """32 bytes."""


class ContractError(RefusedByRules):
    """A contract's custom error; `values` in the order of its definition, each also an attribute by name."""

    SELECTOR: ClassVar[bytes]
    TYPES: ClassVar[tuple[str, ...]]

    def __init__(self, *values: Any) -> None:
        shown = ", ".join(f"0x{v.hex()}" if isinstance(v, bytes) else str(v) for v in values)
        super().__init__(f"the contract refused: {type(self).__name__}({shown})")
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContractError) and type(other) is type(self) and other.values == self.values

    def __hash__(self) -> int:
        return hash((type(self), self.values))


class UnknownRevert(RefusedByRules):
    """A revert that is none of the contracts' errors: a panic, a text, or nothing. data: as it came."""

    def __init__(self, data: bytes) -> None:
        reason = "without a reason"
        if data[:4] == PANIC:
            reason = f"with panic 0x{int.from_bytes(data[4:], 'big'):02x}"
        elif data[:4] == ERROR_STRING:
            reason = f"with the text {_decode(('string',), data[4:])[0]!r}"
        elif data:
            reason = f"with 0x{data.hex()}, which is none of its errors; make the bindings anew"
        super().__init__(f"the contract reverted {reason}")
        self.data = data


class NoSender(UsageError):
    """A sending method was called on a contract that nobody speaks for."""

    def __init__(self, function: str) -> None:
        super().__init__(f"{function} sends a transaction: say whose with `.by(key)`")


class NotCreated(CouldNotCheck):
    """A contract's creation was mined without an address."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the chain gave no address for the new {name}; check that it is an EVM chain")


class Struct(ABC):
    """A Solidity struct; the fields stand in its order."""

    __slots__ = ()

    @classmethod
    @abstractmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""


class Event(ABC):
    """A contract's event."""

    __slots__ = ()
    TOPIC: ClassVar[bytes]

    @classmethod
    @abstractmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A contract's function: its name in Solidity, 4-byte selector, ABI types."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Generic[T]):
    """A mined call. logs in order, other contracts' included."""

    mined: Mined
    replay: Callable[[], T]

    @property
    def value(self) -> T:
        """What the function returned: simulated on the block before, for a receipt does not hold it."""
        return self.replay()

    @property
    def gas_used(self) -> int:
        """Gas that the transaction cost."""
        return self.mined.gas_used

    @property
    def events(self) -> tuple[Event, ...]:
        """The logs that are events of the community's contracts."""
        from lindenstrom_contracts.bindings.events import BY_TOPIC

        known = ((BY_TOPIC.get(log.topics[0]), log) for log in self.mined.logs if log.topics)
        return tuple(kind.from_log(log) for kind, log in known if kind is not None)


class Contract:
    """A deployed contract, and who speaks to it. `by` gives the same contract with another voice."""

    NAME: ClassVar[str]
    CONSTRUCTOR: ClassVar[tuple[str, ...]]

    def __init__(self, address: bytes, transport: Transport, key: bytes | None = None) -> None:
        self.address = address
        self._transport = transport
        self._key = key

    def by(self, who: bytes | Speaker) -> Self:
        """This contract, its transactions signed by `who`, or by whoever has this key."""
        return type(self)(self.address, self._transport, who if isinstance(who, bytes) else who.key)

    @classmethod
    def _deploy(cls, transport: Transport, key: bytes, values: Values) -> Self:
        from lindenstrom_contracts import loader

        data = loader.load(cls.NAME).bytecode + _encode(cls.CONSTRUCTOR, values)
        created = _translated(lambda: transport.send(None, data, key=key)).created
        if created is None:
            raise NotCreated(cls.NAME)
        return cls(created, transport, key)

    def _ask(self, function: Function, values: Values, block: int | None = None) -> tuple[Any, ...]:
        caller = None if self._key is None else self._transport.address(self._key)
        data = function.selector + _encode(function.inputs, values)
        answer = _translated(lambda: self._transport.call(self.address, data, caller=caller, block=block))
        return _decode(function.outputs, answer)

    def _send(self, function: Function, values: Values, decode: Callable[[Values], T]) -> Sent[T]:
        key = self._key
        if key is None:
            raise NoSender(f"{self.NAME}.{function.name}")
        data = function.selector + _encode(function.inputs, values)
        mined = _translated(lambda: self._transport.send(self.address, data, key=key))
        return Sent(mined=mined, replay=lambda: decode(self._ask(function, values, mined.block - 1)))


def abi_value(value: Any) -> Any:
    """Structs as tuples, sequences as lists, all else as it is."""
    if isinstance(value, Struct):
        return tuple(abi_value(getattr(value, field.name)) for field in fields(value))  # type: ignore[arg-type]
    return [abi_value(item) for item in value] if isinstance(value, list | tuple) else value


def address(value: Any) -> bytes:
    """An address as 20 bytes; eth_abi gives text where it is inside a struct."""
    return bytes.fromhex(value[2:]) if isinstance(value, str) else bytes(value)


def nothing(_values: Values) -> None:
    """What a function without a return value returns."""


def words(log: Log, types: tuple[str, ...]) -> tuple[Any, ...]:
    """The values of a log that are not indexed."""
    return _decode(types, log.data)


def topic(log: Log, place: int, kind: str) -> Any:
    """An indexed value of a static type."""
    return _decode((kind,), log.topics[place])[0]


def error_of(data: bytes) -> RefusedByRules:
    """The exception that a revert's data stands for."""
    from lindenstrom_contracts.bindings.errors import BY_SELECTOR

    kind = BY_SELECTOR.get(data[:4])
    return UnknownRevert(data) if kind is None else kind(*_decode(kind.TYPES, data[4:]))


def _translated(work: Callable[[], T]) -> T:
    try:
        return work()
    except Reverted as reverted:
        raise error_of(reverted.data) from None


def _encode(types: Sequence[str], values: Values) -> bytes:
    from eth_abi.abi import encode

    return encode(types, [abi_value(value) for value in values])


def _decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    from eth_abi.abi import decode

    return tuple(
        address(value) if kind == "address" else value for kind, value in zip(types, decode(types, data), strict=True)
    )

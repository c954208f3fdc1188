"""A node that fails to order, in front of anvil, and a community on it; each test takes a reader of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lindenstrom.chain import anvil
from lindenstrom.chain.abi import contract_abi
from lindenstrom.chain.client import CONTRACTS, Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.deploy import deploy_community
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.rpc import Provider, http_provider
from lindenstrom.core.hashing import keccak
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.sender import Sender
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.signing import address_of
from metering.folders import DAY, ZONE, interval_file, meter

OPERATOR = keccak(b"operator of the trial")
START = ZONE.window_end(DAY + 60)
COIN = 10**20

Answer = dict[str, Any]
Request = Callable[[str, list[Any]], Answer]


class Silence(Exception):
    """What a transport raises when nobody answers."""


@dataclass
class Unreliable:
    """A provider between client and node: `fault` sees each request and passes it on, or does not."""

    inner: Provider
    fault: Callable[[Request, str, list[Any]], Answer] | None = None
    asked: list[str] = field(default_factory=list)

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append(method)
        if self.fault is None:
            return self.inner.make_request(method, params)
        return self.fault(self.inner.make_request, method, params)


def down(_ask: Request, _method: str, _params: list[Any]) -> Answer:
    raise Silence


def answer_lost(ask: Request, method: str, params: list[Any]) -> Answer:
    """What is sent arrives, but the answer does not come back."""
    answer = ask(method, params)
    if method == "eth_sendRawTransaction":
        raise Silence
    return answer


def twice(ask: Request, method: str, params: list[Any]) -> Answer:
    """Whatever is sent arrives twice; the second answer counts."""
    if method == "eth_sendRawTransaction":
        ask(method, params)
    return ask(method, params)


@dataclass
class Node:
    """anvil with a community on it, as an ordinary node that has no clock and no coin to give."""

    community: Community
    provider: Unreliable
    timeout_s: float = 0.5

    def chain(self) -> Chain:
        config = NodeConfig(kind=NodeKind.URL, url=self.community.node.url, timeout_s=self.timeout_s)
        return Chain(config, self.provider, [contract_abi(name) for name in CONTRACTS])

    def ask(self, method: str, *params: Any) -> Any:
        """Straight to the node, whatever the fault."""
        answer = self.provider.inner.make_request(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self, count: int) -> None:
        self.ask("anvil_mine", hex(count))

    def fund(self, key: bytes, wei: int = COIN) -> None:
        self.ask("anvil_setBalance", "0x" + address_of(key).hex(), hex(wei))

    def nonce(self, key: bytes) -> int:
        return int(self.ask("eth_getTransactionCount", "0x" + address_of(key).hex(), "latest"), 16)

    def open_chain(self) -> Chain:
        """Past all faults, for who sets up and looks."""
        return Chain(self.community.node, self.provider.inner, [contract_abi(name) for name in CONTRACTS])

    def add_reader(self, key: bytes) -> int:
        """Register a reader and return its index."""
        chain = self.open_chain()
        contracts = self.community.contracts(chain)
        index = contracts.reader_count()
        chain.send(contracts.add_reader(index, address_of(key)), OPERATOR)
        return index

    def anchored(self, reader: int) -> list[tuple[int, int, bytes]]:
        """All events of a reader: window, revision, root."""
        chain = self.open_chain()
        contracts = self.community.contracts(chain)
        topics = contracts.reading_log.topics("Anchored")
        from lindenstrom.chain.batches import records_of

        logs = chain.logs(self.community.addresses.reading_log, topics, self.community.deployment_block)
        events = [event for event in map(contracts.event, logs) if event is not None]
        rows = [row.record for event in events for row in records_of(event)]
        return sorted((row.window, row.revision, row.root) for row in rows if row.reader == reader)


@contextmanager
def running_node(folder: Path) -> Iterator[Node]:
    """Raises AnvilMissing."""
    started = anvil.start(folder / "anvil", START)
    try:
        provider = Unreliable(http_provider(started.url))
        trial = Chain(started.config, provider, [contract_abi(name) for name in CONTRACTS])
        community = deploy_community(
            trial, folder / "community.toml", name="Trial", zone="Europe/Berlin", deployer_key=OPERATOR, auditors=[]
        )
        yield Node(community=community, provider=provider)
    finally:
        anvil.stop(folder / "anvil")


@dataclass
class Reader:
    """A reader's folder, its key, which pays too, and the mailbox."""

    node: Node
    folder: Path
    index: int
    key: bytes

    def adapter(self) -> Adapter:
        return Adapter(self.folder / "reader", random=secrets.token_bytes)

    def sender(self, *, confirmations: int | None = 2, key: bytes | None = None) -> Sender:
        return Sender(
            chain=self.node.chain(),
            community=self.node.community,
            outbox=self.adapter().outbox,
            reader=self.index,
            key=key or self.key,
            confirmations=confirmations,
        )

    def hand_over(self, *windows: int) -> None:
        """Import, build, sign and deliver some days of one meter."""
        adapter = self.adapter()
        adapter.import_intervals(interval_file(self.folder / "values.csv", adapter.setup, windows))
        for window in windows:
            assert adapter.build(window, now=START).entry
            adapter.sign(window, self.key, separator=self.separator)
            adapter.deliver(window, self.folder / "mail")

    @property
    def separator(self) -> bytes:
        return self.node.community.contracts(self.node.open_chain()).domain_separator()

    def states(self) -> list[str]:
        """How far each entry has come, by window and revision."""
        return [
            "final" if e.final else "anchored" if e.anchored else "delivered" if e.delivered else "built"
            for e in self.adapter().outbox.entries()
        ]


def new_reader(node: Node, folder: Path) -> Reader:
    """A registered reader with one interval meter and coin."""
    key = keccak(str(folder).encode())
    node.fund(key)
    index = node.add_reader(key)
    one = MeterSetup(position=0, meter=meter(index), source=Source.INTERVALS, metering_point=f"DE{index:05}")
    setup = ReaderSetup(community=node.community.id, reader=index, depth=12, zone=ZONE, meters=(one,))
    Adapter.create(folder / "reader", replace(setup), random=secrets.token_bytes)
    return Reader(node=node, folder=folder, index=index, key=key)

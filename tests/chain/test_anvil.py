"""The local node: the same client, the same clock rules, its state kept over a restart."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain import box
from lindenstrom.chain import anvil
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import load_community
from lindenstrom.chain.creation import Creation, compare_creations
from lindenstrom.chain.deploy import deploy_community
from lindenstrom.chain.errors import (
    AnvilMissing,
    ClockGoesBack,
    ContractRefused,
    NoClockControl,
    NodeUnreachable,
    NonceTaken,
)
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.rpc import http_provider

pytestmark = pytest.mark.anvil


def opened(node: anvil.AnvilNode) -> Chain:
    return Chain(node.config, http_provider(node.url), [box.BOX])


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    try:
        anvil.find_anvil()
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    yield tmp_path / "node"
    anvil.stop(tmp_path / "node")


def test_a_day_on_anvil(directory: Path) -> None:
    node = anvil.start(directory, box.START)
    assert anvil.start(directory, box.START) == node
    chain = opened(node)
    assert chain.now() == box.START
    place = box.deploy(chain)
    with pytest.raises(ContractRefused) as refused:
        chain.send(box.put(place, 1, 0), box.KEY)
    assert (refused.value.name, refused.value.contract) == ("Zero", "Box")

    prepared = chain.prepare(box.put(place, 1, 1), box.KEY)
    first = chain.broadcast(prepared)
    assert chain.broadcast(prepared) == first
    with pytest.raises(NonceTaken):
        chain.broadcast(chain.reprice(prepared, box.KEY))

    chain.advance_to(box.START + 86_400)
    assert chain.now() == box.START + 86_400
    chain.send(box.put(place, 2, 2), box.KEY)
    assert chain.now() == box.START + 86_401
    with pytest.raises(ClockGoesBack):
        chain.advance_to(box.START)
    seen = (chain.now(), chain.block_number(), chain.logs(place, [], 0))

    assert anvil.stop(directory)
    assert not anvil.stop(directory)
    with pytest.raises(NodeUnreachable):
        chain.now()
    chain = opened(anvil.start(directory, 0))
    assert (chain.now(), chain.block_number(), chain.logs(place, [], 0)) == seen
    assert chain.result(first.tx_hash) == first
    chain.send(box.put(place, 3, 3), box.KEY)
    assert chain.now() == seen[0] + 1


def test_a_mined_revert_is_explained(directory: Path) -> None:
    chain = opened(anvil.start(directory, box.START))
    place = box.deploy(chain)
    prepared = chain.prepare(box.put(place, 1, 0), box.KEY, simulate=False)
    for _ in range(2):
        with pytest.raises(ContractRefused, match=r"Zero\(\)"):
            chain.broadcast(prepared)


def test_killed_node_keeps_its_state(directory: Path) -> None:
    node = anvil.start(directory, box.START)
    chain = opened(node)
    place = box.deploy(chain)
    time.sleep(2.5)  # the state is written every second
    os.kill(node.pid, signal.SIGKILL)
    os.waitpid(node.pid, 0)
    assert not anvil.stop(directory)
    assert opened(anvil.start(directory, box.START)).code(place)


def test_a_community_on_anvil(directory: Path, tmp_path: Path) -> None:
    node = anvil.start(directory, box.START)
    with open_chain(node.config) as chain:
        made = deploy_community(
            chain, tmp_path / "c.toml", name="x", zone="Europe/Berlin", deployer_key=box.KEY, auditors=[]
        )
        assert made.contracts(chain).operator() == box.OWNER
    loaded = load_community(tmp_path / "c.toml")
    assert loaded.node == node.config
    with open_chain(loaded.node) as chain:
        loaded.check_code(chain)
        assert compare_creations(loaded, chain) == (Creation.SAME,) * 4
        with pytest.raises(ContractRefused, match=r"UnexpectedIndex\(9, 2\)"):
            chain.send(loaded.contracts(chain).add_member(9, box.OWNER), box.KEY)


def test_a_plain_node_has_no_clock_to_move(directory: Path) -> None:
    node = anvil.start(directory, box.START)
    chain = Chain(NodeConfig(kind=NodeKind.URL, url=node.url), http_provider(node.url), [box.BOX])
    with pytest.raises(NoClockControl):
        chain.advance_to(box.START + 60)
    chain.ensure_funds(box.OWNER)
    assert chain.balance(box.OWNER) == 0

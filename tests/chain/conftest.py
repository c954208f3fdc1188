"""Fixtures of the chain tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain import box
from lindenstrom.chain import embedded
from lindenstrom.chain.client import Chain
from lindenstrom.chain.node import NodeConfig, NodeKind


@pytest.fixture
def node(tmp_path: Path) -> NodeConfig:
    """A fresh embedded chain."""
    path = tmp_path / "chain.sqlite"
    embedded.create(path, box.START)
    return NodeConfig(kind=NodeKind.EMBEDDED, path=path, lock_wait_s=0.3)


@pytest.fixture
def chain(node: NodeConfig) -> Iterator[Chain]:
    """The fresh chain, open, knowing the box's errors."""
    assert node.path is not None
    provider = embedded.open_provider(node.path, node.lock_wait_s)
    yield Chain(node, provider, [box.BOX])
    provider.close()

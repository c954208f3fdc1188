"""pytest fixtures. Each test gets the same fresh chain; what it does there is gone after it.

    chain          the chain, with time travel and snapshots; nothing on it
    community      the four contracts, deployed, with a cast of people who have coin
    cast           those people
    agreed_day     meters bound and agreements joined, the day not yet begun
    read_day       … the day over, and anchored by its readers
    posted_day     … and posted: ready to be attested, contested, refuted
    settled_day    … attested and final
    new_community  deploys another community, with constants of your own

All stand on one chain, so a test asks for one of the days. `lindenstrom_contracts.testing.play_day` plays one with a
cheating operator in it. Nothing heavy is imported before the first fixture is used.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lindenstrom_contracts.bindings.structs import Constants
    from lindenstrom_contracts.testing.chain import LocalChain
    from lindenstrom_contracts.testing.community import Cast, Community
    from lindenstrom_contracts.testing.day import PlayedDay
    from lindenstrom_contracts.testing.stages import Stages


@pytest.fixture(scope="session")
def lindenstrom_stages() -> "Stages":
    """The chain and what was played on it in this test run, each stage once."""
    from lindenstrom_contracts.testing.stages import Stages

    return Stages()


@pytest.fixture
def chain(lindenstrom_stages: "Stages") -> Iterator["LocalChain"]:
    """A chain with nothing on it."""
    with lindenstrom_stages.test() as chain:
        yield chain


@pytest.fixture
def community(lindenstrom_stages: "Stages", chain: "LocalChain") -> "Community":
    """A deployed community."""
    return lindenstrom_stages.community(chain)


@pytest.fixture
def cast(community: "Community") -> "Cast":
    """Operator, auditors, steward, members, readers, and anyone."""
    return community.cast


@pytest.fixture
def new_community(chain: "LocalChain") -> "Callable[[Constants], Community]":
    """`new_community(constants)` deploys one more on the test's chain."""
    from lindenstrom_contracts.testing.community import deploy

    return lambda constants: deploy(chain, constants=constants)


def _day(stage: str) -> "Callable[[Stages, Community], PlayedDay]":
    def fixture(lindenstrom_stages: "Stages", community: "Community") -> "PlayedDay":
        from lindenstrom_contracts.testing.day import Stage

        return lindenstrom_stages.day(community, Stage[stage])

    return fixture


agreed_day = pytest.fixture(_day("AGREED"), name="agreed_day")
read_day = pytest.fixture(_day("READ"), name="read_day")
posted_day = pytest.fixture(_day("POSTED"), name="posted_day")
settled_day = pytest.fixture(_day("FINAL"), name="settled_day")

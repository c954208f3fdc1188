"""What a session has played already, so that a test gets it in milliseconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from lindenstrom_contracts.testing.chain import LocalChain, Snapshot
from lindenstrom_contracts.testing.community import START, Community, deploy
from lindenstrom_contracts.testing.day import PlayedDay, Stage, play_day

T = TypeVar("T")


class Stages:
    """One chain; a snapshot at genesis, after the deployment and after each stage of a day."""

    def __init__(self) -> None:
        self._chain = LocalChain(START)
        self._genesis = self._chain.snapshot()
        self._kept: dict[tuple[bytes, str], tuple[object, Snapshot]] = {}

    @contextmanager
    def test(self) -> Iterator[LocalChain]:
        """The untouched chain, for the length of a test."""
        self._chain.revert(self._genesis)
        yield self._chain
        self._chain.revert(self._genesis)

    def community(self, chain: LocalChain) -> Community:
        """The deployed community."""
        return self._once(chain, "community", lambda: deploy(chain))

    def day(self, community: Community, stage: Stage) -> PlayedDay:
        """The day, played that far on top of whatever the test has done so far."""
        return self._once(community.chain, stage.name, lambda: play_day(community, stage))

    def _once(self, chain: LocalChain, name: str, play: Callable[[], T]) -> T:
        # The head names the state: what was played from there is played again by going where it led.
        before = chain.head
        if (before, name) not in self._kept:
            self._kept[before, name] = (play(), chain.snapshot())
        made, after = self._kept[before, name]
        chain.revert(after)
        return cast("T", made)

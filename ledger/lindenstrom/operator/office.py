"""Who works with what: an open chain, the community, its store and mailbox, and the operator's key."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Contracts
from lindenstrom.core.calendar import Zone
from lindenstrom.operator.errors import NotTheOperator
from lindenstrom.roster import CommunityReader
from lindenstrom.signing import address_of
from lindenstrom.store.keybook import Randomness
from lindenstrom.store.store import Store


class Step(StrEnum):
    """Parts of a day's settlement, in order; each is stored before the next begins."""

    COLLECT = "collect"
    CLEAR = "clear"
    TREES = "trees"
    STORE = "store"
    SIGN = "sign"
    POST = "post"
    CONFIRM = "confirm"
    BUNDLES = "bundles"
    AUDIT = "audit"
    DONE = "done"


Progress = Callable[[Step], None]
"""Called as each step begins."""


def silent(_step: Step) -> None:
    """No progress shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The operator's workplace. randomness: count → random bytes, for keys of salts."""

    chain: Chain
    community: Community
    store: Store
    mailbox: Path
    key: bytes = field(repr=False)
    randomness: Randomness

    @property
    def contracts(self) -> Contracts:
        """The community's contracts."""
        return self.community.contracts(self.chain)

    @property
    def reader(self) -> CommunityReader:
        """Reads rosters and anchorings."""
        return CommunityReader(self.chain, self.community)

    @property
    def zone(self) -> Zone:
        """The community's calendar."""
        return Zone(offset_hours=self.community.constants.offset_hours)

    def as_of(self, window: int) -> int:
        """Cut-off for a window's readings: its end and the close delay."""
        return self.zone.window_end(window) + self.community.constants.close_delay_s

    def require_operator(self) -> None:
        """Raises NotTheOperator unless the key is the community's operator's."""
        if address_of(self.key) != self.community.operator:
            raise NotTheOperator

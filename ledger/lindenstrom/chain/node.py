"""Which node a community lives on. Light: no web3 import."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DEFAULT_LOCK_WAIT_S = 10.0
DEFAULT_TIMEOUT_S = 120.0


class NodeKind(StrEnum):
    """Embedded and anvil are for trial and tests: whoever runs them can rewrite them."""

    EMBEDDED = "embedded"
    ANVIL = "anvil"
    URL = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Where to find the chain.

    path: the embedded chain's SQLite file. url: http(s) address of anvil or of any other node.
    lock_wait_s: how long to wait for another command that has the embedded chain open.
    timeout_s: how long to wait for a transaction to be mined.
    """

    kind: NodeKind
    path: Path | None = None
    url: str | None = None
    lock_wait_s: float = DEFAULT_LOCK_WAIT_S
    timeout_s: float = DEFAULT_TIMEOUT_S

    @property
    def is_trial(self) -> bool:
        """True where the clock can be moved and coin is free."""
        return self.kind is not NodeKind.URL

    @property
    def place(self) -> str:
        """Path or URL, for messages."""
        return str(self.path if self.kind is NodeKind.EMBEDDED else self.url)

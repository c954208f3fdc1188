"""What a transaction leaves behind: one result for every command that sends one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lindenstrom_cli.render import Result

if TYPE_CHECKING:
    from lindenstrom.chain.client import TxResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Result):
    """An act that the chain took. id: number of what came into being, if anything did. tx: None if not known."""

    SCHEMA: ClassVar[str] = "sent"
    act: str
    id: int | None
    tx: bytes | None
    gas_used: int | None
    summary: str

    def lines(self) -> Iterable[str]:
        """The summary."""
        yield self.summary


def sent(result: "TxResult", act: str, summary: str, number: int | None = None) -> Sent:
    """The result of a transaction."""
    return Sent(act=act, id=number, tx=result.tx_hash, gas_used=result.gas_used, summary=summary)


def recorded(act: str, summary: str, number: int) -> Sent:
    """The result of an act that may have been on the chain already: repeating it changes nothing."""
    return Sent(act=act, id=number, tx=None, gas_used=None, summary=summary)

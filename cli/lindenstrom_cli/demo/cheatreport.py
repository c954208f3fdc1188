"""The catalogue of lies as a table: who caught each, with what gas, and what became public."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lindenstrom.core.refutation import Reason
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.demo.lies import Way
from lindenstrom_cli.render import Result, emphasis, table, wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """A lie and its end. checks: of the member's own verification that fail; finding: the auditor's, else empty."""

    lie: str
    way: Way
    checks: tuple[int, ...]
    reason: Reason | None
    finding: str
    gas: int
    opened_bytes: int
    posting_gas: int

    @property
    def by(self) -> str:
        """Who sees it, in words."""
        return text(f"cheat.by_{self.way.value}")

    @property
    def why(self) -> str:
        """What the contract or the auditor found, in words."""
        if self.reason is not None:
            return self.reason.name.lower().replace("_", " ")
        first, *more = self.finding.split(", ")
        if len(more) < 3:
            return self.finding
        return text("cheat.why_more", first=f"{first}, {more[0]}", count=len(more) - 1)

    @property
    def public(self) -> str:
        """What became public by catching it, in words."""
        return text(f"cheat.public_{self.way.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheatReport(Result):
    """Every lie that was told."""

    SCHEMA: ClassVar[str] = "cheat"
    community: str
    caught: tuple[Caught, ...]
    home: Path | None
    seconds: float

    def lines(self) -> Iterable[str]:
        """The table, and how to read it."""
        count = len(self.caught)
        yield emphasis(text("cheat.title", count=count, name=self.community), "green")
        yield ""
        head = [text(f"cheat.head.{name}") for name in ("lie", "noticed", "by", "why", "gas", "public")]
        rows = [(row.lie, _noticed(row), row.by, row.why, str(row.gas), row.public) for row in self.caught]
        yield from table(head, rows, right=frozenset({4}))
        yield ""
        auditor = any(row.way is Way.AUDITOR for row in self.caught)
        for note in ("note_columns", "note_contract", *(["note_auditor"] if auditor else []), "not_in_it"):
            yield from wrapped(text(f"cheat.{note}"))
        yield text("demo.seconds", seconds=self.seconds)
        if self.home is not None:
            yield text("demo.kept", home=self.home)
            yield text("demo.try_audit", home=self.home)
            yield text("demo.try_status", home=self.home)
            yield text("demo.try_how")


def _noticed(row: Caught) -> str:
    """What the member's own verification says."""
    if row.way is Way.DEMAND:
        return text("cheat.noticed_nothing_came")
    if not row.checks:
        return text("cheat.noticed_nothing")
    return text("cheat.noticed_checks", checks=", ".join(map(str, row.checks)))

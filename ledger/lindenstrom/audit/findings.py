"""What an audit says: facts per day, and the first difference of each kind. No amounts, no names, and no readings.

What a returning meter's registers show beyond its replacements is said in mWh.
"""

from dataclasses import dataclass
from enum import StrEnum

from lindenstrom.audit.file import Erased
from lindenstrom.core.calendar import date_of
from lindenstrom.core.verification import PostingState
from lindenstrom.corrections import CorrectionDue
from lindenstrom.demands import OpenDemand


class Kind(StrEnum):
    """What is compared, in the order in which it is."""

    FILE = "audit file"
    HEADER = "header"
    PACKS = "packs"
    SOURCES = "sources"
    REPLACEMENTS = "replacements"
    PARAMETERS = "parameters"
    RESULTS = "levels"
    STATEMENTS = "statements"
    ENERGY = "energy balance"
    MONEY = "money balance"
    REGISTERS = "registers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference: where it is, never by how much. slot: index in the window."""

    kind: Kind
    what: str
    member: int | None = None
    agreement: int | None = None
    binding: int | None = None
    reader: int | None = None
    slot: int | None = None

    def __str__(self) -> str:
        places = ("member", "agreement", "binding", "reader", "slot")
        named = [f"{name} {getattr(self, name)}" for name in places if getattr(self, name) is not None]
        return f"{self.kind}: {', '.join(named)}{': ' if named else ''}{self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedMeter:
    """A meter without a reading of its own on a day, and why."""

    binding: int
    member: int
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTrueUp:
    """A meter read again: its start registers less its replacement's end, mWh, may be negative; not priced (R5)."""

    binding: int
    member: int
    import_mwh: int
    export_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedDay:
    """One posting's facts.

    slots_checked: members' slots recomputed. true_ups: of meters replaced the day before and read again.
    register_gaps: bindings whose registers jump beside a day that was not posted before.
    erased: what is no longer there to be recomputed; then only what is left was checked against the posted roots.
    gas_post, gas_anchor: of the posting, and of the transactions that anchored the window's readings.
    demands: of members who lack their bundle, not answered yet. revision: above 0 for a correction.
    """

    window: int
    revision: int
    sequence: int
    state: PostingState
    digest: bytes
    attested_by: int
    contested_by: int
    members: int
    agreements: int
    meters: int
    slots_checked: int
    slots_not_measured: int
    replaced: tuple[ReplacedMeter, ...]
    true_ups: tuple[MeterTrueUp, ...]
    register_gaps: tuple[int, ...]
    gas_post: int
    gas_anchor: int
    demands: tuple[OpenDemand, ...]
    differences: tuple[Difference, ...]
    erased: tuple[Erased, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def first(self) -> str:
        """The first difference in words, empty when there is none."""
        return f"{date_of(self.window)}, posting {self.sequence}: {self.differences[0]}" if self.differences else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All audited postings by window and sequence; windows past their cut-off without a live posting.

    corrections: finals that newer anchored readings could correct.
    """

    days: tuple[AuditedDay, ...]
    not_posted: tuple[int, ...]
    corrections: tuple[CorrectionDue, ...]

    @property
    def passed(self) -> bool:
        """Whether every live posting is right; a void one no longer binds anybody."""
        return all(d.passed for d in self.days if d.state is not PostingState.VOID)

    @property
    def first(self) -> str:
        """The first difference in a live posting, in words; empty when there is none."""
        return next((d.first for d in self.days if not d.passed and d.state is not PostingState.VOID), "")

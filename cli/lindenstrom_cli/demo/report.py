"""What the demo ends with: facts for programs, and the same facts in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lindenstrom.audit.findings import AuditReport
from lindenstrom.core.calendar import date_of
from lindenstrom.core.units import format_eur, format_kwh
from lindenstrom.core.verification import CheckStatus, Report
from lindenstrom.operator.day import SettledDay
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.demo.scenes import MemberSums, Refutation
from lindenstrom_cli.render import Result, emphasis, table


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDay:
    """A settled day. missing: meters without a reading; gas of anchoring, posting and attesting."""

    window: int
    sequence: int
    slots: int
    missing: int
    gas: int

    @classmethod
    def of(cls, settled: SettledDay, anchor_gas: int, attest_gas: int) -> "DemoDay":
        """From what the operator's run returned."""
        return cls(
            window=settled.window,
            sequence=settled.sequence,
            slots=settled.slots,
            missing=len(settled.gaps),
            gas=anchor_gas + settled.gas + attest_gas,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFacts:
    """The auditor's run over everything."""

    passed: bool
    postings: int
    slots_checked: int
    meters_replaced: int
    first_difference: str
    void_postings: tuple[int, ...]


def audit_facts(report: AuditReport) -> AuditFacts:
    """The audit in figures; what was voided is listed apart."""
    return AuditFacts(
        passed=report.passed,
        postings=len(report.days),
        slots_checked=sum(day.slots_checked for day in report.days),
        meters_replaced=sum(len(day.replaced) for day in report.days),
        first_difference=report.first,
        void_postings=tuple(day.sequence for day in report.days if day.state.name == "VOID"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport(Result):
    """Everything that the demo did."""

    SCHEMA: ClassVar[str] = "demo"
    community: str
    members: tuple[MemberSums, ...]
    days: tuple[DemoDay, ...]
    silent_reader: int
    telegrams: int
    gas_per_member_slot_milli: int
    verified: Report
    verified_member: int
    refutation: Refutation
    audit: AuditFacts
    picture: Path
    home: Path | None
    verified_file: Path | None
    seconds: float

    def lines(self) -> Iterable[str]:
        """The story in the order in which one would ask."""
        yield emphasis(text("demo.title", name=self.community, first=self._first(), last=self._last()), "green")
        yield ""
        yield from self._table()
        yield ""
        yield from self._days()
        yield text("demo.picture", day=self._last(), path=self.picture)
        yield ""
        yield from self._verified()
        yield ""
        yield from self._lie()
        yield ""
        yield from self._audited()
        yield ""
        yield from self._where()

    def _first(self) -> str:
        return date_of(self.days[0].window).isoformat()

    def _last(self) -> str:
        return date_of(self.days[-1].window).isoformat()

    def _table(self) -> Iterator[str]:
        head = [text(f"demo.head.{name}") for name in ("member", "drew", "fed", "got", "gave", "net")]
        rows = [
            (
                m.name,
                format_kwh(m.drew_mwh, 1),
                format_kwh(m.fed_in_mwh, 1),
                format_kwh(m.taken_mwh, 1),
                format_kwh(m.given_mwh, 1),
                format_eur(m.net_peur),
            )
            for m in self.members
        ]
        yield from table(head, rows, right=frozenset(range(1, 6)))
        yield text("demo.table_note")

    def _days(self) -> Iterator[str]:
        for day in self.days:
            yield text("demo.day_line", day=date_of(day.window), slots=day.slots, sequence=day.sequence, gas=day.gas)
            if day.missing:
                yield text("demo.missing", count=day.missing, reader=self.silent_reader)
        gas = self.gas_per_member_slot_milli
        yield text("demo.sml", telegrams=self.telegrams)
        yield text("demo.gas", whole=gas // 1000, tenth=gas % 1000 // 100)

    def _verified(self) -> Iterator[str]:
        word = emphasis(f"✓ {self.verified.outcome.value}", "green")
        name = next(m.name for m in self.members if m.index == self.verified_member)
        yield text("demo.verified", verdict=word, name=name, day=self._first())
        checks = ", ".join(f"{c.id} {c.status.value}" for c in self.verified.checks)
        yield text("demo.checks", checks=checks, auditors=self.verified.attested_by_pinned)

    def _lie(self) -> Iterator[str]:
        r = self.refutation
        name = next(m.name for m in self.members if m.index == r.member)
        yield text("demo.lie", day=date_of(r.window), sequence=r.sequence, cent=r.taken_cent, name=name)
        failed = [c.id for c in r.found.checks if c.status is CheckStatus.FAILED]
        word = emphasis(f"✗ {r.found.outcome.value}", "red")
        for d in r.found.differences:
            assert d.stated is not None
            assert d.rules is not None
            yield text(
                "demo.found",
                verdict=word,
                checks=", ".join(map(str, failed)),
                agreement=d.label,
                stated=format_eur(d.stated.amount_peur, 4),
                rules=format_eur(d.rules.amount_peur, 4),
                difference=format_eur(d.amount_peur, 4),
            )
        reason = r.reason.name.lower().replace("_", " ")
        yield text("demo.refuted", sequence=r.sequence, reason=reason, gas=r.gas, kilobytes=r.opened_bytes // 1000)
        yield text("demo.again", sequence=r.posted_again)

    def _audited(self) -> Iterator[str]:
        a = self.audit
        word = emphasis("✓ clean", "green") if a.passed else emphasis("✗ differs", "red")
        yield text("demo.audited", verdict=word, postings=a.postings, slots=a.slots_checked, missing=a.meters_replaced)
        if a.first_difference:
            yield text("demo.audit_first", first=a.first_difference)
        if a.void_postings:
            yield text("demo.audit_void", postings=", ".join(map(str, a.void_postings)))

    def _where(self) -> Iterator[str]:
        yield text("demo.seconds", seconds=self.seconds)
        if self.home is None:
            yield text("demo.not_kept")
            return
        yield text("demo.kept", home=self.home)
        yield text("demo.try_verify", home=self.home, bundle=self.verified_file, member=self.verified_member)
        yield text("demo.try_audit", home=self.home)
        yield text("demo.try_status", home=self.home)
        yield text("demo.try_how")

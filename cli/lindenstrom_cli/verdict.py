"""What a verification says to people and to programs. The checks themselves are core's; their numbers are kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from lindenstrom import __version__
from lindenstrom.core.bundles import Bundle
from lindenstrom.core.calendar import date_of
from lindenstrom.core.changes import Correction
from lindenstrom.core.units import format_eur, format_kwh
from lindenstrom.core.verification import Check, CheckStatus, DayAmounts, Difference, Outcome, PostingState, Report
from lindenstrom.errors import ExitCode
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.corrected import change_lines
from lindenstrom_cli.prices import shown_price
from lindenstrom_cli.render import Result, emphasis, hexed, trimmed, utc, wrapped

_EXIT = {
    Outcome.VERIFIED: ExitCode.OK,
    Outcome.CONSISTENT: ExitCode.OK,
    Outcome.NOT_VERIFIED: ExitCode.VERIFICATION_FAILED,
    Outcome.NOT_FINAL: ExitCode.NOT_FINAL,
    Outcome.INCOMPLETE: ExitCode.COULD_NOT_CHECK,
}
_MARK = {
    Outcome.VERIFIED: ("✓", "green"),
    Outcome.CONSISTENT: ("✓", "yellow"),
    Outcome.NOT_VERIFIED: ("✗", "red"),
    Outcome.NOT_FINAL: ("…", "yellow"),
    Outcome.INCOMPLETE: ("?", "yellow"),
}
NOT_PROVEN = ("meter", "bank", "others")
CHECKS = range(1, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One numbered check with its result in words."""

    id: int
    status: CheckStatus
    claim: str
    evidence: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Who made the report."""

    name: str = "lindenstrom"
    version: str = __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the verification took on trust, and how it was called."""

    bundle: Path
    community_file: Path
    node: str | None
    trial: bool
    own_packs: int
    pinned: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorNote:
    """A pinned auditor whose end is fixed (`ending`, at a unix time) or who never was one (`unknown`, time 0), or an
    auditor that came later and is not pinned (`new`, from a unix time)."""

    kind: str
    address: bytes
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What belongs to a bundle beside its checks: what it corrected, and the member's own open demand (unix time).

    auditors: how those of the chain differ from those that the member has pinned. foreign: the contracts are not this
    release's, so that they were not asked.
    """

    correction: Correction | None = None
    demand_due_at: int | None = None
    auditors: tuple[AuditorNote, ...] = ()
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification(Result):
    """The verdict on a bundle."""

    SCHEMA: ClassVar[str] = "verification"
    verdict: Outcome
    community: str
    member: int
    name: str
    day: date
    sequence: int
    amounts: DayAmounts | None
    checks: tuple[CheckLine, ...]
    differences: tuple[Difference, ...]
    revision: int
    voided: bool
    foreign_contracts: bool
    corrected_by: int | None
    correction: Correction | None
    final_at: int | None
    open_demands: int
    demand_due_at: int | None
    auditors: tuple[AuditorNote, ...]
    trust: tuple[str, ...]
    not_proven: tuple[str, ...]
    tool: Tool
    bundle: Path
    explain: int | None

    @property
    def exit_code(self) -> ExitCode:
        """0 verified or consistent, 3 failed, 4 not final, 5 could not check."""
        return _EXIT[self.verdict]

    def lines(self) -> Iterable[str]:
        """Verdict first; then amounts, checks, limits and what is relied on."""
        mark, colour = _MARK[self.verdict]
        word = emphasis(f"{mark} {self.verdict.value}", colour)
        yield text(
            "verify.title", verdict=word, community=self.community, name=self.name, member=self.member, day=self.day
        )
        yield ""
        if self.explain is not None:
            yield from self._explained(self.explain)
            return
        yield from self._summary()
        if self.amounts is not None:
            yield from _amount_lines(self.amounts)
            yield ""
        yield from self._corrections()
        yield from self._check_lines()
        yield ""
        for note in self.auditors:
            yield from wrapped(text(f"verify.auditor_{note.kind}", address=hexed(note.address), when=utc(note.time)))
        if self.auditors:
            yield ""
        yield text("verify.not_proven")
        yield from (f"   – {line}" for line in self.not_proven)
        yield ""
        yield text("verify.trust")
        yield from (f"   – {line}" for line in self.trust)
        yield ""
        yield text("verify.more", bundle=self.bundle)

    def _summary(self) -> Iterator[str]:
        """Why the verdict is not VERIFIED, and what to do."""
        if self.verdict is Outcome.NOT_VERIFIED:
            for check in self.checks:
                if check.status is CheckStatus.FAILED:
                    yield from wrapped(text("verify.failed", id=check.id, detail=check.detail))
            for difference in self.differences:
                yield from _difference_lines(difference)
            yield from wrapped(self._next_step())
        elif self.verdict is Outcome.NOT_FINAL and self.final_at is not None:
            yield "  " + text("verify.not_final", when=utc(self.final_at))
            if self.open_demands:
                yield "  " + text("verify.demands_open", count=self.open_demands)
            if self.demand_due_at is not None:
                shown = {"when": utc(self.demand_due_at), "sequence": self.sequence, "member": self.member}
                yield from wrapped(text("verify.own_demand", **shown))
        else:
            yield from wrapped(text(f"verify.is_{self.verdict.name.lower()}"))
        yield ""

    def _next_step(self) -> str:
        """What to do when something failed."""
        if self.foreign_contracts:
            return text("verify.foreign_next")
        failed = [check.id for check in self.checks if check.status is CheckStatus.FAILED]
        return text(
            f"verify.{'void' if self.voided else 'other' if failed == [1] else 'failed'}_next", bundle=self.bundle
        )

    def _corrections(self) -> Iterator[str]:
        """Whether a later revision stands, and what this one changed."""
        if self.corrected_by is not None:
            yield from wrapped(text("verify.corrected_by", sequence=self.corrected_by))
            yield ""
        if self.revision and not self.voided:
            found = self.correction
            lines = [text("correction.unknown", revision=self.revision)] if found is None else change_lines(found)
            yield from (f"  {line}" for line in lines)
            yield ""

    def _check_lines(self) -> Iterator[str]:
        width = max(len(check.claim) for check in self.checks)
        yield f"  {text('head.checked').ljust(width + 4)}{text('head.result')}"
        for check in self.checks:
            yield f"  {check.id:>2} {check.claim.ljust(width)}  {_status(check)}"
            if check.detail:
                yield f"     {check.detail}"

    def _explained(self, number: int) -> Iterator[str]:
        check = self.checks[number - 1]
        yield f"  {check.id}  {check.claim}: {_status(check)}"
        if check.detail:
            yield f"     {check.detail}"
        yield ""
        yield "  " + text("verify.evidence")
        yield from (f"     {line}" for line in check.evidence)
        yield ""
        yield "  " + text("verify.by_hand")
        yield "     " + text(f"explain.{number}")


def verification(
    bundle: Bundle, report: Report, sources: Sources, around: Surroundings, explain: int | None
) -> Verification:
    """The result that is shown, of core's report."""
    posting = report.posting
    later = posting.live if posting is not None and posting.live > bundle.sequence else None
    voided = posting is not None and posting.state is PostingState.VOID
    return Verification(
        verdict=report.outcome,
        community=bundle.community.name,
        member=bundle.member,
        name=bundle.name,
        day=date_of(bundle.header.window),
        sequence=bundle.sequence,
        amounts=report.amounts,
        checks=tuple(_check_line(check, bundle, report) for check in report.checks),
        differences=report.differences,
        revision=bundle.header.revision,
        voided=voided,
        foreign_contracts=around.foreign,
        corrected_by=None if voided else later,
        correction=around.correction,
        final_at=posting.final_at if posting else None,
        open_demands=posting.open_demands if posting else 0,
        demand_due_at=around.demand_due_at,
        auditors=around.auditors,
        trust=tuple(_trust(sources)),
        not_proven=tuple(text(f"not_proven.{item}") for item in NOT_PROVEN),
        tool=Tool(),
        bundle=sources.bundle,
        explain=explain,
    )


def _check_line(check: Check, bundle: Bundle, report: Report) -> CheckLine:
    if check.finding:
        detail = text(f"finding.{check.finding}").format(*check.detail)
    elif check.id == 6 and report.posting is not None:
        attested = len(report.posting.attested_by)
        detail = text("finding.attested", all=attested, pinned=report.attested_by_pinned)
    else:
        detail = ""
    return CheckLine(
        id=check.id,
        status=check.status,
        claim=text(f"check.{check.id}"),
        evidence=tuple(_evidence(check.id, bundle, report)),
        detail=detail,
    )


def _status(check: CheckLine) -> str:
    return text(f"status.{check.status.name.lower()}")


def _evidence(number: int, bundle: Bundle, report: Report) -> Iterator[str]:
    """Name and value of what a check compared; the values are as in the file or on the chain."""
    community = bundle.community
    if number == 1:
        yield f"community {hexed(community.id)}"
        yield f"member {bundle.member}, day {date_of(bundle.header.window)}, revision {bundle.header.revision}"
    elif number == 2:
        for meter in bundle.meters:
            opening = meter.opening
            root = hexed(opening.record.root) if opening.record else "–"
            yield (
                f"{meter.label}: binding {meter.binding.id}, reader {meter.binding.reader}, "
                f"revision {opening.revision}, root {root}"
            )
    elif number == 3:
        for agreement in bundle.agreements:
            price = shown_price(agreement.terms)
            yield f"{agreement.label}: agreement {agreement.membership.agreement}, {price} ct/kWh"
    elif number == 4:
        if report.amounts is not None:
            yield f"net {report.amounts.net_peur} p€"
    elif number == 5:
        header = bundle.header
        yield f"posting {hexed(bundle.digest)}"
        for name in ("statements_root", "results_root", "sources_root"):
            yield f"{name} {hexed(getattr(header, name))}"
    elif number == 6:
        yield f"Settlement {hexed(community.settlement)} on chain {community.chain_id}, posting {bundle.sequence}"
        if report.posting is not None:
            yield f"state {PostingState(report.posting.state).name.lower()}, as of {utc(report.posting.as_of)}"
            yield from (f"attested by {hexed(address)}" for address in report.posting.attested_by)
    else:
        yield f"Registry {hexed(community.registry)}, Agreements {hexed(community.agreements)}"
        yield f"ReadingLog {hexed(community.reading_log)} on chain {community.chain_id}"


def _amount_lines(amounts: DayAmounts) -> Iterator[str]:
    for total, total_mwh, part_mwh in (
        ("drew", amounts.drew_mwh, amounts.taken_mwh),
        ("fed_in", amounts.fed_in_mwh, amounts.given_mwh),
    ):
        shown = {"total": format_kwh(total_mwh).rjust(10), "part": format_kwh(part_mwh)}
        yield "  " + text(f"amount.{total}", **shown, rest=format_kwh(total_mwh - part_mwh))
    direction = "owed" if amounts.net_peur > 0 else "owe" if amounts.net_peur < 0 else "even"
    yield "  " + text(f"amount.{direction}", net=euro(amounts.net_peur).rjust(9))
    if amounts.slots_not_measured:
        yield "  " + text("amount.substitutes", count=amounts.slots_not_measured)
    if amounts.true_up_import_mwh or amounts.true_up_export_mwh:
        drew, fed_in = (trimmed(format_kwh(n, 6)) for n in (amounts.true_up_import_mwh, amounts.true_up_export_mwh))
        yield from wrapped(text("amount.true_up", drew=drew, fed_in=fed_in))


def _difference_lines(difference: Difference) -> Iterator[str]:
    stated, rules = difference.stated, difference.rules
    label = difference.label or text("verify.agreement", id=difference.agreement)
    for side, key in (("taken_mwh", "taken"), ("given_mwh", "given")):
        says, gives = (getattr(line, side) if line else 0 for line in (stated, rules))
        if says != gives:
            yield "    " + text(
                f"difference.{key}",
                label=label,
                rules=trimmed(format_kwh(gives, 6)),
                stated=trimmed(format_kwh(says, 6)),
            )
    amount = difference.amount_peur
    if amount:
        says, gives = (line.amount_peur if line else 0 for line in (stated, rules))
        shown = {"rules": trimmed(format_eur(gives, 12)), "stated": trimmed(format_eur(says, 12))}
        yield "    " + text("difference.amount", label=label, **shown)
        favour = "yours" if amount > 0 else "theirs"
        yield "    " + text(f"difference.{favour}", amount=trimmed(format_eur(abs(amount), 12)))


def euro(amount_peur: int) -> str:
    """An amount without its sign, with four places; exact where four places would show nothing of it."""
    four = format_eur(abs(amount_peur), 4)
    return four if amount_peur == 0 or set(four) != {"0", "."} else trimmed(format_eur(abs(amount_peur), 12))


def _trust(sources: Sources) -> Iterator[str]:
    yield text("trust.community", file=sources.community_file)
    if sources.node is None:
        yield text("trust.offline")
    else:
        yield text("trust.trial" if sources.trial else "trust.node", node=sources.node)
    yield text("trust.packs", count=sources.own_packs) if sources.own_packs else text("trust.no_packs")
    if sources.pinned:
        yield text("trust.pinned", auditors=", ".join(hexed(a) for a in sources.pinned))
    else:
        yield text("trust.none_pinned")

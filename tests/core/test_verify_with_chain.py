"""What verify finds only because it asks the chain, and what it must not mistake for a fault."""

from dataclasses import replace

import pytest

from lindenstrom.core.clearing import ONE
from lindenstrom.core.hashing import keccak
from lindenstrom.core.refutation import Reason, recompute
from lindenstrom.core.terms import BadParameters, Binding, Parameters
from lindenstrom.core.verification import CheckStatus, Expectation, Outcome, Report, verify_bundle
from lindenstrom.signing import address_of
from tests.support.example_day import AS_OF, AUDITOR, PLACES, RECOVER, REF, TERMS, WINDOW, ExampleDay, Lie


def verify(chain: ExampleDay, member: int, own_packs: dict[bytes, bytes] | None = None) -> Report:
    expected = Expectation(community=REF, member=member, pinned_auditors=(AUDITOR,), own_packs=own_packs)
    return verify_bundle(ExampleDay().bundle(member), expected, recover=RECOVER, chain=chain)


def status(report: Report, check: int) -> tuple[CheckStatus, str]:
    found = report.checks[check - 1]
    return found.status, found.finding


class TwoRevisions(ExampleDay):
    """Reader 0 anchored a second revision."""

    second_at = AS_OF

    def count(self, reader: int, window: int) -> int:
        return 2 * (reader == 0)

    def anchored_at(self, reader: int, window: int, revision: int) -> int:
        return self.second_at if revision else self.anchor_time


class TooLate(TwoRevisions):
    second_at = AS_OF + 1


def test_a_newer_revision_before_the_cut_off_is_found_without_the_operator_s_help() -> None:
    report = verify(TwoRevisions(), 2)
    assert report.outcome is Outcome.NOT_VERIFIED
    assert status(report, 2) == (CheckStatus.FAILED, "reason_source_stale")
    assert verify(TooLate(), 2).outcome is Outcome.VERIFIED


class Anchored(ExampleDay):
    """Reader 1, whose meters were replaced, had anchored something."""

    withheld = 0

    def count(self, reader: int, window: int) -> int:
        return 1

    def withheld_at(self, reader: int, window: int) -> int:
        return self.withheld


class Withheld(Anchored):
    withheld = AS_OF


def test_a_replacement_needs_a_ground() -> None:
    report = verify(Anchored(), 4)
    assert report.outcome is Outcome.INCOMPLETE
    assert status(report, 2) == (CheckStatus.NOT_CHECKED, "replacement_unproven")
    assert verify(Withheld(), 4).outcome is Outcome.VERIFIED
    own = {b.meter: b"the good pack" for b in ExampleDay().bindings(4, WINDOW)}
    assert verify(Anchored(), 4, own).outcome is Outcome.NOT_VERIFIED


class Later(ExampleDay):
    """Since the day, ends were shortened and the reader's key was rotated."""

    def bindings(self, member: int, window: int) -> list[Binding]:
        return [replace(b, end_day=WINDOW + 1) for b in super().bindings(member, window)]

    def reader_accounts(self, reader: int) -> list[bytes]:
        return [*super().reader_accounts(reader), address_of(keccak(b"new key"))]


def test_what_changed_since_the_day_does_not_spoil_it() -> None:
    assert verify(Later(), 2).outcome is Outcome.VERIFIED


def test_prices_and_levels_are_judged_slot_by_slot_as_in_the_contract() -> None:
    def both(result):  # type: ignore[no-untyped-def]
        row = list(result.triples[2])
        row[3] = replace(row[3], giver_level=ONE + 1)
        row[9] = replace(row[9], price_ueur_kwh=1)
        return replace(result, triples={**result.triples, 2: tuple(row)})

    day = ExampleDay(lie=Lie(result=both))
    assert recompute(day, day.bundle(2).header, 2, day.bundle(2).opening).reason is Reason.LEVEL_RANGE


def test_committed_parameters_out_of_range_are_recomputed_as_the_contract_does() -> None:
    wild = Parameters(share_ppm=3_000_000, salt=keccak(b"wild"))
    with pytest.raises(BadParameters):
        wild.checked(TERMS[2])
    places = tuple(replace(p, parameters=wild) if (p.member, p.agreement) == (4, 2) else p for p in PLACES)
    day = ExampleDay(places=places)
    assert recompute(day, day.bundle(4).header, 4, day.bundle(4).opening).reason is None

"""What verify finds only because it asks the chain, and what it must not mistake for a fault."""

from dataclasses import replace

import pytest

from lindenstrom.core.bundles import Bundle, GroundOpening, bundle_json, read_bundle
from lindenstrom.core.clearing import ONE
from lindenstrom.core.hashing import keccak
from lindenstrom.core.merkle import PositionalTree, batch_tree
from lindenstrom.core.refutation import Reason, RecordOpening, recompute
from lindenstrom.core.statements import Record, batch_digest
from lindenstrom.core.terms import BadParameters, Binding, Parameters
from lindenstrom.core.verification import CheckStatus, Expectation, Outcome, Report, verify_bundle
from lindenstrom.signing import address_of, is_signed_by
from tests.support.example_day import (
    AS_OF,
    AUDITOR,
    BINDINGS,
    DEPTH,
    PLACES,
    REF,
    TERMS,
    WINDOW,
    ExampleDay,
    Lie,
    example_pack,
)


def verify(chain: ExampleDay, member: int, own_packs: dict[bytes, bytes] | None = None) -> Report:
    expected = Expectation(community=REF, member=member, pinned_auditors=(AUDITOR,), own_packs=own_packs)
    return verify_bundle(ExampleDay().bundle(member), expected, signed_by=is_signed_by, chain=chain)


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


REPLACED = next(b for b in BINDINGS if b.reader == 1)
GOOD = example_pack(REPLACED, REF.id).encode()
UNFIT = replace(example_pack(REPLACED, REF.id), window=WINDOW + 1).encode()


class Ground(Anchored):
    """What reader 1 had anchored for the replaced meter, or nothing; opened in the bundle."""

    def __init__(self, pack: bytes = b"", /, **lies: object) -> None:
        super().__init__()
        leaves = {REPLACED.position: keccak(pack)} if pack else {}
        tree = PositionalTree(depth=DEPTH, leaves={**leaves, 9: keccak(b"another")})
        self.own = batch_tree([Record(reader=1, window=WINDOW, revision=0, root=tree.root).leaf(self.community)])
        opened = GroundOpening(
            revision=0,
            record=RecordOpening(batch=7, time=self.anchor_time, root=tree.root, slot=0),
            empty=not pack,
            pack=pack,
            proof=tree.proof(REPLACED.position),
        )
        self.opened = replace(opened, **lies)  # type: ignore[arg-type]

    def batch(self, batch: int) -> bytes:
        return batch_digest(self.own.root, self.anchor_time) if batch == 7 else super().batch(batch)

    def bundle(self, member: int) -> Bundle:
        bundle = super().bundle(member)
        meters = (replace(m, ground=self.opened) if m.binding == REPLACED else m for m in bundle.meters)
        return replace(bundle, meters=tuple(meters))


def judge(day: Ground, *, offline: bool = False) -> Report:
    expected = Expectation(community=REF, member=REPLACED.member, pinned_auditors=(AUDITOR,))
    bundle = read_bundle(bundle_json(day.bundle(REPLACED.member)))
    return verify_bundle(bundle, expected, signed_by=is_signed_by, chain=None if offline else day)


def test_a_replacement_needs_a_ground() -> None:
    report = verify(Anchored(), 4)
    assert report.outcome is Outcome.NOT_VERIFIED
    assert status(report, 2) == (CheckStatus.FAILED, "replacement_unproven")
    assert verify(Withheld(), 4).outcome is Outcome.VERIFIED
    late = {b.meter: b"an own copy, anchored too late" for b in ExampleDay().bindings(4, WINDOW)}
    assert verify(ExampleDay(), 4, late).outcome is Outcome.VERIFIED


@pytest.mark.parametrize("pack", [b"", b"no pack at all", UNFIT], ids=["empty", "bytes", "unfit"])
def test_an_opened_ground_is_seen_to_be_one(pack: bytes) -> None:
    assert judge(Ground(pack)).outcome is Outcome.VERIFIED
    assert status(judge(Ground(pack), offline=True), 2) == (CheckStatus.OK, "")


@pytest.mark.parametrize(
    ("ground", "finding"),
    [
        (Ground(GOOD), "reason_replacement_unfounded"),
        (Ground(GOOD, empty=True, pack=b""), "bad_opening"),
        (Ground(b"", empty=False, pack=UNFIT), "bad_opening"),
        (Ground(b"", proof=()), "bad_opening"),
        (Ground(b"", record=RecordOpening(batch=7, time=AS_OF + 1, root=bytes(32), slot=0)), "bad_opening"),
        (Ground(b"", revision=1), "replacement_unproven"),
    ],
)
def test_a_false_ground_is_none(ground: Ground, finding: str) -> None:
    report = judge(ground)
    assert report.outcome is Outcome.NOT_VERIFIED
    assert status(report, 2) == (CheckStatus.FAILED, finding)


class Later(ExampleDay):
    """Since the day, ends were shortened and the reader's key was rotated."""

    def bindings(self, member: int, window: int) -> list[Binding]:
        return [replace(b, end_day=WINDOW + 1) for b in super().bindings(member, window)]

    def reader_keys(self, reader: int) -> list[bytes]:
        return [*super().reader_keys(reader), address_of(keccak(b"new key"))]


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

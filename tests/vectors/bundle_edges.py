"""Bundles at the edges of the rules: newer records, seconds on either side of a limit, empty and unknown leaves.

As bundle_days: lies are told before the trees are built, damaged files are changed after.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lindenstrom.core.bundles import Bundle
from lindenstrom.core.hashing import EMPTY, TAG_SOURCE, keccak, u8, u16
from lindenstrom.core.terms import Role
from lindenstrom.signing import P256_ORDER, SECP256K1_ORDER, Curve
from tests.support.example_day import Lie, empty_statement
from tests.vectors.bundle_days import (
    ANNA,
    BORIS,
    CARLA,
    Vector,
    VectorDay,
    bad,
    changed_opening,
    day,
    good_pack,
    grounded,
    lied,
    opened_ground,
    place,
    replaced,
    simple,
    swapped,
    terms,
)

HOUR = 3_600
Change = Callable[[Bundle], Bundle]


def with_next(told: VectorDay, **changes: Any) -> Change:
    """The file with the record of the reader's second revision, or a wrong copy of it."""
    return changed_opening(next=replace(told.opened(0, 1), **changes))


def other_record(told: VectorDay, **changes: Any) -> Change:
    return changed_opening(record=replace(told.opened(0), **changes))


def other_ground(told: VectorDay, **changes: Any) -> Change:
    """The ground with fields of its record changed."""

    def change(b: Bundle) -> Bundle:
        meter = opened_ground(told)(b).meters[0]
        assert meter.ground is not None
        record = replace(meter.ground.record, **changes)
        return replace(b, meters=(replace(meter, ground=replace(meter.ground, record=record)),))

    return change


def other_ground_revision(b: Bundle) -> Bundle:
    meter = opened_ground(grounded())(b).meters[0]
    assert meter.ground is not None
    return replace(b, meters=(replace(meter, ground=replace(meter.ground, revision=1)),))


def other_s(b: Bundle) -> Bundle:
    """The reader's signature with the order less s, which is as right, in the upper half of the order."""
    meter = b.meters[0]
    order = P256_ORDER if len(meter.reader_key) == 64 else SECP256K1_ORDER
    s = int.from_bytes(meter.signature[32:64], "big")
    high = max(s, order - s).to_bytes(32, "big")
    v = bytes(55 - x for x in meter.signature[64:])  # 27 for 28, and back
    return replace(b, meters=(replace(meter, signature=meter.signature[:32] + high + v),))


def one_left_out() -> VectorDay:
    """Of Anna's two meters the reader left one out, so it is replaced; later it anchored a second revision."""
    plain = simple(meters=(ANNA, ANNA, BORIS))
    return replace(
        plain, left_out=frozenset({2}), history=replaced().history, second_at=plain.as_of + HOUR
    )  # fmt: skip


def three_openings(b: Bundle) -> Bundle:
    told = one_left_out()
    anchored, empty = b.meters
    ground = opened_ground(grounded())(b).meters[0].ground
    assert ground is not None
    ground = replace(ground, record=told.opened(0, 0), proof=told.reader_tree(0).proof(empty.binding.position))
    anchored = replace(anchored, opening=replace(anchored.opening, next=told.opened(0, 1)))
    return replace(b, meters=(anchored, replace(empty, ground=ground)))


def other_source(kind: int, revision: int, hashed: bytes, told: VectorDay | None = None) -> dict[str, Any]:
    """A day whose source leaf of Anna's meter is this one, and the file that opens it; kind 0 is the empty leaf."""
    leaf = keccak(TAG_SOURCE + u8(kind) + u16(revision) + hashed) if kind else EMPTY
    return {
        "told": replace(told or simple(), lie=Lie(leaves=lambda c: swapped("sources_tree", 1, leaf)(c))),
        "change": changed_opening(kind=kind, revision=revision, replacement=hashed),
    }


def dropped() -> VectorDay:
    """The operator posted no statement for Anna, who is in an agreement."""
    lie = Lie(leaves=lambda c: swapped("statements_tree", ANNA, EMPTY)(c))
    committed = lied(lie).committed()
    return lied(replace(lie, statement=lambda b: replace(b, statement=empty_statement(committed, ANNA))))


def without_agreement() -> VectorDay:
    places = (place(CARLA, 1, Role.TAKER), place(BORIS, 1, Role.GIVER))
    return day([terms()], places, meters=(ANNA, BORIS, CARLA), roofs=(BORIS,))


def twice_in_a_batch() -> VectorDay:
    plain = simple()
    return replace(plain, second_at=plain.anchor_time, together=True)


def late_copy() -> VectorDay:
    return grounded(at_position=good_pack(), anyway_at=simple().as_of + 1)


def withheld(before_s: int) -> VectorDay:
    """The reader's pack is good; an auditor recorded that it withholds it, so long before the posting."""
    return grounded(at_position=good_pack(), withheld=simple().posted_at - before_s)


def holding() -> list[Vector]:
    """Days that hold, though only just."""
    later = simple(second_at=simple().as_of + 1)
    p256 = simple(curve=Curve.P256)
    return [
        Vector(name="next", why="a newer revision was anchored a second after the cut-off, and its record is opened",
               day=later, change=with_next(later)),
        Vector(name="last-second", why="anchored in the very second of the cut-off",
               day=simple(anchor_time=simple().as_of)),
        Vector(name="two-revisions-one-batch", why="the reader's first two revisions were anchored by one transaction",
               day=twice_in_a_batch()),
        Vector(name="two-records", why="one reader's records of two revisions, and the first again as a ground",
               day=one_left_out(), change=three_openings),
        Vector(name="replaced-withheld", why="the reader anchored a good pack, but an auditor had recorded it as "
               "withholding a second before the posting", day=withheld(1)),
        Vector(name="replaced-own-copy", why="the member's own copy was anchored a second after the cut-off: the "
               "replacement counts, and is another pack", day=late_copy(), own_pack=good_pack()),
        Vector(name="no-agreement", why="a member in no agreement has an empty statement", day=without_agreement()),
        Vector(name="p256-high-s", why="on P-256 s may be in the upper half of the order", day=p256, change=other_s),
    ]  # fmt: skip


def failing() -> list[Vector]:
    """Days with one fault that is easily overlooked."""
    honest = simple()
    stale = simple(second_at=honest.as_of - 60, overlooks=True)
    later = simple(second_at=honest.as_of + 1)
    some, silent = keccak(b"some pack"), replaced(silent=frozenset({1}))
    return [
        bad(2, "next", "the record of a newer revision, anchored before the cut-off, is in the file", stale,
            change=with_next(stale)),
        bad(2, "too-new", "the source was anchored a second after the cut-off", simple(anchor_time=honest.as_of + 1)),
        bad(2, "no-record", "an anchored source without its record", change=changed_opening(record=None)),
        bad(2, "high-s", "on secp256k1 s must be in the lower half of the order", change=other_s),
        bad(2, "withheld-late", "a good pack replaced; an auditor recorded the reader as withholding in the very "
            "second of the posting", withheld(0)),
        bad(2, "ground-late", "the ground was anchored a second after the cut-off",
            grounded(anyway_at=honest.as_of + 1), change=opened_ground(grounded(anyway_at=honest.as_of + 1))),
        bad(2, "ground-never", "the opened ground is of a revision that was never anchored", grounded(),
            change=other_ground_revision),
        bad(2, "challenge", "the file disputes the source that it shows", change=changed_opening(challenge=True)),
        bad(2, "empty-position", "the file says of a replaced meter that the reader's tree is empty there, unopened",
            replaced(silent=frozenset({1})), change=changed_opening(empty_position=True)),
        bad(4, "no-statement", "the statement is empty, though the member is in an agreement", dropped()),
        bad(5, "no-source", "the source leaf of the meter is empty", **other_source(0, 0, bytes(32))),
        bad(5, "source-kind", "a source of kind 3", **other_source(3, 0, bytes(32))),
        bad(5, "source-hash", "an anchored source with a hash", **other_source(1, 0, some)),
        bad(5, "source-revision", "a replaced source with a revision",
            **other_source(2, 7, keccak(silent.bundle(ANNA).meters[0].opening.pack), silent)),
        bad(7, "record", "the record's time is a second before its batch's",
            change=other_record(honest, time=honest.anchor_time - 1)),
        bad(7, "record-batch", "the record names a batch that never was", change=other_record(honest, batch=99)),
        bad(7, "next", "the next record's time is a second after its batch's", later,
            change=with_next(later, time=honest.as_of + 2)),
        bad(7, "next-never", "the next record was never anchored", change=with_next(later)),
        bad(7, "ground", "the time of the ground's record is a second before its batch's", grounded(),
            change=other_ground(grounded(), time=honest.anchor_time - 1)),
    ]  # fmt: skip

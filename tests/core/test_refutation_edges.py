"""The twin of `refute` at its edges: the very second, the very count, the longest proof, and what each refusal says."""

from dataclasses import dataclass, replace

import pytest

from lindenstrom.core.hashing import keccak
from lindenstrom.core.merkle import root_from_proof
from lindenstrom.core.packs import Pack
from lindenstrom.core.refutation import (
    BadOpening,
    MeterOpening,
    Opening,
    Reason,
    RecordOpening,
    SlotOutOfDay,
    Verdict,
    check_record,
    recompute,
)
from lindenstrom.core.statements import Record, Source, batch_digest
from lindenstrom.core.terms import Binding
from tests.support.example_day import ExampleDay, Lie, cheat_lines, wrong_net

MADE_UP = keccak(b"made up")
ROOT = keccak(b"another root")
CHALLENGED = Lie(source=lambda i, s: Source.replaced(MADE_UP) if i == 1 else s)


@dataclass(frozen=True, kw_only=True)
class Chain(ExampleDay):
    """The day, with more anchored, counted or withheld than it says; asked about any other reader it knows nothing."""

    more: tuple[tuple[int, bytes], ...] = ()
    counted: int | None = None
    withheld: int = 0

    def batch(self, batch: int) -> bytes:
        return dict(self.more).get(batch) or super().batch(batch)

    def count(self, reader: int, window: int) -> int:
        assert window == self.window
        return super().count(reader, window) if self.counted is None else self.counted

    def withheld_at(self, reader: int, window: int) -> int:
        assert (reader, window) == (0, self.window)
        return self.withheld


def anchored(day: ExampleDay, revision: int, time: int, batch: int = 77) -> tuple[RecordOpening, tuple[int, bytes]]:
    """An opened record that is alone in its batch, and the batch's digest."""
    leaf = Record(reader=0, window=day.window, revision=revision, root=ROOT).leaf(day.community)
    return RecordOpening(batch=batch, time=time, root=ROOT, slot=0, proof=()), (batch, batch_digest(leaf, time))


def says(what: str) -> str:
    return f"the opened {what} does not match its commitment; one of the two copies was changed"


def reason_of(day: ExampleDay, meter: MeterOpening) -> Reason | str | None:
    """The reason for a day in which the member's first meter is opened so, or what the refusal says."""
    bundle = day.bundle(2)
    opening = replace(bundle.opening, meters=(meter, *bundle.opening.meters[1:]))
    try:
        return recompute(day, bundle.header, 2, opening).reason
    except BadOpening as refusal:
        return str(refusal)


def challenge(day: ExampleDay) -> MeterOpening:
    meter = day.bundle(2).opening.meters[0]
    return replace(meter, kind=2, revision=0xFFFF, replacement=MADE_UP, challenge=True)


def test_a_challenge_to_the_second() -> None:
    day = Chain(lie=CHALLENGED)
    refused = says("challenge of the replacement")
    assert reason_of(day, challenge(day)) is Reason.REPLACEMENT_UNFOUNDED
    for late, outcome in ((0, Reason.REPLACEMENT_UNFOUNDED), (1, refused)):
        own = replace(day, anchor_time=day.as_of + late)
        assert reason_of(own, challenge(own)) == outcome
    withholdings = ((0, False), (1, True), (day.posted_at - 1, True), (day.posted_at, False))
    for withheld, counts in withholdings:
        outcome = refused if counts else Reason.REPLACEMENT_UNFOUNDED
        assert reason_of(replace(day, withheld=withheld), challenge(day)) == outcome
    both = replace(day, withheld=1, anchor_time=day.as_of + 1)
    assert reason_of(both, challenge(both)) == refused


def test_a_challenge_needs_the_newest_revision() -> None:
    day = Chain(lie=CHALLENGED)
    refused = says("challenge of the replacement")
    for counted, outcome in ((1, Reason.REPLACEMENT_UNFOUNDED), (2, refused), (0, refused)):
        assert reason_of(replace(day, counted=counted), challenge(day)) == outcome
    for late, outcome in ((1, Reason.REPLACEMENT_UNFOUNDED), (0, refused)):
        following, batch = anchored(day, 1, day.as_of + late)
        own = replace(day, more=(batch,), counted=2)
        assert reason_of(own, replace(challenge(own), next=following)) == outcome
    beyond, batch = anchored(day, 2, day.as_of + 1)
    assert reason_of(replace(day, more=(batch,)), replace(challenge(day), next=beyond)) == says("anchored record")
    following, batch = anchored(day, 1, day.as_of)
    withheld_too = replace(day, more=(batch,), withheld=1)
    assert reason_of(withheld_too, replace(challenge(day), next=following)) == refused


def test_a_challenge_with_another_pack() -> None:
    day = Chain(lie=CHALLENGED)
    other = replace(challenge(day), pack=challenge(day).pack[:-1] + b"\x01")
    assert reason_of(day, other) == says("pack")
    assert reason_of(day, replace(challenge(day), record=None)) == says("anchored record (none was given)")

    class Unfit(Chain):
        """Its reader signed a pack that is none."""

        def reading(self, binding: Binding, revision: int) -> Pack:
            pack = super().reading(binding, revision)
            return replace(pack, meter=keccak(b"another meter")) if binding.id == 1 else pack

    unfit = Unfit(lie=CHALLENGED)
    assert reason_of(unfit, challenge(unfit)) == says("challenge of the replacement")


def test_a_later_revision_to_the_second() -> None:
    day = Chain()
    meter = day.bundle(2).opening.meters[0]
    for late, outcome in ((1, None), (0, Reason.SOURCE_STALE)):
        following, batch = anchored(day, 1, day.as_of + late)
        assert reason_of(replace(day, more=(batch,)), replace(meter, next=following)) is outcome
    assert reason_of(replace(day, counted=0), meter) is Reason.SOURCE_NOT_ANCHORED
    for late, outcome in ((1, Reason.SOURCE_TOO_NEW), (0, None)):
        own = replace(day, anchor_time=day.as_of + late)
        assert reason_of(own, own.bundle(2).opening.meters[0]) is outcome


def test_a_record_is_one_of_at_most_256() -> None:
    day = Chain()
    leaf = Record(reader=0, window=day.window, revision=0, root=ROOT).leaf(day.community)
    for length, slot, fits in (
        (0, 0, True),
        (8, 255, True),
        (8, 256, False),
        (9, 0, False),
        (1, 1, True),
        (1, 2, False),
        (1, -1, False),
    ):
        proof = tuple(keccak(bytes([i])) for i in range(length))
        opened = RecordOpening(batch=5, time=9, root=ROOT, slot=slot, proof=proof)
        own = replace(day, more=((5, batch_digest(root_from_proof(leaf, slot, proof), 9)),))
        if fits:
            assert check_record(own, 0, day.window, 0, opened) == opened
        else:
            with pytest.raises(BadOpening, match=r"^the opened anchored record does not match"):
                check_record(own, 0, day.window, 0, opened)


def test_what_each_refusal_says() -> None:
    day = Chain()
    bundle = day.bundle(2)
    whole = bundle.opening
    meter, mine = whole.meters[0], whole.agreements[0]

    def refusal(opening: Opening) -> str:
        with pytest.raises(BadOpening) as error:
            recompute(day, bundle.header, 2, opening)
        return str(error.value)

    statement = whole.statement
    assert refusal(replace(whole, meters=())) == says("list of meters")
    assert refusal(replace(whole, agreements=())) == says("list of agreements")
    for wrong, what in (
        (replace(statement, lines=statement.lines + b"\x00"), "lines of the statement"),
        (replace(statement, empty=True), "statement"),
    ):
        assert refusal(replace(whole, statement=wrong)) == says(what)
    for opened, what in (
        (replace(meter, revision=meter.revision + 1), "source"),
        (replace(meter, pack=meter.pack[:-1] + b"\x01"), "pack"),
    ):
        assert refusal(replace(whole, meters=(opened, *whole.meters[1:]))) == says(what)
    for agreement, what in (
        (replace(mine, weight=mine.weight + 1), "membership's parameters"),
        (replace(mine, empty=True), "result of an agreement"),
    ):
        assert refusal(replace(whole, agreements=(agreement, *whole.agreements[1:]))) == says(what)
    replaced = Chain(lie=CHALLENGED)
    assert reason_of(replaced, replace(challenge(replaced), challenge=False)) == says("replacement pack")
    text = "the day has the quarter-hours 0 to 95, not 96; name one of them"
    assert str(SlotOutOfDay(96, 96)) == text


def test_a_replacement_pack_is_checked() -> None:
    nonsense = b"\x01 no pack"
    source = Source.replaced(keccak(nonsense))
    day = Chain(lie=Lie(source=lambda i, s: source if i == 1 else s))
    meter = replace(challenge(day), replacement=keccak(nonsense), challenge=False, pack=nonsense)
    assert reason_of(day, meter) is Reason.REPLACEMENT_UNFIT


def test_the_lines_of_the_rules_come_with_the_verdict() -> None:
    honest = ExampleDay()
    lines = honest.result().lines[2]

    def verdict(day: ExampleDay) -> Verdict:
        bundle = day.bundle(2)
        return recompute(day, bundle.header, 2, bundle.opening)

    assert verdict(honest) == Verdict(reason=None, lines=lines)
    cheated = verdict(ExampleDay(lie=Lie(result=cheat_lines(2, -7))))
    assert cheated == Verdict(reason=Reason.LINES_DIFFER, lines=lines)
    assert verdict(ExampleDay(lie=Lie(result=wrong_net(2)))) == Verdict(reason=Reason.NET_DIFFERS, lines=lines)

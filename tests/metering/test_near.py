"""What is read of a journal for one day is what the whole of it says, and so are the settled registers near it."""

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering.csvfile import SlotValue
from lindenstrom.metering.journal import Record
from lindenstrom.metering.outbox import Outbox
from lindenstrom.metering.profiles import (
    WITHDRAWN,
    Direction,
    directions,
    interval_record,
    near,
    packed,
    profile_records,
    sided,
    slot_values,
)

FIRST = 1_990_000
SLOTS = st.integers(FIRST, FIRST + 60)
ENERGY = st.integers(0, 2**32 - 1)


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    records: list[Record] = []
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            first, width = draw(SLOTS), draw(st.integers(1, 30))
            values = [
                SlotValue(slot=first + i, import_mwh=draw(ENERGY), export_mwh=i, status=Status.MEASURED)
                for i in range(width)
            ]
            records.append(interval_record(values))
        else:
            status = st.sampled_from([*Status, *([WITHDRAWN] if draw(st.booleans()) else [])])
            issued, slots = draw(st.integers(0, 3)), draw(st.sets(SLOTS, min_size=1, max_size=20))
            values_of = {slot: packed(issued, draw(ENERGY), draw(status)) for slot in slots}
            records += profile_records(draw(st.sampled_from(Direction)), values_of)
    return records


@given(journals(), SLOTS, st.integers(1, 25), st.booleans())
def test_a_part_says_what_the_whole_says_of_it(records: list[Record], first: int, width: int, partial: bool) -> None:
    slots = range(first, first + width)
    found, kinds = near(records, slots)
    whole = directions(records)
    assert kinds == sided(whole)
    two_sided = len(kinds) == len(Direction)
    parts, wholes = (slot_values(some, two_sided=two_sided, partial=partial) for some in (found, whole))
    assert {s: v for s, v in parts.items() if s in slots} == {s: v for s, v in wholes.items() if s in slots}


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> Outbox:
    return Outbox(tmp_path_factory.mktemp("near") / "outbox.sqlite")


NUMBERS = count()


@settings(max_examples=20)  # each is forced to the disk
@given(st.sets(SLOTS, max_size=12), SLOTS, st.integers(0, 20))
def test_settled_registers_between_and_next_to_two_slots(
    outbox: Outbox, settled: set[int], first: int, width: int
) -> None:
    last, number = first + width, next(NUMBERS)
    pairs = {slot: Registers(import_mwh=slot, export_mwh=0) for slot in settled}
    meter, other = (side + number.to_bytes(31, "big") for side in (b"a", b"b"))
    outbox.add(window=number, revision=0, root=bytes(32), packs={}, boundaries={meter: pairs}, gaps=[])
    low = max((slot for slot in settled if slot <= first), default=first)
    high = min((slot for slot in settled if slot >= last), default=last)
    expected = {slot: pairs[slot] for slot in sorted(settled) if low <= slot <= high}
    assert outbox.boundaries_near([meter, other], first, last) == {meter: expected, other: {}}

"""Packs, triples and nesting where a bound is met exactly."""

import json
from dataclasses import replace

import pytest

from lindenstrom.core.nesting import MAX_NESTING, foreign_json, nests_too_deep
from lindenstrom.core.packs import Break, Pack, PackFault, Registers, Status, UnreadablePack, decode_pack, pack_fault
from lindenstrom.core.statements import Triple, decode_lines, decode_triples

COMMUNITY, METER = b"\x01" * 32, b"\x02" * 32
IMPORT, EXPORT = (10, 20), (3, 4)


def pack(old_end: int, new_start: int, end: int, *, slot: int = 1, export_end: int = 107) -> Pack:
    """Two slots with a break in `slot`; import starts at 100 and takes 30, export starts at 100 and takes 7."""
    return Pack(
        community=COMMUNITY,
        meter=METER,
        window=20_751,
        revision=2,
        salt=b"\x03" * 32,
        start=Registers(import_mwh=100, export_mwh=100),
        end=Registers(import_mwh=end, export_mwh=export_end),
        import_mwh=IMPORT,
        export_mwh=EXPORT,
        status=(Status.MEASURED, Status.MISSING),
        gap=Break(
            slot_index=slot,
            old_end=Registers(import_mwh=old_end, export_mwh=107),
            new_start=Registers(import_mwh=new_start, export_mwh=export_end),
        ),
    )


def fault(data: bytes) -> PackFault | None:
    return pack_fault(data, community=COMMUNITY, meter=METER, window=20_751, revision=2, slot_count=2)


@pytest.mark.parametrize(
    ("old_end", "new_start", "end", "fits"),
    [
        (130, 500, 500, True),  # all before the break
        (100, 500, 530, True),  # all after it
        (110, 500, 520, True),
        (110, 500, 521, False),
        (111, 500, 520, False),
        (99, 500, 531, False),  # adds up, but the old register ran backwards
        (131, 500, 499, False),  # adds up, but the new one did
        (120, 501, 500, False),
        (110, 0, 20, True),
    ],
)
def test_registers_over_a_break(old_end: int, new_start: int, end: int, fits: bool) -> None:
    data = pack(old_end, new_start, end).encode()
    assert fault(data) is (None if fits else PackFault.REGISTERS)
    assert decode_pack(data) == pack(old_end, new_start, end)


def test_both_directions_have_a_value_in_every_slot() -> None:
    with pytest.raises(ValueError, match="shorter"):
        replace(pack(110, 500, 520), export_mwh=EXPORT[:1]).encode()


def test_a_break_lies_in_a_slot_of_the_day() -> None:
    assert fault(pack(110, 500, 520, slot=0).encode()) is None
    assert fault(pack(110, 500, 520, slot=1).encode()) is None
    assert fault(pack(110, 500, 520, slot=2).encode()) is PackFault.BREAK_SLOT
    assert fault(pack(110, 500, 520, slot=254).encode()) is PackFault.BREAK_SLOT


@pytest.mark.parametrize("length", [0, 167, 169, 176, 178])
def test_bytes_that_are_no_pack_are_counted(length: int) -> None:
    with pytest.raises(UnreadablePack, match=f"^not a pack: {length} bytes"):
        decode_pack(bytes(length))


def test_an_unknown_status_is_no_pack() -> None:
    data = bytearray(pack(110, 500, 520).encode())
    data[169] = 4
    with pytest.raises(UnreadablePack, match=f"^not a pack: {len(data)} bytes"):
        decode_pack(bytes(data))
    assert decode_pack(pack(110, 500, 520).encode()[:168]).status == ()


def test_triples_use_all_their_bytes() -> None:
    triple = Triple(price_ueur_kwh=0x01020304, taker_level=0x05060708090A0B0C, giver_level=0x0D0E0F1011121314)
    data = bytes(range(1, 21))
    assert decode_triples(data) == (triple,)
    assert decode_triples(data + data) == (triple, triple)
    assert decode_triples(data[:19]) == ()
    assert decode_triples(data + data[:19]) == (triple,)
    assert decode_lines(b"") == ()


def test_nesting_counts_every_bracket() -> None:
    within, beyond = MAX_NESTING * "[", (MAX_NESTING + 1) * "["
    assert not nests_too_deep(within)
    assert nests_too_deep(beyond)
    for pair in ("[]", "{}"):
        assert not nests_too_deep(within[:-1] + 3 * pair)
        assert nests_too_deep(within + pair)
        assert nests_too_deep(3 * pair + within + pair)
    assert not nests_too_deep(within[:-1] + "]" + "[[")
    assert nests_too_deep(within[:-1] + "]" + "[[[")
    assert not nests_too_deep('"' + beyond + '"')
    assert nests_too_deep('["x"' + within)
    assert foreign_json('{"a": ["ü"]}'.encode()) == json.loads('{"a": ["ü"]}')
    with pytest.raises(RecursionError):
        foreign_json(beyond)

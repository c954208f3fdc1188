"""Changed copies of a file: single bits and bytes, lost and doubled pieces, numbers and lines put elsewhere."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

NUMBER = re.compile(rb"\d+(?:[.,]\d+)?")
PARTS = re.compile(rb"(\r?\n|'|\||[{}\[\]<>()+,;]|\x1b{4}|\x00|\x77\x07)")
ODD_NUMBERS = (
    b"", b"0", b"-1", b"00", b"1e999", b"1e9", b"NaN", b"Infinity", b"0x10", b"1_000", b"\xd9\xa1", b"9" * 19,
    b"9" * 40, b"18446744073709551615", b"18446744073709551616", b"4294967296", b"0.0000001", b"1,5", b"1.5.5", b"+7",
    b"260329023000", b"261025023000", b"2026-02-30",
)  # fmt: skip
LONGEST_PIECE = 64

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def mutated(seed: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """A copy with one to four changes; `others` are files from which a piece may be taken."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        chance.choice(CHANGES)(data, chance, others)
    return bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(data)) if data else 0


def _stretch(data: bytearray, chance: random.Random, longest: int = LONGEST_PIECE) -> slice:
    start = _place(data, chance)
    return slice(start, start + chance.randint(1, longest))


def flip_bit(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def change_digit(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if places := [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]:
        data[chance.choice(places)] = chance.randrange(0x30, 0x3A)


def set_bytes(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    where = _stretch(data, chance, 4)
    data[where] = chance.randbytes(len(data[where]))


def delete(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    del data[_stretch(data, chance, chance.choice((1, 4, LONGEST_PIECE, 600)))]


def insert(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, chance)
    data[at:at] = chance.choice((chance.randbytes(chance.randint(1, 9)), b"\x00" * 40, b" ", b"\r\n", b"\xff", b"0"))


def double(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    piece = bytes(data[_stretch(data, chance, 300)])
    at = _place(data, chance)
    data[at:at] = piece * chance.choice((1, 1, 2, 50))


def swap(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    one, other = sorted((_place(data, chance), _place(data, chance)))
    length = chance.randint(1, 20)
    if one + length <= other:
        first, second = bytes(data[one : one + length]), bytes(data[other : other + length])
        data[other : other + length], data[one : one + length] = first, second


def truncate(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, chance)
    if chance.random() < 0.5:
        del data[at:]
    else:
        del data[:at]


def splice(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> None:
    other = bytearray(chance.choice(others))
    data[_place(data, chance) :] = other[_place(other, chance) :]


def odd_number(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if found := list(NUMBER.finditer(data)):
        where = chance.choice(found)
        data[where.start() : where.end()] = chance.choice(ODD_NUMBERS)


def other_number(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    """A number in the place of another: both are well formed."""
    if found := list(NUMBER.finditer(data)):
        where, what = chance.choice(found), chance.choice(found)[0]
        data[where.start() : where.end()] = what


def part(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    """Delete, double or move what stands between two separators, or change a separator."""
    parts = PARTS.split(bytes(data))
    one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
    match chance.randrange(4):
        case 0:
            del parts[one]
        case 1:
            parts.insert(other, parts[one])
        case 2:
            parts[one], parts[other] = parts[other], parts[one]
        case _:
            parts[one | 1 if (one | 1) < len(parts) else one] = chance.choice(
                (b"", b"\n", b"\r", b"'", b"|", b"<", b")")
            )
    data[:] = b"".join(parts)


def line(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    """Delete, double or move a line."""
    lines = bytes(data).splitlines(keepends=True)
    if len(lines) > 1:
        one = lines.pop(chance.randrange(len(lines)))
        for _unused in range(chance.randrange(3)):
            lines.insert(chance.randrange(len(lines) + 1), one)
        data[:] = b"".join(lines)


def case(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    where = _stretch(data, chance)
    data[where] = bytes(data[where]).swapcase()


CHANGES: tuple[Change, ...] = (
    flip_bit, flip_bit, change_digit, change_digit, set_bytes, delete, insert, double, swap, truncate, splice,
    odd_number, odd_number, other_number, part, part, line, case,
)  # fmt: skip

"""SML's content: the values of a whole telegram, as raw integers.

Source: BSI TR-03109-1 annex IV b (SML messages and their binary coding), DIN EN 62056-62 for units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lindenstrom.metering.checksum import crc16_kermit, crc16_x25
from lindenstrom.metering.formats.smlframes import END_LENGTH, ESCAPE, START

GET_LIST_RESPONSE = 0x0701
DEEPEST = 8
OCTETS, BOOLEAN, SIGNED, UNSIGNED, LIST = 0x00, 0x40, 0x50, 0x60, 0x70

BAD_CRC = "bad checksum: bytes were lost or changed"
BAD_BODY = "not readable: checksum good, content not SML as expected"


class FrameError(Exception):
    """Inner signal with the reason a telegram gives no reading; never leaves this package."""


class Item(NamedTuple):
    """A value with the number of bytes that hold it."""

    value: bytes | int | list[Item] | None
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a telegram's list. `size`: bytes that hold the value, if it is a number."""

    name: bytes
    status: int | None
    unit: int | None
    scaler: int
    value: bytes | int | None
    size: int
    seconds: int | None
    time: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The list of a telegram. seconds: the device's running seconds; time: unix seconds; None if it has none."""

    server_id: bytes
    seconds: int | None
    time: int | None
    entries: tuple[Entry, ...]


def listings(frame: bytes) -> list[Listing]:
    """Return the lists of one whole telegram (from its start escape to its CRC); most have one.

    Raises FrameError with a reason that names no value.
    """
    fill = frame[-3]
    if fill > 3 or crc16_x25(frame[:-2]) != frame[-2:]:
        raise FrameError(BAD_CRC)
    content = frame[len(START) : -END_LENGTH - fill].replace(ESCAPE * 2, ESCAPE)
    try:
        return [_listing(body) for choice, body in _messages(content) if choice == GET_LIST_RESPONSE]
    except (IndexError, TypeError, ValueError, AttributeError) as error:
        # whatever a meter sends must not stop the reader: its lists may be shorter, its types others than expected
        raise FrameError(BAD_BODY) from error


def _messages(content: bytes) -> Iterator[tuple[int, list[Item]]]:
    """Yield (choice, items of the body) of each message, its checksum verified."""
    position = 0
    while position < len(content):
        if content[position] == 0:  # fill bytes that the end mark does not count
            position += 1
            continue
        if content[position] != LIST | 6:
            raise FrameError(BAD_BODY)
        start, position = position, position + 1
        items: list[Item] = []
        ends: list[int] = []
        for _ in range(6):
            item, position = _item(content, position, 1)
            items.append(item)
            ends.append(position)
        covered, given = content[start : ends[3]], items[4].value
        sums = (int.from_bytes(crc16_x25(covered), "big"), int.from_bytes(crc16_kermit(covered), "big"))
        if given not in sums or items[5].value is not None:
            raise FrameError(BAD_BODY)
        choice, body = _list(items[3])
        if isinstance(choice.value, int) and isinstance(body.value, list):
            yield choice.value, body.value


def _item(data: bytes, position: int, depth: int) -> tuple[Item, int]:
    """Return the item at `position` and where the next begins."""
    first = data[position]
    kind, length, head = first & 0x70, first & 0x0F, 1
    more = first
    while more & 0x80:
        more = data[position + head]
        length = length << 4 | more & 0x0F
        head += 1
        if more & 0x70 or head > 4:
            raise FrameError(BAD_BODY)
    if kind == LIST:
        if depth > DEEPEST or length > len(data):
            raise FrameError(BAD_BODY)
        position += head
        items = []
        for _ in range(length):
            item, position = _item(data, position, depth + 1)
            items.append(item)
        return Item(items, len(items)), position
    if not first:
        return Item(None, 0), position + 1
    size = length - head
    raw = data[position + head : position + length]
    if size < 0 or len(raw) != size or (kind in {SIGNED, UNSIGNED} and not size):
        raise FrameError(BAD_BODY)
    if kind == OCTETS:
        return Item(raw, size), position + length
    if kind in {SIGNED, UNSIGNED}:
        return Item(int.from_bytes(raw, "big", signed=kind == SIGNED), size), position + length
    if kind == BOOLEAN:
        return Item(int(any(raw)), size), position + length
    raise FrameError(BAD_BODY)


def _list(item: Item) -> list[Item]:
    if not isinstance(item.value, list):
        raise FrameError(BAD_BODY)
    return item.value


def _listing(body: list[Item]) -> Listing:
    server_id = body[1].value
    seconds, time = _time(body[3])
    return Listing(
        server_id=server_id if isinstance(server_id, bytes) else b"",
        seconds=seconds,
        time=time,
        entries=tuple(_entry(_list(item)) for item in _list(body[4])),
    )


def _entry(items: list[Item]) -> Entry:
    name, value = items[0].value, items[5]
    seconds, time = _time(items[2])
    return Entry(
        name=name if isinstance(name, bytes) else b"",
        status=_status(items[1]),
        unit=_number(items[3]),
        scaler=_number(items[4]) or 0,
        value=value.value if isinstance(value.value, (bytes, int)) else None,
        size=value.size,
        seconds=seconds,
        time=time,
    )


def _status(item: Item) -> int | None:
    """Return the status word; some meters send it as bytes."""
    if isinstance(item.value, bytes):
        return int.from_bytes(item.value, "big") if item.value else None
    return _number(item)


def _number(item: Item) -> int | None:
    return item.value if isinstance(item.value, int) else None


def _time(item: Item) -> tuple[int | None, int | None]:
    """Return (running seconds, unix seconds) of an SML time: a choice, or a bare number as some meters send."""
    if isinstance(item.value, int):
        return item.value, None
    if not isinstance(item.value, list) or len(item.value) != 2:
        return None, None
    choice, given = item.value
    if isinstance(given.value, list) and given.value:  # local time: UTC, then its offsets in minutes
        given = given.value[0]
    number = _number(given)
    if choice.value == 1:
        return number, None
    return (None, number) if choice.value in {2, 3} else (None, None)

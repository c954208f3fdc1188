"""From a journal's raw bytes to the telegrams that the boundaries of quarter-hours need, memory flat.

A telegram's time is that of the piece that completes it. Of each quarter-hour (of each topic, for MQTT) the first and
the last telegram that can be used are decoded, and a few more within the tolerance of its ends; decoding costs up to a
millisecond each, and a dense stream has 900 of them. What is held at once is one quarter-hour.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from lindenstrom.metering import sml, telegrams
from lindenstrom.metering.intervals import SLOT_MS, TOLERANCE_MS
from lindenstrom.metering.journal import Kind, Record

NEAR = 3
"""Telegrams decoded at each end of a quarter-hour, where so many lie within the tolerance."""
HELD = 1024
"""Telegrams kept from each end of a quarter-hour."""
PARITY_SAMPLE = 32
T = TypeVar("T")


class Frame(NamedTuple):
    """One whole telegram or message. `topic` is empty but for MQTT; `order` counts in order of receipt."""

    kind: Kind
    time_ms: int
    order: int
    data: bytes
    topic: str = ""


def split_message(payload: bytes) -> tuple[str, bytes]:
    """Return topic and content of an MQTT record's payload."""
    end = 2 + int.from_bytes(payload[:2], "big")
    return payload[2:end].decode("utf-8", "replace"), payload[end:]


class Splitter:
    """Cuts the raw records of a journal into frames; counts what is no whole telegram, by reason, in `unused`."""

    def __init__(self, *, unused: Counter[str]) -> None:
        self.unused = unused
        self._sml = sml.Cutter()
        self._text = b""
        self._order = 0

    def feed(self, record: Record) -> list[Frame]:
        """Take a record; return the frames that it completes."""
        if record.kind is Kind.MQTT:
            topic, content = split_message(record.payload)
            return [self._frame(record, content, topic)]
        whole = self._of_sml(record.payload) if record.kind is Kind.SML else self._of_text(record.payload)
        return [self._frame(record, data) for data in whole]

    def close(self) -> None:
        """Count what is left of an SML telegram without its end."""
        for span, _ in self._sml.close():
            self.unused[span.problem] += 1

    def _frame(self, record: Record, data: bytes, topic: str = "") -> Frame:
        self._order += 1
        return Frame(kind=record.kind, time_ms=record.time_ms, order=self._order, data=data, topic=topic)

    def _of_sml(self, piece: bytes) -> Iterator[bytes]:
        for span, frame in self._sml.feed(piece):
            if span.problem:
                self.unused[span.problem] += 1
            else:
                yield frame

    def _of_text(self, piece: bytes) -> Iterator[bytes]:
        if len(piece) >= PARITY_SAMPLE and telegrams.has_parity(piece):
            piece = telegrams.without_parity(piece)
        data, start = self._text + piece, 0
        while span := telegrams.next_span(data, start, final=False):
            if span.problem == sml.CUT:
                self.unused[span.problem] += 1
            elif not span.problem:
                yield data[span.start : span.end]
            start = span.end
        self._text = data[start:]


class _Group:
    """The frames of one quarter-hour and topic: all, or HELD from each end."""

    def __init__(self) -> None:
        self.head: list[Frame] = []
        self.tail: deque[Frame] = deque(maxlen=HELD)

    def add(self, frame: Frame) -> None:
        (self.head if len(self.head) < HELD else self.tail).append(frame)

    @property
    def frames(self) -> Sequence[Frame]:
        return [*self.head, *self.tail]


def picks(frames: Iterable[Frame], read: Callable[[Frame], T | None]) -> Iterator[tuple[Frame, T | None]]:
    """Yield the frames that are needed, with what `read` makes of them; one that gives nothing only if all do so."""
    groups: dict[tuple[Kind, str], _Group] = {}
    for frame in frames:
        group = groups.setdefault((frame.kind, frame.topic), _Group())
        if group.head and group.head[0].time_ms // SLOT_MS != frame.time_ms // SLOT_MS:
            yield from _chosen(group.frames, read)
            group = groups[frame.kind, frame.topic] = _Group()
        group.add(frame)
    for group in groups.values():
        yield from _chosen(group.frames, read)


def _chosen(frames: Sequence[Frame], read: Callable[[Frame], T | None]) -> list[tuple[Frame, T | None]]:
    begin = frames[0].time_ms // SLOT_MS * SLOT_MS
    found: dict[int, T] = {}
    _take(range(len(frames)), frames, read, begin, found)
    if not found:
        return [(frames[0], None)]
    newest = max(found)
    _take(range(len(frames) - 1, newest, -1), frames, read, begin + SLOT_MS, found)
    return [(frames[index], found[index]) for index in sorted(found)]


def _take(
    order: Iterable[int],
    frames: Sequence[Frame],
    read: Callable[[Frame], T | None],
    boundary_ms: int,
    found: dict[int, T],
) -> None:
    """Put the first frame of an order that can be read into `found`, and up to NEAR within tolerance of a boundary."""
    taken = 0
    for index in order:
        near = abs(frames[index].time_ms - boundary_ms) <= TOLERANCE_MS
        if taken and (not near or taken == NEAR):
            return
        one = read(frames[index])
        if one is not None:
            found[index] = one
            taken += 1

"""MSCONS: load profiles and register readings as metering operators of the German market send them.

EDIFACT D.04B, EDI@Energy MIG 2.1 to 2.5: load profiles (check ids 13025, 13018, 13008), register readings (13017). One
observation a QTY segment, at its byte offset, as the segments come. Held in memory is one series (a LIN of a metering
point) at a time, and for each series and day which quarter-hours a message had, so that of several messages in one
file the newest by its date (DTM+137) counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from lindenstrom.core.calendar import SECONDS_PER_DAY
from lindenstrom.core.packs import Status
from lindenstrom.metering.edifact import BLANK, BOM, Segments
from lindenstrom.metering.formats.msconsfields import (
    Product,
    Quantity,
    interval_fault,
    offset_of,
    product_of,
    quantity_of,
    time_of,
)
from lindenstrom.metering.observation import QUARTER_HOUR_S, Note, Observation, Problem

NAME = "mscons"
TAG = re.compile(rb"[A-Z]{3}\Z")
CHARSETS = {
    "UNOD": "iso8859-2", "UNOE": "iso8859-5", "UNOF": "iso8859-7", "UNOG": "iso8859-3", "UNOH": "iso8859-4",
    "UNOI": "iso8859-6", "UNOJ": "iso8859-8", "UNOK": "iso8859-9", "UNOW": "utf-8", "UNOY": "utf-8",
}  # fmt: skip
LONGEST_SERIES = 40_000
"""Values of one series that are looked at together: more than a year of quarter-hours."""
LARGEST_CACHE = 20_000
WITHDRAWING = "1"  # message function: cancellation of an earlier message
BEGIN_AND_END = ("163", "164")

_Time = tuple[int | None, int | None]


def recognises(head: bytes) -> bool:
    """Whether this is the beginning of an interchange with a MSCONS message."""
    start = head.removeprefix(BOM).lstrip(BLANK)
    return start[:3] in (b"UNA", b"UNB") and b"MSCONS" in head


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read an interchange, in pieces. Never raises for what it holds."""
    # counts stand at the end of what they count: the last value before them bears the note
    held: Observation | None = None
    for found in _Interchange(stream).read():
        if isinstance(found, Observation):
            if held is not None:
                yield held
            held = found
        elif held is not None and found not in held.notes:
            held = replace(held, notes=(*held.notes, found))
    nothing = "no value in it: another kind of message, or none"
    yield held or Observation(format=NAME, position=0, problem=Problem.NO_READINGS, detail=nothing)


class _Open:
    """A QTY segment whose times are still to come: qualifier → unix seconds or why not."""

    __slots__ = ("position", "quantity", "substituted", "times")

    def __init__(self, position: int, quantity: Quantity) -> None:
        self.position = position
        self.quantity = quantity
        self.times: dict[str, tuple[int | None, str]] = {}
        self.substituted = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """One value of a series: begin is None for a register reading, whose time is `end`."""

    position: int
    quantity: Quantity
    begin: int | None
    end: int | None
    problem: Problem | None
    detail: str

    @property
    def time(self) -> _Time:
        """What no other value of the series may share."""
        return (self.begin, self.end if self.begin is None else None)


class _Interchange:
    """Where in the interchange the reading is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._segments = Segments(stream)
        self._charset = "latin-1"
        self._messages = self._count = 0
        self._in_message = self._is_mscons = self._withdraws = False
        self._issued: int | None = None
        self._offset: int | None = None
        self._meter = ""
        self._product = Product()
        self._open: _Open | None = None
        self._series: list[_Value] = []
        self._number = 0  # of messages so far
        self._times: dict[bytes, tuple[str, int | None, str]] = {}
        self._quantities: dict[bytes, Quantity] = {}
        self._names: dict[tuple[str, str], int] = {}
        # (series, day) → what each message had: its number, its date, its quarter-hours as bits
        self._seen: dict[tuple[int, int], tuple[tuple[int, int, int], ...]] = {}

    def read(self) -> Iterator[Observation | Note]:
        """Yield what the segments say, and a note after the last value before a wrong count."""
        for position, segment in self._segments:
            self._count += 1
            tag = segment[:3]
            if tag == b"DTM":
                if self._is_mscons:
                    self._take_time(segment)
            elif tag == b"QTY":
                if self._is_mscons:
                    self._close_value()
                    if len(self._series) >= LONGEST_SERIES:
                        yield from self._close_series()
                    self._open = _Open(position, self._quantity(segment))
            elif tag == b"STS":
                if self._open is not None and self._elements(segment)[1:2] == [["Z32"]]:
                    self._open.substituted = True
            elif not TAG.match(tag) or segment[3:4] not in (b"", self._segments.separators.element):
                yield self._damage(position, "not a segment")
            else:
                self._close_value()
                yield from self._structure(tag.decode("ascii"), segment)
        self._close_value()
        yield from self._close_series()
        rest = self._segments.rest
        if rest is not None and rest[1][:3] == b"UNZ":
            yield from self._structure("UNZ", rest[1])
        elif rest is not None and (self._in_message or rest[1][:3] in (b"UNH", b"UNT")):
            yield self._damage(rest[0], "the file ends within a segment")
        elif self._in_message:
            yield Note.WRONG_COUNT
            yield self._damage(0, "the file ends within a message")

    def _structure(self, tag: str, segment: bytes) -> Iterator[Observation | Note]:
        """Take a segment that is neither value nor time."""
        elements = self._elements(segment)
        first = elements[1] if len(elements) > 1 else [""]
        if tag in ("UNH", "UNT", "UNZ", "UNB", "NAD", "LOC", "LIN"):
            yield from self._close_series()
        if tag == "UNB":
            self._charset, self._messages = CHARSETS.get(first[0], "latin-1"), 0
            self._in_message = self._is_mscons = False
            self._times.clear()
            self._quantities.clear()
        elif tag == "UNH":
            self._begin_message(elements)
        elif tag == "BGM":
            self._withdraws = _component(elements, 3, 0) == WITHDRAWING
        elif tag == "NAD" and first[0] == "DP":
            self._meter, self._product = "", Product()
        elif tag == "LOC":
            if first[0] == "172":
                self._meter = _decoded(_component(elements, 2, 0).strip(), self._charset)
            self._product = Product()
        elif tag == "LIN":
            self._product = Product()
        elif tag == "PIA":
            if self._product.problem is not None:
                self._product = product_of(":".join(elements[2]) if len(elements) > 2 else "")
        elif tag == "UNT":
            self._in_message = self._is_mscons = False
            if first[0].strip() != str(self._count):
                yield Note.WRONG_COUNT
        elif tag == "UNZ" and first[0].strip() != str(self._messages):
            yield Note.WRONG_COUNT

    def _begin_message(self, elements: list[list[str]]) -> None:
        self._messages += 1
        self._number += 1
        self._count = 1
        self._in_message = True
        self._is_mscons = _component(elements, 2, 0) == "MSCONS"
        self._withdraws = False
        self._issued = self._offset = None
        self._meter, self._product = "", Product()

    def _take_time(self, segment: bytes) -> None:
        known = self._times.get(segment)
        if known is None:
            qualifier, text, form = (*self._composite(segment, 1), "", "", "")[:3]
            if qualifier == "735":
                self._offset = offset_of(text)
                self._times.clear()
                return
            if len(self._times) >= LARGEST_CACHE:
                self._times.clear()
            known = self._times[segment] = (qualifier, *time_of(text, form, self._offset))
        qualifier, time, fault = known
        if self._open is not None:
            self._open.times[qualifier] = (time, fault)
        elif qualifier == "137" and time is not None:
            self._issued = time * 1000

    def _quantity(self, segment: bytes) -> Quantity:
        known = self._quantities.get(segment)
        if known is None:
            if len(self._quantities) >= LARGEST_CACHE:
                self._quantities.clear()
            qualifier, number, unit = (*self._composite(segment, 1), "", "", "")[:3]
            known = self._quantities[segment] = quantity_of(qualifier, number, unit)
        return known

    def _close_value(self) -> None:
        """Put the value whose segments are over into its series."""
        value, self._open = self._open, None
        if value is None:
            return
        quantity = value.quantity
        if value.substituted and quantity.status is Status.MEASURED:
            quantity = replace(quantity, status=Status.ESTIMATED)
        begin, end = (value.times.get(name) for name in BEGIN_AND_END)
        if begin is None and end is None and self._product.is_register:
            at, fault = value.times.get("7") or value.times.get("9") or (None, "")
            problem = Problem.BAD_TIME if fault else None if at is not None else Problem.NO_TIME
            self._keep(value.position, quantity, None, at, problem, fault)
        elif begin is None or end is None:
            self._keep(value.position, quantity, begin and begin[0], None, Problem.NO_TIME, "begin or end is not said")
        elif begin[0] is None or end[0] is None:
            self._keep(value.position, quantity, begin[0], end[0], Problem.BAD_TIME, begin[1] or end[1])
        else:
            fits = end[0] - begin[0] == QUARTER_HOUR_S and begin[0] % QUARTER_HOUR_S == 0
            self._keep(value.position, quantity, begin[0], end[0], None if fits else Problem.NOT_QUARTER_HOURLY, "")

    def _keep(
        self, position: int, quantity: Quantity, begin: int | None, end: int | None, fault: Problem | None, detail: str
    ) -> None:
        problem = self._product.problem
        if problem is not None:
            detail = self._product.detail
        elif begin is None and fault is None and end is not None:
            problem, detail = quantity.problem, quantity.detail
        else:
            problem, said = interval_fault(quantity)
            problem, detail = (problem, said) if problem is not None else (fault, detail)
        self._series.append(
            _Value(position=position, quantity=quantity, begin=begin, end=end, problem=problem, detail=detail)
        )

    def _close_series(self) -> Iterator[Observation]:
        """Yield the values of a series, conflicts and order of messages looked at."""
        values, self._series = self._series, []
        if not values:
            return
        series = self._names.setdefault((self._meter, self._product.obis), len(self._names))
        first: dict[_Time, tuple[int | None, Quantity]] = {}
        conflicts: set[_Time] = set()
        for value in values:
            if value.quantity.problem is None:
                said = value.end, value.quantity
                if first.setdefault(value.time, said) != said:
                    conflicts.add(value.time)
        issued = -1 if self._issued is None else self._issued
        for value in values:
            if value.problem is None and value.time in conflicts:
                yield self._observation(value, Problem.CONFLICTING_VALUES, "another value for the same time", ())
            elif value.problem is None and self._withdraws:
                yield self._observation(value, Problem.WITHDRAWN, "the message takes it back", ())
            elif value.problem is None and value.begin is not None:
                problem, notes = self._among_messages(series, value.begin, issued)
                yield self._observation(value, problem, "a newer message has another" if problem else "", notes)
            else:
                yield self._observation(value, value.problem, value.detail, ())

    def _among_messages(self, series: int, begin: int, issued: int) -> tuple[Problem | None, tuple[Note, ...]]:
        """Return whether a newer message had this quarter-hour, or that it takes the place of an older one's."""
        day, bit = begin // SECONDS_PER_DAY, 1 << begin % SECONDS_PER_DAY // QUARTER_HOUR_S
        known = self._seen.get((series, day), ())
        others = [date for number, date, bits in known if bits & bit and number != self._number]
        if known and known[-1][0] == self._number:
            known = (*known[:-1], (self._number, issued, known[-1][2] | bit))
        else:
            known = (*known, (self._number, issued, bit))
        self._seen[series, day] = known
        if others and max(others) > issued:
            return Problem.SUPERSEDED, ()
        return None, (Note.REPLACED,) if others else ()

    def _observation(self, value: _Value, problem: Problem | None, detail: str, notes: tuple[Note, ...]) -> Observation:
        is_span = value.begin is not None and value.end is not None
        time = value.end if value.begin is None else value.begin
        return Observation(
            format=NAME,
            position=value.position,
            meter=self._meter,
            obis=self._product.obis,
            energy_mwh=value.quantity.energy_mwh,
            resolution_mwh=value.quantity.resolution_mwh,
            time_ms=None if time is None else time * 1000,
            span_s=value.end - value.begin if is_span else 0,  # type: ignore[operator]
            status=value.quantity.status,
            issued_ms=self._issued,
            notes=notes,
            problem=problem,
            detail=detail,
        )

    def _damage(self, position: int, detail: str) -> Observation:
        return Observation(
            format=NAME, position=position, meter=self._meter, problem=Problem.DAMAGED_FRAME, detail=detail
        )

    def _elements(self, segment: bytes) -> list[list[str]]:
        return self._segments.separators.elements(segment)

    def _composite(self, segment: bytes, index: int) -> list[str]:
        elements = self._elements(segment)
        return elements[index] if len(elements) > index else []


def _component(elements: list[list[str]], element: int, component: int) -> str:
    """Return a component, empty where there is none."""
    found = elements[element] if element < len(elements) else []
    return found[component] if component < len(found) else ""


def _decoded(text: str, charset: str) -> str:
    """Return text that was taken as Latin-1 in its own character set."""
    return text if text.isascii() else text.encode("latin-1").decode(charset, "replace")

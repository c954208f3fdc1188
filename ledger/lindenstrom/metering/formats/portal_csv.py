"""CSV of grid operators' portals, by a layout; a ready-made one is found by the header line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO

from lindenstrom.metering.formats.rows import LOOKED_AHEAD, Bound, RowReader, Unbound, bind, shown, usual_step
from lindenstrom.metering.layout import Layout, ready_made
from lindenstrom.metering.observation import Observation, Problem

NAME = "csv"
LONGEST_LINE = 1 << 20
SEARCHED = 60
"""Lines among which the header must be."""
TRIED = 5
"""Data lines of which one must have a time of the layout's form."""
BOM = b"\xef\xbb\xbf"

Line = tuple[int, int, str]
"""Offset in the file, number from 1, text."""


def recognises(head: bytes) -> bool:
    """Whether exactly one ready-made layout fits the header and the first lines."""
    return len(fitting(head)) == 1


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read a file by the ready-made layout that fits it; nothing, if none or several fit."""
    lines = _lines(stream)
    first = list(islice(lines, SEARCHED + TRIED))
    found = _fitting(first)
    if len(found) == 1:
        yield from _observations(found[0], chain(first, lines))


class CsvReader:
    """Reads CSV by one layout."""

    NAME = NAME

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def recognises(self, head: bytes) -> bool:
        """Whether the layout's header is there."""
        return bool(_bound(self._layout, _head_lines(head)))

    def observations(self, stream: BinaryIO) -> Iterator[Observation]:
        """Read a file; nothing, if the layout's header is not in it."""
        yield from _observations(self._layout, _lines(stream))


def fitting(head: bytes) -> list[Layout]:
    """Return the ready-made layouts that fit the first bytes of a file."""
    if b"\0" in head:
        return []
    return _fitting(_head_lines(head))


def why_not(head: bytes) -> str:
    """Return in words why no ready-made layout is taken; of the file it shows the header alone."""
    lines = _head_lines(head)
    several = _fitting(lines)
    if len(several) > 1:
        listed = ", ".join(layout.name for layout in several)
        return f"CSV that several layouts fit ({listed}): say which one with --layout"
    for _, number, text in lines:
        delimiter = max((";", ",", "\t", "|"), key=text.count)
        names = _split(text, delimiter)
        if text.count(delimiter) and sum(any(c.isalpha() for c in name) for name in names) * 2 > len(names):
            return (
                f"CSV that no ready-made layout fits; line {number} looks like its header, with {len(names)} columns: "
                f"{shown(names, delimiter)!r}. Day and month are never guessed: write a layout, name it with --layout"
            )
    return "text without the marks of a known format"


def _observations(layout: Layout, lines: Iterator[Line]) -> Iterator[Observation]:
    first = list(islice(lines, SEARCHED))
    found = _bound(layout, first)
    if found is None:
        return
    bound, after = found
    rows = ((line, _split(line[2], layout.delimiter)) for line in chain(first[after:], lines) if _is_data(layout, line))
    ahead = list(islice(rows, LOOKED_AHEAD))
    reader = RowReader(bound, NAME, usual_step(bound, (row for _, row in ahead)))
    for (offset, number, text), row in chain(ahead, rows):
        if len(text) >= LONGEST_LINE:
            detail = f"line {number}: longer than {LONGEST_LINE} characters"
            yield Observation(format=NAME, position=offset, problem=Problem.DAMAGED_FRAME, detail=detail)
            continue
        yield from reader.read(row, offset, number)


def _fitting(lines: Sequence[Line]) -> list[Layout]:
    found = [layout for layout in ready_made() if layout.header and _fits(layout, lines)]
    # one that asks for all that another asks for, and more, knows the file better
    return [one for one in found if not any(set(one.header) < set(other.header) for other in found if other is not one)]


def _fits(layout: Layout, lines: Sequence[Line]) -> bool:
    found = _bound(layout, lines)
    if found is None:
        return False
    bound, after = found
    data = [line for line in lines[after:] if _is_data(layout, line)][:TRIED]
    times = layout.times
    if times is None or bound.layout.slots is not None:
        return bool(data)
    columns = bound.begin or bound.end
    return any(times.parse(bound.labels(_split(text, layout.delimiter), columns)) for _, _, text in data)


def _bound(layout: Layout, lines: Sequence[Line]) -> tuple[Bound, int] | None:
    """Return the layout put onto the header, and the index of the first line after it."""
    if not layout.header:
        width = len(_split(lines[layout.skip][2], layout.delimiter)) if len(lines) > layout.skip else 0
        try:
            return (bind(layout, [""] * width), layout.skip) if width else None
        except Unbound:
            return None
    for index, (_, _, text) in enumerate(lines[:SEARCHED]):
        if layout.header[0] not in text:
            continue
        try:
            return bind(layout, _split(text, layout.delimiter)), index + 1
        except Unbound:
            continue
    return None


def _is_data(layout: Layout, line: Line) -> bool:
    text = line[2]
    if layout.comment and text.startswith(layout.comment):
        return False
    return bool(text.strip(layout.delimiter + " \t\x1a"))


def _split(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter)


def _head_lines(head: bytes) -> list[Line]:
    lines = list(islice(_lines(io.BytesIO(head)), SEARCHED + TRIED))
    # the last one may be cut off
    return lines if head.endswith(b"\n") or len(lines) < 2 or len(head) < 1 << 16 else lines[:-1]


def _lines(stream: BinaryIO) -> Iterator[Line]:
    offset, number = 0, 0
    while raw := stream.readline(LONGEST_LINE):
        number += 1
        line = raw.removeprefix(BOM) if number == 1 else raw
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
        yield offset, number, text.rstrip("\r\n")
        offset += len(raw)

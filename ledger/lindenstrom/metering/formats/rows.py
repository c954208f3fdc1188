"""Rows of a table of meter values as observations, by a layout: shared by CSV and by research tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from lindenstrom.core.packs import MAX_REGISTER_MWH, MAX_SLOT_MWH, Status
from lindenstrom.metering.layout import POWERS_MWH, UNITS_MWH, Column, Layout, Times, Value
from lindenstrom.metering.localtime import ABSENT, EPOCH, Label, begins, choose, instants
from lindenstrom.metering.observation import OBIS_FORM, QUARTER_HOUR_S, Observation, Problem

LOOKED_AHEAD = 400
"""Rows by which the step of a file is found out, and so whether it is of quarter-hours."""
REMEMBERED = 200_000
"""Values, over all series, among which two for one time are noticed."""
SECONDS_PER_HOUR = 3600
MOST_SHOWN = 12
_LONG_NUMBER = re.compile(r"\w*\d{6,}\w*")
_REACTIVE = re.compile(r"k?varh|kvah|vah", re.IGNORECASE)
_EXCEL_TEXT = re.compile(r'="?([^"]*)"?')
_OTHER_QUANTITY = re.compile(r"\d+-\d+:(?!(?:1|2)\.)")
_REGISTER_D = "8"


class Unbound(Exception):
    """Inner signal: a table lacks what a layout needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where a value stands and what its column says about it."""

    index: int
    value: Value
    meter: str
    obis: str
    slot: str | int | None
    """Of a row of many quarter-hours: which one, by its time of day or by its place from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A layout put onto the columns of one table."""

    layout: Layout
    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    meter: int | None
    obis: int | None
    unit: int | None
    quality: int | None
    half: int | None
    needed: int
    """Fields that a row must have at least."""

    def text(self, row: Sequence[str], index: int | None) -> str:
        """Return a field without what spreadsheets put around it."""
        if index is None or index >= len(row):
            return ""
        field = row[index].strip()
        match = _EXCEL_TEXT.fullmatch(field) if field.startswith("=") else None
        return match[1] if match else field

    def labels(self, row: Sequence[str], columns: tuple[int, ...]) -> str:
        """Return a time's columns joined."""
        return " ".join(row[index].strip() for index in columns if index < len(row)).strip()


def bind(layout: Layout, names: Sequence[str]) -> Bound:
    """Return a layout put onto columns of these names. Raises Unbound if one that it needs is absent."""
    stripped = tuple(name.strip() for name in names)
    if any(name not in stripped for name in layout.header):
        raise Unbound

    def at(column: Column | None) -> int | None:
        if column is None:
            return None
        if isinstance(column, int):
            return column - 1
        if column not in stripped:
            raise Unbound
        return stripped.index(column)

    times = layout.times
    begin = tuple(i for c in (times.begin if times else ()) if (i := at(c)) is not None)
    end = tuple(i for c in (times.end if times else ()) if (i := at(c)) is not None)
    cells = tuple(cell for value in layout.values for cell in _cells(layout, value, stripped, at))
    if not cells:
        raise Unbound
    single = len(cells) == 1 or layout.slots is not None
    return Bound(
        layout=layout,
        names=stripped,
        cells=cells,
        begin=begin,
        end=end,
        meter=at(layout.meter_column),
        obis=at(layout.obis_column),
        unit=at(layout.unit_column),
        quality=at(layout.quality_column),
        half=at(times.autumn_column) if times else None,
        # the line may end early where the columns behind are empty
        needed=1 + max((*begin, *end, *((cells[0].index,) if single else ())), default=0),
    )


def _cells(
    layout: Layout, value: Value, names: tuple[str, ...], at: Callable[[Column | None], int | None]
) -> Iterator[Cell]:
    if value.column is not None:
        index = at(value.column)
        assert index is not None
        yield Cell(index=index, value=value, meter="", obis=value.obis, slot=None)
        return
    assert value.pattern is not None
    place = 0
    for index, name in enumerate(names):
        match = value.pattern.search(name)
        if match is None:
            continue
        groups = {key: found for key, found in match.groupdict().items() if found}
        slot = None
        if layout.slots is not None:
            inside = layout.slots.search(name)
            slot = inside[1] if inside and inside.re.groups else place
        obis = groups.get("obis", "")
        obis = layout.obis.get(obis, _normal_obis(obis)) if obis else value.obis
        yield Cell(index=index, value=value, meter=groups.get("meter", ""), obis=obis, slot=slot)
        place += 1


class RowReader:
    """Turns the rows of one table into observations, one row after the other.

    Of each series (meter and register) it remembers the newest instant, by which the doubled hour in autumn is told.
    """

    def __init__(self, bound: Bound, format_name: str, step_s: int) -> None:
        self._bound, self._format, self._step_s = bound, format_name, step_s
        self._previous: dict[tuple[str, str], int] = {}
        self._recent: dict[tuple[str, str], dict[int, tuple[tuple[int | None, Status | None], int]]] = {}

    def read(self, row: Sequence[str], position: int, line: int) -> Iterator[Observation]:
        """Yield what a row says. `line` is named where something is wrong with it."""
        bound = self._bound
        if len(row) < bound.needed:
            detail = f"line {line}: {len(row)} fields, at least {bound.needed} are needed"
            yield Observation(format=self._format, position=position, problem=Problem.BAD_VALUE, detail=detail)
            return
        for cell in bound.cells:
            found = self._cell(row, cell, position, line)
            if found is not None:
                yield found

    def _cell(self, row: Sequence[str], cell: Cell, position: int, line: int) -> Observation | None:
        bound, layout = self._bound, self._bound.layout
        text = bound.text(row, cell.index)
        if not text and (cell.slot is not None or len(bound.cells) > 1 or cell.value.register):
            return None  # a column of the other direction, an hour that the day lacks, no reading
        meter = cell.meter or bound.text(row, bound.meter) or layout.meter
        obis = cell.obis if bound.obis is None else self._obis(bound.text(row, bound.obis), cell)
        where = f"line {line}, {self._column(cell.index)}"
        problem, detail, begin, span_s = None, "", None, 0 if cell.value.register else self._step_s
        if layout.times is None:
            problem, detail = Problem.NO_TIME, "the table has no times"
        else:
            begin, span_s, why = self._time(layout.times, row, cell, (meter, obis))
            if why:
                if why == ABSENT and _is_nothing(text):
                    return None  # a line for a quarter-hour that the spring day does not have
                problem, detail = Problem.BAD_TIME, f"line {line}: {why}"
        status, fault = self._status(bound.text(row, bound.quality), text)
        energy_mwh, step_mwh, what = self._energy(text, cell.value, bound.text(row, bound.unit), span_s, status)
        if status is Status.MISSING and energy_mwh:
            status, fault = None, "marked as missing, with a value"
        found = (problem, detail)
        if what is not None:
            found = (what, f"{where}: {_SAID[what]}")
        elif fault:
            found = (Problem.INVALID_STATUS, f"{where}: {fault}")
        elif not obis or _OTHER_QUANTITY.match(obis):
            said = "neither energy drawn nor fed in" if obis else "the layout does not know what register this is"
            found = (Problem.NOT_ACTIVE_ENERGY, f"{where}: {said}")
        elif problem is None and not cell.value.register and not _is_quarter_hour(begin, span_s):
            found = (Problem.NOT_QUARTER_HOURLY, f"line {line}: {span_s} s long, or not at a quarter-hour")
        elif begin is not None and (other := self._differs((meter, obis), begin, (energy_mwh, status), line)):
            found = (Problem.CONFLICTING_VALUES, f"{where}: another value for this time stands in line {other}")
        problem, detail = found
        return Observation(
            format=self._format,
            position=position,
            meter=meter,
            obis=obis,
            energy_mwh=energy_mwh,
            resolution_mwh=step_mwh,
            time_ms=None if begin is None else begin * 1000,
            span_s=span_s,
            status=status if problem in {None, Problem.NO_TIME} else None,
            problem=problem,
            detail=detail,
        )

    def _column(self, index: int) -> str:
        names = self._bound.names
        return f"column {names[index]!r}" if index < len(names) and names[index] else f"column {index + 1}"

    def _obis(self, text: str, cell: Cell) -> str:
        return self._bound.layout.obis.get(text) or _normal_obis(text) or cell.obis

    def _time(
        self, times: Times, row: Sequence[str], cell: Cell, series: tuple[str, str]
    ) -> tuple[int | None, int, str]:
        """Return (beginning in unix seconds, length in seconds, why there is none)."""
        bound = self._bound
        step_s = 0 if cell.value.register else self._step_s
        begin_text, end_text = bound.labels(row, bound.begin), bound.labels(row, bound.end)
        if isinstance(cell.slot, str):
            begin_text = f"{begin_text} {cell.slot}" if begin_text else ""
            end_text = f"{end_text} {cell.slot}" if end_text else ""
        text = begin_text or end_text
        at_end = not begin_text
        label = times.parse(text)
        if label is None:
            return None, step_s, "the time is not of the layout's form"
        half = times.halves.get(bound.text(row, bound.half)) if bound.half is not None else label.half
        if label.offset_s is not None:
            instant = (label.local.replace(tzinfo=EPOCH.tzinfo) - EPOCH) // timedelta(seconds=1) - label.offset_s
            begin: int | str = instant - step_s if at_end else instant
        elif times.zone is None:
            return None, step_s, "the time has no zone"
        else:
            local = label.local
            if at_end and times.midnight_ends_day and not (local.hour or local.minute):
                local += timedelta(days=1)
            if isinstance(cell.slot, int):
                begin = _nth(times, local, cell.slot, step_s)
            else:
                found, otherwise = begins(local, times.zone, step_s, at_end=at_end and bool(step_s))
                begin = choose(found, otherwise, half, self._previous.get(series), step_s)
        if isinstance(begin, str):
            return None, step_s, begin
        if not 0 <= begin < 1 << 33:
            return None, step_s, "a time before 1970, or far in the future"
        self._previous[series] = begin
        if begin_text and end_text and step_s and cell.slot is None:
            step_s = _length(times, label, times.parse(end_text), step_s)
        return begin, step_s, ""

    def _differs(
        self, series: tuple[str, str], begin: int, value: tuple[int | None, Status | None], line: int
    ) -> int | None:
        """Remember a value; return the line that had another one for the same time, as far back as is remembered."""
        recent = self._recent.setdefault(series, {})
        known = recent.get(begin)
        if known is not None:
            return known[1] if known[0] != value else None
        recent[begin] = value, line
        if len(recent) > max(4, REMEMBERED // len(self._recent)):
            del recent[next(iter(recent))]
        return None

    def _status(self, word: str, text: str) -> tuple[Status | None, str]:
        """Return (status, why the value is not valid)."""
        if self._bound.quality is None:
            return (Status.MEASURED if text else Status.MISSING), ""
        meanings = self._bound.layout.quality
        if word not in meanings:
            if word or not text:
                return (None, "a quality word that the layout does not know") if text else (Status.MISSING, "")
            return Status.MEASURED, ""
        status = meanings[word]
        if status is None:
            return None, "marked as not valid"
        return (status if text else Status.MISSING), ""

    def _energy(
        self, text: str, value: Value, unit: str, span_s: int, status: Status | None
    ) -> tuple[int | None, int | None, Problem | None]:
        """Return (energy, step, problem) of a field."""
        if not text and status is Status.MISSING:
            return 0, None, None
        unit = unit or value.unit
        if _REACTIVE.fullmatch(unit):
            return None, None, Problem.NOT_ACTIVE_ENERGY
        parsed = number(text, self._bound.layout.decimal, self._bound.layout.thousands)
        if unit in UNITS_MWH:
            scale, per = UNITS_MWH[unit], 1
        elif unit in POWERS_MWH and not value.register:
            scale, per = POWERS_MWH[unit] * span_s, SECONDS_PER_HOUR
        else:
            return None, None, Problem.BAD_VALUE
        if parsed is None:
            return None, None, Problem.BAD_VALUE
        digits, places = parsed
        energy, rest = divmod(digits * scale, per * 10**places)
        step = max(1, scale // (per * 10**places))
        limit = MAX_REGISTER_MWH if value.register else MAX_SLOT_MWH
        if (rest and not value.register) or energy > limit:
            return None, None, Problem.BAD_VALUE
        return energy, step, None


_SAID: Mapping[Problem, str] = {
    Problem.BAD_VALUE: "not a number of the layout's form, negative, too large, or no whole number of mWh",
    Problem.NOT_ACTIVE_ENERGY: "a unit of another quantity",
}


@lru_cache(maxsize=4096)
def number(text: str, decimal: str, thousands: str) -> tuple[int, int] | None:
    """Return (digits, decimal places) of a number from 0 up, or None: `1.234,50` is (123450, 2)."""
    group = re.escape(thousands)
    whole = rf"(\d{{1,3}}(?:{group}\d{{3}})+|\d{{1,15}})" if thousands else r"(\d{1,15})"
    match = re.fullmatch(whole + rf"(?:{re.escape(decimal)}(\d{{1,18}}))?", text, re.ASCII)
    if match is None:
        return None
    fraction = (match[2] or "").rstrip("0") if len(match[2] or "") > 6 else match[2] or ""
    return int((match[1].replace(thousands, "") if thousands else match[1]) + fraction), len(fraction)


def shown(names: Sequence[str], delimiter: str) -> str:
    """Return column names for a message: the first twelve, without what may be a metering point's number."""
    cleaned = (_LONG_NUMBER.sub("…", name.strip())[:40] for name in names[:MOST_SHOWN])
    return delimiter.join(cleaned) + (f"{delimiter}…" if len(names) > MOST_SHOWN else "")


def usual_step(bound: Bound, rows: Iterable[Sequence[str]]) -> int:
    """Return the step of a table in seconds, from the distances of its first rows; the layout's if there are none."""
    times = bound.layout.times
    if times is None or bound.layout.slots is not None:
        return times.step_s if times else QUARTER_HOUR_S
    last: dict[tuple[str, str], datetime] = {}
    distances: Counter[int] = Counter()
    columns = bound.begin or bound.end
    for row in rows:
        label = times.parse(bound.labels(row, columns))
        if label is None:
            continue
        series = (bound.text(row, bound.meter), bound.text(row, bound.obis))
        if series in last and (distance := abs((label.local - last[series]) // timedelta(seconds=1))):
            distances[distance] += 1
        last[series] = label.local
    return distances.most_common(1)[0][0] if distances else times.step_s


def _nth(times: Times, local: datetime, place: int, step_s: int) -> int | str:
    """Return when the n-th quarter-hour of a local day begins."""
    assert times.zone is not None
    midnight = local.replace(hour=0, minute=0, second=0)
    first, after = instants(midnight, times.zone), instants(midnight + timedelta(days=1), times.zone)
    if not first or not after:
        return "a day without a midnight"
    begin = first[0] + place * step_s
    return begin if begin < after[0] else "more values than the day has quarter-hours"


def _length(times: Times, begin: Label, end: Label | None, step_s: int) -> int:
    """Return how long an interval is by its two labels; 0 if the second cannot be understood."""
    if end is None:
        return 0
    if begin.offset_s is not None and end.offset_s is not None:
        return (end.local - begin.local) // timedelta(seconds=1) - (end.offset_s - begin.offset_s)
    if times.zone is None:
        return 0
    local = end.local
    if times.midnight_ends_day and not (local.hour or local.minute):
        local += timedelta(days=1)
    # by the clock on the wall, or by the sun where the clock is changed in between
    differences = {
        (local - begin.local) // timedelta(seconds=1),
        *(b - a for a in instants(begin.local, times.zone) for b in instants(local, times.zone)),
    }
    return step_s if step_s in differences else max(0, (local - begin.local) // timedelta(seconds=1))


def _is_quarter_hour(begin: int | None, span_s: int) -> bool:
    return span_s == QUARTER_HOUR_S and begin is not None and begin % QUARTER_HOUR_S == 0


def _is_nothing(text: str) -> bool:
    return not text.strip("0.,")


def _normal_obis(text: str) -> str:
    """`1-1:1.29.0*255` → `1-1:1.29.0`; `1.8.0` → `1-0:1.8.0`; other text → nothing."""
    text = text.removesuffix("*255")
    if re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}", text, re.ASCII):
        text = f"1-0:{text}"
    return text if OBIS_FORM.fullmatch(text) else ""

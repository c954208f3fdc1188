"""Files of any known format into a reader's journals, at a metering operator's scale.

A file is kept as it came before it is interpreted, then read as a stream. Quarter-hours go to the meters that are set
up for its metering points, registers to the meter at a position that the caller names. Values are journaled in rounds
of some hundred thousand; what belongs to a day that is built already is noted for a correction before it is written,
so that a crash between the two leaves a correction that changes nothing, never one that is missing. Doing it again
after a crash, or with the same file, ends the same.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, cast

from lindenstrom.core.calendar import SECONDS_PER_SLOT, month_name, month_of
from lindenstrom.core.packs import MAX_REGISTER_MWH, MAX_SLOT_MWH, Status
from lindenstrom.errors import LindenstromError
from lindenstrom.metering import csvfile
from lindenstrom.metering.errors import PositionNeeded, SeveralMeters
from lindenstrom.metering.formats.detect import (
    DamagedArchive,
    UnknownFormat,
    detect,
    format_named,
    opened,
    why_not,
    with_layout,
)
from lindenstrom.metering.layout import Layout
from lindenstrom.metering.observation import QUARTER_HOUR_S, Observation, Problem, Reader
from lindenstrom.metering.outbox import Gap, Outbox
from lindenstrom.metering.profiles import WITHDRAWN, Direction, Values, is_same, issued_of, packed, put
from lindenstrom.metering.received import Kept, Received
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.timeline import reading_record

LATE = "values came after the day was built; they need a correction"
END_MS = 7_258_118_400_000
"""The year 2200: nothing is metered later."""
ROUND = 200_000
"""Values held in memory before they are journaled."""
NO_POSITION = "a register: say which position its meter has"
NO_TIME = "a register without a time: say when it was received, or read it live"
OTHER_QUANTITY = "power, or a register of one tariff"
Progress = Callable[[int, int], None]
"""Told the bytes of a file that are read, and all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import brought.

    added: journal records or quarter-hours that were new. late: quarter-hours of days already built, for a correction.
    outside: quarter-hours of days on which the meter is not set up here or that are erased, not taken. unknown:
    metering points of the file without a meter here. older: values left out, since a newer message had come before.
    unused: stretches of an SML stream, or values, by reason. unfit: values that are unfit for settlement by problem.
    """

    added: int
    late: int = 0
    outside: int = 0
    unknown: int = 0
    older: int = 0
    unused: Mapping[str, int] = field(default_factory=dict)
    unfit: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What importing needs of a reader: its folder, set-up and outbox, the journals of a meter, and its lock.

    note_late names the built days that readings of a meter at these times (unix ms) may change. meter_at returns the
    meter at a position that takes data of one of the sources at a time; raises FolderError, SourceError.
    """

    folder: Path
    setup: ReaderSetup
    outbox: Outbox
    shelf: Callable[[MeterSetup], Shelf]
    lock: Callable[[], AbstractContextManager[None]]
    step: Callable[[str], None]
    note_late: Callable[[MeterSetup, Sequence[int]], None]
    meter_at: Callable[..., MeterSetup]

    @property
    def received(self) -> Received:
        """The files as they were received."""
        return Received(self.folder)

    def window_of(self, slot: int) -> int:
        """Return the local day of a slot."""
        return self.setup.zone.window_at(slot * SECONDS_PER_SLOT)


def import_file(
    desk: Desk,
    path: Path,
    *,
    now: int,
    position: int | None = None,
    device: str = "",
    form: str = "",
    layout: Layout | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Take a file in. position: of the meter that it is about, where the file has no metering point that is set up.

    device: which of several meters of the file, as it names them. form, layout: name of the format, columns of a
    table; else they are detected. now: unix time.
    Raises UnknownFormat, DamagedArchive (what was whole is taken), PositionNeeded, SeveralMeters, FolderError,
    SourceError, ReadingsErased, CsvError.
    """
    with path.open("rb") as stream:
        head = opened(stream).head
    reader = format_named(form) if form else with_layout(layout, head) if layout is not None else detect(head)
    own = None if form or layout is not None else _own_form(head, position)
    if reader is None and own is None:
        raise UnknownFormat(str(path), why_not(head))
    desk.step("keep file")
    with desk.lock():
        kept = desk.received.keep(path, now * 1000)
    taking = _Taking(desk, kept, position, device)
    try:
        if own is not None:
            report, months = own(desk, path)
        else:
            assert reader is not None
            report = taking.take(reader, str(path), progress)
            months = taking.months
    except LindenstromError:
        _settle(desk, kept, taking.months if taking.any_taken else ())
        raise
    desk.step("note months")
    _settle(desk, kept, months)
    return report


def _own_form(head: bytes, position: int | None) -> Callable[[Desk, Path], tuple[ImportReport, list[str]]] | None:
    """Return what takes the project's own CSV forms: a file is taken whole or refused at its first wrong line."""
    first = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()[:1]
    if first == [",".join(csvfile.INTERVAL_HEADER)] and position is None:
        return _own_intervals
    if first == [",".join(csvfile.REGISTER_HEADER)] and position is not None:
        return partial(_own_registers, position)
    return None


def _settle(desk: Desk, kept: Kept, months: Sequence[str]) -> None:
    """Note what months a file has; delete it if there are none, or if one of them is erased."""
    with desk.lock():
        gone = {month_name(month) for month in desk.outbox.erasures()}
        if gone & set(months) or (kept.is_new and not months):
            desk.received.drop(kept)
        elif months:
            desk.received.note_months(kept, months)


def import_intervals(desk: Desk, path: Path) -> ImportReport:
    """Journal a file of the project's own interval form for all meters that it names. Raises CsvError."""
    return _own_intervals(desk, path)[0]


def months_of(stream: BinaryIO) -> set[str] | None:
    """Return the UTC months, YYYY-MM, that a received file has values of; None if nobody can tell."""
    source = opened(stream)
    reader = detect(source.head)
    if reader is None:
        return None
    return {
        _month_at(found.time_ms // 1000) for found in reader.observations(source.stream) if found.time_ms is not None
    }


def _own_intervals(desk: Desk, path: Path) -> tuple[ImportReport, list[str]]:
    found = csvfile.read_intervals(path)
    points = _by_point(desk)
    added = late = outside = 0
    for point in sorted(found.keys() & points.keys()):
        with desk.lock():
            built, gone = _built(desk), desk.outbox.erasures()
            taken: dict[MeterSetup, list[csvfile.SlotValue]] = {}
            for window, values in groupby(found[point], key=lambda value: desk.window_of(value.slot)):
                meter = _live(points[point], window)
                if meter is None or month_of(window) in gone:
                    outside += len(list(values))
                else:
                    taken.setdefault(meter, []).extend(values)
            for meter, all_values in taken.items():
                shelf = desk.shelf(meter)
                changed = shelf.changed_intervals(all_values)
                late_windows = [w for value in changed if (w := desk.window_of(value.slot)) in built]
                if late_windows:
                    desk.outbox.add_gaps([_late(window, meter) for window in sorted(set(late_windows))])
                desk.step("journal intervals")
                shelf.add_intervals(changed)
                late += len(late_windows)
                added += len(changed) - len(late_windows)
    report = ImportReport(added=added, late=late, outside=outside, unknown=len(found.keys() - points.keys()))
    months = {_month_at(value.slot * SECONDS_PER_SLOT) for values in found.values() for value in values}
    return report, sorted(months)


def _own_registers(position: int, desk: Desk, path: Path) -> tuple[ImportReport, list[str]]:
    samples = csvfile.read_registers(path)
    if not samples:
        return ImportReport(added=0), []
    meter = desk.meter_at(position, samples[-1].time_ms, Source.REGISTERS)
    with desk.lock():
        desk.note_late(meter, [sample.time_ms for sample in samples])
        desk.step("journal readings")
        added = desk.shelf(meter).add_registers(samples)
    return ImportReport(added=added), sorted({_month_at(sample.time_ms // 1000) for sample in samples})


class _Taking:
    """One file on its way into the journals."""

    def __init__(self, desk: Desk, kept: Kept, position: int | None, device: str) -> None:
        self._desk, self._kept, self._position, self._device = desk, kept, position, device
        self._points = _by_point(desk)
        self._named: dict[str, Direction | None] = {}  # by OBIS code
        self._profiles: dict[str, dict[Direction, Values]] = {}
        self._series: dict[tuple[str, Direction], str] = {}
        self._lanes: dict[tuple[str, str], tuple[Values, bool]] = {}
        self._at_position: dict[int, str] = {}
        self._held = 0
        self._registers: dict[int, list[int | None]] = {}
        self._substitutes: set[int] = set()
        self._devices: set[str] = set()
        self._unknown: set[str] = set()
        self._unfit: Counter[str] = Counter()
        self._unused: Counter[str] = Counter()
        self.any_taken = False  # whether anything was fit, wherever it went
        self._added = self._late = self._outside = self._older = 0
        self._days: set[int] = set()
        self._windows: dict[int, int] = {}  # slot → local day

    @property
    def months(self) -> list[str]:
        """UTC months that the file has values of."""
        return sorted({_month_at(day * 86_400) for day in self._days})

    def take(self, reader: Reader, name: str, progress: Progress | None) -> ImportReport:
        """Read the file and journal what is fit."""
        with self._desk.received.open(self._kept) as raw:
            counted = _Counted(raw, self._kept.size, progress) if progress else raw
            source = opened(cast("BinaryIO", counted))
            any_read = False
            for found in reader.observations(source.stream):
                if found.problem is Problem.NO_READINGS:
                    break
                any_read = True
                self._take(found)
                if self._held >= ROUND:
                    self._journal()
            if not any_read:
                raise UnknownFormat(name, "it holds no reading")
            if not self.any_taken and self._unused[NO_POSITION]:
                raise PositionNeeded
            self._journal()
            if source.is_damaged:
                raise DamagedArchive(name)
        return ImportReport(
            added=self._added,
            late=self._late,
            outside=self._outside,
            unknown=len(self._unknown),
            older=self._older,
            unused=dict(self._unused),
            unfit=dict(self._unfit),
        )

    def _take(self, found: Observation) -> None:
        time_ms = found.time_ms
        problem = found.problem or _fault(found)
        if time_ms is not None and 0 <= time_ms < END_MS:
            self._days.add(time_ms // 86_400_000)
        if problem is not None:
            self._unfit[problem.value] += 1
            # of two values in a table the first came before the contradiction was seen: it is taken back
            undated = problem is Problem.CONFLICTING_VALUES and found.issued_ms is None
            if not (undated or problem is Problem.WITHDRAWN) or found.span_s != QUARTER_HOUR_S:
                return
        if found.obis not in self._named:
            self._named[found.obis] = _direction(found.obis)
        direction = self._named[found.obis]
        if direction is None or found.energy_mwh is None:
            self._unused[OTHER_QUANTITY] += 1
        elif time_ms is None:
            self._unused[NO_TIME] += 1
        elif found.span_s == QUARTER_HOUR_S:
            self._take_interval(found, direction, time_ms, found.energy_mwh)
        else:
            self._take_register(found, direction, time_ms, found.energy_mwh)

    def _take_interval(self, found: Observation, direction: Direction, time_ms: int, energy_mwh: int) -> None:
        self.any_taken = True
        slot = time_ms // (SECONDS_PER_SLOT * 1000)
        point = found.meter if self._position is None else self._point_at(self._position, found.meter, slot)
        if point not in self._points:
            if point:
                self._unknown.add(point)
            return
        values, is_second = self._lanes.get((point, found.obis)) or self._new_lane(point, found.obis, direction)
        issued_ms = self._kept.received_ms if found.issued_ms is None else found.issued_ms
        status = Status.MEASURED if found.status is None else found.status
        value = packed(issued_ms, energy_mwh, WITHDRAWN if found.problem else status)
        known = values.get(slot) if is_second else None
        if known is not None and issued_of(known) == issued_ms and not is_same(known, value):
            # two products of one message that both say what was drawn, or fed in: nobody knows which is meant
            self._unfit[Problem.CONFLICTING_VALUES.value] += 2
            del values[slot]
            return
        put(values, slot, value)
        self._held += 1

    def _new_lane(self, point: str, obis: str, direction: Direction) -> tuple[Values, bool]:
        """Return where values of a series go, and whether another series of that direction came first."""
        sides = self._profiles.setdefault(point, {side: {} for side in Direction})
        first = self._series.setdefault((point, direction), obis)
        lane = self._lanes[point, obis] = sides[direction], first != obis
        return lane

    def _point_at(self, position: int, name: str, slot: int) -> str:
        """Return the metering point of the meter at a position that a value goes to, empty if another one is meant."""
        if not self._is_asked_for(name):
            return ""
        window = self._window_of(slot)
        if window not in self._at_position:
            meter = self._desk.meter_at(position, slot * SECONDS_PER_SLOT * 1000, Source.INTERVALS)
            self._at_position[window] = meter.metering_point
        return self._at_position[window]

    def _window_of(self, slot: int) -> int:
        window = self._windows.get(slot)
        if window is None:
            window = self._windows[slot] = self._desk.window_of(slot)
        return window

    def _take_register(self, found: Observation, direction: int, time_ms: int, energy_mwh: int) -> None:
        if self._position is None:
            self._unused[NO_POSITION] += 1
            return
        if not self._is_asked_for(found.meter):
            return
        self.any_taken = True
        self._registers.setdefault(time_ms, [None, None])[direction - 1] = energy_mwh
        if found.status is not None and found.status is not Status.MEASURED:
            self._substitutes.add(time_ms)
        self._held += 1

    def _is_asked_for(self, name: str) -> bool:
        """Return whether a value is of the meter that the caller means. Raises SeveralMeters."""
        if self._device and name != self._device:
            return False
        self._devices.add(name)
        if len(self._devices) > 1:
            raise SeveralMeters
        return True

    def _journal(self) -> None:
        """Write what is held."""
        for point in sorted(self._profiles):
            with self._desk.lock():
                self._journal_profiles(point, self._profiles[point])
        self._journal_registers()
        self._profiles, self._registers, self._lanes, self._held = {}, {}, {}, 0

    def _journal_profiles(self, point: str, sides: Mapping[Direction, Values]) -> None:
        desk = self._desk
        built, gone = _built(desk), desk.outbox.erasures()
        by_meter: dict[MeterSetup, dict[Direction, Values]] = {}
        homes: dict[int, dict[Direction, Values] | None] = {}
        outside: set[int] = set()
        for direction, values in sides.items():
            for slot, value in values.items():
                window = self._window_of(slot)
                if window not in homes:
                    meter = None if month_of(window) in gone else _live(self._points[point], window)
                    nothing: dict[Direction, Values] = {side: {} for side in Direction}
                    homes[window] = None if meter is None else by_meter.setdefault(meter, nothing)
                home = homes[window]
                if home is None:
                    outside.add(slot)
                else:
                    home[direction][slot] = value
        self._outside += len(outside)
        for meter, values_of in by_meter.items():
            shelf = desk.shelf(meter)
            plan = shelf.plan_profiles(values_of)
            late = Counter(window for slot in plan.changed if (window := self._window_of(slot)) in built)
            if late:
                desk.outbox.add_gaps([_late(window, meter) for window in sorted(late)])
            desk.step("journal profiles")
            shelf.write_profiles(plan)
            self._late += late.total()
            self._added += len(plan.changed) - late.total()
            self._older += plan.older

    def _journal_registers(self) -> None:
        if not self._registers or self._position is None:
            return
        times = sorted(self._registers)
        takes = (Source.REGISTERS, Source.SML, Source.DSMR, Source.MQTT)
        meter = self._desk.meter_at(self._position, times[-1], *takes)
        records = [
            reading_record(
                time_ms=time_ms,
                import_mwh=self._registers[time_ms][0],
                export_mwh=self._registers[time_ms][1],
                substitute=time_ms in self._substitutes,
            )
            for time_ms in times
        ]
        with self._desk.lock():
            self._desk.note_late(meter, times)
            self._desk.step("journal readings")
            self._added += self._desk.shelf(meter).add(records)


class _Counted(io.RawIOBase):
    """A stream that says how far it was read."""

    def __init__(self, stream: BinaryIO, size: int, progress: Progress) -> None:
        self._stream, self._size, self._progress = stream, size, progress
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._stream.read(len(into))
        into[: len(piece)] = piece
        self._done += len(piece)
        self._progress(self._done, self._size)
        return len(piece)


def _fault(found: Observation) -> Problem | None:
    """Return why a value cannot be journaled, whatever the reader of its format thinks."""
    if found.time_ms is not None:
        if not 0 <= found.time_ms < END_MS:
            return Problem.BAD_TIME
        if found.span_s and (found.span_s != QUARTER_HOUR_S or found.time_ms % (QUARTER_HOUR_S * 1000)):
            return Problem.NOT_QUARTER_HOURLY
    limit = MAX_SLOT_MWH if found.span_s else MAX_REGISTER_MWH
    return None if found.energy_mwh is None or 0 <= found.energy_mwh <= limit else Problem.BAD_VALUE


def _direction(obis: str) -> Direction | None:
    """Return whether a code is of energy drawn or fed in, all tariffs together."""
    parts = obis.partition(":")[2].partition("*")[0].split(".")
    return Direction(int(parts[0])) if len(parts) == 3 and parts[0] in ("1", "2") and parts[2] == "0" else None


def _by_point(desk: Desk) -> dict[str, list[MeterSetup]]:
    """Return the interval meters by metering point."""
    found: dict[str, list[MeterSetup]] = {}
    for meter in desk.setup.meters:
        if meter.metering_point:
            found.setdefault(meter.metering_point, []).append(meter)
    return found


def _live(meters: Sequence[MeterSetup], window: int) -> MeterSetup | None:
    return next((meter for meter in meters if meter.is_live(window)), None)


def _built(desk: Desk) -> set[int]:
    return {entry.window for entry in desk.outbox.entries()}


def _late(window: int, meter: MeterSetup) -> Gap:
    return Gap(window=window, position=meter.position, reason=LATE)


def _month_at(time: int) -> str:
    return datetime.fromtimestamp(time, tz=UTC).strftime("%Y-%m")

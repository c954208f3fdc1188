"""All journals of one meter, and window values from them.

A shelf is a folder: raw streams one file a UTC day (`2026-10-24.sml`, `.dsmr`, `.mqtt`; some 30 MB at a telegram a
second), values one file a UTC month (`2026-10.csv`), declared breaks in `breaks`. A day is built from the files around
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from lindenstrom.core.packs import Break, Registers, Status
from lindenstrom.metering import rules
from lindenstrom.metering.csvfile import SlotValue
from lindenstrom.metering.errors import ValueConflict
from lindenstrom.metering.intervals import (
    SLOT_MS,
    DeclaredBreak,
    Lack,
    NotComplete,
    Sample,
    WindowValues,
    rollovers,
    window_values,
)
from lindenstrom.metering.journal import Journal, Kind, Record, read_journal, records_of, sync_folder
from lindenstrom.metering.plausible import one_way, reaches
from lindenstrom.metering.profiles import (
    Direction,
    Values,
    directions,
    interval_record,
    is_same,
    is_withdrawn,
    near,
    packed,
    profile_records,
    runs,
    sided,
    slot_values,
)
from lindenstrom.metering.thinning import thin_file
from lindenstrom.metering.timeline import (
    Timeline,
    break_record,
    register_record,
    register_timeline,
)

BREAKS = "breaks"
STREAMS = {Kind.SML: ".sml", Kind.DSMR: ".dsmr", Kind.MQTT: ".mqtt"}
SUFFIXES = frozenset({*STREAMS.values(), ".csv"})
LACKS = (
    (rules.NOT_SENT, Lack.NOT_SENT),
    (rules.POWER_ONLY, Lack.POWER_ONLY),
    (rules.STATUS_WORD, Lack.STATUS_WORD),
    (rules.NEGATIVE, Lack.NEGATIVE),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SLOTS_PER_DAY = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePlan:
    """Values of load profiles that are to be written: records by file, the slots that they change.

    older: values left out, since a newer message has said something else before.
    """

    records: Mapping[str, Sequence[Record]]
    changed: frozenset[int]
    older: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The journals of the meter at a position; `folder` exists. limit_w, mapping, modulus_mwh: as in its set-up."""

    folder: Path
    position: int
    modulus_mwh: int = 0
    limit_w: int = 0
    mapping: str = ""

    def open_sml(self, time_ms: int) -> Journal:
        """Return the journal that takes SML bytes received at this time, for a live reading head (one a UTC day)."""
        return self.open_stream(Kind.SML, time_ms)

    def open_stream(self, kind: Kind, time_ms: int) -> Journal:
        """Return the journal that takes what a live source (SML, DSMR, MQTT) sends at this time (one a UTC day).

        Raises JournalBusy.
        """
        return Journal(self.folder / _file_name(kind, time_ms))

    def add(self, records: Sequence[Record]) -> int:
        """Write what is not yet journaled, in order, and return how many records that were. Raises JournalBusy."""
        added = 0
        for name, group in groupby(records, key=lambda record: _file_name(record.kind, record.time_ms)):
            path = self.folder / name
            wanted = dict.fromkeys(group)
            for record in records_of(path):
                wanted.pop(record, None)
            new = list(wanted)
            if new:
                with Journal(path) as journal:
                    journal.append(new)
            added += len(new)
        return added

    def add_registers(self, samples: Sequence[Sample]) -> int:
        """Write register readings. Raises ValueConflict if the journal has others for one of the times."""
        records = [register_record(sample) for sample in samples]
        for name, group in groupby(records, key=lambda record: _file_name(record.kind, record.time_ms)):
            known = {r.time_ms: r for r in read_journal(self.folder / name) if r.kind is Kind.REGISTERS}
            for record in group:
                if known.get(record.time_ms, record) != record:
                    raise ValueConflict(self.position, record.time_ms)
        return self.add(records)

    def changed_intervals(self, values: Sequence[SlotValue]) -> list[SlotValue]:
        """Return the quarter-hours that the journals do not have, or have otherwise."""
        found = self._directions({_file_name(Kind.INTERVALS, value.slot * SLOT_MS) for value in values})
        drawn, fed = found[Direction.IMPORT], found[Direction.EXPORT]
        none = packed(0, 0, 0xFF)
        return [
            value
            for value in values
            if not is_same(drawn.get(value.slot, none), packed(0, value.import_mwh, value.status))
            or not is_same(fed.get(value.slot, none), packed(0, value.export_mwh, value.status))
        ]

    def add_intervals(self, values: Sequence[SlotValue]) -> int:
        """Write the quarter-hours that are new or differ, and return how many; what comes last counts."""
        changed = self.changed_intervals(values)
        for name, group in groupby(changed, key=lambda value: _file_name(Kind.INTERVALS, value.slot * SLOT_MS)):
            with Journal(self.folder / name) as journal:
                journal.append(interval_record(run) for run in runs(list(group)))
        return len(changed)

    def plan_profiles(self, values: Mapping[Direction, Values]) -> ProfilePlan:
        """Return what of these values is to be written: nothing that a newer message has said already."""
        names = {_file_name(Kind.PROFILE, slot * SLOT_MS) for side in values.values() for slot in side}
        found = self._directions(names)
        changed: set[int] = set()
        older = 0
        records: dict[str, list[Record]] = {name: [] for name in sorted(names)}
        for direction, side in values.items():
            known = found[direction]
            new: dict[str, Values] = {name: {} for name in records}
            for slot, value in side.items():
                had = known.get(slot)
                if had is None:
                    differs = not is_withdrawn(value)
                elif value >> 40 < had >> 40:
                    older += 1
                    continue
                else:
                    differs = not is_same(value, had)
                if differs:
                    changed.add(slot)
                if differs or (had is not None and value >> 40 > had >> 40):
                    new[_file_name(Kind.PROFILE, slot * SLOT_MS)][slot] = value
            for name, one in new.items():
                records[name] += profile_records(direction, one)
        return ProfilePlan(
            records={name: some for name, some in records.items() if some}, changed=frozenset(changed), older=older
        )

    def write_profiles(self, plan: ProfilePlan) -> None:
        """Write what was planned."""
        for name, records in plan.records.items():
            with Journal(self.folder / name) as journal:
                journal.append(records)

    def add_break(self, declared: DeclaredBreak) -> bool:
        """Write a declared break, unless it stands so already; for one instant the last counts."""
        record = break_record(declared)
        same_time = [known for known in read_journal(self.folder / BREAKS) if known.time_ms == record.time_ms]
        if same_time[-1:] == [record]:
            return False
        with Journal(self.folder / BREAKS) as journal:
            journal.append([record])
        return True

    def break_at(self, time_ms: int) -> bool:
        """Return whether a break is declared for this instant."""
        return self.has_break(time_ms, time_ms + 1)

    def has_break(self, start_ms: int, end_ms: int) -> bool:
        """Return whether a break is declared in [start, end)."""
        declared = register_timeline(read_journal(self.folder / BREAKS)).breaks
        return any(start_ms <= one.time_ms < end_ms for one in declared)

    def erase(self, month: str) -> None:
        """Delete what was received in or holds for a UTC month, YYYY-MM. Repeatable."""
        for path in self.folder.iterdir():
            if path.suffix in SUFFIXES and path.name.startswith(month):
                path.unlink()
        path = self.folder / BREAKS
        records = read_journal(path)
        kept = [record for record in records if not _day(record.time_ms).startswith(month)]
        if len(kept) < len(records):
            part = path.with_name(f"{BREAKS}.part")
            part.unlink(missing_ok=True)
            with Journal(part) as journal:
                journal.append(kept)
            part.rename(path)
        sync_folder(self.folder)

    def thin(self, start_ms: int, end_ms: int) -> int:
        """Keep of the raw streams of UTC days inside [start, end) only what windows rest on; return bytes given back.

        Windows are built of it as before. Repeatable; a file is thinned whole or not at all. For days that nobody will
        read again but for corrections. Raises JournalBusy, JournalDamaged, DiskFull, DiskReadOnly, DiskFailed.
        """
        streams = [path for path in sorted(self.folder.iterdir()) if path.suffix in STREAMS.values()]
        inside = [path for path in streams if start_ms <= _period(path.name)[0] and _period(path.name)[1] <= end_ms]
        return sum(thin_file(path, self.mapping) for path in inside)

    def months(self) -> set[str]:
        """Return the UTC months, YYYY-MM, that have journals of readings."""
        return {path.name[:7] for path in self.folder.iterdir() if path.suffix in SUFFIXES}

    def known_intervals(self, slots: range, *, partial: bool = False) -> dict[int, SlotValue]:
        """Return what the journals have for these slots.

        Of a meter that has both directions, those that lack one only with `partial`, as provisional.
        """
        names = _months(slots)
        found, kinds = near([record for name in names for record in read_journal(self.folder / name)], slots)
        if len(kinds) == 1:  # on the first of a month only the month before tells what is still to come
            earlier = [path.name for path in self.folder.iterdir() if path.suffix == ".csv" and path.name < names[0]]
            kinds |= sided(self._directions(sorted(earlier)[-1:]))
        values = slot_values(found, two_sided=len(kinds) == len(Direction), partial=partial)
        return {slot: value for slot, value in values.items() if slot in slots}

    def _directions(self, names: Iterable[str]) -> dict[Direction, Values]:
        """Return what the journals of these names say of each direction."""
        return directions(record for name in sorted(names) for record in read_journal(self.folder / name))

    def timeline(self, start_ms: int, end_ms: int) -> Timeline:
        """Return what the journals say about [start, end], with the nearest readings before and after."""
        periods = {path.name: _period(path.name) for path in self.folder.iterdir() if path.suffix in SUFFIXES}
        names = sorted(periods, key=lambda name: (periods[name], name))
        before = [name for name in names if periods[name][1] <= start_ms]
        after = [name for name in names if periods[name][0] > end_ms]
        used = [name for name in names if name not in (*before, *after)]
        while True:
            found = register_timeline(
                self._records(used), mapping=self.mapping, modulus_mwh=self.modulus_mwh, limit_w=self.limit_w
            )
            at_start, at_end = reaches(found.samples, start_ms, end_ms)
            if before and not at_start:
                used.insert(0, before.pop())
            elif after and not at_end:
                used.append(after.pop(0))
            else:
                return found

    def _records(self, names: Iterable[str]) -> Iterator[Record]:
        for name in names:
            yield from records_of(self.folder / name)
        yield from records_of(self.folder / BREAKS)

    def register_window(
        self, first_slot: int, slot_count: int, settled: Mapping[int, Registers]
    ) -> tuple[WindowValues | NotComplete, Mapping[str, int]]:
        """Return a window of a meter that gives registers, and what could not be used. Raises as `window_values`."""
        found = self.timeline(first_slot * SLOT_MS, (first_slot + slot_count) * SLOT_MS)
        is_not_sent = rules.NOT_SENT in found.unused
        samples = found.samples if is_not_sent else one_way(found.samples, settled)
        breaks = list(found.breaks)
        if self.modulus_mwh:
            breaks += rollovers(samples, found.breaks, self.modulus_mwh)
        result = window_values(
            samples,
            first_slot=first_slot,
            slot_count=slot_count,
            position=self.position,
            breaks=sorted(breaks, key=lambda declared: declared.time_ms),
            settled=settled,
            limit_w=self.limit_w,
        )
        if isinstance(result, NotComplete):
            lack = Lack.LOCKED if found.locked else next((why for text, why in LACKS if text in found.unused), None)
            result = replace(result, lack=lack) if lack and (found.locked or is_not_sent or not samples) else result
        return result, found.unused

    def interval_window(
        self, first_slot: int, slot_count: int, settled: Mapping[int, Registers], *, partial: bool
    ) -> WindowValues | NotComplete:
        """Return a window of a meter that gives quarter-hours. Its registers count from 0 at its first window.

        Its days are built in order, since the file form has no registers to meet at. What comes when the day after is
        built already leads over to that day's start by a break in the last slot. `partial` takes absent quarter-hours
        as missing (0), unless all are.
        """
        if settled and first_slot not in settled and max(settled) < first_slot:
            return NotComplete(lack=Lack.EARLIER_DAY)
        slots = range(first_slot, first_slot + slot_count)
        known = self.known_intervals(slots, partial=partial)
        absent = slot_count - len(known)
        if absent == slot_count:
            return NotComplete(lack=Lack.NO_READING)
        if absent and not partial:
            return NotComplete(lack=Lack.NO_VALUES, missing_slots=absent)
        none = SlotValue(slot=0, import_mwh=0, export_mwh=0, status=Status.MISSING)
        values = [known.get(slot, none) for slot in slots]
        start = standing(settled, first_slot)
        end = Registers(
            import_mwh=start.import_mwh + sum(value.import_mwh for value in values),
            export_mwh=start.export_mwh + sum(value.export_mwh for value in values),
        )
        held = settled.get(first_slot + slot_count, end)
        return WindowValues(
            start=start,
            end=held,
            gap=None if held == end else Break(slot_index=slot_count - 1, old_end=end, new_start=held),
            import_mwh=tuple(value.import_mwh for value in values),
            export_mwh=tuple(value.export_mwh for value in values),
            status=tuple(value.status for value in values),
        )


def standing(settled: Mapping[int, Registers], slot: int) -> Registers:
    """Return where the registers of an interval meter stand at a slot: as last settled up to it."""
    earlier = [at for at in settled if at <= slot]
    return settled[max(earlier)] if earlier else Registers(import_mwh=0, export_mwh=0)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).date().isoformat()


def _months(slots: range) -> list[str]:
    """Return the names of the files that hold quarter-hours of these slots, in order."""
    days = (at * SLOT_MS for at in (*slots[::SLOTS_PER_DAY], slots[-1]))
    return sorted({_file_name(Kind.INTERVALS, time_ms) for time_ms in days})


@lru_cache(maxsize=1 << 14)
def _file_name(kind: Kind, time_ms: int) -> str:
    if kind is Kind.BREAK:
        return BREAKS
    return f"{_day(time_ms)}{STREAMS[kind]}" if kind in STREAMS else f"{_day(time_ms)[:7]}.csv"


def _period(name: str) -> tuple[int, int]:
    """Return from when (inclusive) to when (exclusive) a file's records are, unix ms."""
    year, month, *day = (int(part) for part in name.partition(".")[0].split("-"))
    if day:
        first = datetime(year, month, day[0], tzinfo=UTC)
        last = first + timedelta(days=1)
    else:
        first = datetime(year, month, 1, tzinfo=UTC)
        last = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return (first - EPOCH) // MILLISECOND, (last - EPOCH) // MILLISECOND

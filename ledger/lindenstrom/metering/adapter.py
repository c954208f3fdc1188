"""The metering adapter: a reader's folder, from journaled meter data to anchored packs (R4).

    reader.json               set-up
    journals/<position>-<meter>/   journals of each meter
    keys/<YYYY-MM>.key        random month keys of the pack salts (R9); deleting one is the erasure of what it hid
    outbox.sqlite             built, signed, delivered, anchored

Build, sign, deliver, anchor: each step can be repeated at any time, with the same result. What comes after a day is
anchored goes into its next revision (`correct`). The reader's signing key and all randomness come from the caller.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lindenstrom import mailbox
from lindenstrom.chain.batches import MAX_BATCH, SignedAnchor, Skip
from lindenstrom.core.calendar import (
    CORRECTION_PERIOD_S,
    SECONDS_PER_SLOT,
    date_of,
    month_name,
    month_of,
    windows_of,
)
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import Pack, Registers, Status, pack_leaf
from lindenstrom.core.salts import Purpose, salt
from lindenstrom.errors import LindenstromError
from lindenstrom.mailbox import PackDelivery
from lindenstrom.metering import csvfile, importing
from lindenstrom.metering.errors import (
    BreakUnfit,
    FolderError,
    MeterChanged,
    MeterLocked,
    MonthKeyError,
    ReadingsErased,
    ReadingsStillNeeded,
    RegisterFell,
    RegisterJumped,
    SlotTooLarge,
    SourceError,
    WindowNotBuilt,
    WindowNotOver,
    clock_text,
)
from lindenstrom.metering.importing import LATE, ImportReport
from lindenstrom.metering.intervals import DeclaredBreak, NotComplete, WindowValues, pack_values
from lindenstrom.metering.journal import Journal, Kind, Record
from lindenstrom.metering.layout import Layout
from lindenstrom.metering.outbox import Entry, Gap, Outbox
from lindenstrom.metering.received import Received
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source, read_setup, write_setup
from lindenstrom.metering.shelf import Shelf, standing
from lindenstrom.metering.storage import storing
from lindenstrom.metering.timeline import register_timeline
from lindenstrom.signing import Curve, sign_on

READY = "complete; not built yet"
FIRST_REVISION = 0
LAST_REVISION = 254
HAS_REGISTERS = (Source.SML, Source.DSMR, Source.MQTT, Source.REGISTERS)
LONGEST_GAP = 31
"""Windows before a late reading that may have waited for it."""


class Anchorer(Protocol):
    """Carries 1 to 256 signed roots to the chain; returns once they are there, with what was passed over: place → why.

    Roots already there change nothing.
    """

    def anchor(self, records: Sequence[SignedAnchor], /) -> Mapping[int, Skip]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The outcome of building a window: its entry (None if not complete yet), and what it lacks.

    unused: per position, readings that could not be used, by reason.
    """

    entry: Entry | None
    gaps: tuple[Gap, ...]
    unused: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorReport:
    """Entries that are on the chain now, and those that it passed over, each with its reason; these are tried again."""

    anchored: tuple[Entry, ...]
    skipped: tuple[tuple[Entry, Skip], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """One meter's window on the way into a pack; `boundaries` are the registers it settles, by slot."""

    meter: MeterSetup
    values: WindowValues | None = None
    boundaries: Mapping[int, Registers] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    unused: Mapping[str, int] = field(default_factory=dict)
    error: LindenstromError | None = None


def _no_step(_: str) -> None:
    """Nobody watches the steps."""


class Adapter:
    """A reader's folder in use. `random` gives n random bytes; `on_step` is told the name of each step as it begins."""

    def __init__(
        self, folder: Path, *, random: Callable[[int], bytes], on_step: Callable[[str], None] = _no_step
    ) -> None:
        self.folder = folder
        self.setup = read_setup(folder)
        self.outbox = Outbox(folder / "outbox.sqlite")
        self._random = random
        self._step = on_step

    @classmethod
    def create(
        cls,
        folder: Path,
        setup: ReaderSetup,
        *,
        random: Callable[[int], bytes],
        on_step: Callable[[str], None] = _no_step,
    ) -> Adapter:
        """Set a folder up, or bring its set-up up to date (new meters, ends), and open it. Raises FolderError."""
        write_setup(folder, setup)
        return cls(folder, random=random, on_step=on_step)

    def shelf(self, meter: MeterSetup) -> Shelf:
        """Return a meter's journals."""
        folder = self.folder / "journals" / f"{meter.position}-{meter.meter.hex()[:16]}"
        with storing(folder):
            mailbox.make_folder(folder)
        return Shelf(
            folder=folder,
            position=meter.position,
            modulus_mwh=meter.modulus_mwh,
            limit_w=meter.limit_w,
            mapping=meter.mapping,
        )

    def open_sml(self, position: int, time_ms: int) -> Journal:
        """Return the journal for what a live reading head receives from this time to the end of the UTC day.

        Raises SourceError, JournalBusy.
        """
        return self.shelf(self._meter(position, time_ms, Source.SML)).open_sml(time_ms)

    def import_sml(self, position: int, chunks: Sequence[tuple[int, bytes]]) -> ImportReport:
        """Journal received bytes, (unix ms, bytes) in order of receipt. Importing them again changes nothing.

        Raises MeterLocked, with nothing journaled, if a locked meter sent them; SourceError.
        """
        if not chunks:
            return ImportReport(added=0)
        meter = self._meter(position, chunks[-1][0], Source.SML)
        records = [Record(kind=Kind.SML, time_ms=time_ms, payload=data) for time_ms, data in chunks]
        found = register_timeline(records)
        if found.locked and not found.samples:
            raise MeterLocked(position)
        with self._lock():
            added = self.shelf(meter).add(records)
            if added:
                self._note_late(meter, [time_ms for time_ms, _ in chunks])
        return ImportReport(added=added, unused=found.unused)

    def import_registers(self, position: int, path: Path) -> ImportReport:
        """Journal a CSV file of register readings. Raises CsvError, ValueConflict, SourceError."""
        samples = csvfile.read_registers(path)
        if not samples:
            return ImportReport(added=0)
        meter = self._meter(position, samples[-1].time_ms, Source.REGISTERS)
        with self._lock():
            added = self.shelf(meter).add_registers(samples)
            if added:
                self._note_late(meter, [sample.time_ms for sample in samples])
        return ImportReport(added=added)

    def import_intervals(self, path: Path) -> ImportReport:
        """Journal a metering operator's interval file for all meters that it names. Raises CsvError.

        A later value for the same quarter-hour counts; once the day is built, it needs a correction and is named.
        """
        return importing.import_intervals(self._desk(), path)

    def import_file(
        self,
        path: Path,
        *,
        now: int,
        position: int | None = None,
        device: str = "",
        form: str = "",
        layout: Layout | None = None,
        progress: importing.Progress | None = None,
    ) -> ImportReport:
        """Keep a file of any known format, and journal what it has for the meters set up: `importing.import_file`."""
        return importing.import_file(
            self._desk(), path, now=now, position=position, device=device, form=form, layout=layout, progress=progress
        )

    def note_received(self, position: int, time_ms: int) -> None:
        """Name the built days that a live reading of this time may complete; imports do so themselves."""
        meter = self._meter(position, time_ms, Source.SML, Source.DSMR, Source.MQTT)
        with self._lock():
            self._note_late(meter, [time_ms])

    def _desk(self) -> importing.Desk:
        return importing.Desk(
            folder=self.folder,
            setup=self.setup,
            outbox=self.outbox,
            shelf=self.shelf,
            lock=self._lock,
            step=self._step,
            note_late=self._note_late,
            meter_at=self._meter,
        )

    def declare_break(self, position: int, declared: DeclaredBreak) -> None:
        """Journal a meter's swap or rollover; a day that is built gets a correction. Raises FolderError, SourceError.

        For one instant the last declaration counts; one without a jump withdraws those before.
        """
        window = self.setup.zone.window_at(declared.time_ms // 1000)
        meter = self._meter(position, declared.time_ms, *HAS_REGISTERS)
        with self._lock():
            if self.shelf(meter).add_break(declared) and self.outbox.entry(window):
                self.outbox.add_gaps([_gap(window, meter, LATE)])

    def withdraw_break(self, position: int, time_ms: int) -> None:
        """Take back the break declared for an instant. Raises FolderError where there is none, SourceError."""
        meter = self._meter(position, time_ms, *HAS_REGISTERS)
        if not self.shelf(meter).break_at(time_ms):
            raise FolderError(self.folder, f"no break is declared at {clock_text(time_ms)}", "give its exact time")
        nothing = Registers(import_mwh=0, export_mwh=0)
        self.declare_break(position, DeclaredBreak(time_ms=time_ms, old_end=nothing, new_start=nothing))

    def build(self, window: int, *, now: int, partial: bool = False) -> BuildReport:
        """Build a window's packs and root, once complete. What is built stays: building again returns it as it is.

        now: unix time. partial: build without the positions that are not complete or whose data is in error (they stay
        empty for the operator to replace), with absent quarter-hours of interval meters as missing; what is left out
        stays in the gap list.
        Raises WindowNotOver; without `partial` RegisterFell, MeterChanged, BreakUnfit, SlotTooLarge.
        """
        with self._lock():
            entry = self.outbox.entry(window)
            if entry:
                return BuildReport(entry=entry, gaps=self._gaps_of(window))
            if now < self.setup.zone.window_end(window):
                raise WindowNotOver(window)
            days = self._days_of(window, partial=partial)
            unused = {day.meter.position: day.unused for day in days if day.unused}
            gaps = tuple(gap for day in days for gap in day.gaps)
            errors = [day.error for day in days if day.error]
            if errors and not partial:
                raise errors[0]
            if not days or (not partial and not all(day.values for day in days)):
                return BuildReport(entry=None, gaps=gaps, unused=unused)
            self._store(window, FIRST_REVISION, days, gaps)
        return BuildReport(entry=self.outbox.entry(window), gaps=gaps, unused=unused)

    def correctable(self) -> tuple[int, ...]:
        """Return the windows for which something came since they were anchored, or whose correction is under way."""
        late = {gap.window for gap in self.outbox.gaps() if gap.reason == LATE}
        newest = {entry.window: entry for entry in self.outbox.entries()}
        begun = (e.window for e in newest.values() if e.revision > FIRST_REVISION and not e.anchored)
        return tuple(sorted({*begun, *(window for window in late if newest[window].anchored)}))

    def correct(self, window: int) -> BuildReport:
        """Build the next revision of an anchored window from all that is journaled by now; none if nothing changes.

        A meter that had a pack keeps one. Values of an interval meter that came later count; what a register meter's
        readings had measured stays, what was estimated or left out is made anew. Raises WindowNotBuilt, ReadingsErased.
        """
        self._require_kept(window)
        with self._lock():
            entry = self._entry(window)
            if not entry.anchored or entry.revision >= LAST_REVISION:
                return BuildReport(entry=entry, gaps=self._gaps_of(window))
            old = {at: pack_values(pack) for at, pack in self.outbox.packs(window, entry.revision).items()}
            days = [self._corrected(meter, window, old.get(meter.position)) for meter in self.setup.live(window)]
            gaps = tuple(gap for day in days for gap in day.gaps)
            if {day.meter.position: day.values for day in days if day.values} == old:
                self.outbox.set_gaps(window, gaps)
            else:
                self._store(window, entry.revision + 1, days, gaps)
        return BuildReport(entry=self._entry(window), gaps=gaps)

    def sign(self, window: int, key: bytes, *, separator: bytes | None = None, curve: Curve = Curve.SECP256K1) -> Entry:
        """Sign a built window's root with the reader's key. separator: EIP-712 domain, the community's by default.

        curve: the key's. Raises WindowNotBuilt, BadPrivateKey.
        """
        entry = self._entry(window)
        if not entry.signature:
            digest = self._act(entry).digest(separator or self.setup.community)
            self._step("sign")
            self.outbox.set_signature(window, entry.revision, sign_on(key, digest, curve))
        return self._entry(window)

    def deliver(self, window: int, mailbox_folder: Path) -> Entry:
        """Put a signed window's packs into the mailbox. Raises WindowNotBuilt, DeliveryConflict."""
        entry = self._entry(window, signed=True)
        self._require_kept(window)
        delivery = PackDelivery(
            reader=self.setup.reader,
            window=window,
            revision=entry.revision,
            root=entry.root,
            signature=entry.signature,
            packs=self.outbox.packs(window, entry.revision),
        )
        self._step("deliver")
        with storing(mailbox_folder):
            mailbox.deliver_packs(mailbox_folder, delivery)
        if not entry.delivered:
            self._step("note delivery")
            self.outbox.set_delivered(window, entry.revision)
        return self._entry(window)

    def anchor(self, anchorer: Anchorer) -> AnchorReport:
        """Have all delivered windows anchored that are not yet: weeks of backlog go in one call."""
        waiting = [entry for entry in self.outbox.entries() if entry.delivered and not entry.anchored]
        anchored: list[Entry] = []
        skipped: list[tuple[Entry, Skip]] = []
        for start in range(0, len(waiting), MAX_BATCH):
            batch = waiting[start : start + MAX_BATCH]
            self._step("anchor")
            why = anchorer.anchor([SignedAnchor(act=self._act(entry), signature=entry.signature) for entry in batch])
            self._step("note anchoring")
            skipped += [(batch[place], skip) for place, skip in sorted(why.items())]
            for entry in (entry for place, entry in enumerate(batch) if place not in why):
                self.outbox.set_anchored(entry.window, entry.revision)
                anchored.append(replace(entry, anchored=True))
        return AnchorReport(anchored=tuple(anchored), skipped=tuple(skipped))

    def process(
        self,
        window: int,
        *,
        now: int,
        key: bytes,
        mailbox_folder: Path,
        anchorer: Anchorer,
        partial: bool = False,
        curve: Curve = Curve.SECP256K1,
    ) -> BuildReport:
        """Build, sign, deliver and anchor a window as far as it can go; to be called again after any interruption."""
        report = self.build(window, now=now, partial=partial)
        if report.entry:
            self.sign(window, key, curve=curve)
            self.deliver(window, mailbox_folder)
            self.anchor(anchorer)
            report = replace(report, entry=self._entry(window))
        return report

    def gap_list(self, first_window: int, last_window: int) -> tuple[Gap, ...]:
        """Return everything that keeps the windows first..last from being built, or that built ones lack (I14)."""
        found: list[Gap] = []
        for window in range(first_window, last_window + 1):
            if self.outbox.entry(window):
                found += self._gaps_of(window)
            else:
                for day in self._days_of(window, partial=False):
                    found += day.gaps or [Gap(window=window, position=day.meter.position, reason=READY)]
        return tuple(found)

    def _corrected(self, meter: MeterSetup, window: int, old: WindowValues | None) -> _Day:
        """Return a meter's window for the next revision; `old`: what the newest one has for it."""
        start, end = (self.setup.zone.window_start(w) * 1000 for w in (window, window + 1))
        keeps = old is not None and old.is_measured and old.gap is None and meter.source is not Source.INTERVALS
        if keeps and not self.shelf(meter).has_break(start, end):
            return _Day(meter=meter, values=old)
        day = self._day_of(meter, window, self.outbox.boundaries(meter.meter), partial=True)
        return day if day.values or old is None else replace(day, values=old)

    def _note_late(self, meter: MeterSetup, times_ms: Sequence[int]) -> None:
        """Name the built days that what has just come may complete, or measure where it was estimated."""
        came = {self.setup.zone.window_at(time_ms // 1000) for time_ms in times_ms}
        late, gone = [], self.outbox.erasures()
        for entry in {entry.window: entry for entry in self.outbox.entries()}.values():
            window = entry.window
            if month_of(window) in gone:
                continue
            if meter.is_live(window) and min(came) - LONGEST_GAP <= window <= max(came) + 1:
                pack = self.outbox.packs(window, entry.revision).get(meter.position)
                if pack is None or (window in came and not pack_values(pack).is_measured):
                    late.append(_gap(window, meter, LATE))
        self.outbox.add_gaps(late)

    def months(self) -> set[int]:
        """Return the months of which this reader keeps packs or readings."""
        kept = {month_of(entry.window) for entry in self.outbox.entries()}
        for shelf in self._shelves():
            kept |= {int(month[:4]) * 12 + int(month[5:]) - 1 for month in shelf.months()}
        kept |= {int(month[:4]) * 12 + int(month[5:]) - 1 for month in Received(self.folder).months()}
        gone = self.outbox.erasures()
        return {month for month in kept if month not in gone or gone[month][1] is None}

    def check_erasable(self, month: int, *, now: int) -> None:
        """Raises ReadingsStillNeeded while a correction may need the month's readings, ReadingsErased."""
        if self.outbox.erasures().get(month, (0, None))[1] is not None:
            raise ReadingsErased(month_name(month))
        if now <= self.setup.zone.window_end(windows_of(month)[-1]) + CORRECTION_PERIOD_S:
            raise ReadingsStillNeeded(month_name(month), "its days can be corrected for 12 months after their end")
        if any(not entry.anchored for entry in self.outbox.entries() if month_of(entry.window) == month):
            raise ReadingsStillNeeded(month_name(month), "days of it are built but not delivered and anchored")

    def erase(self, month: int, *, now: int) -> None:
        """Erase a month at this reader (R9): its key, journals, packs. Interrupted, the next call ends it.

        Roots, signatures and a record of the erasure stay. Raises ReadingsStillNeeded, ReadingsErased.
        """
        self.check_erasable(month, now=now)
        with self._lock():
            self.outbox.begin_erasure(month, now)
            self._step("erase key")
            key = self._key_path(month)
            if key.exists():
                key.write_bytes(bytes(32))
                os.truncate(key, 0)  # stays as a mark: no other key is made for the month
            self._step("erase journals")
            for shelf in self._shelves():
                shelf.erase(month_name(month))
            self._step("erase received")
            names = {month_name(m) for m in self.outbox.erasures()}
            Received(self.folder).erase(lambda name: name in names, importing.months_of)
            self._step("erase outbox")
            first_slot, gone = self.setup.zone.first_slot, [windows_of(m) for m in self.outbox.erasures()]
            self.outbox.erase([(w, range(first_slot(w.start), first_slot(w.stop))) for w in gone])
            self.outbox.finish_erasure(month, now)

    def _shelves(self) -> list[Shelf]:
        return [self.shelf(meter) for meter in self.setup.meters]

    def _require_kept(self, window: int) -> None:
        if month_of(window) in self.outbox.erasures():
            raise ReadingsErased(month_name(month_of(window)))

    def _days_of(self, window: int, *, partial: bool) -> list[_Day]:
        """Return the window of each of its meters: values, or why not."""
        meters, first_slot = self.setup.live(window), self.setup.zone.first_slot
        # of registers all that is settled counts: it tells whether a meter has ever fed in
        many = [meter.meter for meter in meters if meter.source is Source.INTERVALS]
        settled = self.outbox.boundaries_near(many, first_slot(window), first_slot(window + 1))
        settled |= {m.meter: self.outbox.boundaries(m.meter) for m in meters if m.source is not Source.INTERVALS}
        return [self._day_of(meter, window, settled[meter.meter], partial=partial) for meter in meters]

    def _day_of(self, meter: MeterSetup, window: int, settled: Mapping[int, Registers], *, partial: bool) -> _Day:
        """Return a meter's window: values, or why not."""
        first, count = self.setup.zone.first_slot(window), self.setup.zone.slot_count(window)
        shelf = self.shelf(meter)
        unused: Mapping[str, int] = {}
        try:
            if meter.source is Source.INTERVALS:
                values = shelf.interval_window(first, count, settled, partial=partial)
            else:
                values, unused = shelf.register_window(first, count, settled)
        except (RegisterFell, RegisterJumped, MeterChanged, BreakUnfit, SlotTooLarge) as error:
            return _Day(meter=meter, gaps=[_gap(window, meter, str(error))], error=error)
        if isinstance(values, NotComplete):
            day = _Day(meter=meter, gaps=[_gap(window, meter, _lack_text(values))], unused=unused)
            if meter.source is Source.INTERVALS:
                # the position stays empty: the next day's registers go on from where they stand
                stand = standing(settled, first)
                day = replace(day, boundaries={first: stand, first + count: stand})
            return day
        missing = values.status.count(Status.MISSING)
        return _Day(
            meter=meter,
            values=values,
            boundaries={first: values.start, first + count: values.end},
            gaps=[_gap(window, meter, f"{missing} quarter-hours are missing (counted 0)")] if missing else [],
            unused=unused,
        )

    def _store(self, window: int, revision: int, days: Sequence[_Day], gaps: Sequence[Gap]) -> None:
        self._step("make key")
        key = self._month_key(window)
        packs = {
            day.meter.position: self._pack(day.meter, day.values, window, revision, key) for day in days if day.values
        }
        tree = PositionalTree(depth=self.setup.depth, leaves={at: pack_leaf(pack) for at, pack in packs.items()})
        self._step("build")
        self.outbox.add(
            window=window,
            revision=revision,
            root=tree.root,
            packs=packs,
            boundaries={day.meter.meter: day.boundaries for day in days},
            gaps=gaps,
        )

    def _pack(self, meter: MeterSetup, values: WindowValues, window: int, revision: int, key: bytes) -> bytes:
        community = self.setup.community
        return Pack(
            community=community,
            meter=meter.meter,
            window=window,
            revision=revision,
            salt=salt(
                key=key,
                purpose=Purpose.PACK,
                community=community,
                window=window,
                revision=revision,
                sequence=0,
                index=meter.position,
            ),
            start=values.start,
            end=values.end,
            import_mwh=values.import_mwh,
            export_mwh=values.export_mwh,
            status=values.status,
            gap=values.gap,
        ).encode()

    def _month_key(self, window: int) -> bytes:
        """Return the pack key of a window's month, made at first use."""
        self._require_kept(window)
        path = self._key_path(month_of(window))
        if not path.exists():
            with storing(path):
                mailbox.write_once(path, self._random(32))
        key = path.read_bytes()
        if len(key) != 32:
            raise MonthKeyError(path)
        return key

    def _key_path(self, month: int) -> Path:
        return self.folder / "keys" / f"{month_name(month)}.key"

    def _act(self, entry: Entry) -> Anchor:
        return Anchor(reader=self.setup.reader, window=entry.window, revision=entry.revision, root=entry.root)

    def _entry(self, window: int, *, signed: bool = False) -> Entry:
        entry = self.outbox.entry(window)
        if entry is None or (signed and not entry.signature):
            raise WindowNotBuilt(window, "signed" if entry else "built")
        return entry

    def _gaps_of(self, window: int) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.outbox.gaps() if gap.window == window)

    def _meter(self, position: int, time_ms: int, *sources: Source) -> MeterSetup:
        """Return the meter at a position that a reading of this time belongs to.

        The day before a meter's first and the one after its last count too: boundaries need readings from both sides.
        """
        window = self.setup.zone.window_at(time_ms // 1000)
        self._require_kept(window)
        here = [meter for meter in self.setup.meters if meter.position == position]
        near = [meter for day in (window, window + 1, window - 1) for meter in here if meter.is_live(day)]
        if not near:
            raise FolderError(
                self.folder, f"no meter is at position {position} on {date_of(window)}", "see reader.json"
            )
        if near[0].source not in sources:
            raise SourceError(position, sources, near[0].source)
        return near[0]

    def _window_of_slot(self, slot: int) -> int:
        return self.setup.zone.window_at(slot * SECONDS_PER_SLOT)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time decides what is built and what is late; the lock falls with the process."""
        with storing(self.folder):
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _gap(window: int, meter: MeterSetup, reason: str) -> Gap:
    return Gap(window=window, position=meter.position, reason=reason)


def _lack_text(lack: NotComplete) -> str:
    return f"{lack.lack.value} ({lack.missing_slots})" if lack.missing_slots else lack.lack.value

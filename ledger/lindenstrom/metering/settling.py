"""One round of a reader's duties: build, sign, hand over, anchor and correct what is due, and see what became final.

A day that cannot be built for its own reasons holds up no other. Without a node days are still built, signed and handed
over, by the machine's clock; the rest waits. Everything can be repeated at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lindenstrom.core.calendar import date_of
from lindenstrom.errors import CouldNotCheck, LindenstromError
from lindenstrom.metering.adapter import Adapter, Anchorer
from lindenstrom.metering.config import Inbox
from lindenstrom.metering.errors import StorageError
from lindenstrom.metering.events import said
from lindenstrom.metering.observation import Problem
from lindenstrom.metering.setup import MeterSetup, Source
from lindenstrom.signing import Curve

if TYPE_CHECKING:
    from lindenstrom.metering.sender import Settled


RESUMED = ".resumed"
STREAM_SUFFIXES = {Source.SML: ".sml", Source.DSMR: ".dsmr", Source.MQTT: ".mqtt"}
TAKEN, UNFIT = "taken", "unfit"
RECENT_WINDOWS = 45
"""Days that are tried although no journal is of them: readings on both sides of a gap may still come."""
STILL_WRITTEN_S = 30
"""A file that changed so lately may still be on its way."""


class RoundFailed(CouldNotCheck):
    """A round ended before it could report."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the round did not end well ({why}); it is done again by itself")


class Way(Anchorer, Protocol):
    """An `Anchorer` that also says what has become final."""

    def settle(self) -> Settled: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that did not work: where, the class of the error, and its message (which holds no values)."""

    step: str
    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round did and found.

    now: the time that counted, unix; block_time: of the chain's newest block, 0 without a node or on a trial chain.
    built, anchored, final: days so far. waiting: days over that are not built. outbox: built and not anchored.
    gaps: entries of the gap list of built days.
    """

    now: int
    block_time: int = 0
    height: int = 0
    built: int = 0
    anchored: int = 0
    final: int = 0
    waiting: int = 0
    outbox: int = 0
    gaps: int = 0
    imported: int = 0
    days: tuple[str, ...] = ()
    """Days that went out or were corrected in this round."""
    skipped: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def with_trouble(self, found: Trouble) -> Round:
        """The same, with one more trouble."""
        return replace(self, troubles=(*self.troubles, found))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Round:
        """Back from plain data."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        for name in ("days", "skipped"):
            known[name] = tuple(known.get(name, ()))
        known["troubles"] = tuple(Trouble(**one) for one in known.get("troubles", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What a round needs. partial_from_s: so long after its end a day goes out as far as it is complete.

    thin_after_days: so long raw streams of final days are kept whole, then only what windows rest on; 0 for ever.
    """

    adapter: Adapter
    key: bytes = field(repr=False)
    curve: Curve
    mailbox: Path
    partial_from_s: int
    thin_after_days: int = 0
    on_day: Callable[[int], None] = lambda _window: None

    def prepare(self, now: int) -> tuple[tuple[str, ...], tuple[Trouble, ...]]:
        """Build, correct, sign and hand over what is due at a time; the days that went out, and what did not work."""
        out, troubles = [], []
        for window in self.due(now):
            self.on_day(window)
            try:
                if self._prepare(window, now):
                    out.append(date_of(window).isoformat())
            except LindenstromError as error:
                troubles.append(trouble(date_of(window).isoformat(), error))
        return tuple(out), tuple(troubles)

    def resume(self, now: int) -> None:
        """Once a day: name the built days that lack a meter which is heard again; its registers tell what they missed.

        A day that went out without a meter is corrected as soon as readings on both sides are there.
        """
        adapter = self.adapter
        today = adapter.setup.zone.window_at(now)
        mark = adapter.folder / RESUMED
        if mark.exists() and mark.read_text(encoding="ascii") == str(today):
            return
        mark.write_text(str(today), encoding="ascii")
        for meter in adapter.setup.live(today):
            if meter.source in STREAM_SUFFIXES and self._is_heard(meter, now):
                adapter.note_received(meter.position, now * 1000)
        self._thin(today)

    def _thin(self, today: int) -> None:
        """Thin the raw streams before the first day that is not final."""
        if not self.thin_after_days:
            return
        setup, entries = self.adapter.setup, self.adapter.outbox.entries()
        newest = {entry.window: entry for entry in entries}
        end = min([today - self.thin_after_days, *(w for w, entry in newest.items() if not entry.final)])
        start_ms, end_ms = (setup.zone.window_start(w) * 1000 for w in (max(0, end - RECENT_WINDOWS), end))
        for meter in setup.meters:
            if meter.source in STREAM_SUFFIXES:
                self.adapter.shelf(meter).thin(start_ms, end_ms)

    def _is_heard(self, meter: MeterSetup, now: int) -> bool:
        day = datetime.fromtimestamp(now, tz=UTC).date()
        names = [f"{at}{STREAM_SUFFIXES[meter.source]}" for at in (day, day - timedelta(days=1))]
        return any((self.adapter.shelf(meter).folder / name).exists() for name in names)

    def _has_data(self, window: int) -> bool:
        """Whether any meter's journals have a file of about the day."""
        day = date_of(window)
        about = [(day + timedelta(days=off)).isoformat() for off in (-1, 0, 1)]
        names = tuple({*about, *(f"{at[:7]}." for at in about)})
        shelves = (self.adapter.shelf(meter).folder for meter in self.adapter.setup.live(window))
        return any(path.name.startswith(names) for folder in shelves for path in folder.iterdir())

    def due(self, now: int) -> list[int]:
        """Windows with something to build, correct, sign or hand over, oldest first."""
        corrections = self.adapter.correctable()
        entries = {entry.window: entry for entry in self.adapter.outbox.entries()}
        under_way = [window for window, entry in entries.items() if not entry.delivered]
        recent = self.adapter.setup.zone.window_at(now) - RECENT_WINDOWS
        unbuilt = [window for window in self.unbuilt(now) if window >= recent or self._has_data(window)]
        return sorted({*corrections, *under_way, *unbuilt})

    def unbuilt(self, now: int) -> list[int]:
        """Windows that are over, with a meter, and not built."""
        setup = self.adapter.setup
        if not setup.meters:
            return []
        built = {entry.window for entry in self.adapter.outbox.entries()}
        over = range(min(meter.from_day for meter in setup.meters), setup.zone.window_at(now))
        return [window for window in over if window not in built and setup.live(window)]

    def _prepare(self, window: int, now: int) -> bool:
        adapter = self.adapter
        if window in adapter.correctable():
            entry = adapter.correct(window).entry
        else:
            closing = now >= adapter.setup.zone.window_end(window) + self.partial_from_s
            # a day of which nothing is known is the operator's to replace: no empty root stands for it
            partial = closing and self._has_data(window)
            entry = adapter.build(window, now=now, partial=partial).entry
        if entry is None or entry.delivered:
            return False
        adapter.sign(window, self.key, curve=self.curve)
        adapter.deliver(window, self.mailbox)
        return True


def trouble(step: str, error: BaseException) -> Trouble:
    """A failure as a round reports it."""
    return Trouble(step=step, error=type(error).__name__, message=said(error))


def take_files(adapter: Adapter, inboxes: Sequence[Inbox], now: int) -> tuple[int, tuple[Trouble, ...]]:
    """Import what lies in the inboxes, and put each file aside; how many were taken, and what was wrong with others."""
    taken, troubles = 0, []
    for number, inbox in enumerate(inboxes, 1):
        try:
            files = sorted(path for path in inbox.folder.iterdir() if _is_ready(path))
        except OSError as error:
            troubles.append(trouble(f"inbox {number}", error))
            continue
        for path in files:
            try:
                report = adapter.import_file(path, now=now, position=inbox.position)
            except LindenstromError as error:
                # the disk's or the network's fault: the file waits for another time
                if not isinstance(error, StorageError):
                    _put_aside(path, UNFIT)
                troubles.append(Trouble(step=f"inbox {number}", error=type(error).__name__, message=""))
                continue
            _put_aside(path, TAKEN)
            taken += 1
            unfit = [f"{count} {code}" for code, count in report.unfit.items() if code != Problem.NOT_ACTIVE_ENERGY]
            if unfit:
                troubles.append(Trouble(step=f"inbox {number}", error="Unfit", message=", ".join(unfit)))
    return taken, tuple(troubles)


def _is_ready(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and time.time() - path.stat().st_mtime > STILL_WRITTEN_S


def _put_aside(path: Path, name: str) -> None:
    folder = path.parent / name
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / path.name
    for number in range(1, 1000):
        if not target.exists():
            break
        target = folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)


def send(adapter: Adapter, way: Way) -> tuple[tuple[str, ...], tuple[Trouble, ...]]:
    """Anchor what is handed over, and look what is final; what the chain passed over, and what did not work."""
    skipped: Sequence[str] = ()
    troubles = []
    try:
        skipped = [f"{date_of(entry.window)}: {skip.reason}" for entry, skip in adapter.anchor(way).skipped]
    except LindenstromError as error:
        troubles.append(trouble("anchor", error))
    try:
        way.settle()
    except LindenstromError as error:
        troubles.append(trouble("finality", error))
    return tuple(skipped), tuple(troubles)


def counts(duties: Duties, now: int) -> dict[str, int]:
    """The figures of a Round that the outbox tells."""
    newest = {entry.window: entry for entry in duties.adapter.outbox.entries()}
    return {
        "built": len(newest),
        "anchored": sum(entry.anchored for entry in newest.values()),
        "final": sum(entry.final for entry in newest.values()),
        "waiting": len(duties.unbuilt(now)),
        "outbox": sum(not entry.anchored for entry in newest.values()),
        "gaps": len(duties.adapter.outbox.gaps()),
    }

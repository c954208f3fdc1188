"""What a reading head hears of one home on one day: instants and registers, with the faults that befall them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lindenstrom.core.units import PPM
from lindenstrom.errors import UsageError
from lindenstrom.simulation.days import Day, Integers
from lindenstrom.simulation.faults import ROLLOVER_MWH, Fault, FaultKind
from lindenstrom.simulation.physics import METER_STEP_MWH, generator

LONGEST_PERIOD_S = 900


class PeriodOutOfRange(UsageError):
    """Telegrams come too seldom, or not in whole seconds."""

    def __init__(self) -> None:
        super().__init__(f"a meter sends every 1 to {LONGEST_PERIOD_S} seconds; choose a number between")


class JitterTooWide(UsageError):
    """Telegrams would overtake each other."""

    def __init__(self, every_s: int) -> None:
        super().__init__(
            f"jitter must stay below half the time between telegrams ({every_s} s); make one of them smaller"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A meter's end and the next one's beginning: (import, export) mWh as each of them shows it."""

    time_s: int
    old_end: tuple[int, int]
    new_start: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beats:
    """Instants in order, as arrays: unix ms of the instant and of the receipt, registers as shown, power.

    device: 0 for the first meter, 1 for the one after a swap. is_late: delivered later. damage: 0, or what is done to
    the bytes.
    """

    sent_ms: Integers
    received_ms: Integers
    imported: Integers
    exported: Integers
    power_mw: Integers
    device: Integers
    is_late: Integers
    damage: Integers

    def each(self) -> Iterator["Beat"]:
        """One after the other."""
        columns = (getattr(self, name).tolist() for name in self.__slots__)
        return (Beat(*row) for row in zip(*columns, strict=True))

    def kept(self, mask: Any) -> "Beats":
        """Those of a mask."""
        return Beats(**{name: getattr(self, name)[mask] for name in self.__slots__})


class Beat(NamedTuple):
    """One instant of `Beats`."""

    sent_ms: int
    received_ms: int
    imported: int
    exported: int
    power_mw: int
    device: int
    is_late: int
    damage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a meter sends: every so many seconds, give or take; a share of telegrams is damaged."""

    every_s: int
    jitter_ms: int = 0
    damaged_ppm: int = 0

    def check(self) -> None:
        """Raises PeriodOutOfRange, JitterTooWide."""
        if not 1 <= self.every_s <= LONGEST_PERIOD_S:
            raise PeriodOutOfRange
        if self.jitter_ms * 2 >= self.every_s * 1000:
            raise JitterTooWide(self.every_s)


def beats(
    seed: int,
    day: Day,
    place: int,
    pace: Pace,
    faults: Sequence[Fault],
    swap: Swap | None,
    *,
    is_first: bool,
    is_last: bool,
) -> Beats:
    """What the home at a place sends on a day. faults: the home's own; swap: one that has taken place by its end.

    The first day has one instant before it, the last one two after it, so that both ends lie between instants.
    """
    home = day.homes[place]
    first, last = -(-day.start_s // pace.every_s), -(-day.end_s // pace.every_s)
    ticks = np.arange(first - (1 if is_first else 0), last + (2 if is_last else 0), dtype=np.int64)
    rng = generator(seed, day.window, home.number, 20)
    sent_ms = ticks * pace.every_s * 1000
    if pace.jitter_ms:
        sent_ms = sent_ms + rng.integers(-pace.jitter_ms, pace.jitter_ms + 1, size=len(sent_ms))
    seconds = sent_ms // 1000
    imported, exported = day.registers(place, seconds)
    damage = np.where(rng.integers(0, PPM, size=len(ticks)) < pace.damaged_ppm, rng.integers(1, 4, size=len(ticks)), 0)
    device = np.zeros_like(seconds)
    if swap:
        device = np.where(seconds >= swap.time_s, 1, 0)
        imported = imported + device * (swap.new_start[0] - swap.old_end[0])
        exported = exported + device * (swap.new_start[1] - swap.old_end[1])
    found = Beats(
        sent_ms=sent_ms,
        received_ms=sent_ms,
        imported=imported,
        exported=exported,
        power_mw=day.power_mw(place, seconds),
        device=device,
        is_late=np.zeros_like(seconds),
        damage=damage,
    )
    for fault in faults:
        found = _befall(found, fault)
    return found


def swap_on(seed: int, day: Day, place: int, fault: Fault) -> Swap:
    """What a swap of this day comes to: the old meter's last registers, and those that the new one comes with."""
    at = np.array([fault.start_s], dtype=np.int64)
    # what stands on the old meter's display is what is written down
    imported, exported = (int(register[0]) // METER_STEP_MWH * METER_STEP_MWH for register in day.registers(place, at))
    rng = generator(seed, 2, fault.household, 32)
    fresh = (int(rng.integers(0, 300)) * METER_STEP_MWH, int(rng.integers(0, 30)) * METER_STEP_MWH)
    return Swap(time_s=fault.start_s, old_end=(imported, exported), new_start=fresh)


def _befall(found: Beats, fault: Fault) -> Beats:
    seconds = found.sent_ms // 1000
    inside = (fault.start_s <= seconds) & (seconds < fault.end_s)
    match fault.kind:
        case FaultKind.GAP:
            return found.kept(~inside)
        case FaultKind.LATE:
            return replace(found, is_late=np.where(inside, 1, found.is_late))
        case FaultKind.CLOCK_STEP:
            return replace(found, received_ms=found.received_ms + inside * fault.seconds * 1000)
        case FaultKind.REBOOT_ZERO:
            if not inside.any() and (after := np.flatnonzero(seconds >= fault.start_s)).size:
                inside[after[0]] = True
            return replace(
                found,
                imported=np.where(inside, 0, found.imported),
                exported=np.where(inside, 0, found.exported),
                power_mw=np.where(inside, 0, found.power_mw),
            )
        case FaultKind.ROLLOVER:
            return replace(found, imported=found.imported % ROLLOVER_MWH, exported=found.exported % ROLLOVER_MWH)
        case _:
            return found

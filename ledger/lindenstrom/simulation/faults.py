"""Faults to order: what goes wrong between a meter and its reader, drawn from the seed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from lindenstrom.core.units import PPM, BadDecimal, kwh_to_mwh
from lindenstrom.errors import UsageError
from lindenstrom.simulation.community import Household
from lindenstrom.simulation.physics import generator

Choice = TypeVar("Choice")
ROLLOVER_MWH = 100_000_000_000
"""Where a register with five digits before the point goes round: 100,000 kWh."""
HOUR_S = 3600
MOST_JITTER_S = 300


class Form(StrEnum):
    """How the community's data is written."""

    SML = "sml"
    DSMR = "dsmr"
    MQTT = "mqtt"
    MSCONS = "mscons"
    CSV = "csv"


STREAMS = frozenset({Form.SML, Form.DSMR, Form.MQTT})
"""Forms in which a meter shows its registers all the time; the others are an operator's quarter-hours."""


class FaultKind(StrEnum):
    """What goes wrong."""

    GAP = "gap"
    LATE = "late"
    SWAP = "swap"
    ROLLOVER = "rollover"
    LOCKED = "locked"
    REBOOT_ZERO = "reboot-zero"
    CLOCK_STEP = "clock-step"
    DAMAGED = "damaged"
    JITTER = "jitter"
    DST = "dst"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    """How a kind is drawn: on days of meters, once for a meter, or for all; its usual number; forms that show it."""

    drawn: str
    usual: str
    forms: frozenset[Form]


_ALL = frozenset(Form)
_SORTS = {
    FaultKind.GAP: _Sort(drawn="day", usual="0.05", forms=_ALL),
    FaultKind.LATE: _Sort(drawn="day", usual="0.05", forms=_ALL),
    FaultKind.SWAP: _Sort(drawn="meter", usual="0.1", forms=STREAMS),
    FaultKind.ROLLOVER: _Sort(drawn="meter", usual="0.1", forms=STREAMS),
    FaultKind.LOCKED: _Sort(drawn="meter", usual="0.1", forms=frozenset({Form.SML})),
    FaultKind.REBOOT_ZERO: _Sort(drawn="day", usual="0.05", forms=STREAMS),
    FaultKind.CLOCK_STEP: _Sort(drawn="day", usual="0.05", forms=STREAMS),
    FaultKind.DAMAGED: _Sort(drawn="all", usual="0.01", forms=STREAMS),
    FaultKind.JITTER: _Sort(drawn="all", usual="5", forms=STREAMS),
    FaultKind.DST: _Sort(drawn="all", usual="1", forms=_ALL),
}


class BadFault(UsageError):
    """An ordered fault cannot be read."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"fault {text!r}: {why}; write KIND or KIND:NUMBER, for example gap:0.05")


class FaultUnfit(UsageError):
    """A fault that the chosen form could not show."""

    def __init__(self, kind: FaultKind, form: Form) -> None:
        forms = ", ".join(sorted(_SORTS[kind].forms))
        super().__init__(f"fault {kind.value} does not show in {form.value}; leave it out, or choose: {forms}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A kind of fault and how often: ppm of meter-days, meters or telegrams; for jitter, millionths of a second."""

    kind: FaultKind
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of one meter on [start_s, end_s), unix time. seconds: by how much a clock is ahead.

    For gap, late and clock-step the span holds what is absent, late or wrongly stamped; a reboot's zeros fill it; a
    swap is at its start; locked and rollover last for all days.
    """

    kind: FaultKind
    household: int
    start_s: int
    end_s: int
    seconds: int = 0


def parse_order(text: str) -> Order:
    """Read KIND or KIND:NUMBER. Raises BadFault."""
    name, colon, number = text.partition(":")
    if name not in set(FaultKind):
        raise BadFault(text, f"there is no such kind (there are {', '.join(FaultKind)})")
    kind = FaultKind(name)
    if colon and kind is FaultKind.DST:
        raise BadFault(text, "dst takes no number")
    try:
        value = kwh_to_mwh(number if colon else _SORTS[kind].usual)
    except BadDecimal:
        raise BadFault(text, "the number is not a decimal with at most six places") from None
    most = MOST_JITTER_S * PPM if kind is FaultKind.JITTER else PPM
    if not 0 < value <= most:
        raise BadFault(text, f"the number must be above 0 and at most {most // PPM}")
    return Order(kind=kind, number=value)


def check_orders(orders: Iterable[Order], form: Form) -> None:
    """Raises FaultUnfit, BadFault for a kind that is ordered twice."""
    seen: set[FaultKind] = set()
    for order in orders:
        if form not in _SORTS[order.kind].forms:
            raise FaultUnfit(order.kind, form)
        if order.kind in seen:
            raise BadFault(order.kind.value, "it is ordered twice")
        seen.add(order.kind)


def draw_faults(
    seed: int, homes: Sequence[Household], days_s: Sequence[tuple[int, int]], orders: Sequence[Order]
) -> tuple[Fault, ...]:
    """All faults, by household and time.

    A meter's day has one fault at most. What is ordered comes at least once, where there is room for it.
    days_s: begin and end of each day, unix time.
    """
    found: dict[tuple[int, int], Fault] = {}
    whole: dict[int, Fault] = {}
    for place, order in enumerate(orders):
        if _SORTS[order.kind].drawn == "meter":
            for number in _some(seed, 40 + place, [h.number for h in homes if h.number not in whole], order.number):
                fault = _for_meter(seed, order.kind, number, days_s)
                whole[number] = fault
                if fault.kind is FaultKind.SWAP:
                    found[number, _day_index(days_s, fault.start_s)] = fault
    for place, order in enumerate(orders):
        if _SORTS[order.kind].drawn == "day":
            free = [(h.number, d) for h in homes for d in range(len(days_s)) if (h.number, d) not in found]
            for number, day in _some(seed, 60 + place, free, order.number):
                found[number, day] = _on_day(seed, order.kind, number, days_s[day])
    every = {*found.values(), *whole.values()}
    return tuple(sorted(every, key=lambda fault: (fault.household, fault.start_s, fault.kind)))


def _some(seed: int, purpose: int, choices: Sequence[Choice], share_ppm: int) -> Iterator[Choice]:
    """A share of the choices, each by its own chance; one at least."""
    if not choices:
        return
    rng = generator(seed, 0, 0, purpose)
    hit = (rng.integers(0, PPM, size=len(choices)) < share_ppm).tolist()
    if not any(hit):
        hit[int(rng.integers(0, len(choices)))] = True
    yield from (choice for choice, is_hit in zip(choices, hit, strict=True) if is_hit)


def _day_index(days_s: Sequence[tuple[int, int]], time_s: int) -> int:
    return next(index for index, (_, end) in enumerate(days_s) if time_s < end)


def _for_meter(seed: int, kind: FaultKind, number: int, days_s: Sequence[tuple[int, int]]) -> Fault:
    start, end = days_s[0][0], days_s[-1][1]
    if kind is FaultKind.SWAP:
        rng = generator(seed, 1, number, 30)
        first, last = days_s[int(rng.integers(0, len(days_s)))]
        # an electrician comes by day, and not at a quarter-hour
        start = first + (last - first) // 3 + int(rng.integers(0, 6 * HOUR_S // 60)) * 60 + 30
        end = start
    return Fault(kind=kind, household=number, start_s=start, end_s=end)


def _on_day(seed: int, kind: FaultKind, number: int, day_s: tuple[int, int]) -> Fault:
    rng = generator(seed, day_s[0] // HOUR_S, number, 31)
    length = {
        FaultKind.GAP: int(rng.integers(30, 361)) * 60,
        FaultKind.LATE: int(rng.integers(60, 481)) * 60,
        FaultKind.REBOOT_ZERO: int(rng.integers(1, 4)) * 60,
        FaultKind.CLOCK_STEP: int(rng.integers(30, 181)) * 60,
    }[kind]
    room = (day_s[1] - day_s[0] - length) // 60
    start = day_s[0] + int(rng.integers(1, room)) * 60 + int(rng.integers(1, 59))
    seconds = 0
    if kind is FaultKind.CLOCK_STEP:
        seconds = int(rng.integers(60, 1201)) * (1 if rng.random() < 0.5 else -1)
    return Fault(kind=kind, household=number, start_s=start, end_s=start + length, seconds=seconds)

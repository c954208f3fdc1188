"""What to simulate: one plan, from which every byte follows."""

from collections.abc import Sequence
from dataclasses import dataclass

from lindenstrom.core.calendar import Zone
from lindenstrom.errors import UsageError
from lindenstrom.metering.writers.smllooks import LOOKS
from lindenstrom.simulation.community import Household, Mix, households
from lindenstrom.simulation.faults import STREAMS, Fault, FaultKind, Form, Order, check_orders, draw_faults
from lindenstrom.simulation.streams import Pace

MOST_DAYS = 3660


class DaysOutOfRange(UsageError):
    """No day, or too many."""

    def __init__(self) -> None:
        super().__init__(f"a simulation has 1 to {MOST_DAYS} days; choose a number between")


class LookUnknown(UsageError):
    """No meter of this name is known."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no meter {name!r} to imitate; choose one of: {', '.join(LOOKS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A simulation: the community, its days, the form it is written in, the faults.

    look: name of the meter that SML telegrams imitate. every_s: seconds between what a meter sends.
    """

    seed: int
    mix: Mix
    first_window: int
    day_count: int
    form: Form
    zone: Zone
    look: str = "dzg"
    every_s: int = 60
    orders: Sequence[Order] = ()

    def check(self) -> None:
        """Raises DaysOutOfRange, LookUnknown, FaultUnfit, BadFault, PeriodOutOfRange, JitterTooWide."""
        if not 1 <= self.day_count <= MOST_DAYS:
            raise DaysOutOfRange
        if self.look not in LOOKS:
            raise LookUnknown(self.look)
        check_orders(self.orders, self.form)
        if self.form in STREAMS:
            self.pace.check()

    @property
    def windows(self) -> range:
        """The days; with a fault of kind dst those around the next change of the clocks."""
        first = self.first_window
        if any(order.kind is FaultKind.DST for order in self.orders):
            change = next(window for window in range(first, first + 400) if self.zone.slot_count(window) != 96)
            first = max(first, change - self.day_count // 2)
        return range(first, first + self.day_count)

    @property
    def pace(self) -> Pace:
        """How meters send."""
        numbers = {order.kind: order.number for order in self.orders}
        return Pace(
            every_s=self.every_s,
            jitter_ms=numbers.get(FaultKind.JITTER, 0) // 1000,
            damaged_ppm=numbers.get(FaultKind.DAMAGED, 0),
        )

    def homes(self) -> tuple[Household, ...]:
        """The households. Raises HouseholdsOutOfRange."""
        return households(self.seed, self.mix)

    def faults(self, homes: Sequence[Household]) -> tuple[Fault, ...]:
        """All faults of single meters."""
        spans = [(self.zone.window_start(window), self.zone.window_end(window)) for window in self.windows]
        return draw_faults(self.seed, homes, spans, self.orders)

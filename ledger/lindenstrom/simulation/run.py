"""A simulation from plan to files: day by day, memory flat."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lindenstrom.simulation.days import Day, days
from lindenstrom.simulation.faults import ROLLOVER_MWH, STREAMS, FaultKind, Form
from lindenstrom.simulation.files import Shelves
from lindenstrom.simulation.intervalfiles import IntervalFiles
from lindenstrom.simulation.messages import Message, MessageLog, messages
from lindenstrom.simulation.plan import Plan
from lindenstrom.simulation.telegramfiles import Reception, StreamFiles
from lindenstrom.simulation.truth import TruthFile, truth_json


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDone:
    """A day that is written: its window, how many meters and faults so far."""

    window: int
    meters: int
    faults: int


def plan_days(plan: Plan) -> Iterator[Day]:
    """The community's days, before any fault but a rollover's first registers. Raises as `Plan.check`."""
    homes = plan.homes()
    rolling = {f.household: ROLLOVER_MWH for f in plan.faults(homes) if f.kind is FaultKind.ROLLOVER}
    yield from days(plan.seed, homes, plan.windows, plan.zone, rolls_over=rolling)


def simulate(plan: Plan, folder: Path) -> Iterator[DayDone]:
    """Write a simulation into a new folder, a day a step. The same plan gives the same bytes.

    Raises what `Plan.check` raises; HouseholdsOutOfRange, FolderNotEmpty, LibraryMissing.
    """
    plan.check()
    homes = plan.homes()
    faults = plan.faults(homes)
    shelves = Shelves.fresh(folder)
    truth = TruthFile(shelves=shelves)
    reception = Reception(plan=plan, faults=faults)
    files: StreamFiles | MessageLog | IntervalFiles
    if plan.form not in STREAMS:
        files = IntervalFiles(plan=plan, shelves=shelves, faults=faults)
    elif plan.form is Form.MQTT:
        files = MessageLog(reception=reception, shelves=shelves)
    else:
        files = StreamFiles(reception=reception, shelves=shelves)
    first: Day | None = None
    for day in plan_days(plan):
        first = first or day
        truth.write(day)
        files.write(day)
        yield DayDone(window=day.window, meters=len(homes), faults=len(faults))
    if first is not None:
        shelves.append("truth.json", truth_json(first, reception))


def plan_messages(plan: Plan) -> Iterator[Message]:
    """The MQTT messages of a plan in order of receipt, those that come late at the end of their day."""
    plan.check()
    homes = plan.homes()
    reception = Reception(plan=plan, faults=plan.faults(homes))
    for day in plan_days(plan):
        heard = [reception.heard(day, place) for place in range(len(homes))]
        for is_late in (0, 1):
            yield from messages(day, [found.kept(found.is_late == is_late) for found in heard], plan.zone)

"""Quarter-hours as an operator sends them: the project's CSV form and a portal's, or MSCONS messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import pairwise

from lindenstrom.core.calendar import SECONDS_PER_SLOT, date_of
from lindenstrom.metering.csvfile import EPOCH, INTERVAL_HEADER
from lindenstrom.metering.writers.mscons import EXPORT_OBIS, IMPORT_OBIS, Series, interchange
from lindenstrom.simulation.days import Day
from lindenstrom.simulation.faults import Fault, FaultKind, Form
from lindenstrom.simulation.files import Shelves, kwh
from lindenstrom.simulation.plan import Plan

HOUR_S = 3600
SENT_AFTER_S = 8 * HOUR_S
LATE_AFTER_S = 3 * 24 * HOUR_S
PORTAL_HEADER = "Zählpunkt;Datum;Von;Bis;Bezug (kWh);Einspeisung (kWh);Status\n"
PORTAL_LAYOUT = """\
title = "A simulated portal"

[file]
delimiter = ";"
decimal = ","
header = ["Zählpunkt", "Datum", "Von", "Bis", "Bezug (kWh)", "Einspeisung (kWh)", "Status"]

[columns]
meter = "Zählpunkt"
quality = "Status"

[time]
begin = ["Datum", "Von"]
end = ["Datum", "Bis"]
format = "%d.%m.%Y %H:%M"
zone = "ZONE"
midnight = "ends-day"

[[value]]
column = "Bezug (kWh)"
obis = "1-0:1.29.0"
unit = "kWh"

[[value]]
column = "Einspeisung (kWh)"
obis = "1-0:2.29.0"
unit = "kWh"

[quality]
W = "measured"
"""
ZONES = ("Europe/Lisbon", "Europe/Berlin", "Europe/Athens")
"""A name of each offset."""


class IntervalFiles:
    """Writes an operator's files, day by day: what is late into `late`, a gap nowhere."""

    def __init__(self, plan: Plan, shelves: Shelves, faults: Sequence[Fault]) -> None:
        self.plan, self.shelves = plan, shelves
        self._by_home: dict[int, list[Fault]] = {}
        for fault in faults:
            self._by_home.setdefault(fault.household, []).append(fault)

    def write(self, day: Day) -> None:
        """Add a day of all homes."""
        imported, exported = day.by_slot(day.imported), day.by_slot(day.exported)
        times = _Times.of(day, self.plan)
        for folder, is_late in (("", False), ("late/", True)):
            rows: list[str] = []
            series: list[Series] = []
            for place, home in enumerate(day.homes):
                slots = self._slots(day, home.number, is_late=is_late)
                if not slots:
                    continue
                values = imported[place].tolist(), exported[place].tolist()
                if self.plan.form is Form.MSCONS:
                    series += _series(home.metering_point, day.first_slot, slots, values, _sent(day, is_late=is_late))
                    continue
                texts = [(kwh(values[0][at]), kwh(values[1][at])) for at in slots]
                point = home.metering_point
                rows += [
                    f"{point},{times.utc[at]},{drawn},{fed},measured\n"
                    for at, (drawn, fed) in zip(slots, texts, strict=True)
                ]
                portal = "".join(
                    f"{point};{times.local[at]};{drawn.replace('.', ',')};{fed.replace('.', ',')};W\n"
                    for at, (drawn, fed) in zip(slots, texts, strict=True)
                )
                name = f"csv/portal/{folder}{home.file_stem}.csv"
                head = "" if self.shelves.has(name) else PORTAL_HEADER
                self.shelves.append(name, (head + portal).encode())
                if not self.shelves.has("csv/portal/layout.toml"):
                    layout = PORTAL_LAYOUT.replace("ZONE", ZONES[self.plan.zone.offset_hours])
                    self.shelves.append("csv/portal/layout.toml", layout.encode())
            self._finish(day, folder, rows, series, is_late=is_late)

    def _finish(self, day: Day, folder: str, rows: list[str], series: list[Series], *, is_late: bool) -> None:
        name = date_of(day.window).isoformat()
        if rows:
            head = ",".join(INTERVAL_HEADER) + "\n"
            self.shelves.append(f"csv/intervals/{folder}{name}.csv", (head + "".join(rows)).encode())
        if series:
            reference = f"SIM{day.window}{'L' if is_late else 'D'}"
            content = b"".join(interchange(series, made_at=_sent(day, is_late=is_late), reference=reference))
            self.shelves.append(f"mscons/{folder}MSCONS_TL_{name}.txt", content)

    def _slots(self, day: Day, number: int, *, is_late: bool) -> list[int]:
        """Places in the day of the quarter-hours that come in time, or late."""
        gone = {at for fault in self._of(number, FaultKind.GAP) for at in touched(day, fault)}
        late = {at for fault in self._of(number, FaultKind.LATE) for at in touched(day, fault)}
        return [at for at in range(day.slots) if at not in gone and (at in late) is is_late]

    def _of(self, number: int, kind: FaultKind) -> Iterator[Fault]:
        return (fault for fault in self._by_home.get(number, []) if fault.kind is kind)


def touched(day: Day, fault: Fault) -> range:
    """Places in the day of the quarter-hours that a fault's span touches."""
    first = fault.start_s // SECONDS_PER_SLOT - day.first_slot
    stop = -(-fault.end_s // SECONDS_PER_SLOT) - day.first_slot
    return range(max(first, 0), min(stop, day.slots))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """Texts of a day's quarter-hours: begin in UTC; local date, begin and end."""

    utc: list[str]
    local: list[str]

    @classmethod
    def of(cls, day: Day, plan: Plan) -> "_Times":
        starts = [EPOCH + timedelta(seconds=(day.first_slot + at) * SECONDS_PER_SLOT) for at in range(day.slots)]
        labels = [plan.zone.slot_label(day.window, at).removesuffix(" B").partition("–") for at in range(day.slots)]
        date = f"{date_of(day.window):%d.%m.%Y}"
        return cls(
            utc=[f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for start in starts],
            local=[f"{date};{begin};{end}" for begin, _, end in labels],
        )


def _sent(day: Day, *, is_late: bool) -> int:
    return day.end_s + (LATE_AFTER_S if is_late else SENT_AFTER_S)


def _series(
    point: str, first_slot: int, slots: Sequence[int], values: tuple[list[int], list[int]], made_at: int
) -> Iterator[Series]:
    """Both directions of a point, a message for each run of quarter-hours."""
    breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(slots)) if b != a + 1), len(slots)]
    for begin, end in pairwise(breaks):
        run = slots[begin:end]
        for obis, side in ((IMPORT_OBIS, values[0]), (EXPORT_OBIS, values[1])):
            energy = [side[at] for at in run]
            first = first_slot + run[0]
            yield Series(metering_point=point, obis=obis, first_slot=first, values_mwh=energy, made_at=made_at)

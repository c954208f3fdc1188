"""What was really metered, to compare with: every quarter-hour, its parts, and every fault."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lindenstrom.core.calendar import SECONDS_PER_SLOT, date_of
from lindenstrom.metering.csvfile import EPOCH
from lindenstrom.simulation.days import STEPS_PER_SLOT, Day
from lindenstrom.simulation.faults import ROLLOVER_MWH, Fault, FaultKind, Form
from lindenstrom.simulation.files import Shelves, kwh
from lindenstrom.simulation.plan import Plan
from lindenstrom.simulation.streams import Swap
from lindenstrom.simulation.telegramfiles import Reception, meter_name, resolution_mwh

COLUMNS = (
    "metering_point", "slot_start", "import_kwh", "export_kwh", "home_kwh", "roof_kwh", "stored_kwh", "released_kwh",
    "charge_kwh", "import_register_kwh", "export_register_kwh",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthFile:
    """truth.csv: in every line import + roof + released = home + stored + export.

    charge_kwh: in the battery at the quarter-hour's end. Registers: of the first meter at its begin, counted on past a
    swap and a rollover.
    """

    shelves: Shelves

    def write(self, day: Day) -> None:
        """Add a day of all homes."""
        sums = [
            day.by_slot(values) for values in (day.imported, day.exported, day.home, day.roof, day.stored, day.released)
        ]
        charge = day.charge_end[:, STEPS_PER_SLOT - 1 :: STEPS_PER_SLOT]
        starts = [_utc((day.first_slot + at) * SECONDS_PER_SLOT) for at in range(day.slots)]
        rows: list[str] = []
        for place, home in enumerate(day.homes):
            registers = [
                (start + part[place].cumsum() - part[place]).tolist()
                for start, part in ((day.start_import[place], sums[0]), (day.start_export[place], sums[1]))
            ]
            columns = [*(part[place].tolist() for part in sums), charge[place].tolist(), *registers]
            rows += [
                f"{home.metering_point},{start},{','.join(map(kwh, values))}\n"
                for start, values in zip(starts, zip(*columns, strict=True), strict=True)
            ]
        head = "" if self.shelves.has("truth.csv") else ",".join(COLUMNS) + "\n"
        self.shelves.append("truth.csv", (head + "".join(rows)).encode())


def truth_json(first_day: Day, reception: Reception) -> bytes:
    """truth.json: the plan, the meters with their parts and first registers, the faults."""
    plan = reception.plan
    points = {home.number: home.metering_point for home in first_day.homes}
    meters = [
        {
            "metering_point": home.metering_point,
            "file": home.file_stem,
            "meter": meter_name(plan, home.number, 0),
            "annual_kwh": home.annual_kwh,
            "roof_w": home.roof.peak_w if home.roof else 0,
            "battery_wh": home.battery.capacity_wh if home.battery else 0,
            "heat_pump_kwh": home.heat_pump_kwh,
            "car_w": home.car_w,
            "start_import_mwh": int(first_day.start_import[place]),
            "start_export_mwh": int(first_day.start_export[place]),
        }
        for place, home in enumerate(first_day.homes)
    ]
    content = {
        "schema": "lindenstrom/simulation@1",
        "seed": plan.seed,
        "form": plan.form.value,
        "look": plan.look if plan.form is Form.SML else None,
        "every_s": plan.every_s,
        "offset_hours": plan.zone.offset_hours,
        "days": [date_of(window).isoformat() for window in plan.windows],
        "resolution_mwh": resolution_mwh(plan),
        "orders": {order.kind.value: order.number for order in plan.orders},
        "meters": meters,
        "faults": [_fault(plan, fault, points, reception.swaps) for fault in reception.faults],
        "damaged_telegrams": {points[number]: count for number, count in sorted(reception.damaged.items())},
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _fault(plan: Plan, fault: Fault, points: Mapping[int, str], swaps: Mapping[int, Swap]) -> dict[str, object]:
    found: dict[str, object] = {
        "kind": fault.kind.value,
        "metering_point": points[fault.household],
        "from": _utc(fault.start_s),
        "to": _utc(fault.end_s),
    }
    if fault.kind is FaultKind.CLOCK_STEP:
        found["seconds_ahead"] = fault.seconds
    if fault.kind is FaultKind.ROLLOVER:
        found["modulus_mwh"] = ROLLOVER_MWH
    if fault.kind is FaultKind.SWAP:
        swap = swaps[fault.household]
        found |= {
            "meter": meter_name(plan, fault.household, 1),
            "old_end_mwh": list(swap.old_end),
            "new_start_mwh": list(swap.new_start),
        }
    return found


def _utc(time_s: int) -> str:
    return f"{EPOCH + timedelta(seconds=time_s):%Y-%m-%dT%H:%M:%SZ}"

"""Simulated meters through the adapter: packs say what was metered, and each fault ends as its rule says."""

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.core.calendar import SECONDS_PER_SLOT, Zone, window_of
from lindenstrom.core.packs import Registers, Status
from lindenstrom.core.units import kwh_to_mwh
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.errors import MeterLocked
from lindenstrom.metering.formats.mqttmapping import mapping_text, parse_mapping
from lindenstrom.metering.intervals import DeclaredBreak, WindowValues, pack_values
from lindenstrom.metering.layout import find_layout
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.simulation.community import Mix
from lindenstrom.simulation.faults import STREAMS, Form, parse_order
from lindenstrom.simulation.plan import Plan
from lindenstrom.simulation.run import simulate

pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")

ZONE = Zone()
COMMUNITY = bytes(range(32))
MIX = Mix(households=3, pv_ppm=700_000, battery_ppm=500_000, heat_pump_ppm=300_000, car_ppm=300_000)
TOLERANCE_S = 9


def randomness(n: int) -> bytes:
    return hashlib.sha256(b"end to end").digest()[:n]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """A simulation's folder, and a reader's that takes it in."""

    plan: Plan
    folder: Path
    facts: dict[str, Any]
    adapter: Adapter

    @classmethod
    def make(
        cls, folder: Path, form: Form, *faults: str, first: date = date(2026, 6, 9), days: int = 1, **more: Any
    ) -> "Bed":
        orders = tuple(parse_order(fault) for fault in faults)
        fixed: dict[str, Any] = {"seed": 9, "mix": MIX, "zone": ZONE, "every_s": 300}
        plan = Plan(first_window=window_of(first), day_count=1, form=form, orders=orders, **(fixed | more))
        for _ in simulate(plan, folder / "data"):
            pass
        facts = json.loads((folder / "data" / "truth.json").read_text())
        source = Source(form.value) if form in STREAMS else Source.INTERVALS
        modulus = next((f["modulus_mwh"] for f in facts["faults"] if f["kind"] == "rollover"), 0)
        meters = tuple(
            MeterSetup(
                position=place,
                meter=hashlib.sha256(meter["metering_point"].encode()).digest(),
                source=source,
                metering_point=meter["metering_point"] if source is Source.INTERVALS else "",
                modulus_mwh=modulus,
                mapping=mapping_of(meter) if source is Source.MQTT else "",
            )
            for place, meter in enumerate(facts["meters"])
        )
        setup = ReaderSetup(community=COMMUNITY, reader=0, depth=4, zone=ZONE, meters=meters)
        return cls(
            plan=plan,
            folder=folder / "data",
            facts=facts,
            adapter=Adapter.create(folder / "reader", setup, random=randomness),
        )

    def take_in(self, part: str = "") -> None:
        """Import everything, or what came late."""
        now = ZONE.window_end(self.plan.windows[-1]) + 40 * 86_400
        form = self.plan.form
        if form is Form.CSV:
            files = sorted((self.folder / "csv" / "intervals" / part).glob("*.csv"))
        elif form is Form.MSCONS:
            files = sorted((self.folder / "mscons" / part).glob("*.txt"))
        else:
            for place, meter in enumerate(self.facts["meters"]):
                self._take_stream(place, meter, part, now)
            return
        for path in files:
            self.adapter.import_file(path, now=now)

    def _take_stream(self, place: int, meter: dict[str, Any], part: str, now: int) -> None:
        folder = self.folder / self.plan.form / part
        if self.plan.form is Form.MQTT:
            log = folder / "messages.log"
            lines = [line for line in log.read_text().splitlines(keepends=True) if f"tele/{meter['file']}/" in line]
            own = self.folder / f"{part or 'in-time'}-{place}.log"
            own.write_text("".join(lines))
            self.adapter.import_file(own, now=now, position=place)
        elif self.plan.form is Form.DSMR:
            self.adapter.import_file(folder / f"{meter['file']}.txt", now=now, position=place)
        elif (path := folder / f"{meter['file']}.bin").exists():
            self.adapter.import_sml(place, list(pieces(path)))

    def packs(self, *, partial: bool = False) -> dict[tuple[int, int], WindowValues]:
        """Window and position → what its pack says, of the newest revision."""
        found = {}
        for window in self.plan.windows:
            entry = self.adapter.build(window, now=ZONE.window_end(window) + 86_400, partial=partial).entry
            assert entry is not None, self.adapter.gap_list(window, window)
            for at, pack in self.adapter.outbox.packs(window, entry.revision).items():
                found[window, at] = pack_values(pack)
        return found

    def truth(self) -> dict[tuple[int, int], tuple[tuple[int, ...], tuple[int, ...]]]:
        """Window and position → import and export by slot."""
        places = {meter["metering_point"]: place for place, meter in enumerate(self.facts["meters"])}
        found: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
        with (self.folder / "truth.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                sides = found.setdefault(
                    (ZONE.window_at(unix(row["slot_start"])), places[row["metering_point"]]), ([], [])
                )
                sides[0].append(kwh_to_mwh(row["import_kwh"]))
                sides[1].append(kwh_to_mwh(row["export_kwh"]))
        return {key: (tuple(drawn), tuple(fed)) for key, (drawn, fed) in found.items()}

    def place(self, fault: dict[str, Any]) -> int:
        return [meter["metering_point"] for meter in self.facts["meters"]].index(fault["metering_point"])

    def slots(self, fault: dict[str, Any], window: int) -> range:
        """Places in the day of the quarter-hours that a fault touches."""
        first = ZONE.first_slot(window)
        begin, end = unix(fault["from"]) // SECONDS_PER_SLOT, -(-unix(fault["to"]) // SECONDS_PER_SLOT)
        return range(max(begin - first, 0), min(end - first, ZONE.slot_count(window)))


def mapping_of(meter: dict[str, Any]) -> str:
    return mapping_text(parse_mapping({"preset": "tasmota", "device": meter["file"]}))


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def pieces(path: Path) -> Iterable[tuple[int, bytes]]:
    data, start = path.read_bytes(), 0
    with path.with_suffix(".times.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            end = start + int(row["bytes"])
            yield int(row["received_ms"]), data[start:end]
            start = end


def sides(values: WindowValues) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return values.import_mwh, values.export_mwh


@pytest.mark.parametrize("form", [Form.SML, Form.MQTT, Form.CSV, Form.MSCONS])
def test_packs_are_the_truth(form: Form, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, form)
    bed.take_in()
    packs, truth = bed.packs(), bed.truth()
    assert packs.keys() == truth.keys()
    for key, values in packs.items():
        assert sides(values) == truth[key]
        assert set(values.status) == {Status.MEASURED}


@pytest.mark.parametrize("look", ["emh-tariffs", "iskra", "easymeter"])
def test_packs_are_the_truth_whatever_the_meter_looks_like(look: str, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, look=look, every_s=900)
    bed.take_in()
    assert {key: sides(values) for key, values in bed.packs().items()} == bed.truth()


def test_dsmr_is_the_truth_floored_at_each_boundary(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.DSMR)
    bed.take_in()
    truth, step = bed.truth(), bed.facts["resolution_mwh"]
    for (window, place), values in bed.packs().items():
        starts = bed.facts["meters"][place]
        for found, real, start in zip(
            sides(values), truth[window, place], (starts["start_import_mwh"], starts["start_export_mwh"]), strict=True
        ):
            level, expected = start, []
            for energy in real:
                expected.append((level + energy) // step * step - level // step * step)
                level += energy
            assert list(found) == expected


@pytest.mark.parametrize("day", [date(2026, 6, 9), date(2026, 3, 29), date(2026, 10, 25)])
def test_a_portal_read_by_its_layout_is_the_truth(day: date, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.CSV, first=day)
    layout = find_layout(str(bed.folder / "csv" / "portal" / "layout.toml"))
    for path in sorted((bed.folder / "csv" / "portal").glob("*.csv")):
        bed.adapter.import_file(path, now=ZONE.window_end(bed.plan.windows[0]), layout=layout)
    assert {key: sides(values) for key, values in bed.packs().items()} == bed.truth()


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
@pytest.mark.parametrize("form", [Form.SML, Form.CSV, Form.MSCONS])
def test_days_of_the_clock_change(form: Form, day: date, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, form, first=day, every_s=900)
    bed.take_in()
    packs = bed.packs()
    assert {key: sides(values) for key, values in packs.items()} == bed.truth()
    assert {len(values.status) for values in packs.values()} == {92 if day.month == 3 else 100}


def test_a_gap_in_a_stream_is_spread_and_marked(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, "gap")
    bed.take_in()
    packs, truth = bed.packs(), bed.truth()
    for fault in bed.facts["faults"]:
        (window,) = bed.plan.windows
        values, real = packs[window, bed.place(fault)], truth[window, bed.place(fault)]
        hit = bed.slots(fault, window)
        for found, energy in zip(sides(values), real, strict=True):
            assert sum(found) == sum(energy)
            assert [found[at] for at in range(len(found)) if at not in hit] == [
                energy[at] for at in range(len(energy)) if at not in hit
            ]
        assert [at for at, status in enumerate(values.status) if status is not Status.MEASURED] == list(hit)
        assert {values.status[at] for at in hit} == {Status.ESTIMATED}


@pytest.mark.parametrize("form", [Form.CSV, Form.MSCONS])
def test_a_gap_of_an_operator_is_missing_and_listed(form: Form, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, form, "gap")
    bed.take_in()
    (window,) = bed.plan.windows
    assert bed.adapter.build(window, now=ZONE.window_end(window) + 86_400).entry is None
    packs = bed.packs(partial=True)
    for fault in bed.facts["faults"]:
        values, hit = packs[window, bed.place(fault)], bed.slots(fault, window)
        assert [at for at, status in enumerate(values.status) if status is Status.MISSING] == list(hit)
        assert {values.import_mwh[at] for at in hit} == {0}
        assert any(gap.position == bed.place(fault) for gap in bed.adapter.gap_list(window, window))


@pytest.mark.parametrize("form", [Form.SML, Form.CSV, Form.MSCONS])
def test_what_comes_late_ends_as_the_truth(form: Form, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, form, "late")
    bed.take_in()
    before = bed.packs(partial=True)
    (window,) = bed.plan.windows
    (fault,) = bed.facts["faults"]
    assert before[window, bed.place(fault)].status.count(Status.MEASURED) < len(before[window, 0].status)
    bed.adapter.outbox.set_signature(window, 0, bytes(65))
    bed.adapter.outbox.set_delivered(window, 0)
    bed.adapter.outbox.set_anchored(window, 0)
    bed.take_in("late")
    assert bed.adapter.correctable() == (window,)
    entry = bed.adapter.correct(window).entry
    assert entry is not None and entry.revision == 1
    assert {key: sides(values) for key, values in bed.packs().items()} == bed.truth()
    assert {status for values in bed.packs().values() for status in values.status} == {Status.MEASURED}


def test_a_swap_that_is_declared_leaves_no_trace_in_the_energy(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, "swap", every_s=60)
    bed.take_in()
    (fault,) = bed.facts["faults"]
    (window,) = bed.plan.windows
    old, new = (Registers(import_mwh=p[0], export_mwh=p[1]) for p in (fault["old_end_mwh"], fault["new_start_mwh"]))
    bed.adapter.declare_break(
        bed.place(fault), DeclaredBreak(time_ms=unix(fault["from"]) * 1000, old_end=old, new_start=new)
    )
    packs = bed.packs()
    assert {key: sides(values) for key, values in packs.items()} == bed.truth()
    assert packs[window, bed.place(fault)].gap is not None


def test_a_swap_that_nobody_declared_keeps_the_day_open(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, "swap", every_s=60)
    bed.take_in()
    (fault,) = bed.facts["faults"]
    (window,) = bed.plan.windows
    assert {gap.position for gap in bed.adapter.gap_list(window, window) if "complete" not in gap.reason} == {
        bed.place(fault)
    }


@pytest.mark.parametrize("form", [Form.SML, Form.MQTT])
def test_a_rollover_with_a_known_modulus_is_seen_through(form: Form, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, form, "rollover")
    bed.take_in()
    packs = bed.packs()
    assert {key: sides(values) for key, values in packs.items()} == bed.truth()
    assert sum(values.gap is not None for values in packs.values()) == 1


def test_a_locked_meter_is_refused(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, "locked:1")
    with pytest.raises(MeterLocked):
        bed.take_in()


@pytest.mark.parametrize("form", [Form.SML, Form.MQTT])
def test_zeros_after_a_reboot_are_not_believed(form: Form, tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, form, "reboot-zero", every_s=60)
    bed.take_in()
    truth = bed.truth()
    for key, values in bed.packs().items():
        assert all(sum(found) == sum(real) for found, real in zip(sides(values), truth[key], strict=True))
        assert_measured_is_true(values, truth[key])


def test_damaged_telegrams_cost_nothing_but_themselves(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, "damaged:0.2", every_s=60)
    bed.take_in()
    truth = bed.truth()
    for key, values in bed.packs().items():
        assert values.status.count(Status.MEASURED) > len(values.status) // 2
        assert_measured_is_true(values, truth[key])


def assert_measured_is_true(values: WindowValues, real: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    for at, status in enumerate(values.status):
        if status is Status.MEASURED:
            assert (values.import_mwh[at], values.export_mwh[at]) == (real[0][at], real[1][at])


def test_jitter_moves_no_more_than_seconds_of_power(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, f"jitter:{TOLERANCE_S}", every_s=60)
    bed.take_in()
    truth = bed.truth()
    moved = 0
    for key, values in bed.packs().items():
        assert set(values.status) == {Status.MEASURED}
        for found, real in zip(sides(values), truth[key], strict=True):
            for at, (one, other) in enumerate(zip(found, real, strict=True)):
                around = max(real[max(at - 1, 0) : at + 2])
                moved += one != other
                # a step of five minutes may hold all of its quarter-hour: 3 × the mean power
                assert abs(one - other) <= 2 * 3 * around * TOLERANCE_S // SECONDS_PER_SLOT + 200
    assert moved


def test_a_clock_that_steps_believes_no_wrong_time(tmp_path: Path) -> None:
    bed = Bed.make(tmp_path, Form.SML, "clock-step", every_s=60)
    bed.take_in()
    truth, packs = bed.truth(), bed.packs()
    (window,) = bed.plan.windows
    for fault in bed.facts["faults"]:
        values, real = packs[window, bed.place(fault)], truth[window, bed.place(fault)]
        assert all(sum(found) == sum(energy) for found, energy in zip(sides(values), real, strict=True))
        ahead = abs(fault["seconds_ahead"]) // SECONDS_PER_SLOT + 2
        hit = bed.slots(fault, window)
        touched = range(hit.start - ahead, hit.stop + ahead)
        for at in (at for at in range(len(values.status)) if at not in touched):
            assert (values.import_mwh[at], values.export_mwh[at]) == (real[0][at], real[1][at])

"""What a simulation writes: the same bytes for the same plan, readable by what reads real data, faults where told."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.core.calendar import SECONDS_PER_SLOT, Zone, window_of
from lindenstrom.core.units import kwh_to_mwh
from lindenstrom.metering.formats import dsmr, mqtt, mscons, sml
from lindenstrom.metering.observation import Observation, Problem
from lindenstrom.simulation.community import Mix
from lindenstrom.simulation.faults import BadFault, FaultKind, FaultUnfit, Form, parse_order
from lindenstrom.simulation.files import FolderNotEmpty
from lindenstrom.simulation.plan import DaysOutOfRange, LookUnknown, Plan
from lindenstrom.simulation.run import plan_messages, simulate
from lindenstrom.simulation.streams import JitterTooWide, PeriodOutOfRange

pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")

MIX = Mix(households=4, pv_ppm=500_000, battery_ppm=500_000, heat_pump_ppm=250_000, car_ppm=250_000)
STREAM_FAULTS = "gap late swap rollover reboot-zero clock-step damaged:0.02 jitter:3"
FORMATS = {Form.SML: sml, Form.DSMR: dsmr, Form.MQTT: mqtt, Form.MSCONS: mscons}


def plan(form: Form, *faults: str, days: int = 2, first: date = date(2026, 6, 9), **more: Any) -> Plan:
    orders = tuple(parse_order(fault) for fault in faults)
    fixed: dict[str, Any] = {"seed": 5, "mix": MIX, "zone": Zone(), "every_s": 300}
    return Plan(first_window=window_of(first), day_count=days, form=form, orders=orders, **(fixed | more))


def written(chosen: Plan, folder: Path) -> dict[str, bytes]:
    for _ in simulate(chosen, folder):
        pass
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digest(files: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name} {len(files[name])} ".encode() + files[name])
    return whole.hexdigest()


def truth_rows(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["truth.csv"].decode())))


def read(form: Form, data: bytes) -> Iterator[Observation]:
    return FORMATS[form].observations(io.BytesIO(data))


@pytest.mark.parametrize(
    ("form", "faults", "expected"),
    [
        (Form.SML, STREAM_FAULTS, "d3bd6a430467b314d87729b08163bedbc47694139bea637fe9ed56e062d76b95"),
        (Form.DSMR, STREAM_FAULTS, "024227a941adefbb0fc35984f77930cc7dad85698b90674321776912a7fa645f"),
        (Form.MQTT, STREAM_FAULTS, "3277f9758250d72d47a90bb83e2e3eab4e772c2f3f3067f87202be170f709ba7"),
        (Form.MSCONS, "gap late dst", "8c63d0f8f3ff73a6fc225edc77715124d44f9472681c480ae1eed85f03ef20ef"),
        (Form.CSV, "gap late", "5c5775dac5968a6558553850a39cfbfd1db203730698d61840cb6394768b1b3a"),
    ],
)
def test_the_same_plan_gives_the_same_bytes(form: Form, faults: str, expected: str, tmp_path: Path) -> None:
    assert digest(written(plan(form, *faults.split()), tmp_path / "one")) == expected


def test_another_seed_gives_another_community(tmp_path: Path) -> None:
    one, two = (written(plan(Form.CSV, seed=seed, days=1), tmp_path / str(seed)) for seed in (1, 2))
    assert digest(one) != digest(two)


def test_the_truth_balances_in_every_line_and_its_registers_go_on(tmp_path: Path) -> None:
    rows = truth_rows(written(plan(Form.CSV, first=date(2026, 10, 24)), tmp_path / "o"))
    assert len(rows) == 4 * (96 + 100)
    stands: dict[str, int] = {}
    for row in rows:
        mwh = {name.removesuffix("_kwh"): kwh_to_mwh(text) for name, text in row.items() if name.endswith("_kwh")}
        assert mwh["import"] + mwh["roof"] + mwh["released"] == mwh["home"] + mwh["stored"] + mwh["export"]
        assert stands.get(row["metering_point"], mwh["import_register"]) == mwh["import_register"]
        stands[row["metering_point"]] = mwh["import_register"] + mwh["import"]


@pytest.mark.parametrize("form", [Form.SML, Form.DSMR, Form.MQTT])
def test_registers_of_a_stream_are_the_truth_at_every_boundary(form: Form, tmp_path: Path) -> None:
    files = written(plan(form, days=1), tmp_path / "o")
    facts = json.loads(files["truth.json"])
    step = facts["resolution_mwh"]
    for meter in facts["meters"]:
        rows = [row for row in truth_rows(files) if row["metering_point"] == meter["metering_point"]]
        expected = [kwh_to_mwh(row["import_register_kwh"]) // step * step for row in rows]
        shown = list(registers_at_boundaries(form, files, meter))
        assert shown[: len(expected)] == expected


def receipts(times: bytes) -> list[int]:
    """Unix seconds of a stream's pieces."""
    return [int(row["received_ms"]) // 1000 for row in csv.DictReader(io.StringIO(times.decode()))]


def registers_at_boundaries(form: Form, files: dict[str, bytes], meter: dict[str, Any]) -> Iterator[int]:
    """Import register of the telegrams received at a quarter-hour."""
    if form is Form.MQTT:
        topic = f"tele/{meter['file']}/SENSOR".encode()
        lines = [line for line in files["mqtt/messages.log"].splitlines(keepends=True) if topic in line]
        found = [one for line in lines for one in read(form, line) if one.obis == "1-0:1.8.0"]
        times = [int(line.partition(b".")[0]) for line in lines]
    else:
        stem = f"{form}/{meter['file']}"
        found = list(read(form, files[f"{stem}.{'bin' if form is Form.SML else 'txt'}"]))
        assert {one.problem for one in found} == {None}
        assert {one.meter for one in found} == {meter["meter"]}
        found = [one for one in found if one.obis == "1-0:1.8.0"]
        times = [
            int(row["received_ms"]) // 1000 for row in csv.DictReader(io.StringIO(files[f"{stem}.times.csv"].decode()))
        ]
    for time, one in zip(times, found, strict=True):
        assert one.energy_mwh is not None
        if time % SECONDS_PER_SLOT == 0:
            yield one.energy_mwh


@pytest.mark.parametrize("look", ["dzg", "emh", "emh-tariffs", "iskra", "easymeter"])
def test_every_look_is_read_as_whole_telegrams(look: str, tmp_path: Path) -> None:
    files = written(plan(Form.SML, days=1, look=look, every_s=900), tmp_path / "o")
    facts = json.loads(files["truth.json"])
    for meter in facts["meters"]:
        found = list(read(Form.SML, files[f"sml/{meter['file']}.bin"]))
        totals = [one.energy_mwh for one in found if one.obis == "1-0:1.8.0"]
        rows = [row for row in truth_rows(files) if row["metering_point"] == meter["metering_point"]]
        assert totals[1 : 1 + len(rows)] == [kwh_to_mwh(row["import_register_kwh"]) for row in rows]
        assert {one.problem for one in found} == {None} and {one.meter for one in found} == {meter["meter"]}
        assert {one.resolution_mwh for one in found if one.energy_mwh is not None} == {facts["resolution_mwh"]}


def test_mscons_is_the_truth_in_both_directions(tmp_path: Path) -> None:
    files = written(plan(Form.MSCONS, days=1), tmp_path / "o")
    (name,) = (name for name in files if name.startswith("mscons/"))
    found = {(one.meter, one.time_ms, one.obis[4]): one for one in read(Form.MSCONS, files[name])}
    rows = truth_rows(files)
    assert len(found) == 2 * len(rows)
    times = sorted({one.time_ms for one in found.values() if one.time_ms is not None})
    for place, row in enumerate(rows):
        at = times[place % len(times)]
        for direction, column in (("1", "import_kwh"), ("2", "export_kwh")):
            one = found[row["metering_point"], at, direction]
            assert one.energy_mwh == kwh_to_mwh(row[column]) and one.problem is None


def test_csv_has_what_the_truth_has_but_for_gaps_and_late_values(tmp_path: Path) -> None:
    files = written(plan(Form.CSV, "gap", "late"), tmp_path / "o")
    expected = {(r["metering_point"], r["slot_start"]): (r["import_kwh"], r["export_kwh"]) for r in truth_rows(files)}
    in_time, late = (
        {
            (row["metering_point"], row["slot_start"]): (row["import_kwh"], row["export_kwh"])
            for name, data in files.items()
            if name.startswith(f"csv/intervals/{part}2026")
            for row in csv.DictReader(io.StringIO(data.decode()))
        }
        for part in ("", "late/")
    )
    assert late and not in_time.keys() & late.keys()
    assert (in_time | late).items() < expected.items()
    gaps = [fault for fault in json.loads(files["truth.json"])["faults"] if fault["kind"] == "gap"]
    gone = expected.keys() - in_time.keys() - late.keys()
    assert {point for point, _ in gone} == {fault["metering_point"] for fault in gaps}
    assert all(any(f["metering_point"] == p and t < f["to"] for f in gaps) for p, t in gone)
    portal = files["csv/portal/meter-00001.csv"].decode().splitlines()
    assert portal[1].startswith("DE00000000000SIMU0000000000000001;09.06.2026;00:00;00:15;0,")


@pytest.mark.parametrize("form", [Form.SML, Form.DSMR, Form.MQTT])
def test_damaged_telegrams_are_counted_and_found(form: Form, tmp_path: Path) -> None:
    files = written(plan(form, "damaged:0.1"), tmp_path / "o")
    ordered = sum(json.loads(files["truth.json"])["damaged_telegrams"].values())
    data = [content for name, content in files.items() if name.startswith(str(form)) and not name.endswith("times.csv")]
    problems = [one.problem for content in data for one in read(form, content) if one.problem]
    assert set(problems) == {Problem.DAMAGED_FRAME}
    assert 0 < ordered <= len(problems) <= 2 * ordered


def test_a_locked_meter_is_seen_as_one(tmp_path: Path) -> None:
    files = written(plan(Form.SML, "locked", days=1, every_s=900), tmp_path / "o")
    facts = json.loads(files["truth.json"])
    locked = {fault["metering_point"] for fault in facts["faults"]}
    assert locked
    for meter in facts["meters"]:
        found = list(read(Form.SML, files[f"sml/{meter['file']}.bin"]))
        assert (Problem.PIN_LOCKED in {one.problem for one in found}) is (meter["metering_point"] in locked)


def test_a_swap_changes_meter_and_registers(tmp_path: Path) -> None:
    files = written(plan(Form.SML, "swap", days=1), tmp_path / "o")
    facts = json.loads(files["truth.json"])
    (fault,) = facts["faults"]
    (meter,) = (one for one in facts["meters"] if one["metering_point"] == fault["metering_point"])
    found = [one for one in read(Form.SML, files[f"sml/{meter['file']}.bin"]) if one.obis == "1-0:1.8.0"]
    values = {name: [o.energy_mwh for o in found if o.meter == name] for name in (meter["meter"], fault["meter"])}
    old, new = values[meter["meter"]], values[fault["meter"]]
    assert old[-1] is not None and new[0] is not None
    assert old[-1] <= fault["old_end_mwh"][0] and fault["new_start_mwh"][0] <= new[0]
    assert len(old) + len(new) == len(found)


def test_a_rollover_goes_round_on_the_first_day(tmp_path: Path) -> None:
    files = written(plan(Form.SML, "rollover", days=1), tmp_path / "o")
    facts = json.loads(files["truth.json"])
    (fault,) = facts["faults"]
    (meter,) = (one for one in facts["meters"] if one["metering_point"] == fault["metering_point"])
    found = [one.energy_mwh for one in read(Form.SML, files[f"sml/{meter['file']}.bin"]) if one.obis == "1-0:1.8.0"]
    assert found[0] is not None and found[-1] is not None
    assert found[0] > fault["modulus_mwh"] // 2 > found[-1]


def test_zeros_after_a_reboot_and_a_clock_that_steps(tmp_path: Path) -> None:
    files = written(plan(Form.SML, "reboot-zero", "clock-step", days=1), tmp_path / "o")
    facts = json.loads(files["truth.json"])
    kinds = {fault["kind"]: fault for fault in facts["faults"]}
    stems = {one["metering_point"]: one["file"] for one in facts["meters"]}
    zeroed = read(Form.SML, files[f"sml/{stems[kinds['reboot-zero']['metering_point']]}.bin"])
    assert 0 < sum(one.energy_mwh == 0 for one in zeroed if one.obis == "1-0:1.8.0") <= 2
    step = kinds["clock-step"]
    received = receipts(files[f"sml/{stems[step['metering_point']]}.times.csv"])
    steps = {b - a for a, b in pairwise(received)}
    assert steps == {300, 300 + step["seconds_ahead"], 300 - step["seconds_ahead"]}


def test_what_is_published_is_what_the_log_has(tmp_path: Path) -> None:
    chosen = plan(Form.MQTT, "late", "clock-step", days=1)
    files = written(chosen, tmp_path / "o")
    lines = files["mqtt/messages.log"].splitlines() + files["mqtt/late/messages.log"].splitlines()
    logged = sorted(line.partition(b" ")[2] for line in lines)
    assert logged == sorted(f"{topic} ".encode() + payload for _, topic, payload in plan_messages(chosen))


def test_dst_moves_the_days_to_the_next_change(tmp_path: Path) -> None:
    assert [Zone().slot_count(window) for window in plan(Form.CSV, "dst", days=7).windows] == [
        96,
        96,
        96,
        100,
        96,
        96,
        96,
    ]
    march = plan(Form.CSV, "dst", days=1, first=date(2026, 12, 1))
    assert list(march.windows) == [window_of(date(2027, 3, 28))]


def test_every_kind_comes_at_least_once_and_only_one_a_day() -> None:
    chosen = plan(Form.SML, *(f"{kind}:0.000001" for kind in ("gap", "late", "swap", "rollover", "reboot-zero")))
    faults = chosen.faults(chosen.homes())
    assert {fault.kind for fault in faults} == {order.kind for order in chosen.orders}
    starts = [(f.household, Zone().window_at(f.start_s)) for f in faults if f.kind is not FaultKind.ROLLOVER]
    assert len(starts) == len(set(starts))


@pytest.mark.parametrize("bad", ["flood", "gap:2", "gap:0", "gap:x", "dst:1", "jitter:301", "gap:-1", ""])
def test_a_fault_that_cannot_be_is_refused(bad: str) -> None:
    with pytest.raises(BadFault):
        parse_order(bad)


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        (plan(Form.CSV, "swap"), FaultUnfit),
        (plan(Form.DSMR, "locked"), FaultUnfit),
        (plan(Form.SML, "gap", "gap:0.5"), BadFault),
        (plan(Form.SML, days=0), DaysOutOfRange),
        (plan(Form.SML, look="none"), LookUnknown),
        (plan(Form.SML, every_s=901), PeriodOutOfRange),
        (plan(Form.SML, "jitter:5", every_s=10), JitterTooWide),
    ],
)
def test_an_impossible_plan_writes_nothing(chosen: Plan, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        written(chosen, tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(FolderNotEmpty):
        written(plan(Form.CSV), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]

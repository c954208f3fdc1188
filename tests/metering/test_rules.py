"""Each rule between registers and quarter-hours, by its id; the page names all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from lindenstrom.core.calendar import Zone
from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering import rules
from lindenstrom.metering.errors import MeterChanged, RegisterFell, RegisterJumped
from lindenstrom.metering.formats.mqttmapping import mapping_text, parse_mapping
from lindenstrom.metering.intervals import SLOT_MS, DeclaredBreak, Lack, NotComplete, WindowValues
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.rules import Rule
from lindenstrom.metering.setup import MeterSetup, Source
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.smlwriter import items, message, octets, signed, sml_telegram, telegram, unsigned
from lindenstrom.metering.timeline import message_record, reading_record, stream_record
from metering.telegram_text import p1

ROOT = Path(__file__).resolve().parents[2]
ZONE = Zone()
DAY = 20_750
FIRST, COUNT = ZONE.first_slot(DAY), ZONE.slot_count(DAY)
START_MS, END_MS = FIRST * SLOT_MS, (FIRST + COUNT) * SLOT_MS
MINUTE = 60_000
METER, OTHER = b"\x0a\x01MTR\x00\x00\x00\x00\x01", b"\x0a\x01MTR\x00\x00\x00\x00\x02"
HOUSE_W = MeterSetup(position=0, meter=bytes(32), source=Source.SML).limit_w
STEADY_MWH = 6_000
"""A minute's energy of the meter in these tests: 360 W."""


def at(slot: int, offset_ms: int = 0) -> int:
    return START_MS + slot * SLOT_MS + offset_ms


def steady(time_ms: int) -> int:
    """Import register of the meter in these tests, a whole number of 0.1 Wh."""
    return 10**9 + (time_ms - START_MS + 86_400_000) // 1000 * 100


def sml(
    time_ms: int,
    imported: int | None = None,
    exported: int | None = 0,
    *,
    meter: bytes = METER,
    seconds: int | None = None,
) -> Record:
    data = sml_telegram(
        server_id=meter,
        sec_index=(time_ms - START_MS) // 1000 + 10**6 if seconds is None else seconds,
        import_mwh=steady(time_ms) if imported is None else imported,
        export_mwh=exported,
    )
    return stream_record(Kind.SML, time_ms, data)


def times(step_ms: int = SLOT_MS, offset_ms: int = 0) -> range:
    return range(START_MS - SLOT_MS + offset_ms, END_MS + SLOT_MS + 1, step_ms)


def entries(time_ms: int, *rows: tuple[str, int, int, int]) -> Record:
    """An SML telegram of entries (OBIS code in hex, status word, unit, value in 0.1 of the unit)."""
    lines = [
        items(
            octets(bytes.fromhex(code)),
            unsigned(status, 4),
            b"\x01",
            unsigned(unit, 1),
            b"\x52\xff",
            signed(value, 8),
            b"\x01",
        )
        for code, status, unit, value in rows
    ]
    body = items(
        b"\x01", octets(METER), b"\x01", items(unsigned(1, 1), unsigned(5, 4)), items(*lines), b"\x01", b"\x01"
    )
    return stream_record(Kind.SML, time_ms, telegram(message(b"\x01", 0x0701, body)))


IMPORT, EXPORT, LOW, HIGH, POWER = "0100010800ff", "0100020800ff", "0100010801ff", "0100010802ff", "0100100700ff"
WH, WATT, GOOD = 30, 27, 0x1C0004


def shelf(tmp_path: Path, records: Sequence[Record], **fields: object) -> Shelf:
    one = Shelf(folder=tmp_path, position=3, **({"limit_w": HOUSE_W} | fields))  # type: ignore[arg-type]
    one.add(sorted(records, key=lambda record: record.time_ms))
    return one


def received(one: Shelf, records: Sequence[Record]) -> None:
    """Journal records in their order, as a live source does."""
    for _, group in groupby(records, key=lambda record: record.time_ms // 86_400_000):
        some = list(group)
        with one.open_stream(some[0].kind, some[0].time_ms) as journal:
            journal.append(some)


def window(one: Shelf) -> tuple[WindowValues | NotComplete, dict[str, int]]:
    result, unused = one.register_window(FIRST, COUNT, {})
    return result, dict(unused)


def whole(one: Shelf) -> WindowValues:
    """The day, its sum compared with its registers (I4)."""
    result, _ = window(one)
    assert isinstance(result, WindowValues)
    for values, start, end in (
        (result.import_mwh, result.start.import_mwh, result.end.import_mwh),
        (result.export_mwh, result.start.export_mwh, result.end.export_mwh),
    ):
        assert min(values) >= 0
        if result.gap is None:
            assert start + sum(values) == end
    return result


def estimated(values: WindowValues) -> list[int]:
    return [index for index, status in enumerate(values.status) if status is Status.ESTIMATED]


def test_boundary_exact(tmp_path: Path) -> None:
    values = whole(shelf(tmp_path, [sml(t) for t in [*times(offset_ms=9_000), *times(offset_ms=-4_000)]]))
    assert values.start.import_mwh == steady(START_MS - 4_000)  # the nearer of the two
    assert values.is_measured


def test_boundary_between(tmp_path: Path) -> None:
    values = whole(shelf(tmp_path, [sml(t) for t in times(offset_ms=10_000)]))
    assert set(values.status) == {Status.ESTIMATED}
    assert abs(values.start.import_mwh - steady(START_MS)) <= 100
    assert set(values.import_mwh) == {15 * STEADY_MWH}


def test_gap_spread(tmp_path: Path) -> None:
    kept = [t for t in times() if not at(10) < t < at(20)]
    records = [sml(t, steady(t) + (700 if t >= at(20) else 0)) for t in kept]
    values = whole(shelf(tmp_path, records))
    rise = 10 * 15 * STEADY_MWH + 700
    assert values.import_mwh[10:20] == tuple((k + 1) * rise // 10 - k * rise // 10 for k in range(10))
    assert estimated(values) == list(range(10, 20))


def test_register_floor(tmp_path: Path) -> None:
    """A register in 0.1 mWh: each is floored, so the sum of the day is the difference of two floors."""

    def finer(time_ms: int, tenths: int) -> Record:
        kwh = f"{tenths // 10**7:08d}.{tenths % 10**7:07d}"
        lines = ["1-0:0.0.0*255(1LIN)", f"1-0:1.8.0*255({kwh}*kWh)", "1-0:2.8.0*255(00000000.0000000*kWh)"]
        return stream_record(Kind.DSMR, time_ms, p1(lines, "LIN5Q3XX1004 V3.04", crc=False))

    step = 1_000_007  # in 0.1 mWh: 100 000.7 mWh
    values = whole(shelf(tmp_path, [finer(t, 7 + step * i) for i, t in enumerate(times())]))
    registers = [(7 + step * i) // 10 for i in range(1, COUNT + 2)]
    assert values.import_mwh == tuple(b - a for a, b in pairwise(registers))
    assert set(values.import_mwh) == {100_000, 100_001}


def test_registers_only(tmp_path: Path) -> None:
    records = [entries(t, (POWER, GOOD, WATT, 3_600)) for t in times(MINUTE)]
    result, unused = window(shelf(tmp_path, records))
    assert result == NotComplete(lack=Lack.POWER_ONLY)
    assert set(unused) == {rules.POWER_ONLY}
    assert "registers" in Lack.POWER_ONLY.value


def test_registers_only_by_message(tmp_path: Path) -> None:
    mapping = mapping_text(parse_mapping({"import": {"topic": "m/in", "unit": "kWh"}, "export": False}))
    records = [message_record(t, "m/power", b"360") for t in times(MINUTE)]
    result, _ = window(shelf(tmp_path, records, mapping=mapping))
    assert isinstance(result, NotComplete)


@pytest.mark.parametrize("mapping", ["", "{}", "["])
def test_messages_without_a_mapping_that_can_be_read_are_named(tmp_path: Path, mapping: str) -> None:
    records = [message_record(t, "m/in", b"360") for t in times()]
    result, unused = window(shelf(tmp_path, records, mapping=mapping))
    assert result == NotComplete(lack=Lack.NO_READING)
    assert set(unused) == {rules.NO_DECODER}


def test_locked_meter(tmp_path: Path) -> None:
    def locked(time_ms: int) -> Record:
        data = sml_telegram(server_id=METER, sec_index=1, import_mwh=steady(time_ms), export_mwh=0, scaler=3)
        return stream_record(Kind.SML, time_ms, data)

    result, unused = window(shelf(tmp_path, [locked(t) for t in times()]))
    assert result == NotComplete(lack=Lack.LOCKED)
    assert "ask the metering operator for its PIN" in Lack.LOCKED.value
    assert set(unused) == {rules.LOCKED}


@pytest.mark.parametrize("bit", [1 << 17, 1 << 9])
def test_status_word(tmp_path: Path, bit: int) -> None:
    def row(time_ms: int, status: int) -> Record:
        return entries(time_ms, (IMPORT, status, WH, steady(time_ms) // 100), (EXPORT, status, WH, 0))

    bad = {at(7), at(8)}
    values = whole(shelf(tmp_path, [row(t, GOOD | bit if t in bad else GOOD) for t in times()]))
    assert estimated(values) == [6, 7, 8]
    all_bad = tmp_path / "all"
    all_bad.mkdir()
    result, unused = window(shelf(all_bad, [row(t, GOOD | bit) for t in times()]))
    assert result == NotComplete(lack=Lack.STATUS_WORD)
    assert set(unused) == {rules.STATUS_WORD}


def test_substitute(tmp_path: Path) -> None:
    records = [reading_record(time_ms=t, import_mwh=steady(t), export_mwh=0, substitute=t == at(5)) for t in times()]
    values = whole(shelf(tmp_path, records))
    assert estimated(values) == [4, 5]
    assert values.import_mwh[4] == 15 * STEADY_MWH
    again = shelf(tmp_path, [reading_record(time_ms=at(5), import_mwh=steady(at(5)) + 10, export_mwh=0)])
    assert whole(again).is_measured  # what was measured counts before the substitute
    assert whole(again).import_mwh[4] == 15 * STEADY_MWH + 10


@pytest.mark.parametrize("side", ["import", "export"])
def test_register_fell(tmp_path: Path, side: str) -> None:
    def low(time_ms: int) -> Record:
        less = 5 * STEADY_MWH if time_ms > at(40) else 0
        return sml(
            time_ms, *((steady(time_ms) - 20 * less, 0) if side == "import" else (None, 100 * STEADY_MWH - less))
        )

    with pytest.raises(RegisterFell, match=f"the {side} register is lower"):
        window(shelf(tmp_path, [low(t) for t in times()]))


@pytest.mark.parametrize("side", [0, 1])
def test_jump_above_fuse(tmp_path: Path, side: int) -> None:
    def jumped(time_ms: int, mwh: int) -> Record:
        more = mwh if time_ms > at(40) else 0
        return sml(time_ms, steady(time_ms) + (more if side == 0 else 0), more if side == 1 else 0)

    most = HOUSE_W * 1000 // 4
    with pytest.raises(RegisterJumped, match="fuse"):
        window(shelf(tmp_path, [jumped(t, most * 2) for t in times()]))
    unlimited = Shelf(folder=tmp_path, position=3)
    assert max(whole(unlimited).import_mwh if side == 0 else whole(unlimited).export_mwh) > most
    within = tmp_path / "within"
    within.mkdir()
    assert whole(shelf(within, [jumped(t, most * 9 // 10) for t in times()])).is_measured


@pytest.mark.parametrize("shown", [0, 5, 10**9 // 2, 4 * 10**9])
def test_zero_after_restart(tmp_path: Path, shown: int) -> None:
    """A register that is 0, far less or far more for a while and then goes on."""
    records = [sml(t, shown if at(30) <= t <= at(31, 10) else None) for t in times()]
    one = shelf(tmp_path, records)
    values = whole(one)
    assert estimated(values) == [29, 30, 31]
    assert set(values.import_mwh) == {15 * STEADY_MWH}
    assert window(one)[1] == {rules.EXCURSION: 2}


def test_tariff_missing(tmp_path: Path) -> None:
    def row(time_ms: int) -> Record:
        low = (LOW, GOOD, WH, steady(time_ms) // 100 - 10**6)
        return entries(time_ms, low, *([] if time_ms in {at(3), at(50)} else [(HIGH, GOOD, WH, 10**6)]))

    one = shelf(tmp_path, [row(t) for t in times()])
    values = whole(one)
    assert estimated(values) == [2, 3, 49, 50]
    assert set(values.import_mwh) == {15 * STEADY_MWH}
    assert window(one)[1] == {rules.TARIFF: 2}


def test_tariff_that_begins_at_zero_is_no_gap(tmp_path: Path) -> None:
    def row(time_ms: int) -> Record:
        new = [(HIGH, GOOD, WH, 0)] if time_ms > at(50) else []
        return entries(time_ms, (LOW, GOOD, WH, steady(time_ms) // 100), *new)

    assert whole(shelf(tmp_path, [row(t) for t in times()])).is_measured


def test_one_sided(tmp_path: Path) -> None:
    one = shelf(tmp_path, [sml(t, None, None if t == at(9) else 77_000) for t in times()])
    values = whole(one)
    assert estimated(values) == [8, 9]
    assert set(values.export_mwh) == {0}
    assert window(one)[1] == {rules.ONE_SIDED: 1}


def test_one_sided_readings_of_separate_lists_belong_together(tmp_path: Path) -> None:
    imports = [reading_record(time_ms=t + 1_000, import_mwh=steady(t)) for t in times()]
    exports = [reading_record(time_ms=t + 3_000, export_mwh=steady(t) // 2) for t in times() if t != at(20)]
    one = shelf(tmp_path, imports)
    assert set(whole(one).export_mwh) == {0}  # a meter that nobody read the other way has one register
    one.add(exports)
    values = whole(one)
    assert set(values.import_mwh) == {15 * STEADY_MWH}
    assert set(values.export_mwh) == {15 * STEADY_MWH // 2 + off for off in (-150, 0, 150)}  # 3 seconds' energy
    assert estimated(values) == [19, 20]


def test_rollover(tmp_path: Path) -> None:
    modulus = steady(at(60)) - 2_000
    one = shelf(tmp_path, [sml(t, steady(t) % modulus) for t in times()], modulus_mwh=modulus)
    values = whole(one)
    assert values.is_measured
    assert sum(values.import_mwh) == COUNT * 15 * STEADY_MWH
    assert values.gap is not None
    assert (values.gap.old_end.import_mwh, values.gap.new_start.import_mwh) == (modulus, 0)


def test_meter_swap(tmp_path: Path) -> None:
    """Two readings at one instant: the old meter's last, the new one's first."""
    swap_ms = at(33, 5 * MINUTE)
    new = steady(swap_ms) - 12_345_600
    records = [
        *(sml(t) for t in times() if t < swap_ms),
        *(sml(t, steady(t) - new, meter=OTHER) for t in times() if t > swap_ms),
    ]
    one = shelf(tmp_path, records)
    with pytest.raises(MeterChanged):
        window(one)
    one.add_break(
        DeclaredBreak(
            time_ms=swap_ms,
            old_end=Registers(import_mwh=steady(swap_ms), export_mwh=0),
            new_start=Registers(import_mwh=12_345_600, export_mwh=0),
        )
    )
    values = whole(one)
    assert values.is_measured
    assert values.gap is not None
    assert set(values.import_mwh) == {15 * STEADY_MWH}


def test_meter_swap_shown_by_the_readings_themselves(tmp_path: Path) -> None:
    swap_ms, new = at(33, 5 * MINUTE), 55_000
    records = [reading_record(time_ms=t, import_mwh=steady(t), export_mwh=0) for t in times() if t < swap_ms]
    records += [
        reading_record(time_ms=t, import_mwh=steady(t) - steady(swap_ms) + new, export_mwh=0)
        for t in times()
        if t > swap_ms
    ]
    both = [reading_record(time_ms=swap_ms, import_mwh=mwh, export_mwh=0) for mwh in (new, steady(swap_ms))]
    values = whole(shelf(tmp_path, [*records, *both]))
    assert values.is_measured
    assert values.gap is not None
    assert (values.gap.old_end.import_mwh, values.gap.new_start.import_mwh) == (steady(swap_ms), new)
    assert set(values.import_mwh) == {15 * STEADY_MWH}


def test_other_meter(tmp_path: Path) -> None:
    one = shelf(tmp_path, [sml(t, meter=OTHER if at(30) < t < at(40) else METER) for t in times()])
    with pytest.raises(MeterChanged, match="another meter answers"):
        window(one)


def test_two_values_at_one_instant(tmp_path: Path) -> None:
    records = [reading_record(time_ms=t, import_mwh=steady(t), export_mwh=0) for t in times()]
    one = shelf(tmp_path, [*records, reading_record(time_ms=at(12), import_mwh=steady(at(12)) + 5, export_mwh=0)])
    assert estimated(whole(one)) == [11, 12]
    assert window(one)[1] == {rules.CONFLICT: 1}
    other = tmp_path / "order"
    other.mkdir()
    reverse = Shelf(folder=other, position=3, limit_w=HOUSE_W)
    for record in [reading_record(time_ms=at(12), import_mwh=steady(at(12)) + 5, export_mwh=0), *reversed(records)]:
        reverse.add([record])
    assert whole(reverse) == whole(one)


@pytest.mark.parametrize("clock", ["261025120000W", "261024235959S", "000101000000W", "991340256199W"])
def test_receive_time(tmp_path: Path, clock: str) -> None:
    """What the meter's own clock says, if it has one, moves nothing."""

    def row(time_ms: int) -> Record:
        wh = steady(time_ms) // 1000
        kwh = f"{wh // 1000:06d}.{wh % 1000:03d}"
        lines = ["1-3:0.2.8(50)", f"0-0:1.0.0({clock})", "0-0:96.1.1(41)", f"1-0:1.8.1({kwh}*kWh)"]
        return stream_record(Kind.DSMR, time_ms, p1(lines))

    values = whole(shelf(tmp_path, [row(t) for t in times()]))
    assert values.is_measured
    assert sum(values.import_mwh) == COUNT * 15 * STEADY_MWH


def test_clock_set_back(tmp_path: Path) -> None:
    """An hour in which the machine's clock was ahead by forty minutes; the device has no clock."""
    mapping = mapping_text(parse_mapping({"import": {"topic": "m/in", "unit": "Wh"}, "export": False}))
    one = Shelf(folder=tmp_path, position=3, limit_w=HOUSE_W, mapping=mapping)
    ahead_ms = 40 * MINUTE
    records = []
    for time_ms in times(MINUTE):
        stamped = time_ms + (ahead_ms if at(40) <= time_ms < at(44) else 0)
        text = b"%d.%d" % (steady(time_ms) // 1000, steady(time_ms) % 1000 // 100)
        records.append(message_record(stamped, "m/in", text))
    received(one, records)
    values = whole(one)
    assert set(values.import_mwh) == {15 * STEADY_MWH}
    assert set(estimated(values)) <= set(range(39, 48))
    assert window(one)[1][rules.CLOCK_BACK] > 0


@pytest.mark.parametrize("wrong_ms", [-3_600_000, -90_000, 1_800_000])
def test_clock_step(tmp_path: Path, wrong_ms: int) -> None:
    """The machine's clock is wrong for a while; the meter's running seconds show it."""
    records = []
    for time_ms in times(5 * MINUTE):
        stamped = time_ms + (wrong_ms if at(40) <= time_ms < at(44) else 0)
        made = sml(time_ms)
        records.append(Record(kind=Kind.SML, time_ms=stamped, payload=made.payload))
    one = Shelf(folder=tmp_path, position=3, limit_w=HOUSE_W)
    received(one, records)
    values = whole(one)
    assert set(values.import_mwh) == {15 * STEADY_MWH}
    assert estimated(values)[:1] >= [35]
    assert window(one)[1] == {rules.CLOCK_STEP: window(one)[1][rules.CLOCK_STEP]}


def test_clock_step_is_not_seen_where_the_meter_does_not_count_seconds(tmp_path: Path) -> None:
    records = [sml(t, seconds=i * 7) for i, t in enumerate(times())]
    assert whole(shelf(tmp_path, records)).is_measured


@pytest.mark.parametrize("kind", ["sml", "mqtt"])
def test_negative_register(tmp_path: Path, kind: str) -> None:
    """Export as a negative number: nobody takes it for 0."""
    mapping = ""
    if kind == "mqtt":
        fields = {
            "import": {"topic": "m", "path": "in", "unit": "Wh"},
            "export": {"topic": "m", "path": "out", "unit": "Wh"},
        }
        mapping = mapping_text(parse_mapping(fields))
        records = [message_record(t, "m", b'{"in":%d,"out":-5}' % (steady(t) // 1000)) for t in times()]
    else:
        rows = [(IMPORT, GOOD, WH), (EXPORT, GOOD, WH)]
        records = [entries(t, (*rows[0], steady(t) // 100), (*rows[1], -(steady(t) // 200))) for t in times()]
    result, unused = window(shelf(tmp_path, records, mapping=mapping))
    assert result == NotComplete(lack=Lack.NEGATIVE)
    assert set(unused) == {rules.NEGATIVE}


def test_power_against_registers(tmp_path: Path) -> None:
    """Import that goes with negative power: the registers count, and it is named."""

    def row(time_ms: int, watts: int) -> Record:
        return entries(
            time_ms,
            (IMPORT, GOOD, WH, steady(time_ms) // 100),
            (EXPORT, GOOD, WH, 70),
            (POWER, GOOD, WATT, watts * 10),
        )

    one = shelf(tmp_path, [row(t, -360) for t in times()])
    values = whole(one)
    assert set(values.import_mwh) == {15 * STEADY_MWH}
    assert values.is_measured
    assert window(one)[1].keys() == {rules.SIGN}
    right = tmp_path / "right"
    right.mkdir()
    assert window(shelf(right, [row(t, 360) for t in times()]))[1] == {}


def test_every_rule_has_its_row_and_its_test() -> None:
    page = (ROOT / "docs" / "metering.md").read_text(encoding="utf-8")
    section = page.split("\n## From registers to quarter-hours\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(rule.value for rule in Rule)
    for rule in Rule:
        assert "test_" + rule.value.replace("-", "_") in globals()

"""MQTT messages of meters: presets, exact numbers, captures, and register pairs from separate topics."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone
from lindenstrom.metering.formats import mqtt
from lindenstrom.metering.formats.mqtt import LATE, interpret
from lindenstrom.metering.formats.mqttmapping import MeterMapping, mapping_text, parse_mapping, read_mapping
from lindenstrom.metering.formats.mqttpresets import PRESETS, BadMapping
from lindenstrom.metering.formats.mqttvalues import LOCAL, TimeForm, Unit, amount, instant, zone_of
from lindenstrom.metering.intervals import SLOT_MS, Lack, WindowValues, window_values
from lindenstrom.metering.observation import Observation, Problem
from lindenstrom.metering.shelf import Shelf
from lindenstrom.metering.timeline import Timeline, message_record, register_timeline

MINUTE = 60_000
NOON = int(datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp()) * 1000
TASMOTA = parse_mapping({"preset": "tasmota", "device": "hichi", "zone": "Europe/Berlin"})
TOPIC = "tele/hichi/SENSOR"


def tele(**values: Any) -> bytes:
    """A message of Tasmota's meter script."""
    return json.dumps({"Time": "2026-10-24T14:00:00", "SML": values}).encode()


def registers(found: list[Observation]) -> dict[str, int | None]:
    return {one.obis: one.energy_mwh for one in found if one.is_usable and one.energy_mwh is not None}


@pytest.mark.parametrize(
    ("config", "topic", "payload", "expected"),
    [
        (
            {"preset": "tasmota", "device": "hichi"},
            TOPIC,
            b'{"Time":"2026-10-24T14:00:00","SML":{"Total_in":34507.4761,"Total_out":14737.1422,"Power_curr":-894}}',
            {"1-0:1.8.0": 34_507_476_100, "1-0:2.8.0": 14_737_142_200},
        ),
        (
            {"preset": "tasmota", "device": "hichi", "group": "MT175", "import": "E_in", "export": False},
            TOPIC,
            b'{"Time":"2026-10-24T14:00:00","SML":{"E_in":1},"MT175":{"E_in":7.5}}',
            {"1-0:1.8.0": 7_500_000},
        ),
        (
            {
                "preset": "esphome",
                "device": "zaehler",
                "import": "bezug",
                "export": {"topic": "zaehler/x", "unit": "Wh"},
            },
            "zaehler/sensor/bezug/state",
            b"2043.1",
            {"1-0:1.8.0": 2_043_100_000},
        ),
        (
            {"preset": "shelly-gen1", "device": "shellyem-B9"},
            "shellies/shellyem-B9/emeter/0/total_returned",
            b"28275324",
            {"1-0:2.8.0": 28_275_324_000},
        ),
        (
            {"preset": "shelly-gen1", "device": "shellyem3-A1", "channels": [0, 1, 2]},
            "shellies/shellyem3-A1/emeter/2/total",
            b"1.04",
            {"1-0:61.8.0": 1_040},
        ),
        (
            {
                "import": {"topic": "shellies/plug/relay/0/energy", "unit": "Wmin"},
            },
            "shellies/plug/relay/0/energy",
            b"61",
            {"1-0:1.8.0": 1_016},
        ),
        (
            {"preset": "shelly-gen2", "device": "shellypro3em-0c"},
            "shellypro3em-0c/events/rpc",
            b'{"params":{"ts":1792843200.04,"emdata:0":{"id":0,"total_act":26289.57,"total_act_ret":131881.86}}}',
            {"1-0:1.8.0": 26_289_570, "1-0:2.8.0": 131_881_860},
        ),
        (
            {"preset": "shelly-gen2", "device": "plug", "component": "switch:0", "via": "status", "export": False},
            "plug/status/switch:0",
            b'{"id":0,"apower":8.9,"aenergy":{"total":11.679,"by_minute":[1.2],"minute_ts":1792843199}}',
            {"1-0:1.8.0": 11_679},
        ),
        (
            {"preset": "zigbee2mqtt", "device": "meter"},
            "zigbee2mqtt/meter",
            b'{"energy":12.34,"produced_energy":0,"power":-100}',
            {"1-0:1.8.0": 12_340_000, "1-0:2.8.0": 0},
        ),
        (
            {
                "import": [
                    {"topic": "own/m", "path": ["a.b", "low"], "unit": "kWh"},
                    {"topic": "own/m", "path": ["a.b", "high"], "unit": "Wh"},
                ]
            },
            "own/m",
            b'{"a.b":{"low":"1.5","high":250}}',
            {"1-0:1.8.1": 1_500_000, "1-0:1.8.2": 250_000, "1-0:1.8.0": 1_750_000},
        ),
    ],
)
def test_presets(config: dict[str, Any], topic: str, payload: bytes, expected: dict[str, int]) -> None:
    mapping = parse_mapping(config)
    assert registers(interpret(topic, payload, mapping)) == expected
    assert read_mapping(mapping_text(mapping)) == mapping


def test_tariffs_of_one_message_are_added_and_marked() -> None:
    mapping = parse_mapping({"preset": "tasmota", "device": "hichi", "import": ["T1", "T2"], "export": False})
    found = interpret(TOPIC, tele(T1=1.5, T2=2), mapping)
    assert [(one.obis, one.summed) for one in found] == [
        ("1-0:1.8.1", False),
        ("1-0:1.8.2", False),
        ("1-0:1.8.0", True),
    ]
    assert [one.obis for one in interpret(TOPIC, tele(T1=1.5), mapping)] == ["1-0:1.8.1"]


@given(st.integers(0, 2**60), st.integers(0, 18))
def test_decimal_text_is_exact(number: int, places: int) -> None:
    text = f"{number // 10**places}.{number % 10**places:0{places}}" if places else str(number)
    read = amount(text, Unit.KWH)
    expected = number * 10**6 // 10**places
    assert read is None if expected >= 2**64 else (read is not None and read.value == expected)


def test_a_float_would_lose_what_text_keeps() -> None:
    exact = amount("30000.1234567", Unit.KWH)
    assert exact is not None and (exact.value, exact.resolution) == (30_000_123_456, 1)
    coarse = amount("2043", Unit.KWH)
    assert coarse is not None and coarse.resolution == 1_000_000


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"\xff\xfe{}", Problem.DAMAGED_FRAME),
        (b"[" * 60_000, Problem.DAMAGED_FRAME),
        (b'{"SML":' * 9_000, Problem.DAMAGED_FRAME),
        (b'{"SML":{"Total_in":1}' + b" " * 70_000 + b"}", Problem.DAMAGED_FRAME),
        (b'{"SML":{"Total_in":NaN,"Total_out":1}}', Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":-1}}', Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":null}}', Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":1e99}}', Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":' + b"9" * 5000 + b"}}", Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":"12,5"}}', Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":{"a":1}}}', Problem.BAD_VALUE),
        (b'{"SML":{"Total_in":1,"Total_in":2}}', Problem.CONFLICTING_VALUES),
        (b'{"A":{"Total_in":1},"B":{"Total_in":2}}', Problem.CONFLICTING_VALUES),
        (b'{"Time":"2026-10-24T14:00:00","DS18B20":{"Temperature":21.5}}', Problem.NO_IMPORT_REGISTER),
        (b"7", Problem.NO_IMPORT_REGISTER),
        (b"", Problem.DAMAGED_FRAME),
    ],
)
def test_what_cannot_be_used_is_said(payload: bytes, problem: Problem) -> None:
    found = interpret(TOPIC, payload, TASMOTA)
    assert problem in [one.problem for one in found]
    assert not any(one.obis == "1-0:1.8.0" and one.is_usable for one in found)


@pytest.mark.parametrize("topic", ["shellies/+/emeter/0/total", f"shellies/{'x' * 300}/emeter/0/total", "$SYS/SENSOR"])
def test_a_topic_that_no_broker_carries_is_passed_over(topic: str) -> None:
    line = json.dumps({"topic": topic, "payload": '{"SML":{"Total_in":1}}'}).encode() + b"\n"
    assert list(mqtt.observations(io.BytesIO(line))) == []


def test_a_name_that_a_device_sends_is_fit_to_be_shown() -> None:
    mapping = parse_mapping({"preset": "tasmota", "device": "hichi", "meter_path": "SML.Id"})
    (one, *_) = interpret(TOPIC, b'{"SML":{"Total_in":1,"Id":" \\u001b[31m1 \\ud800Z "}}', mapping)
    assert one.meter == "?[31m1 ?Z"
    capture = b'tele/a/SENSOR {"\\ud800":{"Total_in":1}}\n{"topic":"tele/\\ud800/SENSOR","payload":"{}"}\n'
    assert list(mqtt.observations(io.BytesIO(capture))) == []


@given(st.from_regex(LOCAL, fullmatch=True))
def test_no_time_is_an_exception(text: str) -> None:
    for zone in (None, zone_of("Europe/Berlin")):
        instant(text, TimeForm.ISO, zone)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_payload_is_an_exception(payload: bytes) -> None:
    for config in ({"preset": "esphome", "device": "a", "import": "b"}, {"preset": "shelly-gen2", "device": "a"}):
        mapping = parse_mapping(config)
        for topic in mapping.topics:
            interpret(topic, payload, mapping)
    interpret(TOPIC, payload, TASMOTA)
    list(mqtt.observations(io.BytesIO(payload)))
    mqtt.recognises(payload)


NO_TIMES = (
    "2026-10-25T02:30:00",
    "2026-03-29T02:30:00",
    "1970-01-01T00:00:12",
    "2026-01-01T00:00:00+99:00",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-12:00",
    "2026-02-30T00:00:00",
    "soon",
)


def test_time_of_the_device() -> None:
    def own(text: str, **rule: str) -> Observation:
        config = {"import": {"topic": "m", "path": "e", "unit": "kWh"}, "time": {"path": "t", **rule}}
        return interpret("m", json.dumps({"e": 1, "t": text}).encode(), parse_mapping(config))[0]

    assert own("2026-10-24T14:00:00.250+02:00").time_ms == NOON + 250
    assert own("2026-10-24T14:00:00", zone="Europe/Berlin").time_ms == NOON
    assert own("2026-10-24 12:00:00Z").time_ms == NOON
    assert own("1792843200.5", form="unix").time_ms == NOON + 500
    assert own("1792843200500", form="unix_ms").time_ms == NOON + 500
    # no zone; the hour that comes twice; the one that never was; a clock that was never set; no time at all
    for text in ("2026-10-24T14:00:00", *NO_TIMES):
        zone = {} if text.startswith("2026-10-24") else {"zone": "Europe/Berlin"}
        assert own(text, **zone).problem is Problem.BAD_TIME
    assert own("2026-10-25T02:30:00+01:00", zone="Europe/Berlin").is_usable


def test_what_waited_at_the_broker_is_no_reading_of_now() -> None:
    late = interpret(LATE + TOPIC, tele(Total_in=1, Total_out=2), TASMOTA)
    assert {one.problem for one in late} == {Problem.STALE}


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"preset": "tasmota"}, "device"),
        ({"preset": "fritz", "device": "a"}, "preset"),
        ({"preset": "own", "device": "a"}, "device"),
        ({"preset": "tasmota", "device": "a", "exprot": "x"}, "exprot"),
        ({"preset": "esphome", "device": "a"}, "import"),
        ({"power": {"topic": "a/p", "unit": "W"}}, "import"),
        ({"preset": "tasmota", "device": "a", "import": False, "export": False, "power": "Power_curr"}, "import"),
        ({"import": {"topic": "a/+", "unit": "kWh"}}, "import.topic"),
        ({"import": {"topic": "a/b"}}, "import.unit"),
        ({"import": {"topic": "a/b", "unit": "W"}}, "import.unit"),
        ({"import": {"topic": "a/b", "unit": "kWh", "factor": 10}}, "import.factor"),
        ({"import": {"topic": "a/b", "unit": "kWh"}, "time": {"path": "t", "zone": "Berlin"}}, "time.zone"),
        ({"import": [{"topic": "a/b", "unit": "kWh"}, {"topic": "a/b", "unit": "kWh"}]}, ""),
        ({"preset": "shelly-gen2", "device": "a", "component": "em:0"}, "component"),
        ({"preset": "shelly-gen1", "device": "a", "channels": [7]}, "channels"),
    ],
)
def test_a_mapping_that_cannot_be_used_names_the_key(config: dict[str, Any], where: str) -> None:
    with pytest.raises(BadMapping, match=r"^mapping" + (rf"\.{where}: " if where else ": ")):
        parse_mapping(config)


def test_every_preset_keeps_its_text() -> None:
    for name in PRESETS:
        config: dict[str, Any] = {"preset": name, "device": "a", "import": "b"}
        if name == "own":
            config = {"import": {"topic": "b", "unit": "Wh"}}
        if name == "shelly-gen1":
            del config["import"]
        mapping = parse_mapping(config)
        assert mapping_text(read_mapping(mapping_text(mapping))) == mapping_text(mapping)
    with pytest.raises(BadMapping):
        read_mapping('{"version":1}')


SEPARATE = parse_mapping({"preset": "esphome", "device": "m", "import": "in", "export": "out"})
IN, OUT = "m/sensor/in/state", "m/sensor/out/state"


def timeline(messages: list[tuple[int, str, bytes]], mapping: MeterMapping = SEPARATE) -> Timeline:
    records = [message_record(NOON + at, topic, payload) for at, topic, payload in messages]
    return register_timeline(records, mapping=mapping_text(mapping))


def sides(found: Timeline) -> list[tuple[int, int | None, int | None]]:
    return [
        (
            one.time_ms - NOON,
            one.registers.import_mwh if one.import_known else None,
            one.registers.export_mwh if one.export_known else None,
        )
        for one in found.samples
    ]


def test_separate_topics_are_samples_of_one_side() -> None:
    found = timeline([(0, IN, b"1.0"), (100, OUT, b"5.0"), (60_000, IN, b"1.6"), (60_100, OUT, b"5.0")])
    assert sides(found) == [
        (0, 1_000_000, None),
        (100, None, 5_000_000),
        (60_000, 1_600_000, None),
        (60_100, None, 5_000_000),
    ]


def test_a_day_from_separate_topics_is_whole_and_measured() -> None:
    """Every 30 s import, and export 300 ms later, from before midnight to after the next one."""
    day = 20_750
    first, count = Zone().first_slot(day), Zone().slot_count(day)
    start = first * SLOT_MS
    messages = [
        (at + lag, topic, b"%d.%03d" % divmod(base + (at - start) // 30_000 * step, 1000))
        for at in range(start - 60_000, start + count * SLOT_MS + 60_000, 30_000)
        for topic, base, step, lag in ((IN, 5_000_000, 3, 0), (OUT, 7_000_000, 1, 300))
    ]
    found = register_timeline([message_record(*message) for message in messages], mapping=mapping_text(SEPARATE))
    values = window_values(found.samples, first_slot=first, slot_count=count, position=0)
    assert isinstance(values, WindowValues)
    assert values.is_measured
    assert set(values.import_mwh) == {90_000}
    assert sum(values.export_mwh) == values.end.export_mwh - values.start.export_mwh == count * 30_000


def test_phases_on_topics_of_their_own_add_up() -> None:
    mapping = parse_mapping({"preset": "shelly-gen1", "device": "s", "channels": [0, 1, 2], "export": False})
    burst = [
        (at * 30_000 + 100 * c, f"shellies/s/emeter/{c}/total", b"%d.5" % (at + c)) for at in (0, 1) for c in range(3)
    ]
    found = timeline(burst, mapping)
    assert sides(found)[-1] == (30_200, 7_500, None)
    assert all(one[1] in (4_500, 5_500, 6_500, 7_500) for one in sides(found))


def test_a_device_that_knows_its_time_says_when_it_read() -> None:
    mapping = parse_mapping(
        {"import": {"topic": "m", "path": "e", "unit": "kWh"}, "time": {"path": "t", "form": "unix_ms"}}
    )
    found = timeline([(1500, "m", b'{"t":%d,"e":1.5}' % (NOON + 250)), (2500, "m", b'{"e":1.5}')], mapping)
    assert sides(found) == [(250, 1_500_000, None)]
    assert set(found.unused) == {"t is no certain time"}


@pytest.mark.parametrize(
    ("export", "sent", "expected"),
    [
        (False, ("Total_in",), 0),
        (True, ("Total_in", "Total_out"), 12_000_000),
        (True, ("Total_in",), Lack.NOT_SENT),
    ],
)
def test_a_register_is_zero_by_the_mapping_alone(
    tmp_path: Path, export: bool, sent: tuple[str, ...], expected: int | Lack
) -> None:
    """A meter without feed-in says `export = false`; a script that forgets the register does not cost its owner."""
    mapping = mapping_text(parse_mapping({"preset": "tasmota", "device": "hichi", "export": export}))
    shelf = Shelf(folder=tmp_path, position=0, mapping=mapping)
    first, count = Zone().first_slot(20_750), Zone().slot_count(20_750)
    at = range((first - 1) * SLOT_MS, (first + count + 2) * SLOT_MS, SLOT_MS)
    messages = [tele(**dict.fromkeys(sent, round(100 + number * 0.125, 3))) for number in range(len(at))]
    shelf.add([message_record(time, TOPIC, payload) for time, payload in zip(at, messages, strict=True)])
    values, _ = shelf.register_window(first, count, {})
    found = sum(values.export_mwh) if isinstance(values, WindowValues) else values.lack
    assert found == expected


def test_what_waited_gives_no_sample_but_is_named() -> None:
    both = {"Total_in": 1, "Total_out": 2}
    found = timeline([(0, LATE + TOPIC, tele(**both)), (60_000, TOPIC, tele(**both))], TASMOTA)
    assert sides(found) == [(60_000, 1_000_000, 2_000_000)]
    assert sum(found.unused.values()) == 1


def test_a_zero_after_a_restart_is_left_out() -> None:
    reboot = [(at * MINUTE, t, v) for at, v in enumerate((b"7.5", b"0", b"7.6")) for t in (IN, OUT)]
    assert all(one.registers.import_mwh or one.registers.export_mwh for one in timeline(reboot).samples)


def test_a_register_in_whole_kwh_is_a_locked_meter() -> None:
    whole = [(at * 15 * MINUTE, t, b"%d.000" % (5 + at)) for at in range(4) for t in (IN, OUT)]
    assert timeline(whole).locked
    assert not timeline(whole[:4]).locked


CAPTURE = (
    b'2026-10-24T14:00:00+0200 tele/hichi/SENSOR {"Time":"2026-10-24T13:59:58","SML":{"Total_in":1.5,"Total_out":2}}\n'
    b"2026-10-24T14:00:01+0200 tele/hichi/LWT Online\n"
    b"2026-10-24T14:00:02+0200 shellies/shellyem-B9/emeter/0/total 1234\n"
    b'1792843203.25 p3em/events/rpc {"method":"NotifyStatus","params":{"ts":1792843203.1,"emdata:0":{"total_act":5}}}\n'
    b'{"tst":"2026-10-24T14:00:04.500000Z+0200","topic":"p3em/status/em1data:1","qos":0,"retain":0,"payloadlen":1,'
    b'"payload":"{\\"id\\":1,\\"total_act_energy\\":7.5}"}\n'
    b'{"tst":"2026-10-24T14:00:05.000000+0200","topic":"p3em/status/em1data:1","qos":0,"retain":1,"payloadlen":1,'
    b'"payload":{"id":1,"total_act_energy":9.5}}\n'
    b'tele/attic/SENSOR {"Time":"2026-10-24T14:00:06","ENERGY":{"Total":3.25,"Power":12},"TempUnit":"C"}\n'
    b"tele/hichi/SENSOR {cut of"
)


def test_a_capture_shows_the_devices_that_presets_know() -> None:
    assert mqtt.recognises(CAPTURE)
    found = list(mqtt.observations(io.BytesIO(CAPTURE)))
    assert [(one.meter, one.obis, one.energy_mwh, one.time_ms, one.problem) for one in found if not one.power_mw] == [
        ("hichi", "1-0:1.8.0", 1_500_000, NOON, None),
        ("hichi", "1-0:2.8.0", 2_000_000, NOON, None),
        ("shellyem-B9/0", "1-0:1.8.0", 1_234_000, NOON + 2_000, None),
        ("p3em/emdata:0", "1-0:1.8.0", 5_000, NOON + 3_250, None),
        ("p3em/em1data:1", "1-0:1.8.0", 7_500, NOON + 4_500, None),
        ("p3em/em1data:1", "1-0:1.8.0", 9_500, None, Problem.STALE),
        ("attic", "1-0:1.8.0", 3_250_000, NOON + 6_000, None),
    ]
    assert [one.power_mw for one in found if one.power_mw] == [12_000]
    assert CAPTURE[found[2].position :].startswith(b"2026-10-24T14:00:02")


@pytest.mark.parametrize("topic", ["te\0le/attic/SENSOR", "+/attic/SENSOR", "tele/#/SENSOR", "$tele/attic/SENSOR"])
def test_a_topic_that_cannot_be_is_passed_over(topic: str) -> None:
    line = f'{topic} {{"Time":"2026-10-24T14:00:06","ENERGY":{{"Total":3.25,"Power":12}}}}\n'
    assert list(mqtt.observations(io.BytesIO(line.encode()))) == []


def test_an_offset_of_more_than_a_day_is_no_time() -> None:
    line = CAPTURE.splitlines(keepends=True)[6].replace(b'14:00:06"', b'14:00:06+32:00"')
    assert [one.time_ms for one in mqtt.observations(io.BytesIO(line))] == [None, None]


def test_a_capture_by_a_mapping() -> None:
    mapping = parse_mapping({"import": {"topic": "tele/attic/SENSOR", "path": "ENERGY.Total", "unit": "kWh"}})
    reader = mqtt.Mapped(mapping)
    assert reader.recognises(CAPTURE)
    assert not reader.recognises(b"tele/other/SENSOR {}\n")
    found = list(reader.observations(io.BytesIO(CAPTURE)))
    assert [(one.energy_mwh, one.time_ms) for one in found] == [(3_250_000, None)]


def test_what_is_no_capture_is_not_taken_for_one() -> None:
    for head in (
        b"",
        b"a,b,c\n1,2,3\n",
        b"UNA:+.? '\n",
        b"/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n",
        b"a/b 1\nc/d 2\n",
    ):
        assert not mqtt.recognises(head)

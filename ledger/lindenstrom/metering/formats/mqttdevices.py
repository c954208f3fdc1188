"""Which device a message is from, where a preset knows it by its topic and the names in its payload.

For captures, to see what a device sends. Nothing is settled by a guess: the adapter needs a mapping.
"""

from __future__ import annotations

import re
from typing import Any

from lindenstrom.metering.formats.mqttmapping import MeterMapping, parse_mapping
from lindenstrom.metering.formats.mqttpresets import REGISTERS, BadMapping, shelly_fields
from lindenstrom.metering.formats.mqttvalues import is_there, read_json

ZONE = "Europe/Berlin"
"""Of times without one, in captures alone."""
TASMOTA = re.compile(r"(?:.*/)?tele/(.+)/SENSOR|(.+)/tele/SENSOR|(?:.*/)?([^/]+)/SENSOR")
SHELLY_GEN1 = re.compile(r"(shellies/([^/]+)/emeter/(\d))/(total|total_returned|power)")
SHELLY_STATUS = re.compile(r"(.+)/status/((emdata|em1data|switch|pm1):\d{1,3})")
SHELLY_RPC = re.compile(r"(.+)/events/rpc")
ZIGBEE = re.compile(r"zigbee2mqtt/([^/]+)")
NAMES = (
    ("Total_in", "Total_out"),
    ("total_in", "total_out"),
    ("E_in", "E_out"),
    ("Energy_in", "Energy_out"),
    ("Verbrauch_Summe", "Einspeisung_Summe"),
    ("1_8_0", "2_8_0"),
)
"""Registers in kWh under the names that scripts in circulation give them."""
POWERS = ("Power_curr", "Power_cur", "power_curr", "Power", "16_7_0")
METERS = ("Meter_Number", "Meter_number", "Meter_Id", "Meter_id", "meter_id", "Zaehler_Nummer", "server_id", "SID")


def device_mapping(topic: str, payload: bytes) -> MeterMapping | None:
    """A mapping of the one topic, None if no preset knows the device, or if it names what no mapping can."""
    try:
        return _known_device(topic, payload)
    except BadMapping:
        return None


def _known_device(topic: str, payload: bytes) -> MeterMapping | None:
    gen1 = SHELLY_GEN1.fullmatch(topic)
    if gen1 is not None:
        return _gen1(topic, gen1)
    tasmota = TASMOTA.fullmatch(topic)
    status, rpc, zigbee = (form.fullmatch(topic) for form in (SHELLY_STATUS, SHELLY_RPC, ZIGBEE))
    if not any((tasmota, status, rpc, zigbee)):
        return None
    content = read_json(payload)
    if not isinstance(content, dict):
        return None
    if tasmota is not None:
        return _tasmota(topic, next(name for name in tasmota.groups() if name), content)
    if status is not None:
        return _component(topic, status[1], status[2], content, ())
    if rpc is not None:
        params = content.get("params")
        names = [key for key in params if key.partition(":")[0] in REGISTERS] if isinstance(params, dict) else []
        # one meter a topic: a device with more of them needs a mapping for each
        return _component(topic, rpc[1], names[0], content, ("params", names[0])) if len(names) == 1 else None
    assert zigbee is not None
    return _fields(topic, zigbee[1], content, ("energy",), ("produced_energy",), ("power",))


def _gen1(topic: str, match: re.Match[str]) -> MeterMapping | None:
    phase, name = 20 * int(match[3]), match[4]
    if name == "power":
        return None
    key, group = ("import", 1) if name == "total" else ("export", 2)
    single = match[2].startswith("shellyem-")
    obis = f"1-0:{group if single else 20 + phase + group}.8.0"
    device = f"{match[2]}/{match[3]}"
    return parse_mapping({key: {"topic": topic, "unit": "Wh", "obis": obis}, "meter": device})


def _tasmota(topic: str, device: str, content: dict[str, Any]) -> MeterMapping | None:
    for group, values in content.items():
        if not isinstance(values, dict) or not group.isprintable():
            continue
        if group == "ENERGY" and isinstance(values.get("Total"), str):
            pair = ("Total", "ExportActive")
        else:
            pair = next((pair for pair in NAMES if any(isinstance(values.get(name), str) for name in pair)), ("", ""))
        if not pair[0]:
            continue
        found = _fields(
            topic,
            device,
            content,
            (group, pair[0]),
            (group, pair[1]),
            (group, next((name for name in POWERS if name in values), "")),
            unit="kWh",
            meter_path=next(([group, name] for name in METERS if isinstance(values.get(name), str)), []),
            time={"path": "Time", "zone": ZONE, "use": "late"},
        )
        if found is not None:
            return found
    return None


def _component(
    topic: str, device: str, component: str, content: dict[str, Any], prefix: tuple[str, ...]
) -> MeterMapping | None:
    fields = {key: rows[0] for key, rows in shelly_fields(component, topic, prefix).items()}
    present = {key: row for key, row in fields.items() if is_there(content, row["path"])}
    if not present:
        return None
    time = {"time": {"path": "params.ts", "form": "unix", "use": "late"}} if prefix else {}
    return parse_mapping(
        {**{key.value: dict(row) for key, row in present.items()}, "meter": f"{device}/{component}", **time}
    )


def _fields(
    topic: str,
    device: str,
    content: dict[str, Any],
    *paths: tuple[str, ...],
    unit: str = "kWh",
    **more: Any,
) -> MeterMapping | None:
    present = {
        key: {"topic": topic, "path": list(path), "unit": "W" if key == "power" else unit}
        for key, path in zip(("import", "export", "power"), paths, strict=True)
        if path[-1] and is_there(content, path)
    }
    return parse_mapping({**present, "meter": device, **more}) if {"import", "export"} & set(present) else None

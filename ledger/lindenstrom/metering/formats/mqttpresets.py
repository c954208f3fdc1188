"""What well-known devices publish, so that a mapping needs little more than the device's name.

tasmota       tele/<device>/SENSOR {"Time":…,"SML":{"Total_in":…,"Total_out":…,"Power_curr":…}}, kWh, W. The script of
              the device names the group and the fields.
esphome       <device>/sensor/<object id>/state, a number alone, in kWh or Wh as configured there
shelly-gen1   shellies/<device>/emeter/<channel>/total, total_returned: a number alone, Wh
shelly-gen2   <device>/events/rpc {"method":"NotifyStatus","params":{"ts":…,"emdata:0":{"total_act":…}}}, Wh; the same
              for Gen3 and Gen4. Component em1data:<n> has total_act_energy, switch:<n> and pm1:<n> have aenergy.total.
              `via = "status"`: <device>/status/<component>, without a time.
zigbee2mqtt   zigbee2mqtt/<device> {"energy":…,"produced_energy":…}, kWh
own           nothing: everything is named
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lindenstrom.errors import UsageError
from lindenstrom.metering.formats.mqttvalues import ANY

Row = Mapping[str, Any]
COMPONENT = re.compile(r"(emdata|em1data|switch|pm1):\d{1,3}", re.ASCII)
REGISTERS = {
    "emdata": (("total_act",), ("total_act_ret",)),
    "em1data": (("total_act_energy",), ("total_act_ret_energy",)),
    "switch": (("aenergy", "total"), ("ret_aenergy", "total")),
    "pm1": (("aenergy", "total"), ("ret_aenergy", "total")),
}
"""Import and export register of a Shelly component."""
CHANNELS = 3


class Quantity(StrEnum):
    """What a field of a message is."""

    IMPORT = "import"
    EXPORT = "export"
    POWER = "power"


class BadMapping(UsageError):
    """A mapping of MQTT topics cannot be used."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"mapping{'.' * bool(where)}{where}: {what}; {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What stands where a configuration says nothing.

    fields: the parts of a quantity. unit: of a given energy field that has none. topic: of a given field that has none.
    shorthand: a field from a text alone. is_sparse: most messages of its topics have none of the fields.
    """

    name: str
    shorthand: Callable[[str], Row]
    options: Sequence[str] = ()
    fields: Mapping[Quantity, Sequence[Row]] = field(default_factory=dict)
    unit: str = ""
    topic: str = ""
    time: Row | None = None
    is_sparse: bool = False


def preset_of(content: Mapping[str, Any]) -> Preset:
    """The preset that a configuration names, `own` if none. Raises BadMapping."""
    name = content.get("preset", "own")
    make = PRESETS.get(name) if isinstance(name, str) else None
    if make is None:
        raise BadMapping("preset", "unknown", f"use one of {', '.join(PRESETS)}")
    device = content.get("device", "")
    if not isinstance(device, str) or bool(device.strip("/")) == (name == "own"):
        remedy = "leave it out" if name == "own" else "name the device as it stands in its topics"
        raise BadMapping("device", "missing, or not wanted here", remedy)
    return make(content, device.strip("/"))


def shelly_fields(component: str, topic: str, prefix: Sequence[str] = ()) -> dict[Quantity, Sequence[Row]]:
    """The registers of a Gen2 component in a topic."""
    paths = REGISTERS[component.partition(":")[0]]
    return {
        quantity: [{"topic": topic, "path": [*prefix, *path], "unit": "Wh"}]
        for quantity, path in zip((Quantity.IMPORT, Quantity.EXPORT), paths, strict=True)
    }


def _tasmota(content: Mapping[str, Any], device: str) -> Preset:
    group = _word(content, "group", ANY)
    topic = _word(content, "topic", f"tele/{device}/SENSOR")
    return Preset(
        name="tasmota",
        shorthand=lambda text: {"path": text if "." in text else [group, text]},
        options=("group", "topic", "zone"),
        fields={
            Quantity.IMPORT: [{"path": [group, "Total_in"]}],
            Quantity.EXPORT: [{"path": [group, "Total_out"]}],
        },
        unit="kWh",
        topic=topic,
        # it sends local time, often in a zone that nobody set: used for late messages alone, and if the zone is named
        time={"path": "Time", "form": "iso", "zone": _word(content, "zone", ""), "use": "late"},
    )


def _esphome(content: Mapping[str, Any], device: str) -> Preset:
    if not any(content.get(quantity) for quantity in Quantity):
        what = "ESPHome names its topics after the sensors, so there is no default"
        raise BadMapping("import", what, 'name the object id of the register, as in import = "energy_import"')
    return Preset(name="esphome", shorthand=lambda text: {"topic": _in(device, "sensor", text, "state")}, unit="kWh")


def _shelly_gen1(content: Mapping[str, Any], device: str) -> Preset:
    channels = content.get("channels", [0])
    if not isinstance(channels, list) or not channels or any(c not in range(CHANNELS) for c in channels):
        raise BadMapping("channels", "not a list of channels", "write [0] for one clamp, [0, 1, 2] for three phases")

    def parts(name: str, place: int) -> list[Row]:
        rows: list[Row] = []
        for channel in channels:
            # one clamp is the whole; of several each is a phase: 21, 41, 61 drawn, 22, 42, 62 fed in
            obis = {"obis": f"1-0:{20 * (channel + 1) + place}.8.0"} if len(channels) > 1 else {}
            rows.append({"topic": f"shellies/{device}/emeter/{channel}/{name}", **obis})
        return rows

    return Preset(
        name="shelly-gen1",
        shorthand=lambda text: {"topic": text if "/" in text else f"shellies/{device}/emeter/{channels[0]}/{text}"},
        options=("channels",),
        fields={Quantity.IMPORT: parts("total", 1), Quantity.EXPORT: parts("total_returned", 2)},
        unit="Wh",
    )


def _shelly_gen2(content: Mapping[str, Any], device: str) -> Preset:
    component, via = _word(content, "component", "emdata:0"), _word(content, "via", "rpc")
    if not COMPONENT.fullmatch(component):
        raise BadMapping("component", "unknown", "use emdata:0, em1data:0, switch:0 or pm1:0")
    if via not in ("rpc", "status"):
        raise BadMapping("via", "unknown", "use rpc (with the device's time) or status")
    topic = f"{device}/events/rpc" if via == "rpc" else f"{device}/status/{component}"
    prefix = ("params", component) if via == "rpc" else ()
    return Preset(
        name="shelly-gen2",
        shorthand=lambda text: {"path": [*prefix, *text.split(".")]},
        options=("component", "via"),
        fields=shelly_fields(component, topic, prefix),
        unit="Wh",
        topic=topic,
        time={"path": "params.ts", "form": "unix", "use": "late"} if via == "rpc" else None,
        is_sparse=via == "rpc",
    )


def _zigbee2mqtt(content: Mapping[str, Any], device: str) -> Preset:
    return Preset(
        name="zigbee2mqtt",
        shorthand=lambda text: {"path": text},
        fields={Quantity.IMPORT: [{"path": "energy"}], Quantity.EXPORT: [{"path": "produced_energy"}]},
        unit="kWh",
        topic=_in(_word(content, "base", "zigbee2mqtt"), device),
        options=("base",),
    )


def _own(_: Mapping[str, Any], __: str) -> Preset:
    return Preset(name="own", shorthand=lambda text: {"topic": text})


def _word(content: Mapping[str, Any], key: str, default: str) -> str:
    word = content.get(key, default)
    if not isinstance(word, str):
        raise BadMapping(key, "not a text", "write it in quotes")
    return word


def _in(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts)


PRESETS: dict[str, Callable[[Mapping[str, Any], str], Preset]] = {
    "tasmota": _tasmota,
    "esphome": _esphome,
    "shelly-gen1": _shelly_gen1,
    "shelly-gen2": _shelly_gen2,
    "zigbee2mqtt": _zigbee2mqtt,
    "own": _own,
}

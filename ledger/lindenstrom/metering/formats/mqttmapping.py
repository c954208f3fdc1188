"""Which MQTT topics hold a meter's registers: a mapping by configuration.

    preset = "tasmota"                     tasmota, esphome, shelly-gen1, shelly-gen2, zigbee2mqtt, own
    device = "hichi"                       the device's part of the topics
    import = "SML.Total_in"                a field: text, {topic, path, unit, obis}, a list of parts to add up, or false
    export = {path = "SML.Total_out", unit = "kWh"}
    time = {path = "Time", form = "iso", zone = "Europe/Berlin", use = "late"}

A preset fills in what is not given. The whole of it is kept as canonical JSON text, in which nothing is left to a
preset: a mapping does not change when a preset does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from lindenstrom.core.bundles import canonical_json
from lindenstrom.metering.formats.mqttpresets import BadMapping, Preset, Quantity, preset_of
from lindenstrom.metering.formats.mqttvalues import TimeForm, Unit, zone_of
from lindenstrom.metering.observation import OBIS_FORM

MAX_FIELDS = 24
MAX_TOPIC = 256
MAX_STEPS = 8
VERSION = 1


class Use(StrEnum):
    """When the device's own time counts instead of the time of receipt."""

    ALWAYS = "always"
    LATE = "late"
    """For messages alone that had waited at the broker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value: of a topic (without wildcards), at a path of its JSON payload (empty: the payload is the number).

    Several fields of one register are parts that add up to it. is_sparse: most messages of its topic lack it.
    """

    quantity: Quantity
    topic: str
    path: tuple[str, ...]
    unit: Unit
    obis: str
    is_sparse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRule:
    """Where a payload has its time. zone: of a time without one; empty if the payload's times have a zone."""

    path: tuple[str, ...]
    form: TimeForm
    zone: str
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterMapping:
    """The fields of one meter, and the time of its messages. meter: its name, where no `meter_path` gives it."""

    fields: tuple[Field, ...]
    time: TimeRule | None = None
    meter: str = ""
    meter_path: tuple[str, ...] = ()

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return tuple(sorted({field.topic for field in self.fields}))

    def in_topic(self, topic: str) -> tuple[Field, ...]:
        """The fields of a topic."""
        return tuple(field for field in self.fields if field.topic == topic)

    def of(self, quantity: Quantity) -> tuple[Field, ...]:
        """The parts of a quantity."""
        return tuple(field for field in self.fields if field.quantity is quantity)


TOTAL = {Quantity.IMPORT: "1-0:1.8.0", Quantity.EXPORT: "1-0:2.8.0", Quantity.POWER: "1-0:16.7.0"}


def parse_mapping(content: Mapping[str, Any]) -> MeterMapping:
    """A mapping from configuration. Raises BadMapping, which names the key."""
    if not isinstance(content, Mapping):
        raise BadMapping("", "not a table", 'write for example {preset = "tasmota", device = "hichi"}')
    preset = preset_of(content)
    keys = ("preset", "device", *preset.options, *Quantity, "time", "meter", "meter_path")
    unknown = sorted(set(content) - set(keys))
    if unknown:
        raise BadMapping(unknown[0], "not a key of this mapping", f"preset {preset.name} knows {', '.join(keys)}")
    time = content.get("time", preset.time)
    mapping = MeterMapping(
        fields=tuple(
            field
            for quantity in Quantity
            for field in _fields(preset, quantity, content.get(quantity, quantity in preset.fields))
        ),
        time=_time(time) if time else None,
        meter=_text("meter", content.get("meter", "")),
        meter_path=_path("meter_path", content.get("meter_path", [])),
    )
    return _checked(mapping)


def mapping_text(mapping: MeterMapping) -> str:
    """Canonical JSON text: the same mapping, the same text."""
    rule = mapping.time
    content: dict[str, Any] = {
        "version": VERSION,
        "fields": [
            {
                "quantity": field.quantity.value,
                "topic": field.topic,
                "path": list(field.path),
                "unit": field.unit.value,
                "obis": field.obis,
                "sparse": field.is_sparse,
            }
            for field in mapping.fields
        ],
        "time": rule and {"path": list(rule.path), "form": rule.form.value, "zone": rule.zone, "use": rule.use.value},
        "meter": mapping.meter,
        "meter_path": list(mapping.meter_path),
    }
    return canonical_json(content)


@lru_cache(maxsize=4096)
def read_mapping(text: str) -> MeterMapping:
    """The mapping of a canonical text. Raises BadMapping."""
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise BadMapping("", f"of version {content['version']}", "write it again with this program")
        rule = content["time"]
        return _checked(
            MeterMapping(
                fields=tuple(
                    Field(
                        quantity=Quantity(row["quantity"]),
                        topic=_topic("topic", row["topic"]),
                        path=_path("path", row["path"]),
                        unit=Unit(row["unit"]),
                        obis=str(row["obis"]),
                        is_sparse=bool(row["sparse"]),
                    )
                    for row in content["fields"]
                ),
                time=_time(rule) if rule else None,
                meter=str(content["meter"]),
                meter_path=_path("meter_path", content["meter_path"]),
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadMapping("", "not a mapping's text", "configure it again") from None


def _checked(mapping: MeterMapping) -> MeterMapping:
    if not mapping.of(Quantity.IMPORT) and not mapping.of(Quantity.EXPORT):
        what = "power alone cannot be settled" if mapping.of(Quantity.POWER) else "no register"
        raise BadMapping("import", what, "name the field of the meter's energy register (1.8.0, in kWh or Wh)")
    if len(mapping.fields) > MAX_FIELDS:
        raise BadMapping("", f"{len(mapping.fields)} fields", f"at most {MAX_FIELDS}")
    places = [(field.topic, field.path) for field in mapping.fields]
    if len(set(places)) < len(places):
        raise BadMapping("", "one field is named twice", "name each value once")
    codes = [field.obis for field in mapping.fields]
    if len(set(codes)) < len(codes):
        raise BadMapping("", "two fields have one OBIS code", "give each part its own, such as 1-0:1.8.1 and 1-0:1.8.2")
    return mapping


def _fields(preset: Preset, quantity: Quantity, given: Any) -> list[Field]:
    if given is False:
        return []
    parts = preset.fields.get(quantity) if given is True else given if isinstance(given, list) else [given]
    fields: list[Field] = []
    for number, part in enumerate(parts or [None], start=1):
        where = f"{quantity}[{number}]" if isinstance(given, list) else quantity.value
        row = preset.shorthand(part) if isinstance(part, str) else part
        if not isinstance(row, Mapping):
            raise BadMapping(where, "not a field", 'write {topic = "…", path = "…", unit = "kWh"}')
        unknown = sorted(set(row) - {"topic", "path", "unit", "obis"})
        if unknown:
            raise BadMapping(f"{where}.{unknown[0]}", "not a key of a field", "use topic, path, unit, obis")
        total = TOTAL[quantity] if len(parts or ()) < 2 else TOTAL[quantity][:-1] + str(number)
        unit = "W" if quantity is Quantity.POWER else preset.unit
        fields.append(
            Field(
                quantity=quantity,
                topic=_topic(f"{where}.topic", row.get("topic", preset.topic)),
                path=_path(f"{where}.path", row.get("path", [])),
                unit=_unit(f"{where}.unit", row.get("unit", unit), quantity),
                obis=_obis(f"{where}.obis", row.get("obis", total)),
                is_sparse=preset.is_sparse,
            )
        )
    return fields


def _time(given: Any) -> TimeRule:
    if not isinstance(given, Mapping) or set(given) - {"path", "form", "zone", "use"}:
        raise BadMapping(
            "time", "not a rule for the time", 'write {path = "Time", form = "iso", zone = "Europe/Berlin"}'
        )
    try:
        form = TimeForm(given.get("form", TimeForm.ISO))
        use = Use(given.get("use", Use.ALWAYS))
    except ValueError:
        raise BadMapping("time", "unknown form or use", "form is iso, unix or unix_ms; use is always or late") from None
    zone = _text("time.zone", given.get("zone", ""))
    if zone:
        try:
            zone_of(zone)
        except (KeyError, ValueError, OSError):
            raise BadMapping("time.zone", "not a zone", "write Europe/Berlin or +01:00") from None
    path = _path("time.path", given.get("path", []))
    if not path:
        raise BadMapping("time.path", "missing", "name the field of the payload that holds the time")
    return TimeRule(path=path, form=form, zone=zone, use=use)


def _text(where: str, given: Any) -> str:
    if not isinstance(given, str) or len(given) > MAX_TOPIC:
        raise BadMapping(where, "not a text, or too long", f"write a text of at most {MAX_TOPIC} characters")
    return given


def _topic(where: str, given: Any) -> str:
    topic = _text(where, given)
    if not topic or any(sign in topic for sign in "+#\0") or topic.startswith("$"):
        raise BadMapping(where, "not the topic of one value", "name the topic in full, without + and #")
    return topic


def _path(where: str, given: Any) -> tuple[str, ...]:
    steps = [step for step in given.split(".") if step] if isinstance(given, str) else given
    if not isinstance(steps, list) or len(steps) > MAX_STEPS or not all(isinstance(step, str) for step in steps):
        raise BadMapping(where, "not a path", f'write "SML.Total_in", or a list of at most {MAX_STEPS} keys')
    return tuple(steps)


def _unit(where: str, given: Any, quantity: Quantity) -> Unit:
    try:
        unit = Unit(given)
    except ValueError:
        unit = None
    if unit is None or unit.is_energy != (quantity is not Quantity.POWER):
        known = ", ".join(u for u in Unit if u.is_energy != (quantity is Quantity.POWER))
        raise BadMapping(where, "no unit, or not one of this quantity", f"write one of {known}")
    return unit


def _obis(where: str, given: Any) -> str:
    if not isinstance(given, str) or not OBIS_FORM.fullmatch(given):
        raise BadMapping(where, "not an OBIS code", "write for example 1-0:1.8.0")
    return given

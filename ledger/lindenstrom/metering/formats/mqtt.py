"""MQTT messages: what a device publishes about a meter, by a mapping of its topics; and captures of a broker.

A message is interpreted alone here; import and export that come on topics of their own are put together by
`lindenstrom.metering.messages`.

A capture has a line a message, as `mosquitto_sub` writes them: `-F '%I %t %p'`, `-F '%U %t %p'`, `-F %j`,
`-F %J` or `-v`. Devices that a preset knows are recognised in it; for all others a mapping is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from lindenstrom.metering.formats.mqttdevices import device_mapping
from lindenstrom.metering.formats.mqttmapping import Field, MeterMapping, TimeRule, Use
from lindenstrom.metering.formats.mqttpresets import Quantity
from lindenstrom.metering.formats.mqttvalues import (
    AMBIGUOUS,
    LOCAL,
    MAX_PAYLOAD,
    Digits,
    TimeForm,
    amount,
    found,
    instant,
    is_there,
    read_json,
    zone_of,
)
from lindenstrom.metering.observation import Observation, Problem

NAME = "mqtt"
LATE = "$late/"
"""Before the topic of a message that had waited at the broker: when it was sent is not known. No client may publish
to such a topic."""
MAX_LINE = 2 * MAX_PAYLOAD
LOOK_AT = 40
TOPIC = re.compile(r"[^\s{}\"$+#,;=<>][^\s{}\"+#,;<>]*/[^\s{}\"+#,;<>]+")
STAMPED = re.compile(
    rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s]*|\d{9,10}(?:\.\d{1,9})?)[ \t]+(\S+)[ \t](.*)", re.DOTALL
)
PLAIN = re.compile(rb"(\S+)[ \t](.*)", re.DOTALL)


def interpret(topic: str, payload: bytes, mapping: MeterMapping, *, position: int = 0) -> list[Observation]:
    """What a message says; nothing if the mapping has no field in it. Never raises, whatever the payload is.

    time_ms: the device's own, None where it sends none, or none that the mapping can place; the caller knows when the
    message was received.
    """
    name = topic.removeprefix(LATE)
    fields = mapping.in_topic(name)
    if not fields:
        return []
    empty = Observation(format=NAME, position=position, meter=mapping.meter)
    if len(payload) > MAX_PAYLOAD:
        return [replace(empty, problem=Problem.DAMAGED_FRAME, detail=f"longer than {MAX_PAYLOAD} bytes")]
    is_json = any(field.path for field in fields) or mapping.time is not None or bool(mapping.meter_path)
    content = read_json(payload) if is_json else None
    if content is None:
        if any(field.path for field in fields):
            return [replace(empty, problem=Problem.DAMAGED_FRAME, detail="not JSON in UTF-8")]
        content = Digits(payload[:64].decode("latin-1"))
    empty = _stamped(replace(empty, meter=_meter(content, mapping)), content, mapping.time)
    result = [
        _observation(empty, field, found(content, field.path)) for field in fields if is_there(content, field.path)
    ]
    if not any(field.quantity is not Quantity.POWER and is_there(content, field.path) for field in fields):
        if all(field.is_sparse or field.quantity is Quantity.POWER for field in fields):
            return result
        missing = ", ".join(".".join(field.path) for field in fields if field.quantity is not Quantity.POWER)
        return [*result, replace(empty, problem=Problem.NO_IMPORT_REGISTER, detail=f"without {missing}")]
    result += _sums(result, fields, mapping)
    if topic != name:
        result = [_late(one, mapping.time) for one in result]
    return result


def recognises(head: bytes) -> bool:
    """Whether a file is a capture of messages, with a device among them that a preset knows."""
    if b"\0" in head:
        return False
    lines = [line for line in head.split(b"\n")[:LOOK_AT] if line.strip()]
    messages = [message for line in lines if (message := _message(line)) is not None]
    return 2 * len(messages) > len(lines) and any(device_mapping(m.topic, m.payload) is not None for m in messages)


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read a capture of devices that presets know. Never raises."""
    known: dict[str, MeterMapping | None] = {}

    def mapping_of(topic: str, payload: bytes) -> MeterMapping | None:
        if known.get(topic) is None and len(known) < 10_000:
            known[topic] = device_mapping(topic, payload)
        return known.get(topic)

    yield from _read(stream, mapping_of)


class Mapped:
    """Reads captures by a mapping; messages of other topics are passed over."""

    NAME = NAME

    def __init__(self, mapping: MeterMapping) -> None:
        self._mapping = mapping

    def recognises(self, head: bytes, /) -> bool:
        """Whether a file has a line that is a message of one of the topics."""
        messages = [_message(line) for line in head.split(b"\n")]
        return any(message is not None and self._mapping.in_topic(message.topic) for message in messages)

    def observations(self, stream: BinaryIO, /) -> Iterator[Observation]:
        """Read a capture. Never raises."""
        yield from _read(stream, lambda topic, _: self._mapping if self._mapping.in_topic(topic) else None)


def _read(stream: BinaryIO, mapping_of: Callable[[str, bytes], MeterMapping | None]) -> Iterator[Observation]:
    position, is_ours = 0, False
    while line := stream.readline(MAX_LINE):
        start, position = position, position + len(line)
        if not line.strip():
            continue
        is_whole = line.endswith(b"\n")
        message = _message(line.rstrip(b"\r\n"))
        if message is None:
            # a line more of another topic's payload, or what is cut off at either end, is nobody's fault
            if is_whole and is_ours:
                yield Observation(
                    format=NAME, position=start, problem=Problem.DAMAGED_FRAME, detail="not a line of a capture"
                )
            continue
        mapping = mapping_of(message.topic, message.payload)
        is_ours = mapping is not None
        if mapping is None:
            continue
        for one in interpret(message.topic, message.payload, mapping, position=start):
            if not is_whole and one.problem is Problem.DAMAGED_FRAME:
                continue
            yield _received(one, message, mapping.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    topic: str
    payload: bytes
    time_ms: int | None
    is_retained: bool = False


def _message(line: bytes) -> _Message | None:
    """A line of a capture."""
    if line.startswith(b"{"):
        return _json_message(line)
    stamped = STAMPED.fullmatch(line)
    if stamped is not None:
        topic, payload, time_ms = stamped[2], stamped[3], _clock(stamped[1].decode("latin-1"))
    else:
        plain = PLAIN.fullmatch(line)
        if plain is None:
            return None
        topic, payload, time_ms = plain[1], plain[2], None
    name = topic.decode("utf-8", "replace")
    return _Message(topic=name, payload=payload, time_ms=time_ms) if TOPIC.fullmatch(name) else None


def _json_message(line: bytes) -> _Message | None:
    content = read_json(line)
    if not isinstance(content, dict) or not isinstance(content.get("topic"), str) or "payload" not in content:
        return None
    return _Message(
        topic=content["topic"],
        payload=_payload(line, content["payload"]),
        time_ms=_clock(str(content.get("tst", ""))),
        is_retained=content.get("retain") in ("1", True),
    )


def _payload(line: bytes, payload: Any) -> bytes:
    """The payload that a JSON line holds: as text (%j), or as JSON of its own (%J), which is taken as it stands."""
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogatepass")
    _, _, rest = line.partition(b'"payload":')
    return rest.strip().removesuffix(b"}")


def _clock(text: str) -> int | None:
    if LOCAL.fullmatch(text):
        return instant(text, TimeForm.ISO, None)
    return instant(text, TimeForm.UNIX, None)


def _received(one: Observation, message: _Message, rule: TimeRule | None) -> Observation:
    """The observation with the time of its receipt, unless its own counts."""
    is_own = rule is not None and rule.use is Use.ALWAYS
    if message.is_retained and one.is_usable and not is_own:
        detail = "kept by the broker from an earlier time"
        return replace(one, problem=Problem.STALE, detail=detail)
    if is_own or message.time_ms is None:
        return one
    return replace(one, time_ms=message.time_ms)


def _meter(content: Any, mapping: MeterMapping) -> str:
    if not mapping.meter_path:
        return mapping.meter
    name = found(content, mapping.meter_path)
    if not isinstance(name, str) or not name.strip():
        return mapping.meter
    # what a device sends is shown to people: no control characters, no half surrogates
    return "".join(sign if sign.isprintable() else "?" for sign in name.strip()[:64])


def _stamped(empty: Observation, content: Any, rule: TimeRule | None) -> Observation:
    if rule is None:
        return empty
    text = found(content, rule.path)
    time_ms = instant(text, rule.form, zone_of(rule.zone) if rule.zone else None)
    if time_ms is not None:
        return replace(empty, time_ms=time_ms)
    if rule.use is Use.ALWAYS:
        problem = Problem.NO_TIME if text is None else Problem.BAD_TIME
        return replace(empty, problem=problem, detail=f"{'.'.join(rule.path)} is no certain time")
    return empty


def _observation(empty: Observation, field: Field, value: Any) -> Observation:
    where = ".".join(field.path) or "payload"
    one = replace(empty, obis=field.obis)
    if value is AMBIGUOUS:
        detail = f"{where} is there more than once"
        return replace(one, problem=Problem.CONFLICTING_VALUES, detail=detail)
    read = amount(value, field.unit)
    if read is None or (read.value < 0 and field.quantity is not Quantity.POWER):
        return replace(one, problem=Problem.BAD_VALUE, detail=f"{where} is no number that a register can hold")
    if field.quantity is Quantity.POWER:
        return replace(one, power_mw=read.value)
    return replace(one, energy_mwh=read.value, resolution_mwh=read.resolution)


def _sums(parts: list[Observation], fields: tuple[Field, ...], mapping: MeterMapping) -> Iterator[Observation]:
    """Totals of what comes in parts, where one message has them all."""
    for quantity, total in ((Quantity.IMPORT, "1-0:1.8.0"), (Quantity.EXPORT, "1-0:2.8.0")):
        wanted = mapping.of(quantity)
        codes = {field.obis for field in wanted}
        ours = [one for one in parts if one.obis in codes and one.is_usable and one.energy_mwh is not None]
        if len(wanted) < 2 or len(ours) < len(wanted) or any(field not in fields for field in wanted):
            continue
        yield replace(
            ours[0],
            obis=total,
            energy_mwh=sum(one.energy_mwh or 0 for one in ours),
            resolution_mwh=max(one.resolution_mwh or 1 for one in ours),
            summed=True,
        )


def _late(one: Observation, rule: TimeRule | None) -> Observation:
    if one.problem is not None or (rule is not None and rule.use is Use.ALWAYS):
        return one
    detail = "had waited at the broker, and when it was sent is not known"
    return replace(one, problem=Problem.STALE, detail=detail, time_ms=None)

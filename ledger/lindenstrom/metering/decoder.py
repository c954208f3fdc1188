"""Interprets the telegrams and messages of one meter's journal, each by the reader of its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lindenstrom.metering import rules
from lindenstrom.metering.formats import dsmr
from lindenstrom.metering.formats import sml as sml_format
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.messages import Message, message_of, readings_of
from lindenstrom.metering.readings import Reading, reading_of
from lindenstrom.metering.streams import Frame

Made = Reading | Message


class Decoder:
    """Decodes frames; counts in `unused` why one gives nothing. mapping: of an MQTT meter, as in its set-up."""

    def __init__(self, *, mapping: str, unused: Counter[str]) -> None:
        self.mapping = mapping
        self.unused = unused

    def read(self, frame: Frame) -> Made | None:
        """Return what a frame says of registers, or None."""
        made = self._made(frame)
        if isinstance(made, str):
            self.unused[made] += 1
            return None
        return made

    def readings(self, made: Iterable[Made]) -> list[Reading]:
        """Return what was made of frames as readings in order of receipt, messages put together."""
        readings: list[Reading] = []
        messages: list[Message] = []
        for one in made:
            if isinstance(one, Message):
                messages.append(one)
            else:
                readings.append(one)
        if messages:
            readings += readings_of(messages, _parts(self.mapping), self.unused)
        return sorted(readings, key=lambda reading: reading.order)

    def _made(self, frame: Frame) -> Made | str:
        if frame.kind is Kind.MQTT:
            return self._message(frame)
        decode = sml_format.of_telegram if frame.kind is Kind.SML else dsmr.decode_telegram
        return reading_of(decode(frame.data, 0), time_ms=frame.time_ms, order=frame.order)

    def _message(self, frame: Frame) -> Message | str:
        from lindenstrom.metering.formats.mqtt import interpret
        from lindenstrom.metering.formats.mqttmapping import Use, read_mapping
        from lindenstrom.metering.formats.mqttpresets import BadMapping

        try:
            mapping = read_mapping(self.mapping)
        except BadMapping:
            return rules.NO_DECODER
        found = interpret(frame.topic, frame.data, mapping)
        # the device's own time is that of its reading only if the mapping says so
        is_own = mapping.time is not None and mapping.time.use is Use.ALWAYS
        own_ms = next((one.time_ms for one in found if one.time_ms is not None), None) if is_own else None
        return message_of(found, time_ms=frame.time_ms if own_ms is None else own_ms, order=frame.order)


def _parts(mapping: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the codes whose registers add up to import, and to export."""
    from lindenstrom.metering.formats.mqttmapping import read_mapping
    from lindenstrom.metering.formats.mqttpresets import Quantity

    known = read_mapping(mapping)
    imported, exported = (
        frozenset(field.obis for field in known.of(quantity)) for quantity in (Quantity.IMPORT, Quantity.EXPORT)
    )
    return imported, exported

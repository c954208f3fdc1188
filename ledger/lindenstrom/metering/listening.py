"""What a live line gives, at a glance: bytes, whole telegrams, damaged ones. For health and for `adapter check`.

Settlement reads the journal; what is heard here decides nothing and is forgotten at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from lindenstrom.metering.formats.dsmr import decode_telegram
from lindenstrom.metering.formats.mqtt import interpret
from lindenstrom.metering.formats.mqttmapping import MeterMapping
from lindenstrom.metering.formats.sml import SmlReader
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.observation import Observation, Problem
from lindenstrom.metering.telegrams import TelegramCutter
from lindenstrom.metering.timeline import message_of


class Ear:
    """Turns the pieces of one line into observations as soon as a telegram is whole."""

    def __init__(self, kind: Kind, mapping: MeterMapping | None = None) -> None:
        self._kind, self._mapping = kind, mapping
        self._sml, self._text = SmlReader(), TelegramCutter()

    def feed(self, payload: bytes) -> list[Observation]:
        """What the telegrams say that end in this piece (as a journal has it)."""
        if self._kind is Kind.SML:
            return list(self._sml.feed(payload))
        if self._kind is Kind.DSMR:
            return [one for telegram in self._text.feed(payload) for one in decode_telegram(telegram)]
        if self._mapping is None:
            return []
        topic, message = message_of(Record(kind=self._kind, time_ms=0, payload=payload))
        return interpret(topic, message, self._mapping)


class Heard:
    """What came of one meter so far. Times in unix ms, 0 for never. No value is kept.

    meters: of the newest telegrams, as the devices name themselves: for whoever stands before them, never for a log.
    """

    def __init__(self) -> None:
        self.pieces = self.received_bytes = self.telegrams = self.damaged = 0
        self.last_bytes_ms = self.last_telegram_ms = 0
        self.locked = False
        self.meters: list[str] = []

    def note(self, time_ms: int, payload: bytes, said: Iterable[Observation]) -> None:
        """Count a piece and what it completed."""
        self.pieces += 1
        self.received_bytes += len(payload)
        self.last_bytes_ms = time_ms
        registers = [one for one in said if one.energy_mwh is not None or one.problem is not None]
        if any(one.problem is Problem.DAMAGED_FRAME for one in registers):
            self.damaged += 1
        usable = [one for one in registers if one.energy_mwh is not None and one.span_s == 0]
        if not usable:
            return
        self.telegrams += len({one.position for one in usable})
        self.last_telegram_ms = time_ms
        self.locked = all(one.problem is Problem.PIN_LOCKED for one in usable)
        for meter in dict.fromkeys(one.meter for one in usable if one.meter not in self.meters):
            self.meters = [*self.meters[-3:], meter]

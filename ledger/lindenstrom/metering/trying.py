"""Listening to a source once, for the person who stands before the meter: what comes, and what it looks like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lindenstrom.metering.events import said
from lindenstrom.metering.formats.mqttmapping import MeterMapping
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.listening import Ear, Heard
from lindenstrom.metering.observation import Observation, Problem
from lindenstrom.metering.sources import LiveSource, SerialSource

SAMPLE_BYTES = 65_536
LINES = ((9600, 8, "N"), (9600, 7, "E"), (115_200, 8, "N"), (19_200, 8, "N"), (300, 7, "E"), (2400, 8, "E"))
"""Speed, bits and parity that meters use: SML, D0, P1 4 and 5, some gateways, D0 before its speed is agreed, M-Bus."""
QUIET_S = 4.0


class Sound(StrEnum):
    """What a source gives."""

    METER = "meter"
    LOCKED = "locked"
    NO_REGISTER = "no-register"
    OTHER_FORMAT = "other-format"
    BYTES = "bytes"
    NOTHING = "nothing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was heard of the meter at a position.

    meters: as the devices name themselves. better: settings of a serial line (baud, bits, parity) that give telegrams.
    other: the format that the bytes are of. why: of a source that could not be opened.
    """

    position: int
    name: str
    sound: Sound
    seconds: int = 0
    received_bytes: int = 0
    damaged: int = 0
    resolution_mwh: int = 0
    meters: tuple[str, ...] = ()
    obis: tuple[str, ...] = ()
    better: tuple[int, int, str] | None = None
    other: str = ""
    why: str = ""


async def try_source(
    source: LiveSource, kinds: Mapping[int, Kind], mappings: Mapping[int, MeterMapping], seconds: float
) -> tuple[Tried, ...]:
    """Listen to a source until each of its meters gave a telegram, for so long at most. Never raises."""
    first = await _listen(source, kinds, mappings, seconds)
    if isinstance(source, SerialSource) and first[0].sound is Sound.BYTES:
        for baud, bits, parity in LINES:
            if (baud, bits, parity) == (source.baud, source.data_bits, source.parity):
                continue
            other = replace(source, baud=baud, data_bits=bits, parity=parity)
            (again,) = await _listen(other, kinds, mappings, QUIET_S)
            if again.sound in (Sound.METER, Sound.LOCKED, Sound.OTHER_FORMAT):
                return (replace(first[0], better=(baud, bits, parity), other=again.other, meters=again.meters),)
    return first


async def _listen(
    source: LiveSource, kinds: Mapping[int, Kind], mappings: Mapping[int, MeterMapping], seconds: float
) -> tuple[Tried, ...]:
    ears = {position: Ear(kinds[position], mappings.get(position)) for position in source.positions}
    heard = {position: Heard() for position in source.positions}
    saying: dict[int, list[Observation]] = {position: [] for position in source.positions}
    samples: dict[int, bytearray] = {position: bytearray() for position in source.positions}
    enough = asyncio.Event()

    def sink(position: int, _kind: Kind, time_ms: int, payload: bytes, /) -> asyncio.Future[None]:
        told = ears[position].feed(payload)
        heard[position].note(time_ms, payload, told)
        saying[position] += told[: max(0, 1000 - len(saying[position]))]
        samples[position] += payload[: max(0, SAMPLE_BYTES - len(samples[position]))]
        if all(one.telegrams for one in heard.values()):
            enough.set()
        # never done: a broker must keep what is only looked at here
        return asyncio.get_running_loop().create_future()

    began, why = time.monotonic(), ""
    run = asyncio.ensure_future(source.run(sink, asyncio.Event()))
    wait = asyncio.ensure_future(enough.wait())
    await asyncio.wait({run, wait}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in (run, wait):
        task.cancel()
    found = (await asyncio.gather(run, wait, return_exceptions=True))[0]
    if isinstance(found, Exception):
        why = said(found) or getattr(found, "strerror", None) or type(found).__name__
    took = int(time.monotonic() - began)
    return tuple(
        _tried(
            position,
            source.name,
            kinds[position],
            heard[position],
            saying[position],
            bytes(samples[position]),
            why,
            took,
        )
        for position in source.positions
    )


def _tried(
    position: int,
    name: str,
    kind: Kind,
    heard: Heard,
    saying: Sequence[Observation],
    sample: bytes,
    why: str,
    took: int,
) -> Tried:
    registers = [one for one in saying if one.energy_mwh is not None and one.span_s == 0]
    base = Tried(
        position=position, name=name, sound=Sound.NOTHING, seconds=took, received_bytes=heard.received_bytes,
        damaged=heard.damaged, meters=tuple(heard.meters), why=why,
        obis=tuple(dict.fromkeys(one.obis for one in registers)),
        resolution_mwh=min((one.resolution_mwh or 1 for one in registers), default=0),
    )  # fmt: skip
    if heard.telegrams:
        return replace(base, sound=Sound.LOCKED if heard.locked else Sound.METER)
    if any(one.problem is Problem.NO_IMPORT_REGISTER for one in saying):
        return replace(base, sound=Sound.NO_REGISTER)
    if sample:
        other = _other_format(kind, sample)
        return replace(base, sound=Sound.OTHER_FORMAT if other else Sound.BYTES, other=other)
    return replace(base, sound=Sound.CLOSED if why else Sound.NOTHING)


def _other_format(kind: Kind, sample: bytes) -> str:
    """What else the bytes of a line are telegrams of."""
    for other in {Kind.SML, Kind.DSMR} - {kind}:
        if kind is not Kind.MQTT and any(one.energy_mwh is not None for one in Ear(other).feed(sample)):
            return other.name.lower()
    return ""

"""From a journal to what it says: register samples of an SML or register meter, values of an interval meter.

Always from the whole journal, so that the same journal gives the same values, however often and in whatever pieces it
is read. Of an SML stream only the first and last good telegram of each quarter-hour are decoded: the boundaries need
no others, and decoding costs a millisecond each.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering import sml
from lindenstrom.metering.csvfile import SlotValue
from lindenstrom.metering.intervals import SLOT_MS, DeclaredBreak, Sample
from lindenstrom.metering.journal import Kind, Record

REGISTER_PAIR = struct.Struct(">QQ")
INTERVAL = struct.Struct(">IIB")
BREAK = struct.Struct(">QQQQ")
READING = struct.Struct(">BQQ")
TOPIC_LENGTH = struct.Struct(">H")
IMPORT_KNOWN, EXPORT_KNOWN, SUBSTITUTE = 1, 2, 4

LOCKED = "from a locked meter: whole kWh only"
ONE_SIDED = "without one of the registers that other telegrams of this meter have"
CLOCK_BACK = "received while the clock had been set back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A meter's register samples in order of time, declared breaks, and what could not be used: reason → count.

    `locked`: whether the newest telegram that has registers came from a locked meter.
    """

    samples: tuple[Sample, ...]
    breaks: tuple[DeclaredBreak, ...]
    unused: Mapping[str, int]
    locked: bool


def register_record(sample: Sample) -> Record:
    """Return the journal record of a register reading."""
    pair = sample.registers
    payload = REGISTER_PAIR.pack(pair.import_mwh, pair.export_mwh)
    return Record(kind=Kind.REGISTERS, time_ms=sample.time_ms, payload=payload)


def reading_record(
    *, time_ms: int, import_mwh: int | None = None, export_mwh: int | None = None, substitute: bool = False
) -> Record:
    """Return the journal record of one reading that has a time of its own; None: the source did not say.

    substitute: its source calls it estimated or a substitute value.
    """
    flags = (
        (IMPORT_KNOWN if import_mwh is not None else 0)
        | (EXPORT_KNOWN if export_mwh is not None else 0)
        | (SUBSTITUTE if substitute else 0)
    )
    return Record(kind=Kind.READING, time_ms=time_ms, payload=READING.pack(flags, import_mwh or 0, export_mwh or 0))


def stream_record(kind: Kind, time_ms: int, data: bytes) -> Record:
    """Return the journal record of bytes received on a serial line, SML or DSMR."""
    return Record(kind=kind, time_ms=time_ms, payload=data)


def message_record(time_ms: int, topic: str, payload: bytes) -> Record:
    """Return the journal record of an MQTT message as received."""
    name = topic.encode()
    return Record(kind=Kind.MQTT, time_ms=time_ms, payload=TOPIC_LENGTH.pack(len(name)) + name + payload)


def message_of(record: Record) -> tuple[str, bytes]:
    """Return topic and payload of an MQTT record."""
    start = TOPIC_LENGTH.size + TOPIC_LENGTH.unpack_from(record.payload)[0]
    return record.payload[TOPIC_LENGTH.size : start].decode("utf-8", "replace"), record.payload[start:]


def interval_record(values: Sequence[SlotValue]) -> Record:
    """Return the journal record of consecutive quarter-hours."""
    payload = b"".join(INTERVAL.pack(value.import_mwh, value.export_mwh, value.status) for value in values)
    return Record(kind=Kind.INTERVALS, time_ms=values[0].slot * SLOT_MS, payload=payload)


def break_record(declared: DeclaredBreak) -> Record:
    """Return the journal record of a declared break."""
    old, new = declared.old_end, declared.new_start
    payload = BREAK.pack(old.import_mwh, old.export_mwh, new.import_mwh, new.export_mwh)
    return Record(kind=Kind.BREAK, time_ms=declared.time_ms, payload=payload)


def register_timeline(records: Iterable[Record]) -> Timeline:
    """Return the samples that SML telegrams and register readings of a journal give, and its declared breaks.

    Of breaks declared for one instant the last counts; one without a jump withdraws what was declared before.
    """
    stream = bytearray()
    ends: list[int] = []
    times: list[int] = []
    samples: dict[int, Sample] = {}
    breaks: dict[int, DeclaredBreak] = {}
    for record in records:
        if record.kind is Kind.SML:
            stream += record.payload
            ends.append(len(stream))
            times.append(record.time_ms)
        elif record.kind is Kind.REGISTERS:
            imported, exported = REGISTER_PAIR.unpack(record.payload)
            pair = Registers(import_mwh=imported, export_mwh=exported)
            samples[record.time_ms] = Sample(time_ms=record.time_ms, registers=pair)
        elif record.kind is Kind.BREAK:
            old_in, old_out, new_in, new_out = BREAK.unpack(record.payload)
            breaks[record.time_ms] = DeclaredBreak(
                time_ms=record.time_ms,
                old_end=Registers(import_mwh=old_in, export_mwh=old_out),
                new_start=Registers(import_mwh=new_in, export_mwh=new_out),
            )
    unused: Counter[str] = Counter()
    readings = _decoded(bytes(stream), ends, times, unused)
    locked = bool(readings) and readings[-1][1].locked
    for time_ms, reading in _usable(readings, unused):
        pair = Registers(import_mwh=reading.import_mwh or 0, export_mwh=reading.export_mwh or 0)
        samples[time_ms] = Sample(time_ms=time_ms, registers=pair, meter=reading.meter)
    return Timeline(
        samples=tuple(samples[time] for time in sorted(samples)),
        breaks=tuple(breaks[time] for time in sorted(breaks) if breaks[time].old_end != breaks[time].new_start),
        unused={reason: count for reason, count in unused.items() if count},
        locked=locked,
    )


def interval_values(records: Iterable[Record]) -> dict[int, SlotValue]:
    """Return the quarter-hour values of a journal by slot; what was accepted last counts."""
    values: dict[int, SlotValue] = {}
    for record in records:
        if record.kind is Kind.INTERVALS:
            for slot, fields in enumerate(INTERVAL.iter_unpack(record.payload), record.time_ms // SLOT_MS):
                imported, exported, status = fields
                values[slot] = SlotValue(slot=slot, import_mwh=imported, export_mwh=exported, status=Status(status))
    return values


def _decoded(
    stream: bytes, ends: Sequence[int], times: Sequence[int], unused: Counter[str]
) -> list[tuple[int, sml.RegisterReading]]:
    """Return (receive time, reading) of the first and last good telegram of each quarter-hour, in order of receipt.

    A telegram's time is that of the chunk that completes it.
    """
    groups: list[list[tuple[int, sml.Span]]] = []
    for span in sml.scan(stream):
        if span.problem:
            unused[span.problem] += 1
            continue
        time_ms = times[bisect_left(ends, span.end)]
        if not groups or groups[-1][0][0] // SLOT_MS != time_ms // SLOT_MS:
            groups.append([])
        groups[-1].append((time_ms, span))
    readings: list[tuple[int, sml.RegisterReading]] = []
    for group in groups:
        first = _first_good(stream, group, unused)
        if first is None:
            continue
        index, reading = first
        readings.append((group[index][0], reading))
        rest = group[index + 1 :][::-1]
        last = _first_good(stream, rest, unused)
        if last is not None:
            readings.append((rest[last[0]][0], last[1]))
    return readings


def _first_good(
    stream: bytes, group: Sequence[tuple[int, sml.Span]], unused: Counter[str]
) -> tuple[int, sml.RegisterReading] | None:
    for index, (_, span) in enumerate(group):
        try:
            return index, sml.decode_frame(stream[span.start : span.end])
        except sml.FrameError as problem:
            unused[str(problem)] += 1
    return None


def _usable(
    readings: Sequence[tuple[int, sml.RegisterReading]], unused: Counter[str]
) -> list[tuple[int, sml.RegisterReading]]:
    """Return the readings in order of time, without those of a locked meter, one-sided ones and clock steps back."""
    open_ones = [(time, reading) for time, reading in readings if not reading.locked]
    unused[LOCKED] += len(readings) - len(open_ones)
    # a meter may have one register only; a telegram of a two-way meter that lacks one says nothing about it
    sides: dict[bytes, tuple[bool, bool]] = {}
    for _, reading in open_ones:
        known = sides.get(reading.meter, (False, False))
        sides[reading.meter] = (
            known[0] or reading.import_mwh is not None,
            known[1] or reading.export_mwh is not None,
        )
    full = [
        (time, reading)
        for time, reading in open_ones
        if sides[reading.meter] == (reading.import_mwh is not None, reading.export_mwh is not None)
    ]
    unused[ONE_SIDED] += len(open_ones) - len(full)
    ordered = sorted(enumerate(full), key=lambda item: (item[1][0], item[0]))
    result: list[tuple[int, sml.RegisterReading]] = []
    newest = -1
    for index, (time, reading) in ordered:
        if result and index < newest and _fell(result[-1][1], reading):
            # received earlier, yet stamped later and lower: the clock was set back between the two
            unused[CLOCK_BACK] += 1
            continue
        newest = max(newest, index)
        if result and result[-1][0] == time:
            result.pop()
        result.append((time, reading))
    return [(time, replace(reading, sec_index=None)) for time, reading in result]


def _fell(before: sml.RegisterReading, after: sml.RegisterReading) -> bool:
    return before.meter == after.meter and (
        (after.import_mwh or 0) < (before.import_mwh or 0) or (after.export_mwh or 0) < (before.export_mwh or 0)
    )

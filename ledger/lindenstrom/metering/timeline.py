"""From a journal to what it says: register samples of a stream or register meter.

Always from all records given, so that the same journal gives the same values, however often and in whatever pieces it
is read. Streams are read record by record, and only the telegrams that boundaries need are decoded (`streams`).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lindenstrom.core.packs import Registers
from lindenstrom.metering.decoder import Decoder, Made
from lindenstrom.metering.intervals import DeclaredBreak, Sample
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.plausible import TimedValues, without_excursions
from lindenstrom.metering.readings import samples_of
from lindenstrom.metering.streams import Frame, Splitter, picks, split_message

STREAM_KINDS = frozenset({Kind.SML, Kind.DSMR, Kind.MQTT})
REGISTER_PAIR = struct.Struct(">QQ")
BREAK = struct.Struct(">QQQQ")
READING = struct.Struct(">BQQ")
TOPIC_LENGTH = struct.Struct(">H")
IMPORT_KNOWN, EXPORT_KNOWN, SUBSTITUTE = 1, 2, 4


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
    return split_message(record.payload)


def break_record(declared: DeclaredBreak) -> Record:
    """Return the journal record of a declared break."""
    old, new = declared.old_end, declared.new_start
    payload = BREAK.pack(old.import_mwh, old.export_mwh, new.import_mwh, new.export_mwh)
    return Record(kind=Kind.BREAK, time_ms=declared.time_ms, payload=payload)


def register_timeline(
    records: Iterable[Record], *, mapping: str = "", modulus_mwh: int = 0, limit_w: int = 0
) -> Timeline:
    """Return the samples that the streams and readings of a journal give, and its breaks.

    Of breaks declared for one instant the last counts; one without a jump withdraws what was declared before. Two
    readings at one instant may show a swap that nobody declared. mapping, modulus_mwh, limit_w: as in the set-up.
    """
    unused: Counter[str] = Counter()
    values = TimedValues()
    breaks: dict[int, DeclaredBreak] = {}
    decoder = Decoder(mapping=mapping, unused=unused)
    frames = _frames(records, values, breaks, unused)
    chosen: Iterable[tuple[Frame, Made | None]] = picks(frames, decoder.read)
    readings = decoder.readings([made for _, made in chosen if made is not None])
    locked = bool(readings) and readings[-1].locked
    timed, swaps = values.samples(unused)
    samples = {sample.time_ms: sample for sample in [*timed, *samples_of(readings, unused)]}
    declared = {swap.time_ms: swap for swap in swaps} | breaks
    standing = [declared[time] for time in sorted(declared) if declared[time].old_end != declared[time].new_start]
    kept = without_excursions(
        [samples[time] for time in sorted(samples)], standing, modulus_mwh=modulus_mwh, limit_w=limit_w, unused=unused
    )
    return Timeline(
        samples=tuple(kept),
        breaks=tuple(standing),
        unused={reason: count for reason, count in unused.items() if count},
        locked=locked,
    )


def _frames(
    records: Iterable[Record], values: TimedValues, breaks: dict[int, DeclaredBreak], unused: Counter[str]
) -> Iterator[Frame]:
    """Yield the whole telegrams and messages of records; note values and breaks on the way."""
    splitter = Splitter(unused=unused)
    for record in records:
        if record.kind in STREAM_KINDS:
            yield from splitter.feed(record)
        elif record.kind is Kind.REGISTERS:
            values.add(record.time_ms, REGISTER_PAIR.unpack(record.payload), substitute=False)
        elif record.kind is Kind.READING:
            flags, imported, exported = READING.unpack(record.payload)
            pair = (imported if flags & IMPORT_KNOWN else None, exported if flags & EXPORT_KNOWN else None)
            values.add(record.time_ms, pair, substitute=bool(flags & SUBSTITUTE))
        elif record.kind is Kind.BREAK:
            old_in, old_out, new_in, new_out = BREAK.unpack(record.payload)
            breaks[record.time_ms] = DeclaredBreak(
                time_ms=record.time_ms,
                old_end=Registers(import_mwh=old_in, export_mwh=old_out),
                new_start=Registers(import_mwh=new_in, export_mwh=new_out),
            )
    splitter.close()

"""Thin a stream's journal to the telegrams that its quarter-hours rest on: 30 MB of a day become some 300 kB.

What is kept is what `streams.picks` takes, so the same is taken from it again. What stands before the end of the first
whole telegram and behind the end of the last one stays as it is: a telegram may go on in the next day's file.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lindenstrom.metering.decoder import Decoder, Made
from lindenstrom.metering.journal import Journal, Kind, Record, records_of, sync_folder
from lindenstrom.metering.storage import storing
from lindenstrom.metering.streams import Frame, Splitter, picks

PART = ".part"
TAIL = 64
"""Bytes of a telegram's end by which it is found in the record that completes it."""


def thin_file(path: Path, mapping: str) -> int:
    """Thin one journal of a raw stream; return by how many bytes it shrank. Repeatable, whole or not at all.

    Raises JournalBusy, JournalDamaged, DiskFull, DiskReadOnly, DiskFailed.
    """
    with Journal(path):  # nobody writes meanwhile
        kept = _kept(path, mapping)
        part = path.with_name(path.name + PART)
        with storing(part):
            part.unlink(missing_ok=True)
        with Journal(part) as journal:
            journal.append(kept)
        saved = path.stat().st_size - part.stat().st_size
        with storing(path):
            if saved > 0:
                part.rename(path)
            else:
                part.unlink()
            sync_folder(path.parent)
    return max(saved, 0)


def _kept(path: Path, mapping: str) -> list[Record]:
    decoder = Decoder(mapping=mapping, unused=Counter())
    completed_by = array("L")
    """Number of the record that completes each frame, by the frame's order less one."""

    ends = [b"", b""]

    def frames() -> Iterator[Frame]:
        splitter = Splitter(unused=Counter())
        for number, record in enumerate(records_of(path)):
            for frame in splitter.feed(record):
                if not completed_by or completed_by[0] == number:
                    ends[0] = frame.data[-TAIL:]
                ends[1] = frame.data[-TAIL:]
                completed_by.append(number)
                yield frame

    chosen: list[tuple[Frame, Made | None]] = sorted(picks(frames(), decoder.read), key=lambda pick: pick[0].order)
    if not completed_by:
        return list(records_of(path))
    first, last = completed_by[0], completed_by[-1]
    by_record: dict[int, list[Frame]] = {}
    for frame, _ in chosen:
        by_record.setdefault(completed_by[frame.order - 1], []).append(frame)
    kept: list[Record] = []
    for number, record in enumerate(records_of(path)):
        mine = by_record.get(number, [])
        if record.kind is Kind.MQTT:
            kept += [record] if mine else []
        elif number < first or number > last or first == last:
            kept.append(record)
        elif number == first:
            kept.append(replace(record, payload=record.payload[: _end(record, ends[0])]))
        else:
            kept += [replace(record, payload=frame.data) for frame in mine]
            if number == last and (rest := record.payload[_end(record, ends[1]) :]):
                kept.append(replace(record, payload=rest))
    return kept


def _end(record: Record, tail: bytes) -> int:
    """Return where the telegram with this tail ends in the record that completes it."""
    for size in range(min(len(tail), len(record.payload)), 0, -1):
        at = record.payload.rfind(tail[-size:])
        if at == 0 or (at > 0 and size == len(tail)):
            return at + size
    return 0

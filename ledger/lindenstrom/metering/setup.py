"""A reader's set-up: which community it reads for, and which meter is at which position, from when to when.

Kept as `reader.json` in the reader's folder:

    {"community":"0x…","reader":0,"depth":12,"offset_hours":1,
     "meters":[{"position":0,"meter":"0x…","source":"sml","metering_point":"","from_day":0,"end_day":4294967295,
                "modulus_mwh":0,"mapping":"","fuse_a":63}]}

The metering point is needed for interval files alone; it never leaves the folder. `modulus_mwh` is where the meter's
registers start again at 0, if that is known; else 0. `mapping` says, as JSON text, which MQTT topics hold the
registers, empty for every other source. `fuse_a` is the fuse per phase of the connection: what three phases of it
cannot carry is no reading; 0 asks for no such check (a meter behind transformers).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any

from lindenstrom.core.bundles import canonical_json
from lindenstrom.core.calendar import OPEN_END, Zone
from lindenstrom.mailbox import make_folder
from lindenstrom.metering.errors import FolderError
from lindenstrom.metering.journal import sync_folder

SETUP_NAME = "reader.json"
HOUSE_FUSE_A = 63
"""A house connection's fuse per phase, three phases."""
MAX_FUSE_A = 10_000
PHASES, VOLTS = 3, 253
"""Of the low-voltage grid, 253 V being 10 % above 230 V (EN 50160)."""


class Source(StrEnum):
    """What form a meter's data comes in."""

    SML = "sml"
    REGISTERS = "registers"
    INTERVALS = "intervals"
    DSMR = "dsmr"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSetup:
    """A meter (32-byte id, as in its binding) at a position of the reader's tree on days [from_day, end_day)."""

    position: int
    meter: bytes
    source: Source
    metering_point: str = ""
    from_day: int = 0
    end_day: int = OPEN_END
    modulus_mwh: int = 0
    mapping: str = ""
    fuse_a: int = HOUSE_FUSE_A

    @property
    def limit_w(self) -> int:
        """Power that the connection cannot exceed for a quarter-hour, W; 0 for no limit.

        A fuse carries 1.25 times its rating for an hour and more (gG, IEC 60269-1).
        """
        return self.fuse_a * PHASES * VOLTS * 5 // 4

    def is_live(self, window: int) -> bool:
        """Return whether the meter is at its position on a day."""
        return self.from_day <= window < self.end_day


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSetup:
    """A reader (index in the Registry) of a community (32-byte id, trees of `depth`) with its meters."""

    community: bytes
    reader: int
    depth: int
    zone: Zone
    meters: tuple[MeterSetup, ...]

    def live(self, window: int) -> tuple[MeterSetup, ...]:
        """Return the meters of a day by position."""
        return tuple(sorted((m for m in self.meters if m.is_live(window)), key=lambda meter: meter.position))


def read_setup(folder: Path) -> ReaderSetup:
    """Return the set-up in a reader's folder. Raises FolderError."""
    path = folder / SETUP_NAME
    try:
        content = json.loads(path.read_bytes())
        return _check(path, _from_json(content))
    except OSError:
        raise FolderError(path, "there is no readable set-up", "name a reader's folder, or set one up") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FolderError(path, "not a reader's set-up", "restore it from a backup") from None


def write_setup(folder: Path, setup: ReaderSetup) -> None:
    """Keep a set-up in a reader's folder, created if need be.

    A known meter may only get another end, modulus, mapping or fuse.

    Raises FolderError if meters overlap, or if the folder belongs to another reader or has meters that this lacks.
    """
    path = folder / SETUP_NAME
    _check(path, setup)
    make_folder(folder)
    if path.exists():
        old = read_setup(folder)
        if (old.community, old.reader, old.depth, old.zone) != (
            setup.community,
            setup.reader,
            setup.depth,
            setup.zone,
        ):
            raise FolderError(path, "belongs to another reader or community", "use a folder of its own for each")
        kept = {_identity(meter) for meter in setup.meters}
        if any(_identity(meter) not in kept for meter in old.meters):
            raise FolderError(path, "has a meter that the new set-up lacks", "end it by its end_day, do not remove it")
    part = folder / f".{SETUP_NAME}.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(canonical_json(_to_json(setup)))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_folder(folder)


def _check(path: Path, setup: ReaderSetup) -> ReaderSetup:
    for meter in setup.meters:
        if not 0 <= meter.position < 2**setup.depth:
            raise FolderError(path, f"position {meter.position} is outside the tree", f"use 0..{2**setup.depth - 1}")
        if (meter.source is Source.INTERVALS) != bool(meter.metering_point):
            what = f"position {meter.position}: a metering point is needed for interval files, and for them alone"
            raise FolderError(path, what, "correct source or metering_point")
        if (meter.source is Source.MQTT) != bool(meter.mapping):
            what = f"position {meter.position}: a mapping of topics is needed for MQTT, and for it alone"
            raise FolderError(path, what, "correct source or mapping")
        if not 0 <= meter.fuse_a <= MAX_FUSE_A:
            raise FolderError(path, f"position {meter.position}: no fuse has {meter.fuse_a} A", f"use 0..{MAX_FUSE_A}")
    for a, b in combinations(setup.meters, 2):
        clash = a.position == b.position or a.meter == b.meter
        clash = clash or bool(a.metering_point and a.metering_point == b.metering_point)
        if clash and a.from_day < b.end_day and b.from_day < a.end_day:
            what = f"positions {a.position} and {b.position} share a position, meter or metering point on the same days"
            raise FolderError(path, what, "end one before the other begins")
    return setup


def _identity(meter: MeterSetup) -> tuple[int, bytes, Source, str, int]:
    return meter.position, meter.meter, meter.source, meter.metering_point, meter.from_day


def _to_json(setup: ReaderSetup) -> dict[str, Any]:
    return {
        "community": "0x" + setup.community.hex(),
        "reader": setup.reader,
        "depth": setup.depth,
        "offset_hours": setup.zone.offset_hours,
        "meters": [
            {
                "position": meter.position,
                "meter": "0x" + meter.meter.hex(),
                "source": meter.source.value,
                "metering_point": meter.metering_point,
                "from_day": meter.from_day,
                "end_day": meter.end_day,
                "modulus_mwh": meter.modulus_mwh,
                "mapping": meter.mapping,
                "fuse_a": meter.fuse_a,
            }
            for meter in setup.meters
        ],
    }


def _from_json(content: Any) -> ReaderSetup:
    return ReaderSetup(
        community=_id(content["community"]),
        reader=int(content["reader"]),
        depth=int(content["depth"]),
        zone=Zone(offset_hours=int(content["offset_hours"])),
        meters=tuple(
            MeterSetup(
                position=int(row["position"]),
                meter=_id(row["meter"]),
                source=Source(row["source"]),
                metering_point=str(row["metering_point"]),
                from_day=int(row["from_day"]),
                end_day=int(row["end_day"]),
                modulus_mwh=int(row.get("modulus_mwh", 0)),
                mapping=str(row.get("mapping", "")),
                fuse_a=int(row.get("fuse_a", HOUSE_FUSE_A)),
            )
            for row in content["meters"]
        ),
    )


def _id(text: str) -> bytes:
    return int(text, 16).to_bytes(32, "big")

"""Reader folders for tests: a home with one SML meter, a metering operator with many interval meters.

As a program (`folders.py <folder> <mailbox> <chain> <step>`) it takes in and processes a home's day, and kills itself
when the named step begins.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lindenstrom.chain.batches import SignedAnchor, Skip
from lindenstrom.core.calendar import Zone
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.journal import Journal
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.metering.smlwriter import sml_telegram

ZONE = Zone()
DAY = 20_750
KEY = bytes(31) + b"\x07"
COMMUNITY = bytes(range(32))
NOW = ZONE.window_end(DAY + 10)
SERVER = b"\x0a\x01MTR\x00\x00\x00\x00\x01"


def meter(number: int) -> bytes:
    return hashlib.sha256(b"meter %d" % number).digest()


def randomness(n: int) -> bytes:
    """Not random: runs are to be comparable."""
    return hashlib.sha256(b"month key").digest()[:n]


def home_setup() -> ReaderSetup:
    setup = MeterSetup(position=5, meter=meter(5), source=Source.SML)
    return ReaderSetup(community=COMMUNITY, reader=3, depth=12, zone=ZONE, meters=(setup,))


def operator_setup(count: int) -> ReaderSetup:
    meters = tuple(
        MeterSetup(position=at, meter=meter(at), source=Source.INTERVALS, metering_point=f"DE{at:05}")
        for at in range(count)
    )
    return ReaderSetup(community=COMMUNITY, reader=0, depth=12, zone=ZONE, meters=meters)


def telegrams(window: int = DAY, step: int = 300) -> list[tuple[int, bytes]]:
    """SML bytes of a day and a bit before and after, a telegram every `step` seconds, some near each quarter-hour."""
    begin, end = ZONE.window_start(window) - 5, ZONE.window_end(window) + 600
    return [
        (
            time * 1000 + time % 7 * 100,
            sml_telegram(
                server_id=SERVER,
                sec_index=time - begin,
                import_mwh=10**9 + (time - ZONE.window_start(DAY - 5)) * 100,
                export_mwh=5 * 10**8 + (time - ZONE.window_start(DAY - 5)) // 3 * 100,
            ),
        )
        for time in range(begin, end, step)
    ]


def interval_file(path: Path, setup: ReaderSetup, windows: Sequence[int], skip: Sequence[str] = ()) -> Path:
    """An interval file of some days; `skip` names `point/slot index` that it lacks."""
    lines = ["metering_point,slot_start,import_kwh,export_kwh,status"]
    for window in windows:
        first = ZONE.first_slot(window)
        for one in setup.meters:
            for index in range(ZONE.slot_count(window)):
                if f"{one.metering_point}/{index}" not in skip:
                    start = datetime.fromtimestamp((first + index) * 900, tz=UTC).isoformat()
                    lines.append(f"{one.metering_point},{start},0.{one.position + index:06},0.1,measured")
    path.write_text("\n".join(lines) + "\n")
    return path


class FileChain:
    """Stands for the chain: keeps roots by (reader, window, revision) in a file; the same root again is a no-op."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = 0

    def roots(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found

    def anchor(self, records: Sequence[SignedAnchor]) -> dict[int, Skip]:
        self.calls += 1
        roots = self.roots()
        for record in records:
            name = f"{record.act.reader}/{record.act.window}/{record.act.revision}"
            assert roots.setdefault(name, record.act.root.hex()) == record.act.root.hex()
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(roots))
        part.rename(self.path)
        return {}


def run_home(folder: Path, mailbox: Path, chain: Path, on_step: Callable[[str], None]) -> None:
    """A home's run from the first telegram to the anchored root; to be repeated after any interruption."""
    adapter = Adapter.create(folder, home_setup(), random=randomness, on_step=on_step)
    frames = telegrams()
    for start in range(0, len(frames), 40):
        on_step(f"import {start}")
        adapter.import_sml(5, frames[start : start + 40])
    adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=mailbox, anchorer=FileChain(chain))
    on_step("end")


def main() -> None:
    folder, mailbox, chain, wanted = sys.argv[1:]

    def kill_at(step: str) -> None:
        if step == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    original = Journal.append
    if wanted == "torn":

        def torn(self: Journal, records: object) -> None:
            original(self, records)  # type: ignore[arg-type]
            size = os.fstat(self._handle).st_size
            os.ftruncate(self._handle, size - 11)
            os.kill(os.getpid(), signal.SIGKILL)

        Journal.append = torn  # type: ignore[method-assign,assignment]
    run_home(Path(folder), Path(mailbox), Path(chain), kill_at)


if __name__ == "__main__":
    main()

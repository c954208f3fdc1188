"""meter read: what a captured meter sends, without a home or a chain."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from lindenstrom.core.units import format_kwh
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import UnreadableFile
from lindenstrom_cli.render import Result, table

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One telegram's registers."""

    seconds: int | None
    import_mwh: int | None
    export_mwh: int | None
    resolution_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Bytes of which no reading came."""

    start: int
    end: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Result):
    """What a file of SML telegrams holds."""

    SCHEMA: ClassVar[str] = "meter-capture"
    file: Path
    telegrams: int
    locked: bool
    readings: tuple[Reading, ...]
    unused: tuple[Unused, ...]
    shown: int

    def lines(self) -> Iterable[str]:
        """Summary, readings, and what could not be used."""
        yield text(
            "meter.read", file=self.file, telegrams=self.telegrams, readings=len(self.readings), unused=len(self.unused)
        )
        if self.locked:
            yield text("meter.locked")
        rows = [
            ("–" if r.seconds is None else str(r.seconds), _kwh(r.import_mwh), _kwh(r.export_mwh))
            for r in self.readings[: self.shown]
        ]
        if rows:
            head = (text("meter.seconds"), text("meter.import"), text("meter.export"))
            yield from table(head, rows, right=frozenset({0, 1, 2}))
        else:
            yield text("meter.none")
        for span in self.unused[: self.shown]:
            yield text("meter.unused", start=span.start, end=span.end, problem=span.problem)
        left_out = sum(max(0, len(part) - self.shown) for part in (self.readings, self.unused))
        if left_out:
            yield text("meter.rows_left_out", count=left_out)


def _kwh(register_mwh: int | None) -> str:
    return "–" if register_mwh is None else format_kwh(register_mwh, 4)


@command(None, "read", "meter read capture.bin")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Show every reading, not only the first ten.")
def read(session: Session, file: Path, everything: bool) -> Capture:  # noqa: ARG001 - every command takes its session
    """Decode a capture of SML telegrams and print its registers. Needs no community, and changes nothing."""
    from lindenstrom.metering.sml import decode

    report = decode(file.read_bytes())
    if not report.complete:
        raise UnreadableFile(file, "a capture of SML telegrams (none with start and end mark in it)")
    readings = tuple(
        Reading(seconds=r.sec_index, import_mwh=r.import_mwh, export_mwh=r.export_mwh, resolution_mwh=r.resolution_mwh)
        for r in report.readings
    )
    unused = tuple(Unused(start=s.start, end=s.end, problem=s.problem) for s in report.unused)
    shown = max(len(readings), len(unused)) if everything else SHOWN
    return Capture(
        file=file, telegrams=report.complete, locked=report.locked, readings=readings, unused=unused, shown=shown
    )

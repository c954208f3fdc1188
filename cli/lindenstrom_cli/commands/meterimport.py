"""meter import: files of readings into a reader's journals."""

import csv
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from lindenstrom.errors import CouldNotCheck, ExitCode
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import UnreadableFile, message_and_hint
from lindenstrom_cli.readers import milliseconds, open_adapter
from lindenstrom_cli.render import Result, wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported(Result):
    """What files brought into a reader's journals. unread: files of which nothing or not all could be read."""

    SCHEMA: ClassVar[str] = "import"
    added: int
    late: int
    outside: int
    unknown: int
    older: int
    unread: int
    unused: dict[str, int]
    unfit: dict[str, int]

    @property
    def exit_code(self) -> ExitCode:
        """5 if a file could not be read, else 6 if some of what was read is unfit, else 0."""
        if self.unread:
            return ExitCode.COULD_NOT_CHECK
        return ExitCode.REFUSED if self.unfit else ExitCode.OK

    def lines(self) -> Iterable[str]:
        """Counts, and what was not taken."""
        yield text("meter.imported", added=self.added)
        for name in ("late", "outside", "unknown", "older"):
            if count := getattr(self, name):
                yield text(f"meter.{name}", count=count)
        yield from (text("meter.not_used", count=count, reason=reason) for reason, count in self.unused.items())
        for problem, count in self.unfit.items():
            yield text("meter.unfit", count=count, code=problem)
            yield from wrapped(text(f"problem.{problem}"))


@command(
    None,
    "import",
    "meter import 2026-06-03.csv --reader street",
    "meter import mscons-2026-06-03.txt --reader street",
    "meter import taf7.xml --reader roof --position 0",
    "meter import capture.bin --reader roof --position 0 --received 2026-06-03T12:00:00Z",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reader", "alias", required=True, metavar="ALIAS", help="The reader of these meters.")
@click.option("--position", type=click.IntRange(0), help="The meter, for a file of registers or of SML telegrams.")
@click.option("--meter", "device", default="", metavar="ID", help="Which of several meters of the file is meant.")
@click.option("--format", "form", default="", metavar="NAME", help="Take the files for this format.")
@click.option(
    "--layout", "layout_", metavar="NAME|FILE", help="Read tables by this layout: ready-made, or a TOML file."
)
@click.option("--received", metavar="TIME", help="When SML telegrams were received (they carry no time of day).")
@click.option(
    "--times",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="When each piece of them was: CSV of received_ms,bytes, as `simulate` writes it.",
)
def import_(
    session: Session,
    files: tuple[Path, ...],
    alias: str,
    position: int | None,
    device: str,
    form: str,
    layout_: str | None,
    received: str | None,
    times: Path | None,
) -> Imported:
    """Take readings into a reader's journal; importing a file again changes nothing.

    Files of any format that `meter read` knows. Each is kept as it came before it is read. Quarter-hours go to the
    meters bound for their metering points; registers, as of TAF 7, to the meter at --position. Of several messages
    for a quarter-hour the newest counts. With --received or --times: one capture of SML telegrams.
    """
    from lindenstrom.metering.layout import find_layout

    adapter = open_adapter(session, alias)
    layout = find_layout(layout_) if layout_ else None
    reports = []
    unread = 0
    for file in files:
        if position is not None and (received is not None or times is not None):
            data = file.read_bytes()
            pieces = [(milliseconds(received), data)] if received else _pieces(data, times)
            reports.append(adapter.import_sml(position, pieces))
            continue
        try:
            with session.bar(file.stat().st_size, text("progress.import")) as progress:
                reports.append(
                    adapter.import_file(
                        file,
                        now=int(time.time()),
                        position=position,
                        device=device,
                        form=form,
                        layout=layout,
                        progress=progress,
                    )
                )
        except CouldNotCheck as error:
            unread += 1
            session.renderer.error(*message_and_hint(error))
    unused: Counter[str] = Counter()
    unfit: Counter[str] = Counter()
    for report in reports:
        unused.update(report.unused)
        unfit.update(report.unfit)
    return Imported(
        added=sum(r.added for r in reports),
        late=sum(r.late for r in reports),
        outside=sum(r.outside for r in reports),
        unknown=sum(r.unknown for r in reports),
        older=sum(r.older for r in reports),
        unread=unread,
        unused=dict(unused),
        unfit=dict(unfit),
    )


def _pieces(data: bytes, times: Path | None) -> list[tuple[int, bytes]]:
    """Cut a capture into what was received at a time. Raises UnreadableFile."""
    assert times is not None
    found: list[tuple[int, bytes]] = []
    start = 0
    with times.open(newline="", encoding="ascii", errors="replace") as file:
        rows = csv.reader(file)
        if next(rows, None) != ["received_ms", "bytes"]:
            raise UnreadableFile(times, "a list of receipts (received_ms,bytes)")
        for row in rows:
            if len(row) != 2 or not all(field.isascii() and field.isdigit() and len(field) < 16 for field in row):
                raise UnreadableFile(times, "a list of receipts (received_ms,bytes)")
            end = start + int(row[1])
            found.append((int(row[0]), data[start:end]))
            start = end
    if start != len(data):
        raise UnreadableFile(times, "the list of receipts of that capture: their bytes are not as many")
    return found

"""meter read: what a file of meter data holds, or why it cannot be read; without a home or a chain."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import click

from lindenstrom.core.units import format_kwh
from lindenstrom.errors import ExitCode, LindenstromError
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import CATALOGUE, text
from lindenstrom_cli.errors import OptionWithoutEffect, message_and_hint
from lindenstrom_cli.mappings import mapping_in
from lindenstrom_cli.render import Renderer, Result, Stream, table, wrapped
from lindenstrom_cli.tally import MeterTally, RegisterTally, Tally

if TYPE_CHECKING:
    from lindenstrom.metering.formats.mqttmapping import MeterMapping
    from lindenstrom.metering.layout import Layout
    from lindenstrom.metering.observation import Observation, Reader

SHOWN = 10
STANDARD_INPUT = "-"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Stream):
    """What files of meter data hold, read while it is shown."""

    SCHEMA: ClassVar[str] = "meter-observations"
    files: tuple[str, ...]
    format: str | None
    layout: "Layout | None"
    mapping: "MeterMapping | None"
    everything: bool
    renderer: Renderer
    _codes: list[ExitCode] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """5 if a file gave nothing, else 6 if something in one is unfit, else 0."""
        order = (ExitCode.COULD_NOT_CHECK, ExitCode.REFUSED)
        return next((code for code in order if code in self._codes), ExitCode.OK)

    def records(self) -> Iterator[Mapping[str, Any]]:
        """One object an observation."""
        from lindenstrom.metering.observation import as_json

        for name in self.files:
            fit = Fitness()
            for observation in self._observations(name, fit):
                yield as_json(observation, name)
            self._codes.append(fit.code)

    def lines(self) -> Iterable[str]:
        """A summary of each file."""
        for number, name in enumerate(self.files):
            fit, tally = Fitness(), Tally()
            for observation in self._observations(name, fit):
                tally.take(observation)
            self._codes.append(fit.code)
            if fit.read:
                yield from ([""] if number else [])
                yield from _summary(name, tally, None if self.everything else SHOWN)

    def _observations(self, name: str, fit: "Fitness") -> "Iterator[Observation]":
        """Yield what a file holds, and note how it fares; say on stderr why, if it cannot be read."""
        from lindenstrom.metering.formats.detect import (
            DamagedArchive,
            UnknownFormat,
            detect,
            format_named,
            opened,
            why_not,
            with_layout,
        )
        from lindenstrom.metering.formats.mqtt import Mapped
        from lindenstrom.metering.observation import Problem

        shown = _shown(name)
        try:
            with _open(name) as stream:
                source = opened(stream)
                if self.mapping is not None:
                    reader: Reader | None = Mapped(self.mapping)
                elif self.layout is not None:
                    reader = with_layout(self.layout, source.head)
                else:
                    reader = format_named(self.format) if self.format else detect(source.head)
                if reader is None:
                    raise UnknownFormat(shown, why_not(source.head))
                for observation in reader.observations(source.stream):
                    if observation.problem is Problem.NO_READINGS:
                        raise UnknownFormat(shown, observation.detail)
                    fit.read = True
                    fit.fit = fit.fit and observation.is_usable
                    yield observation
                if not fit.read and reader.NAME == "csv" and self.layout is None:
                    raise UnknownFormat(shown, why_not(source.head))
                if not fit.read:
                    lacking = "read.nothing" if self.layout is None else "read.no_fit"
                    raise UnknownFormat(shown, text(lacking, format=_kind_of_file(reader.NAME)))
                if source.is_damaged:
                    raise DamagedArchive(shown)
        except LindenstromError as error:
            fit.whole = False
            self.renderer.error(*message_and_hint(error))
        except OSError as error:
            fit.whole = False
            self.renderer.error(text("error.file", path=shown, reason=error.strerror), text("error.file_hint"))


@dataclass(slots=True, kw_only=True)
class Fitness:
    """Whether anything was read, all of it can be used, and the file was read to its end."""

    read: bool = False
    fit: bool = True
    whole: bool = True

    @property
    def code(self) -> ExitCode:
        """The exit code for what was seen."""
        if not self.read or not self.whole:
            return ExitCode.COULD_NOT_CHECK
        return ExitCode.OK if self.fit else ExitCode.REFUSED


def _shown(name: str) -> str:
    return text("read.standard_input") if name == STANDARD_INPUT else name


def _open(name: str) -> AbstractContextManager[BinaryIO]:
    if name == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    return Path(name).open("rb")


def _kind_of_file(name: str) -> str:
    """What a format is called; some formats name the kinds of record in them themselves."""
    return CATALOGUE.get(f"format.{name}", name)


def _summary(name: str, tally: Tally, shown: int | None) -> Iterator[str]:
    kind = _kind_of_file(tally.format)
    yield text("read.found", file=_shown(name), format=kind, meters=len(tally.meters), values=tally.count)
    meters = list(tally.meters.items())
    for meter, found in meters[:shown]:
        yield ""
        yield text("read.meter", meter=meter) if meter else text("read.unnamed")
        yield from _meter(found)
    if shown is not None and len(meters) > shown:
        yield text("read.meters_left_out", count=len(meters) - shown)
    yield ""
    for problem, (count, position) in tally.problems.items():
        yield text("read.problem", count=count, code=problem, position=position)
        yield from wrapped(text(f"problem.{problem}"))
    for note, count in tally.notes.items():
        yield text("read.note", count=count, code=note, meaning=text(f"note.{note}"))
    if not tally.problems:
        yield text("read.fit")


def _meter(found: MeterTally) -> Iterator[str]:
    yield from _rows(found.registers.values(), "read.first", "read.last", _register_row)
    yield from _rows(found.intervals.values(), "read.sum", None, _interval_row)
    if found.statuses:
        counts = ", ".join(f"{count} {text(f'status.{name}')}" for name, count in found.statuses.items())
        yield text("read.quality", counts=counts)
    for obis, (low_mw, high_mw) in found.powers.items():
        yield text("read.power", obis=obis, low=_watts(low_mw), high=_watts(high_mw))
    if found.times is not None:
        from lindenstrom.metering.observation import time_text

        yield text("read.span", first=time_text(found.times[0]), last=time_text(found.times[1]))
    elif found.seconds is not None:
        yield text("read.seconds", first=found.seconds[0], last=found.seconds[1])
    elif found.registers or found.intervals:
        yield text("read.no_time")


def _rows(
    tallies: Iterable[RegisterTally], first: str, second: str | None, row: Callable[[RegisterTally], tuple[str, ...]]
) -> Iterator[str]:
    rows = [("", *row(tally)) for tally in tallies]
    if rows:
        head = ("", text("read.register"), "", text(first), *([text(second)] if second else []))
        columns = (*head, text("read.step"), text("read.count"))
        yield from table(columns, rows, right=frozenset(range(3, len(columns))))


def _register_row(tally: RegisterTally) -> tuple[str, ...]:
    first, last = (format_kwh(value, _places(tally.step_mwh)) for value in (tally.first_mwh, tally.last_mwh))
    return tally.obis, _kind(tally), first, last, _step(tally), str(tally.count)


def _interval_row(tally: RegisterTally) -> tuple[str, ...]:
    return tally.obis, _kind(tally), format_kwh(tally.sum_mwh, 6), _step(tally), str(tally.count)


def _kind(tally: RegisterTally) -> str:
    code = tally.obis.partition(":")[2].partition(".")[0]
    kind = {"1": text("read.import"), "2": text("read.export")}.get(code, "")
    return f"{kind}, {text('read.summed')}" if tally.summed else kind


def _step(tally: RegisterTally) -> str:
    return format_kwh(tally.step_mwh, _places(tally.step_mwh))


def _places(step_mwh: int) -> int:
    """Decimal places of kWh in which a step of mWh shows."""
    return max(0, 6 - (len(str(step_mwh)) - len(str(step_mwh).rstrip("0"))))


def _watts(power_mw: int) -> str:
    return format_kwh(power_mw * 1000, 3).removesuffix("000").rstrip(".")


@command(
    None,
    "read",
    "meter read capture.bin",
    "meter read --json month.mscons | jq .energy_mwh",
    "meter read --layout portal.toml download.csv",
    "meter read --mapping tasmota.toml messages.log",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--format", "format_", metavar="NAME", help="Take the files for this format, whatever they look like.")
@click.option(
    "--layout", "layout_", metavar="NAME|FILE", help="Read tables by this layout: ready-made, or a TOML file."
)
@click.option(
    "--mapping", "mapping_", type=FILE, metavar="FILE", help="Read captured MQTT messages by this mapping (TOML)."
)
@click.option("--all", "everything", is_flag=True, help="Show every meter, not only the first ten.")
def read(
    session: Session, files: tuple[str, ...], format_: str | None, layout_: str | None, mapping_: Path | None,
    everything: bool,
) -> Found:  # fmt: skip
    """Read meter data, and say what is in it. Needs no community, and changes nothing.

    Which formats can be read, docs/metering.md says; which one a file is of is found out by itself, and gzip is
    unpacked. A file named - is the standard input. With --json each value is a line as soon as it is read.

    Ends with 0 if all can be used, with 6 if something is unfit for settlement, with 5 if there was nothing to read.
    """
    if format_:
        from lindenstrom.metering.formats.detect import format_named

        format_named(format_)
    layout = None
    if layout_:
        from lindenstrom.metering.layout import find_layout

        layout = find_layout(layout_)
    if mapping_ is not None and (format_ or layout_):
        raise OptionWithoutEffect("--format" if format_ else "--layout", "a mapping is of MQTT messages alone")
    mapping = mapping_in(mapping_) if mapping_ is not None else None
    return Found(
        files=files, format=format_, layout=layout, mapping=mapping, everything=everything, renderer=session.renderer
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutRow:
    """A ready-made layout. example: a line of such a file."""

    name: str
    title: str
    about: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts(Result):
    """The layouts that come with the program."""

    SCHEMA: ClassVar[str] = "layouts"
    layouts: tuple[LayoutRow, ...]

    def lines(self) -> Iterable[str]:
        """Name and title, what it was modelled on, an example line."""
        for row in self.layouts:
            yield f"{row.name}: {row.title} ({row.about})"
            yield f"    {row.example}"


@command(None, "layouts", "meter layouts")
def layouts(session: Session) -> Layouts:  # noqa: ARG001 - every command takes its session
    """List the ready-made layouts of CSV files and tables, each with a line as it stands in such a file.

    A file that one of them fits is read without being told. For others write a layout: docs/metering.md, Layouts.
    """
    from lindenstrom.metering.layout import ready_made

    return Layouts(
        layouts=tuple(
            LayoutRow(name=one.name, title=one.title, about=one.about, example=one.example) for one in ready_made()
        )
    )

"""Two CSV forms for meter values, read strictly: a file is taken whole or refused at its first wrong line.

Registers of one meter, at any times (`read_registers`):

    time,import_kwh,export_kwh
    2026-10-24T00:00:05+02:00,1234.5678,0

Quarter-hours of any number of metering points, as a metering operator sends them (`read_intervals`):

    metering_point,slot_start,import_kwh,export_kwh,status
    DE0001,2026-10-24T00:00:00+02:00,0.125,0,measured

UTF-8 (a byte order mark is passed over), comma, decimal point, header line as above. Times are ISO-8601 with seconds
and offset (or Z), since a local time is ambiguous for one hour of the year. Energy is in kWh with at most six places,
so that it is a whole number of mWh. Status is measured, provisional, estimated or missing (missing counts 0).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lindenstrom.core.calendar import SECONDS_PER_SLOT
from lindenstrom.core.packs import MAX_REGISTER_MWH, MAX_SLOT_MWH, Registers, Status
from lindenstrom.core.units import kwh_to_mwh
from lindenstrom.metering.errors import CsvError
from lindenstrom.metering.intervals import Sample

REGISTER_HEADER = ("time", "import_kwh", "export_kwh")
INTERVAL_HEADER = ("metering_point", "slot_start", "import_kwh", "export_kwh", "status")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", re.ASCII)
NUMBER_FORM = re.compile(r"\d{1,15}(?:\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValue:
    """One quarter-hour of one meter: slot is unix time / 900."""

    slot: int
    import_mwh: int
    export_mwh: int
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line's fields and where it stands; errors name the place and the form, not the values."""

    path: Path
    number: int
    fields: Sequence[str]

    def fail(self, what: str, remedy: str) -> CsvError:
        return CsvError(self.path, self.number, what, remedy)

    def time(self, column: int) -> int:
        """Return unix seconds."""
        text = self.fields[column]
        if not TIME_FORM.fullmatch(text):
            raise self.fail("the time is not ISO-8601 with seconds and offset", "write it as 2026-10-24T00:15:00+02:00")
        try:
            seconds = (datetime.fromisoformat(text) - EPOCH) // timedelta(seconds=1)
        except (ValueError, OverflowError):
            raise self.fail("there is no such time", "correct the date or the hour") from None
        if seconds < 0:
            raise self.fail("the time is before 1970", "correct the year")
        return seconds

    def energy(self, column: int, header: Sequence[str], limit: int) -> int:
        """Return whole mWh of a kWh field."""
        name = header[column]
        text = self.fields[column]
        if not NUMBER_FORM.fullmatch(text):
            raise self.fail(
                f"{name} is not a number of kWh from 0 up with at most six places", "write it as 1234.567890"
            )
        energy_mwh = kwh_to_mwh(text)
        if energy_mwh > limit:
            raise self.fail(f"{name} is too large", "check its unit (kWh)")
        return energy_mwh


def read_registers(path: Path) -> tuple[Sample, ...]:
    """Return the register readings of a file in order of time. Raises CsvError.

    A line that stands twice counts once; two different registers for one time are refused.
    """
    found: dict[int, Registers] = {}
    for line in _lines(path, REGISTER_HEADER):
        time = line.time(0)
        registers = Registers(
            import_mwh=line.energy(1, REGISTER_HEADER, MAX_REGISTER_MWH),
            export_mwh=line.energy(2, REGISTER_HEADER, MAX_REGISTER_MWH),
        )
        if found.setdefault(time, registers) != registers:
            raise line.fail(
                "another reading for this time stands above",
                "remove the wrong line, or if the meter was swapped then both, and declare it (meter swap)",
            )
    return tuple(Sample(time_ms=time * 1000, registers=found[time]) for time in sorted(found))


def read_intervals(path: Path) -> dict[str, tuple[SlotValue, ...]]:
    """Return the quarter-hours of a file by metering point, in order of time. Raises CsvError.

    A line that stands twice counts once; two different values for one quarter-hour are refused.
    """
    found: dict[str, dict[int, SlotValue]] = {}
    for line in _lines(path, INTERVAL_HEADER):
        point = line.fields[0]
        if not point or point != point.strip():
            raise line.fail("the metering point is empty or has spaces around it", "write its full name")
        time = line.time(1)
        if time % SECONDS_PER_SLOT:
            raise line.fail("slot_start is not at a quarter-hour", "give the start of the quarter-hour")
        value = SlotValue(
            slot=time // SECONDS_PER_SLOT,
            import_mwh=line.energy(2, INTERVAL_HEADER, MAX_SLOT_MWH),
            export_mwh=line.energy(3, INTERVAL_HEADER, MAX_SLOT_MWH),
            status=_status(line),
        )
        if value.status is Status.MISSING and (value.import_mwh or value.export_mwh):
            raise line.fail("a missing quarter-hour has a value", "write 0, or the status estimated")
        if found.setdefault(point, {}).setdefault(value.slot, value) != value:
            raise line.fail("another value for this quarter-hour stands above", "remove the wrong line")
    return {point: tuple(slots[slot] for slot in sorted(slots)) for point, slots in found.items()}


def _status(line: _Line) -> Status:
    for status in Status:
        if line.fields[4] == status.name.lower():
            return status
    raise line.fail("the status is not known", "write measured, provisional, estimated or missing")


def _lines(path: Path, header: Sequence[str]) -> Iterator[_Line]:
    """Yield the lines after the header, empty ones passed over."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CsvError(path, 0, f"cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError as error:
        number = path.read_bytes()[: error.start].count(b"\n") + 1
        raise CsvError(path, number, "not UTF-8", "save the file as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    expected = ",".join(header)
    try:
        if next(reader, None) != list(header):
            raise CsvError(path, 1, "the header differs", f"the first line must be: {expected}")
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                raise CsvError(
                    path, reader.line_num, f"{len(fields)} fields instead of {len(header)}", f"write: {expected}"
                )
            yield _Line(path=path, number=reader.line_num, fields=fields)
    except csv.Error:
        raise CsvError(path, reader.line_num, "not CSV", "check the quotes of this line") from None

"""Households' measured quarter-hours from a file, with seeded roofs added so that there is something to share.

The format is that of the table `elcons_15min` of the Residential Energy Consumption Dataset (Weigert, Hopf, Weinig and
Staake, University of Bamberg 2020, CC BY-SA 4.0): a header, then a row per week and household, with 672 quarter-hours
in kWh. It names neither year nor weekday, so the first week is laid on a Monday that the caller chooses.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from lindenstrom.core.calendar import Zone, date_of, window_of
from lindenstrom.core.units import MWH_PER_KWH
from lindenstrom.errors import UsageError
from lindenstrom.simulation.parts import Battery, Profile, Roof
from lindenstrom.simulation.physics import WARM_UP_DAYS, Array, connection_energy, household_load_wh
from lindenstrom.simulation.walltime import QUARTERS_PER_DAY, wall_quarters
from lindenstrom_cli.demo.model import ConnectionPlan, assemble_members, build_meters, community_agreement
from lindenstrom_cli.demo.parts import DayEnergy, DemoCommunity

DAYS_PER_WEEK = 7
VALUES_PER_WEEK = DAYS_PER_WEEK * QUARTERS_PER_DAY
HEADER = ("week", "VID", *(f"V{number:03d}" for number in range(1, VALUES_PER_WEEK + 1)))
DEFAULT_FIRST_MONDAY = date(2026, 11, 2)

_WEEK = re.compile(r"w([0-9]{1,2})")
_HOUSEHOLD = re.compile(r"[0-9A-Za-z_-]{1,32}")
_KWH = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,6}))?")


class LoadFileUnreadable(UsageError):
    """The file is not there, or is not text."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the load file {path} cannot be read: {why}; name a CSV file in UTF-8")


class LoadFileMalformed(UsageError):
    """The file departs from its format. The message holds the place, never a value or a household."""

    def __init__(self, path: Path, line: int, what: str, remedy: str) -> None:
        super().__init__(f"the load file {path}, line {line}: {what}; {remedy}")


class OneLoadFile(UsageError):
    """A run takes one file."""

    def __init__(self, count: int) -> None:
        super().__init__(f"--load takes one file, {count} were given; name the one to run")


class NotAMonday(UsageError):
    """The first week was laid on another day of the week."""

    def __init__(self, day: date) -> None:
        super().__init__(f"the first week cannot begin on {day.isoformat()}, a {day:%A}; name a Monday")


class WindowOutsideLoadFile(UsageError):
    """A day was asked for that the file does not hold."""

    def __init__(self, window: int, first: int, last: int) -> None:
        super().__init__(
            f"the load file holds no {date_of(window).isoformat()}; "
            f"it runs from {date_of(first).isoformat()} to {date_of(last).isoformat()}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFile:
    """Households and weeks in the order of the file; `values_mwh[household][week]` holds 672 quarter-hours."""

    households: tuple[str, ...]
    weeks: tuple[str, ...]
    values_mwh: Mapping[str, Mapping[str, tuple[int, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadCommunity:
    """The file's households as a community, laid on the calendar.

    `households` maps metering points to households of the file; the municipal roof is in none of its rows.
    """

    community: DemoCommunity
    load_file: LoadFile
    households: Mapping[str, str]
    first_window: int

    @property
    def last_window(self) -> int:
        """The last day that the file holds."""
        return self.first_window + DAYS_PER_WEEK * len(self.load_file.weeks) - 1


def read_load_file(path: Path) -> LoadFile:
    """Reads and checks the whole file. Raises LoadFileUnreadable, LoadFileMalformed (with the line)."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise LoadFileUnreadable(path, error.strerror or "reading failed") from error
    except UnicodeDecodeError as error:
        raise LoadFileUnreadable(path, f"byte {error.start} is not UTF-8") from error
    values: dict[str, dict[str, tuple[int, ...]]] = {}
    weeks: dict[str, int] = {}
    line = 1
    for line, week, household, row in _rows(path, text):
        if week not in weeks:
            _check_week_follows(path, line, week, weeks)
            weeks[week] = line
        own = values.setdefault(household, {})
        if week in own:
            raise LoadFileMalformed(path, line, "this household has this week already", "keep one row for each")
        own[week] = row
    if not values:
        raise LoadFileMalformed(path, line, "no row follows the header", "give at least one week of one household")
    for own in values.values():
        for week in weeks:
            if week not in own:
                remedy = "give every household every week"
                raise LoadFileMalformed(path, line, f"at the file's end a household still lacks week {week}", remedy)
    return LoadFile(households=tuple(values), weeks=tuple(weeks), values_mwh=values)


def load_community(load_file: LoadFile, *, seed: int, first_monday: date = DEFAULT_FIRST_MONDAY) -> LoadCommunity:
    """The file's households as members from index 3, every fourth with a seeded roof; member 2 is a municipal roof.

    At least five of them get a roof where the file has so many, and every second of those a battery too.
    Member indices follow the file's order, names never say who in the file it is. Raises NotAMonday.
    """
    if first_monday.weekday() != 0:
        raise NotAMonday(first_monday)
    count = len(load_file.households)
    roofs = min(count, max(5, count // 4))
    roof_places = [place * count // roofs for place in range(roofs)]
    rng = np.random.default_rng(np.random.SeedSequence([seed, count]))
    municipal = Roof(peak_w=2000 * count, tilt_deg=12, azimuth_deg=180)
    plans = [ConnectionPlan(member=2, profile=Profile.STANDBY, annual_kwh=90, roof=municipal)]
    names = {2: "Municipal Roof"}
    weeks_per_year = 52
    for place, household in enumerate(load_file.households):
        names[place + 3] = f"Household {place + 1:02d}"
        total_mwh = sum(sum(week) for week in load_file.values_mwh[household].values())
        roof = store = None
        if place in roof_places:
            roof = Roof(
                peak_w=100 * int(rng.integers(60, 141)),
                tilt_deg=int(rng.integers(20, 46)),
                azimuth_deg=int(rng.integers(110, 251)),
            )
            if roof_places.index(place) % 2 == 0:
                store = Battery(capacity_wh=roof.peak_w, power_w=roof.peak_w // 2)
        plans.append(
            ConnectionPlan(
                member=place + 3,
                annual_kwh=total_mwh * weeks_per_year // (len(load_file.weeks) * MWH_PER_KWH),
                roof=roof,
                battery=store,
            )
        )
    meters = build_meters(seed, plans)
    members = assemble_members(names, meters)
    return LoadCommunity(
        community=DemoCommunity(
            seed=seed,
            name="Lindenhain",
            origin=f"Measured draw of {count} households, laid on chosen dates; the roofs and batteries are made up.",
            members=members,
            agreements=(community_agreement(members, priority=0),),
        ),
        load_file=load_file,
        households={
            meters[place + 3][0].metering_point: household for place, household in enumerate(load_file.households)
        },
        first_window=window_of(first_monday),
    )


def window_energy(data: LoadCommunity, window: int, zone: Zone) -> DayEnergy:
    """Metering point → (import, export) in mWh for each slot of the local day, multiples of 100 mWh.

    A day of 92 slots leaves out the measured hour that the clocks skip, one of 100 uses the repeated one twice. The
    battery's charge at midnight follows from the three days before, as far as the file holds them.
    Raises WindowOutsideLoadFile.
    """
    if not data.first_window <= window <= data.last_window:
        raise WindowOutsideLoadFile(window, data.first_window, data.last_window)
    energy: DayEnergy = {}
    for meter in data.community.meters:
        household = data.households.get(meter.metering_point)
        first = window if meter.battery is None else max(data.first_window, window - WARM_UP_DAYS)
        days = range(first, window + 1)
        if household is None:
            loads = [household_load_wh(data.community.seed, meter, day, zone) for day in days]
        else:
            loads = [_measured_wh(data, household, day, zone) for day in days]
        energy[meter.metering_point] = connection_energy(data.community.seed, meter, window, zone, loads)
    return energy


def _measured_wh(data: LoadCommunity, household: str, window: int, zone: Zone) -> Array:
    week, day = divmod(window - data.first_window, DAYS_PER_WEEK)
    values = data.load_file.values_mwh[household][data.load_file.weeks[week]]
    start = day * QUARTERS_PER_DAY
    return np.array([values[start + quarter] / 1000 for quarter in wall_quarters(window, zone)])


def _rows(path: Path, text: str) -> Iterator[tuple[int, str, str, tuple[int, ...]]]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines or tuple(lines[0].removesuffix("\r").split(",")) != HEADER:
        raise LoadFileMalformed(path, 1, "the header differs", "it must be week,VID,V001,…,V672")
    for line, content in enumerate(lines[1:], start=2):
        cells = content.removesuffix("\r").split(",")
        if len(cells) != len(HEADER):
            what = f"there are {len(cells)} columns instead of {len(HEADER)}"
            raise LoadFileMalformed(path, line, what, "each row has a week, a household and 672 values")
        week, household, *texts = cells
        if not _WEEK.fullmatch(week):
            raise LoadFileMalformed(path, line, "column week is not a week", "write it as w44")
        if not _HOUSEHOLD.fullmatch(household):
            raise LoadFileMalformed(path, line, "column VID is not an identifier", "use 1 to 32 letters and digits")
        yield line, week, household, tuple(_mwh(path, line, index, value) for index, value in enumerate(texts))


def _mwh(path: Path, line: int, index: int, text: str) -> int:
    value = _exact_mwh(text)
    if value is None:
        what = f"column {HEADER[index + 2]} is not an energy in kWh"
        raise LoadFileMalformed(path, line, what, "write it like 0.25, below 1000, with at most 6 decimal places")
    return value


@lru_cache(maxsize=8192)
def _exact_mwh(text: str) -> int | None:
    match = _KWH.fullmatch(text)
    if match is None:
        return None
    whole, fraction = match.groups(default="")
    return int(whole) * MWH_PER_KWH + int(fraction.ljust(6, "0"))


def _check_week_follows(path: Path, line: int, week: str, weeks: dict[str, int]) -> None:
    if not weeks:
        return
    number, before = int(week[1:]), int(next(reversed(weeks))[1:])
    if number != before + 1 and not (number == 1 and before in (52, 53)):
        remedy = "sort the rows by week and leave no week out"
        raise LoadFileMalformed(path, line, f"week {week} does not follow the week before", remedy)

"""How a table of meter values is laid out: a small TOML that says what each column means.

docs/metering.md describes every field. Ready-made ones lie in `layouts/`; each says what it was modelled on.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from lindenstrom.core.packs import Status
from lindenstrom.errors import UsageError
from lindenstrom.metering.localtime import Half, Label, time_parser, zone_named
from lindenstrom.metering.observation import OBIS_FORM, QUARTER_HOUR_S

Column = str | int
"""A column by its name in the header, or by its number from 1."""

UNITS_MWH: Final = {"kWh": 10**6, "Wh": 10**3, "MWh": 10**9}
POWERS_MWH: Final = {"kW": 10**6, "W": 10**3, "MW": 10**9}
"""Mean power over the interval: what it makes in mWh in an hour."""
INVALID: Final = "invalid"


class LayoutError(UsageError):
    """A layout cannot be used."""

    def __init__(self, name: str, where: str, what: str) -> None:
        super().__init__(f"layout {name}: {where}: {what}; correct it (docs/metering.md, Layouts)")


class NoSuchLayout(UsageError):
    """No ready-made layout has this name, and no file."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no layout {name}; name one that `lindenstrom meter layouts` lists, or a TOML file")


class Autumn(StrEnum):
    """What tells the doubled hour's two apart."""

    ORDER = "order"
    COLUMN = "column"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Which columns hold the time of a line, and how to read it.

    zone: None where each time brings its own offset. midnight_ends_day: 00:00 with the date of the day that it ends.
    """

    begin: tuple[Column, ...]
    end: tuple[Column, ...]
    parse: Callable[[str], Label | None]
    zone: tzinfo | None
    step_s: int
    autumn_column: Column | None
    halves: Mapping[str, Half]
    midnight_ends_day: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A column of values, or every column whose name a pattern matches (groups `meter`, `obis`)."""

    column: Column | None
    pattern: re.Pattern[str] | None
    obis: str
    unit: str
    register: bool
    resolution: int
    """Decimal places of the unit in which a table's floating-point number must be exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a table is laid out."""

    name: str
    title: str
    about: str
    example: str
    delimiter: str
    decimal: str
    thousands: str
    comment: str
    skip: int
    header: tuple[str, ...]
    meter: str
    meter_column: Column | None
    obis_column: Column | None
    unit_column: Column | None
    quality_column: Column | None
    times: Times | None
    values: tuple[Value, ...]
    obis: Mapping[str, str]
    quality: Mapping[str, Status | None]
    slots: re.Pattern[str] | None
    """Columns of one row's consecutive quarter-hours; the group is the time of day, if there is one."""


@cache
def ready_made() -> tuple[Layout, ...]:
    """Return the layouts that come with this package, by name."""
    folder = resources.files("lindenstrom.metering") / "layouts"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(parse_layout(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8")) for file in files)


def find_layout(name: str) -> Layout:
    """Return the ready-made layout of that name, or the one in a file. Raises NoSuchLayout, LayoutError."""
    for layout in ready_made():
        if layout.name == name:
            return layout
    path = Path(name)
    try:
        return parse_layout(path.stem, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise LayoutError(path.stem, "file", "not UTF-8") from None
    except OSError:
        raise NoSuchLayout(name) from None


def parse_layout(name: str, toml: str) -> Layout:
    """Read a layout strictly: what it does not know it refuses. Raises LayoutError."""
    try:
        content = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(name, "file", f"not TOML ({error})") from None
    top = _Table(name, "", content)
    file, columns, slots = top.table("file"), top.table("columns"), top.table("slots")
    values = tuple(_value(table) for table in top.tables("value"))
    if not values:
        raise LayoutError(name, "value", "at least one [[value]] is needed")
    layout = Layout(
        name=name,
        title=top.text("title", name),
        about=top.text("about", ""),
        example=top.text("example", ""),
        delimiter=file.one_of("delimiter", ";", (";", ",", "\t", "|")),
        decimal=file.one_of("decimal", ",", (",", ".")),
        thousands=file.one_of("thousands", "", ("", ".", ",", " ", "'", "’")),
        comment=file.text("comment", ""),
        skip=file.number("skip", 0),
        header=file.texts("header"),
        meter=top.text("meter", ""),
        meter_column=columns.column("meter"),
        obis_column=columns.column("obis"),
        unit_column=columns.column("unit"),
        quality_column=columns.column("quality"),
        times=_times(top.table("time")),
        values=values,
        obis={word: _obis(name, word, code) for word, code in top.words("obis").items()},
        quality={word: _status(name, word, meaning) for word, meaning in top.words("quality").items()},
        slots=slots.pattern("pattern"),
    )
    for table in (top, file, columns, slots):
        table.refuse_rest()
    for value in values:
        named = value.pattern is not None and "obis" in value.pattern.groupindex
        if not value.obis and layout.obis_column is None and not named:
            raise LayoutError(name, "value.obis", "say what the values are: 1-0:1.29.0 drawn, 1-0:2.29.0 fed in")
    if layout.decimal == layout.thousands:
        raise LayoutError(name, "file.thousands", "the same as the decimal mark")
    return layout


def _times(table: _Table) -> Times | None:
    if table.flag("none"):
        table.refuse_rest()
        return None
    begin, end = table.columns("begin"), table.columns("end")
    if not begin and not end:
        raise LayoutError(table.layout, "time", "name the column of the begin or of the end (or none = true)")
    form = table.text("format", "")
    parse = time_parser(form)
    if parse is None:
        raise LayoutError(table.layout, "time.format", "needs %d, %m, %Y or %y, and knows %H %M %S %z %h besides")
    zone_name = table.text("zone", "")
    zone = zone_named(zone_name) if zone_name else None
    if (zone is None) != ("%z" in form):
        raise LayoutError(table.layout, "time.zone", "a zone such as Europe/Berlin, or %z in the format, and not both")
    column = table.column("autumn_column")
    autumn = table.one_of("autumn", Autumn.COLUMN if column else Autumn.ORDER, tuple(Autumn))
    if (autumn == Autumn.COLUMN) != (column is not None):
        raise LayoutError(table.layout, "time.autumn", "`column` goes with autumn_column")
    halves = dict.fromkeys(table.texts("summer"), Half.SUMMER) | dict.fromkeys(table.texts("winter"), Half.WINTER)
    times = Times(
        begin=begin,
        end=end,
        parse=parse,
        zone=zone,
        step_s=table.number("step_s", QUARTER_HOUR_S),
        autumn_column=column,
        halves=halves,
        midnight_ends_day=table.one_of("midnight", "begins-day", ("begins-day", "ends-day")) == "ends-day",
    )
    table.refuse_rest()
    return times


def _value(table: _Table) -> Value:
    unit = table.one_of("unit", "kWh", ("", *UNITS_MWH, *POWERS_MWH))
    obis = table.text("obis", "")
    value = Value(
        column=table.column("column"),
        pattern=table.pattern("pattern"),
        obis=_obis(table.layout, "value.obis", obis) if obis else "",
        unit=unit,
        register=table.flag("register"),
        resolution=table.number("resolution", 3),
    )
    if (value.column is None) == (value.pattern is None):
        raise LayoutError(table.layout, "value", "name a column or a pattern")
    if value.register and unit in POWERS_MWH:
        raise LayoutError(table.layout, "value.unit", "a register is not in kW")
    table.refuse_rest()
    return value


def _obis(name: str, where: str, code: str) -> str:
    if not OBIS_FORM.fullmatch(code):
        raise LayoutError(name, f"obis {where!r}", "write the code as 1-0:1.8.0")
    return code.removesuffix("*255")


def _status(name: str, word: str, meaning: str) -> Status | None:
    """None stands for values that are not valid."""
    if meaning == INVALID:
        return None
    for status in Status:
        if status.name.lower() == meaning:
            return status
    raise LayoutError(name, f"quality {word!r}", "measured, provisional, estimated, missing or invalid")


class _Table:
    """A table of a layout; every key must have been asked for."""

    def __init__(self, layout: str, name: str, content: Mapping[str, Any]) -> None:
        self.layout, self._name, self._content = layout, name, content
        self._asked: set[str] = set()

    def refuse_rest(self) -> None:
        unknown = sorted(self._content.keys() - self._asked)
        if unknown:
            raise LayoutError(self.layout, self._at(unknown[0]), "not a field of a layout")

    def table(self, key: str) -> _Table:
        found = self._get(key, {}, dict)
        assert isinstance(found, dict)
        return _Table(self.layout, self._at(key), found)

    def tables(self, key: str) -> list[_Table]:
        found = self._get(key, [], list)
        if not all(isinstance(one, dict) for one in found):
            raise LayoutError(self.layout, self._at(key), f"write [[{key}]]")
        return [_Table(self.layout, self._at(key), one) for one in found]

    def text(self, key: str, default: str) -> str:
        return str(self._get(key, default, str))

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._get(key, [], list)
        if not all(isinstance(one, str) for one in found):
            raise LayoutError(self.layout, self._at(key), "write a list of texts")
        return tuple(found)

    def words(self, key: str) -> dict[str, str]:
        found = self._get(key, {}, dict)
        if not all(isinstance(one, str) for one in found.values()):
            raise LayoutError(self.layout, self._at(key), "write texts")
        return dict(found)

    def number(self, key: str, default: int) -> int:
        found = self._get(key, default, int)
        if isinstance(found, bool) or not 0 <= found <= 10**6:
            raise LayoutError(self.layout, self._at(key), "write a number from 0 up")
        return int(found)

    def flag(self, key: str) -> bool:
        return bool(self._get(key, False, bool))

    def one_of(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        found = self.text(key, default)
        if found not in allowed:
            raise LayoutError(self.layout, self._at(key), f"one of {', '.join(repr(one) for one in allowed)}")
        return found

    def column(self, key: str) -> Column | None:
        found = self.columns(key)
        if len(found) > 1:
            raise LayoutError(self.layout, self._at(key), "name one column")
        return found[0] if found else None

    def columns(self, key: str) -> tuple[Column, ...]:
        found = self._get(key, [], (str, int, list))
        several = found if isinstance(found, list) else [found]
        for one in several:
            if isinstance(one, bool) or not isinstance(one, (str, int)) or (isinstance(one, int) and one < 1):
                raise LayoutError(self.layout, self._at(key), "a column is its name, or its number from 1")
        return tuple(several)

    def pattern(self, key: str) -> re.Pattern[str] | None:
        text = self.text(key, "")
        try:
            return re.compile(text) if text else None
        except re.error:
            raise LayoutError(self.layout, self._at(key), "not a regular expression") from None

    def _get(self, key: str, default: Any, kind: type | tuple[type, ...]) -> Any:
        self._asked.add(key)
        found = self._content.get(key, default)
        if not isinstance(found, kind):
            raise LayoutError(self.layout, self._at(key), "of another type than expected")
        return found

    def _at(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

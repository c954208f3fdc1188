"""MSCONS, the fields: times, quantities and products of German market communication as numbers.

EDI@Energy MSCONS MIG 2.x: times with offset (format 303), energy in kWh with point or comma, the status of a value in
the qualifier of its quantity, the product as an OBIS code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from lindenstrom.core.calendar import SECONDS_PER_DAY, Zone, window_of
from lindenstrom.core.packs import MAX_REGISTER_MWH, MAX_SLOT_MWH, Status
from lindenstrom.metering.observation import Problem

LEGAL_TIME = Zone()
TIME_FORM = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?([+-]\d\d(?:\d\d)?|Z|UTC|GMT|CET|CES|MEZ|MES|CEST|MESZ)?", re.ASCII
)
OFFSETS_S = {"Z": 0, "UTC": 0, "GMT": 0, "CET": 3600, "MEZ": 3600, "CES": 7200, "MES": 7200, "CEST": 7200, "MESZ": 7200}
OFFSET_FORM = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)
NUMBER_FORM = re.compile(r"([+-]?)(\d{1,18})(?:[.,](\d{0,18}))?|([+-]?)[.,](\d{1,18})", re.ASCII)
OBIS_PARTS = re.compile(
    r"(\d{1,3})-([0-9a-z]{1,3}):(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:[*&](\d{1,3}))?(?::.*)?", re.ASCII | re.DOTALL
)
LATEST_YEAR = 2200

IMPORT, EXPORT = "1", "2"
REGISTER = "8"
PROFILES = frozenset({REGISTER, "9", "10", "29", "30"})
"""Value group D for energy over time: the register, and the integrals by which load profiles are named."""

STATUSES = {"220": Status.MEASURED, "67": Status.ESTIMATED, "Z18": Status.PROVISIONAL}
UNUSABLE = {
    "20": "marked as not usable",
    "201": "a proposed value, not for billing",
    "187": "a forecast",
    "79": "a sum over several meters or periods",
    "Z30": "marked as missing",
    "Z31": "a figure for a delivery note, not for billing",
    "Z47": "a figure for the peak of gas, not for billing",
}
EXPONENTS = {"": 6, "KWH": 6, "WHR": 3, "WH": 3, "MWH": 9, "GWH": 12}
"""Decimal exponent of a unit in mWh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A quantity: whole mWh rounded down, what its last digit stands for, whether that was exact, and its status."""

    energy_mwh: int | None = None
    resolution_mwh: int | None = None
    is_exact: bool = True
    status: Status | None = None
    problem: Problem | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What a series is of: normalised OBIS code, empty if there is none, and what is wrong with it."""

    obis: str = ""
    is_register: bool = False
    problem: Problem | None = Problem.NOT_ACTIVE_ENERGY
    detail: str = "no OBIS code says what it is"


def quantity_of(qualifier: str, number: str, unit: str) -> Quantity:
    """Return a QTY segment's value."""
    status = STATUSES.get(qualifier)
    problem, detail = None, ""
    if status is None:
        status = Status.MISSING if qualifier == "Z30" else None
        problem, detail = Problem.INVALID_STATUS, UNUSABLE.get(qualifier, "the status is not known")
    exponent = EXPONENTS.get(unit.strip(" \r\n").upper())
    if exponent is None:
        return Quantity(status=status, problem=Problem.NOT_ACTIVE_ENERGY, detail="not in kWh")
    found = NUMBER_FORM.fullmatch(number.strip(" \r\n"))
    if found is None:
        return Quantity(status=status, problem=problem or Problem.BAD_VALUE, detail=detail or "not a number")
    digits = (found[2] or "") + (found[3] or found[5] or "")
    places = len(found[3] or found[5] or "")
    raw, shift = int(digits), exponent - places
    energy_mwh, rest = (raw * 10**shift, 0) if shift >= 0 else divmod(raw, 10**-shift)
    if "-" in (found[1], found[4]) and raw:
        return Quantity(status=status, problem=problem or Problem.BAD_VALUE, detail=detail or "negative")
    if energy_mwh > MAX_REGISTER_MWH:
        return Quantity(status=status, problem=problem or Problem.BAD_VALUE, detail=detail or "too large")
    return Quantity(
        energy_mwh=energy_mwh,
        resolution_mwh=10 ** max(shift, 0),
        is_exact=rest == 0,
        status=status,
        problem=problem,
        detail=detail,
    )


def interval_fault(quantity: Quantity) -> tuple[Problem | None, str]:
    """Return why a quantity cannot be a quarter-hour's energy."""
    if quantity.problem is None and quantity.energy_mwh is not None and quantity.energy_mwh > MAX_SLOT_MWH:
        return Problem.BAD_VALUE, "more than a quarter-hour can hold"
    if quantity.problem is None and not quantity.is_exact:
        return Problem.BAD_VALUE, "finer than a mWh"
    return quantity.problem, quantity.detail


def time_of(text: str, form: str, offset_s: int | None) -> tuple[int | None, str]:
    """Return unix seconds of a time, or None and why not. offset_s: of times that do not tell theirs, None if unknown.

    Times without an offset are the legal time of Central Europe; the hour that comes twice in autumn is refused then.
    """
    found = TIME_FORM.fullmatch(text.strip())
    if found is None or form not in ("", "102", "203", "204", "303", "304"):
        return None, "not a time"
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if found[4] is None:
        return None, "a day, not an instant"
    hour, minute, second = int(found[4]), int(found[5]), int(found[6] or 0)
    is_end = (hour, minute, second) == (24, 0, 0)
    if not 1970 <= year <= LATEST_YEAR or (not is_end and (hour > 23 or minute > 59 or second > 59)):
        return None, "there is no such time"
    try:
        window = window_of(date(year, month, day))
    except ValueError:
        return None, "there is no such day"
    local = window * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second
    if (zone := found[7]) or offset_s is not None:
        ahead_s = offset_s if not zone else OFFSETS_S[zone] if zone in OFFSETS_S else offset_of(zone)
        time = local - (ahead_s or 0)
        return (time, "") if time >= 0 else (None, "there is no such time")
    fits = [time for time in (local - 7200, local - 3600) if _legal_offset_s(time) == local - time]
    if len(fits) != 1:
        return None, "an hour that comes twice" if fits else "an hour that the change of clocks leaves out"
    return fits[0], ""


def offset_of(text: str) -> int:
    """Return seconds of `+01` or `+0130`; 0 for what is no offset."""
    found = OFFSET_FORM.fullmatch(text.strip())
    if not found:
        return 0
    seconds = int(found[2]) * 3600 + int(found[3] or 0) * 60
    return -seconds if found[1] == "-" else seconds


def product_of(code: str) -> Product:
    """Return what an OBIS code such as `1-1:1.29.0*255` stands for; the code list that may follow says nothing."""
    found = OBIS_PARTS.fullmatch(code.strip().lower())
    if found is None:
        return Product()
    medium, channel, quantity, kind, tariff, storage = found.groups()
    number = channel if channel.isdigit() else "0"
    stored = "" if storage in (None, "255") else f"*{int(storage)}"
    obis = f"{int(medium)}-{int(number)}:{int(quantity)}.{int(kind)}.{int(tariff or 0)}{stored}"
    if int(medium) != 1 or quantity not in (IMPORT, EXPORT) or kind not in PROFILES:
        return Product(obis=obis, detail="not active energy")
    return Product(obis=obis, is_register=kind == REGISTER, problem=None, detail="")


def _legal_offset_s(time: int) -> int:
    """Return how far legal time is ahead of UTC."""
    window = LEGAL_TIME.window_at(time)
    change = LEGAL_TIME.slot_count(window)
    since = time - LEGAL_TIME.window_start(window)
    at_start = window * SECONDS_PER_DAY - LEGAL_TIME.window_start(window)
    # both changes are at 01:00 UTC: two hours after midnight in winter time, three in summer time
    if change == 92 and since >= 7200:
        return at_start + 3600
    if change == 100 and since >= 10_800:
        return at_start - 3600
    return at_start

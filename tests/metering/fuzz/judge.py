"""Whether an accepted value is what the changed bytes say: read again by other, simpler means than the readers'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from lindenstrom.core.packs import MAX_REGISTER_MWH, MAX_SLOT_MWH, Status
from lindenstrom.metering.observation import OBIS_FORM, Observation

DECIMAL = re.compile(rb"\d+(?:[.,]\d*)?(?:[eE][+-]?\d{1,3})?")
TELEGRAM_LINE = re.compile(
    rb"(?:^|\))(?:1-(\d+):)?([12])\.([87])\.(\d+)(?:[*&.]255)?\(\s*([+-]?)(\d+(?:\.\d*)?)\s*\*?([A-Za-z]*)\s*(?=\))",
    re.MULTILINE,
)
POWER_LINE = re.compile(rb"(?:1-\d+:)?(1|2|15|16)\.7\.(\d+)[^(]*\(\s*([+-]?)(\d+(?:\.\d*)?)\s*\*?([A-Za-z]*)\s*\)")
UNITS = {b"kwh": 10**6, b"wh": 10**3, b"mwh": 10**9, b"": 10**6, b"kw": 10**6, b"w": 10**3, b"mw": 10**9}
ISO_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fault_of_form(one: Observation) -> str:
    """What is wrong with an observation whatever was read; nothing if it is sound."""
    if one.problem is None and one.energy_mwh is None and one.power_mw is None:
        return "neither a value nor a problem"
    if one.obis and not OBIS_FORM.fullmatch(one.obis):
        return "a code that is not normal"
    limit = MAX_SLOT_MWH if one.span_s else MAX_REGISTER_MWH
    if any(value is not None and type(value) is not int for value in (one.energy_mwh, one.power_mw, one.time_ms)):
        return "not an integer"
    if one.problem is None and one.energy_mwh is not None and not 0 <= one.energy_mwh <= limit:
        return "an energy out of range"
    if one.problem is None and one.span_s and (one.time_ms is None or one.time_ms % (one.span_s * 1000)):
        return "a span that does not begin at a quarter-hour"
    if one.problem is None and one.time_ms is not None and one.time_ms < 0:
        return "a time before 1970"
    if one.position < 0:
        return "a position before the file"
    return "" if one.resolution_mwh is None or one.resolution_mwh >= 1 else "no resolution"


def decimals(window: bytes) -> Iterator[Fraction]:
    """Every number in some bytes, exact."""
    for text in DECIMAL.findall(window):
        plain = text.decode().replace(",", ".").rstrip(".")
        if len(plain.lower().partition("e")[2]) < 4:
            yield Fraction(plain)


def number_stands(one: Observation, window: bytes, *factors: Fraction | int) -> bool:
    """Whether a number in the window, in one of the units, floored, is the accepted energy or power."""
    value = one.energy_mwh if one.energy_mwh is not None else abs(one.power_mw or 0)
    if one.status is Status.MISSING and value == 0:
        return True
    return any(int(number * factor) == value for number in decimals(window) for factor in factors)


def iso_time_stands(one: Observation, window: bytes) -> bool:
    """Whether a time in ISO form in the window is the accepted one, or one with another zone's or no offset."""
    if one.time_ms is None:
        return True
    for text in ISO_TIME.findall(window):
        try:
            time = datetime.fromisoformat(text.decode())
        except ValueError:
            continue
        given = time if time.tzinfo else time.replace(tzinfo=UTC)
        milliseconds = (given - EPOCH) // timedelta(milliseconds=1)
        if milliseconds == one.time_ms or (time.tzinfo is None and abs(milliseconds - one.time_ms) <= 14 * 3_600_000):
            return True
    return False


def digits_time_stands(one: Observation, window: bytes) -> bool:
    """Whether the accepted time, in some zone of whole hours, stands in the window as twelve digits."""
    if one.time_ms is None:
        return True
    moment = EPOCH + timedelta(milliseconds=one.time_ms)
    return any(f"{moment + timedelta(hours=h):%Y%m%d%H%M}".encode() in window for h in range(-12, 15))


def label_stands(one: Observation, window: bytes) -> bool:
    """Whether the accepted time stands in the window as a label of Central Europe, at its beginning or its end."""
    if one.time_ms is None:
        return True
    if iso_time_stands(one, window):
        return True
    window = re.sub(rb"(?<!\d)(\d)(?=:\d\d|[T./-])", rb"0\1", window)  # hour, day and month may have one digit
    if iso_time_stands(one, window):
        return True
    moment = EPOCH + timedelta(milliseconds=one.time_ms)
    for label in (moment + timedelta(hours=hours, minutes=minutes) for hours in (0, 1, 2) for minutes in (0, 15)):
        days = (f"{label:%d.%m.%Y}", f"{label:%d-%m-%Y}", f"{label:%d/%m/%Y}", f"{label:%Y-%m-%d}")
        if any(day.encode() in window for day in days) and f"{label:%H:%M}".encode() in window:
            return True
    return b"24:00" in window  # the end of the day before


def telegram_stands(one: Observation, data: bytes) -> bool:
    """Whether a register or a power of a telegram in text is a line of it, or the sum of all its tariffs' lines."""
    end = re.compile(rb"\n!").search(data, one.position)
    window = data[one.position : end.start() if end else len(data)].replace(b"\r", b"").replace(b"\x02", b"")
    way, tariff = one.obis.partition(":")[2].split(".")[0], one.obis.split(".")[-1]
    if one.power_mw is not None:
        return any(
            kind.decode() == way and abs(Fraction(number.decode()) * UNITS.get(unit.lower(), 0) - abs(one.power_mw)) < 1
            for kind, _, _, number, unit in POWER_LINE.findall(window)
        )
    lines = {
        (found[4]): Fraction(found[6].decode()) * UNITS.get(found[7].lower(), 0)
        for found in TELEGRAM_LINE.finditer(window)
        if found[3] == b"8" and found[2].decode() == way and found[5] != b"-"
    }
    if one.summed:
        return int(sum(lines.values())) == one.energy_mwh
    return any(int(value) == one.energy_mwh for name, value in lines.items() if int(name) % 255 == int(tariff))

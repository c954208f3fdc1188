"""Telegrams in text: DSMR P1 (2.2 to 5; Belgium, Luxembourg, Sweden, Austria, Hungary …) and German D0.

Sources: DSMR P1 companion standards 2.2, 3.0, 4.2, 5.0.2; Fluvius e-MUCS P1 1.7.1; IEC 62056-21 (D0, mode C and D).
One line holds `OBIS(value*unit)`. A telegram counts if its checksum holds or, where its version has none, if every
line of it has that form. Registers of other quantities, of phases, of past periods and of M-Bus meters (gas, water,
heat) are passed over. Reduced codes (`1.8.0`) are read as `1-0:1.8.0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from zoneinfo import ZoneInfo

from lindenstrom.core.packs import MAX_REGISTER_MWH, Status
from lindenstrom.metering.formats.smlframes import CUT, STRAY
from lindenstrom.metering.observation import Note, Observation, Problem
from lindenstrom.metering.sml import LOCKED_MWH
from lindenstrom.metering.telegrams import (
    HEADER,
    Check,
    TelegramCutter,
    check,
    has_parity,
    next_span,
    scan,
    without_parity,
)

__all__ = ["NAME", "TelegramCutter", "decode_telegram", "observations", "recognises", "scan"]

NAME = "dsmr"
PIECE = 65_536
ZONE = ZoneInfo("Europe/Amsterdam")

VALUE = r"\([ -'*-~]*\)"
DATA_SET = re.compile(
    rf"(?:(\d{{1,3}})-(\d{{1,3}}):)?([0-9A-Z]{{1,3}})\.([0-9A-Z]{{1,3}})(?:\.([0-9A-Z]{{1,3}}))?(?:[*&.](\d{{1,3}}))?"
    rf"((?:{VALUE})+)[ \t]*",
    re.ASCII,
)
REST_OF_SET = re.compile(rf"(?:{VALUE})+[ \t]*", re.ASCII)  # DSMR 2.2 gives the gas value in a line of its own
LOOKS_LIKE_DATA = re.compile(rb"\d\.\d{1,3}[^\r\n(]{0,8}\([^\r\n)]{0,200}\)")
ENERGY_LINE = re.compile(r"(?:\d+-\d+:)?[12]\.8\.", re.ASCII)
NUMBER = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d{0,12}))?(?:\*?([A-Za-z]{1,3}))?", re.ASCII)
CLOCK = re.compile(r"(\d{12})([SW]?)", re.ASCII)

FINE = 10**9  # values are carried in 10^-9 mWh or mW, so that tariffs are added before anything is floored
TO_MWH = {"Wh": 10**3, "WH": 10**3, "wh": 10**3, "kWh": 10**6, "KWh": 10**6, "KWH": 10**6, "kwh": 10**6, "MWh": 10**9}
TO_MW = {"W": 10**3, "w": 10**3, "kW": 10**6, "KW": 10**6, "kw": 10**6, "MW": 10**9}
HAGER = "HAG"  # sends kWh without a unit
POWER_SIGN = {"1": 1, "2": -1, "15": 1, "16": 1}

METER_IDS = (
    "0-0:96.1.1", "0-0:96.1.0", "0-0:42.0.0", "1-0:0.0.0", "0-0:96.1.255", "1-0:96.1.0", "1-0:0.0.9", "C.1.0", "0.0.0",
    "0.0", "C.1",
)  # fmt: skip
CLOCK_CODE = "0-0:1.0.0"
VERSIONS_WITH_CRC = ("1-3:0.2.8", "0-0:96.1.4")

DAMAGED = {
    CUT: "a telegram without its end: bytes were lost",
    STRAY: "lines of a telegram without its beginning: bytes were lost",
    "checksum": "the checksum does not hold: bytes were lost or changed",
    "missing": "no checksum, although telegrams of this version have one",
    "form": "not a telegram's form, and it has no checksum that would show it whole",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Amount:
    """A value in 10^-9 of mWh or mW, and the step of its last digit in mWh or mW (at least 1)."""

    fine: int
    step: int


class _Content:
    """What the lines of one telegram say. Registers and powers by normalised OBIS code; None: not a number."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.registers: dict[str, _Amount | None] = {}
        self.powers: dict[str, _Amount | None] = {}
        self.contradiction = ""
        self.sound = True


def recognises(head: bytes) -> bool:
    """Whether an identification line and at least one data line are in the head of a file."""
    head = without_parity(head) if has_parity(head) else head
    header = HEADER.search(head)
    return header is not None and LOOKS_LIKE_DATA.search(head, header.end()) is not None


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read a whole capture in pieces. A telegram cut by the capture's beginning or end is passed over."""
    pending, offset, parity, final = b"", 0, None, False
    begun = told = False  # a telegram was met; the loss of the current one's beginning was told
    while not final:
        piece = stream.read(PIECE)
        final = not piece
        parity = has_parity(piece) if parity is None else parity
        pending += without_parity(piece) if parity else piece
        start = 0
        while span := next_span(pending, start, final=final):
            part, start = pending[span.start : span.end], span.end
            if span.problem == STRAY:
                if begun and not told and LOOKS_LIKE_DATA.search(part):
                    told = True
                    yield _damaged(STRAY, offset + span.start)
                continue
            begun, told = True, False
            if not span.problem:
                yield from decode_telegram(part, offset + span.start)
            elif not final or span.end < len(pending):
                yield _damaged(CUT, offset + span.start)
        pending, offset = pending[start:], offset + start


def decode_telegram(telegram: bytes, position: int = 0) -> list[Observation]:
    """Return what one whole telegram says, or one observation with the problem. Never raises."""
    verdict = check(telegram)
    if verdict is Check.FAILS:
        return [_damaged("checksum", position)]
    lines = telegram.decode("latin-1").replace("\r", "").replace("\x02", "").split("\n")
    content = _content(lines[1:], unit="kWh" if lines[0][1:4].upper() == HAGER else None)
    if verdict is not Check.HOLDS:
        clock = CLOCK.fullmatch(content.texts.get(CLOCK_CODE, ""))
        if verdict is Check.ABSENT and (any(v in content.texts for v in VERSIONS_WITH_CRC) or (clock and clock[2])):
            return [_damaged("missing", position)]
        doubtful = content.contradiction or None in content.registers.values() or _tariffs_differ(content.registers)
        if not content.sound or doubtful:
            return [_damaged("form", position)]
    elif not content.sound:
        return [_damaged("form", position)]
    return _interpret(content, position, strict_form=verdict is Check.HOLDS)


def _tariffs_differ(registers: Iterable[str]) -> bool:
    """Whether import and export, both in tariffs alone, do not have the same ones: then a line was lost."""
    tariffs: dict[str, set[str]] = {"1": set(), "2": set()}
    for code in registers:
        way, _, tariff = code.partition(":")[2].split(".")
        tariffs[way].add(tariff)
    drawn, fed = tariffs.values()
    return bool(drawn and fed) and "0" not in drawn | fed and drawn != fed


def _content(lines: Iterable[str], *, unit: str | None) -> _Content:
    """Read the lines after the identification, up to the end line. `unit`: of a number that is sent without one."""
    content = _Content()
    for line in lines:
        if line.startswith("!"):
            break
        place, end = 0, len(line.rstrip())
        if REST_OF_SET.fullmatch(line):
            continue
        while place < end:
            found = DATA_SET.match(line, place)
            if found is None:
                content.sound = False
                break
            _take(content, found, unit)
            place = found.end()
    return content


def _take(content: _Content, found: re.Match[str], unit: str | None) -> None:
    """Note one data set: an energy register or a power of the whole connection, else its text."""
    medium, channel, kind, way, tariff, storage, values = found.groups()
    first = values[1 : values.index(")")]
    code = kind + "." + way + (f".{tariff}" if tariff is not None else "")
    if storage not in {None, "255"}:
        return  # a past period's
    if way == "8" and kind in {"1", "2"} and medium not in {None, "1"}:
        content.sound = False  # energy of no electricity meter: the code was changed
    if medium not in {None, "1"} or kind not in POWER_SIGN or way not in {"7", "8"} or tariff is None:
        content.texts.setdefault(f"{medium}-{channel}:{code}" if medium else code, first.strip())
        return
    if way == "8" and kind not in {"1", "2"}:
        return
    if not tariff.isdigit() or max(int(tariff), int(channel or 0)) > 255:
        content.sound = False
        return
    code = f"{medium or 1}-{int(channel or 0)}:{kind}.{way}.{int(tariff) % 255}"
    target, units = (content.registers, TO_MWH) if way == "8" else (content.powers, TO_MW)
    amount = _amount(first, units, unit if way == "8" else None)
    if code in target and target[code] != amount:
        content.contradiction = code
    target[code] = amount


def _amount(text: str, units: dict[str, int], unit: str | None) -> _Amount | None:
    found = NUMBER.fullmatch(text.strip())
    factor = units.get(found[4] or unit or "") if found else None
    if found is None or factor is None:
        return None
    decimals = found[3] or ""
    fine = int(found[2] + decimals) * factor * FINE // 10 ** len(decimals)
    return _Amount(fine=-fine if found[1] == "-" else fine, step=max(1, factor // 10 ** len(decimals)))


def _interpret(content: _Content, position: int, *, strict_form: bool) -> list[Observation]:
    """Return the observations of a telegram that is whole. `strict_form`: its checksum holds."""
    time_ms, notes, problem = _time(content.texts.get(CLOCK_CODE))
    base = Observation(
        format=NAME,
        position=position,
        meter=next((text for code in METER_IDS if (text := content.texts.get(code))), ""),
        time_ms=time_ms,
        notes=notes,
        problem=problem,
        detail="the telegram's clock is at no time that exists" if problem else "",
    )
    if not content.registers:
        detail = "no register 1.8.x or 2.8.x in the telegram"
        return [replace(base, problem=Problem.NO_IMPORT_REGISTER, detail=detail)]
    if content.contradiction and strict_form:
        detail = f"{content.contradiction} stands twice, with different values"
        return [replace(base, problem=Problem.CONFLICTING_VALUES, detail=detail)]
    found = [_register(base, code, amount) for code, amount in content.registers.items()]
    found += [total for direction in ("1", "2") if (total := _summed(base, content.registers, direction))]
    for code, amount in content.powers.items():
        if amount is not None:
            sign = POWER_SIGN[code.partition(":")[2].partition(".")[0]]
            power_mw = (abs(amount.fine) if sign < 0 else amount.fine) // FINE * sign
            found.append(replace(base, obis=code, power_mw=power_mw))
    return found


def _register(base: Observation, code: str, amount: _Amount | None) -> Observation:
    if amount is None or not 0 <= amount.fine // FINE <= MAX_REGISTER_MWH:
        return replace(base, obis=code, problem=Problem.BAD_VALUE, detail="not a number of kWh or Wh from 0 up")
    status = None if base.problem else Status.MEASURED
    value = replace(base, obis=code, energy_mwh=amount.fine // FINE, resolution_mwh=amount.step, status=status)
    if amount.step >= LOCKED_MWH and base.problem is None:
        return replace(
            value, status=None, problem=Problem.PIN_LOCKED, detail="whole kWh only: enter the PIN at the meter"
        )
    return value


def _summed(base: Observation, registers: dict[str, _Amount | None], direction: str) -> Observation | None:
    """Return the sum of the tariffs of one direction, where no total is sent and every tariff could be read."""
    of_direction = {code: amount for code, amount in registers.items() if f":{direction}.8." in code}
    prefix = {code.partition(":")[0] for code in of_direction}
    parts = [amount for amount in of_direction.values() if amount is not None and amount.fine >= 0]
    if len(prefix) != 1 or any(code.endswith(".8.0") for code in of_direction) or len(parts) != len(of_direction):
        return None
    total = _Amount(fine=sum(part.fine for part in parts), step=max(part.step for part in parts))
    return replace(_register(base, f"{prefix.pop()}:{direction}.8.0", total), summed=True)


def _time(text: str | None) -> tuple[int | None, tuple[Note, ...], Problem | None]:
    """Return (unix ms, notes, problem) of `YYMMDDhhmmss` with S or W: local time, by the zone's rule, not by the flag.

    The flag decides in the hour that the clock runs through twice; without it, such a time cannot be told.
    """
    if text is None:
        return None, (), None
    found = CLOCK.fullmatch(text)
    try:
        local = datetime.strptime(found[1], "%y%m%d%H%M%S").replace(tzinfo=ZONE) if found else None
    except ValueError:
        local = None
    if found is None or local is None or local.astimezone(UTC).astimezone(ZONE).replace(fold=0) != local:
        return None, (), Problem.BAD_TIME
    flag = found[2]
    doubled = local.utcoffset() != local.replace(fold=1).utcoffset()
    if doubled and not flag:
        return None, (), Problem.BAD_TIME
    local = local.replace(fold=1 if doubled and flag == "W" else 0)
    summer = local.dst() != timedelta(0)
    notes = (Note.WRONG_SEASON,) if flag and (flag == "S") != summer else ()
    return int(local.timestamp()) * 1000, notes, None


def _damaged(what: str, position: int) -> Observation:
    return Observation(format=NAME, position=position, problem=Problem.DAMAGED_FRAME, detail=DAMAGED[what])

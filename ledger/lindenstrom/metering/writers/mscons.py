"""MSCONS load profiles as a metering operator sends them: what `formats.mscons` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from lindenstrom.core.calendar import SECONDS_PER_SLOT
from lindenstrom.core.packs import Status
from lindenstrom.metering.csvfile import EPOCH

QUALIFIERS = {Status.MEASURED: "220", Status.ESTIMATED: "67", Status.PROVISIONAL: "Z18", Status.MISSING: "Z30"}
IMPORT_OBIS, EXPORT_OBIS = "1-1:1.29.0", "1-1:2.29.0"
VERSION = "MSCONS:D:04B:UN:2.4c"
MWH_PER_KWH = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One direction of one metering point: a value (mWh) and a status a slot from `first_slot` on.

    made_at: unix time of the message. `status` may be empty: all measured.
    """

    metering_point: str
    obis: str
    first_slot: int
    values_mwh: Sequence[int]
    made_at: int
    status: Sequence[Status] = ()


def interchange(
    series: Iterable[Series],
    *,
    made_at: int,
    reference: str,
    check_id: str = "13025",
    decimal_mark: str = ".",
    break_lines: bool = False,
) -> Iterator[bytes]:
    """Yield an interchange, one message a series. made_at: unix time; check_id: the Prüfidentifikator of the BDEW.

    decimal_mark: point or comma. break_lines: every segment on a line of its own.
    """
    end = "'\n" if break_lines else "'"
    yield f"UNA:+{decimal_mark}? {end}UNB+UNOC:3+9900000000001:500+9900000000002:500+".encode()
    yield f"{_clock(made_at):%y%m%d:%H%M}+{reference}++TL{end}".encode()
    count = 0
    for count, one in enumerate(series, 1):
        number = f"{reference}-{count}"
        segments = [
            f"UNH+{number}+{VERSION}",
            f"BGM+7+{number}+9",
            f"DTM+137:{_clock(one.made_at):%Y%m%d%H%M}?+00:303",
            f"RFF+Z13:{check_id}",
            "NAD+MS+9900000000001::293",
            "NAD+MR+9900000000002::293",
            "UNS+D",
            "NAD+DP",
            f"LOC+172+{_released(one.metering_point)}",
            "LIN+1",
            f"PIA+5+{_released(one.obis)}:SRW",
        ]
        statuses = one.status or [Status.MEASURED] * len(one.values_mwh)
        for slot, (value, status) in enumerate(zip(one.values_mwh, statuses, strict=True), one.first_slot):
            segments.append(f"QTY+{QUALIFIERS[status]}:{_kwh(value, decimal_mark)}:KWH")
            segments += _span(slot)
        segments.append(f"UNT+{len(segments) + 1}+{number}")
        yield "".join(segment + end for segment in segments).encode("latin-1")
    yield f"UNZ+{count}+{reference}{end}".encode()


@lru_cache(maxsize=8192)
def _span(slot: int) -> tuple[str, str]:
    begin, end = (_clock(at * SECONDS_PER_SLOT) for at in (slot, slot + 1))
    return f"DTM+163:{begin:%Y%m%d%H%M}?+00:303", f"DTM+164:{end:%Y%m%d%H%M}?+00:303"


def _clock(time: int) -> datetime:
    return (EPOCH + timedelta(seconds=time)).astimezone(UTC)


def _kwh(value_mwh: int, decimal_mark: str) -> str:
    whole, rest = divmod(value_mwh, MWH_PER_KWH)
    places = f"{rest:06}"
    return f"{whole}{decimal_mark}{places[:3] if places.endswith('000') else places}"


def _released(text: str) -> str:
    return "".join("?" + char if char in "?+:'" else char for char in text)

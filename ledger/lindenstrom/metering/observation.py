"""What a source says about a meter: one observation per register, quarter-hour or power value that it sends.

Every format is read into these, whatever its own units and names are, before any rule of settlement is applied. What
cannot be used is an observation too, with the problem instead of the value: nothing that was read is passed over
in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from lindenstrom.core.packs import Status

QUARTER_HOUR_S = 900
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OBIS_FORM = re.compile(r"\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(?:\*\d{1,3})?", re.ASCII)


class Problem(StrEnum):
    """Why something that was read is unfit for settlement. The values are stable: scripts rely on them."""

    DAMAGED_FRAME = "damaged-frame"
    """Bytes were lost or changed: checksum, length or form do not hold."""
    PIN_LOCKED = "pin-locked"
    """The meter gives whole kWh only, until its PIN is entered."""
    NO_IMPORT_REGISTER = "no-import-register"
    """A whole telegram without any register of active energy drawn or fed in."""
    INVALID_STATUS = "invalid-status"
    """The device or its operator marks the value as not valid."""
    NOT_QUARTER_HOURLY = "not-quarter-hourly"
    """An interval that is not one quarter-hour of the clock."""
    CONFLICTING_VALUES = "conflicting-values"
    """Two different values for one instant or quarter-hour of one meter."""
    BAD_SIGNATURE = "bad-signature"
    """A signature that does not hold over the data."""
    UNVERIFIED_SIGNATURE = "unverified-signature"
    """A signature that could not be checked: no key, or a curve that nobody supports any more."""
    NOT_ACTIVE_ENERGY = "not-active-energy"
    """Another quantity, such as reactive energy."""
    NOT_A_METER_REGISTER = "not-a-meter-register"
    """A counter of a session or a period, not the meter's own register."""
    NO_READINGS = "no-readings"
    """The file is whole, and of a form that is read here, but holds no reading."""
    NO_TIME = "no-time"
    """An interval without a time: nobody can say which quarter-hour it was."""
    STALE = "stale"
    """A message that a broker had kept: nobody can say when it was sent."""
    BAD_VALUE = "bad-value"
    """Not a number, negative, or beyond what a register or a quarter-hour can hold."""
    BAD_TIME = "bad-time"
    """A time that does not exist or cannot be understood."""
    SUPERSEDED = "superseded"
    """A newer message of the same file has another value for it."""
    WITHDRAWN = "withdrawn"
    """A value in a message that takes an earlier one back."""


class Note(StrEnum):
    """What is odd about a value that can be used all the same. Stable too."""

    WRONG_COUNT = "wrong-count"
    """A count or length that the file gives about itself does not hold."""
    WRONG_SEASON = "wrong-season"
    """The telegram says summer time in winter, or the reverse: the clock of the device is to be set."""
    UNSYNCHRONISED = "unsynchronised"
    """The device says that its clock is not set by anybody."""
    REPLACED = "replaced"
    """It takes the place of a value that an earlier message had."""
    SIGN_CORRECTED = "sign-corrected"
    """Power sent as negative by a device known to do so, while its status word says that it draws."""
    TIME_ADJUSTED = "time-adjusted"
    """Read within seconds of the quarter-hour that it is meant for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One value of one register, as a source gives it.

    format: short name of the format. position: byte offset of the telegram, segment, element or line in its file.
    meter: as the device or its operator names it; empty if the source does not say.
    obis: normalised `A-B:C.D.E` (`*F` only where F is not 255), empty if there is none.
    energy_mwh: register, or with span_s > 0 the energy of that span. power_mw: momentary power, negative for feed-in.
    resolution_mwh: what the last digit stands for, at least 1. time_ms: unix milliseconds of a register, of the
    beginning of a span; None if the source has no calendar. summed: added up from the tariffs of the same telegram.
    seconds_index: the device's own running seconds, where it has no calendar. issued_ms: when the sender says to have
    made the message; of several values for one quarter-hour the newest counts.
    """

    format: str
    position: int
    meter: str = ""
    obis: str = ""
    energy_mwh: int | None = None
    power_mw: int | None = None
    resolution_mwh: int | None = None
    time_ms: int | None = None
    span_s: int = 0
    status: Status | None = None
    summed: bool = False
    seconds_index: int | None = None
    issued_ms: int | None = None
    notes: tuple[Note, ...] = ()
    problem: Problem | None = None
    detail: str = ""
    """In words, what is wrong or odd; never holds a value."""

    @property
    def is_usable(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.problem is None


class Reader(Protocol):
    """A module that reads one format."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """Short name of the format."""
        ...

    def recognises(self, head: bytes, /) -> bool:
        """Whether a file that begins with these bytes (up to 64 KiB) is likely of this format."""
        ...

    def observations(self, stream: BinaryIO, /) -> Iterator[Observation]:
        """Read a whole stream in pieces, memory flat. Never raises, whatever the bytes are."""
        ...


def obis_of_bytes(code: bytes) -> str:
    """`0100010800FF` → `1-0:1.8.0`."""
    a, b, c, d, e, f = code
    return f"{a}-{b}:{c}.{d}.{e}" + ("" if f == 255 else f"*{f}")


def time_text(time_ms: int) -> str:
    """Return unix milliseconds as ISO-8601 UTC, with milliseconds only where there are any."""
    moment = EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds").replace("+00:00", "Z")


def as_json(observation: Observation, file: str) -> dict[str, Any]:
    """Return an observation as the object that `meter read --json` prints; what does not apply is left out."""
    o = observation
    plain: dict[str, Any] = {
        "source": {"format": o.format, "file": file, "position": o.position},
        "meter": o.meter,
        "obis": o.obis,
    }
    if o.power_mw is not None:
        plain["power_mw"] = o.power_mw
    else:
        plain["energy_mwh"] = o.energy_mwh
        plain["resolution_mwh"] = o.resolution_mwh
    plain["time"] = None if o.time_ms is None else time_text(o.time_ms)
    plain["status"] = None if o.status is None else o.status.name.lower()
    optional = {
        "span_s": o.span_s,
        "summed": o.summed,
        "seconds_index": o.seconds_index,
        "notes": [note.value for note in o.notes],
        "problem": o.problem.value if o.problem else "",
        "detail": o.detail,
    }
    plain.update((name, value) for name, value in optional.items() if value or (name == "seconds_index" and value == 0))
    return plain

"""Every rule between a meter's registers and its quarter-hours, by a stable id, with the words that reports use for it.

Each id has its row in docs/metering.md (what the rule is, what the pack says) and the name of its test there.
"""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """A rule's id."""

    BOUNDARY_EXACT = "boundary-exact"
    BOUNDARY_BETWEEN = "boundary-between"
    GAP_SPREAD = "gap-spread"
    REGISTER_FLOOR = "register-floor"
    REGISTERS_ONLY = "registers-only"
    LOCKED = "locked-meter"
    STATUS_WORD = "status-word"
    SUBSTITUTE = "substitute"
    FALL = "register-fell"
    JUMP = "jump-above-fuse"
    EXCURSION = "zero-after-restart"
    TARIFF = "tariff-missing"
    ONE_SIDED = "one-sided"
    ROLLOVER = "rollover"
    SWAP = "meter-swap"
    OTHER_METER = "other-meter"
    CONFLICT = "two-values-at-one-instant"
    RECEIVE_TIME = "receive-time"
    CLOCK_BACK = "clock-set-back"
    CLOCK_STEP = "clock-step"
    NEGATIVE = "negative-register"
    SIGN = "power-against-registers"


LOCKED = "from a locked meter: whole kWh only"
ONE_SIDED = "without one of the registers that other telegrams of this meter have"
CLOCK_BACK = "received while the clock had been set back"
CLOCK_STEP = "received at a time that the meter's own clock contradicts: the receiving clock was wrong, or it came late"
STATUS_WORD = "marked by the meter as not valid: an error, or signs of manipulation"
TARIFF = "without a tariff that other telegrams of this meter have, so that the sum is no total"
NOT_SENT = "from a device that does not send a register of the mapping"
NEGATIVE = "with a register that is no number from 0 up: the sign or the mapping of export is wrong"
EXCURSION = "far below or above the registers before and after, as a device sends after a restart"
CONFLICT = "two different values for one instant: neither is taken"
POWER_ONLY = "with power only: quarter-hours are made of registers, never of power"
SIGN = (
    "taken, although power and registers point in opposite directions: "
    "check the wiring, or the mapping of import and export"
)
NO_DECODER = "not interpreted: no mapping of topics, or one that cannot be read"
OTHER = "not usable"

"""Whether the machine's clock may stamp readings.

Small computers have no clock of their own: after power-on theirs shows the past until the network sets it. A reading
stamped then would be in a wrong quarter-hour for ever. The clock is doubted

* while it is behind the newest block that the adapter has seen, by more than two minutes,
* for some minutes after power-on, until the kernel says that somebody has set it,
* while it is behind the newest record of the journals and the kernel does not say that somebody has set it.

What is received meanwhile waits in memory, and is stamped anew when the doubt is over.
"""

from __future__ import annotations

import ctypes
import struct
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

CHAIN_TOLERANCE_MS = 120_000
JOURNAL_TOLERANCE_MS = 9_000
TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")
"""Made by systemd-timesyncd at its first synchronisation since power-on."""
TIMEX_BYTES = 512
TIME_ERROR = 5


class Doubt(StrEnum):
    """Why the clock is not to be trusted."""

    NONE = ""
    BEHIND_CHAIN = "behind-the-chain"
    NOT_SET = "not-set-since-power-on"
    BEHIND_JOURNAL = "behind-the-journal"


def kernel_has_set_clock() -> bool:
    """Whether the kernel takes the clock for synchronised (adjtimex), or systemd says that it has set it."""
    if TIMESYNCD_MARK.exists():
        return True
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
        state = int(adjtimex(ctypes.create_string_buffer(struct.pack("I", 0), TIMEX_BYTES)))
    except (OSError, AttributeError):
        return False
    return 0 <= state < TIME_ERROR


class Clock:
    """Wall clock in unix ms, and what speaks against it. The functions are the system's, but for tests."""

    def __init__(
        self,
        *,
        wait_s: int,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        steady_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        since_power_on_s: Callable[[], int] = lambda: int(time.clock_gettime(time.CLOCK_BOOTTIME)),
        is_set: Callable[[], bool] = kernel_has_set_clock,
    ) -> None:
        self.wall_ms, self.steady_ms = wall_ms, steady_ms
        self._wait_s, self._since_power_on_s, self._is_set = wait_s, since_power_on_s, is_set
        self._chain_ms = self._journal_ms = 0

    def saw_block(self, time_s: int) -> None:
        """Note the time of a block of a chain that others keep."""
        self._chain_ms = max(self._chain_ms, time_s * 1000)

    def saw_record(self, time_ms: int) -> None:
        """Note the time of a journal's record."""
        self._journal_ms = max(self._journal_ms, time_ms)

    def offset_ms(self) -> int:
        """What the wall clock is ahead of the steady one: it changes when the clock is set."""
        return self.wall_ms() - self.steady_ms()

    def doubt(self) -> Doubt:
        """What speaks against the clock now."""
        now = self.wall_ms()
        if now < self._chain_ms - CHAIN_TOLERANCE_MS:
            return Doubt.BEHIND_CHAIN
        if self._is_set():
            return Doubt.NONE
        if self._since_power_on_s() < self._wait_s:
            return Doubt.NOT_SET
        return Doubt.BEHIND_JOURNAL if now < self._journal_ms - JOURNAL_TOLERANCE_MS else Doubt.NONE

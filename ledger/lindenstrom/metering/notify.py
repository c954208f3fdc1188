"""Tells systemd how a service fares (sd_notify): READY, WATCHDOG, STOPPING. Without systemd nothing happens."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send a state such as `READY=1` to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        connection.sendall(state.encode())


def watchdog_s() -> float | None:
    """How often to say that all is well, seconds; None if nobody asks."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    own = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    return int(asked) / 2_000_000 if asked.isdigit() and own == str(os.getpid()) else None

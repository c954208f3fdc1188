"""Where live bytes come from: a serial port, a TCP socket, a file or FIFO that another program writes.

A source hands on what it receives as it comes: cut anywhere, interpreted by nobody. It stamps each piece with the
time of its last byte, and puts together what comes within a fifth of a second. A lost connection is an exception: the
runner opens the source again after a while.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lindenstrom.errors import CouldNotCheck, UsageError
from lindenstrom.metering.journal import Kind

READ_BYTES = 4096
SILENCE_S = 0.1
LONGEST_BURST_S = 0.2
POLL_S = 0.2
CONNECT_S = 20.0
KEEPALIVE_S = 60
TCP_SILENT_S = 600.0
"""A socket that gives nothing for so long is opened anew: the other end may be gone without a word."""


class Sink(Protocol):
    """Takes what a source received; what it returns is awaited until the piece is on the disk.

    position: of the meter in the reader's tree. time_ms: when it was received, unix milliseconds.
    A source with somebody to acknowledge to (MQTT) does so after that and not before. Raises NotTaken.
    """

    def __call__(self, position: int, kind: Kind, time_ms: int, payload: bytes, /) -> Awaitable[None]: ...


class LiveSource(Protocol):
    """Something that meters are heard through."""

    @property
    def name(self) -> str:
        """Where it listens, for health and logs: a path or an address, never a password."""
        ...

    @property
    def positions(self) -> tuple[int, ...]:
        """The meters it hears."""
        ...

    async def run(self, sink: Sink, stop: asyncio.Event, /) -> None:
        """Receive until `stop` is set; everything handed on is on the disk on return. Raises OSError, SourceLost."""
        ...


class NotTaken(CouldNotCheck):
    """The journal could not take a piece: the disk is full, or the clock is not to be trusted, for too long."""

    def __init__(self) -> None:
        super().__init__("what was received could not be kept: too much waits for disk or clock; see the health page")


class SourceLost(CouldNotCheck):
    """The other end is gone."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}; it is opened again by itself")


class LibraryMissing(UsageError):
    """A source needs a library that is not installed."""

    def __init__(self, library: str) -> None:
        super().__init__(f"{library} is not installed; install the extra: lindenstrom[metering]")


def now_ms() -> int:
    """The machine's clock, unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSource:
    """A serial port. parity: N, E or O. device: best from /dev/serial/by-id, which stays the same after a restart."""

    position: int
    kind: Kind
    device: str
    baud: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1

    @property
    def name(self) -> str:
        """The device."""
        return self.device

    @property
    def positions(self) -> tuple[int, ...]:
        """Its one meter."""
        return (self.position,)

    async def run(self, sink: Sink, stop: asyncio.Event, /) -> None:
        """Receive until `stop` is set. Raises OSError, SourceLost, LibraryMissing."""
        try:
            import serialx
        except ImportError:
            raise LibraryMissing("serialx") from None
        try:
            reader, writer = await serialx.open_serial_connection(
                self.device,
                baudrate=self.baud,
                byte_size=self.data_bits,
                parity=serialx.Parity(self.parity),
                stopbits=serialx.StopBits(self.stop_bits),
            )
        except (serialx.SerialException, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise SourceLost(self.name, f"cannot be opened ({why})") from None
        try:
            await _pump(self, reader.read, _Handover(sink, self.position, self.kind), stop)
        except (serialx.SerialException, OSError):
            raise SourceLost(self.name, "the port was lost") from None
        finally:
            writer.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSource:
    """A raw TCP server that passes a serial line on (ser2net, Tasmota's TCP bridge, esp-link)."""

    position: int
    kind: Kind
    host: str
    port: int

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def positions(self) -> tuple[int, ...]:
        """Its one meter."""
        return (self.position,)

    async def run(self, sink: Sink, stop: asyncio.Event, /) -> None:
        """Receive until `stop` is set. Raises OSError, SourceLost."""
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(self.host, self.port)
        except TimeoutError:
            raise SourceLost(self.name, "does not answer") from None
        try:
            _keep_alive(writer.get_extra_info("socket"))
            await _pump(self, reader.read, _Handover(sink, self.position, self.kind), stop, silent_s=TCP_SILENT_S)
        finally:
            writer.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A file or FIFO that another program writes: what is appended from now on, also after it was replaced.

    What a file holds before the start is not read: nobody knows when it was received.
    """

    position: int
    kind: Kind
    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def positions(self) -> tuple[int, ...]:
        """Its one meter."""
        return (self.position,)

    async def run(self, sink: Sink, stop: asyncio.Event, /) -> None:
        """Receive until `stop` is set. Raises OSError."""
        handle = _open_file(self.path, at_end=True)
        handover = _Handover(sink, self.position, self.kind)
        try:
            while not stop.is_set():
                data = _read_some(handle)
                if data:
                    handover.give(data)
                    continue
                if _is_replaced(self.path, handle):
                    os.close(handle)
                    handle = _open_file(self.path, at_end=False)
                    continue
                await stopped_within(stop, POLL_S)
            await handover.settled()
        finally:
            os.close(handle)


class _Handover:
    """Hands pieces on without waiting for the disk: a serial line does not wait either."""

    def __init__(self, sink: Sink, position: int, kind: Kind) -> None:
        self.sink, self.position, self.kind = sink, position, kind
        self.waiting: set[asyncio.Future[None]] = set()

    def give(self, data: bytes) -> None:
        """Hand a piece on, received now."""
        future = asyncio.ensure_future(self.sink(self.position, self.kind, now_ms(), data))
        self.waiting.add(future)
        future.add_done_callback(self._done)

    async def settled(self) -> None:
        """Wait until all that was handed on is on the disk, or refused."""
        if self.waiting:
            await asyncio.wait(set(self.waiting))

    def _done(self, future: asyncio.Future[None]) -> None:
        self.waiting.discard(future)
        if not future.cancelled():
            future.exception()  # NotTaken is counted where it is raised; nobody here could send the piece again


async def _pump(
    source: LiveSource,
    read: Callable[[int], Awaitable[bytes]],
    handover: _Handover,
    stop: asyncio.Event,
    *,
    silent_s: float | None = None,
) -> None:
    """Hand on what comes, in bursts, until told to stop. Raises SourceLost at the stream's end."""
    quiet_since = time.monotonic()
    while not stop.is_set():
        burst = await _burst(read, stop)
        if burst is None:
            await handover.settled()
            raise SourceLost(source.name, "the other end closed the line")
        if burst:
            handover.give(burst)
            quiet_since = time.monotonic()
        elif silent_s is not None and time.monotonic() - quiet_since > silent_s:
            raise SourceLost(source.name, "nothing came for ten minutes")
    await handover.settled()


async def _burst(read: Callable[[int], Awaitable[bytes]], stop: asyncio.Event) -> bytes | None:
    """What comes until the line is silent for a moment; empty if nothing comes, None at the stream's end."""
    burst = bytearray()
    began = 0.0
    while not stop.is_set():
        try:
            async with asyncio.timeout(SILENCE_S if burst else POLL_S):
                data = await read(READ_BYTES)
        except TimeoutError:
            break
        except OSError:
            if not burst:
                raise
            break  # first what came; the next read raises again
        if not data:
            return bytes(burst) or None
        began = began or time.monotonic()
        burst += data
        if time.monotonic() - began > LONGEST_BURST_S:
            break
    return bytes(burst)


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Whether `stop` is set within some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def _keep_alive(connection: socket.socket) -> None:
    """Have the kernel notice a peer that vanished."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S // 4)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def _open_file(path: Path, *, at_end: bool) -> int:
    # not to block where a FIFO has no writer yet
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if at_end and stat.S_ISREG(os.fstat(handle).st_mode):
        os.lseek(handle, 0, os.SEEK_END)
    return handle


def _read_some(handle: int) -> bytes:
    try:
        return os.read(handle, READ_BYTES)
    except BlockingIOError:
        return b""


def _is_replaced(path: Path, handle: int) -> bool:
    """Whether the path names another file by now, or the file was cut."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(handle)
    if (now.st_ino, now.st_dev) != (ours.st_ino, ours.st_dev):
        return True
    return stat.S_ISREG(ours.st_mode) and ours.st_size < os.lseek(handle, 0, os.SEEK_CUR)

"""Live sources: every byte handed on once, in order, stamped when received; a lost line is an exception."""

from __future__ import annotations

import asyncio
import os
import pty
import time
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import serialx  # noqa: F401 - before any clock counts

from lindenstrom.metering import trying
from lindenstrom.metering.journal import Kind
from lindenstrom.metering.sources import FileSource, LiveSource, NotTaken, SerialSource, SourceLost, TcpSource
from lindenstrom.metering.trying import Sound, Tried


class Taken:
    """A sink in memory; slow as a disk if asked to be."""

    def __init__(self, *, delay_s: float = 0.0, refuses: bool = False) -> None:
        self.pieces: list[tuple[int, Kind, int, bytes]] = []
        self.delay_s, self.refuses = delay_s, refuses

    async def __call__(self, position: int, kind: Kind, time_ms: int, payload: bytes, /) -> None:
        await asyncio.sleep(self.delay_s)
        if self.refuses:
            raise NotTaken
        self.pieces.append((position, kind, time_ms, payload))

    @property
    def data(self) -> bytes:
        return b"".join(payload for _, _, _, payload in self.pieces)


async def heard(source: LiveSource, sink: Taken, play: Callable[[], Awaitable[None]], total: int) -> None:
    """Run a source until the sink has that many bytes."""
    stop = asyncio.Event()
    run = asyncio.create_task(source.run(sink, stop))
    await asyncio.sleep(0.3)  # a port being opened throws away what came before
    await play()
    for _ in range(500):
        if len(sink.data) >= total or run.done():
            break
        await asyncio.sleep(0.01)
    stop.set()
    await run


def test_serial_port_gives_every_byte_stamped_when_it_came() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    data = os.urandom(3000)

    async def play() -> None:
        for start in range(0, len(data), 500):
            os.write(master, data[start : start + 500])
            await asyncio.sleep(0.03)

    async def run() -> Taken:
        # the disk takes longer than the whole transmission: stamps must not
        sink = Taken(delay_s=0.5)
        source = SerialSource(position=7, kind=Kind.SML, device=os.ttyname(slave))
        await heard(source, sink, play, len(data))
        return sink

    began = time.time_ns() // 1_000_000
    sink = asyncio.run(run())
    os.close(master)
    os.close(slave)
    assert sink.data == data
    assert {(position, kind) for position, kind, _, _ in sink.pieces} == {(7, Kind.SML)}
    times = [time_ms for _, _, time_ms, _ in sink.pieces]
    assert times == sorted(times)
    assert began <= times[0]
    assert times[-1] - times[0] < 450


def test_serial_port_that_vanishes_is_lost() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)

    async def run() -> None:
        async def unplug() -> None:
            os.close(slave)
            os.close(master)
            await asyncio.sleep(0.1)

        await heard(SerialSource(position=0, kind=Kind.SML, device=name), Taken(), unplug, 1)

    with pytest.raises(SourceLost):
        asyncio.run(run())
    with pytest.raises(SourceLost):
        asyncio.run(SerialSource(position=0, kind=Kind.SML, device=f"{name}-absent").run(Taken(), asyncio.Event()))


@pytest.mark.integration
def test_tcp_server_gives_every_byte_and_its_end_is_seen() -> None:
    data = os.urandom(20_000)

    async def run() -> Taken:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for start in range(0, len(data), 4999):
                writer.write(data[start : start + 4999])
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sink = Taken()
        source = TcpSource(position=1, kind=Kind.SML, host="127.0.0.1", port=port)
        with pytest.raises(SourceLost):
            await source.run(sink, asyncio.Event())
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await source.run(sink, asyncio.Event())
        return sink

    assert asyncio.run(run()).data == data


def test_file_is_followed_from_its_end_and_through_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(b"of yesterday")

    async def play() -> None:
        with path.open("ab") as file:
            file.write(b"one ")
        await asyncio.sleep(0.5)
        path.rename(tmp_path / "capture.1")
        path.write_bytes(b"two ")
        await asyncio.sleep(0.5)
        path.write_bytes(b"3")  # cut and written anew

    sink = Taken()
    asyncio.run(heard(FileSource(position=2, kind=Kind.SML, path=path), sink, play, 9))
    assert sink.data == b"one two 3"


def test_fifo_outlives_its_writers(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def play() -> None:
        for piece in (b"first ", b"second"):
            with path.open("wb") as file:
                file.write(piece)
            await asyncio.sleep(0.3)

    sink = Taken()
    asyncio.run(heard(FileSource(position=2, kind=Kind.SML, path=path), sink, play, 12))
    assert sink.data == b"first second"


def test_what_the_journal_refuses_does_not_stop_the_source(tmp_path: Path) -> None:
    path = tmp_path / "capture.bin"
    path.touch()

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(FileSource(position=2, kind=Kind.SML, path=path).run(Taken(refuses=True), stop))
        await asyncio.sleep(0.05)
        path.write_bytes(b"lost")
        await asyncio.sleep(0.4)
        assert not task.done()
        stop.set()
        await task

    asyncio.run(run())


def test_check_finds_the_settings_of_a_serial_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no telegram: the usual settings are tried, and those that give a meter are named."""
    asked: list[tuple[int, int, str]] = []

    async def listen(source: SerialSource, _kinds: object, _mappings: object, _seconds: float) -> tuple[Tried, ...]:
        asked.append((source.baud, source.data_bits, source.parity))
        sound = Sound.METER if asked[-1] == (9600, 7, "E") else Sound.BYTES
        return (Tried(position=0, name=source.name, sound=sound, meters=("1 DZG00 6072 9108",)),)

    monkeypatch.setattr(trying, "_listen", listen)
    source = SerialSource(position=0, kind=Kind.SML, device="/dev/ttyTEST", baud=300, data_bits=7, parity="E")
    (found,) = asyncio.run(trying.try_source(source, {0: Kind.SML}, {}, 1))
    assert (found.sound, found.better) == (Sound.BYTES, (9600, 7, "E"))
    assert len(set(asked)) == len(asked)


def test_a_source_that_cannot_be_opened_is_told_and_not_raised() -> None:
    source = FileSource(position=3, kind=Kind.SML, path=Path("/no/such/fifo"))
    (found,) = asyncio.run(trying.try_source(source, {3: Kind.SML}, {}, 1))
    assert (found.sound, found.why, found.position) == (Sound.CLOSED, "No such file or directory", 3)

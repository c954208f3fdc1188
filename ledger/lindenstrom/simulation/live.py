"""Simulated meters in real time: each on a TCP port, as a reading head behind a bridge, or their messages as they come.

What was sent before now is past; what is late is never sent.
"""

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple

from lindenstrom.errors import CouldNotCheck
from lindenstrom.simulation.days import Day
from lindenstrom.simulation.messages import Message
from lindenstrom.simulation.plan import Plan
from lindenstrom.simulation.run import plan_days
from lindenstrom.simulation.telegramfiles import Reception, damaged

LONGEST_SLEEP_S = 5.0


class PortTaken(CouldNotCheck):
    """A port cannot be listened at."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"{host}:{port} cannot be listened at: {why}; choose another address")


class Sent(NamedTuple):
    """A telegram: unix ms at which it is sent, place of its home, bytes."""

    sent_ms: int
    place: int
    telegram: bytes


def telegrams(plan: Plan, after_ms: int) -> Iterator[Sent]:
    """What all meters send after an instant, in order of time. Raises as `Plan.check`."""
    plan.check()
    reception = Reception(plan, plan.faults(plan.homes()))
    for day in plan_days(plan):
        if day.end_s * 1000 > after_ms:
            homes = (_of_home(reception, day, place, after_ms) for place in range(len(day.homes)))
            yield from heapq.merge(*homes, key=lambda sent: sent.sent_ms)


def _of_home(reception: Reception, day: Day, place: int, after_ms: int) -> Iterator[Sent]:
    telegram_of = reception.maker(day.homes[place].number)
    heard = reception.heard(day, place)
    for beat in heard.kept((heard.is_late == 0) & (heard.sent_ms > after_ms)).each():
        yield Sent(beat.sent_ms, place, damaged(telegram_of(beat), beat.damage))


def paced(
    found: Iterator[Message], *, now: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Message]:
    """Messages each at its time of receipt; those before now are passed over."""
    begun_ms = now() * 1000
    for message in found:
        if message.received_ms > begun_ms:
            while (left := message.received_ms / 1000 - now()) > 0:
                sleep(min(left, LONGEST_SLEEP_S))
            yield message


async def serve(plan: Plan, host: str, port: int) -> int:
    """Let each home's meter be heard at a port of its own, from `port` on; return how many telegrams were sent.

    Whoever connects hears what is sent from then on. Ends with the plan's days. Raises PortTaken; as `Plan.check`.
    """
    plan.check()
    listeners: list[set[asyncio.StreamWriter]] = [set() for _ in plan.homes()]
    count = 0
    async with AsyncExitStack() as stack:
        for place, at in enumerate(listeners):
            try:
                server = await asyncio.start_server(_welcome(at), host, port + place)
            except OSError as error:
                raise PortTaken(host, port + place, error.strerror or str(error)) from None
            stack.push_async_callback(_close, server, at)
        for sent in telegrams(plan, time.time_ns() // 1_000_000):
            await asyncio.sleep(max(sent.sent_ms / 1000 - time.time(), 0))
            for writer in listeners[sent.place]:
                writer.write(sent.telegram)
            count += 1
    return count


def _welcome(
    listeners: set[asyncio.StreamWriter],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listeners.add(writer)
        with suppress(OSError):
            while await reader.read(1024):  # what it says is not heard; an end of it is
                pass
        listeners.discard(writer)
        writer.close()

    return come


async def _close(server: asyncio.Server, listeners: set[asyncio.StreamWriter]) -> None:
    server.close()
    for writer in listeners:
        writer.close()

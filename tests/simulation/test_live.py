"""Simulated meters in real time: heard at a port as a reading head would be, messages each at its time."""

import asyncio
import io
import socket
import time
from typing import Any

import pytest
from tests.support.mosquitto import HOST, free_port

from lindenstrom.core.calendar import Zone
from lindenstrom.metering.formats import sml
from lindenstrom.simulation.community import Mix
from lindenstrom.simulation.faults import Form
from lindenstrom.simulation.live import PortTaken, paced, serve, telegrams
from lindenstrom.simulation.plan import Plan
from lindenstrom.simulation.run import plan_messages

pytest.importorskip("demandlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")
pytest.importorskip("pvlib", reason="the demo's extra is not installed: pip install 'lindenstrom[demo]'")

MIX = Mix(households=1, pv_ppm=0, battery_ppm=0, heat_pump_ppm=0, car_ppm=0)


def plan(form: Form, **more: Any) -> Plan:
    today = Zone().window_at(int(time.time()))
    fixed: dict[str, Any] = {"seed": 1, "mix": MIX, "zone": Zone(), "first_window": today - 1, "day_count": 3}
    return Plan(form=form, **(fixed | more))


def test_telegrams_begin_after_now_and_come_in_order() -> None:
    chosen = plan(Form.SML, every_s=900, mix=Mix(households=3, pv_ppm=0, battery_ppm=0, heat_pump_ppm=0, car_ppm=0))
    now_ms = Zone().window_start(chosen.first_window + 1) * 1000
    found = list(telegrams(chosen, now_ms))
    times = [sent.sent_ms for sent in found]
    assert times == sorted(times) and times[0] == now_ms + 900_000
    assert {sent.place for sent in found} == {0, 1, 2}


def test_messages_wait_for_their_time() -> None:
    chosen = plan(Form.MQTT, every_s=300)
    begin = Zone().window_start(chosen.first_window + 1) + 0.0
    clock = [begin]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    for message in paced(plan_messages(chosen), now=lambda: clock[0], sleep=sleep):
        assert message.received_ms / 1000 == pytest.approx(clock[0])
    assert sum(slept) == pytest.approx(clock[0] - begin)
    assert max(slept) <= 5


@pytest.mark.integration
def test_a_meter_is_heard_at_its_port() -> None:
    chosen, port = plan(Form.SML, every_s=1), free_port()

    async def listen() -> bytes:
        task = asyncio.create_task(serve(chosen, HOST, port))
        for _ in range(100):
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
                break
            except OSError:
                await asyncio.sleep(0.1)
        data = b""
        while data.count(sml_end) < 2:
            data += await asyncio.wait_for(reader.read(4096), 20)
        writer.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return data

    sml_end = b"\x1b\x1b\x1b\x1b\x1a"
    found = list(sml.observations(io.BytesIO(asyncio.run(listen()))))
    assert {one.problem for one in found} == {None}
    assert {one.meter for one in found} == {"1 DZG00 1000 0010"}
    assert len({one.seconds_index for one in found}) == 2


@pytest.mark.integration
def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(PortTaken):
            asyncio.run(serve(plan(Form.SML), HOST, taken.getsockname()[1]))

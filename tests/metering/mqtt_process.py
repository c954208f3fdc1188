"""An adapter's listening part in a process of its own, to be killed: `mqtt_process.py <folder> <port>`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lindenstrom.core.calendar import Zone
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.assembling import Assembly
from lindenstrom.metering.clock import Clock
from lindenstrom.metering.config import parse_config
from lindenstrom.metering.formats.mqttmapping import mapping_text, parse_mapping
from lindenstrom.metering.recorder import Recorder
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source

MAPPING = mapping_text(parse_mapping({"preset": "esphome", "device": "m", "import": "in"}))
SETUP = ReaderSetup(
    community=bytes(32),
    reader=3,
    depth=12,
    zone=Zone(),
    meters=(MeterSetup(position=5, meter=bytes(31) + b"\x05", source=Source.MQTT, mapping=MAPPING),),
)


async def listen(folder: Path, port: int) -> None:
    """Journal what comes until killed."""
    adapter = Adapter.create(folder, SETUP, random=bytes)
    source = f"mqtt://127.0.0.1:{port}"
    config = parse_config(
        folder / "adapter.toml",
        {
            "reader": "roof",
            "folder": str(folder),
            "key": {"alias": "roof"},
            "meter": [{"position": 5, "source": source}],
        },
    )
    parts = Assembly(config, adapter, 20_750)
    recorder = Recorder(
        shelf_of=parts.shelf, clock=Clock(wait_s=0), commit_s=0.05, free_bytes=lambda: 1 << 40, reserve_bytes=0
    )
    stop = asyncio.Event()
    await asyncio.gather(recorder.run(stop, stop), *(one.run(recorder.take, stop) for one in parts.sources()))


if __name__ == "__main__":
    asyncio.run(listen(Path(sys.argv[1]), int(sys.argv[2])))

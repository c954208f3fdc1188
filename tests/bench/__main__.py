"""`python -m tests.bench metering [--points N] [--days D]`: figures of the metering adapter on this machine."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import metering


def main() -> None:
    """Run each measurement in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("what", choices=["metering"])
    parser.add_argument("--points", type=int, default=1000, help="metering points of the operator")
    parser.add_argument("--days", type=int, default=7, help="days that are built, signed and handed over")
    given = parser.parse_args()
    sys.stdout.write(machine() + "\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        for name in metering.MEASUREMENTS:
            command = [sys.executable, "-m", "tests.bench.metering", name, folder, str(given.points), str(given.days)]
            subprocess.run(command, check=True, cwd=Path(__file__).resolve().parents[2])


def machine() -> str:
    """What the figures were measured on."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    load = os.getloadavg()[0]
    return f"{cpu or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}"


if __name__ == "__main__":
    main()

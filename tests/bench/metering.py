"""What the metering adapter needs: a metering operator's month, its days, and a day at home.

`month`: a month of MSCONS of all points, imported. `days`: days of all points built, signed, handed over, from the
month's journals. `home`: a day of SML at a telegram a second, decoded and built.
"""

import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.writers.mscons import EXPORT_OBIS, IMPORT_OBIS, Series, interchange
from lindenstrom.metering.writers.smllooks import LOOKS, SmlMeter
from tests.metering.folders import DAY, KEY, ZONE, home_setup, operator_setup, randomness

MONTH = 30
TELEGRAM_EVERY_S = 1
NOW = ZONE.window_end(DAY + MONTH + 1)


def month(folder: Path, points: int, _days: int) -> str:
    """A month of quarter-hours in both directions."""
    path = folder / "month.txt"
    first, last = ZONE.first_slot(DAY), ZONE.first_slot(DAY + MONTH)
    draw = random.Random(1).randrange
    series = (
        Series(
            metering_point=f"DE{number:05}",
            obis=obis,
            first_slot=first,
            values_mwh=[1000 * draw(1000) for _ in range(first, last)],
            made_at=NOW,
        )
        for number in range(points)
        for obis in (IMPORT_OBIS, EXPORT_OBIS)
    )
    with path.open("wb") as file:
        file.writelines(interchange(series, made_at=NOW, reference="B1"))
    adapter = Adapter.create(folder / "operator", operator_setup(points), random=randomness)
    with Stopwatch() as watch:
        report = adapter.import_file(path, now=NOW)
    values = points * 2 * (last - first)
    assert report.added * 2 >= values, report
    size = path.stat().st_size / 1e6
    return (
        f"month of MSCONS, {points} points, {values} values, {size:.0f} MB: {watch} {values / watch.wall:,.0f} values/s"
    )


def days(folder: Path, points: int, count: int) -> str:
    """Days of all points, from journals to the mailbox."""
    adapter = Adapter(folder / "operator", random=randomness)
    mail = folder / "mailbox"
    mail.mkdir()
    with Stopwatch() as watch:
        for window in range(DAY, DAY + count):
            report = adapter.build(window, now=NOW)
            assert report.entry is not None, report
            adapter.sign(window, KEY)
            adapter.deliver(window, mail)
    done = points * count
    return (
        f"{done} meter-days built, signed, handed over: {watch} "
        f"{done / watch.wall:,.0f} meter-days/s, {done / watch.cpu:,.0f} per second of one core"
    )


def home(folder: Path, _points: int, _days: int) -> str:
    """A day of SML at a telegram a second, into the journal and out as a pack."""
    adapter = Adapter.create(folder / "home", home_setup(), random=randomness)
    begin, end = ZONE.window_start(DAY) - 60, ZONE.window_end(DAY) + 60
    meter = SmlMeter(look=LOOKS["dzg"], serial=1)
    shelf = adapter.shelf(adapter.setup.meters[0])
    for start in range(begin, end, 3600):
        times = range(start, min(start + 3600, end), TELEGRAM_EVERY_S)
        chunks = [
            Record(
                kind=Kind.SML,
                time_ms=at * 1000,
                payload=meter.telegram(
                    number=at, seconds=at & 0xFFFFFFF, import_mwh=100 * (at - begin), export_mwh=0, power_mw=360_000
                ),
            )
            for at in times
        ]
        with shelf.open_sml(start * 1000) as journal:
            journal.append(chunks)
    with Stopwatch() as watch:
        report = adapter.build(DAY, now=NOW)
    assert report.entry is not None, report
    return f"a day at home, {(end - begin) // TELEGRAM_EVERY_S} telegrams, decoded and built: {str(watch).rstrip(',')}"


class Stopwatch:
    """Wall and processor seconds of a block, and the process's peak memory at its end."""

    def __enter__(self) -> Self:
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._start[0]
        self.cpu = time.process_time() - self._start[1]
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s of processor), peak memory {self.peak_mb:.0f} MB,"


MEASUREMENTS: dict[str, Callable[[Path, int, int], str]] = {"month": month, "days": days, "home": home}

if __name__ == "__main__":
    _, name, folder, points, count = sys.argv
    sys.stdout.write(MEASUREMENTS[name](Path(folder), int(points), int(count)) + "\n")

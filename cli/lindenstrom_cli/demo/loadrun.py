"""demo --load: the same community job over measured households, every day settled, attested, final and audited."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from lindenstrom.core.calendar import date_of
from lindenstrom.core.units import format_kwh
from lindenstrom_cli.app import Session
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.demo.loadfile import OneLoadFile
from lindenstrom_cli.demo.report import AuditFacts, audit_facts
from lindenstrom_cli.render import Result, emphasis


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport(Result):
    """A run over a load file. parts_ms: mean milliseconds a day per part; gas in thousandths a member and slot."""

    SCHEMA: ClassVar[str] = "demo-load"
    community: str
    households: int
    meters: int
    members: int
    first: date
    last: date
    days: int
    parts_ms: dict[str, int]
    drew_mwh: int
    fed_in_mwh: int
    shared_mwh: int
    gas_per_member_slot_milli: int
    audit: AuditFacts
    home: Path | None
    seconds: float

    def lines(self) -> Iterable[str]:
        """Figures of the run."""
        title = text(
            "demo.load_title",
            name=self.community,
            days=self.days,
            first=self.first,
            last=self.last,
            households=self.households,
            meters=self.meters,
        )
        yield emphasis(title, "green")
        shared, drew, fed = (format_kwh(e, 1) for e in (self.shared_mwh, self.drew_mwh, self.fed_in_mwh))
        yield text("demo.load_shared", shared=shared, drew=drew, fed=fed)
        parts = ", ".join(text("demo.load_part", name=name, ms=ms) for name, ms in self.parts_ms.items())
        yield text("demo.load_parts", total=sum(self.parts_ms.values()), parts=parts)
        gas = self.gas_per_member_slot_milli
        yield text("demo.gas", whole=gas // 1000, tenth=gas % 1000 // 100)
        a = self.audit
        word = emphasis("✓ clean", "green") if a.passed else emphasis("✗ differs", "red")
        yield text("demo.audited", verdict=word, postings=a.postings, slots=a.slots_checked, missing=a.meters_replaced)
        if a.first_difference:
            yield text("demo.audit_first", first=a.first_difference)
        yield text("demo.seconds", seconds=self.seconds)
        if self.home is not None:
            yield text("demo.kept", home=self.home)
            yield text("demo.try_audit", home=self.home)
            yield text("demo.try_status", home=self.home)


def run_load(
    session: Session, root: Path, kept: bool, files: Sequence[Path], seed: int, first_monday: date | None
) -> LoadReport:
    """Run all days of a load file."""
    from lindenstrom.audit.run import audit_run
    from lindenstrom_cli.demo import scenes
    from lindenstrom_cli.demo.feeding import Feeder
    from lindenstrom_cli.demo.founding import found_town
    from lindenstrom_cli.demo.loadfile import DEFAULT_FIRST_MONDAY, load_community, read_load_file, window_energy

    if len(files) != 1:
        raise OneLoadFile(len(files))
    began = time.perf_counter()
    data = load_community(read_load_file(files[0]), seed=seed, first_monday=first_monday or DEFAULT_FIRST_MONDAY)
    parts: dict[str, float] = defaultdict(float)
    gas = drew = fed = shared = slots = 0
    with ExitStack() as stack:
        windows = range(data.first_window, data.last_window + 1)
        town = found_town(root, data.community, windows, stack)
        zone = town.zone
        feeder = Feeder(town, lambda w: window_energy(data, min(w, data.last_window), zone))
        for window in session.track(list(windows), text("demo.load_label")):
            start = time.perf_counter()
            anchored = feeder.feed(window)
            parts["meter"] += time.perf_counter() - start
            settled = scenes.settle(town, window)
            for step, seconds in settled.timings.items():
                parts[str(step)] += seconds
            start = time.perf_counter()
            gas += sum(anchored.gas) + settled.gas + scenes.attest_day(town, settled.sequence)
            parts["audit and attest"] += time.perf_counter() - start
            slots += settled.slots
            sums, own = scenes.day_series(town, window, settled.sequence)
            drew, fed, shared = drew + sum(sums.draw_mwh), fed + sum(sums.feed_mwh), shared + sum(own)
        gas += scenes.make_final(town)
        audited = audit_run(town.home.mailbox, town.chain, town.community)
        members = len(data.community.members)
    return LoadReport(
        community=data.community.name,
        households=len(data.households),
        meters=len(data.community.meters),
        members=members,
        first=date_of(windows[0]),
        last=date_of(windows[-1]),
        days=len(windows),
        parts_ms={name: round(seconds * 1000 / len(windows)) for name, seconds in parts.items()},
        drew_mwh=drew,
        fed_in_mwh=fed,
        shared_mwh=shared,
        gas_per_member_slot_milli=gas * 1000 // (members * slots),
        audit=audit_facts(audited),
        home=root if kept else None,
        seconds=round(time.perf_counter() - began, 1),
    )

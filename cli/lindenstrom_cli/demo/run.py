"""demo: a community's days, from the meters' bytes to a checked bill, a refuted lie and a clean audit."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import click

from lindenstrom.core.calendar import date_of, parse_date, window_of
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.demo.report import DemoDay, DemoReport, audit_facts
from lindenstrom_cli.errors import OptionWithoutEffect
from lindenstrom_cli.types import DATE, CheatList

SEED = 3
FIRST_DAY = "2026-10-23"
DAYS = 3
SILENT_READER, SILENT_DAY = 3, 1
"""The home adapter of one member is not heard of on the second day."""
CHEATED_MEMBER, CHEATED_CENT = 5, 7
VERIFIED_MEMBER = 4


@command(
    None,
    "demo",
    "demo",
    "demo --keep lindenhain",
    "demo --load elcons_15min.csv --first-monday 2026-11-02",
    "demo --cheat all",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep everything in this new directory; every other command works on it.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=SEED, show_default=True, help="Seed of the made-up data."
)
@click.option(
    "--load",
    "load_files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Run the days of a file of measured quarter-hours instead (format: docs/developer.md).",
)
@click.option(
    "--cheat",
    type=CheatList(),
    metavar="LIST",
    help="Tell lies instead and see who catches them: `all`, or names with commas between (docs/catalogue.md).",
)
@click.option("--first-monday", type=DATE, default=None, help="Day that the load file's first Monday is mapped to.")
@click.argument("more_files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="")
def demo(
    session: Session,
    keep: Path | None,
    seed: int,
    load_files: tuple[Path, ...],
    cheat: tuple[str, ...] | None,
    first_monday: date | None,
    more_files: tuple[Path, ...],
) -> "DemoReport":
    """Run a whole community on a chain of its own: readings in, days settled, a lie refuted, everything audited."""
    files = (*load_files, *more_files)  # a shell's *.csv gives several words after --load
    if cheat and files:
        raise OptionWithoutEffect("--load", "lies are told about the made-up community")
    with _place(keep) as root:
        if cheat:
            from lindenstrom_cli.demo.cheatrun import run_cheat

            return run_cheat(session, root, cheat, kept=keep is not None, seed=seed)  # type: ignore[return-value]
        if files:
            from lindenstrom_cli.demo.loadrun import run_load

            return run_load(session, root, keep is not None, files, seed, first_monday)  # type: ignore[return-value]
        return run_demo(session, root, kept=keep is not None, seed=seed)


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    """The directory to work in; one of our own making is removed at the end."""
    if keep is not None:
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="lindenstrom-demo-"))
    try:
        yield folder / "home"
    finally:
        shutil.rmtree(folder / "home", ignore_errors=True)  # the picture stays


def run_demo(session: Session, root: Path, *, kept: bool, seed: int) -> "DemoReport":
    """The demo's whole course in a new directory."""
    began = time.perf_counter()
    from lindenstrom.audit.run import audit_run
    from lindenstrom_cli.demo import scenes
    from lindenstrom_cli.demo.feeding import Feeder
    from lindenstrom_cli.demo.founding import found_town
    from lindenstrom_cli.demo.model import community_model, day_energy
    from lindenstrom_cli.demo.picture import day_picture_svg

    note = (lambda _: None) if session.renderer.as_json else session.note
    model = community_model(seed)
    first = window_of(parse_date(FIRST_DAY))
    with ExitStack() as stack:
        note(text("demo.founding", name=model.name, members=len(model.members), meters=len(model.meters)))
        town = found_town(root, model, range(first, first + DAYS), stack)
        feeder = Feeder(town, lambda window: day_energy(model, window, town.zone))
        days: list[DemoDay] = []
        for offset in range(DAYS - 1):
            silent = frozenset({SILENT_READER}) if offset == SILENT_DAY else frozenset()
            note(text("demo.day", day=date_of(first + offset)))
            anchored = feeder.feed(first + offset, silent)
            settled = scenes.settle(town, first + offset)
            days.append(DemoDay.of(settled, sum(anchored.gas), scenes.attest_day(town, settled.sequence)))
        last = first + DAYS - 1
        anchored = feeder.feed(last)  # before the clock moves past the close of the last day's readings
        final_gas = scenes.make_final(town)
        shown = days[0]
        verified_file = scenes.bundle_file(town, VERIFIED_MEMBER, shown.window, shown.sequence)
        verified = scenes.verify(town, scenes.bundle_of(town, VERIFIED_MEMBER, shown.window, shown.sequence))

        note(text("demo.cheat", day=date_of(last)))
        refuted = scenes.cheat_and_refute(town, last, CHEATED_MEMBER, CHEATED_CENT)
        days.append(
            DemoDay(
                window=last,
                sequence=refuted.posted_again,
                slots=town.zone.slot_count(last),
                missing=0,
                gas=sum(anchored.gas) + refuted.posting_gas + scenes.attest_day(town, refuted.posted_again),
            )
        )
        final_gas += scenes.make_final(town)
        note(text("demo.audit"))
        audited = audit_run(town.home.mailbox, town.chain, town.community)
        sums, shared = scenes.day_series(town, last, refuted.posted_again)
        picture = (root if kept else root.parent) / "day.svg"
        svg = day_picture_svg(
            community=model.name, window=last, zone=town.zone, sums=sums, shared_mwh=shared, note=model.origin
        )
        picture.write_text(svg, encoding="utf-8")
        slots = sum(day.slots for day in days)
        return DemoReport(
            community=model.name,
            members=scenes.member_sums(town, {day.window: day.sequence for day in days}),
            days=tuple(days),
            silent_reader=SILENT_READER,
            telegrams=feeder.telegrams,
            gas_per_member_slot_milli=(sum(d.gas for d in days) + final_gas) * 1000 // (len(model.members) * slots),
            verified=verified,
            verified_member=VERIFIED_MEMBER,
            verified_file=verified_file if kept else None,
            refutation=refuted,
            audit=audit_facts(audited),
            picture=picture,
            home=root if kept else None,
            seconds=round(time.perf_counter() - began, 1),
        )

"""meter bind, unbind, list: which meter belongs to whom, and who reads it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.core.calendar import date_of
from lindenstrom.core.terms import Binding
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.days import end_day, first_day, shown_last
from lindenstrom_cli.errors import NoRoom, NoSuchReader, NothingGiven, OptionWithoutEffect
from lindenstrom_cli.mappings import mapping_in
from lindenstrom_cli.render import Result, table
from lindenstrom_cli.sent import Sent, recorded
from lindenstrom_cli.types import DATE
from lindenstrom_cli.world import open_office, open_store, open_world, reader_folder

if TYPE_CHECKING:
    from lindenstrom.metering.setup import ReaderSetup

SOURCES = ("intervals", "registers", "sml", "dsmr", "mqtt")

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundMeter:
    """A binding, with the metering point that only the operator's store knows."""

    metering_point: str
    binding: Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterList(Result):
    """All bindings."""

    SCHEMA: ClassVar[str] = "meters"
    meters: tuple[BoundMeter, ...]

    def lines(self) -> Iterable[str]:
        """A table."""
        head = [text(f"head.{name}") for name in ("id", "point", "member", "reader", "position", "first", "last")]
        rows = [
            (
                str(m.binding.id),
                m.metering_point,
                str(m.binding.member),
                str(m.binding.reader),
                str(m.binding.position),
                date_of(m.binding.from_day).isoformat(),
                shown_last(m.binding.end_day),
            )
            for m in self.meters
        ]
        yield from table(head, rows, right=frozenset({0, 2, 3, 4}))


@command(
    None,
    "bind",
    "meter bind DE0001234 --member anna --reader street",
    "meter bind DE0001234 --member anna --reader roof --position 0 --source sml --from 2026-07-01",
    "meter bind DE0001234 --member anna --reader roof --source mqtt --mapping tasmota.toml",
    password=True,
)
@click.argument("metering_point")
@click.option("--member", "given", required=True, metavar="MEMBER", help="Name or index.")
@click.option("--reader", "alias", required=True, metavar="ALIAS", help="Who signs its readings.")
@click.option("--position", type=click.IntRange(0), help="Place in the reader's tree (default: the next free one).")
@click.option("--source", type=click.Choice(SOURCES), default="intervals", show_default=True, help="Form of its data.")
@click.option("--mapping", type=FILE, metavar="FILE", help="Which MQTT topics hold its registers (TOML).")
@click.option("--from", "first", type=DATE, help="First day (default: the earliest possible).")
@click.option("--until", "last", type=DATE, help="Last day (default: open).")
def bind(
    session: Session, metering_point: str, given: str, alias: str, position: int | None, source: str,
    mapping: Path | None, first: date | None, last: date | None,
) -> Sent:  # fmt: skip
    """Bind a meter to a member and a reader, with the member's signature.

    The chain sees a pseudonym of the metering point; its name stays in the operator's store.
    """
    from lindenstrom.core.eip712 import Bind
    from lindenstrom.metering.setup import MeterSetup, Source, write_setup
    from lindenstrom.operator import people

    setup = known_setup(session, alias)
    topics = _mapping(source, mapping)
    world = open_world(session)
    office = open_office(world)
    member = world.member(given)
    place = _free_position(setup) if position is None else position
    act = Bind(
        member=member,
        meter=people.meter_of(office, metering_point),
        reader=setup.reader,
        position=place,
        from_day=first_day(first, world.chain.now()),
        end_day=end_day(last),
        auditors=world.contracts.auditors_hash(),
    )
    number = people.bind(office, act, world.sign(world.account_signer(member), act))
    kind = Source(source)
    added = MeterSetup(
        position=place,
        meter=act.meter,
        source=kind,
        metering_point=metering_point if kind is Source.INTERVALS else "",
        from_day=act.from_day,
        end_day=act.end_day,
        mapping=topics,
    )
    if added not in setup.meters:
        write_setup(reader_folder(session, alias), replace(setup, meters=(*setup.meters, added)))
    summary = text("meter.bound", member=member, reader=alias, position=place, day=date_of(act.from_day))
    return recorded("meter bound", summary, number)


@command(None, "unbind", "meter unbind 1", "meter unbind 1 --until 2026-12-31", password=True)
@click.argument("number", metavar="BINDING", type=click.IntRange(1))
@click.option("--until", "last", type=DATE, help="Last day (default: the earliest possible).")
def unbind(session: Session, number: int, last: date | None) -> Sent:
    """End a meter's binding: with the member's signature where its key is here, else on the operator's authority."""
    from lindenstrom.core.eip712 import Unbind
    from lindenstrom.metering.setup import read_setup, write_setup
    from lindenstrom.operator import people

    world = open_world(session)
    office = open_office(world)
    binding = world.contracts.binding(number)
    end = end_day(last) if last else first_day(None, world.chain.now())
    entry = session.keys.find(world.contracts.account(binding.member))
    act = Unbind(binding=number, end_day=end)
    signature = world.sign(session.keys.unlock(entry.alias), act) if entry else b""
    people.unbind(office, number, end, signature)
    for folder in session.home.readers.glob("*/"):
        setup = read_setup(folder)
        if setup.reader == binding.reader:
            meters = tuple(
                replace(m, end_day=end) if (m.meter, m.from_day) == (binding.meter, binding.from_day) else m
                for m in setup.meters
            )
            write_setup(folder, replace(setup, meters=meters))
    return recorded("meter unbound", text("meter.unbound", id=number, day=date_of(end - 1)), number)


@command(None, "list", "meter list")
def list_(session: Session) -> MeterList:
    """List the meters that are or were bound; names come from the operator's store, where it is at hand."""
    world = open_world(session)
    points = open_store(world).metering_points() if session.home.store.is_file() else {}
    bindings = [world.contracts.binding(i) for i in range(1, world.contracts.binding_count() + 1)]
    return MeterList(meters=tuple(BoundMeter(metering_point=points.get(b.meter, ""), binding=b) for b in bindings))


def known_setup(session: Session, alias: str) -> "ReaderSetup":
    """Set-up of a reader of this home. Raises NoSuchReader, FolderError."""
    from lindenstrom.metering.setup import read_setup

    folder = reader_folder(session, alias)
    if not folder.is_dir():
        raise NoSuchReader(alias)
    return read_setup(folder)


def _mapping(source: str, path: Path | None) -> str:
    """The text of an MQTT meter's mapping. Raises NothingGiven, OptionWithoutEffect, UnreadableFile, BadMapping."""
    if source != "mqtt":
        if path is not None:
            raise OptionWithoutEffect("--mapping", "only MQTT has topics")
        return ""
    if path is None:
        raise NothingGiven("which topics hold the registers", "--mapping FILE (docs/metering.md, MQTT)")
    from lindenstrom.metering.formats.mqttmapping import mapping_text

    return mapping_text(mapping_in(path))


def _free_position(setup: "ReaderSetup") -> int:
    used = {m.position for m in setup.meters}
    free = next((p for p in range(2**setup.depth) if p not in used), None)
    if free is None:
        raise NoRoom(setup.depth)
    return free

"""simulate: a made-up community's meter data in the forms that real ones send, with the truth beside it."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.core.calendar import Zone, date_of, window_of
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import NothingGiven, OptionWithoutEffect
from lindenstrom_cli.render import Result
from lindenstrom_cli.types import DATE, PERCENT

if TYPE_CHECKING:
    from lindenstrom.simulation.plan import Plan

FORMS = ("sml", "dsmr", "mqtt", "mscons", "csv")
LOOKS = ("dzg", "emh", "emh-tariffs", "iskra", "easymeter")
"""Forms, and meters that SML telegrams imitate: here so that `--help` stays light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated(Result):
    """What was written. faults: of single meters; messages: published to a broker."""

    SCHEMA: ClassVar[str] = "simulated"
    folder: Path | None
    form: str
    meters: int
    first_day: date
    last_day: date
    faults: int
    messages: int

    def lines(self) -> Iterable[str]:
        """What is where."""
        days = text("simulate.days", first=self.first_day, last=self.last_day)
        if self.folder is None:
            yield text("simulate.published", count=self.messages, meters=self.meters, days=days)
            return
        yield text("simulate.written", meters=self.meters, days=days, folder=self.folder / self.form)
        yield text("simulate.truth", folder=self.folder, faults=self.faults)


@command(
    None,
    "simulate",
    "simulate --out street --as csv --households 20 --pv 40 --from 2026-06-01 --days 30",
    "simulate --out roofs --as sml --households 3 --pv 100 --battery 50 --fault gap:0.2 --fault damaged",
    "simulate --as mqtt --broker localhost:1883 --households 5 --days 1",
    "simulate --as sml --serve 127.0.0.1:8888 --households 1 --every 2 --from 2026-06-01 --days 3660",
)
@click.option("--as", "form", type=click.Choice(FORMS), default="csv", show_default=True, help="Form of the data.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="New folder for it.")
@click.option("--households", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many.")
@click.option("--pv", type=PERCENT, default="40", show_default=True, help="Per cent of them with a roof.")
@click.option("--battery", type=PERCENT, default="50", show_default=True, help="Per cent of roofs with a battery.")
@click.option("--heat-pump", type=PERCENT, default="20", show_default=True, help="Per cent with a heat pump.")
@click.option("--car", type=PERCENT, default="20", show_default=True, help="Per cent with an electric car.")
@click.option("--from", "first", type=DATE, default="2026-06-01", show_default=True, help="First day.")
@click.option("--days", type=click.IntRange(1, 3660), default=7, show_default=True, help="How many days.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Seed of all chance.")
@click.option("--zone", default="Europe/Berlin", show_default=True, help="Time zone of the days.")
@click.option("--every", type=click.IntRange(1, 900), metavar="SECONDS", help="Time between telegrams (default: 60).")
@click.option("--meter", "look", type=click.Choice(LOOKS), help="Meter that SML telegrams imitate (default: dzg).")
@click.option(
    "--fault", "faults", multiple=True, metavar="KIND[:NUMBER]", help="A fault (docs/simulation.md lists them)."
)
@click.option("--broker", metavar="HOST:PORT", help="Publish MQTT messages here, instead of writing files.")
@click.option("--serve", metavar="HOST:PORT", help="Let meters be heard here, in real time: each at a port of its own.")
@click.option("--live", is_flag=True, help="With --broker: publish each message at its time, from now on.")
def simulate(
    session: Session,
    form: str,
    out: Path | None,
    households: int,
    pv: int,
    battery: int,
    heat_pump: int,
    car: int,
    first: date,
    days: int,
    seed: int,
    zone: str,
    every: int | None,
    look: str | None,
    faults: tuple[str, ...],
    broker: str | None,
    serve: str | None,
    live: bool,
) -> Simulated:
    """Make up a community's meter data, for trials and tests. The same options give the same bytes.

    Beside the data lies the truth: truth.csv has every quarter-hour, truth.json the meters and every fault. Nothing of
    it is real; needs the extra `demo`.
    """
    from lindenstrom.simulation.community import Mix
    from lindenstrom.simulation.faults import Form, parse_order
    from lindenstrom.simulation.plan import Plan

    _require_effect(form, every=every, look=look, broker=broker, serve=serve, out=out, live=live)
    plan = Plan(
        seed=seed,
        mix=Mix(households=households, pv_ppm=pv, battery_ppm=battery, heat_pump_ppm=heat_pump, car_ppm=car),
        first_window=window_of(first),
        day_count=days,
        form=Form(form),
        zone=Zone.named(zone),
        look=look or LOOKS[0],
        every_s=every or 60,
        orders=tuple(parse_order(fault) for fault in faults),
    )
    if serve:
        return _serve(session, plan, serve)
    return _publish(plan, broker, live=live) if broker else _write(session, plan, out)


def _write(session: Session, plan: "Plan", out: Path | None) -> Simulated:
    from lindenstrom.simulation.run import DayDone
    from lindenstrom.simulation.run import simulate as run

    if out is None:
        raise NothingGiven("where to write", "--out DIR")
    steps: Iterator[DayDone] = run(plan, out)
    done: DayDone | None = None
    for _ in session.track(list(plan.windows), text("progress.simulate")):
        done = next(steps)
    for _ in steps:  # what ends the files
        pass
    assert done is not None
    return _result(plan, out, faults=done.faults, messages=0)


def _publish(plan: "Plan", address: str, *, live: bool) -> Simulated:
    from lindenstrom.simulation.live import paced
    from lindenstrom.simulation.messages import Broker
    from lindenstrom.simulation.run import plan_messages

    host, port = _address(address, "--broker")
    found = plan_messages(plan)
    count = Broker(host=host, port=port).publish(paced(found) if live else found)
    return _result(plan, None, faults=len(plan.faults(plan.homes())), messages=count)


def _serve(session: Session, plan: "Plan", address: str) -> Simulated:
    from lindenstrom.simulation.live import serve

    host, port = _address(address, "--serve")
    for place, home in enumerate(plan.homes()):
        session.note(text("simulate.heard", name=home.file_stem, address=f"{host}:{port + place}"))
    session.note(text("simulate.until"))
    count = asyncio.run(serve(plan, host, port))
    return _result(plan, None, faults=len(plan.faults(plan.homes())), messages=count)


def _result(plan: "Plan", folder: Path | None, *, faults: int, messages: int) -> Simulated:
    windows = plan.windows
    return Simulated(
        folder=folder,
        form=plan.form.value,
        meters=plan.mix.households,
        first_day=date_of(windows[0]),
        last_day=date_of(windows[-1]),
        faults=faults,
        messages=messages,
    )


def _address(given: str, option: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise NothingGiven("the port", f"{option} HOST:PORT, for example localhost:1883")
    return host, int(port)


def _require_effect(
    form: str,
    *,
    every: int | None,
    look: str | None,
    broker: str | None,
    serve: str | None,
    out: Path | None,
    live: bool,
) -> None:
    """Raises OptionWithoutEffect."""
    if look and form != "sml":
        raise OptionWithoutEffect("--meter", f"only SML telegrams imitate a meter, and this is {form}")
    if every and form in ("csv", "mscons"):
        raise OptionWithoutEffect("--every", f"{form} holds quarter-hours")
    if broker and form != "mqtt":
        raise OptionWithoutEffect("--broker", f"only MQTT messages go to a broker, and this is {form}")
    if serve and form not in ("sml", "dsmr"):
        raise OptionWithoutEffect("--serve", f"only sml and dsmr are heard on a line, and this is {form}")
    if (broker or serve) and out:
        raise OptionWithoutEffect("--out", "with --broker or --serve nothing is written")
    if live and not broker:
        raise OptionWithoutEffect("--live", "it is for messages that go to a --broker; --serve is live anyway")

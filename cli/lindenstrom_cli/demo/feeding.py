"""Readings into the adapters, and nowhere else: SML bytes from the homes, a file from the metering operator."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lindenstrom.chain.batches import SignedAnchor, Skip
from lindenstrom.core.calendar import SECONDS_PER_SLOT
from lindenstrom.core.units import format_kwh
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom_cli.demo.founding import Town
from lindenstrom_cli.demo.parts import DayEnergy, DemoMeter

TELEGRAM_EVERY_S = 600
JITTER_S = 120
MARGIN_S = 900
"""How far into the next day the clock stands when a day is built: every adapter has heard its meter again by then."""
PLACES = 6

EnergyOf = Callable[[int], DayEnergy]
"""Window → metering point → (import, export) mWh per slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Carries readers' signed roots to the chain; anyone may, here the operator pays."""

    town: Town
    gas: list[int] = field(default_factory=list)

    def anchor(self, records: Sequence[SignedAnchor], /) -> Mapping[int, Skip]:
        """Send one transaction with all the roots."""
        contracts = self.town.office.contracts
        sent = self.town.chain.send(contracts.anchoring(records), self.town.office.key)
        self.gas.append(sent.gas_used)
        return contracts.skipped(sent)


class Feeder:
    """Feeds day after day, in order."""

    def __init__(self, town: Town, energy_of: EnergyOf) -> None:
        self.town, self._energy_of = town, energy_of
        self.telegrams = 0
        self._random = random.Random(town.model.seed)  # noqa: S311 - jitter for a demonstration
        self._registers = dict(town.model.start_registers_mwh)
        before = town.zone.window_start(town.first_window) - 2 * TELEGRAM_EVERY_S
        self._heard_until = {meter.number: before for meter in town.model.meters}

    def feed(self, window: int, silent: frozenset[int] = frozenset()) -> Carrier:
        """Advance the clock to the end of a window, import its readings, build, sign, deliver and anchor.

        silent: readers that nothing is heard of on that day.
        """
        town, energy = self.town, self._energy_of(window)
        following = self._energy_of(window + 1)
        end = town.zone.window_end(window)
        town.chain.advance_to(max(town.chain.now(), end + MARGIN_S))
        carrier = Carrier(town=town)
        for reader, adapter in town.adapters.items():
            mine = [meter for meter in town.model.meters if meter.reader == reader]
            if reader in silent:
                self._heard_until |= {meter.number: end for meter in mine}
                continue
            if reader == 0:
                self._import_file(mine, window, energy)
            else:
                for meter in mine:
                    chunks = self._telegrams(meter, window, energy, following)
                    adapter.import_sml(meter.position, chunks)
                    self.telegrams += len(chunks)
            adapter.process(
                window,
                now=town.chain.now(),
                key=town.reader_key(reader).secret,
                mailbox_folder=town.home.mailbox,
                anchorer=carrier,
            )
        self._registers = {point: _after(self._registers[point], day) for point, day in energy.items()}
        return carrier

    def _import_file(self, meters: Sequence[DemoMeter], window: int, energy: DayEnergy) -> None:
        """Write the metering operator's file of the day and import it."""
        first = self.town.zone.first_slot(window)
        folder = self.town.home.root / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{window}.csv"
        rows = ["metering_point,slot_start,import_kwh,export_kwh,status"]
        for meter in meters:
            for i, (imported, exported) in enumerate(energy[meter.metering_point]):
                start = datetime.fromtimestamp((first + i) * SECONDS_PER_SLOT, tz=UTC).isoformat()
                values = f"{format_kwh(imported, PLACES)},{format_kwh(exported, PLACES)}"
                rows.append(f"{meter.metering_point},{start},{values},measured")
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        self.town.adapters[0].import_intervals(path)

    def _telegrams(
        self, meter: DemoMeter, window: int, energy: DayEnergy, following: DayEnergy
    ) -> list[tuple[int, bytes]]:
        """What the reading head hears from the last time on until a little after the day: (unix ms, bytes)."""
        zone = self.town.zone
        begin, end = zone.window_start(window), zone.window_end(window)
        server = b"\x0a\x01DEMO" + meter.number.to_bytes(4, "big")
        chunks: list[tuple[int, bytes]] = []
        time = self._heard_until[meter.number]
        while time < end:
            time += TELEGRAM_EVERY_S + self._random.randint(-JITTER_S, JITTER_S)
            at = self._register_at(meter, time, begin, end, energy, following)
            telegram = sml_telegram(
                server_id=server,
                sec_index=time & 0xFFFFFFF,
                import_mwh=at[0],
                export_mwh=at[1],
                number=time & 0xFFFF,
            )
            chunks.append((time * 1000 + self._random.randint(0, 999), telegram))
        self._heard_until[meter.number] = time
        return chunks

    def _register_at(
        self, meter: DemoMeter, time: int, begin: int, end: int, energy: DayEnergy, following: DayEnergy
    ) -> tuple[int, int]:
        point = meter.metering_point
        start = self._registers[point]
        if time < begin:
            return start  # nothing is known of the day before the first: the meter stands still
        if time <= end:
            return _within(start, energy[point], time - begin)
        return _within(_after(start, energy[point]), following[point], time - end)


def _after(registers: tuple[int, int], day: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return registers[0] + sum(i for i, _ in day), registers[1] + sum(e for _, e in day)


def _within(start: tuple[int, int], day: Sequence[tuple[int, int]], seconds: int) -> tuple[int, int]:
    """Registers some seconds into a day, evenly within the quarter-hour, floored to the meter's 0.1 Wh."""
    whole, rest = divmod(seconds, SECONDS_PER_SLOT)
    before = _after(start, day[:whole])
    now: Mapping[int, int] = {d: day[whole][d] * rest // SECONDS_PER_SLOT if rest else 0 for d in (0, 1)}
    return before[0] + now[0], before[1] + now[1]

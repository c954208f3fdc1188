"""One trial: a reader with a source, lives that are killed, outages; then what is left is held against what came."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from random import Random

from tests.metering.kills.life import Life, SourceKind, live
from tests.metering.kills.sources import (
    POINT,
    SLOT_S,
    Inbox,
    MeterLine,
    Publisher,
    Reading,
    Sending,
    interval_file,
    mapping,
    mscons_file,
    register_file,
    telegram,
    text_telegram,
)
from tests.metering.kills.wires import NodeFault, NodeLine
from tests.support.mosquitto import Mosquitto

from lindenstrom.chain.batches import records_of
from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.rpc import Rpc
from lindenstrom.core.calendar import Zone
from lindenstrom.core.hashing import keccak
from lindenstrom.core.packs import decode_pack
from lindenstrom.mailbox import collect_pack_file
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.signing import address_of

ZONE = Zone()
FIRST_DAY = 20_750
DAYS = 2
WINDOWS = range(FIRST_DAY, FIRST_DAY + DAYS)
COIN = 10**20
DEPTH = 12
LIFE_S = 60.0
FORK = get_context("forkserver")


FORMS = {
    SourceKind.SML: Source.SML,
    SourceKind.D0: Source.DSMR,
    SourceKind.MQTT: Source.MQTT,
    SourceKind.REGISTERS: Source.REGISTERS,
    SourceKind.INTERVALS: Source.INTERVALS,
    SourceKind.MSCONS: Source.INTERVALS,
}
WRITERS = {
    SourceKind.REGISTERS: register_file,
    SourceKind.INTERVALS: interval_file,
    SourceKind.MSCONS: mscons_file,
}


class Violation(AssertionError):
    """Something accepted is lost or doubled, or the outbox contradicts the chain."""


@dataclass
class World:
    """What all trials share: a chain, its community, the way to it."""

    rpc: Rpc
    chain: Chain
    community: Community
    line: NodeLine
    operator: bytes
    broker: Mosquitto | None

    def add_reader(self, key: bytes) -> int:
        contracts = self.community.contracts(self.chain)
        index = contracts.reader_count()
        self.chain.send(contracts.add_reader(index, address_of(key)), self.operator)
        return index

    def fund(self, key: bytes, wei: int) -> None:
        self.rpc.ask("anvil_setBalance", "0x" + address_of(key).hex(), hex(wei))


@dataclass
class Outcome:
    """What a trial brought, for the figures."""

    source: str = ""
    node: str = ""
    kills: Counter[str] = field(default_factory=Counter)
    source_outage: bool = False
    broker_outage: bool = False
    accepted: int = 0
    settled: int = 0
    in_gap_list: int = 0
    anchored: int = 0
    doubled: int = 0
    unbuilt: int = 0
    lives: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def readings_of(chance: Random) -> list[Reading]:
    """Registers at every quarter-hour from before the first day to after the last."""
    first, last = ZONE.first_slot(WINDOWS[0]) - 1, ZONE.first_slot(WINDOWS[-1] + 1) + 2
    imported, exported = chance.randrange(10**9) * 1000, chance.randrange(10**6) * 1000
    found = []
    for slot in range(first, last + 1):
        found.append(Reading(slot * SLOT_S, imported, exported))
        imported += chance.randrange(0, 900) * 1000
        exported += chance.randrange(0, 2) * chance.randrange(0, 900) * 1000
    return found


class Trial:
    """A reader of its own, from an empty folder to quiet."""

    def __init__(self, world: World, folder: Path, seed: int, source: SourceKind, node: NodeFault) -> None:
        self.world, self.folder, self.source, self.fault = world, folder, source, node
        self.chance = Random(seed)
        self.key = keccak(b"reader %d" % seed + secrets.token_bytes(8))
        folder.mkdir(parents=True)
        self.outcome = Outcome(source=source.value, node=node.value)
        self.readings = readings_of(self.chance)
        world.fund(self.key, 0 if node is NodeFault.POOR else COIN)
        self.reader = world.add_reader(self.key)
        self.block = world.chain.block_number()
        self.files: list[tuple[int, int]] = []
        self.unrest = threading.Thread(target=self._disturb)
        self._setup()

    def _setup(self) -> None:
        form = FORMS[self.source]
        meter = MeterSetup(
            position=0,
            meter=keccak(self.key),
            source=form,
            metering_point=POINT if form is Source.INTERVALS else "",
            mapping=mapping(self.reader) if form is Source.MQTT else "",
            from_day=WINDOWS[0],
        )
        setup = ReaderSetup(
            community=self.world.community.id, reader=self.reader, depth=DEPTH, zone=ZONE, meters=(meter,)
        )
        Adapter.create(self.folder / "reader", setup, random=secrets.token_bytes)

    # --- running

    def run(self, kills: list[tuple[str, int] | float], *, count: bool = False) -> Outcome:
        """Kill at each of these (a point with its occurrence, or a time in seconds); then leave it in peace; check."""
        outage = self._outage()
        source = self._source(outage)
        self.unrest.start()
        life = Life(
            folder=self.folder,
            community=self.world.community.path,
            node_url=self.world.line.url,
            reader=self.reader,
            key=self.key,
            source=self.source,
            port=source.port,
            windows=WINDOWS,
            count=count,
        )
        try:
            for kill in kills:
                self._live(life, kill)
            self.unrest.join()
            code = self._live(replace(life), None)
            if code:
                raise Violation(f"the last life ended with {code}")
        finally:
            self.unrest.join()
            source.close()
        self._check()
        return self.outcome

    def _live(self, life: Life, kill: tuple[str, int] | float | None) -> int | None:
        """One life; its exit code, negative for a kill."""
        self.outcome.lives += 1
        if isinstance(kill, tuple):
            life = replace(life, kill_at=kill)
        process = FORK.Process(target=live, args=(life,))
        process.start()
        deadline = time.monotonic() + LIFE_S
        if isinstance(kill, float):
            process.join(kill)
            if process.is_alive():
                process.kill()
        while process.is_alive() and time.monotonic() < deadline:
            process.join(0.03)
            if not self.unrest.is_alive() and process.is_alive():  # nothing becomes final that is to be taken back
                self.world.rpc.ask("anvil_mine", "0x1")
        if process.is_alive():
            process.kill()
            process.join()
            raise Violation("a life did not come to an end")
        code = process.exitcode
        if code == -9:
            self.outcome.kills["at any moment" if isinstance(kill, float) else str(kill and kill[0])] += 1
        elif code:
            raise Violation(f"a life ended with {code}")
        return code

    def _outage(self) -> range:
        self.outcome.source_outage = True
        begin = self.chance.randrange(len(self.readings) - 10)
        return range(begin, begin + self.chance.randrange(1, 40))

    def _source(self, outage: range) -> Sending:
        if self.source.is_line:
            write = telegram if self.source is SourceKind.SML else text_telegram
            frames = [(r.time, write(number, r)) for number, r in enumerate(self.readings)]
            return MeterLine(frames, self.chance, outage)
        if self.source is SourceKind.MQTT:
            assert self.world.broker is not None
            return Publisher(self.world.broker.port, self.folder, self.reader, self.readings, self.chance, outage)
        size, last = self.chance.randrange(8, 40), len(self.readings) - 1
        spans = [(at, min(at + size + 1, last + 1)) for at in range(0, last, size)]
        files = [(self.readings[stop - 1].time, WRITERS[self.source](self.readings[at:stop])) for at, stop in spans]
        self.files = [(at, stop - 1) for at, stop in spans]  # the reading at its end is told by the next file
        return Inbox(self.folder / "inbox", files, self.chance)

    def _disturb(self) -> None:
        """The outages of broker and node, some time after the beginning."""
        broker = self.world.broker
        if self.source is SourceKind.MQTT and broker is not None:
            self.outcome.broker_outage = True
            time.sleep(self.chance.uniform(0.1, 0.8))
            broker.stop(kill=self.chance.random() < 0.3)
            time.sleep(self.chance.uniform(0, 0.4))
            broker.start()
        if self.fault is NodeFault.NONE:
            return
        rpc, line = self.world.rpc, self.world.line
        begin, length = self.chance.uniform(0, 0.6), self.chance.uniform(0.1, 0.5)
        if self.fault is NodeFault.REORG:
            snapshot = rpc.ask("evm_snapshot")
            time.sleep(begin + length)
            rpc.ask("evm_revert", snapshot)
            return
        time.sleep(begin)
        if self.fault is NodeFault.STUCK:
            rpc.ask("evm_setAutomine", False)
        line.fault = self.fault
        time.sleep(length)
        line.fault = NodeFault.NONE
        if self.fault is NodeFault.STUCK:
            rpc.ask("evm_setAutomine", True)
            rpc.ask("anvil_mine", "0x1")
        if self.fault is NodeFault.POOR:
            self.world.fund(self.key, COIN)

    # --- checking

    def _check(self) -> None:
        adapter = Adapter(self.folder / "reader", random=secrets.token_bytes)
        lines = (self.folder / "ledger").read_text().splitlines()
        self.outcome.errors.update(line[2:] for line in lines if line.startswith("! "))
        taken = self._taken([line for line in lines if not line.startswith("! ")])
        entries = {entry.window: entry for entry in adapter.outbox.entries()}
        self._check_chain(adapter)
        gaps = {gap.window for gap in adapter.gap_list(WINDOWS[0], WINDOWS[-1])}
        registers: dict[int, tuple[int, int]] = {}
        for window in WINDOWS:
            entry = entries.get(window)
            if entry is None:
                self.outcome.unbuilt += 1
                if window not in gaps:
                    raise Violation(f"{window} is neither built nor on the gap list")
                continue
            packs = adapter.outbox.packs(window, entry.revision)
            for slot, pair in _registers(packs[0]).items():
                if registers.setdefault(slot, pair) != pair:
                    raise Violation(f"the packs around slot {slot} do not meet")
        first, last = ZONE.first_slot(WINDOWS[0]), ZONE.first_slot(WINDOWS[-1] + 1)
        taken = [reading for reading in taken if first <= reading.time // SLOT_S <= last]
        self.outcome.accepted = len(taken)
        start = (0, 0)
        if FORMS[self.source] is Source.INTERVALS and registers:  # these count from 0
            at = min(registers)
            first = next(r for r in self.readings if r.time == at * SLOT_S)
            start = (first.import_mwh, first.export_mwh)
        for reading in taken:
            self._check_reading(reading, registers, gaps, start)

    def _check_reading(
        self, reading: Reading, registers: dict[int, tuple[int, int]], gaps: set[int], start: tuple[int, int]
    ) -> None:
        """A reading at a quarter-hour is the register there in every pack that reaches it; else a gap is named."""
        slot = reading.time // SLOT_S
        if slot in registers:
            if registers[slot] != (reading.import_mwh - start[0], reading.export_mwh - start[1]):
                raise Violation(f"the register at slot {slot} is not what was read")
            self.outcome.settled += 1
            return
        near = {ZONE.window_at(reading.time), ZONE.window_at(reading.time - 1)} & set(WINDOWS)
        if near <= gaps:
            self.outcome.in_gap_list += 1
        else:
            raise Violation(f"a reading at slot {slot} is neither settled nor on the gap list")

    def _check_chain(self, adapter: Adapter) -> None:
        contracts = self.world.community.contracts(self.world.chain)
        topics = contracts.reading_log.topics("Anchored")
        logs = self.world.chain.logs(self.world.community.addresses.reading_log, topics, self.block)
        events = [event for event in map(contracts.event, logs) if event is not None]
        rows = [row for event in events for row in records_of(event) if row.record.reader == self.reader]
        found = sorted((row.record.window, row.record.revision, row.record.root) for row in rows)
        self.outcome.doubled = len(found) - len({(window, revision) for window, revision, _ in found})
        entries = adapter.outbox.entries()
        wanted = [(entry.window, entry.revision, entry.root) for entry in entries]
        if found != wanted:
            raise Violation(f"{len(found)} roots are anchored, the outbox has {len(wanted)}")
        if not all(entry.final for entry in entries):
            raise Violation("something is not final")
        account = address_of(self.key)
        if adapter.outbox.sendings(account):
            raise Violation("a transaction is still open")
        if self.world.chain.nonce(account) != len({row.tx_hash for row in rows}):
            raise Violation("a transaction was spent on nothing")
        for entry in entries:
            delivery = collect_pack_file(self.folder / "mail", entry.window, self.reader, entry.revision)
            packs = adapter.outbox.packs(entry.window, entry.revision)
            if delivery is None or (delivery.root, delivery.packs) != (entry.root, packs):
                raise Violation("mailbox and outbox differ")
        self.outcome.anchored = len(found)

    def _taken(self, lines: list[str]) -> list[Reading]:
        """The readings that the adapter said it accepted, whole."""
        if self.source.is_file:
            spans = {self.files[int(line.split("-")[0])] for line in lines if line.endswith(".in")}
            times = {reading.time for at, stop in spans for reading in self.readings[at:stop]}
            return [reading for reading in self.readings if reading.time in times]
        parts = Counter(int(line.split()[0]) for line in lines)
        wanted = {int(line.split()[0]): int(line.split()[2]) for line in lines}
        if self.source is SourceKind.MQTT:  # named by their time; what was not acknowledged comes again
            return [reading for reading in self.readings if reading.time in parts]
        return [self.readings[at] for at in sorted(parts) if parts[at] == wanted[at]]


def _registers(pack: bytes) -> dict[int, tuple[int, int]]:
    """Registers at every quarter-hour of a pack, added up from its start; they end at its end."""
    found = decode_pack(pack)
    slot = ZONE.first_slot(found.window)
    at = (found.start.import_mwh, found.start.export_mwh)
    registers = {slot: at}
    for imported, exported in zip(found.import_mwh, found.export_mwh, strict=True):
        slot, at = slot + 1, (at[0] + imported, at[1] + exported)
        registers[slot] = at
    if at != (found.end.import_mwh, found.end.export_mwh):
        raise Violation("a pack does not add up to its registers")
    return registers

"""At least a thousand kills with outages, and what is left of them: figures for docs/reliability.md."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.metering.kills.life import SourceKind
from tests.metering.kills.trial import FORK, WINDOWS, ZONE, Outcome, Trial, Violation, World
from tests.metering.kills.wires import NodeFault, NodeLine, own_anvil
from tests.support.mosquitto import Mosquitto, mosquitto_path

from lindenstrom.chain.abi import contract_abi
from lindenstrom.chain.client import CONTRACTS, Chain
from lindenstrom.chain.deploy import deploy_community
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.hashing import keccak

OPERATOR = keccak(b"operator of the kill campaign")
MEMORY = Path("/dev/shm")
MORE_KILLS = 3
OCCURRENCES = ("first", "middle", "last")


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A chain with a community. Raises AnvilMissing."""
    FORK.set_forkserver_preload(["tests.metering.kills.life", "eth_account", "web3"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with own_anvil(folder, port, ZONE.window_end(WINDOWS[-1] + 10)) as rpc:
        url = f"http://127.0.0.1:{port}"
        chain = Chain(NodeConfig(kind=NodeKind.ANVIL, url=url), rpc.provider, [contract_abi(n) for n in CONTRACTS])
        community = deploy_community(
            chain, folder / "community.toml", name="Trial", zone="Europe/Berlin", deployer_key=OPERATOR, auditors=[]
        )
        line, broker = NodeLine(port), None
        if mosquitto_path() is not None:
            (folder / "mosquitto").mkdir()
            broker = Mosquitto(folder / "mosquitto", ("allow_anonymous true", "max_queued_messages 0"))
            broker.start()
        try:
            yield World(rpc=rpc, chain=chain, community=community, line=line, operator=OPERATOR, broker=broker)
        finally:
            line.close()
            if broker is not None:
                broker.stop()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory: a kill takes no notice of the disk, and a thousand lives are a lot of fsync."""
    folder = Path(tempfile.mkdtemp(prefix="lindenstrom-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Campaign:
    """Trials one after the other, and their sums."""

    def __init__(self, place: World, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self.place, self.folder, self.seed, self.say = place, folder, seed, say
        self.chance = Random(seed)
        self.sources = [kind for kind in SourceKind if kind is not SourceKind.MQTT or place.broker is not None]
        self.outcomes: list[Outcome] = []
        self.points: dict[str, dict[str, int]] = {}

    @property
    def kills(self) -> int:
        """So far."""
        return sum(sum(outcome.kills.values()) for outcome in self.outcomes)

    def count_points(self) -> None:
        """One life of each source in peace, to see which write points there are, and how often each is passed."""
        for source in self.sources:
            trial = self._trial(source, NodeFault.NONE)
            trial.chance.seed(1)
            self.outcomes.append(trial.run([], count=True))
            self.points[source] = json.loads((trial.folder / "points.json").read_text())
            shutil.rmtree(trial.folder)

    def targets(self) -> list[tuple[SourceKind, tuple[str, int]]]:
        """Every point of every source: its first passing, its last, one between."""
        found = []
        for source in self.sources:
            for name, count in sorted(self.points[source].items()):
                middle = self.chance.randrange(1, count + 1)
                found += [(source, (name, occurrence)) for occurrence in sorted({1, middle, count})]
        self.chance.shuffle(found)
        return found

    def trial(self, source: SourceKind, first: tuple[str, int] | float) -> None:
        """One trial: this kill, and one to three more."""
        node = self.chance.choice([fault for fault in NodeFault if fault is not NodeFault.NONE])
        more: list[tuple[str, int] | float] = []
        for _ in range(self.chance.randint(1, MORE_KILLS)):
            if self.points and self.chance.random() < 0.3:
                name, count = self.chance.choice(sorted(self.points[source].items()))
                more.append((name, self.chance.randrange(1, count + 1)))
            else:
                more.append(self.chance.uniform(0.02, 0.7))
        trial = self._trial(source, node)
        try:
            self.outcomes.append(trial.run([first, *more]))
        except Violation as violation:
            kept = Path(tempfile.mkdtemp(prefix="lindenstrom-violation-"))
            shutil.copytree(trial.folder, kept / "trial")
            self.say(f"VIOLATION, kept in {kept}: {violation} ({source.value}, node: {node.value}, {[first, *more]})")
            raise
        shutil.rmtree(trial.folder)

    def run(self, wanted: int, keep: Callable[[dict[str, object]], None]) -> None:
        """Every target once, then at random, until there are so many kills; `keep` is given the figures so far."""
        self.count_points()
        targets = self.targets()
        self.say(f"{sum(map(len, self.points.values()))} write points, {len(targets)} targets")
        started = time.monotonic()
        while self.kills < wanted or targets:
            if targets and (self.kills >= wanted // 2 or self.chance.random() < 0.7):
                source, first = targets.pop()
                self.trial(source, first)
            else:
                self.trial(self.chance.choice(self.sources), self.chance.uniform(0.02, 0.9))
            if len(self.outcomes) % 25 == 0:
                keep(self.figures())
                spent = time.monotonic() - started
                self.say(
                    f"{self.kills} kills in {len(self.outcomes)} trials, {spent:.0f} s, {len(targets)} targets left"
                )

    def _trial(self, source: SourceKind, node: NodeFault) -> Trial:
        number = len(self.outcomes)
        return Trial(self.place, self.folder / f"{number:05}", self.seed * 1_000_003 + number, source, node)

    def figures(self) -> dict[str, object]:
        """The sums."""
        kills: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        for outcome in self.outcomes:
            kills.update(outcome.kills)
            errors.update(outcome.errors)
        total = Counter[str]()
        for outcome in self.outcomes:
            for name in ("accepted", "settled", "in_gap_list", "anchored", "doubled", "unbuilt", "lives"):
                total[name] += getattr(outcome, name)
        return {
            "seed": self.seed,
            "trials": len(self.outcomes),
            "kills": self.kills,
            "kills_by_point": dict(sorted(kills.items())),
            "sources": dict(sorted(Counter(outcome.source for outcome in self.outcomes).items())),
            "node_faults": dict(sorted(Counter(outcome.node for outcome in self.outcomes).items())),
            "source_outages": sum(outcome.source_outage for outcome in self.outcomes),
            "broker_outages": sum(outcome.broker_outage for outcome in self.outcomes),
            "errors_seen": dict(sorted(errors.items())),
            **total,
            "lost": total["accepted"] - total["settled"] - total["in_gap_list"],
        }


SAMPLE = (
    ("before journal fsync", 1),
    ("after journal write", 2),
    ("before outbox commit", 2),
    ("after outbox commit", 3),
    ("after mailbox link", 1),
    ("before transaction", 1),
    ("after transaction", 1),
    ("after month key fsync", 1),
)


def sample(trials: int, seed: int, say: Callable[[str], None]) -> dict[str, object]:
    """A few trials, the sources in turn, each killed at a point of its own and then perhaps at any moment."""
    with scratch() as folder, world(folder / "chain") as place:
        campaign = Campaign(place, folder, seed, say)
        for number in range(trials):
            campaign.trial(campaign.sources[number % len(campaign.sources)], SAMPLE[number % len(SAMPLE)])
        return campaign.figures()


def run(
    count: int, seed: int, say: Callable[[str], None], keep: Callable[[dict[str, object]], None]
) -> dict[str, object]:
    """A campaign of so many kills. Raises Violation at the first thing lost or doubled, AnvilMissing."""
    with scratch() as folder, world(folder / "chain") as place:
        campaign = Campaign(place, folder, seed, say)
        campaign.run(count, keep)
        return campaign.figures()

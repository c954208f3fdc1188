"""The measured figures: made, kept in gas.json, compared, and held against the budgets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lindenstrom_contracts import CONTRACTS, load
from lindenstrom_contracts.testing.community import FLOORS, START, deploy
from tests.gas import days, disputes
from tests.gas.days import BUDGET_BATCH, SLOTS
from tests.gas.node import public_rules

KEPT = Path(__file__).with_name("gas.json")
DEPTH = 14
"""Trees of 16 384 places: what 10 000 members need."""

Figures = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A ceiling, with what was measured."""

    what: str
    measured: float
    ceiling: int

    @property
    def kept(self) -> bool:
        return self.measured <= self.ceiling


def measure() -> dict[str, int]:
    """Every figure, on a node of its own. Half a minute to a minute."""
    with public_rules(START) as node:
        community = deploy(node, constants=replace(FLOORS, depth=DEPTH))
        fresh = node.snapshot()
        found = {f"bytes of {name}": len(load(name).deployed_bytecode) for name in CONTRACTS}
        found |= {f"onboarding: {name}": gas for name, gas in disputes.onboarding(community).items()}
        fresh = node.revert(fresh)
        sizes = {"usual": disputes.USUAL} | {
            f"caps, {name}": disputes.at_the_caps(key, rule) for name, key, rule in disputes.KEYS
        }
        for name, size in sizes.items():
            answers = disputes.answer_of(disputes.prepare(community, size))
            found |= {f"{name}: {function}": gas for function, gas in answers.items()}
            fresh = node.revert(fresh)
        day = days.measure(node, community)
    found |= {
        "day: anchor": day.anchor,
        "day: post": day.post,
        "day: attest": day.attest,
        "day: finalise": day.finalise,
    }
    found |= {f"day: anchorMany of {count} records": gas for count, gas in day.batches.items()}
    found[f"day: anchorMany of {BUDGET_BATCH} records, P-256"] = day.batch_p256
    found |= {f"day: every meter of {size} anchored": gas for size, gas in day.meters.items()}
    return found


def read() -> dict[str, int]:
    """The committed figures."""
    kept: dict[str, int] = json.loads(KEPT.read_text("utf-8"))
    return kept


def write(found: Figures) -> None:
    """Commit these."""
    KEPT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def settlement(found: Figures) -> int:
    """Post, one attestation, finality of a day."""
    return found["day: post"] + found["day: attest"] + found["day: finalise"]


def by_operator(found: Figures, size: int) -> float:
    """Gas per member and quarter-hour where one metering operator signs for all."""
    return (found["day: anchor"] + settlement(found)) / size / SLOTS


def by_meters(found: Figures, size: int) -> float:
    """… where every member's meter signs for itself."""
    return (found[f"day: every meter of {size} anchored"] + settlement(found)) / size / SLOTS


def worst(found: Figures, function: str) -> tuple[str, int]:
    """At the caps: the allocation key that costs most, and what."""
    rows = {name: found[f"caps, {name}: {function}"] for name, _, _ in disputes.KEYS}
    key = max(rows, key=lambda name: rows[name])
    return key, rows[key]


def budgets(found: Figures) -> list[Budget]:
    """What must hold; `dev.py gas --check` fails otherwise."""
    own = found[f"day: anchorMany of {BUDGET_BATCH} records"] / BUDGET_BATCH / SLOTS
    return [
        Budget(
            what="a member's quarter-hour, 1 000 members, one metering operator signs",
            measured=by_operator(found, 1_000), ceiling=5,
        ),
        Budget(
            what="a member's quarter-hour, 1 000 members, every meter signs", measured=by_meters(found, 1_000),
            ceiling=150,
        ),
        Budget(what=f"… its anchor alone, {BUDGET_BATCH} records a transaction", measured=own, ceiling=150),
        Budget(
            what="refute a member's day, 3 agreements, 2 meters, 100 slots", measured=found["usual: refute"],
            ceiling=1_000_000,
        ),
        Budget(
            what="refute a member's day at the caps, worst key", measured=worst(found, "refute")[1], ceiling=1_500_000
        ),
    ]  # fmt: skip


def differences(kept: Figures, found: Figures) -> list[str]:
    """What changed, in words; empty when nothing did."""
    lines = [
        f"{name}: {kept[name]:,} → {found[name]:,}" for name in kept if name in found and kept[name] != found[name]
    ]
    lines += [f"{name}: {found[name]:,}, new" for name in found if name not in kept]
    lines += [f"{name}: not measured any more" for name in kept if name not in found]
    return lines

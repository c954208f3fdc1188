"""docs/gas.md, made from the figures."""
# ruff: noqa: E501

from pathlib import Path

from tests.gas.days import BUDGET_BATCH, SIZES
from tests.gas.disputes import KEYS
from tests.gas.figures import DEPTH, Figures, budgets, by_meters, by_operator, settlement, worst

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gas.md"
FUNCTIONS = ("refute", "refuteLevels", "demand", "answer", "confirmDelivery", "voidOverdue", "finalise after a demand")

HEAD = f"""# What it costs

This page is made by `python3 dev.py gas --write`; `python3 dev.py gas --check` measures again and fails if a figure differs or a budget is exceeded.
Continuous integration runs it.

**How it is measured.** On an anvil node under Osaka's rules with the limits of public networks: 2^24 gas a transaction, the floor price for calldata
(EIP-7623), 128 KiB a transaction. Each figure is the gas that a receipt of a real transaction names, on a community whose trees have {DEPTH} levels
(10 000 members need them), on a day that is not its first. Signatures, times and addresses are the same in every run, so the figures are exact.

A figure per member and quarter-hour is the day's transactions divided by members and 96. Where every meter signs, 10 000 readers really stand in the
community, and all their transactions are sent: 256 records in each, the rest in the last. `post`, `attest` and `finalise` touch no
member, so that one measurement serves every size. Nothing is extrapolated.
"""

PEERS = """
Others, per household and quarter-hour:

| project | gas | source |
|---|--:|---|
| Hypha | 76 146 | its published contract `EnergyPPAv2`, github.com/hypha-dao/hypha-web |
| BloGPV | about 215 000 | the research project's published contracts; where they are kept today is not known to us |
| lemlab | about 1 420 000 | its published contracts, github.com/tum-ewk/lemlab |

Theirs were measured when this project was designed, from their published code on an in-process EVM; `dev.py gas` does not repeat that. They compute the
trade on the chain, and check no meter's signature. Here the chain checks the readers' signatures, keeps digests, and computes only what somebody disputes.
"""


def render(found: Figures) -> str:
    """The page. Same figures, same bytes."""
    parts = [HEAD, "## Budgets\n", *_budgets(found), "\n## A member's quarter-hour\n", *_quarter_hours(found), PEERS]
    parts += ["## A day's transactions\n", *_day(found), "\n## Disputes\n", *_disputes(found)]
    parts += ["\n## A new member\n", *_onboarding(found), "\n## Size of the contracts\n", *_sizes(found)]
    return "\n".join(parts) + "\n"


def spaced(value: float) -> str:
    """1 234 567; below a thousand with one decimal, unless it is whole."""
    if value >= 1_000 or value == int(value):
        return f"{round(value):,}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _budgets(found: Figures) -> list[str]:
    rows = ["| what | gas | at most |", "|---|--:|--:|"]
    return [*rows, *(f"| {b.what} | {spaced(b.measured)} | {spaced(b.ceiling)} |" for b in budgets(found))]


def _quarter_hours(found: Figures) -> list[str]:
    rows = ["Anchor, post, one attestation and finality together.", ""]
    rows += ["| members | one metering operator signs | every meter signs for itself |", "|--:|--:|--:|"]
    return rows + [
        f"| {spaced(size)} | {spaced(by_operator(found, size))} | {spaced(by_meters(found, size))} |" for size in SIZES
    ]


def _day(found: Figures) -> list[str]:
    names = {
        "day: anchor": "`anchor`, one root for all of a metering operator's meters",
        f"day: anchorMany of {BUDGET_BATCH} records": f"`anchorMany`, {BUDGET_BATCH} meters' own roots",
        f"day: anchorMany of {BUDGET_BATCH} records, P-256": "… signed with P-256",
        "day: anchorMany of 256 records": "`anchorMany`, 256 meters' own roots",
        "day: post": "`post`",
        "day: attest": "`attest`",
        "day: finalise": "`finalise`",
    }
    rows = [
        "| transaction | gas |",
        "|---|--:|",
        *(f"| {text} | {spaced(found[name])} |" for name, text in names.items()),
    ]
    return [*rows, f"| `post`, `attest` and `finalise` together | {spaced(settlement(found))} |"]


def _disputes(found: Figures) -> list[str]:
    rows = [
        "A day of 100 slots. *Usual*: 2 meters, 3 agreements (static, proportional, auction). *Caps*: 4 meters, 4 agreements of one key, and 32",
        "bindings and 32 memberships ever stored, every reader with a newer revision after the cut-off; anchored in full batches of 256. `refute` meets a",
        "total that is wrong by one p€, the last thing that the contract looks at.",
        "",
        "| function | usual | at the caps | dearest key |",
        "|---|--:|--:|---|",
    ]
    for function in FUNCTIONS:
        key, gas = worst(found, function)
        alike = len({found[f"caps, {name}: {function}"] for name, _, _ in KEYS}) == 1
        rows.append(
            f"| `{function.split()[0]}`{function.removeprefix(function.split()[0])} "
            f"| {spaced(found[f'usual: {function}'])} | {spaced(gas)} | {'all alike' if alike else key} |"
        )
    rows += ["", "`refute` at the caps, by key:", "", "| key | gas |", "|---|--:|"]
    return rows + [f"| {name} | {spaced(found[f'caps, {name}: refute'])} |" for name, _, _ in KEYS]


def _onboarding(found: Figures) -> list[str]:
    steps = ("addMember", "bind", "join")
    rows = ["Once, with one meter and one agreement.", "", "| transaction | gas |", "|---|--:|"]
    rows += [f"| `{step}` | {spaced(found[f'onboarding: {step}'])} |" for step in steps]
    return [*rows, f"| together | {spaced(sum(found[f'onboarding: {step}'] for step in steps))} |"]


def _sizes(found: Figures) -> list[str]:
    names = [name for name in found if name.startswith("bytes of ")]
    rows = ["| contract | bytes, at most 24 576 |", "|---|--:|"]
    return rows + [f"| `{name.removeprefix('bytes of ')}` | {spaced(found[name])} |" for name in names]

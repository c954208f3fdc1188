"""A correction beside the statement that it corrects: found in the same folder, shown in words."""

from collections.abc import Iterator
from pathlib import Path

from lindenstrom.core.bundles import Bundle, UnreadableBundle, read_bundle
from lindenstrom.core.changes import Change, Correction, correction, precedes
from lindenstrom.core.units import format_eur, format_kwh
from lindenstrom.mailbox import bundles_in
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.render import trimmed


def earlier_bundle(file: Path, bundle: Bundle) -> tuple[Bundle | None, Correction | None]:
    """The bundle of the revision before, if it lies in the same folder, and what changed since; else None twice."""
    if bundle.header.revision == 0:
        return None, None
    beside = (p for p in bundles_in(file.parent) if p.window == bundle.header.window and p.sequence < bundle.sequence)
    for posted in sorted(beside, key=lambda p: -p.sequence):  # void ones of the same revision came earlier
        try:
            earlier = read_bundle(posted.path.read_bytes())
        except UnreadableBundle:
            continue
        if precedes(earlier, bundle):
            return earlier, correction(earlier, bundle)
    return None, None


def change_lines(found: Correction) -> Iterator[str]:
    """What a correction changed, a line a figure."""
    yield text("correction.title", sequence=found.sequence)
    if not found.changes:
        yield "  " + text("correction.nothing")
    for change in found.changes:
        yield from _figures(change)
    shown = {"before": _eur(found.before_peur), "after": _eur(found.after_peur), "by": _signed(_eur(found.net_peur))}
    yield "  " + text("correction.net", **shown)


def _figures(change: Change) -> Iterator[str]:
    label = change.label or text("verify.agreement", id=change.agreement)
    for side in ("taken", "given"):
        by = getattr(change, f"{side}_mwh")
        if by:
            old, new = (getattr(line, f"{side}_mwh") if line else 0 for line in (change.before, change.after))
            shown = {"before": _kwh(old), "after": _kwh(new), "by": _signed(_kwh(by))}
            yield "  " + text(f"correction.{side}", label=label, **shown)
    if change.amount_peur:
        old, new = (line.amount_peur if line else 0 for line in (change.before, change.after))
        shown = {"before": _eur(old), "after": _eur(new), "by": _signed(_eur(change.amount_peur))}
        yield "  " + text("correction.amount", label=label, **shown)


def _kwh(energy_mwh: int) -> str:
    return trimmed(format_kwh(energy_mwh, 6))


def _eur(amount_peur: int) -> str:
    return trimmed(format_eur(amount_peur, 12))


def _signed(decimal: str) -> str:
    return decimal if decimal.startswith("-") else f"+{decimal}"

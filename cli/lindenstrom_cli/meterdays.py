"""How each meter's day came about, as a bundle tells it: measured, estimated, missing, replaced, read again."""

from collections.abc import Iterator
from dataclasses import dataclass

from lindenstrom.core.bundles import Bundle
from lindenstrom.core.packs import Status, decode_pack
from lindenstrom.core.replacement import TrueUp
from lindenstrom.core.statements import SourceKind
from lindenstrom.core.units import format_kwh
from lindenstrom_cli.catalogue import text


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDay:
    """One meter of a statement; numbers of quarter-hours. true_up: mWh beyond the replacements before, not priced."""

    label: str
    replaced: bool
    estimated: int
    missing: int
    true_up: TrueUp | None

    def lines(self) -> Iterator[str]:
        """Nothing where all was measured."""
        if self.replaced:
            yield text("statement.replaced", meter=self.label)
        for name in ("estimated", "missing"):
            if count := getattr(self, name):
                yield text(f"statement.{name}", meter=self.label, count=count)
        if self.true_up is not None:
            drew, fed_in = format_kwh(self.true_up.import_mwh, 6), format_kwh(self.true_up.export_mwh, 6)
            yield text("statement.true_up", meter=self.label, drew=drew, fed_in=fed_in)


def meter_days(bundle: Bundle) -> tuple[MeterDay, ...]:
    """The bundle's meters. Raises UnreadablePack."""
    return tuple(
        MeterDay(
            label=meter.label or f"{meter.binding.id}",
            replaced=meter.opening.kind == SourceKind.REPLACED,
            estimated=sum(status in (Status.PROVISIONAL, Status.ESTIMATED) for status in statuses),
            missing=statuses.count(Status.MISSING),
            true_up=meter.true_up,
        )
        for meter in bundle.meters
        for statuses in [decode_pack(meter.opening.pack).status]
    )

"""What a meter read again shows beyond its replacements, in words."""

from typing import Protocol

from lindenstrom.core.units import format_kwh
from lindenstrom_cli.catalogue import text


class ReadAgain(Protocol):
    """A true-up of a binding, mWh (operator's or auditor's)."""

    @property
    def binding(self) -> int: ...
    @property
    def member(self) -> int: ...
    @property
    def import_mwh(self) -> int: ...
    @property
    def export_mwh(self) -> int: ...


def true_up_line(found: ReadAgain) -> str:
    """One line; kWh with six places, as the registers have them."""
    drew, fed_in = format_kwh(found.import_mwh, 6), format_kwh(found.export_mwh, 6)
    return text("days.true_up", binding=found.binding, member=found.member, drew=drew, fed_in=fed_in)

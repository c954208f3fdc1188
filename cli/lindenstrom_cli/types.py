"""Option types: what people write, turned into the ledger's integers by core's own parsers."""

from datetime import date
from typing import Any

import click

from lindenstrom.core.calendar import parse_date
from lindenstrom.core.units import cent_per_kwh_to_ueur, kwh_to_mwh, percent_to_ppm
from lindenstrom_cli.errors import BadHex


class DateType(click.ParamType[date]):
    """A calendar day, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> date:
        """Parse; raises BadDate."""
        return value if isinstance(value, date) else parse_date(value)


class CentType(click.ParamType[int]):
    """A price in ct/kWh, as µ€/kWh."""

    name = "ct/kWh"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal."""
        return value if isinstance(value, int) else cent_per_kwh_to_ueur(value)


class PercentType(click.ParamType[int]):
    """A share in per cent, as ppm."""

    name = "percent"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal."""
        return value if isinstance(value, int) else percent_to_ppm(value.removesuffix("%"))


class KwhType(click.ParamType[int]):
    """Energy in kWh, as mWh."""

    name = "kWh"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal."""
        return value if isinstance(value, int) else kwh_to_mwh(value)


class AddressType(click.ParamType[bytes]):
    """A 20-byte address in hex."""

    name = "address"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> bytes:
        """Parse; raises BadHex."""
        return value if isinstance(value, bytes) else parse_hex(value, 20, "address")


def parse_hex(text: str, size: int, what: str) -> bytes:
    """Bytes of 0x hex of an exact size. Raises BadHex."""
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise BadHex(what, size) from None
    if len(data) != size or not text.startswith("0x"):
        raise BadHex(what, size)
    return data


DATE, CENT, PERCENT, KWH, ADDRESS = DateType(), CentType(), PercentType(), KwhType(), AddressType()

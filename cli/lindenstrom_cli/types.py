"""Option types: what people write, turned into the ledger's integers by core's own parsers."""

from datetime import date
from typing import Any

import click

from lindenstrom.core.calendar import BadDate, parse_date
from lindenstrom.core.units import PPM, cent_per_kwh_to_ueur, kwh_to_mwh, percent_to_ppm
from lindenstrom.signing import P256_KEY_BYTES, is_p256_point
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import BadHex, BadMonth, DayOutOfSpan, NoPoint, OutOfRange

LIES = (
    "amount",
    "energy",
    "price",
    "level",
    "header",
    "omitted-meter",
    "omitted-member",
    "omitted-agreement",
    "stale-source",
    "invented-replacement",
    "both-curtailed",
    "withheld-bundle",
    "unbalanced-slot",
    "skimmed-fee",
    "invented-values",
)
"""Names of the catalogue of lies (`demo/lies.py`), here so that `--help` stays light."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
U32, U64 = 2**32 - 1, 2**64 - 1


class DateType(click.ParamType[date]):
    """A calendar day, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> date:
        """Parse; raises BadDate, DayOutOfSpan."""
        return value if isinstance(value, date) else parse_day(value)


class MonthType(click.ParamType[date]):
    """A calendar month, YYYY-MM, as its first day."""

    name = "month"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> date:
        """Parse; raises BadMonth, DayOutOfSpan."""
        if isinstance(value, date):
            return value
        try:
            return parse_day(f"{value}-01")
        except BadDate:
            raise BadMonth(value) from None


class CentType(click.ParamType[int]):
    """A price in ct/kWh, as µ€/kWh."""

    name = "ct/kWh"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal, OutOfRange."""
        return (
            value if isinstance(value, int) else _within(cent_per_kwh_to_ueur(value), 0, U32, "0 to 429496.7295 ct/kWh")
        )


class PercentType(click.ParamType[int]):
    """A share in per cent, as ppm."""

    name = "percent"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal, OutOfRange."""
        return (
            value if isinstance(value, int) else _within(percent_to_ppm(value.removesuffix("%")), 0, PPM, "0 to 100 %")
        )


class KwhType(click.ParamType[int]):
    """Energy in kWh, as mWh."""

    name = "kWh"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal, OutOfRange."""
        return value if isinstance(value, int) else _within(kwh_to_mwh(value), 1, U32, "0.000001 to 4294.967295 kWh")


class RegisterType(click.ParamType[int]):
    """A register in kWh, as mWh."""

    name = "kWh"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Parse; raises BadDecimal, OutOfRange."""
        return value if isinstance(value, int) else _within(kwh_to_mwh(value), 0, U64, "0 to 18446744073709.551615 kWh")


class AddressType(click.ParamType[bytes]):
    """A 20-byte address in hex."""

    name = "address"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> bytes:
        """Parse; raises BadHex."""
        return value if isinstance(value, bytes) else parse_hex(value, 20, "address")


class PublicKeyType(click.ParamType[bytes]):
    """A public key of P-256 in hex, x and y."""

    name = "public key"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> bytes:
        """Parse; raises BadHex, NoPoint."""
        key = value if isinstance(value, bytes) else parse_hex(value, P256_KEY_BYTES, "public key")
        if not is_p256_point(key):
            raise NoPoint
        return key


def _within(value: int, least: int, most: int, span: str) -> int:
    if not least <= value <= most:
        raise OutOfRange(span)
    return value


def parse_day(text: str) -> date:
    """Calendar day within the span that a community can live in. Raises BadDate, DayOutOfSpan."""
    day = parse_date(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DayOutOfSpan(FIRST_YEAR, LAST_YEAR)
    return day


def parse_hex(text: str, size: int, what: str) -> bytes:
    """Bytes of 0x hex of an exact size. Raises BadHex."""
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise BadHex(what, size) from None
    if len(data) != size or not text.startswith("0x"):
        raise BadHex(what, size)
    return data


class CheatList(click.ParamType[tuple[str, ...]]):
    """Names of the catalogue of lies with commas between, or `all`."""

    name = "names"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Known names only, in the catalogue's order."""
        if isinstance(value, tuple):
            return value
        wanted = [name.strip() for name in value.split(",") if name.strip()]
        unknown = [name for name in wanted if name not in (*LIES, "all")]
        if unknown or not wanted:
            self.fail(text("cheat.unknown", names=", ".join(unknown) or value, known=", ".join(LIES)), param, ctx)
        return tuple(name for name in LIES if name in wanted or "all" in wanted)


DATE, CENT, PERCENT, KWH, ADDRESS = DateType(), CentType(), PercentType(), KwhType(), AddressType()
MONTH, REGISTER, PUBLIC_KEY = MonthType(), RegisterType(), PublicKeyType()

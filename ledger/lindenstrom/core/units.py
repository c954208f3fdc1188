"""Units of energy and money, as integers (DESIGN: mWh, µ€/kWh, p€, cent, ppm).

mWh × µ€/kWh = p€ exactly: 1e-6 kWh × 1e-6 €/kWh = 1e-12 €. A ledger entry is therefore never rounded;
the only rounding is that of an invoice line to cents, once, half up.
"""

from lindenstrom.errors import UsageError

MWH_PER_KWH = 1_000_000
PEUR_PER_CENT = 10_000_000_000
PPM = 1_000_000


class BadDecimal(UsageError):
    """A decimal number could not be read exactly."""

    def __init__(self, text: str, places: int, what: str) -> None:
        super().__init__(
            f"{what}: expected a number with at most {places} decimal places, for example 11.5; got {text!r}"
        )


def _parse_scaled(text: str, places: int, what: str) -> int:
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, dot, fraction = body.partition(".")
    digits_ok = whole.isascii() and whole.isdigit() and (not dot or (fraction.isascii() and fraction.isdigit()))
    if not digits_ok or len(fraction) > places:
        raise BadDecimal(text, places, what)
    scale: int = 10**places
    return sign * (int(whole) * scale + int(fraction.ljust(places, "0") or "0"))


def kwh_to_mwh(text: str) -> int:
    """Exact mWh of a decimal kWh text (at most 6 places). Raises BadDecimal."""
    return _parse_scaled(text, 6, "energy in kWh")


def cent_per_kwh_to_ueur(text: str) -> int:
    """Exact µ€/kWh of a decimal ct/kWh text (at most 4 places). Raises BadDecimal."""
    return _parse_scaled(text, 4, "price in ct/kWh")


def percent_to_ppm(text: str) -> int:
    """Exact ppm of a decimal per-cent text (at most 4 places). Raises BadDecimal."""
    return _parse_scaled(text, 4, "share in per cent")


def _format_scaled(value: int, places: int, shown: int) -> str:
    """Decimal text of value / 10**places, rounded half up (away from zero) to `shown` places."""
    step = 10 ** (places - shown)
    quotient = (abs(value) + step // 2) // step
    sign = "-" if value < 0 and quotient else ""
    whole, fraction = divmod(quotient, 10**shown)
    return f"{sign}{whole}.{fraction:0{shown}d}" if shown else f"{sign}{whole}"


def format_kwh(energy_mwh: int, places: int = 3) -> str:
    """kWh for people, rounded half up to `places` (0..6); no unit."""
    return _format_scaled(energy_mwh, 6, places)


def format_eur(amount_peur: int, places: int = 2) -> str:
    """Euro for people, rounded half up away from zero to `places` (0..12); no unit."""
    return _format_scaled(amount_peur, 12, places)


def format_price(price_ueur_kwh: int) -> str:
    """ct/kWh for people with four places at most, no trailing zeros beyond two; no unit."""
    text = _format_scaled(price_ueur_kwh, 4, 4)
    return text.removesuffix("00")


def invoice_line_cent(amount_peur: int) -> int:
    """Cents of one invoice line: the only rounding in the system, half up (away from zero on a tie)."""
    sign = -1 if amount_peur < 0 else 1
    return sign * ((abs(amount_peur) + PEUR_PER_CENT // 2) // PEUR_PER_CENT)

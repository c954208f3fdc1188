"""How prices of terms are shown."""

from lindenstrom.core.terms import Terms
from lindenstrom.core.units import format_price


def shown_price(terms: Terms) -> str:
    """The price in ct/kWh; for an auction its bounds, since each slot finds its own."""
    if terms.price_ueur_kwh is None:
        return f"{format_price(terms.price_a_ueur_kwh)}–{format_price(terms.price_b_ueur_kwh)}"
    return format_price(terms.price_ueur_kwh)

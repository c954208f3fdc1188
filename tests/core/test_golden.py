"""Golden vectors by name, with their sources; and that the committed vectors are what the core gives."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from lindenstrom.core.calendar import Zone, date_of, parse_date, window_of
from lindenstrom.core.clearing import NOT_LIMITED, ONE, given, levels, taken
from lindenstrom.core.terms import Key
from lindenstrom.core.units import BadDecimal, cent_per_kwh_to_ueur, format_eur, invoice_line_cent, kwh_to_mwh
from tests.vectors import generate

VECTORS = Path(generate.__file__).parent


def settle(key: Key, draws: list[tuple[int, int]], feeds: list[int]) -> tuple[list[int], list[int]]:
    level, giver_level = levels(key, draws, feeds)
    return [taken(key, level, c, k) for c, k in draws], [given(giver_level, f) for f in feeds]


@pytest.mark.parametrize("name", sorted(generate.VECTORS))
def test_committed_vectors_are_what_the_core_gives(name: str) -> None:
    assert (VECTORS / f"{name}.json").read_text() == generate.text_of(name)


def test_proportional_surplus() -> None:
    """E-Control (AT), dynamic allocation: whoever draws less than the pool together gets all of its draw."""
    took, gave = settle(Key.PROPORTIONAL, [(1, 0), (3, 0)], [10])
    assert (took, gave, 10 - sum(took)) == ([1, 3], [4], 6)


def test_constant_ten_per_cent() -> None:
    """BDEW, application guide on community supply: a constant 10 % of 100 is 10, not 9 (hence ppm, not 2⁻³²)."""
    assert settle(Key.STATIC, [(20, 100_000)], [100]) == ([10], [10])


def test_static_strands() -> None:
    """E-Control (AT), static allocation: an unused third stays unused; nobody else gets it."""
    took, gave = settle(Key.STATIC, [(6, 333_334), (6, 333_333), (0, 333_333)], [12])
    assert took == [4, 3, 0] and sum(gave) == 7
    exact, _ = settle(Key.STATIC, [(6_000_000, 333_334), (6_000_000, 333_333), (0, 333_333)], [12_000_000])
    assert [round_kwh(x) for x in exact] == [4, 4, 0]
    assert round_kwh(12_000_000 - sum(exact)) == 4


def round_kwh(value: int) -> int:
    return (value + 500_000) // 1_000_000


def test_static_thirds_cut_to_the_entitlement() -> None:
    """Pool 12, three thirds: draws of 6 are cut to their third of 4, about 4 are left."""
    took, _ = settle(Key.STATIC, [(6_000, 333_333)] * 2 + [(0, 333_333)], [12_000])
    assert took == [3_999, 3_999, 0]


@pytest.mark.parametrize("feeds", [[400, 400], [400_000, 400_000]])
def test_two_givers_share_evenly_in_any_order(feeds: list[int]) -> None:
    """Two givers 0.4 + 0.4 for a draw of 0.5: 0.25 each, whoever is named first."""
    half = sum(feeds) * 5 // 16
    _, gave = settle(Key.PROPORTIONAL, [(half * 2, 0)], feeds)
    assert gave == settle(Key.PROPORTIONAL, [(half * 2, 0)], feeds[::-1])[1] == [half, half]


def test_levels_at_the_edges() -> None:
    assert taken(Key.STATIC, 2**63, 2**32 - 1, 10**6) == 2**32 - 1
    assert taken(Key.PROPORTIONAL, NOT_LIMITED, 2**32 - 1, 0) == 2**32 - 1
    assert taken(Key.PROPORTIONAL, ONE - 1, 2**32 - 1, 0) == 2**32 - 2
    assert levels(Key.PROPORTIONAL, [], []) == (NOT_LIMITED, 0)
    assert levels(Key.PROPORTIONAL, [(5, 0)], []) == (ONE // 5, ONE)


@pytest.mark.parametrize(
    ("day", "slots"), [("2026-03-29", 92), ("2026-10-25", 100), ("2026-10-26", 96), ("2027-03-28", 92)]
)
def test_days_of_92_and_100_slots(day: str, slots: int) -> None:
    """Directive 2000/84/EC: last Sundays of March and October."""
    assert Zone().slot_count(window_of(parse_date(day))) == slots


@forall(st.integers(window_of(parse_date("2000-01-01")), window_of(parse_date("2037-12-31"))))
def test_calendar_agrees_with_the_zone_database(window: int) -> None:
    midnight = datetime.combine(date_of(window), datetime.min.time(), ZoneInfo("Europe/Berlin"))
    after = datetime.combine(date_of(window) + timedelta(days=1), datetime.min.time(), ZoneInfo("Europe/Berlin"))
    zone = Zone()
    assert zone.window_start(window) == midnight.timestamp()
    assert zone.window_end(window) == after.timestamp()
    assert zone.window_at(zone.window_start(window)) == window == zone.window_at(zone.window_end(window) - 1)


def test_labels_of_the_repeated_hour() -> None:
    zone, window = Zone(), window_of(parse_date("2026-10-25"))
    assert zone.slot_label(window, 8) == "02:00–02:15"
    assert zone.slot_label(window, 12) == "02:00–02:15 B"
    assert zone.slot_label(window, 99) == "23:45–00:00"
    assert Zone().slot_label(window_of(parse_date("2026-03-29")), 8) == "03:00–03:15"


def test_units_are_exact_and_round_half_up_once() -> None:
    assert kwh_to_mwh("0.0001") == 100 and cent_per_kwh_to_ueur("11.0") == 110_000
    assert [invoice_line_cent(x * 10**9) for x in (5, -5, 4, 15)] == [1, -1, 0, 2]
    assert format_eur(-5_000_000_000) == "-0.01" and format_eur(-4_999_999_999) == "0.00"
    for bad in ("1,5", "", "1.", "١", "1.0000001", "--1"):
        with pytest.raises(BadDecimal):
            kwh_to_mwh(bad)


def test_vector_files_are_json() -> None:
    assert all(json.loads((VECTORS / f"{name}.json").read_text()) for name in generate.VECTORS)

"""Units, days, trees and terms at the edges of their ranges."""

from collections.abc import Callable
from datetime import date

import pytest

from lindenstrom.core import merkle
from lindenstrom.core.calendar import (
    BadDate,
    UnknownZone,
    Zone,
    date_of,
    earliest_change,
    month_name,
    month_of,
    parse_date,
    window_of,
    windows_of,
)
from lindenstrom.core.hashing import EMPTY, keccak
from lindenstrom.core.merkle import BatchSize, PositionalTree, PositionOutOfTree, batch_depth, batch_tree, node, proves
from lindenstrom.core.terms import BadParameters, BadTerms, Binding, Key, Membership, Parameters, Role, Rule, Terms
from lindenstrom.core.units import (
    BadDecimal,
    cent_per_kwh_to_ueur,
    format_eur,
    format_kwh,
    format_price,
    invoice_line_cent,
    kwh_to_mwh,
    percent_to_ppm,
)

CENT = 10_000_000_000
SALT = bytes(32)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (kwh_to_mwh, "0", 0),
        (kwh_to_mwh, "12", 12_000_000),
        (kwh_to_mwh, "0.000001", 1),
        (kwh_to_mwh, "-1.5", -1_500_000),
        (kwh_to_mwh, "007.25", 7_250_000),
        (cent_per_kwh_to_ueur, "11", 110_000),
        (cent_per_kwh_to_ueur, "11.0001", 110_001),
        (percent_to_ppm, "100", 1_000_000),
        (percent_to_ppm, "33.3333", 333_333),
        (percent_to_ppm, "0.5", 5_000),
    ],
)
def test_decimals_are_read_exactly(read: Callable[[str], int], text: str, value: int) -> None:
    assert read(text) == value


@pytest.mark.parametrize("text", ["", "-", ".5", "5.", "1,5", "+1", "1e3", " 1", "--1", "1.0000001", "٣", "1.٣", "²"])
@pytest.mark.parametrize(
    ("read", "what"),
    [(kwh_to_mwh, "energy in kWh"), (cent_per_kwh_to_ueur, "price in ct/kWh"), (percent_to_ppm, "share in per cent")],
)
def test_what_is_no_decimal_is_refused(read: Callable[[str], int], what: str, text: str) -> None:
    with pytest.raises(BadDecimal, match=f"^{what}: expected a number with at most") as caught:
        read(text)
    assert str(caught.value).endswith(f"; got {text!r}")


def test_places_are_counted() -> None:
    with pytest.raises(BadDecimal, match="at most 6 decimal places"):
        kwh_to_mwh("0.0000001")
    for read in (cent_per_kwh_to_ueur, percent_to_ppm):
        with pytest.raises(BadDecimal, match="at most 4 decimal places"):
            read("0.00001")


@pytest.mark.parametrize(
    ("show", "value", "places", "text"),
    [
        (format_kwh, 1_234_567, None, "1.235"),
        (format_kwh, 1_234_499, None, "1.234"),
        (format_kwh, -500, None, "-0.001"),
        (format_kwh, -499, None, "0.000"),
        (format_kwh, 0, None, "0.000"),
        (format_kwh, 1_500_000, 0, "2"),
        (format_kwh, -1_500_000, 0, "-2"),
        (format_kwh, 1, 6, "0.000001"),
        (format_eur, CENT * 100, None, "1.00"),
        (format_eur, CENT // 2, None, "0.01"),
        (format_eur, CENT // 2 - 1, None, "0.00"),
        (format_eur, -CENT // 2, None, "-0.01"),
        (format_eur, 1, 12, "0.000000000001"),
        (format_price, 110_000, None, "11.00"),
        (format_price, 110_050, None, "11.0050"),
        (format_price, 110_001, None, "11.0001"),
        (format_price, -200, None, "-0.02"),
        (format_price, 0, None, "0.00"),
    ],
)
def test_numbers_for_people(show: Callable[..., str], value: int, places: int | None, text: str) -> None:
    assert (show(value) if places is None else show(value, places)) == text


def test_an_invoice_line_is_rounded_half_up_away_from_zero() -> None:
    for amount, cents in [(0, 0), (CENT // 2 - 1, 0), (CENT // 2, 1), (CENT, 1), (CENT * 3 // 2, 2), (5 * CENT, 5)]:
        assert invoice_line_cent(amount) == cents
        assert invoice_line_cent(-amount) == -cents
    assert str(invoice_line_cent((2**80 + 1) * CENT)) == str(2**80 + 1)


def test_days() -> None:
    assert parse_date("2026-10-25") == date(2026, 10, 25)
    assert window_of(date(2026, 10, 25)) == 20_751
    assert date_of(20_751) == date(2026, 10, 25)
    with pytest.raises(BadDate, match=r"^date '2026-13-01' is not a calendar day; write it as YYYY-MM-DD, for example"):
        parse_date("2026-13-01")
    assert earliest_change(20_700 * 86_400) == 20_702
    assert earliest_change(20_701 * 86_400 - 1) == 20_702
    assert earliest_change(20_701 * 86_400) == 20_703


def test_months() -> None:
    december = month_of(window_of(date(2026, 12, 31)))
    assert december == 2026 * 12 + 11
    assert month_of(window_of(date(2027, 1, 1))) == december + 1
    assert [month_name(month) for month in (december, december + 1, 12)] == ["2026-12", "2027-01", "0001-01"]
    for month, first, after in [
        (december, date(2026, 12, 1), date(2027, 1, 1)),
        (december + 2, date(2027, 2, 1), date(2027, 3, 1)),
        (december - 11, date(2026, 1, 1), date(2026, 2, 1)),
    ]:
        assert windows_of(month) == range(window_of(first), window_of(after))


def test_zones() -> None:
    assert Zone.named("Europe/Lisbon") == Zone(offset_hours=0)
    assert Zone.named("Europe/Berlin") == Zone()
    assert Zone.named("Europe/Sofia") == Zone(offset_hours=2)
    with pytest.raises(
        UnknownZone, match=r"^zone 'Europe/Moscow' is not known; use one of: Europe/Amsterdam, Europe/At"
    ):
        Zone.named("Europe/Moscow")


@pytest.mark.parametrize("zone", [Zone(offset_hours=offset) for offset in range(3)])
@pytest.mark.parametrize("window", [20_540, 20_541, 20_542, 20_750, 20_751, 20_752, 20_800])
def test_a_window_holds_its_first_second_and_its_last(zone: Zone, window: int) -> None:
    start, end = zone.window_start(window), zone.window_end(window)
    assert end - start == 900 * zone.slot_count(window)
    assert [zone.window_at(t) for t in (start - 1, start, start + 3600, end - 1, end)] == [
        window - 1, window, window, window, window + 1,
    ]  # fmt: skip
    assert str(zone.window_at(start)) == str(window)  # an integer


def test_labels_of_slots() -> None:
    spring, autumn, plain = 20_541, 20_751, 20_600
    zone = Zone()
    assert [zone.slot_label(plain, i) for i in (0, 95)] == ["00:00–00:15", "23:45–00:00"]
    assert [zone.slot_label(spring, i) for i in (7, 8, 91)] == ["01:45–03:00", "03:00–03:15", "23:45–00:00"]
    assert [zone.slot_label(autumn, i) for i in (8, 11, 12, 15, 16, 99)] == [
        "02:00–02:15", "02:45–02:00", "02:00–02:15 B", "02:45–03:00 B", "03:00–03:15", "23:45–00:00",
    ]  # fmt: skip


def test_empty_trees_level_by_level() -> None:
    roots = merkle._empty_roots()
    assert roots == merkle.EMPTY_ROOTS
    assert len(roots) == 21
    assert roots[0] == EMPTY
    assert all(roots[h + 1] == keccak(b"\x01" + roots[h] + roots[h]) for h in range(20))


def test_positions_of_a_tree() -> None:
    leaf, other = keccak(b"leaf"), keccak(b"other")
    tree = PositionalTree(depth=2, leaves={0: leaf, 3: other})
    assert tree.root == node(node(leaf, EMPTY), node(EMPTY, other))
    assert tree.proof(0) == (EMPTY, node(EMPTY, other))
    assert tree.proof(3) == (EMPTY, node(leaf, EMPTY))
    assert (tree.leaf(0), tree.leaf(1), tree.leaf(3)) == (leaf, EMPTY, other)
    for position in (-1, 4):
        with pytest.raises(
            PositionOutOfTree, match=rf"^position {position} does not fit into a tree of depth 2 \(0..3\)"
        ):
            tree.proof(position)
        with pytest.raises(
            PositionOutOfTree, match=rf"position {position} does not fit into a tree of depth 2 \(0..3\)"
        ):
            PositionalTree(depth=2, leaves={position: leaf})
        assert not proves(tree.root, leaf, position, tree.proof(0), 2)
    assert proves(tree.root, leaf, 0, tree.proof(0), 2)
    assert proves(tree.root, other, 3, tree.proof(3), 2)
    assert not proves(tree.root, leaf, 0, tree.proof(0), 3)
    assert not proves(tree.root, other, 0, tree.proof(0), 2)


def test_sizes_of_batches() -> None:
    assert [batch_depth(size) for size in (1, 2, 3, 4, 5, 255, 256)] == [0, 1, 2, 2, 3, 8, 8]
    for size in (0, 257):
        with pytest.raises(BatchSize, match=rf"^a batch holds 1 to 256 records, not {size}; anchor in several"):
            batch_depth(size)
    leaves = [keccak(bytes([i])) for i in range(3)]
    assert batch_tree(leaves).root == node(node(leaves[0], leaves[1]), node(leaves[2], EMPTY))


def terms(key: Key = Key.PROPORTIONAL, rule: Rule = Rule.FIXED, a: int = 100, b: int = 300) -> Terms:
    return Terms(steward=0, key=key, rule=rule, price_a_ueur_kwh=a, price_b_ueur_kwh=b, first_window=10, last_window=12)


def test_terms_that_the_contract_takes() -> None:
    assert [terms().covers(window) for window in (9, 10, 12, 13)] == [False, True, True, False]
    assert terms(rule=Rule.AUCTION, a=5, b=5).checked() == terms(rule=Rule.AUCTION, a=5, b=5)
    assert terms(key=Key.STATIC, a=6, b=5).checked() == terms(key=Key.STATIC, a=6, b=5)
    for key in set(Key) - {Key.PROPORTIONAL}:
        with pytest.raises(
            BadTerms, match=r"^these terms cannot be offered: an auction shares in proportion where limits"
        ):
            terms(key=key, rule=Rule.AUCTION).checked()
    with pytest.raises(
        BadTerms, match=r"^these terms cannot be offered: the auction's lower bound lies above its upper"
    ):
        terms(rule=Rule.AUCTION, a=6, b=5).checked()


def test_prices_of_terms() -> None:
    assert [terms(rule=rule, a=101, b=300).price_ueur_kwh for rule in Rule] == [101, 200, None]
    assert [terms().price_fits(price) for price in (99, 100, 101)] == [False, True, False]
    auction = terms(rule=Rule.AUCTION)
    assert [auction.price_fits(price) for price in (99, 100, 300, 301)] == [False, True, True, False]
    assert [auction.clamped(limit) for limit in (0, 100, 200, 300, 301)] == [100, 100, 200, 300, 300]


MOST = 2**32 - 1


@pytest.mark.parametrize(
    ("key", "rule", "good", "bad", "says"),
    [
        (Key.PROPORTIONAL, Rule.FIXED, {"share_ppm": 0}, {"share_ppm": -1}, "the share is between 0 and 100 %"),
        (Key.EQUAL, Rule.FIXED, {"share_ppm": 10**6}, {"share_ppm": 10**6 + 1}, "the share is between 0 and 100 %"),
        (Key.PROPORTIONAL, Rule.FIXED, {"weight": 0}, {"weight": -1}, "weight or rank is between 0 and 2^32 - 1"),
        (Key.EQUAL, Rule.FIXED, {"weight": MOST}, {"weight": MOST + 1}, "weight or rank is between 0 and 2^32 - 1"),
        (
            Key.STATIC,
            Rule.FIXED,
            {"weight": 10**6},
            {"weight": 10**6 + 1},
            "the weight under a static key is at most 100 %",
        ),
        (Key.CASCADING, Rule.FIXED, {"weight": 1}, {"weight": 0}, "the weight under a cascading key is at least 1"),
        (
            Key.PRIORITY,
            Rule.FIXED,
            {"weight": 65_535},
            {"weight": 65_536},
            "the rank under a priority key is at most 65535; the lowest is served first",
        ),
        (Key.EQUAL, Rule.FIXED, {"limit_ueur_kwh": 0}, {"limit_ueur_kwh": -1}, "the price limit is below 2^32 µ€/kWh"),
        (
            Key.EQUAL,
            Rule.FIXED,
            {"limit_ueur_kwh": MOST},
            {"limit_ueur_kwh": MOST + 1},
            "the price limit is below 2^32 µ€/kWh",
        ),
        (
            Key.PROPORTIONAL,
            Rule.AUCTION,
            {"limit_ueur_kwh": 100},
            {"limit_ueur_kwh": 99},
            "the price limit lies within the auction's bounds; see `lindenstrom agreement show`",
        ),
        (
            Key.PROPORTIONAL,
            Rule.AUCTION,
            {"limit_ueur_kwh": 300},
            {"limit_ueur_kwh": 301},
            "the price limit lies within the auction's bounds; see `lindenstrom agreement show`",
        ),
    ],
)
def test_parameters_that_the_operator_receipts(
    key: Key, rule: Rule, good: dict[str, int], bad: dict[str, int], says: str
) -> None:
    fine = Parameters(salt=SALT, **good)
    assert fine.checked(terms(key, rule)) is fine
    with pytest.raises(BadParameters) as caught:
        Parameters(salt=SALT, **bad).checked(terms(key, rule))
    assert str(caught.value) == f"membership parameter out of range: {says}"


def test_memberships_and_bindings_live_from_their_first_day_to_before_their_end() -> None:
    membership = Membership(agreement=1, role=Role.BOTH, from_day=5, end_day=7, parameters=SALT)
    binding = Binding(id=1, member=2, meter=SALT, reader=0, position=0, from_day=5, end_day=7)
    for day, live in [(4, False), (5, True), (6, True), (7, False)]:
        assert membership.live(day) == binding.live(day) == live

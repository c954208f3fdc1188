"""Small things that people read: spans of days, amounts, tables, JSON, clock times."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pytest

from lindenstrom.core.calendar import OPEN_END, Zone, window_of
from lindenstrom_cli.commands.chain import clock
from lindenstrom_cli.days import end_day, first_day, shown_last, shown_spans
from lindenstrom_cli.errors import BadClock, BadHex
from lindenstrom_cli.render import Result, json_text, table, trimmed, utc
from lindenstrom_cli.types import parse_hex
from lindenstrom_cli.verdict import euro


def test_days_are_shown_as_spans() -> None:
    june = [date(2026, 6, d) for d in (1, 3, 4, 5, 9)]
    assert shown_spans(june) == "2026-06-01, 2026-06-03 to 2026-06-05, 2026-06-09"
    assert shown_spans([]) == ""


def test_last_days_are_included_for_people_and_excluded_on_the_chain() -> None:
    last = date(2026, 6, 30)
    assert end_day(last) == window_of(date(2026, 7, 1))
    assert shown_last(end_day(last)) == "2026-06-30"
    assert end_day(None) == OPEN_END
    assert shown_last(OPEN_END) == "open end"
    assert first_day(None, 86_400 * 100) == 102


@pytest.mark.parametrize(
    ("amount_peur", "shown"),
    [
        (0, "0.0000"),
        (-576_000_000_000, "0.5760"),
        (1, "0.000000000001"),
        (-12_000_000, "0.000012"),
        (50_000_000, "0.0001"),
    ],
)
def test_an_amount_never_looks_like_nothing_when_it_is_something(amount_peur: int, shown: str) -> None:
    assert euro(amount_peur) == shown


@pytest.mark.parametrize(("text", "shown"), [("0.070000", "0.07"), ("1.000000", "1.00"), ("-0.125000", "-0.125")])
def test_trailing_zeros_go(text: str, shown: str) -> None:
    assert trimmed(text) == shown


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-06-03", "2026-06-02 22:00 UTC"),
        ("2026-06-03T12:00", "2026-06-03 10:00 UTC"),
        ("2026-03-29T01:00", "2026-03-29 00:00 UTC"),
        ("2026-03-29T03:00", "2026-03-29 01:00 UTC"),
        ("2026-10-25T04:00", "2026-10-25 03:00 UTC"),
        ("2026-10-25T02:00", "2026-10-25 00:00 UTC"),
        ("2026-12-24T18:30", "2026-12-24 17:30 UTC"),
    ],
)
def test_local_times_on_days_of_every_length(given: str, expected: str) -> None:
    assert utc(clock(Zone.named("Europe/Berlin"), given)) == expected


@pytest.mark.parametrize(
    "given", ["2026-06-03T", "2026-06-03T24:00", "2026-06-03T12:60", "2026-06-03T1:00", "2026-06-03T12"]
)
def test_times_that_are_none(given: str) -> None:
    with pytest.raises(BadClock):
        clock(Zone(), given)


def test_tables_align() -> None:
    assert list(table(("id", "name"), [("7", "a"), ("12", "bb")], right=frozenset({0}))) == [
        "id  name",
        " 7  a",
        "12  bb",
    ]


def test_json_keeps_money_exact_and_bytes_readable() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Trial(Result):
        SCHEMA: ClassVar[str] = "trial"
        net_peur: int
        tx: bytes
        day: date
        none_peur: int | None = None

        def lines(self) -> Iterable[str]:
            return ()

    shown = json.loads(json_text(Trial(net_peur=-(10**20), tx=b"\x01", day=date(2026, 6, 3))))
    assert shown == {
        "schema": "lindenstrom/trial@1",
        "net_peur": "-100000000000000000000",
        "tx": "0x01",
        "day": "2026-06-03",
        "none_peur": None,
    }


@pytest.mark.parametrize("given", ["", "0x", "11", "0x1", "0xzz", "11" * 20, "0x" + "11" * 21])
def test_hex_of_another_size_is_refused(given: str) -> None:
    with pytest.raises(BadHex):
        parse_hex(given, 20, "address")

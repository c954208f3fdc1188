"""Examples of allocation from the field, with their sources: tests/vectors/field.json."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.calendar import Zone
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from tests.reference import r3
from tests.vectors import generate

VECTORS = json.loads((Path(generate.__file__).parent / "field.json").read_text())["vectors"]
NAMED = pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """Which index each person of a vector has."""

    index: dict[str, int]

    @classmethod
    def of(cls, vector: dict[str, Any], seed: int | None = None) -> "Seating":
        names = [m["name"] for m in vector["members"]]
        if seed is not None:
            random.Random(seed).shuffle(names)
        return cls(index={name: i for i, name in enumerate(names, start=2)})


def settle(vector: dict[str, Any], seating: Seating) -> DayResult:
    members = sorted(vector["members"], key=lambda m: seating.index[m["name"]])
    return clear_day(
        slot_count=len(members[0]["draw_mwh"]),
        energy={
            seating.index[m["name"]]: MemberEnergy(draw_mwh=tuple(m["draw_mwh"]), feed_mwh=tuple(m["feed_mwh"]))
            for m in members
        },
        agreements={
            a["id"]: Terms(
                steward=0, key=Key(a["key"]), rule=Rule.FIXED, price_a_ueur_kwh=a["price_ueur_kwh"],
                cap_mwh=a["cap_mwh"],
            )
            for a in vector["agreements"]
        },
        places=[
            Place(
                member=seating.index[m["name"]], agreement=p["agreement"], role=Role(p["role"]),
                parameters=Parameters(weight=p["weight"], share_ppm=p["share_ppm"], salt=bytes(32)),
            )
            for m in members
            for p in m["places"]
        ],
    )  # fmt: skip


def rounded(amount_mwh: int, precision_mwh: int) -> int:
    return (2 * amount_mwh + precision_mwh) // (2 * precision_mwh) * precision_mwh


def amounts(vector: dict[str, Any], seating: Seating) -> dict[tuple[str, int], tuple[int, int]]:
    result = settle(vector, seating)
    return {
        (name, line.agreement): (line.taken_mwh, line.given_mwh)
        for name, member in seating.index.items()
        for line in result.lines[member]
    }


@NAMED
def test_the_field_s_numbers_come_out(vector: dict[str, Any]) -> None:
    found = amounts(vector, Seating.of(vector))
    unit = vector["precision_mwh"]
    assert {k: (rounded(t, unit), rounded(g, unit)) for k, (t, g) in found.items()} == {
        (m["name"], p["agreement"]): (p["taken_mwh"], p["given_mwh"]) for m in vector["members"] for p in m["places"]
    }


@NAMED
def test_no_order_and_no_index_matters(vector: dict[str, Any]) -> None:
    expected = amounts(vector, Seating.of(vector))
    assert all(amounts(vector, Seating.of(vector, seed)) == expected for seed in range(6))


@NAMED
def test_the_reference_says_the_same(vector: dict[str, Any]) -> None:
    seating = Seating.of(vector)
    agreements = {
        a["id"]: r3.Agreement(a["key"], r3.FIXED, a["price_ueur_kwh"], 0, 0, a["cap_mwh"], 0)
        for a in vector["agreements"]
    }
    places = [
        r3.Member(
            seating.index[m["name"]], p["agreement"], bool(p["role"] & 1), bool(p["role"] & 2), p["weight"],
            p["share_ppm"], 0,
        )
        for m in vector["members"]
        for p in m["places"]
    ]  # fmt: skip
    metered = {seating.index[m["name"]]: (m["draw_mwh"][0], m["feed_mwh"][0]) for m in vector["members"]}
    slots = len(vector["members"][0]["draw_mwh"])
    one = r3.slot(agreements, places, metered)
    found = amounts(vector, seating)
    for name, member in seating.index.items():
        for agreement, took, gave, _ in one.rows[member]:
            assert found[name, agreement] == (took * slots, gave * slots)


@NAMED
def test_every_vector_names_its_source(vector: dict[str, Any]) -> None:
    source = vector["source"]
    assert source["kind"] in ("quoted", "second-hand", "constructed")
    assert source["url"].startswith("https://") and source["title"] and source["says"]
    slots = {len(m[side]) for m in vector["members"] for side in ("draw_mwh", "feed_mwh")}
    assert slots == {Zone().slot_count(vector["window"]) if vector["window"] is not None else 1}

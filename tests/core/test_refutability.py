"""I11: a statement off by one p€ or one mWh falls, an honest one never does; over random terms and parameters."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from lindenstrom.core.allocation import DayResult, Place
from lindenstrom.core.refutation import Reason, recompute, triple_fault
from lindenstrom.core.statements import Line
from lindenstrom.core.terms import Key, Rule, Terms
from tests.support.example_day import FROM_DAY, PLACES, TERMS, ExampleDay, Lie, wrong_net

PPM = 10**6
SHARES = st.one_of(st.just(PPM), st.integers(0, PPM))


@st.composite
def communities(draw: st.DrawFn) -> ExampleDay:
    """The example's people and readings under random terms, shares, weights and caps."""

    def terms(old: Terms) -> Terms:
        rule = draw(st.sampled_from(list(Rule)))
        prices = [draw(st.integers(0, 2**32 - 1)) for _ in range(2)]
        low, high = sorted(prices) if rule is Rule.AUCTION else prices
        return replace(
            old,
            key=Key.PROPORTIONAL if rule is Rule.AUCTION else draw(st.sampled_from(list(Key))),
            rule=rule,
            price_a_ueur_kwh=low,
            price_b_ueur_kwh=high,
            fee_ueur_kwh=draw(st.sampled_from([0, 1, 5_000, 2**32 - 1])),
            cap_mwh=draw(st.sampled_from([0, 1, 250_000, 2**32 - 1])),
            priority=draw(st.integers(0, 2)),
            first_window=FROM_DAY,
        )

    def place(old: Place) -> Place:
        weight = draw(st.one_of(st.integers(0, 3), st.integers(0, PPM // 3)))
        limit = draw(st.integers(0, 2**32 - 1))
        parameters = replace(old.parameters, share_ppm=draw(SHARES), weight=weight, limit_ueur_kwh=limit)
        return replace(old, parameters=parameters)

    return ExampleDay(terms={a: terms(t) for a, t in TERMS.items()}, places=tuple(map(place, PLACES)))


def off_by_one(member: int, line: int, field: str, delta: int) -> Callable[[DayResult], DayResult]:
    def change(result: DayResult) -> DayResult:
        lines = list(result.lines[member])
        at = line % len(lines)
        value = getattr(lines[at], field) + delta
        lines[at] = replace(lines[at], **{field: max(value, 0) if field != "amount_peur" else value})
        return replace(result, lines={**result.lines, member: tuple(lines)})

    return change


@forall(communities(), st.sampled_from([2, 3, 4]), st.sampled_from([1, -1]))
@settings(max_examples=15, deadline=None)
def test_a_net_off_by_one_falls(day: ExampleDay, member: int, delta: int) -> None:
    lying = replace(day, lie=Lie(result=wrong_net(member, delta)))
    bundle = lying.bundle(member)
    assert recompute(lying, bundle.header, member, bundle.opening).reason is Reason.NET_DIFFERS


@forall(communities(), st.sampled_from([2, 3, 4]))
@settings(max_examples=40, deadline=None)
def test_an_honest_statement_never_falls(day: ExampleDay, member: int) -> None:
    bundle = day.bundle(member)
    assert recompute(day, bundle.header, member, bundle.opening).reason is None


@forall(communities())
@settings(max_examples=20, deadline=None)
def test_honest_levels_never_fall(day: ExampleDay) -> None:
    for agreement, triples in day.result().triples.items():
        assert {triple_fault(day.terms[agreement], triple, day.depth) for triple in triples} == {None}


@forall(
    communities(),
    st.sampled_from([2, 3, 4]),
    st.integers(0, 3),
    st.sampled_from(["taken_mwh", "given_mwh", "amount_peur"]),
    st.sampled_from([1, -1]),
)
@settings(max_examples=40, deadline=None)
def test_one_unit_off_falls(day: ExampleDay, member: int, line: int, field: str, delta: int) -> None:
    lying = replace(day, lie=Lie(result=off_by_one(member, line, field, delta)))
    changed: tuple[Line, ...] = lying.result().lines[member]
    bundle = lying.bundle(member)
    reason = recompute(lying, bundle.header, member, bundle.opening).reason
    assert reason is (None if changed == day.result().lines[member] else Reason.LINES_DIFFER)

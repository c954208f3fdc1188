"""Random inputs that several property tests share."""

from hypothesis import strategies as st

from lindenstrom.core.terms import NO_CAP, Key, Rule, Terms


@st.composite
def terms(draw: st.DrawFn, prices: st.SearchStrategy[int], energy: st.SearchStrategy[int]) -> Terms:
    """Terms of every key and price rule; an auction's bounds in order, as the contract has them."""
    rule = draw(st.sampled_from(list(Rule)))
    pair = (draw(prices), draw(prices))
    low, high = sorted(pair) if rule is Rule.AUCTION else pair
    return Terms(
        steward=0,
        key=Key.PROPORTIONAL if rule is Rule.AUCTION else draw(st.sampled_from(list(Key))),
        rule=rule,
        price_a_ueur_kwh=low,
        price_b_ueur_kwh=high,
        fee_ueur_kwh=draw(st.one_of(st.just(0), prices)),
        cap_mwh=draw(st.one_of(st.just(NO_CAP), energy)),
        priority=draw(st.integers(0, 2)),
    )

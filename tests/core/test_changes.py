"""A correction beside what it corrects: each p€ and mWh of the difference is in it; only a posted statement counts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lindenstrom.core.bundles import Bundle
from lindenstrom.core.changes import correction, is_committed, precedes, stated_lines, stated_net
from lindenstrom.core.statements import Line, encode_lines
from tests.support.example_day import DEPTH, REF, ExampleDay

LINES = st.dictionaries(
    st.integers(1, 4),
    st.tuples(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(-(2**60), 2**60)),
    max_size=4,
)
Amounts = dict[int, tuple[int, int, int]]


def stating(rows: Amounts, revision: int) -> Bundle:
    """The example's bundle with other lines, as a revision."""
    bundle = ExampleDay().bundle(2)
    lines = [Line(agreement=a, taken_mwh=t, given_mwh=g, amount_peur=p) for a, (t, g, p) in sorted(rows.items())]
    net = sum(line.amount_peur for line in lines)
    opened = bundle.statement
    statement = replace(opened, lines=encode_lines(lines), statement=replace(opened.statement, net_peur=net))
    header = replace(bundle.header, revision=revision)
    return replace(bundle, sequence=bundle.sequence + revision, header=header, statement=statement)


@given(before=LINES, after=LINES)
def test_the_changes_are_the_whole_difference(before: Amounts, after: Amounts) -> None:
    found = correction(stating(before, 0), stating(after, 1))
    assert sum(c.amount_peur for c in found.changes) == found.net_peur
    assert found.before_peur + found.net_peur == found.after_peur
    for index, side in enumerate(("taken_mwh", "given_mwh")):
        difference = sum(row[index] for row in after.values()) - sum(row[index] for row in before.values())
        assert sum(getattr(c, side) for c in found.changes) == difference
    assert {c.agreement for c in found.changes} == {a for a in {*before, *after} if before.get(a) != after.get(a)}


def test_what_a_correction_is_called() -> None:
    first = stating({1: (1, 0, -5), 99: (2, 0, 3)}, 0)
    found = correction(first, stating({}, 1))
    labels = {a.membership.agreement: a.label for a in first.agreements}
    assert labels[1]
    assert found.sequence == first.sequence
    assert [(c.agreement, c.label) for c in found.changes] == [(1, labels[1]), (99, "")]


def test_an_empty_leaf_states_nothing() -> None:
    bundle = stating({1: (1, 0, -5)}, 0)
    empty = replace(bundle, statement=replace(bundle.statement, empty=True))
    assert (stated_net(bundle), stated_net(empty)) == (-5, 0)
    assert stated_lines(bundle) and not stated_lines(empty)


def test_only_the_next_revision_of_the_same_day_and_member_follows() -> None:
    first, second = stating({}, 0), stating({}, 1)
    assert precedes(first, second)
    assert not precedes(second, first)
    assert not precedes(first, stating({}, 2))
    assert not precedes(first, replace(second, sequence=first.sequence))
    assert not precedes(replace(first, member=3), second)
    assert not precedes(replace(first, header=replace(first.header, window=1)), second)


def test_only_what_was_posted_for_the_member_is_committed() -> None:
    bundle = ExampleDay().bundle(2)
    posting, community = bundle.digest, REF.id
    assert stated_lines(bundle)
    assert is_committed(bundle, community, DEPTH, posting)
    assert not is_committed(bundle, community, DEPTH, bytes(32))
    assert not is_committed(replace(bundle, member=3), community, DEPTH, posting)
    assert not is_committed(replace(bundle, statement=replace(bundle.statement, lines=b"")), community, DEPTH, posting)
    richer = replace(bundle.statement.statement, net_peur=1)
    changed = replace(bundle, statement=replace(bundle.statement, statement=richer))
    assert not is_committed(changed, community, DEPTH, posting)
    emptied = replace(bundle, statement=replace(bundle.statement, empty=True))
    assert not is_committed(emptied, community, DEPTH, posting)

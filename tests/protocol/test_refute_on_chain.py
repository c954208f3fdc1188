"""The contract itself: an honest posting never falls to any opening; every falsified posting does, for its reason."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from eth_abi.exceptions import EncodingError

from lindenstrom.chain.errors import ContractRefused, NodeError
from lindenstrom.core.hashing import EMPTY
from lindenstrom.core.refutation import BadOpening, Opening, Reason, recompute
from lindenstrom.core.verification import Expectation, Outcome, PostingState, verify_bundle
from lindenstrom.facts import ChainFacts
from lindenstrom.signing import is_signed_by
from tests.core.test_refutation import LIES, changed_words, falsified, swap_leaf
from tests.support.example_chain import AUDITOR_KEY, ExampleChain, example_chain
from tests.support.example_day import AUDITOR, WINDOW, ExampleDay, Lie

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleChain]:
    with example_chain(tmp_path_factory.mktemp("chain")) as made:
        yield made


def settled_again(world: ExampleChain, day: ExampleDay) -> None:
    """Leave no live posting behind."""
    live = world.contracts.live(WINDOW)
    if live:
        raise AssertionError(f"posting {live} of {day.sequence} is still live")


def lie_of(world: ExampleChain, lie: Lie) -> ExampleDay:
    return replace(world.day, lie=lie)


def void_reason(world: ExampleChain, day: ExampleDay, member: int, opening: Opening | None = None) -> Reason:
    result = world.send(world.refutation(day, member, opening))
    (event,) = [e for e in world.contracts.events(result) if e.name == "Voided"]  # type: ignore[arg-type]
    settled_again(world, day)
    return Reason(event["reason"])


@pytest.mark.parametrize(("name", "member", "reason"), LIES)
def test_each_falsified_posting_is_voided(world: ExampleChain, name: str, member: int, reason: Reason) -> None:
    day = world.post(lie_of(world, falsified(name).lie))
    bundle, facts = day.bundle(member), ChainFacts(world.contracts, day.sequence)
    assert recompute(facts, bundle.header, member, bundle.opening).reason is reason
    assert void_reason(world, day, member) is reason
    assert world.contracts.posting(day.sequence).state is PostingState.VOID


@pytest.mark.parametrize("field", ["community", "window", "revision", "index", "net_peur"])
def test_each_field_of_a_falsified_statement_is_voided(world: ExampleChain, field: str) -> None:
    changed = {"community": b"\x07" * 32, "window": WINDOW + 1, "revision": 1, "index": 3, "net_peur": 12}[field]

    def false_leaf(day):  # type: ignore[no-untyped-def]
        return swap_leaf("statements_tree", 2, replace(day.statements[2], **{field: changed}).leaf)(day)

    lie = Lie(
        leaves=false_leaf,
        statement=lambda b: replace(
            b, statement=replace(b.statement, statement=replace(b.statement.statement, **{field: changed}))
        ),
    )
    day = world.post(lie_of(world, lie))
    wanted = Reason.NET_DIFFERS if field == "net_peur" else Reason.STATEMENT_FIELD
    assert void_reason(world, day, 2) is wanted


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ("statements_tree", Reason.LINES_DIFFER),
        ("results_tree", Reason.RESULT_MISSING),
        ("sources_tree", Reason.SOURCE_MISSING),
    ],
)
def test_an_omitted_leaf_is_voided(world: ExampleChain, tree: str, reason: Reason) -> None:
    position = 1 if tree == "sources_tree" else 2
    day = world.post(lie_of(world, Lie(leaves=swap_leaf(tree, position, EMPTY))))
    opening = day.bundle(2).opening
    opening = {
        "statements_tree": lambda: replace(opening, statement=replace(opening.statement, empty=True)),
        "results_tree": lambda: replace(
            opening, agreements=(opening.agreements[0], replace(opening.agreements[1], empty=True))
        ),
        "sources_tree": lambda: replace(opening, meters=(replace(opening.meters[0], kind=0), *opening.meters[1:])),
    }[tree]()
    assert void_reason(world, day, 2, opening) is reason


def test_an_honest_posting_never_falls_and_becomes_final(world: ExampleChain) -> None:
    day = world.post(world.day)
    expected = Expectation(community=day.ref, member=2, pinned_auditors=(AUDITOR,))
    facts = ChainFacts(world.contracts, day.sequence)
    report = verify_bundle(day.bundle(2), expected, signed_by=is_signed_by, chain=facts)
    assert report.outcome is Outcome.NOT_FINAL
    with pytest.raises(ContractRefused, match="NotSignedBy"):
        world.send(world.refutation(day, 2, signer=3))
    for member in (2, 3, 4):
        with pytest.raises(ContractRefused, match="NothingWrong"):
            world.send(world.refutation(day, member))
    assert falls(world, day, every=23) > 25
    assert words_of_the_call(world, day) > 300
    world.send(world.contracts.attest(day.sequence, day.committed().digest), AUDITOR_KEY)
    with pytest.raises(ContractRefused, match="AlreadyAttested"):
        world.send(world.contracts.attest(day.sequence, day.committed().digest), AUDITOR_KEY)
    world.chain.advance_to(world.chain.now() + 14 * 86_400 + 60)
    world.send(world.contracts.finalise(day.sequence, day.committed().digest))
    facts = ChainFacts(world.contracts, day.sequence)
    assert verify_bundle(day.bundle(2), expected, signed_by=is_signed_by, chain=facts).outcome is Outcome.VERIFIED
    for call in (
        world.refutation(day, 2),
        world.contracts.finalise(day.sequence, day.committed().digest),
        world.contracts.void_by_auditor(day.sequence, day.committed().digest),
    ):
        with pytest.raises(ContractRefused, match="WrongState"):
            world.send(call, AUDITOR_KEY)


def falls(world: ExampleChain, day: ExampleDay, *, every: int) -> int:
    """Try openings with one changed word against the contract and its twin; both must refuse each."""
    tried = 0
    facts = ChainFacts(world.contracts, day.sequence)
    for member in (2, 4):
        bundle = day.bundle(member)
        for i, opening in enumerate(changed_words(bundle.opening)):
            if i % every:
                continue
            try:
                call = world.refutation(day, member, opening)
            except EncodingError:
                continue  # too long for its word: it cannot be sent at all
            tried += 1
            try:
                assert recompute(facts, bundle.header, member, opening).reason is None
            except BadOpening:
                pass
            with pytest.raises(ContractRefused, match=r"NothingWrong|BadOpening|BadRecord|ChallengeFailed"):
                world.send(call)
    return tried


def words_of_the_call(world: ExampleChain, day: ExampleDay) -> int:
    """Change every single word of the honest call's bytes; a call that does not revert would have voided the day."""
    honest = world.refutation(day, 2)
    words = range(4, len(honest.data), 32)
    for start in words:
        data = bytearray(honest.data)
        data[min(start + 31, len(data) - 1)] ^= 1
        with pytest.raises((ContractRefused, NodeError)):
            world.chain.call(replace(honest, data=bytes(data)))
    return len(words)

"""I5, I8, I10 and I12 on the real contracts: roles acting at random, and what an onlooker can read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.chain.client import Chain, PreparedTx, TxResult
from lindenstrom.chain.errors import ContractRefused
from lindenstrom.core.eip712 import Anchor, Bind, Join, Leave, Unbind
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.statements import Header, encode_lines
from lindenstrom.core.verification import PostingState
from tests.support.example_chain import AUDITOR_KEY, MEMBER_KEYS, OPERATOR_KEY, ExampleChain, example_chain
from tests.support.example_day import FROM_DAY, READER_KEYS, WINDOW, ZONE

pytestmark = pytest.mark.integration
RELAXED = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STRANGER_KEY = keccak(b"stranger")
ROLES = {"operator": OPERATOR_KEY, "auditor": AUDITOR_KEY, "member": MEMBER_KEYS[2], "stranger": STRANGER_KEY}
ALLOWED = {"post": {"operator"}, "attest": {"auditor"}, "void": {"auditor"}, "finalise": set(ROLES)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleChain]:
    with example_chain(tmp_path_factory.mktemp("chain")) as made:
        yield made


def header(window: int) -> Header:
    as_of = ZONE.window_end(window) + 36 * 3600
    return Header(
        window=window,
        revision=0,
        as_of=as_of,
        statements_root=keccak(b"s"),
        results_root=keccak(b"r"),
        sources_root=keccak(b"q"),
    )


ACTIONS = st.tuples(
    st.sampled_from(sorted(ALLOWED)),
    st.sampled_from(sorted(ROLES)),
    st.sampled_from(range(FROM_DAY, WINDOW + 1)),
    st.sampled_from([0, 3_600, 15 * 86_400]),
)


@forall(actions=st.lists(ACTIONS, min_size=5, max_size=14))
@RELAXED
def test_posted_goes_to_void_or_final_once_and_only_by_whom_it_may(
    world: ExampleChain, actions: list[tuple[str, str, int, int]]
) -> None:
    contracts = world.contracts
    seen: dict[int, PostingState] = {}
    for action, role, window, wait in actions:
        world.chain.advance_to(world.chain.now() + wait)
        live = contracts.live(window)
        sequence = contracts.next_sequence() if action == "post" else live
        digest = header(window).digest(world.community.id, sequence)
        calls = {
            "post": contracts.post(sequence, header(window)),
            "attest": contracts.attest(sequence, digest),
            "void": contracts.void_by_auditor(sequence, digest),
            "finalise": contracts.finalise(sequence, digest),
        }
        try:
            world.send(calls[action], ROLES[role])
            assert role in ALLOWED[action]
        except ContractRefused:
            pass
        for number in range(1, contracts.next_sequence()):
            state = contracts.posting(number).state
            before = seen.get(number)
            assert before in (None, state) or before is PostingState.POSTED
            seen[number] = state
        posting = contracts.live(window)
        assert not posting or contracts.posting(posting).state is not PostingState.VOID


@forall(order=st.lists(st.tuples(st.integers(0, 1), st.integers(FROM_DAY, WINDOW)), min_size=1, max_size=6))
@RELAXED
def test_anchoring_again_in_any_order_changes_nothing(world: ExampleChain, order: list[tuple[int, int]]) -> None:
    """I5 and I6: one root a reader, window and revision; windows of a reader are independent of each other."""
    for reader, window in order:
        root = world.day.record().root if (reader, window) == (0, WINDOW) else keccak(u32(reader) + u32(window))
        act = Anchor(reader=reader, window=window, revision=0, root=root)
        signed = SignedAnchor(act=act, signature=world.sign(READER_KEYS[reader], act))
        world.send(world.contracts.anchor(signed), STRANGER_KEY)
        assert world.contracts.count(reader, window) == 1
        assert world.contracts.anchored(reader, window)[0].record.root == root
        other = Anchor(reader=reader, window=window, revision=0, root=keccak(b"another"))
        with pytest.raises(ContractRefused, match="RootConflict"):
            world.send(
                world.contracts.anchor(SignedAnchor(act=other, signature=world.sign(READER_KEYS[reader], other)))
            )


@forall(member=st.sampled_from(sorted(MEMBER_KEYS)), signer=st.sampled_from(["other member", "operator", "stranger"]))
@RELAXED
def test_nobody_signs_for_a_member_or_a_reader(world: ExampleChain, member: int, signer: str) -> None:
    """I8."""
    other = next(m for m in MEMBER_KEYS if m != member)
    key = {"other member": MEMBER_KEYS[other], "operator": OPERATOR_KEY, "stranger": STRANGER_KEY}[signer]
    day = world.chain.now() // 86_400 + 9
    contracts = world.contracts
    bind = Bind(
        member=member,
        meter=keccak(b"new meter" + u32(day)),
        reader=0,
        position=9,
        from_day=day,
        end_day=day + 9,
        auditors=contracts.auditors_hash(),
    )
    join = Join(member=member, agreement=2, role=1, from_day=day, end_day=day + 9, parameters=keccak(b"parameters"))
    leave = Leave(member=member, membership=0, end_day=day)
    unbind = Unbind(binding=contracts.bindings_of(member)[0].id, end_day=day)
    anchor = Anchor(reader=0, window=WINDOW, revision=1, root=keccak(b"forged"))
    for call in (
        contracts.bind(bind, world.sign(key, bind)),
        contracts.join(join, world.sign(key, join), b"", b""),
        contracts.leave(leave, world.sign(key, leave)),
        contracts.unbind(unbind, world.sign(key, unbind)),
        contracts.anchor(SignedAnchor(act=anchor, signature=world.sign(key, anchor))),
    ):
        with pytest.raises(ContractRefused):
            world.send(call)


def test_an_onlooker_reads_no_reading_amount_or_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I12: all calldata and logs of a whole day, searched for every pack, line, parameter and register."""
    seen: list[bytes] = []
    broadcast = Chain.broadcast

    def recorded(self: Chain, prepared: PreparedTx, **more: Any) -> TxResult:
        result = broadcast(self, prepared, **more)
        seen.extend([prepared.data, *(part for log in result.logs for part in (log.data, *log.topics))])
        return result

    monkeypatch.setattr(Chain, "broadcast", recorded)
    with example_chain(tmp_path) as world:
        day = world.post(world.day)
        result = day.result()
    public = b"".join(seen)
    assert len(public) > 10_000
    hidden = [day.pack(binding)[104:] for binding in day.live()]
    hidden += [encode_lines([line])[4:] for lines in result.lines.values() for line in lines]
    hidden += [abs(line.amount_peur).to_bytes(16, "big") for rows in result.lines.values() for line in rows]
    hidden += [place.parameters.salt for place in day.places] + [b"Example Person", b"meter 1"]
    assert not [secret for secret in hidden if secret.strip(b"\0") and secret in public]

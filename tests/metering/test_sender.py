"""The sender against a node that is down, slow, forgetful, doubling, reorganising or poor: one event a root, always."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.chain.batches import Skip
from lindenstrom.chain.client import Chain
from lindenstrom.chain.errors import AnvilMissing, NodeUnreachable, NotEnoughFunds, NotMinedInTime, WrongChain
from lindenstrom.errors import LindenstromError
from lindenstrom.metering.errors import SenderBusy
from lindenstrom.metering.storage import only_sender
from lindenstrom.signing import address_of
from metering import nodes
from metering.folders import DAY
from metering.nodes import Node, Reader, new_reader, running_node

pytestmark = pytest.mark.anvil


@pytest.fixture(scope="module")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    try:
        with running_node(tmp_path_factory.mktemp("node")) as node:
            yield node
    except AnvilMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def node(shared_node: Node) -> Iterator[Node]:
    yield shared_node
    shared_node.provider.fault = None
    shared_node.ask("evm_setAutomine", True)


@pytest.fixture
def reader(node: Node, tmp_path: Path) -> Reader:
    return new_reader(node, tmp_path)


def anchor(reader: Reader, **changes: Any) -> dict[int, Skip]:
    return {entry.window: why for entry, why in reader.adapter().anchor(reader.sender(**changes)).skipped}


def test_five_weeks_offline_end_in_one_transaction_and_become_final(reader: Reader) -> None:
    weeks = range(DAY, DAY + 35)
    reader.hand_over(*weeks)
    reader.node.provider.fault = nodes.down
    with pytest.raises(NodeUnreachable):
        anchor(reader)
    reader.node.provider.fault = None
    assert anchor(reader) == {}
    assert [window for window, _, _ in reader.node.anchored(reader.index)] == list(weeks)
    assert reader.node.nonce(reader.key) == 1
    assert set(reader.states()) == {"anchored"}
    assert reader.sender().settle().final == ()
    reader.node.mine(2)
    assert len(reader.sender().settle().final) == 35
    assert set(reader.states()) == {"final"}
    assert reader.adapter().outbox.sendings(address_of(reader.key)) == ()
    assert anchor(reader) == {}
    assert reader.node.nonce(reader.key) == 1


def test_an_answer_that_is_lost_is_found_again(reader: Reader) -> None:
    reader.hand_over(DAY)
    reader.node.provider.fault = nodes.answer_lost
    with pytest.raises(NodeUnreachable):
        anchor(reader)
    assert reader.states() == ["delivered"]
    reader.node.provider.fault = None
    anchor(reader)
    assert reader.states() == ["anchored"]
    assert (reader.node.nonce(reader.key), len(reader.node.anchored(reader.index))) == (1, 1)


def test_a_node_that_hears_everything_twice(reader: Reader) -> None:
    reader.hand_over(DAY, DAY + 1)
    reader.node.provider.fault = nodes.twice
    assert anchor(reader) == {}
    assert (reader.node.nonce(reader.key), len(reader.node.anchored(reader.index))) == (1, 2)


def test_after_a_crash_the_same_nonce_and_data_go_out(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.hand_over(DAY)

    def never_sent(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Chain, "broadcast", never_sent)
        with pytest.raises(KeyboardInterrupt):
            anchor(reader)
    ((written,),) = reader.adapter().outbox.sendings(address_of(reader.key))
    reader.hand_over(DAY + 1)
    seen: list[str] = []

    def listen(ask: nodes.Request, method: str, params: list[Any]) -> nodes.Answer:
        seen.extend(params if method == "eth_sendRawTransaction" else [])
        return ask(method, params)

    reader.node.provider.fault = listen
    anchor(reader)
    assert seen[0] == "0x" + written.hex()
    assert len(seen) == reader.node.nonce(reader.key) == 2
    assert [window for window, _, _ in reader.node.anchored(reader.index)] == [DAY, DAY + 1]


def test_what_nobody_mines_is_offered_more_under_the_same_nonce(reader: Reader) -> None:
    reader.hand_over(DAY)
    reader.node.ask("evm_setAutomine", False)
    with pytest.raises(NotMinedInTime):
        anchor(reader)
    tries = reader.adapter().outbox.sendings(address_of(reader.key))
    assert [len(group) for group in tries] == [2]
    with pytest.raises(NotMinedInTime):  # "already known", and then once more
        anchor(reader)
    reader.node.ask("evm_setAutomine", True)
    reader.node.mine(1)
    assert anchor(reader) == {}
    assert (reader.node.nonce(reader.key), len(reader.node.anchored(reader.index))) == (1, 1)


def test_another_transaction_of_the_account_takes_the_nonce(reader: Reader) -> None:
    reader.hand_over(DAY)
    chain = reader.node.open_chain()
    contracts = reader.node.community.contracts(chain)

    def overtaken(ask: nodes.Request, method: str, params: list[Any]) -> nodes.Answer:
        if method == "eth_sendRawTransaction":
            reader.node.provider.fault = None
            with suppress(LindenstromError):  # it is mined and reverts: the nonce is used all the same
                chain.broadcast(chain.prepare(contracts.anchor_many([]), reader.key, nonce=0, simulate=False))
        return ask(method, params)

    reader.node.provider.fault = overtaken
    assert anchor(reader) == {}
    assert (reader.node.nonce(reader.key), len(reader.node.anchored(reader.index))) == (2, 1)


def test_another_transaction_waits_under_the_nonce(reader: Reader) -> None:
    """ "replacement transaction underpriced": it is waited for, then offered more than; and once mined, followed."""
    reader.hand_over(DAY)
    chain = reader.node.open_chain()
    contracts = reader.node.community.contracts(chain)
    reader.node.ask("evm_setAutomine", False)
    other = chain.prepare(contracts.anchor_many([]), reader.key, nonce=0, simulate=False)
    for _ in range(8):  # dearer than anything that the sender offers within one call
        other = chain.reprice(other, reader.key)
    reader.node.ask("eth_sendRawTransaction", "0x" + other.raw.hex())
    with pytest.raises(NotMinedInTime):
        anchor(reader)
    reader.node.ask("evm_setAutomine", True)
    reader.node.mine(1)
    assert anchor(reader) == {}
    assert (reader.node.nonce(reader.key), len(reader.node.anchored(reader.index))) == (2, 1)


def test_one_that_ran_out_of_gas_is_made_anew(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.hand_over(DAY)
    real, estimates = Chain.gas_needed, iter([21_000])

    def too_little(self: Chain, *values: Any) -> int:
        needed = real(self, *values)
        return next(estimates, 0) * 12 // 10 or needed

    monkeypatch.setattr(Chain, "gas_needed", too_little)
    assert anchor(reader) == {}
    assert (reader.node.nonce(reader.key), len(reader.node.anchored(reader.index))) == (2, 1)


def test_no_funds_is_named_before_anything_is_written(reader: Reader) -> None:
    reader.hand_over(DAY)
    reader.node.fund(reader.key, 0)
    with pytest.raises(NotEnoughFunds, match="Send it coin"):
        anchor(reader)
    assert reader.adapter().outbox.sendings(address_of(reader.key)) == ()
    reader.node.fund(reader.key)
    assert anchor(reader) == {}
    assert reader.states() == ["anchored"]


def test_funds_spent_between_writing_and_sending(reader: Reader) -> None:
    reader.hand_over(DAY)

    def spent(ask: nodes.Request, method: str, params: list[Any]) -> nodes.Answer:
        if method == "eth_sendRawTransaction":
            return {"error": {"code": -32003, "message": "insufficient funds for gas * price + value"}}
        return ask(method, params)

    reader.node.provider.fault = spent
    for _ in range(2):
        with pytest.raises(NotEnoughFunds):
            anchor(reader)
    reader.node.provider.fault = None
    assert anchor(reader) == {}
    assert reader.node.nonce(reader.key) == 1


@pytest.mark.parametrize("again", [True, False], ids=["the chain takes it back", "it waits once more"])
def test_a_reorganisation_is_noticed_and_sent_again(reader: Reader, again: bool) -> None:
    reader.node.mine(1)
    before = reader.node.ask("evm_snapshot")
    reader.hand_over(DAY)
    anchor(reader)
    first = reader.node.anchored(reader.index)
    assert reader.sender().settle().lost == ()
    reader.node.ask("evm_revert", before)
    assert reader.node.anchored(reader.index) == []
    if again:
        ((raw,),) = reader.adapter().outbox.sendings(address_of(reader.key))
        reader.node.ask("eth_sendRawTransaction", "0x" + raw.hex())
        assert reader.sender().settle().lost == ()
    else:
        assert [entry.window for entry in reader.sender().settle().lost] == [DAY]
        assert reader.states() == ["delivered"]
        assert anchor(reader) == {}
    assert reader.states() == ["anchored"]
    assert reader.node.anchored(reader.index) == first
    assert reader.node.nonce(reader.key) == 1


def test_roots_that_someone_else_carried_cost_nothing(reader: Reader) -> None:
    reader.hand_over(DAY, DAY + 1)
    adapter = reader.adapter()
    stranger = nodes.keccak(b"stranger")
    reader.node.fund(stranger)
    adapter.anchor(reader.sender(key=stranger))
    adapter.outbox.settle(lost=adapter.outbox.entries())
    assert anchor(reader) == {}
    assert reader.node.nonce(reader.key) == 0
    reader.node.mine(2)
    assert len(reader.sender().settle().final) == 2


def test_what_the_contract_passes_over_is_told_and_stays(reader: Reader) -> None:
    reader.hand_over(DAY, DAY + 1)
    wrong = reader.adapter()
    other = new_reader(reader.node, reader.folder / "other")
    other.hand_over(DAY)
    assert anchor(reader) == {}
    # another root for the same day: the same reader from a folder that forgot everything
    forgetful = Reader(node=reader.node, folder=reader.folder / "again", index=reader.index, key=reader.key)
    wrong.create(forgetful.folder / "reader", wrong.setup, random=lambda n: b"\x01" * n)
    forgetful.hand_over(DAY)
    assert anchor(forgetful) == {DAY: Skip.ROOT_CONFLICT}
    assert forgetful.states() == ["delivered"]
    stolen = Reader(node=reader.node, folder=other.folder, index=other.index, key=reader.key)
    stolen.hand_over(DAY + 1)
    assert anchor(stolen) == {DAY + 1: Skip.NOT_SIGNED_BY_READER}


def test_one_sender_at_a_time_and_the_right_chain(reader: Reader) -> None:
    reader.hand_over(DAY)
    with only_sender(reader.folder / "reader" / ".sending.lock"), pytest.raises(SenderBusy, match="another process"):
        anchor(reader)

    def elsewhere(ask: nodes.Request, method: str, params: list[Any]) -> nodes.Answer:
        return {"result": "0x1"} if method == "eth_chainId" else ask(method, params)

    reader.node.provider.fault = elsewhere
    with pytest.raises(WrongChain):
        anchor(reader)
    with pytest.raises(WrongChain):
        reader.sender().settle()
    assert reader.node.nonce(reader.key) == 0


def test_final_is_what_the_network_calls_so_or_lies_deep_enough(reader: Reader) -> None:
    reader.hand_over(DAY)
    anchor(reader)
    newest = int(reader.node.ask("eth_blockNumber"), 16)

    def finality(number: int | None) -> None:
        def fault(ask: nodes.Request, method: str, params: list[Any]) -> nodes.Answer:
            if params[:1] != ["finalized"]:
                return ask(method, params)
            if number is None:
                return {"error": {"code": -39001, "message": "Unknown block"}}
            return {"result": {"number": hex(number)}}

        reader.node.provider.fault = fault

    finality(newest - 1)
    assert reader.sender(confirmations=None).settle().final == ()
    finality(None)
    assert reader.sender(confirmations=None).settle().final == ()
    reader.node.mine(12)
    assert len(reader.sender(confirmations=None).settle().final) == 1
    reader.adapter().outbox.settle(lost=reader.adapter().outbox.entries())
    anchor(reader)
    finality(newest)
    assert len(reader.sender(confirmations=None).settle().final) == 1

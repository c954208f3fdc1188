"""The generated Python bindings: they fit the artifacts, and what they say is what the contracts do."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from lindenstrom.core.hashing import keccak
from lindenstrom_contracts import CONTRACTS, bindgen, bindings, load
from lindenstrom_contracts.bindings import errors, events, structs
from lindenstrom_contracts.bindings.base import NoSender, error_of
from lindenstrom_contracts.errors import BindingsDiffer
from lindenstrom_contracts.testing import Community, PlayedDay


def test_committed_bindings_fit_the_artifacts() -> None:
    bindgen.check(bindgen.committed())


def test_a_changed_binding_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bindgen, "BINDINGS", tmp_path)
    assert bindgen.main(["write"]) == 0
    assert bindgen.main(["check"]) == 0
    changed = tmp_path / "registry.py"
    changed.write_text(changed.read_text("utf-8").replace("expected_index", "index"), "utf-8")
    (tmp_path / "events.py").unlink()
    with pytest.raises(BindingsDiffer, match=r"events\.py, registry\.py"):
        bindgen.check(bindgen.committed())
    capsys.readouterr()
    assert bindgen.main(["check"]) == 1
    assert "bindgen write" in capsys.readouterr().err
    assert bindgen.main([]) == 2


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_function_is_a_typed_method(name: str) -> None:
    kind = getattr(bindings, name)
    for entry in load(name).abi:
        if entry["type"] == "function":
            method = getattr(kind, bindgen.snake(entry["name"]))
            signature = inspect.signature(method)
            assert len(signature.parameters) == len(entry["inputs"]) + 1
            assert all(p.annotation is not p.empty for n, p in signature.parameters.items() if n != "self")
            assert signature.return_annotation is not signature.empty
            assert method.__doc__


def test_every_error_and_event_of_the_contracts_is_known() -> None:
    entries = [entry for name in CONTRACTS for entry in load(name).abi]
    assert {kind.__name__ for kind in errors.BY_SELECTOR.values()} == {
        entry["name"] for entry in entries if entry["type"] == "error"
    }
    assert {kind.__name__ for kind in events.BY_TOPIC.values()} == {
        entry["name"] for entry in entries if entry["type"] == "event"
    }


def test_errors_are_exceptions_with_values() -> None:
    data = keccak(b"WrongState(uint64,uint8)")[:4] + bytes(31) + b"\x07" + bytes(31) + b"\x02"
    found = error_of(data)
    assert found == errors.WrongState(7, 2)
    assert found != errors.WrongState(7, 3)
    assert isinstance(found, errors.WrongState)
    assert (found.sequence, found.state) == (7, 2)
    assert "WrongState(7, 2)" in str(found)
    assert len({found, errors.WrongState(7, 2)}) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "without a reason"),
        (bytes.fromhex("4e487b71") + bytes(31) + b"\x11", "panic 0x11"),
        (bytes.fromhex("08c379a0") + bytes(31) + b"\x20" + bytes(31) + b"\x02" + b"no".ljust(32, b"\0"), "text 'no'"),
        (b"\xde\xad\xbe\xef", "0xdeadbeef"),
    ],
)
def test_other_reverts_are_told_apart(data: bytes, said: str) -> None:
    assert said in str(error_of(data))


def test_structs_are_frozen_and_go_both_ways(community: Community, agreed_day: PlayedDay) -> None:
    binding = agreed_day.bindings[3]
    (stored,) = community.registry.live_bindings(3, agreed_day.window).bindings
    assert isinstance(stored, structs.Binding)
    assert stored == structs.Binding.from_abi(community.registry.binding(binding))
    with pytest.raises(AttributeError):
        stored.member = 4  # type: ignore[misc]
    answer = community.agreements.live_memberships(2, agreed_day.window)
    assert [membership.agreement for membership in answer.memberships] == [1, 2]
    assert [terms.price_a for terms in answer.its_terms] == [90_000, 80_000]
    assert [field.name for field in fields(answer.its_terms[0])][:3] == ["steward", "key", "rule"]


def test_a_sent_call_has_gas_events_and_the_value_it_returned(community: Community, agreed_day: PlayedDay) -> None:
    sent = community.registry.by(community.cast.operator).add_member(6, b"\x66" * 20)
    assert sent.events == (events.MemberAdded(member=6, account=b"\x66" * 20),)
    assert 40_000 < sent.gas_used < 100_000
    assert sent.value is None
    # A struct inside an event, and a value returned by a transaction.
    terms = community.agreements.terms(2)
    signature = community.sign_with(community.key_of(0), _offer(agreed_day, 1))
    offered = community.agreements.offer(terms, 1, signature)
    assert offered.value == 3
    assert offered.events == (events.AgreementOffered(agreement=3, steward=0, terms=terms),)


def test_nobody_sends_by_accident(community: Community) -> None:
    registry = bindings.Registry(community.registry.address, community.chain)
    assert registry.member_count() == 6
    with pytest.raises(NoSender, match=r"\.by\(key\)"):
        registry.add_member(6, b"\x66" * 20)


def _offer(day: PlayedDay, number: int):  # type: ignore[no-untyped-def]
    from lindenstrom.core.eip712 import Offer

    return Offer(terms=day.terms[2], number=number)

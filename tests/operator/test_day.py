"""A day on the embedded chain, and transactions that do not go as they should."""

from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.chain.client import Chain, PreparedTx, TxResult
from lindenstrom.chain.community import community_ref
from lindenstrom.chain.errors import NodeError, NotMinedInTime
from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.calendar import OPEN_END
from lindenstrom.core.eip712 import Bind
from lindenstrom.core.verification import Expectation, verify_bundle
from lindenstrom.facts import ChainFacts
from lindenstrom.mailbox import list_bundles
from lindenstrom.operator import people
from lindenstrom.operator.day import settle_day
from lindenstrom.signing import address_of, is_signed_by
from lindenstrom.store.records import PostingStep
from tests.operator.world import FIRST_DAY, member_key, new_world

pytestmark = pytest.mark.integration


def test_a_day_is_settled_and_every_bundle_verifies(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        done = settle_day(world.office, FIRST_DAY)
        assert (done.sequence, done.members, done.meters, done.gaps) == (1, 4, 4, ())
        assert world.office.contracts.posting(1).digest == done.digest
        for member in range(2, 6):
            (posted,) = list_bundles(world.office.mailbox, member)
            bundle = read_bundle(posted.path.read_bytes())
            expected = Expectation(community=community_ref(world.community), member=member)
            facts = ChainFacts(world.office.contracts, 1)
            report = verify_bundle(bundle, expected, signed_by=is_signed_by, chain=facts)
            assert {c.status for c in report.checks} == {"ok"}
            assert not bundle.statement.empty
            assert bundle.name == f"Person {member}"


def test_a_member_without_agreements_gets_an_empty_statement(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        office = world.office
        member = people.add_member(office, "Person 6", address_of(member_key(6)))
        act = Bind(
            member=member,
            meter=people.meter_of(office, "DE-six"),
            reader=0,
            position=99,
            from_day=FIRST_DAY,
            end_day=OPEN_END,
            auditors=office.contracts.auditors_hash(),
        )
        binding = people.bind(office, act, world.sign(member_key(6), act))
        more = replace(world, meters={**world.meters, binding: (act.meter, 0, 99)})
        more.read_day(FIRST_DAY)
        assert settle_day(office, FIRST_DAY).members == 5
        (posted,) = list_bundles(office.mailbox, member)
        bundle = read_bundle(posted.path.read_bytes())
        assert bundle.statement.empty and bundle.meters[0].label == "DE-six"
        expected = Expectation(community=community_ref(world.community), member=member)
        report = verify_bundle(bundle, expected, signed_by=is_signed_by, chain=ChainFacts(office.contracts, 1))
        assert {c.status for c in report.checks} == {"ok"}


def test_a_transaction_that_is_not_mined_goes_out_dearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        real, seen = Chain.broadcast, []

        def slow(self: Chain, prepared: PreparedTx, **kwargs: object) -> TxResult:
            seen.append(prepared)
            if len(seen) == 1:
                raise NotMinedInTime(prepared.tx_hash, 1)
            return real(self, prepared, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(Chain, "broadcast", slow)
        done = settle_day(world.office, FIRST_DAY)
        first, second = seen
        assert (first.nonce, first.data) == (second.nonce, second.data)
        assert second.max_fee_wei > first.max_fee_wei
        assert done.tx_hash == second.tx_hash
        assert world.office.contracts.next_sequence() == 2


def test_a_transaction_mined_in_vain_is_signed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)

        def in_vain(_self: Chain, prepared: PreparedTx, **_kwargs: object) -> TxResult:
            raise NodeError("here", "transaction", f"{prepared.tx_hash.hex()} was mined and failed")

        with monkeypatch.context() as patched:
            patched.setattr(Chain, "broadcast", in_vain)
            with pytest.raises(NodeError):
                settle_day(world.office, FIRST_DAY)
        (waiting,) = world.office.store.postings()
        assert waiting.step is PostingStep.SIGNED
        people.add_reader(world.office, b"\x08" * 20)  # takes the nonce, as the failed one would have
        known = Chain.result

        def result(self: Chain, tx_hash: bytes) -> TxResult | None:
            if tx_hash == waiting.tx_hash:
                raise NodeError("here", "transaction", "was mined and failed")
            return known(self, tx_hash)

        monkeypatch.setattr(Chain, "result", result)
        done = settle_day(world.office, FIRST_DAY)
        assert done.resumed and done.tx_hash != waiting.tx_hash
        assert world.office.contracts.posting(1).digest == waiting.digest

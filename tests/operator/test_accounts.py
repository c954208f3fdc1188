"""Members whose account is a program: a contract (EIP-1271), and a key with delegated code (EIP-7702)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.audit import acts
from lindenstrom.chain import anvil
from lindenstrom.chain.abi import ContractAbi
from lindenstrom.chain.client import Chain
from lindenstrom.chain.errors import AnvilMissing, ContractRefused
from lindenstrom.core.calendar import OPEN_END, earliest_change
from lindenstrom.core.eip712 import Act, Bind, Countersign, Demand, Join, Leave, RotateAccount
from lindenstrom.core.hashing import keccak
from lindenstrom.core.terms import Parameters, Role
from lindenstrom.mailbox import bundle_path
from lindenstrom.operator import people
from lindenstrom.operator.day import settle_day
from lindenstrom.operator.errors import SignatureDiffers
from lindenstrom.signing import address_of, sign_digest
from lindenstrom_contracts.errors import CompilerMissing
from tests.operator.world import (
    AUDITOR_KEY,
    FIRST_DAY,
    OPERATOR_KEY,
    START,
    World,
    found,
    member_key,
    new_world,
    reopened,
)
from tests.support.wallet import change, compiled, deploy

MEMBER = 4
STATIC = 1
"""The world's agreement that members from 4 on are not in."""
HOUSEHOLD = (keccak(b"one of the household"), keccak(b"the other"))

Sign = Callable[[Act], bytes]


@pytest.fixture(scope="module")
def household() -> tuple[ContractAbi, bytes]:
    try:
        return compiled()
    except CompilerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def on_prague(tmp_path: Path) -> Iterator[World]:
    try:
        node = anvil.start(tmp_path / "node", START, hardfork="prague")
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    try:
        with reopened(tmp_path, found(tmp_path, node.config, 3)) as world:
            yield world
    finally:
        anvil.stop(tmp_path / "node")


def bind_act(world: World, position: int) -> Bind:
    return Bind(
        member=MEMBER,
        meter=people.meter_of(world.office, f"DE-more-{position}"),
        reader=0,
        position=position,
        from_day=earliest_change(world.chain.now()),
        end_day=OPEN_END,
        auditors=world.office.contracts.auditors_hash(),
    )


def binds_joins_and_leaves(world: World, sign: Sign) -> None:
    """Acts that the operator carries, with the signatures it is handed."""
    act = bind_act(world, 40)
    assert world.office.contracts.binding(people.bind(world.office, act, sign(act))).meter == act.meter
    first = earliest_change(world.chain.now())
    parameters = Parameters(weight=100_000, share_ppm=10**6, salt=keccak(b"parameters of the household"))
    join = Join(
        member=MEMBER, agreement=STATIC, role=int(Role.BOTH), from_day=first, end_day=OPEN_END,
        parameters=parameters.commitment,
    )  # fmt: skip
    countersigned = world.sign(OPERATOR_KEY, Countersign(join=join.struct_hash))
    request = people.JoinRequest(act=join, parameters=parameters, by_member=sign(join), by_steward=countersigned)
    place = people.join(world.office, request)
    leave = Leave(member=MEMBER, membership=place, end_day=first + 30)
    world.chain.send(world.office.contracts.leave(leave, sign(leave)), OPERATOR_KEY)
    assert world.office.contracts.memberships_of(MEMBER)[place].end_day == first + 30


def demands_and_gets(world: World, sign: Sign) -> None:
    """A day, the member's demand for its bundle, and the auditor's confirmation."""
    world.read_day(FIRST_DAY)
    settle_day(world.office, FIRST_DAY)
    contracts = world.office.contracts
    digest = contracts.posting(1).digest
    demand = Demand(member=MEMBER, sequence=1, posting=digest, public_answer=False)
    of_another = sign(replace(demand, member=2))
    with pytest.raises(ContractRefused, match="NotSignedBy"):
        world.chain.send(contracts.demand(demand, of_another), OPERATOR_KEY)
    world.chain.send(contracts.demand(demand, sign(demand)), OPERATOR_KEY)
    assert contracts.demands(1).open == 1
    bundle = bundle_path(world.office.mailbox, MEMBER, FIRST_DAY, 1)
    acts.confirm_delivery(world.chain, world.community, 1, MEMBER, bundle, AUDITOR_KEY)
    assert contracts.demands(1).open == 0


def signing(world: World, *secrets: bytes) -> Sign:
    separator = world.office.contracts.domain_separator()
    return lambda act: b"".join(sign_digest(secret, act.digest(separator)) for secret in secrets)


@pytest.mark.integration
def test_a_contract_signs_for_a_member(tmp_path: Path, household: tuple[ContractAbi, bytes]) -> None:
    abi, code = household
    with new_world(tmp_path) as world:
        chain, contracts = world.chain, world.office.contracts
        wallet = deploy(chain, code, OPERATOR_KEY)
        chain.send(change(abi, wallet, HOUSEHOLD), OPERATOR_KEY)
        rotate = RotateAccount(member=MEMBER, account=wallet)
        chain.send(contracts.rotate_account(rotate, world.sign(member_key(MEMBER), rotate)), OPERATOR_KEY)
        act = bind_act(world, 41)
        for signers in ((member_key(MEMBER),), HOUSEHOLD[:1], HOUSEHOLD[::-1]):
            with pytest.raises(ContractRefused, match="NotSignedBy"):
                people.bind(world.office, act, signing(world, *signers)(act))
        binds_joins_and_leaves(world, signing(world, *HOUSEHOLD))
        demands_and_gets(world, signing(world, *HOUSEHOLD))
        back = RotateAccount(member=MEMBER, account=address_of(keccak(b"a key again")))
        chain.send(contracts.rotate_account(back, signing(world, *HOUSEHOLD)(back)), OPERATOR_KEY)
        assert contracts.account(MEMBER) == back.account
        with pytest.raises(SignatureDiffers):
            people.bind(world.office, act, signing(world, HOUSEHOLD[0])(act))


def delegate(chain: Chain, secret: bytes, code_of: bytes) -> None:
    """Give a key's account a contract's code (EIP-7702); the operator pays."""
    from eth_account import Account

    w3, operator = chain.w3, address_of(OPERATOR_KEY)
    given = {"chainId": chain.chain_id, "address": code_of, "nonce": chain.nonce(address_of(secret))}
    authorization = Account.from_key(secret).sign_authorization(given)
    fields = {
        "type": 4, "chainId": chain.chain_id, "nonce": chain.nonce(operator), "gas": 200_000, "to": operator,
        "value": 0, "data": b"", "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9,
        "authorizationList": [authorization],
    }  # fmt: skip
    raw = Account.sign_transaction(fields, OPERATOR_KEY).raw_transaction
    assert w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(raw))["status"] == 1


@pytest.mark.anvil
def test_a_key_with_delegated_code_keeps_signing(on_prague: World, household: tuple[ContractAbi, bytes]) -> None:
    world, (abi, code) = on_prague, household
    chain, contracts, secret = world.chain, world.office.contracts, member_key(MEMBER)
    account = address_of(secret)
    wallet = deploy(chain, code, OPERATOR_KEY)
    delegate(chain, secret, wallet)
    assert chain.code(account) == bytes.fromhex("ef0100") + wallet
    assert contracts.account(MEMBER) == account
    binds_joins_and_leaves(world, signing(world, secret))
    demands_and_gets(world, signing(world, secret))
    act = bind_act(world, 41)
    with pytest.raises(ContractRefused, match="NotSignedBy"):
        people.bind(world.office, act, signing(world, *HOUSEHOLD)(act))
    chain.send(change(abi, account, HOUSEHOLD), OPERATOR_KEY)
    people.bind(world.office, act, signing(world, *HOUSEHOLD)(act))
    rotate = RotateAccount(member=MEMBER, account=address_of(keccak(b"a key again")))
    chain.send(contracts.rotate_account(rotate, world.sign(secret, rotate)), OPERATOR_KEY)
    assert contracts.account(MEMBER) == rotate.account

"""An operator whose contracts only look like the project's: the community file's hashes fit, the contracts do not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.chain import embedded
from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import CONTRACT_KEYS, Community
from lindenstrom.chain.deploy import deploy_community
from lindenstrom.chain.errors import ForeignContract
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.hashing import keccak
from lindenstrom.signing import address_of
from lindenstrom_contracts import loader

OPERATOR = b"\x11" * 32
START = 1_788_500_000


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Community]]:
    path: Path = tmp_path_factory.mktemp("foreign")
    embedded.create(path / "chain.sqlite", START)
    with open_chain(NodeConfig(kind=NodeKind.EMBEDDED, path=path / "chain.sqlite")) as chain:
        yield chain, deploy_community(
            chain, path / "community.toml", name="Gartenweg", zone="Europe/Berlin", deployer_key=OPERATOR,
            auditors=[address_of(b"\x22" * 32)],
        )  # fmt: skip


def put(chain: Chain, code: bytes) -> bytes:
    """A contract with just this code, by a creation code that only returns it."""
    init = bytes.fromhex(f"61{len(code):04x}80600b5f395ff3").ljust(11, b"\0") + code
    created = chain.send(ContractCall(contract="Any", function="constructor", to=None, data=init), OPERATOR).created
    assert created is not None
    assert chain.code(created) == code
    return created


def described(chain: Chain, community: Community, key: str, code: bytes) -> Community:
    """The community file that its operator would hand out: with the address and the hash of what is there."""
    addresses = replace(community.addresses, **{key: put(chain, code)})
    hashes = tuple(keccak(chain.code(getattr(addresses, name))) for name in CONTRACT_KEYS)
    return replace(community, addresses=addresses, code_hashes=hashes)


def test_the_own_contracts_are_the_releases_on_any_later_day(founded: tuple[Chain, Community]) -> None:
    chain, community = founded
    community.check_code(chain)
    chain.advance_to(chain.now() + 40 * 86_400)
    community.check_code(chain)


@pytest.mark.parametrize("key", CONTRACT_KEYS)
def test_changed_code_under_its_own_hash(founded: tuple[Chain, Community], key: str) -> None:
    chain, community = founded
    code = bytearray(chain.code(getattr(community.addresses, key)))
    code[len(code) // 2] ^= 0x01
    with pytest.raises(ForeignContract, match=f"at {key.title().replace('_', '')}'s address"):
        described(chain, community, key, bytes(code)).check_code(chain)


@pytest.mark.parametrize(("constant", "value"), [("objection_period_s", 60), ("close_delay_s", 20_000)])
def test_a_constant_below_its_floor(founded: tuple[Chain, Community], constant: str, value: int) -> None:
    """Written into the code, past the constructor that would refuse it."""
    chain, community = founded
    true = getattr(community.constants, constant).to_bytes(32)
    code = bytearray(chain.code(community.addresses.registry))
    for place in loader.load("Registry").immutables:
        span = slice(place.start, place.start + place.length)
        if code[span] == true:
            code[span] = value.to_bytes(32)
    with pytest.raises(ForeignContract, match="at Registry's address"):
        described(chain, community, "registry", bytes(code)).check_code(chain)


def test_an_objection_period_disguised_as_the_first_window(founded: tuple[Chain, Community]) -> None:
    chain, community = founded
    true, false = community.constants.objection_period_s.to_bytes(32), community.first_window.to_bytes(32)
    code = bytearray(chain.code(community.addresses.registry))
    for place in loader.load("Registry").immutables:
        span = slice(place.start, place.start + place.length)
        if code[span] == true:
            code[span] = false
    with pytest.raises(ForeignContract, match="at Registry's address"):
        described(chain, community, "registry", bytes(code)).check_code(chain)


def test_a_settlement_that_reads_other_agreements(founded: tuple[Chain, Community]) -> None:
    chain, community = founded
    code = bytearray(chain.code(community.addresses.settlement))
    other = put(chain, chain.code(community.addresses.agreements))
    code = bytearray(bytes(code).replace(community.addresses.agreements, other))
    with pytest.raises(ForeignContract, match=r"at Settlement's address .*\(agreements\)"):
        described(chain, community, "settlement", bytes(code)).check_code(chain)


def test_one_id_for_two_registries(founded: tuple[Chain, Community]) -> None:
    """What members sign for the one would count in the other."""
    chain, community = founded
    with pytest.raises(ForeignContract, match=r"at Registry's address .*\(community\)"):
        described(chain, community, "registry", chain.code(community.addresses.registry)).check_code(chain)

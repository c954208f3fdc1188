"""Whether a community's contracts are this release's: every byte of them, their wiring, and how they were created."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.forgery import STORES_SEVEN, deployed, planted
from lindenstrom.chain import embedded
from lindenstrom.chain.abi import creation
from lindenstrom.chain.acts import Addresses
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.creation import Creation, compare_creations, creation_calls
from lindenstrom.chain.deploy import default_constants, deploy_community
from lindenstrom.chain.errors import ContractRefused, ForeignContract
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.release import Match, compare_code, compare_release, immutable_values, impossible_values
from lindenstrom.core.eip712 import domain_separator
from lindenstrom_contracts import CONTRACTS, load

START = 1_780_300_800  # 2026-06-01
OPERATOR, AUDITOR = (bytes([n]) * 32 for n in (1, 2))
ZONE = "Europe/Berlin"
PLACES = Addresses(registry=b"\x11" * 20, agreements=b"\x22" * 20, reading_log=b"\x33" * 20, settlement=b"\x44" * 20)
SAMPLE = Community(
    path=Path("community.toml"), name="Gartenweg", zone=ZONE, id=domain_separator(31_337, PLACES.registry),
    chain_id=31_337, node=NodeConfig(kind=NodeKind.URL, url="https://node.example"), deployment_block=1,
    first_window=20_607, addresses=PLACES, code_hashes=(bytes(32),) * 4, operator=b"\x55" * 20,
    auditors=(b"\x66" * 20,), constants=default_constants(ZONE),
)  # fmt: skip


def built(name: str) -> bytes:
    """The code of the sample community's contract."""
    artifact = load(name)
    code = bytearray(artifact.deployed_bytecode)
    for place in artifact.immutables:
        code[place.start : place.start + place.length] = immutable_values(SAMPLE)[name][place.name]
    return bytes(code)


def compared(name: str, code: bytes) -> tuple[Match, tuple[str, ...]]:
    return compare_code(load(name), immutable_values(SAMPLE)[name], code)


@pytest.mark.parametrize("name", CONTRACTS)
def test_code_with_the_communitys_values_is_this_releases(name: str) -> None:
    assert compared(name, built(name)) == (Match.SAME, ())
    assert {place.name for place in load(name).immutables} == set(immutable_values(SAMPLE)[name])
    assert compared(name, b"") == (Match.NO_CODE, ())
    assert compared(name, built(name)[:-1]) == (Match.OTHER_CODE, ())
    assert compared(name, built(name) + b"\0") == (Match.OTHER_CODE, ())
    assert compared(name, load(name).deployed_bytecode)[0] is Match.OTHER_VALUES


@given(name=st.sampled_from(CONTRACTS), data=st.data())
def test_any_changed_byte_shows(name: str, data: st.DataObject) -> None:
    code = bytearray(built(name))
    at = data.draw(st.integers(0, len(code) - 1))
    code[at] ^= data.draw(st.integers(1, 255))
    inside = tuple(p.name for p in load(name).immutables if p.start <= at < p.start + p.length)
    assert compared(name, bytes(code)) == (Match.OTHER_VALUES if inside else Match.OTHER_CODE, inside)


@given(name=st.sampled_from(CONTRACTS), data=st.data())
def test_one_place_of_an_immutable_is_enough(name: str, data: st.DataObject) -> None:
    """A forger's creation code may show the right contract in a view and ask another one everywhere else."""
    place = data.draw(st.sampled_from(load(name).immutables))
    code = bytearray(built(name))
    code[place.start : place.start + place.length] = b"\x77" * place.length
    assert compared(name, bytes(code)) == (Match.OTHER_VALUES, (place.name,))


def test_values_that_no_constructor_lets_through() -> None:
    assert impossible_values(SAMPLE) == ()
    for field, name, value in (
        ("offset_hours", "offsetHours", 3),
        ("close_delay_s", "closeDelay", 36 * 3600 - 1),
        ("objection_period_s", "objectionPeriod", 14 * 86400 - 1),
        ("answer_time_s", "answerTime", 3 * 86400 - 1),
        ("depth", "depth", 0),
    ):
        changed = replace(SAMPLE, constants=replace(SAMPLE.constants, **{field: value}))
        assert impossible_values(changed) == (name,)
        assert compare_release(changed, [b""] * 4)[0].match is Match.NO_CODE
    assert impossible_values(replace(SAMPLE, id=bytes(32))) == ("community",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An open chain with a fresh community."""

    chain: Chain
    community: Community

    def with_place(self, **places: bytes) -> Community:
        """The community file of somebody who names other contracts."""
        return replace(self.community, addresses=replace(self.community.addresses, **places))

    def code(self, name: str) -> bytes:
        return self.chain.code(getattr(self.community.addresses, name))

    def matches(self, community: Community) -> dict[str, tuple[Match, tuple[str, ...]]]:
        found = compare_release(community, community.codes(self.chain))
        return {m.contract: (m.match, m.differing) for m in found if m.match is not Match.SAME}

    def creations(self, community: Community) -> tuple[Creation, ...]:
        return compare_creations(community, self.chain)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("release") / "chain.sqlite"
    embedded.create(path, START)
    with open_chain(NodeConfig(kind=NodeKind.EMBEDDED, path=path)) as chain:
        community = deploy_community(
            chain, path.parent / "community.toml", name="Gartenweg", zone=ZONE, deployer_key=OPERATOR,
            auditors=[b"\x66" * 20],
        )  # fmt: skip
        yield Site(chain=chain, community=community)


@pytest.mark.integration
def test_an_honest_community_fits(site: Site) -> None:
    assert site.matches(site.community) == {}
    assert site.creations(site.community) == (Creation.SAME,) * 4
    site.community.check_code(site.chain)


@pytest.mark.integration
def test_possible_values_are_those_that_the_constructor_lets_through(site: Site) -> None:
    floors = site.community.constants
    for field, least, greatest in (
        ("offset_hours", 0, 2),
        ("close_delay_s", 36 * 3600, 2**32 - 1),
        ("objection_period_s", 14 * 86400, 2**32 - 1),
        ("answer_time_s", 3 * 86400, 2**32 - 1),
        ("depth", 1, 20),
    ):
        for value in (least - 1, least, greatest, greatest + 1):
            if not 0 <= value < 2**32:
                continue
            changed = replace(site.community, constants=replace(floors, **{field: value}))
            try:
                site.chain.call(creation_calls(changed)[0])
                refused: tuple[object, ...] = ()
            except ContractRefused as error:
                refused = (error.name,)
            assert bool(refused) == bool(impossible_values(changed)), (field, value)
            assert refused in ((), ("ConstantOutOfRange",))


@pytest.mark.integration
def test_a_settlement_with_one_changed_byte(site: Site) -> None:
    code = bytearray(site.code("settlement"))
    code[100] ^= 1
    forged = site.with_place(settlement=planted(site.chain, bytes(code), key=AUDITOR))
    assert site.matches(forged) == {"Settlement": (Match.OTHER_CODE, ())}
    assert site.creations(forged) == (*(Creation.SAME,) * 3, Creation.OTHER)
    with pytest.raises(ForeignContract, match=r"The code at Settlement's address 0x[0-9a-f]{40} is not this release's"):
        forged.check_code(site.chain)


@pytest.mark.integration
def test_a_settlement_wired_to_other_contracts(site: Site) -> None:
    at = site.community.addresses
    agreements = deployed(site.chain, creation("Agreements", at.registry), key=AUDITOR)
    wired = creation("Settlement", at.registry, agreements, at.reading_log)
    forged = site.with_place(settlement=deployed(site.chain, wired, key=AUDITOR))
    assert site.matches(forged) == {"Settlement": (Match.OTHER_VALUES, ("agreements",))}
    assert site.creations(forged)[3] is Creation.OTHER
    assert site.matches(site.with_place(agreements=agreements)) == {"Settlement": (Match.OTHER_VALUES, ("agreements",))}
    with pytest.raises(ForeignContract, match=r"holds other values than the community's \(agreements\)"):
        forged.check_code(site.chain)


@pytest.mark.integration
def test_a_registry_of_another_community(site: Site) -> None:
    """All that hangs on it shows as well."""
    constants = (1, 36 * 3600, 20 * 86400, 3 * 86400, 11)
    call = creation("Registry", constants, site.community.operator, [])
    found = site.matches(site.with_place(registry=deployed(site.chain, call, key=AUDITOR)))
    assert found == {
        "Registry": (Match.OTHER_VALUES, ("community", "depth", "objectionPeriod")),
        "Agreements": (Match.OTHER_VALUES, ("registry",)),
        "ReadingLog": (Match.OTHER_VALUES, ("registry",)),
        "Settlement": (Match.OTHER_VALUES, ("registry",)),
    }


@pytest.mark.integration
def test_storage_that_began_with_something_shows_in_the_creation_only(site: Site) -> None:
    code = site.code("settlement")
    forged = site.with_place(settlement=planted(site.chain, code, key=AUDITOR, first=STORES_SEVEN))
    assert site.matches(forged) == {}
    assert site.creations(forged) == (*(Creation.SAME,) * 3, Creation.OTHER)


@pytest.mark.integration
def test_a_hidden_auditor_shows_in_the_creation(site: Site) -> None:
    forgotten = replace(site.community, auditors=())
    assert site.matches(forgotten) == {}
    assert site.creations(forgotten)[0] is Creation.OTHER


@pytest.mark.integration
def test_what_no_transaction_created_is_not_found(site: Site) -> None:
    late = replace(site.community, deployment_block=site.chain.block_number() + 1)
    assert site.creations(late) == (Creation.NOT_FOUND,) * 4
    assert [call.contract for call in creation_calls(late)] == list(CONTRACTS)

"""The four contracts through their Python wrapper: deployed, used for a day, read back."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lindenstrom.chain import embedded
from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import CONTRACT_KEYS, Community, load_community, save_community
from lindenstrom.chain.contracts import Contracts
from lindenstrom.chain.deploy import default_constants, deploy_community
from lindenstrom.chain.errors import (
    CodeDiffers,
    CommunityFileExists,
    CommunityFileInvalid,
    CommunityFileMissing,
    ContractRefused,
    WrongChain,
)
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core import eip712
from lindenstrom.core.calendar import OPEN_END, Zone, earliest_change
from lindenstrom.core.hashing import EMPTY
from lindenstrom.core.merkle import EMPTY_ROOTS, batch_tree
from lindenstrom.core.refutation import AgreementOpening, MeterOpening, Opening, StatementOpening
from lindenstrom.core.statements import Header, Record, Statement, batch_digest
from lindenstrom.core.terms import Key, Role, Rule, Terms
from lindenstrom.core.verification import PostingState
from lindenstrom.signing import address_of, sign_digest

START = 1_780_300_800  # 2026-06-01
OPERATOR, AUDITOR, READER, MEMBER, CARRIER = (bytes([n]) * 32 for n in (1, 2, 3, 4, 5))
METER = b"\xaa" * 32
ROOT = b"\xbb" * 32
ZONE = "Europe/Berlin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An open chain with a fresh community."""

    chain: Chain
    community: Community
    contracts: Contracts

    def signed(self, key: bytes, act: eip712.Act) -> bytes:
        return sign_digest(key, act.digest(self.community.id))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    embedded.create(tmp_path / "chain.sqlite", START)
    with open_chain(NodeConfig(kind=NodeKind.EMBEDDED, path=tmp_path / "chain.sqlite")) as chain:
        community = deploy_community(
            chain, tmp_path / "community.toml", name="Gartenweg", zone=ZONE, deployer_key=OPERATOR,
            auditors=[address_of(AUDITOR)],
        )  # fmt: skip
        for key in (AUDITOR, CARRIER):
            chain.ensure_funds(address_of(key))
        yield Site(chain=chain, community=community, contracts=community.contracts(chain))


def settled_in(site: Site) -> int:
    """One member with one meter and one agreement; returns the first day of both."""
    chain, contracts = site.chain, site.contracts
    day = earliest_change(chain.now())
    chain.send(contracts.add_member(2, address_of(MEMBER)), OPERATOR)
    chain.send(contracts.add_reader(0, address_of(READER)), OPERATOR)
    bind = eip712.Bind(
        member=2, meter=METER, reader=0, position=5, from_day=day, end_day=OPEN_END, auditors=contracts.auditors_hash()
    )
    chain.send(contracts.bind(bind, site.signed(MEMBER, bind)), CARRIER)
    terms = Terms(
        steward=0, key=Key.PROPORTIONAL, rule=Rule.FIXED, price_a_ueur_kwh=110_000, fee_ueur_kwh=5_000, priority=3,
        first_window=day, public_disputes=True,
    )  # fmt: skip
    offer = eip712.Offer(terms=terms, number=0)
    chain.send(contracts.offer(offer, site.signed(OPERATOR, offer)), CARRIER)
    join = eip712.Join(member=2, agreement=1, role=Role.BOTH, from_day=day, end_day=OPEN_END, parameters=b"\xcc" * 32)
    countersign, receipt = eip712.Countersign(join=join.struct_hash), eip712.Receipt(join=join.struct_hash)
    call = contracts.join(
        join, site.signed(MEMBER, join), site.signed(OPERATOR, countersign), site.signed(OPERATOR, receipt)
    )
    chain.send(call, CARRIER)
    return day


def anchor(site: Site, windows: list[int]) -> list[SignedAnchor]:
    acts = [eip712.Anchor(reader=0, window=window, revision=0, root=ROOT) for window in windows]
    records = [SignedAnchor(act=act, signature=site.signed(READER, act)) for act in acts]
    site.chain.send(site.contracts.anchoring(records), CARRIER)
    return records


def test_registry_and_agreements_read_back(site: Site) -> None:
    contracts = site.contracts
    assert contracts.constants() == site.community.constants == default_constants(ZONE)
    assert contracts.operator() == address_of(OPERATOR)
    assert [a.address for a in contracts.auditors()] == [address_of(AUDITOR)]
    assert contracts.first_window() == earliest_change(START)
    assert contracts.member_count() == 2
    day = settled_in(site)
    assert (contracts.member_count(), contracts.reader_count()) == (3, 1)
    assert contracts.account(2) == address_of(MEMBER)
    assert contracts.reader(0).key_a == address_of(READER).rjust(32, b"\0")
    (binding,) = contracts.live_bindings(2, day)
    assert binding == contracts.binding(1) == contracts.bindings_of(2)[0]
    assert (binding.meter, binding.position, binding.from_day, binding.end_day) == (METER, 5, day, OPEN_END)
    assert contracts.live_bindings(2, day - 1) == ()
    (live,) = contracts.live_memberships(2, day)
    assert live.membership == contracts.memberships_of(2)[0]
    assert live.terms == contracts.terms(1)
    assert live.terms.price_ueur_kwh == 110_000
    assert live.terms.public_disputes
    assert (contracts.agreement_count(), contracts.offers_of(0), contracts.binding_count()) == (1, 1, 1)

    leave = eip712.Leave(member=2, membership=0, end_day=day + 1)
    site.chain.send(contracts.leave(leave, site.signed(MEMBER, leave)), CARRIER)
    site.chain.send(contracts.unbind(eip712.Unbind(binding=1, end_day=day + 1)), OPERATOR)
    assert contracts.live_memberships(2, day + 1) == ()
    assert contracts.live_bindings(2, day + 1) == ()


def test_keys_rotate(site: Site) -> None:
    settled_in(site)
    account = eip712.RotateAccount(member=2, account=b"\x44" * 20)
    site.chain.send(site.contracts.rotate_account(account, site.signed(MEMBER, account)), CARRIER)
    reader = eip712.RotateReader(reader=0, curve=1, key_a=(b"\x55" * 20).rjust(32, b"\0"), key_b=bytes(32))
    site.chain.send(site.contracts.rotate_reader(reader, site.signed(READER, reader)), CARRIER)
    assert site.contracts.account(2) == b"\x44" * 20
    assert site.contracts.reader(0).key_a[12:] == b"\x55" * 20


def test_refusals_carry_the_contracts_own_values(site: Site) -> None:
    with pytest.raises(ContractRefused, match=r"Registry refused: UnexpectedIndex\(7, 2\)") as refused:
        site.chain.send(site.contracts.add_member(7, address_of(MEMBER)), OPERATOR)
    assert refused.value.values == (7, 2)
    with pytest.raises(ContractRefused) as refused:
        site.chain.send(site.contracts.add_member(2, address_of(MEMBER)), CARRIER)
    assert (refused.value.name, refused.value.values) == ("NotOperator", (address_of(CARRIER),))
    day = settled_in(site)
    with pytest.raises(ContractRefused, match="ReadingLog refused: WindowNotOver"):
        anchor(site, [day])


def test_anchored_records_come_with_their_batch(site: Site) -> None:
    day = settled_in(site)
    site.chain.advance_to(Zone.named(ZONE).window_end(day + 2))
    records = anchor(site, [day, day + 1])
    anchor(site, [day + 2])
    site.chain.send(site.contracts.anchoring(records), CARRIER)  # known already
    (found,) = site.contracts.anchored(0, day + 1)
    batch = tuple(Record(reader=0, window=w, revision=0, root=ROOT) for w in (day, day + 1))
    assert (found.record, found.records, found.slot, found.batch) == (batch[1], batch, 1, 1)
    assert found.time == site.chain.now() - 2
    assert (site.contracts.count(0, day), site.contracts.count(0, day + 5)) == (1, 0)
    assert site.contracts.anchored(0, day + 5) == ()
    root = batch_tree([record.leaf(site.community.id) for record in found.records]).root
    assert site.contracts.batch_digest(1) == batch_digest(root, found.time)
    site.chain.send(site.contracts.record_withheld(0, day + 2), AUDITOR)
    assert site.contracts.withheld_at(0, day + 2) == site.chain.now()


def test_posting_until_final(site: Site) -> None:
    chain, contracts = site.chain, site.contracts
    day = settled_in(site)
    empty = EMPTY_ROOTS[site.community.constants.depth]
    as_of = Zone.named(ZONE).window_end(day) + site.community.constants.close_delay_s
    header = Header(window=day, revision=0, as_of=as_of, statements_root=empty, results_root=empty, sources_root=empty)
    with pytest.raises(ContractRefused, match="TooEarly"):
        chain.send(contracts.post(1, header), OPERATOR)
    chain.advance_to(as_of)
    assert contracts.next_sequence() == 1
    result = chain.send(contracts.post(1, header), OPERATOR)
    (event,) = contracts.events(result)
    digest = header.digest(site.community.id, 1)
    assert (event.name, event["sequence"], event["digest"]) == ("Posted", 1, digest)
    assert contracts.header(1) == header
    assert contracts.header(2) is None
    chain.send(contracts.attest(1, digest), AUDITOR)
    posting = contracts.posting(1)
    assert (posting.digest, posting.state, posting.attested_by, posting.window) == (digest, PostingState.POSTED, 1, day)
    assert (contracts.live(day), contracts.newest_final(day)) == (1, 0)
    chain.advance_to(posting.posted_at + site.community.constants.objection_period_s)
    chain.send(contracts.finalise(1, digest), CARRIER)
    assert contracts.posting(1).state is PostingState.FINAL
    assert contracts.newest_final(day) == 1


def test_auditor_voids_and_member_refutes(site: Site) -> None:
    chain, contracts = site.chain, site.contracts
    day = settled_in(site)
    empty = EMPTY_ROOTS[site.community.constants.depth]
    as_of = Zone.named(ZONE).window_end(day) + site.community.constants.close_delay_s
    header = Header(window=day, revision=0, as_of=as_of, statements_root=empty, results_root=empty, sources_root=empty)
    chain.advance_to(as_of)
    chain.send(contracts.post(1, header), OPERATOR)
    chain.send(contracts.void_by_auditor(1, header.digest(site.community.id, 1)), AUDITOR)
    assert contracts.posting(1).state is PostingState.VOID
    chain.send(contracts.post(2, header), OPERATOR)
    digest = header.digest(site.community.id, 2)
    act = eip712.Refute(member=2, sequence=2, posting=digest)
    # An empty source leaf at a live binding is wrong by itself; the rest only has to be well-formed.
    proof = EMPTY_ROOTS[: site.community.constants.depth]
    leaf = Statement(
        community=site.community.id, window=day, revision=0, index=2, lines_commitment=EMPTY, net_peur=0, salt=EMPTY
    )
    opening = Opening(
        statement=StatementOpening(empty=True, statement=leaf, lines_salt=EMPTY, lines=b"", proof=proof),
        meters=(MeterOpening(kind=0, revision=0, replacement=EMPTY, source_proof=proof, pack=b""),),
        agreements=(
            AgreementOpening(
                weight=0, share_ppm=0, limit_ueur_kwh=0, salt=EMPTY, empty=True, triples_salt=EMPTY, triples=b"",
                proof=proof,
            ),
        ),
    )  # fmt: skip
    result = chain.send(contracts.refute(act, header, opening, site.signed(MEMBER, act)), CARRIER)
    voided = next(event for event in contracts.events(result) if event.name == "Voided")
    assert (voided["sequence"], voided["reason"]) == (2, 2)
    assert contracts.posting(2).state is PostingState.VOID


def test_community_file(site: Site, tmp_path: Path) -> None:
    path = site.community.path
    loaded = load_community(path)
    assert loaded == replace(site.community, node=loaded.node)
    assert loaded.node.path == path.parent / "chain.sqlite"
    loaded.check_code(site.chain)
    with pytest.raises(CommunityFileExists):
        deploy_community(site.chain, path, name="x", zone=ZONE, deployer_key=OPERATOR, auditors=[])
    with pytest.raises(WrongChain, match="names chain 1, the node serves chain"):
        replace(loaded, chain_id=1).check_code(site.chain)
    with pytest.raises(CodeDiffers, match="registry"):
        replace(loaded, code_hashes=(EMPTY, *loaded.code_hashes[1:])).check_code(site.chain)
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".toml") == ["community.toml"]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ('zone = "Europe/Berlin"', "", "zone"),
        ('kind = "embedded"', 'kind = "steam"', "node.kind"),
        ("depth = 12", 'depth = "12"', "constants.depth"),
        (
            '[contracts.settlement]\naddress = "0x',
            '[contracts.settlement]\naddress = "',
            "contracts.settlement.address",
        ),
        ("[chain]", "[chain", "file"),
    ],
)
def test_damaged_community_file(site: Site, old: str, new: str, where: str) -> None:
    path = site.community.path
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(CommunityFileInvalid) as invalid:
        load_community(path)
    assert invalid.value.where == where


def test_awkward_names_survive(site: Site) -> None:
    community = replace(site.community, path=site.community.path.with_name("b.toml"), name='Am "Tor" \\ Grün\x7f\n')
    save_community(community)
    assert tomllib.loads(community.path.read_text())["name"] == community.name
    assert load_community(community.path).name == community.name
    assert set(CONTRACT_KEYS) == set(tomllib.loads(community.path.read_text())["contracts"])


def test_reading_the_file_needs_no_web3(site: Site) -> None:
    code = (
        "import sys; from pathlib import Path; from lindenstrom.chain.community import load_community;"
        "load_community(Path(sys.argv[1]));"
        "sys.exit(bool({'web3', 'eth_account', 'eth_abi', 'eth', 'eth_tester', 'requests'} & set(sys.modules)))"
    )
    roots = os.pathsep.join(str(Path(__file__).parents[2] / name) for name in ("contracts", "ledger"))
    command = [sys.executable, "-c", code, str(site.community.path)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": roots})


def test_no_community_file(tmp_path: Path) -> None:
    with pytest.raises(CommunityFileMissing):
        load_community(tmp_path / "none.toml")


def test_fails_to_deploy_twice_leaves_the_first(site: Site) -> None:
    before = site.community.path.read_bytes()
    number = site.chain.block_number()
    with pytest.raises(CommunityFileExists):
        deploy_community(site.chain, site.community.path, name="x", zone=ZONE, deployer_key=OPERATOR, auditors=[])
    assert (site.community.path.read_bytes(), site.chain.block_number()) == (before, number)

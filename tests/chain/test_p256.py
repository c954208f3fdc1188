"""P-256 readers: accepted where the chain verifies the curve, refused where it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lindenstrom.chain import anvil, embedded
from lindenstrom.chain.batches import SignedAnchor, Skip, dense
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.contracts import Contracts
from lindenstrom.chain.deploy import deploy_community
from lindenstrom.chain.errors import AnvilMissing, ContractRefused
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import Zone, earliest_change
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.hashing import keccak
from lindenstrom.signing import P256_ORDER, Curve, address_of, is_signed_by, key_of, sign_digest, sign_on

START = 1_780_300_800  # 2026-06-01
OPERATOR, READER, HARDWARE = (bytes([n]) * 32 for n in (1, 2, 3))
P256_KEY = key_of(HARDWARE, Curve.P256)


def deployed(chain: Chain, folder: Path) -> Contracts:
    community = deploy_community(
        chain, folder / "community.toml", name="Gartenweg", zone="Europe/Berlin", deployer_key=OPERATOR, auditors=[]
    )
    return community.contracts(chain)


@pytest.fixture
def osaka(tmp_path: Path) -> Iterator[Chain]:
    try:
        node = anvil.start(tmp_path / "node", START, hardfork="osaka")
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    with open_chain(node.config) as chain:
        yield chain
    anvil.stop(tmp_path / "node")


def test_signatures_of_both_curves_are_told_apart() -> None:
    digest = keccak(b"act")
    signature = sign_on(HARDWARE, digest, Curve.P256)
    assert is_signed_by(P256_KEY, digest, signature)
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    assert is_signed_by(P256_KEY, digest, r + (P256_ORDER - s).to_bytes(32, "big"))
    assert not is_signed_by(P256_KEY, keccak(b"other"), signature)
    assert not is_signed_by(P256_KEY, digest, sign_digest(HARDWARE, digest))
    assert not is_signed_by(address_of(HARDWARE), digest, signature)
    assert not is_signed_by(bytes(64), digest, signature)
    assert not is_signed_by(P256_KEY, digest, b"")


@pytest.mark.integration
def test_the_embedded_chain_refuses_the_curve(tmp_path: Path) -> None:
    embedded.create(tmp_path / "chain.sqlite", START)
    with open_chain(NodeConfig(kind=NodeKind.EMBEDDED, path=tmp_path / "chain.sqlite")) as chain:
        contracts = deployed(chain, tmp_path)
        with pytest.raises(ContractRefused, match=r"CurveNotSupported\(2\)"):
            chain.send(contracts.add_reader(0, P256_KEY), OPERATOR)


@pytest.mark.anvil
def test_both_curves_travel_in_one_batch(osaka: Chain, tmp_path: Path) -> None:
    contracts = deployed(osaka, tmp_path)
    osaka.send(contracts.add_reader(0, address_of(READER)), OPERATOR)
    osaka.send(contracts.add_reader(1, P256_KEY), OPERATOR)
    assert (contracts.reader(1).key, contracts.reader_keys(1)) == (P256_KEY, (P256_KEY,))
    window = earliest_change(osaka.now())
    osaka.advance_to(Zone.named("Europe/Berlin").window_end(window + 2))
    separator = contracts.domain_separator()
    records = []
    for reader, secret, curve in ((0, READER, Curve.SECP256K1), (1, HARDWARE, Curve.P256)):
        for w in range(window, window + 3):
            act = Anchor(reader=reader, window=w, revision=0, root=keccak(bytes([reader, w - window])))
            records.append(SignedAnchor(act=act, signature=sign_on(secret, act.digest(separator), curve)))
    records[4] = SignedAnchor(act=records[4].act, signature=b"nonsense")
    ordered = sorted(records, key=lambda r: (r.act.window, r.act.reader))
    assert len(dense(ordered)) == 3 * 6 + 6 * 102
    result = osaka.send(contracts.anchor_many(ordered), OPERATOR)
    assert contracts.skipped(result) == {3: Skip.NOT_SIGNED_BY_READER}
    assert [contracts.count(1, w) for w in range(window, window + 3)] == [1, 0, 1]
    (found,) = contracts.anchored(1, window + 2)
    assert (found.slot, len(found.records), found.record.root) == (4, 5, keccak(bytes([1, 2])))

"""Trees, packs, signed acts, salts and bundles: canonical bytes, and every changed bit is noticed."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given as forall
from hypothesis import strategies as st

from lindenstrom.core.calendar import OPEN_END
from lindenstrom.core.eip712 import DOMAIN_NAME, DOMAIN_VERSION, Act, Anchor, Bind, Join, Offer, domain_separator
from lindenstrom.core.hashing import EMPTY, keccak
from lindenstrom.core.merkle import (
    EMPTY_ROOTS,
    BatchSize,
    PositionalTree,
    PositionOutOfTree,
    batch_depth,
    batch_tree,
    proves,
    root_from_proof,
)
from lindenstrom.core.packs import (
    PackFault,
    Registers,
    UnreadablePack,
    decode_pack,
    pack_fault,
)
from lindenstrom.core.salts import Purpose, meter_id, salt
from lindenstrom.core.statements import Line, decode_lines, encode_lines
from lindenstrom.core.terms import Key, Rule, Terms
from lindenstrom.signing import (
    SECP256K1_ORDER,
    BadPrivateKey,
    UnreadableSignature,
    address_of,
    recover_address,
    sign_digest,
)
from tests.vectors.generate import COMMUNITY, example_pack

KEY = keccak(b"a key for tests")
LEAVES = st.dictionaries(st.integers(0, 31), st.binary(min_size=32, max_size=32), max_size=12)


@forall(LEAVES, st.integers(0, 31))
def test_every_position_has_a_proof_and_only_its_own(leaves: dict[int, bytes], position: int) -> None:
    tree = PositionalTree(depth=5, leaves=leaves)
    proof = tree.proof(position)
    assert proves(tree.root, tree.leaf(position), position, proof, 5)
    assert not proves(tree.root, tree.leaf(position), position, proof[:-1], 5)
    assert not proves(tree.root, keccak(b"other"), position, proof, 5)
    moved = position ^ 1
    if tree.leaf(position) != tree.leaf(moved):
        assert not proves(tree.root, tree.leaf(position), moved, proof, 5)


def test_empty_trees_are_canonical_and_positions_bounded() -> None:
    assert PositionalTree(depth=7, leaves={}).root == EMPTY_ROOTS[7]
    assert PositionalTree(depth=7, leaves={3: EMPTY}).root == EMPTY_ROOTS[7]
    with pytest.raises(PositionOutOfTree):
        PositionalTree(depth=2, leaves={4: EMPTY})
    with pytest.raises(PositionOutOfTree):
        PositionalTree(depth=2, leaves={}).proof(-1)


@forall(st.integers(1, 256))
def test_batches_are_as_shallow_as_they_can_be(size: int) -> None:
    depth = batch_depth(size)
    assert 2**depth >= size and (size == 1 or 2 ** (depth - 1) < size)


def test_a_batch_of_one_is_its_record_and_others_open() -> None:
    records = [keccak(bytes([i])) for i in range(5)]
    assert batch_tree(records[:1]).root == records[0]
    tree = batch_tree(records)
    assert all(root_from_proof(r, i, tree.proof(i)) == tree.root for i, r in enumerate(records))
    for size in (0, 257):
        with pytest.raises(BatchSize):
            batch_depth(size)


@pytest.mark.parametrize("broken", [False, True])
def test_pack_bytes_round_trip_and_pass_the_check(broken: bool) -> None:
    pack = example_pack(100, broken)
    data = pack.encode()
    assert decode_pack(data) == pack and len(data) == 168 + 900
    assert fault_of(data) is None


def fault_of(data: bytes, slots: int = 100) -> PackFault | None:
    pack = example_pack(100, False)
    return pack_fault(
        data, community=COMMUNITY, meter=pack.meter, window=pack.window, revision=0, slot_count=slots
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offset", "fault"),
    [
        (0, PackFault.TAG),
        (1, PackFault.COMMUNITY),
        (33, PackFault.METER),
        (65, PackFault.WINDOW),
        (70, PackFault.REVISION),
        (103, PackFault.BREAK_SLOT),
        (111, PackFault.REGISTERS),
        (135, PackFault.REGISTERS),
        (151, PackFault.REGISTERS),
        (168, PackFault.STATUS),
        (268 + 3, PackFault.REGISTERS),
        (268 + 7, PackFault.REGISTERS),
    ],
)
def test_each_fault_is_named_in_the_contract_s_order(offset: int, fault: PackFault) -> None:
    data = bytearray(example_pack(100, False).encode())
    data[offset] ^= 0x84
    assert fault_of(bytes(data)) is fault


def test_wrong_lengths() -> None:
    data = example_pack(100, False).encode()
    assert fault_of(data[:-1]) is PackFault.LENGTH and fault_of(data, 96) is PackFault.LENGTH
    for bad in (b"", data[:-1]):
        with pytest.raises(UnreadablePack):
            decode_pack(bad)


def test_break_registers_must_not_run_backwards() -> None:
    pack = example_pack(100, True)
    assert pack.gap
    low = replace(pack.gap, old_end=Registers(import_mwh=pack.start.import_mwh - 1, export_mwh=0))
    assert fault_of(replace(pack, gap=low).encode()) is PackFault.REGISTERS


def camel(name: str) -> str:
    return {"price_a_ueur_kwh": "priceA"}.get(name, name)


def typed(act: Act, chain_id: int, registry: bytes) -> dict[str, object]:
    name, _, body = act.TYPE.partition("(")
    types = [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in body[:-1].split(",")]
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            name: types,
        },
        "primaryType": name,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain_id,
            "verifyingContract": "0x" + registry.hex(),
        },
        "message": dict(zip((t["name"] for t in types), act.values(), strict=True)),
    }


ACTS = [
    Anchor(reader=1, window=20_751, revision=2, root=KEY),
    Bind(member=4, meter=KEY, reader=1, position=9, from_day=20_752, end_day=OPEN_END, auditors=KEY),
    Join(member=4, agreement=2, role=3, from_day=20_752, end_day=OPEN_END, parameters=KEY),
    Offer(
        terms=Terms(steward=2, key=Key.STATIC, rule=Rule.FIXED, price_a_ueur_kwh=110_000, public_disputes=True),
        number=3,
    ),
]


@pytest.mark.parametrize("act", ACTS, ids=lambda a: type(a).__name__)
def test_digests_and_signatures_agree_with_eth_account(act: Act) -> None:
    registry = bytes(range(20))
    digest = act.digest(domain_separator(31337, registry))
    theirs = Account.sign_message(encode_typed_data(full_message=typed(act, 31337, registry)), KEY)
    assert sign_digest(KEY, digest) == bytes(theirs.signature)
    assert recover_address(digest, bytes(theirs.signature)) == address_of(KEY)
    assert "0x" + address_of(KEY).hex() == str(Account.from_key(KEY).address).lower()


def test_bad_keys_and_signatures_are_named() -> None:
    for bad in (b"", bytes(32), b"\xff" * 32):
        with pytest.raises(BadPrivateKey):
            address_of(bad)
    good = sign_digest(KEY, KEY)
    high = (SECP256K1_ORDER - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    for signature in (b"", bytes(65), bytes(64) + b"\x1b", good[:32] + high + bytes([55 - good[64]])):
        with pytest.raises(UnreadableSignature):
            recover_address(KEY, signature)


def test_salts_differ_by_each_of_their_fields() -> None:
    base = {"window": 1, "revision": 0, "sequence": 3, "index": 4}
    variants = [base, *({**base, name: value + 1} for name, value in base.items())]
    salts = {salt(key=KEY, purpose=Purpose.LINE, community=COMMUNITY, **v) for v in variants}
    salts.add(salt(key=KEY, purpose=Purpose.TOTAL, community=COMMUNITY, **base))
    salts.add(salt(key=COMMUNITY, purpose=Purpose.LINE, community=COMMUNITY, **base))
    assert len(salts) == 7
    assert meter_id(KEY, "DE-EXAMPLE-1") != meter_id(COMMUNITY, "DE-EXAMPLE-1")


@forall(
    st.lists(
        st.builds(
            Line,
            agreement=st.integers(0, 2**32 - 1),
            taken_mwh=st.integers(0, 2**64 - 1),
            given_mwh=st.integers(0, 2**64 - 1),
            amount_peur=st.integers(-(2**127), 2**127 - 1),
        ),
        max_size=4,
    )
)
def test_lines_round_trip(lines: list[Line]) -> None:
    assert decode_lines(encode_lines(lines)) == tuple(lines)

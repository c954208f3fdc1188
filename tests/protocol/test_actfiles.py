"""Signed acts as files: what was signed comes out, and what was changed on the way is named."""

import json
from pathlib import Path

import pytest

from lindenstrom.actfiles import Carried, SignedDemand, SignedLevels, acts_in, hand_over, read_act
from lindenstrom.core.eip712 import Demand, RefuteLevels
from lindenstrom.core.hashing import keccak
from lindenstrom.core.refutation import ResultOpening
from lindenstrom.core.statements import Header
from lindenstrom.mailbox import MailboxFileUnreadable

COMMUNITY, POSTING = keccak(b"community"), keccak(b"posting")
DEMAND = SignedDemand(act=Demand(member=2, sequence=7, posting=POSTING, public_answer=True), signature=b"\x01" * 65)
LEVELS = SignedLevels(
    act=RefuteLevels(member=2, sequence=7, posting=POSTING, agreement=3),
    header=Header(
        window=20_000, revision=1, as_of=5, statements_root=POSTING, results_root=POSTING, sources_root=POSTING
    ),
    slot=48,
    result=ResultOpening(empty=False, triples_salt=POSTING, triples=bytes(20), proof=(POSTING, COMMUNITY)),
    signature=b"\x02" * 65,
)


@pytest.mark.parametrize("signed", [DEMAND, LEVELS])
def test_an_act_comes_out_as_it_was_signed(tmp_path: Path, signed: Carried) -> None:
    file = hand_over(tmp_path, COMMUNITY, signed)
    assert hand_over(tmp_path, COMMUNITY, signed) == file
    assert acts_in(tmp_path) == [file]
    assert file.stem == signed.act.digest(COMMUNITY).hex()
    assert read_act(file, COMMUNITY) == signed


@pytest.mark.parametrize("signed", [DEMAND, LEVELS])
@pytest.mark.parametrize(
    ("name", "value"), [("member", 3), ("sequence", 8), ("kind", "other"), ("posting", "0x00"), ("schema", "x")]
)
def test_a_changed_act_is_not_read(tmp_path: Path, signed: Carried, name: str, value: object) -> None:
    file = hand_over(tmp_path, COMMUNITY, signed)
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: value}))
    with pytest.raises(MailboxFileUnreadable):
        read_act(file, COMMUNITY)


def test_an_act_of_another_community_is_not_read(tmp_path: Path) -> None:
    file = hand_over(tmp_path, COMMUNITY, DEMAND)
    with pytest.raises(MailboxFileUnreadable):
        read_act(file, POSTING)

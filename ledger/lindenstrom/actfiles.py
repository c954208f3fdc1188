"""Signed acts as files in the mailbox, so that a member without a node or coin can have them carried by anyone.

`acts/<kind>/<id>.json`, the id being the act's EIP-712 digest; canonical JSON of schema `lindenstrom/act@v1`:

    schema, community
    kind        "demand" or "refute-levels"
    member, sequence, posting
    signature
    demand:         public_answer
    refute-levels:  agreement, slot, header, result (empty, triples_salt, triples, proof)

A demand holds nothing private. A refutation of levels holds what its sending makes public.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.acts import Acts
from lindenstrom.core.bundles import Reader, UnreadableBundle, header_json, hex_text, parse_json, read_header
from lindenstrom.core.eip712 import Demand, RefuteLevels
from lindenstrom.core.refutation import ResultOpening
from lindenstrom.core.statements import Header
from lindenstrom.mailbox import MailboxFileUnreadable, deliver_act, list_acts

SCHEMA = "lindenstrom/act@v1"
DEMAND, REFUTE_LEVELS = "demand", "refute-levels"
KINDS = (DEMAND, REFUTE_LEVELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDemand:
    """A member's demand, ready to be carried."""

    act: Demand
    signature: bytes

    def call(self, acts: Acts) -> ContractCall:
        """The call that carries it."""
        return acts.demand(self.act, self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLevels:
    """A member's refutation of levels, ready to be carried. slot: index in the day."""

    act: RefuteLevels
    header: Header
    slot: int
    result: ResultOpening
    signature: bytes

    def call(self, acts: Acts) -> ContractCall:
        """The call that carries it."""
        return acts.refute_levels(self.act, self.header, self.slot, self.result, self.signature)


Carried = SignedDemand | SignedLevels


def hand_over(mailbox: Path, community: bytes, signed: Carried) -> Path:
    """Put an act into the mailbox; its file. community: the domain in which it is signed. Repeatable."""
    act = signed.act
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "community": hex_text(community),
        "kind": DEMAND if isinstance(signed, SignedDemand) else REFUTE_LEVELS,
        "member": act.member,
        "sequence": act.sequence,
        "posting": hex_text(act.posting),
        "signature": hex_text(signed.signature),
    }
    if isinstance(signed, SignedDemand):
        content["public_answer"] = signed.act.public_answer
    else:
        content |= {"agreement": signed.act.agreement, "slot": signed.slot, "header": header_json(signed.header)}
        content["result"] = {
            "empty": signed.result.empty,
            "triples_salt": hex_text(signed.result.triples_salt),
            "triples": hex_text(signed.result.triples),
            "proof": [hex_text(p) for p in signed.result.proof],
        }
    return deliver_act(mailbox, str(content["kind"]), act.digest(community), content)


def acts_in(mailbox: Path) -> list[Path]:
    """Files of all acts that lie in the mailbox, by kind and id."""
    return [path for kind in KINDS for path in list_acts(mailbox, kind)]


def read_act(path: Path, community: bytes) -> Carried:
    """A signed act of its file. Raises MailboxFileUnreadable, also where it is another act than its name says."""
    try:
        top = parse_json(path.read_bytes(), SCHEMA)
        signed = _parsed(top)
        theirs = top["community"].data(32)
    except UnreadableBundle:
        raise MailboxFileUnreadable(path, "not a signed act") from None
    if theirs != community:
        raise MailboxFileUnreadable(path, "an act for another community")
    if path.stem != signed.act.digest(community).hex():
        raise MailboxFileUnreadable(path, "not the act that its name says")
    return signed


def _parsed(top: Reader) -> Carried:
    kind, member, sequence = top["kind"].text(), top["member"].number(32), top["sequence"].number(64)
    posting, signature = top["posting"].data(32), top["signature"].data()
    if kind == DEMAND:
        public = top["public_answer"].flag()
        act = Demand(member=member, sequence=sequence, posting=posting, public_answer=public)
        return SignedDemand(act=act, signature=signature)
    if kind != REFUTE_LEVELS:
        raise top["kind"].fail("expected demand or refute-levels")
    result = top["result"]
    return SignedLevels(
        act=RefuteLevels(member=member, sequence=sequence, posting=posting, agreement=top["agreement"].number(32)),
        header=read_header(top["header"]),
        slot=top["slot"].number(16),
        result=ResultOpening(
            empty=result["empty"].flag(),
            triples_salt=result["triples_salt"].data(32),
            triples=result["triples"].data(),
            proof=result["proof"].list_of(lambda r: r.data(32)),
        ),
        signature=signature,
    )

"""The contracts' writing functions as calls ready to be sent. Signed acts come from `lindenstrom.core.eip712`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from lindenstrom.chain.abi import ContractAbi, ContractCall, contract_abi
from lindenstrom.chain.batches import SignedAnchor, dense
from lindenstrom.chain.openings import opening_tuple, result_tuple
from lindenstrom.core import eip712
from lindenstrom.core.refutation import Opening, ResultOpening
from lindenstrom.core.statements import Header
from lindenstrom.signing import Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a community's contracts live, 20 bytes each."""

    registry: bytes
    agreements: bytes
    reading_log: bytes
    settlement: bytes


class Acts:
    """Builds calls; sends nothing. `Chain.send` or `Chain.prepare` take them."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.registry = contract_abi("Registry")
        self.agreements = contract_abi("Agreements")
        self.reading_log = contract_abi("ReadingLog")
        self.settlement = contract_abi("Settlement")

    # --- Registry

    def add_member(self, expected_index: int, account: bytes) -> ContractCall:
        """Operator: the next member. Refused when the index is taken by now."""
        return self._registry("addMember", expected_index, account)

    def add_reader(self, expected_index: int, key: bytes) -> ContractCall:
        """Operator: the next reader. key: the 20-byte address of a secp256k1 key, or 64 bytes x‖y of P-256."""
        return self._registry("addReader", expected_index, *key_words(key))

    def appoint_auditor(self, expected_index: int, auditor: bytes) -> ContractCall:
        """Operator: an auditor who becomes active 30 days later."""
        return self._registry("appointAuditor", expected_index, auditor)

    def dismiss_auditor(self, index: int) -> ContractCall:
        """Operator: an auditor's end, 30 days later."""
        return self._registry("dismissAuditor", index)

    def resign_auditor(self) -> ContractCall:
        """The auditor: its own end, at once."""
        return self._registry("resignAuditor")

    def rotate_account(self, act: eip712.RotateAccount, signature: bytes) -> ContractCall:
        """Anyone: a member's new account, signed by the old one."""
        return self._registry("rotateAccount", act.member, act.account, signature)

    def rotate_reader(self, act: eip712.RotateReader, signature: bytes) -> ContractCall:
        """Anyone: a reader's new key, signed by the old one."""
        return self._registry("rotateReader", act.reader, act.curve, act.key_a, act.key_b, signature)

    def bind(self, act: eip712.Bind, signature: bytes) -> ContractCall:
        """Anyone: a meter, with the member's signature."""
        return self._registry("bind", abi_tuple(act), signature)

    def unbind(self, act: eip712.Unbind, signature: bytes = b"") -> ContractCall:
        """Anyone with the member's signature, or the operator with none."""
        return self._registry("unbind", act.binding, act.end_day, signature)

    # --- Agreements

    def offer(self, act: eip712.Offer, signature: bytes) -> ContractCall:
        """Anyone: an agreement, with the steward's signature."""
        return self._agreements("offer", abi_tuple(act.terms), act.number, signature)

    def join(self, act: eip712.Join, by_member: bytes, by_steward: bytes, by_operator: bytes) -> ContractCall:
        """Anyone: a membership, with Join, Countersign and Receipt."""
        return self._agreements("join", abi_tuple(act), by_member, by_steward, by_operator)

    def leave(self, act: eip712.Leave, signature: bytes) -> ContractCall:
        """Anyone: the end of a membership, with the member's signature."""
        return self._agreements("leave", act.member, act.membership, act.end_day, signature)

    # --- ReadingLog

    def anchor(self, record: SignedAnchor) -> ContractCall:
        """Anyone: a signed root; refused with the exact error. Known already, it changes nothing."""
        row = (*abi_tuple(record.act), record.signature)
        return self.reading_log.call(self.addresses.reading_log, "anchor", row)

    def anchor_many(self, records: Sequence[SignedAnchor]) -> ContractCall:
        """Anyone: 1 to 256 signed roots. What cannot be taken is passed over: see `skipped`."""
        return self.reading_log.call(self.addresses.reading_log, "anchorMany", dense(records))

    def anchoring(self, records: Sequence[SignedAnchor]) -> ContractCall:
        """Anyone: one signed root strictly, a backlog with what cannot be taken passed over."""
        return self.anchor(records[0]) if len(records) == 1 else self.anchor_many(records)

    def record_withheld(self, reader: int, window: int) -> ContractCall:
        """Auditor: the reader delivers nothing for the window."""
        return self.reading_log.call(self.addresses.reading_log, "recordWithheld", reader, window)

    # --- Settlement

    def post(self, expected_sequence: int, header: Header) -> ContractCall:
        """Operator: a window's posting, or a correction (revision > 0). Refused when the sequence is taken by now."""
        return self._settlement("post", expected_sequence, abi_tuple(header))

    def attest(self, sequence: int, digest: bytes) -> ContractCall:
        """Auditor: recomputed, and found right."""
        return self._settlement("attest", sequence, digest)

    def contest(self, sequence: int, digest: bytes) -> ContractCall:
        """Auditor: recomputed, and found wrong; on record, without effect on the state."""
        return self._settlement("contest", sequence, digest)

    def void_by_auditor(self, sequence: int, digest: bytes) -> ContractCall:
        """Auditor: recomputed, and found wrong; once per window."""
        return self._settlement("voidByAuditor", sequence, digest)

    def finalise(self, sequence: int, digest: bytes) -> ContractCall:
        """Anyone, after the objection period, with no demand open, 24 h after the last answer."""
        return self._settlement("finalise", sequence, digest)

    def refute(self, act: eip712.Refute, header: Header, opening: Opening, signature: bytes) -> ContractCall:
        """Anyone: a member's day for the contract to recompute, in public."""
        values = (act.sequence, act.member, abi_tuple(header), opening_tuple(opening), signature)
        return self._settlement("refute", *values)

    def refute_levels(
        self, act: eip712.RefuteLevels, header: Header, slot: int, result: ResultOpening, signature: bytes
    ) -> ContractCall:
        """Anyone: one slot (index in the day) of an agreement's triples for the contract to check, in public."""
        opened = result_tuple(result)
        return self._settlement(
            "refuteLevels", act.sequence, act.member, abi_tuple(header), act.agreement, slot, opened, signature
        )

    def demand(self, act: eip712.Demand, signature: bytes) -> ContractCall:
        """Anyone: a member's demand for the bundle, in the objection period; once per window and revision."""
        return self._settlement("demand", act.sequence, act.posting, act.member, act.public_answer, signature)

    def confirm_delivery(self, sequence: int, digest: bytes, member: int) -> ContractCall:
        """Auditor: the member has the bundle that it demanded."""
        return self._settlement("confirmDelivery", sequence, digest, member)

    def answer(self, sequence: int, member: int, header: Header, opening: Opening) -> ContractCall:
        """Anyone, where the demand allows it: the member's day in public. Voids if it is wrong."""
        return self._settlement("answer", sequence, member, abi_tuple(header), opening_tuple(opening))

    def void_overdue(self, sequence: int, digest: bytes, member: int) -> ContractCall:
        """Anyone: a posting whose demand was not answered in time."""
        return self._settlement("voidOverdue", sequence, digest, member)

    def _registry(self, function: str, *values: Any) -> ContractCall:
        return self.registry.call(self.addresses.registry, function, *values)

    def _agreements(self, function: str, *values: Any) -> ContractCall:
        return self.agreements.call(self.addresses.agreements, function, *values)

    def _settlement(self, function: str, *values: Any) -> ContractCall:
        return self.settlement.call(self.addresses.settlement, function, *values)

    @property
    def abis(self) -> tuple[ContractAbi, ...]:
        """All four."""
        return (self.registry, self.agreements, self.reading_log, self.settlement)


def key_words(key: bytes) -> tuple[int, bytes, bytes]:
    """Curve, keyA and keyB of a reader's key: an address of 20 bytes, or 64 bytes x‖y."""
    curve = Curve.of(key)
    return (curve, key[:32], key[32:]) if curve is Curve.P256 else (curve, key.rjust(32, b"\0"), bytes(32))


def abi_tuple(value: Any) -> Any:
    """A dataclass, with what it holds, as nested tuples: their fields stand in the order of the contracts' structs."""
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(abi_tuple(getattr(value, field.name)) for field in fields(value))
    return [abi_tuple(item) for item in value] if isinstance(value, list | tuple) else value

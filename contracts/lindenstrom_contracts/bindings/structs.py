"""The contracts' structs.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from dataclasses import dataclass
from typing import Any, Self

from lindenstrom_contracts.bindings.base import Struct


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants(Struct):
    """What a community fixes at deployment, for ever."""

    offset_hours: int
    close_delay: int
    objection_period: int
    answer_time: int
    depth: int

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            offset_hours=values[0],
            close_delay=values[1],
            objection_period=values[2],
            answer_time=values[3],
            depth=values[4],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind(Struct):
    """A member's signed consent: this meter, read by this reader at this place of its tree, counts for me."""

    member: int
    meter: bytes
    reader: int
    position: int
    from_day: int
    end_day: int
    auditors: bytes

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            member=values[0],
            meter=values[1],
            reader=values[2],
            position=values[3],
            from_day=values[4],
            end_day=values[5],
            auditors=values[6],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding(Struct):
    """A meter bound to a member for the days [fromDay, endDay)."""

    member: int
    meter: bytes
    reader: int
    position: int
    from_day: int
    end_day: int

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            member=values[0],
            meter=values[1],
            reader=values[2],
            position=values[3],
            from_day=values[4],
            end_day=values[5],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderKey(Struct):
    """A reader's key of now."""

    curve: int
    key_a: bytes
    key_b: bytes

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(curve=values[0], key_a=values[1], key_b=values[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Struct):
    """What an agreement says; never changes under an id. One storage slot."""

    steward: int
    key: int
    rule: int
    price_a: int
    price_b: int
    fee: int
    cap: int
    priority: int
    first_window: int
    last_window: int
    public_disputes: bool

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            steward=values[0],
            key=values[1],
            rule=values[2],
            price_a=values[3],
            price_b=values[4],
            fee=values[5],
            cap=values[6],
            priority=values[7],
            first_window=values[8],
            last_window=values[9],
            public_disputes=values[10],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Struct):
    """What a member signs to join. role: 1 taker, 2 giver, 3 both. parameters: see `Membership`."""

    member: int
    agreement: int
    role: int
    from_day: int
    end_day: int
    parameters: bytes

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            member=values[0],
            agreement=values[1],
            role=values[2],
            from_day=values[3],
            end_day=values[4],
            parameters=values[5],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership(Struct):
    """A party for the days [fromDay, endDay)."""

    agreement: int
    role: int
    from_day: int
    end_day: int
    parameters: bytes

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(agreement=values[0], role=values[1], from_day=values[2], end_day=values[3], parameters=values[4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor(Struct):
    """What a reader signs (EIP-712, without the signature): the root of its tree of packs for a window."""

    reader: int
    window: int
    revision: int
    root: bytes
    signature: bytes

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(reader=values[0], window=values[1], revision=values[2], root=values[3], signature=values[4])


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOpening(Struct):
    """Shows that a root was anchored, and when."""

    batch: int
    time: int
    root: bytes
    slot: int
    proof: tuple[bytes, ...]

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(batch=values[0], time=values[1], root=values[2], slot=values[3], proof=tuple(values[4]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Struct):
    """A posting. Only its digest is stored; calls that need its parts bring them."""

    window: int
    revision: int
    as_of: int
    statements_root: bytes
    results_root: bytes
    sources_root: bytes

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            window=values[0],
            revision=values[1],
            as_of=values[2],
            statements_root=values[3],
            results_root=values[4],
            sources_root=values[5],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOpening(Struct):
    """Opens the leaf at the member's index of the statements tree."""

    empty: bool
    community: bytes
    window: int
    revision: int
    index: int
    net: int
    salt: bytes
    lines_salt: bytes
    lines: bytes
    proof: tuple[bytes, ...]

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            empty=values[0],
            community=values[1],
            window=values[2],
            revision=values[3],
            index=values[4],
            net=values[5],
            salt=values[6],
            lines_salt=values[7],
            lines=values[8],
            proof=tuple(values[9]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOpening(Struct):
    """Opens what a posting used for one binding, and the pack behind it."""

    kind: int
    revision: int
    replacement: bytes
    source_proof: tuple[bytes, ...]
    challenge: bool
    challenge_revision: int
    record: RecordOpening
    has_next: bool
    next_: RecordOpening
    empty_position: bool
    pack: bytes
    pack_proof: tuple[bytes, ...]

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            kind=values[0],
            revision=values[1],
            replacement=values[2],
            source_proof=tuple(values[3]),
            challenge=values[4],
            challenge_revision=values[5],
            record=RecordOpening.from_abi(values[6]),
            has_next=values[7],
            next_=RecordOpening.from_abi(values[8]),
            empty_position=values[9],
            pack=values[10],
            pack_proof=tuple(values[11]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementOpening(Struct):
    """Opens one membership's parameters and its agreement's leaf of the results tree."""

    weight: int
    share: int
    limit: int
    salt: bytes
    empty: bool
    triples_salt: bytes
    triples: bytes
    proof: tuple[bytes, ...]

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            weight=values[0],
            share=values[1],
            limit=values[2],
            salt=values[3],
            empty=values[4],
            triples_salt=values[5],
            triples=values[6],
            proof=tuple(values[7]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Struct):
    """Solidity's struct Opening."""

    statement: StatementOpening
    meters: tuple[MeterOpening, ...]
    agreements: tuple[AgreementOpening, ...]

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(
            statement=StatementOpening.from_abi(values[0]),
            meters=tuple(MeterOpening.from_abi(v) for v in values[1]),
            agreements=tuple(AgreementOpening.from_abi(v) for v in values[2]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultOpening(Struct):
    """Opens an agreement's leaf of the results tree, and nothing of any member."""

    empty: bool
    triples_salt: bytes
    triples: bytes
    proof: tuple[bytes, ...]

    @classmethod
    def from_abi(cls, values: Any) -> Self:
        """From nested tuples in the ABI's order."""
        return cls(empty=values[0], triples_salt=values[1], triples=values[2], proof=tuple(values[3]))

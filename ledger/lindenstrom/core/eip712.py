"""EIP-712 digests of every signed act, hand-rolled for speed and checked in tests against eth-account's encoder.

https://eips.ethereum.org/EIPS/eip-712. All fields are static, so encodeData is a row of 32-byte words.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

from lindenstrom.core.hashing import keccak
from lindenstrom.core.terms import Terms

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
DOMAIN_NAME = "Lindenstrom"
DOMAIN_VERSION = "1"


def word(value: int | bytes | bool) -> bytes:
    """One 32-byte ABI word of a static value; a 20-byte value is an address."""
    return value.rjust(32, b"\x00") if isinstance(value, bytes) else int(value).to_bytes(32, "big")


def domain_separator(chain_id: int, registry: bytes) -> bytes:
    """Domain separator of a community; at deployment this is the community's id. registry: 20 bytes."""
    return keccak(
        keccak(DOMAIN_TYPE.encode())
        + keccak(DOMAIN_NAME.encode())
        + keccak(DOMAIN_VERSION.encode())
        + word(chain_id)
        + word(registry)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A message that a key signs; subclasses name its EIP-712 type and hold its fields in order."""

    TYPE: ClassVar[str]

    def values(self) -> tuple[int | bytes | bool, ...]:
        """The fields in the type's order."""
        return tuple(getattr(self, f.name) for f in fields(self))

    @property
    def struct_hash(self) -> bytes:
        """hashStruct of the message."""
        return keccak(keccak(self.TYPE.encode()) + b"".join(map(word, self.values())))

    def digest(self, separator: bytes) -> bytes:
        """The 32 bytes that are signed in a domain."""
        return keccak(b"\x19\x01" + separator + self.struct_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor(Act):
    """A reader's root for a window."""

    TYPE: ClassVar[str] = "Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)"
    reader: int
    window: int
    revision: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateReader(Act):
    """A reader's new key, signed by the old one."""

    TYPE: ClassVar[str] = "RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)"
    reader: int
    curve: int
    key_a: bytes
    key_b: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateAccount(Act):
    """A member's new account, signed by the old one."""

    TYPE: ClassVar[str] = "RotateAccount(uint32 member,address account)"
    member: int
    account: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind(Act):
    """A member's consent to a meter, its reader and position, and the auditors in office."""

    TYPE: ClassVar[str] = (
        "Bind(uint32 member,bytes32 meter,uint32 reader,uint32 position,uint32 fromDay,uint32 endDay,bytes32 auditors)"
    )
    member: int
    meter: bytes
    reader: int
    position: int
    from_day: int
    end_day: int
    auditors: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind(Act):
    """The end of a binding."""

    TYPE: ClassVar[str] = "Unbind(uint32 binding,uint32 endDay)"
    binding: int
    end_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Act):
    """An agreement's terms, signed by its steward; number counts the steward's offers."""

    TYPE: ClassVar[str] = (
        "Offer(uint32 steward,uint32 number,uint8 key,uint8 rule,uint32 priceA,uint32 priceB,uint32 fee,uint32 cap,"
        "uint8 priority,uint32 firstWindow,uint32 lastWindow,bool publicDisputes)"
    )
    terms: Terms
    number: int

    def values(self) -> tuple[int | bytes | bool, ...]:
        """The fields in the type's order."""
        t = self.terms
        return (
            t.steward, self.number, t.key, t.rule, t.price_a_ueur_kwh, t.price_b_ueur_kwh, t.fee_ueur_kwh, t.cap_mwh,
            t.priority, t.first_window, t.last_window, t.public_disputes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Act):
    """A member joins an agreement with hidden parameters."""

    TYPE: ClassVar[str] = (
        "Join(uint32 member,uint32 agreement,uint8 role,uint32 fromDay,uint32 endDay,bytes32 parameters)"
    )
    member: int
    agreement: int
    role: int
    from_day: int
    end_day: int
    parameters: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersign(Act):
    """The steward's yes to a join (its struct hash)."""

    TYPE: ClassVar[str] = "Countersign(bytes32 join)"
    join: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Act):
    """The operator's receipt of a join's parameters (its struct hash)."""

    TYPE: ClassVar[str] = "Receipt(bytes32 join)"
    join: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Act):
    """A member leaves: the membership's place in the member's list, and the first day without it."""

    TYPE: ClassVar[str] = "Leave(uint32 member,uint32 membership,uint32 endDay)"
    member: int
    membership: int
    end_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refute(Act):
    """A member has a posting recomputed in public."""

    TYPE: ClassVar[str] = "Refute(uint32 member,uint64 sequence,bytes32 posting)"
    member: int
    sequence: int
    posting: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuteLevels(Act):
    """A member has one agreement's levels of a posting checked in public."""

    TYPE: ClassVar[str] = "RefuteLevels(uint32 member,uint64 sequence,bytes32 posting,uint32 agreement)"
    member: int
    sequence: int
    posting: bytes
    agreement: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand(Act):
    """A member demands the bundle of a posting; public_answer allows that it is opened in public."""

    TYPE: ClassVar[str] = "Demand(uint32 member,uint64 sequence,bytes32 posting,bool publicAnswer)"
    member: int
    sequence: int
    posting: bytes
    public_answer: bool

"""The contracts' events.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from dataclasses import dataclass
from typing import ClassVar, Self

from lindenstrom_contracts.bindings.base import Event, Log, address, topic, words
from lindenstrom_contracts.bindings.structs import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRotated(Event):
    """Solidity's `AccountRotated(uint32 member, address oldAccount, address newAccount)`."""

    TOPIC: ClassVar = bytes.fromhex("29c5423538a7314b023e5d6365174414200a57bbadb0232305e16e96fe699db7")
    member: int
    old_account: bytes
    new_account: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("address", "address"))
        return cls(member=topic(log, 1, "uint32"), old_account=address(values[0]), new_account=address(values[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementOffered(Event):
    """Solidity's `AgreementOffered(uint32 agreement, uint32 steward, Terms terms)`."""

    TOPIC: ClassVar = bytes.fromhex("8a72de4b6c424981564839cac99e6ca6517d22c8b29b6138683669ffaad530f3")
    agreement: int
    steward: int
    terms: Terms

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("(uint32,uint8,uint8,uint32,uint32,uint32,uint32,uint8,uint32,uint32,bool)",))
        return cls(agreement=topic(log, 1, "uint32"), steward=topic(log, 2, "uint32"), terms=Terms.from_abi(values[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored(Event):
    """New records of one window, in the order of their batch."""

    TOPIC: ClassVar = bytes.fromhex("b74374dd9349c351878b4aa0be6d668384dc4103d89ef1df026fd2c82880f9ed")
    window: int
    batch: int
    time: int
    first_slot: int
    records: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint64", "uint16", "bytes"))
        return cls(
            window=topic(log, 1, "uint32"),
            batch=topic(log, 2, "uint64"),
            time=values[0],
            first_slot=values[1],
            records=values[2],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """Solidity's `Answered(uint64 sequence, uint32 member, address by, bool publicly)`."""

    TOPIC: ClassVar = bytes.fromhex("040f3389e486ec354c8deb5802ad1acb22069c75719c3f54e066e74ea4497e1b")
    sequence: int
    member: int
    by: bytes
    publicly: bool

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("address", "bool"))
        return cls(
            sequence=topic(log, 1, "uint64"),
            member=topic(log, 2, "uint32"),
            by=address(values[0]),
            publicly=values[1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested(Event):
    """Solidity's `Attested(uint64 sequence, uint8 auditor)`."""

    TOPIC: ClassVar = bytes.fromhex("849ca67a604a32b8c4505a1a1517c2c7289817a0aa91f36c7da7abefb1683571")
    sequence: int
    auditor: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint8",))
        return cls(sequence=topic(log, 1, "uint64"), auditor=values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorAppointed(Event):
    """Solidity's `AuditorAppointed(uint8 index, address auditor, uint64 fromTime)`."""

    TOPIC: ClassVar = bytes.fromhex("487a229097f705539a967e7e8f2e995da47c0e0428f37e0c9783e4338530d525")
    index: int
    auditor: bytes
    from_time: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("address", "uint64"))
        return cls(index=topic(log, 1, "uint8"), auditor=address(values[0]), from_time=values[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorDismissed(Event):
    """Solidity's `AuditorDismissed(uint8 index, uint64 endTime)`."""

    TOPIC: ClassVar = bytes.fromhex("424fb7ed490724a6404e88bf07b394beb086370822b4c9395822b87d699fe7f2")
    index: int
    end_time: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint64",))
        return cls(index=topic(log, 1, "uint8"), end_time=values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorResigned(Event):
    """Solidity's `AuditorResigned(uint8 index, uint64 endTime)`."""

    TOPIC: ClassVar = bytes.fromhex("a8224f7299baed1a15664d2fdbff26df87cdce506fc5664a80ba44e9018f0629")
    index: int
    end_time: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint64",))
        return cls(index=topic(log, 1, "uint8"), end_time=values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Contested(Event):
    """Solidity's `Contested(uint64 sequence, uint8 auditor)`."""

    TOPIC: ClassVar = bytes.fromhex("972f7006859998791d23b5627f51762f034def3af8896d5270b39e32c6d5bfd2")
    sequence: int
    auditor: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint8",))
        return cls(sequence=topic(log, 1, "uint64"), auditor=values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded(Event):
    """Solidity's `Demanded(uint64 sequence, uint32 member, uint64 dueAt, bool publicAnswer)`."""

    TOPIC: ClassVar = bytes.fromhex("e7b0f60ca19a3be86a308dafa0df4895456776fc58e88cc2e4e8c3dc32537d43")
    sequence: int
    member: int
    due_at: int
    public_answer: bool

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint64", "bool"))
        return cls(
            sequence=topic(log, 1, "uint64"),
            member=topic(log, 2, "uint32"),
            due_at=values[0],
            public_answer=values[1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalised(Event):
    """Solidity's `Finalised(uint64 sequence, uint32 window)`."""

    TOPIC: ClassVar = bytes.fromhex("c4a77d2e339086e6316187f69220c2ef0e637e7419310ba3bbe3599bf0757b21")
    sequence: int
    window: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        return cls(sequence=topic(log, 1, "uint64"), window=topic(log, 2, "uint32"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(Event):
    """Solidity's `MemberAdded(uint32 member, address account)`."""

    TOPIC: ClassVar = bytes.fromhex("f708960fe60e04ed570ae83e3d8a334b9bdb554219550d18276a12abfcdd4227")
    member: int
    account: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("address",))
        return cls(member=topic(log, 1, "uint32"), account=address(values[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(Event):
    """Solidity's `MemberJoined(uint32 agreement, uint32 member, uint32 membership, uint8 role, uint32 fromDay,
    uint32 endDay, bytes32 parameters)`.
    """

    TOPIC: ClassVar = bytes.fromhex("4ea91fa9347341b1cef5b3662746c4a8bb4562de22c9dccf9e54d75a19cada93")
    agreement: int
    member: int
    membership: int
    role: int
    from_day: int
    end_day: int
    parameters: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint32", "uint8", "uint32", "uint32", "bytes32"))
        return cls(
            agreement=topic(log, 1, "uint32"),
            member=topic(log, 2, "uint32"),
            membership=values[0],
            role=values[1],
            from_day=values[2],
            end_day=values[3],
            parameters=values[4],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Event):
    """Solidity's `MemberLeft(uint32 agreement, uint32 member, uint32 membership, uint32 endDay)`."""

    TOPIC: ClassVar = bytes.fromhex("5d527e33c99a8129df59d9eaa6ac3316addb410b9d103ada3d0c4e25a39137a8")
    agreement: int
    member: int
    membership: int
    end_day: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint32", "uint32"))
        return cls(
            agreement=topic(log, 1, "uint32"),
            member=topic(log, 2, "uint32"),
            membership=values[0],
            end_day=values[1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterBound(Event):
    """Solidity's `MeterBound(uint32 binding, uint32 member, uint32 reader, bytes32 meter, uint32 position, uint32
    fromDay, uint32 endDay)`.
    """

    TOPIC: ClassVar = bytes.fromhex("00561cbcc399154d52e54beb43882a99711a9bddfb2cb77ad3c8f9f76b485877")
    binding: int
    member: int
    reader: int
    meter: bytes
    position: int
    from_day: int
    end_day: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("bytes32", "uint32", "uint32", "uint32"))
        return cls(
            binding=topic(log, 1, "uint32"),
            member=topic(log, 2, "uint32"),
            reader=topic(log, 3, "uint32"),
            meter=values[0],
            position=values[1],
            from_day=values[2],
            end_day=values[3],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterUnbound(Event):
    """Solidity's `MeterUnbound(uint32 binding, uint32 endDay)`."""

    TOPIC: ClassVar = bytes.fromhex("930b8550479f8400157c1e338319c7f34af029139c73b6cb0e54cb4b3b8b6fd4")
    binding: int
    end_day: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint32",))
        return cls(binding=topic(log, 1, "uint32"), end_day=values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted(Event):
    """Solidity's `Posted(uint64 sequence, uint32 window, uint16 revision, uint64 asOf, bytes32 statementsRoot,
    bytes32 resultsRoot, bytes32 sourcesRoot, bytes32 digest)`.
    """

    TOPIC: ClassVar = bytes.fromhex("312d1524cd2e82c5ccf56e874232c3dfb1852e0f447e1061a9e1d2d22521da24")
    sequence: int
    window: int
    revision: int
    as_of: int
    statements_root: bytes
    results_root: bytes
    sources_root: bytes
    digest: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint16", "uint64", "bytes32", "bytes32", "bytes32", "bytes32"))
        return cls(
            sequence=topic(log, 1, "uint64"),
            window=topic(log, 2, "uint32"),
            revision=values[0],
            as_of=values[1],
            statements_root=values[2],
            results_root=values[3],
            sources_root=values[4],
            digest=values[5],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderAdded(Event):
    """Solidity's `ReaderAdded(uint32 reader, uint8 curve, bytes32 keyA, bytes32 keyB)`."""

    TOPIC: ClassVar = bytes.fromhex("1b70e39588550a83f26eea5528eb72919f591b5a23a55bd091b8e27d0e8e40f5")
    reader: int
    curve: int
    key_a: bytes
    key_b: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint8", "bytes32", "bytes32"))
        return cls(reader=topic(log, 1, "uint32"), curve=values[0], key_a=values[1], key_b=values[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRotated(Event):
    """Solidity's `ReaderRotated(uint32 reader, uint8 curve, bytes32 keyA, bytes32 keyB)`."""

    TOPIC: ClassVar = bytes.fromhex("db2750cba4a0b4ce8c0bab0ed6945929c4c958a018cfb4d5083c685a25a0cc99")
    reader: int
    curve: int
    key_a: bytes
    key_b: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint8", "bytes32", "bytes32"))
        return cls(reader=topic(log, 1, "uint32"), curve=values[0], key_a=values[1], key_b=values[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Event):
    """`anchorMany` passed over a record. A known record is passed over without this event."""

    TOPIC: ClassVar = bytes.fromhex("1425c9a3e7ba1b23f3808e1d48011b1430a9b8fe276684df4dda5c41cf913177")
    index: int
    why: int

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint16", "uint8"))
        return cls(index=values[0], why=values[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Voided(Event):
    """Solidity's `Voided(uint64 sequence, uint32 window, uint8 reason, address by)`."""

    TOPIC: ClassVar = bytes.fromhex("a56852ec924f327226008aa087fe06494a196772c4b3eb17ffc0e997546d4818")
    sequence: int
    window: int
    reason: int
    by: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("uint8", "address"))
        return cls(
            sequence=topic(log, 1, "uint64"),
            window=topic(log, 2, "uint32"),
            reason=values[0],
            by=address(values[1]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld(Event):
    """Solidity's `Withheld(uint32 reader, uint32 window, address auditor)`."""

    TOPIC: ClassVar = bytes.fromhex("7d1f0a05b3c2e88810cca0eddc7bbbe35c4694769827f05ed25057b505776cd9")
    reader: int
    window: int
    auditor: bytes

    @classmethod
    def from_log(cls, log: Log) -> Self:
        """From a log with this event's topic."""
        values = words(log, ("address",))
        return cls(reader=topic(log, 1, "uint32"), window=topic(log, 2, "uint32"), auditor=address(values[0]))


BY_TOPIC: dict[bytes, type[Event]] = {
    kind.TOPIC: kind
    for kind in (
        AccountRotated,
        AgreementOffered,
        Anchored,
        Answered,
        Attested,
        AuditorAppointed,
        AuditorDismissed,
        AuditorResigned,
        Contested,
        Demanded,
        Finalised,
        MemberAdded,
        MemberJoined,
        MemberLeft,
        MeterBound,
        MeterUnbound,
        Posted,
        ReaderAdded,
        ReaderRotated,
        Skipped,
        Voided,
        Withheld,
    )
}

"""A pack: one meter's window with registers, quarter-hour values and status (R4), and its one format check.

The check is the twin of Pack.sol: `refute` applies the same rules in the same order.
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

from lindenstrom.core.hashing import TAG_PACK, keccak, u8, u16, u32, u64
from lindenstrom.errors import CouldNotCheck

HEADER_BYTES = 168
BYTES_PER_SLOT = 9
NO_BREAK = 255
REPLACEMENT_REVISION = 0xFFFF
MAX_SLOT_MWH = 2**32 - 1
MAX_REGISTER_MWH = 2**64 - 1


class Status(IntEnum):
    """How a quarter-hour value came about; it never changes arithmetic."""

    MEASURED = 0
    PROVISIONAL = 1
    ESTIMATED = 2
    MISSING = 3


class PackFault(IntEnum):
    """Why a pack fails the format check, in the order in which the contract looks."""

    LENGTH = 1
    TAG = 2
    COMMUNITY = 3
    METER = 4
    WINDOW = 5
    REVISION = 6
    STATUS = 7
    BREAK_SLOT = 8
    REGISTERS = 9


class UnreadablePack(CouldNotCheck):
    """Bytes that are no pack at all."""

    def __init__(self, length: int) -> None:
        super().__init__(
            f"not a pack: {length} bytes do not make a header of {HEADER_BYTES} and whole slots; ask its sender again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """A meter's import and export registers at one instant, mWh (u64)."""

    import_mwh: int
    export_mwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A declared discontinuity inside a slot: swap or rollover."""

    slot_index: int
    old_end: Registers
    new_start: Registers


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One meter's window. `import_mwh`, `export_mwh`, `status` have one entry per slot (u32, u32, Status)."""

    community: bytes
    meter: bytes
    window: int
    revision: int
    salt: bytes
    start: Registers
    end: Registers
    import_mwh: tuple[int, ...]
    export_mwh: tuple[int, ...]
    status: tuple[Status, ...]
    gap: Break | None = None

    def encode(self) -> bytes:
        """The pack's canonical bytes (168 + 9n)."""
        zero = Registers(import_mwh=0, export_mwh=0)
        registers = (
            self.start,
            self.end,
            self.gap.old_end if self.gap else zero,
            self.gap.new_start if self.gap else zero,
        )
        return b"".join(
            (
                TAG_PACK,
                self.community,
                self.meter,
                u32(self.window),
                u16(self.revision),
                self.salt,
                u8(self.gap.slot_index if self.gap else NO_BREAK),
                *(u64(r.import_mwh) + u64(r.export_mwh) for r in registers),
                bytes(self.status),
                *map(u32, chain.from_iterable(zip(self.import_mwh, self.export_mwh, strict=True))),
            )
        )

    @property
    def leaf(self) -> bytes:
        """Leaf of the reader's tree: keccak of the pack's bytes."""
        return keccak(self.encode())


def pack_leaf(data: bytes) -> bytes:
    """Leaf of encoded pack bytes."""
    return keccak(data)


def decode_pack(data: bytes) -> Pack:
    """Pack of its bytes, unchecked but for its length. Raises UnreadablePack."""
    body = len(data) - HEADER_BYTES
    if body < 0 or body % BYTES_PER_SLOT:
        raise UnreadablePack(len(data))
    count = body // BYTES_PER_SLOT

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], "big")

    def registers(start: int) -> Registers:
        return Registers(import_mwh=number(start, 8), export_mwh=number(start + 8, 8))

    status = data[HEADER_BYTES : HEADER_BYTES + count]
    if any(s > Status.MISSING for s in status):
        raise UnreadablePack(len(data))
    values = HEADER_BYTES + count
    break_slot = data[103]
    return Pack(
        community=data[1:33],
        meter=data[33:65],
        window=number(65, 4),
        revision=number(69, 2),
        salt=data[71:103],
        start=registers(104),
        end=registers(120),
        gap=None
        if break_slot == NO_BREAK
        else Break(slot_index=break_slot, old_end=registers(136), new_start=registers(152)),
        status=tuple(Status(s) for s in status),
        import_mwh=tuple(number(values + 8 * i, 4) for i in range(count)),
        export_mwh=tuple(number(values + 8 * i + 4, 4) for i in range(count)),
    )


def _registers_agree(data: bytes, count: int, offset: int) -> bool:
    """Whether one direction's registers and intervals add up (I4). offset 0 = import, 1 = export."""

    def register(index: int) -> int:
        start = 104 + 16 * index + 8 * offset
        return int.from_bytes(data[start : start + 8], "big")

    values = HEADER_BYTES + count + 4 * offset
    total = sum(int.from_bytes(data[values + 8 * i : values + 8 * i + 4], "big") for i in range(count))
    start, end, old_end, new_start = (register(i) for i in range(4))
    if data[103] == NO_BREAK:
        return old_end == 0 and new_start == 0 and start + total == end
    return old_end >= start and end >= new_start and total == (old_end - start) + (end - new_start)


def pack_fault(
    data: bytes, *, community: bytes, meter: bytes, window: int, revision: int, slot_count: int
) -> PackFault | None:
    """First fault of a pack's bytes against what was expected at its position, None when good. Twin of Pack.sol."""
    if len(data) != HEADER_BYTES + BYTES_PER_SLOT * slot_count:
        return PackFault.LENGTH
    break_slot = data[103]
    statuses = data[HEADER_BYTES : HEADER_BYTES + slot_count]
    checks = (
        (data[:1] != TAG_PACK, PackFault.TAG),
        (data[1:33] != community, PackFault.COMMUNITY),
        (data[33:65] != meter, PackFault.METER),
        (data[65:69] != u32(window), PackFault.WINDOW),
        (data[69:71] != u16(revision), PackFault.REVISION),
        (max(statuses) > Status.MISSING, PackFault.STATUS),
        (break_slot != NO_BREAK and break_slot >= slot_count, PackFault.BREAK_SLOT),
        (not all(_registers_agree(data, slot_count, d) for d in (0, 1)), PackFault.REGISTERS),
    )
    return next((fault for failed, fault in checks if failed), None)

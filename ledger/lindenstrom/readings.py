"""From delivered packs and anchored records to one source per binding (R5), to energy and to a cleared day. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from lindenstrom.core.allocation import DayResult, MemberEnergy, Place, clear_day
from lindenstrom.core.eip712 import Anchor
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import BYTES_PER_SLOT, HEADER_BYTES, Registers, Status, pack_fault, pack_leaf
from lindenstrom.core.terms import Binding, Parameters
from lindenstrom.mailbox import PackDelivery
from lindenstrom.roster import Anchoring, Anchorings, Roster, newest_at

SignedBy = Callable[[bytes, bytes, bytes], bool]
"""(key, digest, signature) → whether the key signed."""


class Ground(StrEnum):
    """Why a replacement stands in for a reading."""

    NOT_ANCHORED = "the reader anchored nothing in time"
    EMPTY = "the meter is not among the reader's packs"
    UNFIT = "the reader's pack does not pass the format check"
    WITHHELD = "an auditor recorded that the reader withholds its packs"


class DeliveryFault(StrEnum):
    """Why a delivery is not what its reader anchored."""

    ROOT = "its packs do not lead to the anchored root"
    SIGNATURE = "its signature is not the reader's"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderDay:
    """A reader's tree for a window at one revision: what the reader anchored, signed and delivered."""

    revision: int
    packs: Mapping[int, bytes]
    tree: PositionalTree
    key: bytes
    signature: bytes
    erased: Collection[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a binding's day rests on: the reader's pack, or the ground for a replacement.

    Neither (pack empty, ground None) means that the reader's packs are anchored but were not delivered, or are erased.
    """

    binding: Binding
    anchoring: Anchoring | None
    day: ReaderDay | None = None
    pack: bytes = b""
    ground: Ground | None = None

    @property
    def undelivered(self) -> bool:
        """Whether nothing can be said yet: neither a pack nor a ground to replace it."""
        return not self.pack and self.ground is None


def check_delivery(
    delivery: PackDelivery,
    anchoring: Anchoring,
    *,
    separator: bytes,
    depth: int,
    keys: Sequence[bytes],
    signed_by: SignedBy,
) -> ReaderDay | DeliveryFault:
    """A delivery as the tree that was anchored, or why it is not. keys: the reader's keys so far.

    The separator is the domain in which the reader signed.
    """
    record = anchoring.record
    if delivery.root != record.root or not all(0 <= p < 2**depth for p in {*delivery.packs, *delivery.erased}):
        return DeliveryFault.ROOT
    leaves = {p: pack_leaf(pack) for p, pack in delivery.packs.items()}
    tree = PositionalTree(depth=depth, leaves={**delivery.erased, **leaves})
    if tree.root != record.root:
        return DeliveryFault.ROOT
    act = Anchor(reader=record.reader, window=record.window, revision=record.revision, root=record.root)
    digest = act.digest(separator)
    key = next((k for k in reversed(keys) if signed_by(k, digest, delivery.signature)), None)
    if key is None:
        return DeliveryFault.SIGNATURE
    return ReaderDay(
        revision=record.revision,
        packs=delivery.packs,
        tree=tree,
        key=key,
        signature=delivery.signature,
        erased=delivery.erased.keys(),
    )


def find_readings(
    *,
    community: bytes,
    window: int,
    slot_count: int,
    as_of: int,
    bindings: Iterable[Binding],
    anchorings: Anchorings,
    days: Mapping[tuple[int, int], ReaderDay],
    withheld: Callable[[int], bool],
) -> list[Finding]:
    """What each binding's day rests on. days: (reader, revision) → checked delivery; withheld: by reader."""
    found = []
    for binding in bindings:
        anchoring = newest_at(anchorings.get(binding.reader, ()), as_of)
        if anchoring is None:
            found.append(Finding(binding=binding, anchoring=None, ground=Ground.NOT_ANCHORED))
            continue
        day = days.get((binding.reader, anchoring.record.revision))
        if day is None:
            ground = Ground.WITHHELD if withheld(binding.reader) else None
            found.append(Finding(binding=binding, anchoring=anchoring, ground=ground))
            continue
        if binding.position in day.erased:
            found.append(Finding(binding=binding, anchoring=anchoring, day=day))
            continue
        pack = day.packs.get(binding.position)
        if pack is None:
            found.append(Finding(binding=binding, anchoring=anchoring, day=day, ground=Ground.EMPTY))
            continue
        fault = pack_fault(
            pack,
            community=community,
            meter=binding.meter,
            window=window,
            revision=day.revision,
            slot_count=slot_count,
        )
        if fault is None:
            found.append(Finding(binding=binding, anchoring=anchoring, day=day, pack=pack))
        else:
            found.append(Finding(binding=binding, anchoring=anchoring, day=day, ground=Ground.UNFIT))
    return found


def member_energy(packs: Iterable[tuple[int, bytes]], slot_count: int) -> dict[int, MemberEnergy]:
    """Draw and feed-in per member, mWh per slot, of (member, pack bytes) pairs that passed the format check."""
    sums: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.uint64]]] = {}
    for member, pack in packs:
        start = HEADER_BYTES + slot_count
        values = np.frombuffer(pack, ">u4", 2 * slot_count, start).astype(np.uint64).reshape(slot_count, 2)
        sums[member] = sums[member] + values if member in sums else values
    return {
        member: MemberEnergy(draw_mwh=tuple(v[:, 0].tolist()), feed_mwh=tuple(v[:, 1].tolist()))
        for member, v in sums.items()
    }


def clear_window(
    *,
    roster: Roster,
    window: int,
    slot_count: int,
    energy: Mapping[int, MemberEnergy],
    opened: Mapping[bytes, Parameters],
) -> DayResult:
    """Clear a window from the chain's memberships. opened: commitment → parameters, of every live membership."""
    live = [place for places in roster.live_places(window).values() for place in places]
    return clear_day(
        slot_count=slot_count,
        energy=energy,
        agreements={p.membership.agreement: p.terms for p in live},
        places=[
            Place(
                member=p.member,
                agreement=p.membership.agreement,
                role=p.membership.role,
                parameters=opened[p.membership.parameters],
            )
            for p in live
        ],
    )


def pack_registers(pack: bytes) -> tuple[Registers, Registers]:
    """Start and end registers of a pack that passed the format check."""
    numbers = [int.from_bytes(pack[104 + 8 * i : 112 + 8 * i], "big") for i in range(4)]
    start, end = (Registers(import_mwh=numbers[2 * i], export_mwh=numbers[2 * i + 1]) for i in (0, 1))
    return start, end


def slots_not_measured(pack: bytes, slot_count: int) -> int:
    """How many slots of a pack carry another status than measured."""
    return slot_count - pack[HEADER_BYTES : HEADER_BYTES + slot_count].count(bytes([Status.MEASURED]))


assert BYTES_PER_SLOT == 9  # `member_energy` and `slots_not_measured` rely on the layout of Pack.encode

"""Salts as HMACs under random month keys (R9): deleting a month's key is the erasure of what it hid."""

import hashlib
import hmac
from enum import StrEnum

from lindenstrom.core.hashing import u16, u32, u64


class Purpose(StrEnum):
    """What a salt hides; each purpose has keys of its own."""

    PACK = "pack"
    LEVEL = "level"
    LINE = "line"
    TOTAL = "total"
    REPLACEMENT = "replacement"
    PARAMETERS = "parameters"


def salt(
    *, key: bytes, purpose: Purpose, community: bytes, window: int, revision: int, sequence: int, index: int
) -> bytes:
    """32-byte salt. `index` is the position, agreement or member the salt belongs to; sequence is 0 for packs."""
    message = purpose.encode() + b"\x00" + community + u32(window) + u16(revision) + u64(sequence) + u32(index)
    return hmac.new(key, message, hashlib.sha256).digest()


def meter_id(secret: bytes, metering_point: str) -> bytes:
    """Pseudonymous 32-byte meter id: HMAC of the metering point's name under the community's secret (R1)."""
    return hmac.new(secret, b"meter\x00" + metering_point.encode(), hashlib.sha256).digest()

"""Checksums of meters' telegrams: CRC-16/X-25, which SML uses, and CRC-16/Kermit, which some meters use instead."""

from __future__ import annotations

import binascii

MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in reverse: the standard library computes the same polynomial, highest bit first."""


def crc16_x25(data: bytes) -> bytes:
    """Return the CRC-16/X-25 of `data`, low byte first as SML carries it."""
    return (_mirrored(data, 0xFFFF) ^ 0xFFFF).to_bytes(2, "little")


def crc16_kermit(data: bytes) -> bytes:
    """Return the CRC-16/Kermit of `data`, low byte first."""
    return _mirrored(data, 0).to_bytes(2, "little")


def _mirrored(data: bytes, initial: int) -> int:
    crc = binascii.crc_hqx(data.translate(MIRRORED), initial)
    return MIRRORED[crc & 0xFF] << 8 | MIRRORED[crc >> 8]

"""Keccak-256 and the domain tags of every hash in the protocol (docs/formats.md)."""

try:
    from sha3 import keccak_256 as _keccak_256  # type: ignore[import-not-found,unused-ignore]

    def keccak(data: bytes) -> bytes:
        """Keccak-256 of data, 32 bytes."""
        digest: bytes = _keccak_256(data).digest()
        return digest

except ImportError:  # safe-pysha3 ships wheels for Linux only
    from Crypto.Hash import keccak as _crypto_keccak

    def keccak(data: bytes) -> bytes:
        """Keccak-256 of data, 32 bytes."""
        return _crypto_keccak.new(digest_bits=256, data=data).digest()


TAG_NODE = b"\x01"
TAG_PACK = b"\x10"
TAG_STATEMENT = b"\x11"
TAG_RESULT = b"\x12"
TAG_SOURCE = b"\x13"
TAG_RECORD = b"\x14"
TAG_LINES = b"\x15"
TAG_PARAMETERS = b"\x16"
TAG_POSTING = b"\x17"
TAG_BATCH = b"\x18"

EMPTY = bytes(32)


def u8(value: int) -> bytes:
    """One byte, unsigned."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Two bytes, unsigned big-endian."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Four bytes, unsigned big-endian."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Eight bytes, unsigned big-endian."""
    return value.to_bytes(8, "big")


def i128(value: int) -> bytes:
    """Sixteen bytes, two's complement big-endian."""
    return value.to_bytes(16, "big", signed=True)

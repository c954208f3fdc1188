"""Rows under month keys (R9): AES-256-GCM, a nonce of its own for every row, bound to the row's place.

A sealed value is nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes). The AES key is not the month key itself, which also
makes salts, but an HMAC of it. Without the month key neither the value nor its salt can be had again.
"""

import hashlib
import hmac
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from lindenstrom.store.errors import RowDamaged

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
MAX_CIPHERS = 16_384
_ROW = b"lindenstrom/row@v1"


def seal(key: bytes, place: str, plain: bytes) -> bytes:
    """A value under a month key. place: table and row; a value moved to another row is damaged."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plain, place.encode())


def unseal(key: bytes, place: str, sealed: bytes) -> bytes:
    """The value again. Raises RowDamaged."""
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise RowDamaged(place) from None


@lru_cache(MAX_CIPHERS)
def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # not at import time: --help need not wait for it

    return AESGCM(hmac.digest(key, _ROW, hashlib.sha256))

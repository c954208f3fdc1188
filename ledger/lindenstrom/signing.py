"""secp256k1 signatures over 32-byte digests, in the form that Ethereum's ecrecover takes."""

from coincurve import PrivateKey, PublicKey

from lindenstrom.core.hashing import keccak
from lindenstrom.errors import CouldNotCheck, KeyProblem

SIGNATURE_BYTES = 65


class BadPrivateKey(KeyProblem):
    """The bytes are no secp256k1 private key. The message never shows them."""

    def __init__(self) -> None:
        super().__init__("that is not a secp256k1 private key (32 bytes, below the curve's order); make one: key new")


class UnreadableSignature(CouldNotCheck):
    """The bytes are no recoverable signature."""

    def __init__(self) -> None:
        super().__init__("a signature here is 65 bytes r‖s‖v with v 27 or 28, and these bytes are none")


def address_of(key: bytes) -> bytes:
    """20-byte address of a private key. Raises BadPrivateKey."""
    return _address(_private(key).public_key)


def sign_digest(key: bytes, digest: bytes) -> bytes:
    """65 bytes r‖s‖v (low s, v 27 or 28), deterministic (RFC 6979). Raises BadPrivateKey."""
    signature = _private(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def recover_address(digest: bytes, signature: bytes) -> bytes:
    """20-byte address that made a signature. Raises UnreadableSignature."""
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise UnreadableSignature
    try:
        raw = signature[:64] + bytes([signature[64] - 27])
        return _address(PublicKey.from_signature_and_message(raw, digest, hasher=None))
    except Exception:  # noqa: BLE001 - coincurve raises bare exceptions of several kinds for invalid points
        raise UnreadableSignature from None


def _private(key: bytes) -> PrivateKey:
    try:
        if len(key) != 32:
            raise BadPrivateKey
        return PrivateKey(key)
    except ValueError:
        raise BadPrivateKey from None


def _address(public: PublicKey) -> bytes:
    return keccak(public.format(compressed=False)[1:])[12:]

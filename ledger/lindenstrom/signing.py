"""Signatures over 32-byte digests: secp256k1 in the form that Ethereum's ecrecover takes, and P-256 for readers.

A signer is named by its *key*: 20 bytes, an address, on secp256k1; 64 bytes x‖y on P-256.
"""

from enum import IntEnum
from typing import TYPE_CHECKING

from coincurve import PrivateKey, PublicKey

from lindenstrom.core.hashing import keccak
from lindenstrom.errors import CouldNotCheck, KeyProblem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE_BYTES = 65
P256_SIGNATURE_BYTES = 64
ADDRESS_BYTES = 20
P256_KEY_BYTES = 64
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_P256_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B  # FIPS 186-4, D.1.2.3


class Curve(IntEnum):
    """As the Registry numbers them."""

    SECP256K1 = 1
    P256 = 2

    @classmethod
    def of(cls, key: bytes) -> "Curve":
        """The curve of a key by its length."""
        return cls.P256 if len(key) == P256_KEY_BYTES else cls.SECP256K1


class BadPrivateKey(KeyProblem):
    """The bytes are no private key of the curve. The message never shows them."""

    def __init__(self, curve: Curve = Curve.SECP256K1) -> None:
        name = "secp256k1" if curve is Curve.SECP256K1 else "P-256"
        super().__init__(f"that is not a {name} private key (32 bytes, below the curve's order); make one: key new")


class UnreadableSignature(CouldNotCheck):
    """The bytes are no recoverable signature."""

    def __init__(self) -> None:
        super().__init__("a signature here is 65 bytes r‖s‖v with v 27 or 28 and a low s, and these bytes are none")


def address_of(key: bytes) -> bytes:
    """20-byte address of a private key. Raises BadPrivateKey."""
    return _address(_private(key).public_key)


def key_of(secret: bytes, curve: Curve) -> bytes:
    """What names a private key's signer: an address, or x‖y. Raises BadPrivateKey."""
    if curve is Curve.SECP256K1:
        return address_of(secret)
    numbers = _private_p256(secret).public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def is_p256_point(key: bytes) -> bool:
    """Whether 64 bytes x‖y are a point of P-256; the Registry refuses any other as well."""
    x, y = (int.from_bytes(half, "big") for half in (key[:32], key[32:]))
    return x < _P256_FIELD and y < _P256_FIELD and (y * y - x**3 + 3 * x - _P256_B) % _P256_FIELD == 0


def sign_digest(key: bytes, digest: bytes) -> bytes:
    """65 bytes r‖s‖v (low s, v 27 or 28), deterministic (RFC 6979). Raises BadPrivateKey."""
    signature = _private(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def sign_on(secret: bytes, digest: bytes, curve: Curve) -> bytes:
    """A signature over a digest: as `sign_digest`, or 64 bytes r‖s of P-256. Deterministic. Raises BadPrivateKey."""
    if curve is Curve.SECP256K1:
        return sign_digest(secret, digest)
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    scheme = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
    r, s = utils.decode_dss_signature(_private_p256(secret).sign(digest, scheme))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def is_signed_by(key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether a key (20 or 64 bytes) made a signature over a digest; False for anything malformed."""
    if Curve.of(key) is Curve.P256:
        return _is_signed_p256(key, digest, signature)
    try:
        return recover_address(digest, signature) == key
    except UnreadableSignature:
        return False


def recover_address(digest: bytes, signature: bytes) -> bytes:
    """20-byte address that made a signature. Raises UnreadableSignature, also for an s that the contracts refuse."""
    low = int.from_bytes(signature[32:64], "big") <= SECP256K1_ORDER // 2
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28) or not low:
        raise UnreadableSignature
    try:
        raw = signature[:64] + bytes([signature[64] - 27])
        return _address(PublicKey.from_signature_and_message(raw, digest, hasher=None))
    except Exception:  # noqa: BLE001 - coincurve raises bare exceptions of several kinds for invalid points
        raise UnreadableSignature from None


def compact(signature: bytes) -> bytes:
    """A signature in 64 bytes: r‖yParityAndS of secp256k1 (EIP-2098), r‖s of P-256; empty if it is neither."""
    if len(signature) == P256_SIGNATURE_BYTES:
        return signature
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28) or signature[32] >> 7:
        return b""
    return signature[:32] + bytes([signature[32] | (signature[64] - 27) << 7]) + signature[33:64]


def _is_signed_p256(key: bytes, digest: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if len(signature) != P256_SIGNATURE_BYTES:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    scheme = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + key)
        public.verify(utils.encode_dss_signature(r, s), digest, scheme)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(key: bytes) -> PrivateKey:
    try:
        if len(key) != 32:
            raise BadPrivateKey
        return PrivateKey(key)
    except ValueError:
        raise BadPrivateKey from None


def _private_p256(secret: bytes) -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    number = int.from_bytes(secret, "big")
    if len(secret) != 32 or not 0 < number < P256_ORDER:
        raise BadPrivateKey(Curve.P256)
    return ec.derive_private_key(number, ec.SECP256R1())


def _address(public: PublicKey) -> bytes:
    return keccak(public.format(compressed=False)[1:])[12:]

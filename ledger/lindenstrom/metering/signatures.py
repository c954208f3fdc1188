"""Signatures of charging records: ECDSA on every curve that OCMF names, checked over bytes as they stand.

Sources: OCMF 1.0 to 1.3, signature section; SEC 2 and RFC 5639 for the curves. The curves of 256 bits and more are
cryptography's. It has no secp192k1, and builds differ in secp192r1: these two are computed here. Nothing here is secret
(only signatures of others are checked), so it need not run in constant time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"
EC_KEY = bytes.fromhex("2A8648CE3D0201")
SEQUENCE, INTEGER, BIT_STRING, OBJECT = 0x30, 0x02, 0x03, 0x06

CURVES: dict[str, type[ec.EllipticCurve]] = {
    "secp224r1": ec.SECP224R1,
    "secp256r1": ec.SECP256R1,
    "secp256k1": ec.SECP256K1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "brainpoolp256r1": ec.BrainpoolP256R1,
    "brainpoolp384r1": ec.BrainpoolP384R1,
    "brainpoolp512r1": ec.BrainpoolP512R1,
}
OBJECTS = {
    "2A8648CE3D030101": "secp192r1",
    "2A8648CE3D030107": "secp256r1",
    "2B8104001F": "secp192k1",
    "2B81040021": "secp224r1",
    "2B8104000A": "secp256k1",
    "2B81040022": "secp384r1",
    "2B81040023": "secp521r1",
    "2B2403030208010107": "brainpoolp256r1",
    "2B240303020801010B": "brainpoolp384r1",
    "2B240303020801010D": "brainpoolp512r1",
}
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}

Point = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallCurve:
    """y² = x³ + a·x + b modulo p, with a base point of prime order n."""

    p: int
    a: int
    b: int
    n: int
    base: Point

    def add(self, left: Point | None, right: Point | None) -> Point | None:
        """Return the sum of two points; None is the neutral one."""
        if left is None or right is None:
            return left or right
        (x1, y1), (x2, y2) = left, right
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        if left == right:
            slope = (3 * x1 * x1 + self.a) * pow(2 * y1, -1, self.p)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def times(self, factor: int, point: Point | None) -> Point | None:
        """Return the multiple of a point."""
        total = None
        while factor:
            if factor & 1:
                total = self.add(total, point)
            point, factor = self.add(point, point), factor >> 1
        return total

    def has(self, point: Point) -> bool:
        """Whether a point is on the curve."""
        x, y = point
        return max(point) < self.p and (y * y - x * x * x - self.a * x - self.b) % self.p == 0

    def verifies(self, point: Point, r: int, s: int, digest: bytes) -> bool:
        """Whether (r, s) is the signature of a digest by the key of this point."""
        if not (0 < r < self.n and 0 < s < self.n and self.has(point)):
            return False
        number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - self.n.bit_length())
        inverse = pow(s, -1, self.n)
        found = self.add(self.times(number * inverse % self.n, self.base), self.times(r * inverse % self.n, point))
        return found is not None and found[0] % self.n == r


P192 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFF
SMALL_CURVES = {
    "secp192r1": SmallCurve(
        p=P192,
        a=P192 - 3,
        b=0x64210519E59C80E70FA7E9AB72243049FEB8DEECC146B9B1,
        n=0xFFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831,
        base=(
            0x188DA80EB03090F67CBF20EB43A18800F4FF0AFD82FF1012,
            0x07192B95FFC8DA78631011ED6B24CDD573F977A11E794811,
        ),
    ),
    "secp192k1": SmallCurve(
        p=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFEE37,
        a=0,
        b=3,
        n=0xFFFFFFFFFFFFFFFFFFFFFFFE26F2FC170F69466A74DEFD8D,
        base=(
            0xDB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D,
            0x9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D,
        ),
    ),
}
SMALL_LENGTH = 24


def verified(data: bytes, *, key: bytes, signature: bytes, algorithm: str = DEFAULT_ALGORITHM) -> bool | None:
    """Whether a signature holds over the data; None if its algorithm is one that is not known here.

    key: X.509 SubjectPublicKeyInfo, or the bare point with or without its leading 4. signature: DER, or r and s in one.
    algorithm: as OCMF writes it, `ECDSA-<curve>-<hash>`. A key on another curve than the algorithm's verifies nothing.
    """
    kind, _, rest = algorithm.strip().lower().partition("-")
    name, _, hash_name = rest.partition("-")
    if "brainpoolp" not in name:
        name = name.replace("brainpool", "brainpoolp")
    if kind != "ecdsa" or hash_name not in HASHES or name not in {*CURVES, *SMALL_CURVES}:
        return None
    curve, point = _point(key)
    numbers = _numbers(signature)
    if curve not in {name, ""} or not point or numbers is None:
        return False
    if (small := SMALL_CURVES.get(name)) is not None:
        if len(point) != 1 + 2 * SMALL_LENGTH or point[0] != 4:
            return False
        x, y = int.from_bytes(point[1 : 1 + SMALL_LENGTH], "big"), int.from_bytes(point[1 + SMALL_LENGTH :], "big")
        return small.verifies((x, y), *numbers, hashlib.new(hash_name, data).digest())
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[name](), point)
        public.verify(encode_dss_signature(*numbers), data, ec.ECDSA(HASHES[hash_name]()))
    except (ValueError, InvalidSignature):
        return False
    except UnsupportedAlgorithm:
        return None
    return True


def _point(key: bytes) -> tuple[str, bytes]:
    """Return (curve, encoded point) of a key; the curve is empty for a bare point, "?" for one that is not known."""
    outer = _elements(key)
    if len(outer) != 1 or outer[0][0] != SEQUENCE:
        return "", key if len(key) % 2 else b"\x04" + key
    parts = _elements(outer[0][1])
    names = _elements(parts[0][1]) if len(parts) == 2 else []
    if len(names) != 2 or names[0] != (OBJECT, EC_KEY) or parts[1][0] != BIT_STRING:
        return "?", b""
    return OBJECTS.get(names[1][1].hex().upper(), "?"), parts[1][1][1:]


def _numbers(signature: bytes) -> Point | None:
    """Return r and s. Some devices leave out the zero byte that DER wants before a number with its highest bit set."""
    outer = _elements(signature)
    if len(outer) == 1 and outer[0][0] == SEQUENCE:
        parts = _elements(outer[0][1])
        if len(parts) != 2 or {tag for tag, _ in parts} != {INTEGER}:
            return None
        r, s = (int.from_bytes(content, "big") for _, content in parts)
        return r, s
    half, odd = divmod(len(signature), 2)
    if odd or not half:
        return None
    return int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return (tag, content) of each DER element; nothing at all if the lengths do not fit."""
    found: list[tuple[int, bytes]] = []
    place = 0
    while place < len(data):
        head = data[place : place + 2]
        if len(head) < 2:
            return []
        tag, length = head
        place += 2
        if length > 0x80:
            width = length - 0x80
            length = int.from_bytes(data[place : place + width], "big")
            place += width
        if place + length > len(data):
            return []
        found.append((tag, data[place : place + length]))
        place += length
    return found

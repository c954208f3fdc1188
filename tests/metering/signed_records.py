"""Signed charging records for tests: made-up devices, keys of the test's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lindenstrom.metering.signatures import CURVES, OBJECTS, SMALL_CURVES

SECRET = 0x1234_5678_9ABC_DEF1_2345_6789
BEGIN = {
    "TM": "2026-07-24T13:22:04,000+0200 S", "TX": "B", "RV": 2935.6, "RI": "1-0:1.8.0", "RU": "kWh",
    "EF": "", "ST": "G",
}  # fmt: skip
END = {**BEGIN, "TM": "2026-07-24T14:22:04,250+0200 S", "TX": "E", "RV": 2965.125}


def payload(readings: Sequence[Mapping[str, Any]] = (BEGIN, END), **fields: Any) -> str:
    """The part that is signed."""
    said = {"FV": "1.0", "GI": "LIN TEST", "GS": "808829900001", "PG": "T1", "MS": "1LIN0000000001", **fields}
    return json.dumps({**said, "RD": list(readings)}, separators=(",", ":"))


def signature(data: bytes, curve: str = "secp256r1") -> bytes:
    """DER, the same each time."""
    if curve in CURVES:
        return ec.derive_private_key(SECRET, CURVES[curve]()).sign(
            data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        )
    small, nonce = SMALL_CURVES[curve], 0xABCDEF987654321
    point = small.times(nonce, small.base)
    assert point is not None
    r = point[0] % small.n
    number = int.from_bytes(hashlib.sha256(data).digest()[:24], "big")
    return encode_dss_signature(r, pow(nonce, -1, small.n) * (number + r * SECRET) % small.n)


def public_key(curve: str = "secp256r1") -> bytes:
    """SubjectPublicKeyInfo in DER."""
    if curve in CURVES:
        key = ec.derive_private_key(SECRET, CURVES[curve]()).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    point = SMALL_CURVES[curve].times(SECRET, SMALL_CURVES[curve].base)
    assert point is not None
    named = bytes.fromhex(next(code for code, name in OBJECTS.items() if name == curve))
    inner = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06" + bytes([len(named)]) + named
    bits = b"\x00\x04" + b"".join(number.to_bytes(24, "big") for number in point)
    content = b"\x30" + bytes([len(inner)]) + inner + b"\x03" + bytes([len(bits)]) + bits
    return b"\x30" + bytes([len(content)]) + content


def ocmf(text: str | None = None, curve: str = "secp256r1", name: str | None = None) -> str:
    """A record. `name`: the algorithm as it writes it; None leaves it to the format's default."""
    text = payload() if text is None else text
    said = {"SD": signature(text.encode(), curve).hex()}
    if name or curve != "secp256r1":
        said["SA"] = name or f"ECDSA-{curve}-SHA256"
    return f"OCMF|{text}|{json.dumps(said)}"


def xml(*records: str, key: str | None = None, attributes: str = ' format="OCMF" encoding="plain"') -> bytes:
    """The transparency software's file; the same key for each record."""
    key = public_key().hex() if key is None else key
    shown = f'<publicKey encoding="plain">{key}</publicKey>' if key else ""
    values = "".join(f"<value><signedData{attributes}>{one}</signedData>{shown}</value>" for one in records)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<values>{values}</values>\n'.encode()


def pcdf(**changed: str) -> str:
    """A PCDF line; the fields in their usual order."""
    fields = {
        "ST": "260501162017", "CT": "260501162025", "CD": "000217", "TV": "1", "BV": "1", "CSC": "1", "SP": "1",
        "RV": "0003.276*kWh", "SI": "55*1*test", "CS": "513f627b", "HW": "12345678901", "DT": "0",
        "PK": public_key()[-65:].hex(), **changed,
    }  # fmt: skip
    body = "128.8.0" + "".join(f"({name}:{value})" for name, value in fields.items())
    return f"{body}(SG:{signature(body.encode()).hex()})"

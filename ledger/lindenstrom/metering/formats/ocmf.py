"""Signed charging records: OCMF as text or in the XML of the S.A.F.E. transparency software, PCDF, and EDL 40 in it.

Sources: Open Charge Metering Format 1.0 to 1.3; the transparency software's XML (`values`, `value`, `signedData`,
`publicKey`) and its handling of PCDF. A signature is checked over the very bytes of the record. The key comes from the
same file: that proves that nothing was changed since the device signed, not whose device it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from lindenstrom.metering.formats.ocmfrecords import MARKS, NAME, XML_MARKS, damaged, of_record
from lindenstrom.metering.formats.ocmfxml import XmlRecords
from lindenstrom.metering.observation import Observation

__all__ = ["NAME", "observations", "recognises"]

PIECE = 65_536
LONGEST = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def recognises(head: bytes) -> bool:
    """Whether a record begins in the head of a file, or an element that holds one."""
    return MARKS.search(head) is not None or (_is_xml(head) and XML_MARKS.search(head) is not None)


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read a whole file record by record."""
    first = stream.read(PIECE)
    reader = _xml(first, stream) if _is_xml(first) else _text(first, stream)
    yield from reader


def _is_xml(head: bytes) -> bool:
    return head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"<")


def _xml(piece: bytes, stream: BinaryIO) -> Iterator[Observation]:
    records = XmlRecords(piece)
    while piece and not records.failed:
        yield from records.feed(piece)
        piece = stream.read(PIECE)
    yield from records.close()


def _text(piece: bytes, stream: BinaryIO) -> Iterator[Observation]:
    """Read records that stand in a text one after the other; no key is known for them."""
    pending, offset = b"", 0
    while True:
        final = not piece
        pending += piece
        found = MARKS.search(pending)
        while found:
            follower = MARKS.search(pending, found.end())
            if follower is None and not final:
                break
            end = follower.start() if follower else len(pending)
            yield from of_record(pending[found.start() : end], None, offset + found.start())
            pending, offset = pending[end:], offset + end
            found = MARKS.search(pending)
        if final:
            return
        if found and len(pending) > LONGEST:
            yield damaged(offset + found.start(), "a record without its end")
        if not found or len(pending) > LONGEST:
            pending, offset = pending[-20:], offset + max(0, len(pending) - 20)
        piece = stream.read(PIECE)

"""Which format a file is of, and in words why it is of none."""

from __future__ import annotations

import gzip
import io
import random

import pytest

from lindenstrom.metering.formats.detect import (
    HEAD_SIZE,
    NoSuchFormat,
    detect,
    format_named,
    format_names,
    opened,
    why_not,
)
from lindenstrom.metering.smlwriter import sml_telegram

ONE = sml_telegram(server_id=b"\x0a\x01TST\x00\x00\x00\x00\x07", sec_index=1, import_mwh=5)


def test_every_format_names_itself_and_is_found_by_its_name() -> None:
    assert len(set(format_names())) == len(format_names())
    assert [format_named(name).NAME for name in format_names()] == list(format_names())
    with pytest.raises(NoSuchFormat, match=r"choose one of .*sml"):
        format_named("knx")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "empty"),
        (bytes(100), "zero bytes"),
        (b"\x89PNG\r\n", "picture"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04\x14\x00[Content_Types].xml xl/workbook.xml", "spreadsheet"),
        (b"PK\x03\x04\x14\x00readme.txt", "archive"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"\xef\xbb\xbf <!DOCTYPE html><p>", "web page"),
        (b'{"power": 3}', "JSON"),
        (b"UNB+UNOC:3+A+B+x+1'UNH+1+INVOIC:D:01B'", "EDIFACT"),
        (b"Sehr geehrte Damen und Herren,", "text"),
        (bytes(range(200, 256)) + b"\x01", "not text"),
    ],
)
def test_why_not(head: bytes, said: str) -> None:
    assert detect(head) is None
    assert said in why_not(head)


class Pipe(io.RawIOBase):
    """A stream that gives a few bytes at a time and cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1000) if size > 0 else size)


@pytest.mark.parametrize("make", [io.BytesIO, Pipe])
@pytest.mark.parametrize("packed", [False, True])
def test_gzip_and_pipes_make_no_difference(make: type[io.BytesIO], packed: bool) -> None:
    data = ONE * 1000
    assert len(data) > HEAD_SIZE
    source = opened(make(gzip.compress(data[:90_000]) + gzip.compress(data[90_000:]) if packed else data))
    assert source.head == data[:HEAD_SIZE]
    assert b"".join(iter(lambda: source.stream.read(5000), b"")) == data
    assert not source.is_damaged
    found = detect(source.head)
    assert found is not None
    assert found.NAME == "sml"


@pytest.mark.parametrize("code", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_utf_16_becomes_utf_8(code: str, packed: bool) -> None:
    text = "Messzeitpunkt;Verbrauch (kWh);Qualität\r\n" + "01.01.2026 00:15;0,1;L1 €\r\n" * 4000
    data = (b"\xfe\xff" if code == "utf-16-be" else b"") + text.encode(code)
    source = opened(io.BytesIO(gzip.compress(data) if packed else data))
    found = detect(source.head)
    assert found is not None
    assert found.NAME == "csv"
    assert source.stream.read() == text.encode()
    assert opened(io.BytesIO(b"\xff\xfea\0b")).stream.read() in {b"a", "a\ufffd".encode()}


def test_a_damaged_gzip_ends_where_the_damage_is() -> None:
    data = random.Random(7).randbytes(200_000)
    packed = gzip.compress(data)
    source = opened(io.BytesIO(packed[:150_000]))
    assert not source.is_damaged
    read = source.head + source.stream.read()[HEAD_SIZE:]
    assert data.startswith(read)
    assert len(read) > 140_000
    assert source.is_damaged
    assert opened(io.BytesIO(b"\x1f\x8b\x08\x00garbage")).head == b""

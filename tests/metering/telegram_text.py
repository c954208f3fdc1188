"""Telegrams in text for tests: made-up meters, with the checksum that their version has."""

from __future__ import annotations

from collections.abc import Iterable

from lindenstrom.metering.telegrams import block_check, crc16_arc

DUTCH = (
    "1-3:0.2.8(50)", "0-0:1.0.0(261025120000W)", "0-0:96.1.1(4C494E44454E3031)", "1-0:1.8.1(001234.567*kWh)",
    "1-0:1.8.2(000765.433*kWh)", "1-0:2.8.1(000010.001*kWh)", "1-0:2.8.2(000020.002*kWh)", "0-0:96.14.0(0002)",
    "1-0:1.7.0(00.244*kW)", "1-0:2.7.0(00.000*kW)", "1-0:99.97.0(1)(0-0:96.7.19)(260104180320W)(0000237126*s)",
    "1-0:32.7.0(230.1*V)", "1-0:21.7.0(00.244*kW)", "0-1:24.1.0(003)", "0-1:96.1.0(4741533031)",
    "0-1:24.2.1(261025115500W)(00981.443*m3)",
)  # fmt: skip
GERMAN = (
    "1-0:0.0.0*255(1LIN0012345678)", "1-0:1.8.0*255(00032549.5061662*kWh)", "1-0:2.8.0*255(00000123.4567891*kWh)",
    "1-0:21.7.0*255(000557.29*W)", "1-0:16.7.0*255(-000458.90*W)", "1-0:96.5.5*255(80)",
    "0-0:96.1.255*255(1LIN0012345678)",
)  # fmt: skip
READ_OUT = (
    "F.F(00)", "C.1.0(   13640001)", "C.1.1(        )", "1.8.1(042951.721*kWh)", "1.8.2(018609.568*kWh)",
    "1.8.0(061561.289*kWh)", "2.8.0(000010.490*kWh)", "1.8.0*01(060000.000*kWh)", "15.8.0(061571.780*kWh)",
    "32.7(241*V)", "C.7.0(0008)", "0.2.0(M26)",
)  # fmt: skip


def p1(lines: Iterable[str] = DUTCH, header: str = "LIN5\\2TEST-1000", *, crc: bool = True) -> bytes:
    """A P1 telegram; versions before 4 have no CRC."""
    body = "\r\n".join([f"/{header}", "", *lines, "!"]).encode("latin-1")
    return body + (b"%04X" % crc16_arc(body) if crc else b"") + b"\r\n"


def d0(lines: Iterable[str] = GERMAN, header: str = "LIN5Q3XX1004 V3.04") -> bytes:
    """A telegram as a German meter pushes it, without any checksum."""
    return p1(lines, header, crc=False)


def read_out(lines: Iterable[str] = READ_OUT, header: str = "LIN4ZZZ100AC.M26") -> bytes:
    """The answer of a meter that was asked, between STX and ETX, with its block check character."""
    block = "\r\n".join([*lines, "!", "\x03"]).encode("latin-1")
    return f"/{header}\r\n\x02".encode() + block + bytes([block_check(block)])

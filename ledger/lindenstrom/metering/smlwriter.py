"""Write SML telegrams as a household meter sends them, for demos and tests.

Transport version 1 framing, three messages (open, list, close), CRC-16/X-25 on each message and on the telegram.
"""

from __future__ import annotations

from lindenstrom.metering.checksum import crc16_x25

__all__ = ["crc16_x25", "sml_telegram"]

ESCAPE = b"\x1b\x1b\x1b\x1b"
OPEN_RESPONSE, GET_LIST_RESPONSE, CLOSE_RESPONSE = 0x0101, 0x0701, 0x0201
UNIT_WH = 30
EMPTY = b"\x01"
LIST_NAME = bytes.fromhex("0100620affff")


def sml_telegram(
    *,
    server_id: bytes,
    sec_index: int,
    import_mwh: int,
    export_mwh: int | None = None,
    scaler: int = -1,
    number: int = 0,
) -> bytes:
    """Return one telegram with 1-0:1.8.0 and, if `export_mwh` is given, 1-0:2.8.0.

    `scaler`: power of ten of Wh that the meter counts in (-1 is 0.1 Wh, 3 a locked meter); values floor to it.
    `number`: counts telegrams, and enters the transaction and file ids.
    """
    values = [_entry(1, import_mwh, scaler)]
    if export_mwh is not None:
        values.append(_entry(2, export_mwh, scaler))
    sensor_time = items(unsigned(1, 1), unsigned(sec_index, 4))
    file_id = number.to_bytes(4, "big")
    server = octets(server_id)
    return telegram(
        message(file_id + b"\x01", OPEN_RESPONSE, items(EMPTY, EMPTY, octets(file_id), server, EMPTY, EMPTY)),
        message(
            file_id + b"\x02",
            GET_LIST_RESPONSE,
            items(EMPTY, server, octets(LIST_NAME), sensor_time, items(*values), EMPTY, EMPTY),
        ),
        message(file_id + b"\x03", CLOSE_RESPONSE, items(EMPTY)),
    )


def telegram(*messages: bytes) -> bytes:
    """Return these messages in transport framing, version 1."""
    content = b"".join(messages)
    fill = -len(content) % 4
    frame = ESCAPE + b"\x01\x01\x01\x01" + content.replace(ESCAPE, ESCAPE * 2) + bytes(fill)
    frame += ESCAPE + b"\x1a" + bytes((fill,))
    return frame + crc16_x25(frame)


def _entry(direction: int, value_mwh: int, scaler: int) -> bytes:
    # scaler counts from Wh, the value from mWh: shift by three, floor what the meter does not show
    shift = scaler + 3
    raw = value_mwh // 10**shift if shift >= 0 else value_mwh * 10**-shift
    name = bytes((1, 0, direction, 8, 0, 255))
    number = b"\x52" + scaler.to_bytes(1, "big", signed=True)
    return items(octets(name), EMPTY, EMPTY, unsigned(UNIT_WH, 1), number, unsigned(raw, 8), EMPTY)


def message(transaction: bytes, choice: int, body: bytes) -> bytes:
    """Return a message with its checksum."""
    content = b"\x76" + octets(transaction) + unsigned(0, 1) + unsigned(0, 1) + items(unsigned(choice, 2), body)
    return content + b"\x63" + crc16_x25(content) + b"\x00"


def octets(value: bytes) -> bytes:
    """Return an octet string of up to 253 bytes."""
    if len(value) < 15:
        return bytes((len(value) + 1,)) + value
    length = len(value) + 2  # two length bytes hold up to 255, both counted in
    return bytes((0x80 | length >> 4, length & 0x0F)) + value


def unsigned(value: int, size: int) -> bytes:
    """Return an unsigned integer of `size` bytes."""
    return bytes((0x60 | size + 1,)) + value.to_bytes(size, "big")


def signed(value: int, size: int) -> bytes:
    """Return a signed integer of `size` bytes."""
    return bytes((0x50 | size + 1,)) + value.to_bytes(size, "big", signed=True)


def items(*parts: bytes) -> bytes:
    """Return a list of up to 15 encoded parts."""
    return bytes((0x70 | len(parts),)) + b"".join(parts)

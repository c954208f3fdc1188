"""SML telegrams as meters of several makers send them: which registers, how finely, how they name themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lindenstrom.metering.smlwriter import (
    CLOSE_RESPONSE,
    EMPTY,
    GET_LIST_RESPONSE,
    LIST_NAME,
    OPEN_RESPONSE,
    UNIT_WH,
    items,
    message,
    octets,
    signed,
    telegram,
    unsigned,
)

UNIT_W = 27
LOCKED_SCALER = 3
SECOND_TARIFF_MWH = 2_012_400
"""What had been counted in tariff 2 of a meter of two tariffs, before it stood still."""


class Registers(Enum):
    """Which energy registers a telegram has."""

    TOTAL = "1.8.0, 2.8.0"
    TARIFFS = "1.8.1, 1.8.2, 2.8.1, 2.8.2"
    BOTH = "total and tariffs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a maker's meter looks.

    scaler: power of ten of Wh that the energy registers count in; power_scaler: of W. power: C and D of its OBIS code.
    is_old: server id of its own make, and the older list of names. has_power_always: also before the PIN is entered.
    """

    name: str
    maker: str
    registers: Registers = Registers.TOTAL
    scaler: int = -1
    size: int = 8
    is_signed: bool = False
    power: tuple[int, int] = (16, 7)
    power_scaler: int = 0
    is_old: bool = False
    status: bytes = b"\x65\x00\x01\x01\x04"

    def server_id(self, serial: int) -> bytes:
        """The bytes by which a meter of this serial number (up to eight digits) names itself."""
        letters = self.maker.encode("ascii")
        if self.is_old and self.registers is Registers.TARIFFS:
            return f"{serial:08d}".encode("ascii")
        if self.is_old:
            return b"\x06" + letters + b"\x01\x02" + serial.to_bytes(4, "big")
        return b"\x0a\x01" + letters + b"\x00" + serial.to_bytes(4, "big")

    def meter_name(self, serial: int) -> str:
        """The server id as it stands on the name plate (DIN 43863-5), else in hex."""
        if self.is_old:
            return self.server_id(serial).hex("-").upper()
        digits = f"{serial:08d}"
        return f"1 {self.maker}00 {digits[:4]} {digits[4:]}"

    @property
    def resolution_mwh(self) -> int:
        """What the last digit of a register stands for, at least 1."""
        return int(10 ** max(0, self.scaler + 3))


LOOKS = {
    look.name: look
    for look in (
        Look(name="dzg", maker="DZG", power_scaler=-2, status=b"\x64\x1c\x01\x04"),
        Look(name="emh", maker="EMH", size=8, status=b"\x64\x1c\x01\x04"),
        Look(
            name="emh-tariffs",
            maker="EMH",
            registers=Registers.TARIFFS,
            size=5,
            is_signed=True,
            power=(1, 7),
            power_scaler=-1,
            is_old=True,
            status=b"\x63\x01\x80",
        ),
        Look(name="iskra", maker="ISK", registers=Registers.BOTH, is_signed=True, is_old=True),
        Look(name="easymeter", maker="ESY", scaler=-4, is_signed=True, power_scaler=-2),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmlMeter:
    """One meter that sends telegrams. is_two_way: whether it counts export; is_locked: whole kWh only, no power."""

    look: Look
    serial: int
    is_two_way: bool = True
    is_locked: bool = False

    def telegram(self, *, number: int, seconds: int, import_mwh: int, export_mwh: int, power_mw: int) -> bytes:
        """Return the telegram of an instant. number: counts telegrams; seconds: the meter's running seconds."""
        server = octets(self.look.server_id(self.serial))
        file_id = (number & 0xFFFFFFFF).to_bytes(4, "big")
        sensor_time = items(unsigned(1, 1), unsigned(seconds & 0xFFFFFFFF, 4))
        opened = items(EMPTY, EMPTY, octets(file_id), server, EMPTY, EMPTY)
        listed = items(EMPTY, server, self._list_name, sensor_time, self._values(import_mwh, export_mwh, power_mw))
        return telegram(
            message(file_id + b"\x01", OPEN_RESPONSE, opened),
            # two optional parts that no meter fills end the list: its signature, and the gateway's time
            message(file_id + b"\x02", GET_LIST_RESPONSE, b"\x77" + listed[1:] + EMPTY + EMPTY),
            message(file_id + b"\x03", CLOSE_RESPONSE, items(EMPTY)),
        )

    @property
    def _list_name(self) -> bytes:
        return EMPTY if self.look.is_old else octets(LIST_NAME)

    def _values(self, import_mwh: int, export_mwh: int, power_mw: int) -> bytes:
        look = self.look
        server = octets(look.server_id(self.serial))
        maker = octets(look.maker.encode("ascii"))
        if look.is_old:
            entries = [_plain("8181c78203ff", maker), _plain("0100000009ff", server)]
        else:
            entries = [_plain("0100603201ff", maker), _plain("0100600100ff", server)]
        entries += self._energy(1, import_mwh)
        if self.is_two_way:
            entries += self._energy(2, export_mwh)
        if not self.is_locked:
            c, d = look.power
            name = octets(bytes((1, 0, c, d, 0, 255)))
            power = power_mw * 10**-look.power_scaler // 1000
            entries.append(
                items(name, EMPTY, EMPTY, unsigned(UNIT_W, 1), _scaler(look.power_scaler), signed(power, 4), EMPTY)
            )
        return items(*entries)

    def _energy(self, direction: int, value_mwh: int) -> list[bytes]:
        scaler = LOCKED_SCALER if self.is_locked else self.look.scaler
        shift = scaler + 3  # from mWh; what the meter does not show is floored
        in_units = [v // 10**shift if shift >= 0 else v * 10**-shift for v in (value_mwh, SECOND_TARIFF_MWH)]
        total, second = in_units[0], min(in_units)
        parts = [(1, total - second), (2, second)]
        if self.look.registers is Registers.TOTAL:
            parts = [(0, total)]
        elif self.look.registers is Registers.BOTH:
            parts = [(0, total), *parts]
        number = signed if self.look.is_signed else unsigned
        return [
            items(
                octets(bytes((1, 0, direction, 8, tariff, 255))),
                self.look.status if place == 0 else EMPTY,
                EMPTY,
                unsigned(UNIT_WH, 1),
                _scaler(scaler),
                number(value, self.look.size),
                EMPTY,
            )
            for place, (tariff, value) in enumerate(parts)
        ]


def _plain(name: str, value: bytes) -> bytes:
    return items(octets(bytes.fromhex(name)), EMPTY, EMPTY, EMPTY, EMPTY, value, EMPTY)


def _scaler(power_of_ten: int) -> bytes:
    return b"\x52" + power_of_ten.to_bytes(1, "big", signed=True)

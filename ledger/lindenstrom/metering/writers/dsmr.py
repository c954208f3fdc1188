"""P1 telegrams as a meter after DSMR 5 sends them: what `formats.dsmr` reads. Registers in whole Wh, floored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from lindenstrom.core.calendar import SECONDS_PER_DAY, Zone
from lindenstrom.metering.csvfile import EPOCH
from lindenstrom.metering.telegrams import crc16_arc

RESOLUTION_MWH = 1000
CHANGE_UTC_S = 3600
NIGHT_MWH = 1_000_000_000
"""What had been counted in tariff 1 before the meter was set to one tariff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DsmrMeter:
    """One meter that sends telegrams, with the clock of a zone."""

    serial: int
    zone: Zone

    @property
    def meter_name(self) -> str:
        """Its id as the telegram has it: hex of the characters on its name plate."""
        return f"E{self.serial:016d}".encode("ascii").hex().upper()

    def telegram(self, *, seconds: int, import_mwh: int, export_mwh: int, power_mw: int) -> bytes:
        """Return the telegram of an instant. seconds: unix time that the meter's clock shows."""
        lines = [
            "/SIM5\\2P1-TEST",
            "",
            "1-3:0.2.8(50)",
            f"0-0:1.0.0({_clock(seconds, self.zone)})",
            f"0-0:96.1.1({self.meter_name})",
            *_tariffs("1", import_mwh),
            *_tariffs("2", export_mwh),
            "0-0:96.14.0(0002)",
            f"1-0:1.7.0({_power(max(power_mw, 0))}*kW)",
            f"1-0:2.7.0({_power(max(-power_mw, 0))}*kW)",
            "!",
        ]
        body = "\r\n".join(lines).encode("ascii")
        return body + b"%04X\r\n" % crc16_arc(body)


def _tariffs(direction: str, value_mwh: int) -> list[str]:
    total = value_mwh // RESOLUTION_MWH
    night = min(total, NIGHT_MWH // RESOLUTION_MWH)
    return [f"1-0:{direction}.8.{tariff}({_kwh(wh)}*kWh)" for tariff, wh in ((1, night), (2, total - night))]


def _kwh(energy_wh: int) -> str:
    whole, rest = divmod(energy_wh, 1000)
    return f"{whole:06d}.{rest:03d}"


def _power(power_mw: int) -> str:
    whole, rest = divmod(power_mw // 1000, 1000)
    return f"{whole:02d}.{rest:03d}"


def local_clock(seconds: int, zone: Zone) -> tuple[int, bool]:
    """What a clock of the zone shows at a unix time, as seconds since 1970 without a zone; whether it is summer."""
    window = zone.window_at(seconds)
    summer = zone.first_slot(window) != 96 * window - 4 * zone.offset_hours
    # the day of a change begins in the old time and ends in the new one
    if zone.slot_count(window) != 96 and seconds >= SECONDS_PER_DAY * window + CHANGE_UTC_S:
        summer = not summer
    return seconds + 3600 * (zone.offset_hours + summer), summer


def _clock(seconds: int, zone: Zone) -> str:
    shown, summer = local_clock(seconds, zone)
    return f"{EPOCH + timedelta(seconds=shown):%y%m%d%H%M%S}{'S' if summer else 'W'}"

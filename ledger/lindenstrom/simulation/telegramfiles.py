"""Streams as files: what each meter sent, byte after byte, and beside it when each piece was received.

sml/meter-00001.bin             all telegrams of a meter
sml/meter-00001.times.csv       unix ms of the receipt, bytes received
sml/late/meter-00001.bin        what came late, with its times
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lindenstrom.metering.writers.dsmr import DsmrMeter
from lindenstrom.metering.writers.smllooks import LOOKS, SmlMeter
from lindenstrom.simulation.days import Day
from lindenstrom.simulation.faults import Fault, FaultKind, Form
from lindenstrom.simulation.files import Shelves
from lindenstrom.simulation.plan import Plan
from lindenstrom.simulation.streams import Beat, Beats, Swap, beats, swap_on

FIRST_SERIAL = 10_000_000
SUFFIX = {Form.SML: "bin", Form.DSMR: "txt"}
TIMES_HEADER = b"received_ms,bytes\n"


def serial_of(number: int, device: int) -> int:
    """Serial number of a household's first meter (0), or of the one after a swap (1)."""
    return FIRST_SERIAL + 10 * number + device


def meter_name(plan: Plan, number: int, device: int) -> str:
    """How the meter names itself in what it sends."""
    serial = serial_of(number, device)
    if plan.form is Form.SML:
        return LOOKS[plan.look].meter_name(serial)
    if plan.form is Form.DSMR:
        return DsmrMeter(serial=serial, zone=plan.zone).meter_name
    return ""


def resolution_mwh(plan: Plan) -> int:
    """What the last digit of a register in what the meter sends stands for; a locked meter's is 1 kWh."""
    return {Form.SML: LOOKS[plan.look].resolution_mwh, Form.DSMR: 1000}.get(plan.form, 100)


class Reception:
    """What is heard of the meters, day by day. `swaps` and `damaged` tell what befell whom, by household."""

    def __init__(self, plan: Plan, faults: Sequence[Fault]) -> None:
        self.plan, self.faults = plan, faults
        self.swaps: dict[int, Swap] = {}
        self.damaged: dict[int, int] = {}
        self._by_home: dict[int, list[Fault]] = {}
        for fault in faults:
            self._by_home.setdefault(fault.household, []).append(fault)

    def heard(self, day: Day, place: int) -> Beats:
        """What the reading head of a home hears on a day; notes swaps and what is damaged."""
        number = day.homes[place].number
        mine = self._by_home.get(number, [])
        for fault in mine:
            if fault.kind is FaultKind.SWAP and day.start_s <= fault.start_s < day.end_s:
                self.swaps[number] = swap_on(self.plan.seed, day, place, fault)
        found = beats(
            self.plan.seed,
            day,
            place,
            self.plan.pace,
            mine,
            self.swaps.get(number),
            is_first=day.window == self.plan.windows.start,
            is_last=day.window == self.plan.windows.stop - 1,
        )
        if harmed := int((found.damage > 0).sum()):
            self.damaged[number] = self.damaged.get(number, 0) + harmed
        return found

    def maker(self, number: int) -> Callable[[Beat], bytes]:
        """What turns an instant of a household into its meter's telegram."""
        if self.plan.form is Form.DSMR:
            return self._dsmr(number)
        locked = any(fault.kind is FaultKind.LOCKED for fault in self._by_home.get(number, []))
        look = LOOKS[self.plan.look]
        pair = [SmlMeter(look=look, serial=serial_of(number, at), is_locked=locked) for at in (0, 1)]
        return lambda beat: pair[beat.device].telegram(
            number=beat.sent_ms // 1000,
            seconds=(beat.sent_ms // 1000) & 0xFFFFFFF,
            import_mwh=beat.imported,
            export_mwh=beat.exported,
            power_mw=beat.power_mw,
        )

    def _dsmr(self, number: int) -> Callable[[Beat], bytes]:
        pair = [DsmrMeter(serial=serial_of(number, at), zone=self.plan.zone) for at in (0, 1)]
        return lambda beat: pair[beat.device].telegram(
            seconds=beat.received_ms // 1000,
            import_mwh=beat.imported,
            export_mwh=beat.exported,
            power_mw=beat.power_mw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFiles:
    """Writes the meters' streams."""

    reception: Reception
    shelves: Shelves

    def write(self, day: Day) -> None:
        """Add a day of all homes."""
        form = self.reception.plan.form
        for place, home in enumerate(day.homes):
            found = self.reception.heard(day, place)
            telegram_of = self.reception.maker(home.number)
            for folder, part in (("", found.kept(found.is_late == 0)), ("late/", found.kept(found.is_late == 1))):
                if not part.sent_ms.size:
                    continue
                pieces = [damaged(telegram_of(beat), beat.damage) for beat in part.each()]
                # a P1 telegram has its meter's clock: there it is this one that is wrong, not that of the receipt
                times = part.sent_ms if form is Form.DSMR else part.received_ms
                stem = f"{form}/{folder}{home.file_stem}"
                head = b"" if self.shelves.has(f"{stem}.times.csv") else TIMES_HEADER
                lines = [f"{time},{len(piece)}\n" for time, piece in zip(times.tolist(), pieces, strict=True)]
                self.shelves.append(f"{stem}.{SUFFIX[form]}", b"".join(pieces))
                self.shelves.append(f"{stem}.times.csv", head + "".join(lines).encode())


def damaged(telegram: bytes, way: int) -> bytes:
    """A telegram with a byte lost (1), a bit turned over (2) or its end lost (3); whole if 0."""
    middle = len(telegram) // 2
    match way:
        case 1:
            return telegram[:middle] + telegram[middle + 1 :]
        case 2:
            return telegram[:middle] + bytes((telegram[middle] ^ 4,)) + telegram[middle + 1 :]
        case 3:
            return telegram[: 2 * len(telegram) // 3]
        case _:
            return telegram

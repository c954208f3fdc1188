"""What is fed with changed files: each format with its seeds, and what may be accepted of a changed one."""

from __future__ import annotations

import gzip
import importlib
import io
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.metering import folders
from tests.metering.fuzz import judge
from tests.metering.signed_records import ocmf, pcdf, public_key, xml
from tests.metering.telegram_text import READ_OUT, d0, p1, read_out

from lindenstrom.core.packs import Status
from lindenstrom.errors import LindenstromError, UsageError
from lindenstrom.metering import csvfile
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.decoder import Decoder
from lindenstrom.metering.formats import detect
from lindenstrom.metering.journal import Kind, Record
from lindenstrom.metering.listening import Ear
from lindenstrom.metering.observation import Observation
from lindenstrom.metering.readings import Reading
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom.metering.streams import Splitter
from lindenstrom.metering.telegrams import check, scan
from lindenstrom.metering.writers.mscons import EXPORT_OBIS, IMPORT_OBIS, Series, interchange

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
AROUND = range(folders.ZONE.first_slot(folders.DAY - 2), folders.ZONE.first_slot(folders.DAY + 3))
LARGEST_SAMPLE = 20_000
SERVER = bytes.fromhex("0a014c494e00005bb4f7")

Read = Callable[[bytes], Sequence[Observation]]
Stands = Callable[[Observation, bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader under test.

    seeds: whole files. stands: whether an accepted observation that no seed gives is what the changed bytes say; None
    where a checksum or a signature makes every such observation wrong.
    """

    name: str
    claim: str
    seeds: Sequence[bytes]
    read: Read
    stands: Stands | None = None
    samples: Sequence[str] = field(default=())

    def files(self, *, real: bool) -> list[bytes]:
        """The seeds, and the real captures of this format where they are at hand and not too long."""
        more: list[bytes] = []
        if real:
            for pattern in self.samples:
                more += [path.read_bytes() for path in sorted(SAMPLES.glob(pattern))]
        return [*self.seeds, *(data for data in more if len(data) <= LARGEST_SAMPLE)]


def by_module(name: str) -> Read:
    """Read with the module of a format."""
    module = importlib.import_module(f"{detect.PACKAGE}.{name}")
    return lambda data: tuple(module.observations(io.BytesIO(data)))


def detected(data: bytes) -> Sequence[Observation]:
    """Find out the format, and read with it whatever it is; say why where there is none."""
    whole = detect.opened(io.BytesIO(data))
    head = whole.head
    for module in (detect.format_named(name) for name in detect.format_names()):
        module.recognises(head)
    reader = detect.detect(head)
    if reader is None:
        assert detect.why_not(head)
        return ()
    return tuple(reader.observations(whole.stream))


def own_csv(data: bytes) -> Sequence[Observation]:
    """Read the two strict CSV forms; a file is taken whole or refused with its own error."""
    found: list[Observation] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "values.csv"
        path.write_bytes(data)
        try:
            for meter, slots in csvfile.read_intervals(path).items():
                for slot in slots:
                    found += [
                        Observation(
                            format="csv", position=0, meter=meter, obis=obis, energy_mwh=energy_mwh, status=slot.status,
                            time_ms=slot.slot * 900_000, span_s=900,
                        )
                        for obis, energy_mwh in (("1-0:1.8.0", slot.import_mwh), ("1-0:2.8.0", slot.export_mwh))
                    ]  # fmt: skip
        except UsageError:
            pass
        try:
            for sample in csvfile.read_registers(path):
                found.append(
                    Observation(
                        format="csv", position=0, obis="1-0:1.8.0", energy_mwh=sample.registers.import_mwh,
                        time_ms=sample.time_ms,
                    )
                )  # fmt: skip
        except UsageError:
            pass
    return found


def live(data: bytes) -> Sequence[Observation]:
    """Take bytes as a line gives them, in pieces of any size, through the journal's cutter and the readings of it."""
    chance = random.Random(zlib.crc32(data))
    found: list[Observation] = []
    for kind in (Kind.SML, Kind.DSMR):
        unused: Counter[str] = Counter()
        splitter, decoder, ear, start = Splitter(unused=unused), Decoder(mapping="", unused=unused), Ear(kind), 0
        while start < len(data):
            piece = data[start : start + chance.randint(1, 300)]
            record = Record(kind=kind, time_ms=1_790_000_000_000 + start, payload=piece)
            readings = [decoder.read(frame) for frame in splitter.feed(record)]
            heard = ear.feed(piece)
            assert bool(heard) or not any(readings), "the journal has readings of what nobody heard"
            found += (one for reading in readings if isinstance(reading, Reading) for one in _sides(reading))
            start += len(piece)
        splitter.close()
    return found


def _sides(reading: Reading) -> Iterator[Observation]:
    for obis, side in zip(("1-0:1.8.0", "1-0:2.8.0"), reading.sides, strict=True):
        if side is not None:
            yield Observation(
                format="live", position=0, meter=reading.meter, obis=obis, energy_mwh=side.mwh,
                time_ms=reading.clock_ms, seconds_index=reading.seconds, status=reading.status,
            )  # fmt: skip


def imported(data: bytes) -> Sequence[Observation]:
    """Import a file twice into the journals of two metering points, and say what then lies in them."""
    found: list[Observation] = []
    with TemporaryDirectory(dir=MEMORY) as folder:
        adapter = Adapter.create(Path(folder) / "reader", folders.operator_setup(2), random=folders.randomness)
        path = Path(folder) / "file"
        path.write_bytes(data)
        with suppress(LindenstromError):
            adapter.import_file(path, now=folders.NOW)
        with suppress(LindenstromError):
            again = adapter.import_file(path, now=folders.NOW + 9)
            assert not again.added, "the same file again brought something new"
        for meter in adapter.setup.meters:
            for slot, value in adapter.shelf(meter).known_intervals(AROUND, partial=True).items():
                found += [
                    Observation(
                        format="import", position=0, meter=meter.metering_point, obis=obis, energy_mwh=energy_mwh,
                        time_ms=slot * 900_000, span_s=900, status=value.status,
                    )
                    for obis, energy_mwh in (("1-0:1.8.0", value.import_mwh), ("1-0:2.8.0", value.export_mwh))
                    if energy_mwh
                ]  # fmt: skip
    return found


def was_read(one: Observation, data: bytes) -> bool:
    """What lies in a journal is a value that the file's reader gives for that metering point and quarter-hour."""
    read = [*detected(data), *own_csv(data)]
    return (one.meter, one.time_ms, one.energy_mwh) in {(o.meter, o.time_ms, o.energy_mwh) for o in read}


def number_at(*factors: Fraction | int, length: int, time: Stands) -> Stands:
    """The value and its time stand within so many bytes from the observation's position."""

    def stands(one: Observation, data: bytes) -> bool:
        window = data[one.position : one.position + length]
        return judge.number_stands(one, window, *factors) and time(one, window)

    return stands


def text_telegram(one: Observation, data: bytes) -> bool:
    """A telegram without CRC, or with a block check (which misses many changes), says what it is read to say."""
    span = next((span for span in scan(data) if span.start == one.position), None)
    if span is None or check(data[span.start : span.end]).value == "holds":
        return False
    return judge.telegram_stands(one, data)


def gateway_value(one: Observation, data: bytes) -> bool:
    """The raw value stands in the reading, and its scaler somewhere in the document."""
    window = data[one.position :]
    window = window[: window.find(b"</IntervalReading>") + 1 or len(window)]
    powers = {int(text) for text in re.findall(rb">\s*([+-]?\d{1,2})\s*<", data)} | {0}
    factors = {Fraction(10) ** (3 + a + b) for a in powers for b in powers if -18 <= a + b <= 18}
    return judge.number_stands(one, window, *factors) and judge.iso_time_stands(one, window)


def message_line(one: Observation, data: bytes) -> bool:
    """The value stands in the line of the capture, in kWh, Wh, or their watts."""
    return judge.number_stands(one, data[one.position :].split(b"\n")[0], 10**6, 10**3)


def table_line(one: Observation, data: bytes) -> bool:
    """The value stands in the line of the table, in kWh, Wh, or kW over a quarter-hour, and its time too."""
    line = data[one.position :].split(b"\n")[0]
    factors = (10**6, 10**3, 10**6 // 4, 10**3 // 4)
    stands = judge.number_stands(one, line, *factors) or judge.number_stands(one, line.replace(b",", b" "), *factors)
    return stands and judge.label_stands(one, line)


def table_cell(one: Observation, data: bytes) -> bool:
    """A library that reads Parquet gives a cell with the value, in kWh, within half a mWh."""
    from pyarrow import parquet

    rows = parquet.read_table(io.BytesIO(data)).to_pylist()
    numbers = [float(cell) for row in rows for cell in row.values() if isinstance(cell, (int, float))]
    return any(abs(number * 10**6 - (one.energy_mwh or 0)) <= 0.5 for number in numbers)


@cache
def targets() -> dict[str, Target]:
    """By name; formats whose module is not there are left out."""
    found = [
        Target(
            name="sml",
            claim="checksum",
            seeds=_sml_seeds(),
            read=by_module("sml"),
            samples=("sml/*.bin",),
        ),
        Target(
            name="dsmr-crc",
            claim="checksum",
            seeds=_p1_seeds(),
            read=by_module("dsmr"),
            stands=text_telegram,
            samples=("dsmr/[fisv]*[15e7].txt", "dsmr/v4_2.txt"),
        ),
        Target(
            name="dsmr-plain",
            claim="form",
            seeds=(d0(), read_out(), read_out(READ_OUT[:6]) * 2, d0() * 3),
            read=by_module("dsmr"),
            stands=text_telegram,
            samples=("dsmr/esy5*.txt", "dsmr/v2_2.txt"),
        ),
        Target(
            name="ocmf",
            claim="signature",
            seeds=(
                xml(ocmf(), ocmf()),
                xml(ocmf(curve="secp256k1"), key=public_key("secp256k1").hex()),
                xml(ocmf(), attributes=""),
                ocmf().encode() + b"\n" + pcdf().encode(),
            ),
            read=by_module("ocmf"),
            samples=("ocmf/*",),
        ),
        Target(
            name="mscons",
            claim="form",
            seeds=_mscons_seeds(),
            read=by_module("mscons"),
            stands=number_at(10**6, 10**3, 10**9, 10**12, length=400, time=judge.digits_time_stands),
            samples=("mscons/2019*.txt",),
        ),
        Target(
            name="taf7",
            claim="form",
            seeds=_taf7_seeds(),
            read=by_module("taf7"),
            stands=gateway_value,
            samples=("taf7/*Gaps.xml",),
        ),
        Target(name="mqtt", claim="form", seeds=(MESSAGES, MESSAGES * 4), read=by_module("mqtt"), stands=message_line),
        Target(name="csv", claim="form", seeds=_portal_seeds(), read=by_module("portal_csv"), stands=table_line),
        Target(name="csv-own", claim="form", seeds=_csv_seeds(), read=own_csv, stands=_csv_stands),
    ]
    both = (*_sml_seeds()[:4], *_p1_seeds()[:3])
    found.append(Target(name="live", claim="checksum", seeds=both, read=live, samples=("sml/*.bin",)))
    found.append(Target(name="import", claim="form", seeds=_import_seeds(), read=imported, stands=was_read))
    if find_spec("pyarrow"):
        table = by_module("table")
        found.append(Target(name="parquet", claim="form", seeds=_parquet_seeds(), read=table, stands=table_cell))
    known = {one.name: one for one in found}
    every = [data for one in known.values() for data in one.seeds[:2]]
    every += [gzip.compress(data, mtime=0) for data in every[::3]]
    known["detection"] = Target(name="detection", claim="any", seeds=every, read=detected, stands=lambda *_: True)
    return known


def _sml_seeds() -> tuple[bytes, ...]:
    def telegram(n: int, **more: int) -> bytes:
        return sml_telegram(server_id=SERVER, sec_index=1000 + n, import_mwh=7_654_321_000 + n * 900, number=n, **more)

    both = b"".join(telegram(n, export_mwh=123_456_700) for n in range(3))
    return both, telegram(7), telegram(8, scaler=-4, export_mwh=1), telegram(9, scaler=3), both.hex().encode()


def _p1_seeds() -> tuple[bytes, ...]:
    swedish = ("0-0:1.0.0(260217184019W)", "1-0:1.8.0(00006678.394*kWh)", "1-0:2.8.0(00000000.001*kWh)",
               "1-0:3.8.0(00000021.988*kvarh)", "1-0:1.7.0(0001.727*kW)")  # fmt: skip
    return p1(), p1(swedish, "LIN5\\253833635_A"), p1() * 3, p1(swedish, "LIN5SE").replace(b"\r\n", b"\n")


def _mscons_seeds() -> tuple[bytes, ...]:
    slot, made = 1_989_000, 1_790_500_000
    values = tuple(1000 * (n * 37 % 900) for n in range(8))
    status = (*[Status.MEASURED] * 6, Status.ESTIMATED, Status.PROVISIONAL)
    series = [
        Series(metering_point="DE00012345678000000000000000" + end, obis=obis, first_slot=slot, values_mwh=values,
               made_at=made, status=status)
        for end, obis in (("12345", IMPORT_OBIS), ("12346", EXPORT_OBIS))
    ]  # fmt: skip
    comma = interchange(series[:1], made_at=made, reference="R2", decimal_mark=",", break_lines=True)
    return b"".join(interchange(series, made_at=made, reference="R1")), b"".join(comma)


def _taf7_seeds() -> tuple[bytes, ...]:
    readings = "".join(
        f"<IntervalReading><espi:value>{12_345_600 + 25 * n}</espi:value><timePeriod><duration>0</duration>"
        f"<start>2026-10-01T{n // 4:02d}:{n % 4 * 15:02d}:00+02:00</start></timePeriod><statusPTB>0</statusPTB>"
        "</IntervalReading>\n"
        for n in range(8)
    )
    document = (
        '<?xml version="1.0" encoding="utf-8"?>\n<UsagePoints xmlns="http://vde.de/AR_2418-6.xsd" '
        'xmlns:espi="http://naesb.org/espi"><UsagePoint><usagePointId>DE1</usagePointId><MeterReading><Meter>'
        "<meterId>1LIN0012345678</meterId></Meter><ReadingType><espi:powerOfTenMultiplier>0</espi:powerOfTenMultiplier>"
        "<espi:uom>72</espi:uom><scaler>-1</scaler><obisCode>0100010800FF</obisCode></ReadingType><IntervalBlock>"
        f"<interval><start>x</start></interval>{readings}</IntervalBlock></MeterReading></UsagePoint></UsagePoints>\n"
    )
    return (document.encode(),)


MESSAGES = (
    b'2026-10-24T14:00:00+0200 tele/attic/SENSOR {"Time":"2026-10-24T13:59:58","SML":{"Total_in":1.5,"Total_out":2}}\n'
    b"2026-10-24T14:00:02+0200 shellies/shellyem-B9/emeter/0/total 1234\n"
    b'1792843203.25 p3em/events/rpc {"method":"NotifyStatus","params":{"ts":1792843203.1,"emdata:0":{"total_act":5}}}\n'
    b'{"tst":"2026-10-24T14:00:04.500000Z+0200","topic":"p3em/status/em1data:1","qos":0,"retain":0,"payloadlen":1,'
    b'"payload":"{\\"id\\":1,\\"total_act_energy\\":7.5}"}\n'
    b'tele/cellar/SENSOR {"Time":"2026-10-24T14:00:06","ENERGY":{"Total":3.25,"Power":12},"TempUnit":"C"}\n'
)


def _csv_seeds() -> tuple[bytes, ...]:
    intervals = "".join(
        f"DE000{m},2026-10-24T0{n // 4}:{n % 4 * 15:02d}:00+02:00,0.{125 + n},0,measured\n"
        for m in range(2)
        for n in range(6)
    )
    registers = "".join(f"2026-10-24T0{n}:00:05+02:00,1234.567{n},0.5\n" for n in range(6))
    return (
        ",".join(csvfile.INTERVAL_HEADER).encode() + b"\n" + intervals.encode(),
        ",".join(csvfile.REGISTER_HEADER).encode() + b"\n" + registers.encode(),
    )


def _portal_seeds() -> tuple[bytes, ...]:
    times = [f"{n // 4:02d}:{n % 4 * 15:02d}" for n in range(9)]
    austrian = "".join(f"01.06.2026 {time};0,{46 + n:03d};0,184;VALID\r\n" for n, time in enumerate(times))
    belgian = "".join(
        f'02-06-2026;{begin}:00;02-06-2026;{end}:00;="541448820050000000";1SAG3200000000;Digitale meter;Afname Nacht;'
        f"0,{65 + n:03d};kWh;Uitgelezen;\n"
        for n, (begin, end) in enumerate(pairwise(times))
    )
    names = "Van (datum);Van (tijdstip);Tot (datum);Tot (tijdstip);EAN-code;Meter;Metertype;Register;Volume;Eenheid;"
    return (
        b"Datum;kWh;kW;Status\r\n" + austrian.encode(),
        (names + "Validatiestatus;Omschrijving\n" + belgian).encode(),
        _csv_seeds()[0],
    )


def _parquet_seeds() -> tuple[bytes, ...]:
    from pyarrow import parquet
    from pyarrow import table as arrow_table

    starts = [datetime(2026, 6, 2, 22, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(4)]
    columns = {
        "metering_point": ["DE1"] * 4,
        "slot_start": starts,
        "import_kwh": [0.125, 0.3, 1.5, 0.0],
        "export_kwh": [0.0, 0.25, 0.5, 0.75],
        "status": ["measured", "estimated", "provisional", "missing"],
    }
    plain, packed = io.BytesIO(), io.BytesIO()
    parquet.write_table(arrow_table(columns), plain, compression="NONE", use_dictionary=False)
    parquet.write_table(arrow_table(columns), packed)
    return plain.getvalue(), packed.getvalue()


def _import_seeds() -> tuple[bytes, ...]:
    first, made = folders.ZONE.first_slot(folders.DAY), folders.ZONE.window_end(folders.DAY) + 3600
    series = [
        Series(metering_point=point, obis=obis, first_slot=first, values_mwh=(1500, 2_000_000, 7000), made_at=made)
        for point in ("DE00000", "DE00001")
        for obis in (IMPORT_OBIS, EXPORT_OBIS)
    ]
    newer = replace(series[0], values_mwh=(1700, 2_100_000), made_at=made + 3600)
    start = datetime.fromtimestamp(first * 900, tz=UTC)
    lines = "".join(
        f"DE0000{n % 2},{start + timedelta(minutes=15 * (n // 2)):%Y-%m-%dT%H:%M:%S}Z,0.12{n},0.{n},measured\n"
        for n in range(8)
    )
    return (
        b"".join(interchange(series, made_at=made, reference="R1")),
        b"".join(interchange([*series[:2], newer], made_at=made, reference="R2")),
        ",".join(csvfile.INTERVAL_HEADER).encode() + b"\n" + lines.encode(),
    )


def _csv_stands(one: Observation, data: bytes) -> bool:
    return judge.number_stands(one, data.replace(b",", b" "), 10**6) and judge.iso_time_stands(one, data)

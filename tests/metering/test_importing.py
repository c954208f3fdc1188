"""Files of a metering operator into journals: by metering point, newest message first, kept as received, erased."""

import errno
import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lindenstrom.core.calendar import month_of
from lindenstrom.core.packs import Status
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.errors import DiskFull, PositionNeeded, ReadingsErased, SeveralMeters, SourceError
from lindenstrom.metering.formats.detect import DamagedArchive, UnknownFormat
from lindenstrom.metering.importing import ImportReport
from lindenstrom.metering.intervals import pack_values
from lindenstrom.metering.journal import Journal, Kind, read_journal
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.metering.writers.mscons import EXPORT_OBIS, IMPORT_OBIS, Series, interchange
from metering import folders
from metering.folders import COMMUNITY, DAY, KEY, NOW, ZONE, FileChain, interval_file, operator_setup
from metering.test_erasing import LATER, MONTH
from metering.test_mscons import SAMPLES
from metering.test_taf7 import document, reading

FIRST, COUNT = ZONE.first_slot(DAY), ZONE.slot_count(DAY)
MADE = ZONE.window_end(DAY) + 3600


def series(
    values: Sequence[int],
    obis: str = IMPORT_OBIS,
    point: str = "DE00000",
    made_at: int = MADE,
    first: int = FIRST,
    status: Sequence[Status] = (),
) -> Series:
    return Series(metering_point=point, obis=obis, first_slot=first, values_mwh=values, made_at=made_at, status=status)


def mscons(path: Path, *parts: Series) -> Path:
    path.write_bytes(b"".join(interchange(parts, made_at=MADE, reference=path.stem)))
    return path


def operator(folder: Path, count: int = 2, on_step: Callable[[str], None] = lambda _: None) -> Adapter:
    return Adapter.create(folder / "operator", operator_setup(count), random=folders.randomness, on_step=on_step)


def built(adapter: Adapter, position: int = 0) -> tuple[tuple[int, ...], tuple[int, ...], set[Status]]:
    report = adapter.build(DAY, now=NOW)
    assert report.entry, report.gaps
    values = pack_values(adapter.outbox.packs(DAY, report.entry.revision)[position])
    return values.import_mwh, values.export_mwh, set(values.status)


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.added, report.late, report.outside, report.unknown, report.older


def test_both_directions_meet_in_one_quarter_hour(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    drawn, fed = tuple(range(COUNT)), tuple(range(0, 2 * COUNT, 2))
    path = mscons(tmp_path / "a", series(drawn), series(fed, EXPORT_OBIS), series(drawn, point="DE99999"))
    assert counts(adapter.import_file(path, now=NOW)) == (COUNT, 0, 0, 1, 0)
    assert counts(adapter.import_file(path, now=NOW + 9)) == (0, 0, 0, 1, 0)
    assert built(adapter) == (drawn, fed, {Status.MEASURED})


def test_a_direction_that_comes_later_does_not_zero_the_other(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    adapter.import_file(mscons(tmp_path / "fed", series([7] * COUNT, EXPORT_OBIS)), now=NOW)
    adapter.import_file(mscons(tmp_path / "drawn", series([5] * COUNT)), now=NOW)
    assert built(adapter)[:2] == ((5,) * COUNT, (7,) * COUNT)


def test_a_day_waits_for_the_direction_that_the_meter_has(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    before = mscons(tmp_path / "b", series([1], first=FIRST - 96), series([1], EXPORT_OBIS, first=FIRST - 96))
    adapter.import_file(before, now=NOW)
    adapter.import_file(mscons(tmp_path / "drawn", series([5] * COUNT)), now=NOW)
    report = adapter.build(DAY, now=NOW)
    assert (report.entry, len(report.gaps)) == (None, 1)
    partial = adapter.build(DAY, now=NOW, partial=True)
    assert partial.entry
    values = pack_values(adapter.outbox.packs(DAY)[0])
    assert (values.import_mwh[0], values.export_mwh[0], set(values.status)) == (5, 0, {Status.PROVISIONAL})


def test_the_month_before_tells_of_the_other_direction(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    first = ZONE.first_slot(DAY - 60)
    adapter.import_file(
        mscons(tmp_path / "b", series([1], first=first), series([1], EXPORT_OBIS, first=first)), now=NOW
    )
    adapter.import_file(mscons(tmp_path / "drawn", series([5] * COUNT)), now=NOW)
    assert adapter.build(DAY, now=NOW).entry is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_message_counts_in_whatever_order_files_come(tmp_path: Path, order: tuple[int, int]) -> None:
    adapter = operator(tmp_path, 1)
    files = [
        mscons(tmp_path / "old", series([1] * COUNT)),
        mscons(tmp_path / "new", series([2] * 4, made_at=MADE + 60, status=[Status.ESTIMATED] * 4)),
    ]
    reports = [adapter.import_file(files[at], now=NOW) for at in order]
    assert reports[1].older == (4 if order == (1, 0) else 0)
    assert built(adapter) == ((2,) * 4 + (1,) * (COUNT - 4), (0,) * COUNT, {Status.MEASURED, Status.ESTIMATED})


def test_a_confirmed_value_is_not_undone_by_an_older_message(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    for name, value, made_at in (("a", 1, MADE), ("c", 1, MADE + 120), ("b", 2, MADE + 60)):
        adapter.import_file(mscons(tmp_path / name, series([value] * COUNT, made_at=made_at)), now=NOW)
    assert built(adapter)[0] == (1,) * COUNT


def test_after_the_day_is_built_it_becomes_a_correction(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    adapter.import_file(mscons(tmp_path / "a", series([1] * COUNT)), now=NOW)
    chain = FileChain(tmp_path / "chain")
    adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
    newer = mscons(tmp_path / "b", series([9], made_at=MADE + 60))
    assert counts(adapter.import_file(newer, now=NOW)) == (0, 1, 0, 0, 0)
    assert adapter.correctable() == (DAY,)
    report = adapter.correct(DAY)
    assert report.entry
    assert report.entry.revision == 1
    assert pack_values(adapter.outbox.packs(DAY, 1)[0]).import_mwh[:2] == (9, 1)
    assert counts(adapter.import_file(newer, now=NOW)) == (0, 0, 0, 0, 0)


def test_a_message_takes_values_back(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    adapter.import_file(mscons(tmp_path / "a", series([1] * COUNT)), now=NOW)
    back = mscons(tmp_path / "b", series([1] * 3, made_at=MADE + 60))
    back.write_bytes(back.read_bytes().replace(b"+9'DTM+137", b"+1'DTM+137"))
    report = adapter.import_file(back, now=NOW)
    assert (report.added, report.unfit) == (3, {"withdrawn": 3})
    assert "(3)" in adapter.build(DAY, now=NOW).gaps[0].reason
    adapter.import_file(mscons(tmp_path / "c", series([4] * 3, made_at=MADE + 90)), now=NOW)
    assert built(adapter)[0][:4] == (4, 4, 4, 1)


def test_what_is_unfit_is_counted_and_the_rest_taken(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    path = mscons(tmp_path / "a", series([1, 2, 0], status=[Status.MEASURED, Status.MEASURED, Status.MISSING]))
    data = path.read_bytes()
    path.write_bytes(
        data.replace(b"UNT+", data[data.index(b"LIN+") : data.index(b"UNT")].replace(b"1.29", b"5.29") + b"UNT+")
    )
    report = adapter.import_file(path, now=NOW)
    assert (report.added, report.unfit) == (2, {"invalid-status": 1, "not-active-energy": 3})


def test_days_without_the_meter_and_erased_months_are_left_out(tmp_path: Path) -> None:
    setup = operator_setup(1)
    meter = MeterSetup(
        position=0, meter=folders.meter(0), source=Source.INTERVALS, metering_point="DE00000", from_day=DAY
    )
    one = ReaderSetup(community=COMMUNITY, reader=0, depth=12, zone=setup.zone, meters=(meter,))
    adapter = Adapter.create(tmp_path / "operator", one, random=folders.randomness)
    path = mscons(tmp_path / "a", series([1] * (COUNT + 8), first=FIRST - 8))
    assert counts(adapter.import_file(path, now=NOW)) == (COUNT, 0, 8, 0, 0)
    chain = FileChain(tmp_path / "chain")
    adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
    adapter.erase(MONTH, now=LATER)
    assert counts(adapter.import_file(path, now=NOW)) == (0, 0, COUNT + 8, 0, 0)
    assert list((tmp_path / "operator" / "received").iterdir()) == []


def test_the_file_is_kept_once_and_goes_with_its_months(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    path = mscons(tmp_path / "DE00000.txt", series([1] * COUNT), series([3], point="DE55555"))
    for now in (NOW, NOW + 5):
        adapter.import_file(path, now=now)
    kept, note = sorted((tmp_path / "operator" / "received").iterdir())
    assert gzip.decompress(kept.read_bytes()) == path.read_bytes()
    assert json.loads(note.read_text()) == {"received_ms": NOW * 1000, "months": ["2026-10"]}
    assert "DE00000" not in kept.name
    assert adapter.months() == {MONTH} == {month_of(DAY)}
    adapter.build(DAY - 5, now=NOW)
    adapter.erase(MONTH, now=LATER)
    assert not kept.exists()
    assert not note.exists()
    assert adapter.months() == set()


class Cut(Exception):
    """The power fails."""


@pytest.mark.parametrize("at", ["keep file", "journal profiles", "journal profiles 2", "note months", "torn"])
def test_cut_off_at_any_step_and_done_again(tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mscons(tmp_path / "a", series([1] * COUNT), series([2] * COUNT, point="DE00001"))
    seen: list[str] = []

    def on_step(step: str) -> None:
        seen.append(step)
        if at in (step, f"{step} {seen.count(step)}") and not (at[-1].isdigit() and seen.count(step) == 1):
            raise Cut

    def torn(self: Journal, records: object) -> None:
        raise Cut

    adapter = operator(tmp_path, 2, on_step)
    with monkeypatch.context() as patch:
        if at == "torn":
            patch.setattr(Journal, "append", torn)
        with pytest.raises(Cut):
            adapter.import_file(path, now=NOW)
    again = Adapter(tmp_path / "operator", random=folders.randomness)
    again.import_file(path, now=NOW + 60)
    assert built(again, 1)[0] == (2,) * COUNT
    assert built(again, 0)[0] == (1,) * COUNT
    assert len(list((tmp_path / "operator" / "received").glob("*.gz"))) == 1


def test_a_cut_between_correction_and_journal_loses_no_correction(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    adapter.import_file(mscons(tmp_path / "a", series([1] * COUNT)), now=NOW)
    chain = FileChain(tmp_path / "chain")
    adapter.process(DAY, now=NOW, key=KEY, mailbox_folder=tmp_path / "mail", anchorer=chain)
    newer = mscons(tmp_path / "b", series([9], made_at=MADE + 60))

    def on_step(step: str) -> None:
        if step == "note months":
            raise Cut

    with pytest.raises(Cut):
        Adapter(tmp_path / "operator", random=folders.randomness, on_step=on_step).import_file(newer, now=NOW)
    again = Adapter(tmp_path / "operator", random=folders.randomness)
    assert again.correctable() == (DAY,)
    assert counts(again.import_file(newer, now=NOW)) == (0, 0, 0, 0, 0)
    assert again.correctable() == (DAY,)


def test_a_file_left_without_its_months_is_erased_too(tmp_path: Path) -> None:
    def on_step(step: str) -> None:
        if step == "note months":
            raise Cut

    adapter = operator(tmp_path, 1, on_step)
    path = mscons(tmp_path / "a", series([1] * COUNT))
    with pytest.raises(Cut):
        adapter.import_file(path, now=NOW)
    again = Adapter(tmp_path / "operator", random=folders.randomness)
    again.erase(month_of(DAY - 40), now=LATER)
    assert list((tmp_path / "operator" / "received").glob("*.gz"))
    again.erase(MONTH, now=LATER)
    assert not list((tmp_path / "operator" / "received").iterdir())


def test_the_own_interval_form_and_packed_files(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 2)
    path = interval_file(tmp_path / "v.csv", adapter.setup, [DAY])
    assert adapter.import_file(path, now=NOW).added == 2 * COUNT
    assert adapter.import_file(path, now=NOW).added == 0
    other = operator(tmp_path / "other", 1)
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(mscons(tmp_path / "a", series([1] * COUNT)).read_bytes()))
    assert other.import_file(packed, now=NOW).added == COUNT
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(DamagedArchive):
        other.import_file(packed, now=NOW)


def test_what_cannot_be_read_is_refused_and_not_kept(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(UnknownFormat):
        adapter.import_file(path, now=NOW)
    path.write_text('<UsagePoints xmlns="http://vde.de/AR_2418-6.xsd"/>')
    with pytest.raises(UnknownFormat):
        adapter.import_file(path, now=NOW)
    assert not list((tmp_path / "operator").glob("received/*"))


def registers(folder: Path) -> Adapter:
    meter = MeterSetup(position=5, meter=folders.meter(5), source=Source.REGISTERS)
    setup = ReaderSetup(community=COMMUNITY, reader=3, depth=12, zone=ZONE, meters=(meter,))
    return Adapter.create(folder / "home", setup, random=folders.randomness)


def test_registers_of_a_gateway_go_to_a_position(tmp_path: Path) -> None:
    adapter = registers(tmp_path)
    path = tmp_path / "taf7.xml"
    path.write_bytes(document(reading(1), reading(2, "2026-10-01T00:30:00Z", "<statusPTB>2</statusPTB>")))
    with pytest.raises(PositionNeeded):
        adapter.import_file(path, now=NOW)
    assert not list((tmp_path / "home").glob("received/*"))
    assert adapter.import_file(path, now=NOW, position=5).added == 2
    assert adapter.import_file(path, now=NOW, position=5).added == 0
    journals = (tmp_path / "home" / "journals").rglob("2026-*.csv")
    assert {record.kind for journal in journals for record in read_journal(journal)} == {Kind.READING}
    adapter.erase(MONTH, now=LATER)
    with pytest.raises(ReadingsErased):
        adapter.import_file(path, now=NOW, position=5)
    assert not list((tmp_path / "home").glob("received/*"))


def test_of_several_meters_one_is_named(tmp_path: Path) -> None:
    adapter = registers(tmp_path)
    text = document(reading(1)).decode()
    other = text[text.index("<MeterReading>") : text.index("</UsagePoint>")].replace("M1", "M2")
    path = tmp_path / "taf7.xml"
    path.write_text(text.replace("</UsagePoint>", other + "</UsagePoint>"))
    with pytest.raises(SeveralMeters):
        adapter.import_file(path, now=NOW, position=5)
    assert adapter.import_file(path, now=NOW, position=5, device="M2").added == 1
    with pytest.raises(SourceError):
        adapter.import_file(mscons(tmp_path / "a", series([1])), now=NOW, position=5)


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = mscons(tmp_path / "a", series([1] * COUNT))
    operator(tmp_path, 1).import_file(path, now=NOW, progress=lambda done, size: seen.append((done, size)))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_a_full_disk_is_told_and_the_import_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = operator(tmp_path, 1)
    path = mscons(tmp_path / "a", series([1] * COUNT))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr("lindenstrom.metering.received.os.fsync", full)
        with pytest.raises(DiskFull):
            adapter.import_file(path, now=NOW)
    assert not list((tmp_path / "operator" / "received").glob("*.part"))
    assert adapter.import_file(path, now=NOW).added == COUNT


def test_a_file_taken_once_stays_when_it_is_offered_wrongly_later(tmp_path: Path) -> None:
    adapter = registers(tmp_path)
    path = tmp_path / "taf7.xml"
    path.write_bytes(document(reading(1)))
    adapter.import_file(path, now=NOW, position=5)
    with pytest.raises(PositionNeeded):
        adapter.import_file(path, now=NOW)
    assert len(list((tmp_path / "home" / "received").iterdir())) == 2


def test_two_products_for_one_direction_contradict_each_other(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    path = mscons(tmp_path / "a", series([1, 2]), series([1, 3], "1-1:1.9.0"))
    report = adapter.import_file(path, now=NOW)
    assert (report.added, report.unfit) == (1, {"conflicting-values": 2})
    newer = mscons(tmp_path / "b", series([1, 3], "1-1:1.9.0", made_at=MADE + 60))
    assert adapter.import_file(newer, now=NOW).added == 1


def test_times_that_no_meter_has_are_unfit(tmp_path: Path) -> None:
    adapter = registers(tmp_path)
    path = tmp_path / "taf7.xml"
    path.write_bytes(document(reading(1, "9999-12-31T23:45:00Z"), reading(2, "2026-10-01T12:00:00Z")))
    report = adapter.import_file(path, now=NOW, position=5)
    assert (report.added, report.unfit) == (1, {"bad-time": 1})


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the captures of ../shared/samples are not here")
def test_a_real_delivery_twice_is_one(tmp_path: Path) -> None:
    adapter = operator(tmp_path, 1)
    reports = [
        adapter.import_file(SAMPLES / f"MSCONS_TL_SAMPLE0{number}.txt", now=NOW, position=0) for number in (1, 2)
    ]
    assert [report.added for report in reports] == [2899, 0]
    assert reports[0].unfit == reports[1].unfit == {"not-quarter-hourly": 70, "conflicting-values": 7}
    assert len(list((tmp_path / "operator" / "received").glob("*.gz"))) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_files_twice_over_ends_at_the_newest_values(tmp_path: Path, seed: int) -> None:
    adapter = operator(tmp_path, 2)
    chance = random.Random(seed)
    files: list[Path] = []
    newest: dict[tuple[int, str], tuple[int, ...]] = {}
    for revision in range(4):
        parts = []
        for position in range(2):
            for obis in (IMPORT_OBIS, EXPORT_OBIS):
                if revision == 0 or chance.random() < 0.6:
                    values = newest[position, obis] = tuple(chance.randrange(10**6) for _ in range(COUNT))
                    parts.append(series(values, obis, f"DE{position:05}", MADE + 60 * revision))
        files.append(mscons(tmp_path / f"r{revision}", *parts))
    order = [path for path in files * 2 if path.stat().st_size > 200]
    chance.shuffle(order)
    for path in order:
        adapter.import_file(path, now=NOW)
    for position in range(2):
        drawn, fed, _ = built(adapter, position)
        assert (drawn, fed) == (newest[position, IMPORT_OBIS], newest[position, EXPORT_OBIS])

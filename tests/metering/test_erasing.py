"""Erasing a month at a reader (R9): readings, packs and key are gone, what was anchored stays on record."""

from pathlib import Path

import pytest

from lindenstrom.core.calendar import CORRECTION_PERIOD_S, month_of, windows_of
from lindenstrom.core.packs import Registers, decode_pack
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.errors import ReadingsErased, ReadingsStillNeeded
from lindenstrom.metering.intervals import DeclaredBreak
from metering import folders
from metering.folders import DAY, KEY, NOW, ZONE, FileChain, home_setup, interval_file, operator_setup

MONTH = month_of(DAY)
LATER = ZONE.window_end(windows_of(MONTH)[-1]) + CORRECTION_PERIOD_S + 1


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def processed(folder: Path, adapter: Adapter, window: int = DAY) -> Adapter:
    chain, mail = FileChain(folder / "chain"), folder / "mail"
    assert adapter.process(window, now=NOW, key=KEY, mailbox_folder=mail, anchorer=chain, partial=True).entry
    return adapter


def home(folder: Path) -> Adapter:
    adapter = Adapter.create(folder / "home", home_setup(), random=folders.randomness)
    adapter.import_sml(5, folders.telegrams())
    return processed(folder, adapter)


def needles(adapter: Adapter) -> list[bytes]:
    found = [folders.randomness(32), *(data for _, data in folders.telegrams())]
    for pack in adapter.outbox.packs(DAY).values():
        values = pack[-8 * ZONE.slot_count(DAY) :]
        found += [pack, decode_pack(pack).salt, values, values[80:96], pack[104:120]]
    return found


def test_nothing_of_the_month_is_left(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    gone, entry = needles(adapter), adapter.outbox.entry(DAY)
    assert all(needle in contents(tmp_path / "home") for needle in gone)
    for now in (NOW, LATER - 2):
        with pytest.raises(ReadingsStillNeeded):
            adapter.erase(MONTH, now=now)
    assert adapter.months() == {MONTH}
    adapter.erase(MONTH, now=LATER)
    left = contents(tmp_path / "home")
    assert not any(needle in left for needle in gone)
    assert adapter.months() == set()
    assert adapter.outbox.erasures() == {MONTH: (LATER, LATER)}
    assert adapter.outbox.entry(DAY) == entry
    with pytest.raises(ReadingsErased):
        adapter.erase(MONTH, now=LATER)


def test_an_erased_month_takes_nothing_any_more(tmp_path: Path) -> None:
    adapter = home(tmp_path)
    adapter.erase(MONTH, now=LATER)
    with pytest.raises(ReadingsErased):
        adapter.import_sml(5, folders.telegrams())
    with pytest.raises(ReadingsErased):
        adapter.deliver(DAY, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_intervals_go_and_the_register_stand_stays(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "operator", operator_setup(3), random=folders.randomness)
    path = interval_file(tmp_path / "day.csv", adapter.setup, [DAY])
    adapter.import_intervals(path)
    processed(tmp_path, adapter)
    stand = adapter.outbox.boundaries(folders.meter(1))
    adapter.erase(MONTH, now=LATER)
    assert adapter.outbox.boundaries(folders.meter(1)) == {max(stand): stand[max(stand)]}
    report = adapter.import_intervals(path)
    assert (report.added, report.outside) == (0, 3 * ZONE.slot_count(DAY))


def test_breaks_of_other_months_stay(tmp_path: Path) -> None:
    adapter = Adapter.create(tmp_path / "home", home_setup(), random=folders.randomness)
    old, new = (Registers(import_mwh=n, export_mwh=0) for n in (10**9, 0))
    for window in (DAY, DAY + 30):
        declared = DeclaredBreak(time_ms=ZONE.window_start(window) * 1000, old_end=old, new_start=new)
        adapter.declare_break(5, declared)
    adapter.erase(MONTH, now=LATER)
    shelf = adapter.shelf(adapter.setup.meters[0])
    (left,) = shelf.timeline(0, 2**60).breaks
    assert left.time_ms == ZONE.window_start(DAY + 30) * 1000


class Cut(Exception):
    """The power fails."""


@pytest.mark.parametrize("step", ["erase key", "erase journals", "erase outbox"])
def test_cut_off_at_any_step(tmp_path: Path, step: str) -> None:
    gone = needles(home(tmp_path))

    def on_step(begun: str) -> None:
        if begun == step:
            raise Cut

    adapter = Adapter(tmp_path / "home", random=folders.randomness, on_step=on_step)
    with pytest.raises(Cut):
        adapter.erase(MONTH, now=LATER)
    again = Adapter(tmp_path / "home", random=folders.randomness)
    assert again.months() == {MONTH}
    again.erase(MONTH, now=LATER + 5)
    left = contents(tmp_path / "home")
    assert not any(needle in left for needle in gone)
    assert again.outbox.erasures() == {MONTH: (LATER, LATER + 5)}

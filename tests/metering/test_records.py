"""Journal records of every source: what goes in comes out, and each kind has its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lindenstrom.metering import timeline
from lindenstrom.metering.errors import FolderError
from lindenstrom.metering.journal import Kind, read_journal
from lindenstrom.metering.setup import SETUP_NAME, MeterSetup, ReaderSetup, Source, read_setup, write_setup
from lindenstrom.metering.shelf import Shelf
from metering import folders

NOON = 1_792_800_000_000


@given(topic=st.text(max_size=40), payload=st.binary(max_size=60))
def test_message_comes_out_as_it_went_in(topic: str, payload: bytes) -> None:
    record = timeline.message_record(NOON, topic, payload)
    assert timeline.message_of(record) == (topic, payload)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Kind.SML, "2026-10-24.sml"), (Kind.DSMR, "2026-10-24.dsmr"), (Kind.MQTT, "2026-10-24.mqtt")],
)
def test_each_stream_has_a_file_a_day(tmp_path: Path, kind: Kind, name: str) -> None:
    shelf = Shelf(folder=tmp_path, position=0)
    record = timeline.stream_record(kind, NOON, b"abc")
    with shelf.open_stream(kind, NOON) as journal:
        journal.append([record])
    assert read_journal(tmp_path / name) == (record,)
    assert shelf.months() == {"2026-10"}
    shelf.erase("2026-10")
    assert not (tmp_path / name).exists()


def setup(**fields: object) -> ReaderSetup:
    meter = MeterSetup(position=1, meter=folders.meter(1), **fields)  # type: ignore[arg-type]
    return ReaderSetup(community=folders.COMMUNITY, reader=0, depth=4, zone=folders.ZONE, meters=(meter,))


def test_a_setup_written_before_mappings_and_fuses_is_still_read(tmp_path: Path) -> None:
    write_setup(tmp_path, setup(source=Source.SML))
    path = tmp_path / SETUP_NAME
    content = json.loads(path.read_text())
    for row in content["meters"]:
        del row["mapping"], row["fuse_a"]
    path.write_text(json.dumps(content))
    assert read_setup(tmp_path) == setup(source=Source.SML)


def test_mapping_and_fuse_are_kept_and_may_change(tmp_path: Path) -> None:
    first = setup(source=Source.MQTT, mapping='{"import":"a"}', fuse_a=35)
    write_setup(tmp_path, first)
    assert read_setup(tmp_path) == first
    second = setup(source=Source.MQTT, mapping='{"import":"b"}', fuse_a=0)
    write_setup(tmp_path, second)
    assert read_setup(tmp_path) == second
    assert (first.meters[0].limit_w, second.meters[0].limit_w) == (33_206, 0)


@pytest.mark.parametrize(
    "fields",
    [{"source": Source.MQTT}, {"source": Source.SML, "mapping": "{}"}, {"source": Source.SML, "fuse_a": -1}],
)
def test_unfit_setups_are_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(FolderError):
        write_setup(tmp_path, setup(**fields))

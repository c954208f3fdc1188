"""Parquet files and frames of research data: exact or refused, by the same layouts as CSV."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lindenstrom.core.packs import Status
from lindenstrom.metering.formats import table
from lindenstrom.metering.formats.detect import detect
from lindenstrom.metering.layout import parse_layout
from lindenstrom.metering.observation import Observation, Problem, time_text

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
parquet = pytest.importorskip("pyarrow.parquet")

START = datetime(2026, 6, 2, 22, tzinfo=UTC)
STAMPS = [START + timedelta(minutes=15 * n) for n in range(4)]


def stored(columns: dict[str, Any], **how: Any) -> bytes:
    """A Parquet file of these columns."""
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out, **how)
    return out.getvalue()


def long(values: Any, stamps: Any = STAMPS) -> dict[str, Any]:
    """Columns as in the project's own form."""
    return {
        "metering_point": ["DE1"] * 4,
        "slot_start": stamps,
        "import_kwh": values,
        "export_kwh": [0.0] * 4,
        "status": ["measured", "estimated", "provisional", "missing"],
    }


def read(data: bytes) -> list[Observation]:
    return list(table.observations(io.BytesIO(data)))


@pytest.mark.parametrize(
    "values",
    [
        [0.125, 0.1 + 0.2, 1.5, 0.0],
        [Decimal("0.125"), Decimal("0.300"), Decimal("1.500"), Decimal("0.000")],
        pa.array([0.125, 0.3, 1.5, 0.0], pa.float32()),
        ["0.125", "0.3", "1.5", "0"],
    ],
)
def test_the_own_form(values: Any) -> None:
    data = stored(long(values))
    found = detect(data)
    assert found is not None
    assert found.NAME == "parquet"
    drawn = [o for o in read(data) if o.obis == "1-0:1.29.0"]
    assert [o.energy_mwh for o in drawn] == [125_000, 300_000, 1_500_000, 0]
    assert [o.status for o in drawn] == [Status.MEASURED, Status.ESTIMATED, Status.PROVISIONAL, Status.MISSING]
    assert [o.time_ms for o in drawn] == [int(stamp.timestamp()) * 1000 for stamp in STAMPS]
    assert {(o.meter, o.problem, o.span_s) for o in drawn} == {("DE1", None, 900)}
    assert [o.position for o in drawn] == [0, 1, 2, 3]


@pytest.mark.parametrize("value", [0.12345, 1e-9, -0.5, float("inf"), 1e300, 4295.0])
def test_what_is_not_exact_is_refused(value: float) -> None:
    drawn = [o for o in read(stored(long([value, 0.0, 0.0, 0.0]))) if o.obis == "1-0:1.29.0"]
    assert [o.problem for o in drawn] == [Problem.BAD_VALUE, None, None, None]
    assert drawn[0].energy_mwh is None


def test_zones() -> None:
    local = pd.date_range("2026-06-03", periods=4, freq="15min", tz="Europe/Berlin")
    assert [o.time_ms for o in read(stored(long([0.0] * 4, pa.array(local))))][::2] == [
        int(stamp.timestamp()) * 1000 for stamp in STAMPS
    ]
    naive = [stamp.replace(tzinfo=None) for stamp in STAMPS]
    assert {o.problem for o in read(stored(long([0.0] * 4, naive)))} == {Problem.BAD_TIME}


WIDE = """
[file]
header = ["t"]
[time]
begin = "t"
format = "%Y-%m-%d %H:%M"
zone = "Europe/Berlin"
[[value]]
pattern = "^house(?P<meter>\\\\d+)$"
obis = "1-0:1.29.0"
unit = "kW"
resolution = 2
"""


def test_a_wide_frame_with_local_times_and_gaps() -> None:
    index = pd.date_range("2026-03-29 01:30", periods=4, freq="15min").rename("t")
    frame = pd.DataFrame({"house1": [0.5, 0.25, 0.0, 1.0], "house2": [1.0, float("nan"), 0.0, 2.0], "x": "y"}, index)
    found = list(table.observations_from_frame(frame, parse_layout("wide", WIDE)))
    # the third and fourth lines lie in the hour that the day lacks
    assert [(o.meter, o.energy_mwh, o.problem) for o in found] == [
        ("1", 125_000, None), ("2", 250_000, None), ("1", 62_500, None), ("1", 250_000, Problem.BAD_TIME),
        ("2", 500_000, Problem.BAD_TIME),
    ]  # fmt: skip
    assert time_text(found[0].time_ms or 0) == "2026-03-29T00:30:00Z"


def test_a_frame_by_the_name_of_a_layout() -> None:
    frame = pd.DataFrame({"time": STAMPS, "import_kwh": [1.0, 1.5, 2.0, 2.5], "export_kwh": 0})
    found = list(table.observations_from_frame(frame, "lindenstrom-registers"))
    assert [o.energy_mwh for o in found if o.obis == "1-0:1.8.0"] == [10**6, 1_500_000, 2 * 10**6, 2_500_000]
    assert {(o.span_s, o.problem) for o in found} == {(0, None)}


def test_hours_are_named() -> None:
    stamps = [START + timedelta(hours=n) for n in range(4)]
    assert {(o.problem, o.span_s) for o in read(stored(long([0.0] * 4, stamps)))} == {
        (Problem.NOT_QUARTER_HOURLY, 3600)
    }


def test_columns_that_no_layout_fits_are_named() -> None:
    (said,) = read(stored({"when": STAMPS, "load": [1.0] * 4}))
    assert (said.problem, "when, load" in said.detail) == (Problem.NO_READINGS, True)
    (said,) = table.TableReader(parse_layout("wide", WIDE)).observations(io.BytesIO(stored({"t": [1], "y": [2]})))
    assert said.problem is Problem.NO_READINGS


class Pipe(io.RawIOBase):
    """A stream that cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)


def test_a_pipe_is_read_too() -> None:
    assert len(list(table.observations(Pipe(stored(long([0.0] * 4)))))) == 8  # type: ignore[arg-type]


def test_damage_is_named() -> None:
    data = stored(long([0.0] * 4))
    for damaged in (data[:-40], data[:4], data[: len(data) // 2] + data[len(data) // 2 + 1 :]):
        assert [o.problem for o in read(damaged)][-1] is Problem.DAMAGED_FRAME


def test_memory_is_of_a_row_group_not_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS_AT_ONCE", 50)
    stamps = [START + timedelta(minutes=15 * n) for n in range(1000)]
    columns = {
        "metering_point": ["DE1"] * 1000, "slot_start": stamps, "import_kwh": [0.25] * 1000,
        "export_kwh": [0.0] * 1000, "status": ["measured"] * 1000,
    }  # fmt: skip
    stream = io.BytesIO(stored(columns, row_group_size=100))
    rows = table.observations(stream)
    first = next(rows)
    assert first.energy_mwh == 250_000
    assert sum(1 for _ in rows) == 1999

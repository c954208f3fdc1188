"""Parquet files and pandas frames of research data, by a layout; row group by row group.

Numbers in floating point become whole mWh only where they are exact at the resolution that the layout states: a value
that is not is refused, never rounded. Times must be aware of their zone, or the layout names one.

    from lindenstrom.metering.formats.table import observations_from_frame
    observations = observations_from_frame(frame, "lindenstrom-intervals")
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from lindenstrom.errors import UsageError
from lindenstrom.metering.formats.rows import LOOKED_AHEAD, Bound, RowReader, Unbound, bind, shown, usual_step
from lindenstrom.metering.layout import Layout, find_layout, ready_made
from lindenstrom.metering.localtime import time_parser
from lindenstrom.metering.observation import Observation, Problem

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NAME = "parquet"
MARK = b"PAR1"
ROWS_AT_ONCE = 8192
NOT_EXACT = "not exact"
"""Stands for a number that is not exact at its resolution: text that no number has."""
DOUBLE_TOLERANCE, SINGLE_TOLERANCE = 1e-12, 2.0**-21


class ExtraMissing(UsageError):
    """A library that an optional part needs is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed; install it with: pip install 'lindenstrom[{extra}]'")


def recognises(head: bytes) -> bool:
    """Whether the bytes begin a Parquet file."""
    return head.startswith(MARK)


def observations(stream: BinaryIO) -> Iterator[Observation]:
    """Read a Parquet file by the ready-made layout that its columns fit. Raises ExtraMissing without pyarrow."""
    yield from _file(stream, None)


class TableReader:
    """Reads Parquet files by one layout."""

    NAME = NAME

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def recognises(self, head: bytes) -> bool:
        """Whether the bytes begin a Parquet file."""
        return recognises(head)

    def observations(self, stream: BinaryIO) -> Iterator[Observation]:
        """Read a file. Raises ExtraMissing without pyarrow."""
        yield from _file(stream, self._layout)


def observations_from_frame(frame: pd.DataFrame, layout: Layout | str) -> Iterator[Observation]:
    """Yield what a pandas frame says, laid out as `layout` (its name, or one that was parsed) describes.

    A named index counts as a column. `position` of an observation is the row's number from 0. Raises NoSuchLayout,
    LayoutError, ExtraMissing; whatever the values are, it does not raise.
    """
    arrow = _arrow()
    chosen = find_layout(layout) if isinstance(layout, str) else layout
    whole = frame.reset_index() if any(name is not None for name in frame.index.names) else frame
    table = arrow.Table.from_pandas(whole, preserve_index=False)
    yield from _rows(chosen, table.schema, iter(table.to_batches(max_chunksize=ROWS_AT_ONCE)))


def _file(stream: BinaryIO, layout: Layout | None) -> Iterator[Observation]:
    arrow = _arrow()
    import pyarrow.parquet as parquet

    with tempfile.TemporaryFile() as spool:
        whole = stream
        if not stream.seekable():
            shutil.copyfileobj(stream, spool)
            spool.seek(0)
            whole = cast("BinaryIO", spool)
        try:
            file = parquet.ParquetFile(whole)
            chosen = layout or _fitting(file.schema_arrow.names)
            if chosen is None:
                names = shown(file.schema_arrow.names, ", ")
                detail = f"no ready-made layout fits the columns {names}: write one, and name it with --layout"
                yield Observation(format=NAME, position=0, problem=Problem.NO_READINGS, detail=detail)
                return
            yield from _rows(chosen, file.schema_arrow, file.iter_batches(batch_size=ROWS_AT_ONCE))
        except (arrow.ArrowException, OSError, ValueError, TypeError, LookupError, MemoryError) as error:
            # a damaged file lets the library stumble in many ways
            detail = f"damaged: {type(error).__name__}"
            yield Observation(format=NAME, position=0, problem=Problem.DAMAGED_FRAME, detail=detail)


def _fitting(names: Sequence[str]) -> Layout | None:
    found = [layout for layout in ready_made() if layout.header and _is_bound(layout, names)]
    best = [one for one in found if not any(set(one.header) < set(other.header) for other in found if other is not one)]
    return best[0] if len(best) == 1 else None


def _is_bound(layout: Layout, names: Sequence[str]) -> bool:
    try:
        bind(layout, names)
    except Unbound:
        return False
    return True


def _rows(layout: Layout, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[Observation]:
    try:
        bound = bind(_typed(layout, schema), schema.names)
    except Unbound:
        detail = "a column that the layout names is absent"
        yield Observation(format=NAME, position=0, problem=Problem.NO_READINGS, detail=detail)
        return
    places = {cell.index: cell.value.resolution for cell in bound.cells}
    single = {index for index, field in enumerate(schema) if str(field.type) in {"float", "halffloat"}}
    rows = (row for batch in batches for row in _texts(batch, bound, places, single))
    ahead = list(islice(rows, LOOKED_AHEAD))
    reader = RowReader(bound, NAME, usual_step(bound, ahead))
    for number, row in enumerate(chain(ahead, rows)):
        yield from reader.read(row, number, number + 1)


def _typed(layout: Layout, schema: pa.Schema) -> Layout:
    """Return the layout for values that are numbers and times already."""
    if layout.times is not None:
        column = (layout.times.begin or layout.times.end)[0]
        at = column - 1 if isinstance(column, int) else schema.get_field_index(column)
        kind = str(schema.field(at).type) if 0 <= at < len(schema) else ""
        if kind.startswith("timestamp"):
            aware = "tz=" in kind
            parse = time_parser("%Y-%m-%dT%H:%M:%S" + ("%z" if aware else ""))
            assert parse is not None
            zone = None if aware else layout.times.zone
            layout = replace(layout, times=replace(layout.times, parse=parse, zone=zone))
    return replace(layout, decimal=".", thousands="")


def _texts(batch: pa.RecordBatch, bound: Bound, places: dict[int, int], single: set[int]) -> Iterator[Sequence[str]]:
    wanted = {*places, *bound.begin, *bound.end}
    wanted |= {at for at in (bound.meter, bound.obis, bound.unit, bound.quality, bound.half) if at is not None}
    columns = [
        [_text(value, places.get(index), index in single) for value in _values(batch.column(index))]
        if index in wanted
        else [""] * batch.num_rows
        for index in range(batch.num_columns)
    ]
    return zip(*columns, strict=True)


def _values(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        # times finer than a microsecond, or beyond the calendar: one by one, what cannot be is empty
        return [_value(one) for one in column]


def _value(one: Any) -> Any:
    try:
        return one.as_py()
    except (ValueError, OverflowError):
        return NOT_EXACT


def _text(value: Any, places: int | None, single: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else _exact(value, places if places is not None else 0, single)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else NOT_EXACT
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def _exact(value: float, places: int, single: bool) -> str:
    """Return the decimal of `places` that the number stands for, if it stands for one."""
    if not math.isfinite(value) or abs(value) >= 1e15:
        return NOT_EXACT
    whole = round(value * 10**places)
    tolerance = SINGLE_TOLERANCE if single else DOUBLE_TOLERANCE
    if not math.isclose(value, whole / 10**places, rel_tol=tolerance, abs_tol=0.0):
        return NOT_EXACT
    return format(Decimal(whole).scaleb(-places), "f")


def _arrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise ExtraMissing("pyarrow", "research") from None
    return pa

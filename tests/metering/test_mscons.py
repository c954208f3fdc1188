"""MSCONS, read as it comes in the market: separators, marks, statuses, dates, corrections, counts, damage."""

import io
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydifact.parser import Parser

from lindenstrom.core.packs import Status
from lindenstrom.metering.edifact import Segments, Separators
from lindenstrom.metering.formats import mscons
from lindenstrom.metering.observation import Note, Observation, Problem
from lindenstrom.metering.writers.mscons import EXPORT_OBIS, IMPORT_OBIS, Series, interchange

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "mscons"
POINT = "DE0001234567800000000000000012345"
MADE = 1_790_000_000 // 900 * 900
SLOT = MADE // 900 - 96

HEAD = "UNB+UNOC:3+A:500+B:500+261101:0430+R1'UNH+1+MSCONS:D:04B:UN:2.4c'BGM+7+x+9'"
SERIES = f"DTM+137:202611010430?+00:303'RFF+Z13:13025'NAD+DP'LOC+172+{POINT}'LIN+1'PIA+5+1-1?:1.29.0:SRW'"
VALUE = "QTY+220:1.5'DTM+163:202610010000?+00:303'DTM+164:202610010015?+00:303'"


def read(data: bytes | str) -> list[Observation]:
    return list(mscons.observations(io.BytesIO(data.encode("latin-1") if isinstance(data, str) else data)))


def one(values: str, series: str = SERIES) -> Observation:
    (found,) = read(HEAD + series + values)[:1]
    return found


def made(*series: Series, **options: object) -> bytes:
    return b"".join(interchange(series, made_at=MADE, reference="R1", **options))  # type: ignore[arg-type]


def profile(
    values: Iterable[int] = (1000, 2_000_000, 0), obis: str = IMPORT_OBIS, made_at: int = MADE, **more: object
) -> Series:
    return Series(
        metering_point=POINT,
        obis=obis,
        first_slot=SLOT,
        values_mwh=tuple(values),
        made_at=made_at,
        **more,  # type: ignore[arg-type]
    )


def test_what_is_written_is_read() -> None:
    status = (Status.MEASURED, Status.ESTIMATED, Status.PROVISIONAL, Status.MISSING)
    data = made(profile((1, 1_234_567, 5_000, 0), status=status), profile(obis=EXPORT_OBIS))
    assert mscons.recognises(data)
    found = read(data)
    assert [o.energy_mwh for o in found] == [1, 1_234_567, 5_000, 0, 1000, 2_000_000, 0]
    assert [o.time_ms for o in found[:2]] == [SLOT * 900_000, (SLOT + 1) * 900_000]
    assert [o.status for o in found[:4]] == list(status)
    assert {(o.meter, o.span_s, o.issued_ms, o.notes) for o in found} == {(POINT, 900, MADE * 1000, ())}
    assert [o.obis for o in found] == ["1-1:1.29.0"] * 4 + ["1-1:2.29.0"] * 3
    assert [o.problem for o in found] == [None] * 3 + [Problem.INVALID_STATUS] + [None] * 3
    assert [data[o.position :][:4] for o in found] == [b"QTY+"] * 7


@pytest.mark.parametrize("options", [{"break_lines": True}, {"decimal_mark": ","}, {"check_id": "13018"}])
def test_forms_of_the_same(options: dict[str, object]) -> None:
    def shown(data: bytes) -> list[object]:
        return [(o.energy_mwh, o.time_ms, o.status, o.obis, o.meter) for o in read(data)]

    data = made(profile((1_500, 7)), **options)
    assert shown(data) == shown(made(profile((1_500, 7))))
    assert [data[o.position :][:3] for o in read(data)] == [b"QTY"] * 2
    assert shown(b"\xef\xbb\xbf\r\n" + data) == shown(data)


def test_other_separators_and_release() -> None:
    text = "UNA|*.! ~" + (HEAD + SERIES + VALUE).replace("?:", "#").translate(str.maketrans(":+?'", "|*!~"))
    (found,) = [o for o in read(text.replace("#", "|").replace("!*", "+")) if o.problem is None]
    assert (found.meter, found.energy_mwh, found.obis) == (POINT, 1_500_000, "1-1:1.29.0")
    assert Separators().elements(b"A+b?+c:d??+?'e") == [["A"], ["b+c", "d?"], ["'e"]]
    assert Separators.of_una(b"UNA:+.? '") == Separators()
    assert Separators.of_una(b"UNA++.? '") is None


def test_two_interchanges_in_one_file() -> None:
    first = made(profile((1,)))
    second = made(profile((2,), obis=EXPORT_OBIS)).replace(b"UNA:+.? '", b"UNA:+.? ~").replace(b"'", b"~")
    found = read(first + b"\r\n" + second.replace(b"UNA:+.? ~", b"UNA:+.? ~"))
    assert [(o.energy_mwh, o.problem, o.notes) for o in found] == [(1, None, ()), (2, None, ())]


@pytest.mark.parametrize(
    ("quantity", "energy", "resolution", "problem"),
    [
        ("220:1,25", 1_250_000, 10_000, None),
        ("220:.5:KWH", 500_000, 100_000, None),
        ("220:7.:KWH", 7_000_000, 1_000_000, None),
        ("220:12:WHR", 12_000, 1_000, None),
        ("220:0.00125:MWH", 1_250_000, 10_000, None),
        ("220:0.000001", 1, 1, None),
        ("220:0.0000010", 1, 1, None),
        ("220:0.0000011", 1, 1, Problem.BAD_VALUE),
        ("220:-0.5", None, None, Problem.BAD_VALUE),
        ("220:4294.967296", 4294967296, 1, Problem.BAD_VALUE),
        ("220:1.234,5", None, None, Problem.BAD_VALUE),
        ("220:", None, None, Problem.BAD_VALUE),
        ("220:1e3", None, None, Problem.BAD_VALUE),
        ("220:1:KWT", None, None, Problem.NOT_ACTIVE_ENERGY),
        ("220:1:MTQ", None, None, Problem.NOT_ACTIVE_ENERGY),
        *[(f"{name}:1", 1_000_000, 1_000_000, Problem.INVALID_STATUS) for name in ("20", "201", "187", "79", "Z31")],
        ("999:1", 1_000_000, 1_000_000, Problem.INVALID_STATUS),
    ],
)
def test_quantities(quantity: str, energy: int | None, resolution: int | None, problem: Problem | None) -> None:
    found = one(VALUE.replace("220:1.5", quantity))
    assert (found.energy_mwh, found.resolution_mwh, found.problem) == (energy, resolution, problem)


def test_a_substitute_procedure_makes_it_estimated() -> None:
    assert one(VALUE + "STS+Z32++Z92'").status is Status.ESTIMATED
    assert one(VALUE + "STS+Z33++Z83'").status is Status.MEASURED


@pytest.mark.parametrize(
    ("begin", "end", "at", "problem"),
    [
        ("202610010000?+00:303", "202610010015?+00:303", 1_790_812_800, None),
        ("202610010200?+02:303", "202610010215?+02:303", 1_790_812_800, None),
        ("202610010000Z:303", "202610010015UTC:303", 1_790_812_800, None),
        ("202610010530?+0530:303", "202610010545?+0530:303", 1_790_812_800, None),
        ("20261001020000?+02:304", "20261001021500?+02:304", 1_790_812_800, None),
        ("202610010200:203", "202610010215:203", 1_790_812_800, None),
        ("202612010045:203", "202612010100:203", 1_796_082_300, None),
        ("202610022345?+00:303", "202610022400?+00:303", 1_790_984_700, None),
        ("202610250230:203", "202610250245:203", None, Problem.BAD_TIME),
        ("202603290230:203", "202603290245:203", None, Problem.BAD_TIME),
        ("202602300000?+00:303", "202602300015?+00:303", None, Problem.BAD_TIME),
        ("20261001:102", "20261002:102", None, Problem.BAD_TIME),
        ("197001010000?+02:303", "197001010015?+02:303", None, Problem.BAD_TIME),
        ("999901010000?+00:303", "999901010015?+00:303", None, Problem.BAD_TIME),
        ("202610010000?+00:303", "202610010030?+00:303", 1_790_812_800, Problem.NOT_QUARTER_HOURLY),
        ("202610010001?+00:303", "202610010016?+00:303", 1_790_812_860, Problem.NOT_QUARTER_HOURLY),
        ("202610010015?+00:303", "202610010000?+00:303", 1_790_813_700, Problem.NOT_QUARTER_HOURLY),
    ],
)
def test_times(begin: str, end: str, at: int | None, problem: Problem | None) -> None:
    found = one(f"QTY+220:1'DTM+163:{begin}'DTM+164:{end}'")
    assert (found.time_ms and found.time_ms // 1000, found.problem) == (at, problem)


def test_the_changes_of_clocks_by_offset_and_by_header() -> None:
    pair = "QTY+220:1'DTM+163:202610250{}:303'DTM+164:202610250{}:303'"
    found = read(HEAD + SERIES + pair.format("200?+02", "215?+02") + pair.format("200?+01", "215?+01"))
    assert [o.problem for o in found[:2]] == [None, None]
    assert found[1].time_ms == (found[0].time_ms or 0) + 3_600_000
    header = SERIES.replace("RFF", "DTM+735:?+0100:406'RFF", 1)
    assert one("QTY+220:1'DTM+163:202610250200:203'DTM+164:202610250215:203'", header).time_ms == found[1].time_ms


@pytest.mark.parametrize(
    ("product", "obis", "problem"),
    [
        ("1-1?:1.29.0*255:SRW", "1-1:1.29.0", None),
        ("1-1:1.29.0:SRW", "1-1:1.29.0", None),
        ("1-b?:2.29.0:SRW", "1-0:2.29.0", None),
        ("1-1?:1.10.0", "1-1:1.10.0", None),
        ("1-0?:1.8.0*96", "1-0:1.8.0*96", None),
        ("1-1?:5.29.0:SRW", "1-1:5.29.0", Problem.NOT_ACTIVE_ENERGY),
        ("1-1?:3.29.0:SRW", "1-1:3.29.0", Problem.NOT_ACTIVE_ENERGY),
        ("7-20?:99.33.17:SRW", "7-20:99.33.17", Problem.NOT_ACTIVE_ENERGY),
        ("9991000000044:Z02", "", Problem.NOT_ACTIVE_ENERGY),
    ],
)
def test_products(product: str, obis: str, problem: Problem | None) -> None:
    found = one(VALUE, SERIES.replace("1-1?:1.29.0:SRW", product))
    assert (found.obis, found.problem) == (obis, problem)


def test_register_readings() -> None:
    series = SERIES.replace("1.29.0", "1.8.0").replace("13025", "13017")
    found = one("QTY+220:12345.6789012'DTM+9:202610010000?+02:303'", series)
    assert (found.energy_mwh, found.span_s, found.time_ms) == (12_345_678_901, 0, 1_790_805_600_000)
    assert found.problem is None
    assert one("QTY+220:1'DTM+9:20261001:102'", series).problem is Problem.BAD_TIME
    assert one("QTY+220:1'", series).problem is Problem.NO_TIME
    assert one("QTY+220:1'").problem is Problem.NO_TIME


def test_two_values_for_one_quarter_hour_are_both_refused() -> None:
    again = VALUE.replace("1.5", "2.5")
    assert [o.problem for o in read(HEAD + SERIES + VALUE + again)[:2]] == [Problem.CONFLICTING_VALUES] * 2
    assert [o.problem for o in read(HEAD + SERIES + VALUE + VALUE)[:2]] == [None] * 2


def test_of_several_messages_the_newest_counts() -> None:
    old, new = profile((1, 2)), profile((5,), made_at=MADE + 60)
    found = read(made(old, new))
    assert [(o.energy_mwh, o.problem, o.notes) for o in found] == [
        (1, None, ()),
        (2, None, ()),
        (5, None, (Note.REPLACED,)),
    ]
    found = read(made(new, old))
    assert [(o.energy_mwh, o.problem) for o in found] == [(5, None), (1, Problem.SUPERSEDED), (2, None)]
    assert read(made(profile((1,)), profile((5,), obis=EXPORT_OBIS)))[1].notes == ()


def test_a_cancellation_gives_no_values() -> None:
    (found,) = read(made(profile((1,))).replace(b"+9'DTM+137", b"+1'DTM+137"))
    assert found.problem is Problem.WITHDRAWN


def test_wrong_counts_are_told_and_the_values_stay() -> None:
    data = made(profile((1, 2)), profile((3,), obis=EXPORT_OBIS))
    assert not [o for o in read(data) if o.notes]
    wrong = read(data.replace(b"UNT+18+", b"UNT+19+"))
    assert [o.notes for o in wrong] == [(), (Note.WRONG_COUNT,), ()]
    wrong = read(data.replace(b"UNZ+2+", b"UNZ+1+"))
    assert [o.notes for o in wrong] == [(), (), (Note.WRONG_COUNT,)]
    assert {o.problem for o in wrong} == {None}


def test_what_breaks_off_is_told() -> None:
    data = made(profile((1, 2, 3)))
    cut = read(data[: data.rindex(b"DTM+164")])
    assert [o.problem for o in cut] == [None, None, Problem.NO_TIME, Problem.DAMAGED_FRAME]
    assert read(data[: data.rindex(b"UNT")])[-1].problem is Problem.DAMAGED_FRAME
    assert [o.problem for o in read(data[:-1])] == [None] * 3
    assert [o.problem for o in read(data.replace(b"LIN+1", b"l\x00N+1"))] == [Problem.DAMAGED_FRAME, *[None] * 3]


def test_other_messages_are_passed_over() -> None:
    (found,) = read(made(profile()).replace(b"MSCONS", b"UTILMD"))
    assert found.problem is Problem.NO_READINGS
    assert not mscons.recognises(b"UNA:+.? 'UNB+UNOC:3'UNH+1+UTILMD:D'")
    assert not mscons.recognises(b"time,MSCONS\n")


def test_the_character_set_is_that_of_the_interchange() -> None:
    for charset, code in (("UNOC", "latin-1"), ("UNOY", "utf-8")):
        text = (HEAD + SERIES + VALUE).replace("UNOC", charset).replace(POINT, "Zähler")
        assert read(text.encode(code))[0].meter == "Zähler"


@pytest.mark.filterwarnings("ignore:segments.xml not found")
def test_segments_equal_those_of_another_parser() -> None:
    text = made(profile(range(300)), break_lines=True).decode()
    ours = [Separators().elements(segment) for _, segment in Segments(io.BytesIO(text.encode()))]
    theirs = [
        [[part] if isinstance(part, str) else part for part in [segment.tag, *segment.elements]]
        for segment in Parser().parse(text)
        if segment.tag != "UNA"
    ]
    assert ours == theirs


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_and_changed_anywhere_never_raises(data: st.DataObject) -> None:
    raw = bytearray(made(profile(range(0, 9000, 1000)), profile((5,), made_at=MADE + 9)))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = raw[data.draw(st.integers(0, 40)) : len(raw) - data.draw(st.integers(0, 200))]
    for found in read(bytes(cut)):
        assert found.problem is not None or (found.energy_mwh is not None and found.time_ms is not None)
        assert found.energy_mwh is None or 0 <= found.energy_mwh < 2**64


def test_pieces_of_any_size_give_the_same() -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(random.Random(self.tell()).randint(1, 40))

    data = made(profile(range(50)), break_lines=True)
    assert list(mscons.observations(Dribble(data))) == read(data)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the captures of ../shared/samples are not here")
@pytest.mark.parametrize(
    ("name", "obis", "problems", "total_mwh", "notes"),
    [
        ("ESLEVU14572840", "1-1:1.29.0", {None: 96}, 3_719_250_000, 1),
        ("ESLEVU14572841", "1-1:2.29.0", {None: 96}, 7_050_000, 1),
        ("ESLEVU14572842", "1-1:5.29.0", {Problem.NOT_ACTIVE_ENERGY: 96}, 1_407_300_000, 1),
        *[
            (
                f"SAMPLE0{number}",
                "1-1:1.10.0",
                {None: 2899, Problem.NOT_QUARTER_HOURLY: 70, Problem.CONFLICTING_VALUES: 7},
                680_282_000,
                0,
            )
            for number in (1, 2)
        ],
    ],
)
def test_real_files(name: str, obis: str, problems: dict[Problem | None, int], total_mwh: int, notes: int) -> None:
    (path,) = SAMPLES.glob(f"*{name}*")
    with path.open("rb") as stream:
        assert mscons.recognises(stream.read(65536))
        stream.seek(0)
        found = list(mscons.observations(stream))
    assert Counter(o.problem for o in found) == problems
    assert {o.obis for o in found} == {obis}
    assert sum(o.energy_mwh or 0 for o in found) == total_mwh
    assert sum(Note.WRONG_COUNT in o.notes for o in found) == notes
    assert {o.status for o in found} == {Status.MEASURED}


def test_a_released_terminator_in_the_first_segment() -> None:
    segments = Segments(io.BytesIO(b"UNB+a?'b??'UNZ+1'"))
    assert [segment for _, segment in segments] == [b"UNB+a?'b??", b"UNZ+1"]


def test_what_never_ends_is_given_up_in_pieces() -> None:
    class Endless(io.RawIOBase):
        left = 40

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 1
            return b"x" * 60_000 if self.left else b""

    found = list(mscons.observations(Endless()))  # type: ignore[arg-type]
    assert {o.problem for o in found} == {Problem.DAMAGED_FRAME}
    assert len(found) >= 15


def test_a_unit_with_a_changed_letter_is_not_another_unit() -> None:
    assert one(VALUE.replace("1.5", "1.5:KWH")).energy_mwh == 1_500_000
    assert one(VALUE.replace("1.5", "1.5:\x0bWH")).problem is Problem.NOT_ACTIVE_ENERGY

"""meter read: what it prints for people and for programs, and how it ends."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lindenstrom.metering.observation import Note, Problem
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom_cli.catalogue import CATALOGUE
from lindenstrom_cli.main import cli

DOCS = Path(__file__).resolve().parents[2] / "docs"
KWH = 10**6
SERVER = b"\x0a\x01TST\x00\x00\x00\x00\x07"


def telegrams(*, scaler: int = -1, exported: int | None = None) -> bytes:
    """Three telegrams a second apart."""
    return b"".join(
        sml_telegram(
            server_id=SERVER, sec_index=100 + n, import_mwh=1234 * KWH + n * 100, export_mwh=exported, scaler=scaler
        )
        for n in range(3)
    )


def run(*words: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["meter", "read", *words], input=stdin)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.bin"
    path.write_bytes(telegrams(exported=0))
    return path


def test_text(capture: Path) -> None:
    outcome = run(str(capture))
    assert outcome.exit_code == 0
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["1-0:1.8.0", "drawn", "1234.0000", "1234.0002", "0.0001", "3"] in lines
    assert ["1-0:2.8.0", "fed", "in", "0.0000", "0.0000", "0.0001", "3"] in lines
    assert "meter 1 TST00 0000 0007" in outcome.stdout
    assert "running seconds 100 to 102" in outcome.stdout
    assert outcome.stdout.splitlines()[-1] == "All of it can be used."


def test_json_is_one_object_a_line(capture: Path) -> None:
    outcome = run("--json", str(capture))
    assert outcome.exit_code == 0
    found = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert len(found) == 6
    assert found[0] == {
        "source": {"format": "sml", "file": str(capture), "position": 0},
        "meter": "1 TST00 0000 0007",
        "obis": "1-0:1.8.0",
        "energy_mwh": 1234 * KWH,
        "resolution_mwh": 100,
        "time": None,
        "status": "measured",
        "seconds_index": 100,
    }


def test_a_locked_meter_ends_with_6_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "locked.bin"
    path.write_bytes(telegrams(scaler=3))
    outcome = run(str(path))
    assert outcome.exit_code == 6
    assert "3 × pin-locked" in outcome.stdout
    assert "PIN" in outcome.stdout
    assert {json.loads(line)["problem"] for line in run("--json", str(path)).stdout.splitlines()} == {"pin-locked"}


def test_nothing_to_read_ends_with_5(tmp_path: Path, capture: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Sehr geehrte Damen und Herren,\n")
    outcome = run(str(path))
    assert (outcome.exit_code, outcome.stdout) == (5, "")
    assert "text" in outcome.stderr
    assert "docs/metering.md" in outcome.stderr
    both = run(str(path), str(capture))
    assert both.exit_code == 5
    assert "All of it can be used." in both.stdout
    path.write_bytes(telegrams()[:100])
    cut = run(str(path))
    assert (cut.exit_code, "nothing in it could be read" in cut.stderr) == (5, True)
    assert run(str(tmp_path / "absent")).exit_code == 5
    assert run("--format", "sml", str(path)).exit_code == 5
    assert run("--format", "knx", str(path)).exit_code == 2


def test_standard_input_and_gzip(capture: Path) -> None:
    outcome = run("-", stdin=gzip.compress(capture.read_bytes()))
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("standard input: SML telegrams, 1 meter, 6 values")


def test_a_damaged_gzip_ends_with_5_after_what_was_read(tmp_path: Path, capture: Path) -> None:
    path = tmp_path / "capture.bin.gz"
    path.write_bytes(gzip.compress(capture.read_bytes())[:-4])
    outcome = run("--json", str(path))
    assert outcome.exit_code == 5
    assert len(outcome.stdout.splitlines()) == 6
    assert "damaged" in outcome.stderr


def test_each_code_is_explained_and_on_the_page() -> None:
    page = (DOCS / "metering.md").read_text(encoding="utf-8")
    for problem in Problem:
        assert f"| `{problem.value}` |" in page
        assert CATALOGUE[f"problem.{problem.value}"]
    for note in Note:
        assert f"| `{note.value}` |" in page
        assert CATALOGUE[f"note.{note.value}"]
    from lindenstrom.metering.formats.detect import format_names

    for name in format_names():
        assert f"| `{name}` |" in page
        assert CATALOGUE[f"format.{name}"]


def test_a_document_without_readings_ends_with_5_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "tariff.xml"
    path.write_text('<UsagePoints xmlns="http://vde.de/AR_2418-6.xsd"><UsagePoint/></UsagePoints>')
    outcome = run(str(path))
    assert (outcome.exit_code, outcome.stdout) == (5, "")
    assert "without readings" in outcome.stderr


def test_the_pages_layout_reads_what_it_says(tmp_path: Path) -> None:
    page = (DOCS / "metering.md").read_text(encoding="utf-8")
    layout, data = tmp_path / "own.toml", tmp_path / "day.csv"
    layout.write_text(page.partition("### Layouts")[2].partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    head = "Zählpunkt;Datum;von;bis;Bezug;Status\n"
    data.write_text(
        head + "# x\nDE1;03.02.2026;23:30;23:45;1.000,5;W\nDE1;03.02.2026;23:45;00:00;;F\n", encoding="utf-8"
    )
    assert run(str(data)).exit_code == 5
    outcome = run("--json", "--layout", str(layout), str(data))
    assert outcome.exit_code == 0
    found = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [(o["time"], o["energy_mwh"], o["status"]) for o in found] == [
        ("2026-02-03T22:30:00Z", 1_000_500_000, "measured"),
        ("2026-02-03T22:45:00Z", 0, "missing"),
    ]
    data.write_text("a;b\n1;2\n")
    assert "columns are not found" in run("--layout", str(layout), str(data)).stderr
    assert run("--layout", "netz-mond", str(data)).exit_code == 2


def test_unknown_csv_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "portal.csv"
    path.write_text("Zeit;Bezug;Lieferung\n03/02/2026 00:15;1;2\n")
    outcome = run(str(path))
    assert outcome.exit_code == 5
    assert "'Zeit;Bezug;Lieferung'" in outcome.stderr
    assert "--layout" in outcome.stderr
    assert run("--format", "csv", str(path)).stderr == outcome.stderr


def test_ready_made_layouts_are_listed_with_an_example() -> None:
    outcome = CliRunner().invoke(cli, ["meter", "layouts"])
    assert outcome.exit_code == 0
    assert "netz-noe-verbrauch" in outcome.stdout
    assert "01.01.2025 00:15;0,063000;L1;" in outcome.stdout


SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
# what SOURCES.md says of each: all fit 0, unfit or damaged in part 6, no readings in it 5
REAL = {
    "sml/*with_PIN.bin": 0, "sml/*without_PIN.bin": 6, "sml/EasyMeter*": 6, "sml/EMH*": 0, "sml/eBZ*": 6,
    "sml/ITRON*": 0, "sml/ISKRA_MT175*": 0, "sml/DZG*": 0, "dsmr/*.txt": 0, "mscons/*40_*": 0, "mscons/*41_*": 0,
    "mscons/*42_*": 6, "mscons/MSCONS_TL_SAMPLE01.txt": 6,
    "taf7/IF_*": 0, "taf7/taf7_oml*": 6, "taf7/result_single*": 0,
    "taf7/Lieferanten*": 5, "ocmf/VW*": 0, "ocmf/*kcp30.xml": 0, "ocmf/*fail.xml": 6, "ocmf/OCMF*": 0, "ocmf/2021*": 6,
    "ocmf/edl*": 6, "ocmf/valid*": 6, "ocmf/signature*": 6, "load15min/*.csv": 6,
}  # fmt: skip


@pytest.mark.parametrize("pattern", REAL)
def test_real_files_end_as_they_should(pattern: str) -> None:
    paths = sorted(SAMPLES.glob(pattern)) if SAMPLES.exists() else []
    if not paths:
        pytest.skip(f"no real data at hand: {SAMPLES} is absent, or lacks {pattern}")
    for path in paths:
        outcome = run(str(path))
        assert outcome.exit_code == REAL[pattern], (path.name, outcome.stderr)
        assert bool(outcome.stdout) == (outcome.exit_code != 5)


def test_captured_messages_are_read_by_a_mapping(tmp_path: Path) -> None:
    log, mapping = tmp_path / "messages.log", tmp_path / "own.toml"
    log.write_text("2026-10-24T14:00:00+0200 home/meter 17.25\n2026-10-24T14:00:00+0200 home/other on\n")
    mapping.write_text('[import]\ntopic = "home/meter"\nunit = "kWh"\n')
    outcome = run("--json", "--mapping", str(mapping), str(log))
    assert outcome.exit_code == 0
    (line,) = (json.loads(line) for line in outcome.stdout.splitlines())
    assert (line["obis"], line["energy_mwh"], line["time"]) == ("1-0:1.8.0", 17_250_000, "2026-10-24T12:00:00Z")
    assert run(str(log)).exit_code == 5
    assert run("--mapping", str(mapping), "--format", "sml", str(log)).exit_code == 2
    mapping.write_text('power = {topic = "home/meter", unit = "W"}\n')
    refused = run("--mapping", str(mapping), str(log))
    assert refused.exit_code == 2
    assert "power alone cannot be settled" in refused.stderr

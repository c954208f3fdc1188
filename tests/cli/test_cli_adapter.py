"""adapter: a community's files become anchored days; what `check` tells; keys; a process that starts and ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from cli.cli_home import DAY, CliHome, interval_file
from lindenstrom.metering.config import KeyPlace, load_config
from lindenstrom.metering.journal import read_journal
from lindenstrom.metering.smlwriter import sml_telegram
from lindenstrom_cli.adapterkeys import BadCredential, NoCredential, NoPassword, open_key
from lindenstrom_cli.errors import OpenKeyFile, WrongPassword
from lindenstrom_cli.home import Home

SERVER = b"\x0a\x01DZG\x00\x03\x9e\xa7\x14"
ROOT = Path(__file__).resolve().parents[2]


def configured(home: CliHome, *tables: str, key: str = 'alias = "street"') -> Path:
    path = home.root / "adapter.toml"
    path.write_text("\n".join([f'reader = "street"\n[health]\nport = 0\n[key]\n{key}', *tables]))
    return path


@pytest.fixture
def wired(home: CliHome) -> CliHome:
    """With a meter at position 2 that sends SML into a file."""
    home.ok("meter", "bind", "DE-roof", "--member", "anna", "--reader", "street", "--source", "sml", "--position", "2")
    (home.root / "line").touch()
    configured(home, '[[meter]]\nposition = 2\nsource = "file:line"')
    return home


@contextmanager
def playing(path: Path, *pieces: bytes) -> Iterator[None]:
    """Append these again and again."""
    end = threading.Event()

    def play() -> None:
        while not end.wait(0.1):
            with path.open("ab") as file:
                file.write(b"".join(pieces))

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def telegram(scaler: int = -1) -> bytes:
    return sml_telegram(server_id=SERVER, sec_index=1, import_mwh=12_345_678_900, export_mwh=0, scaler=scaler)


def test_example_is_a_configuration(home: CliHome) -> None:
    path = home.root / "adapter.toml"
    path.write_text(home.ok("adapter", "example"))
    assert load_config(path).reader == "roof"


def test_files_become_anchored_days_and_are_put_aside(home: CliHome) -> None:
    inbox = home.root / "inbox"
    inbox.mkdir()
    config = str(configured(home, '[[inbox]]\nfolder = "inbox"'))
    (inbox / "day.csv").write_text(interval_file(date.fromisoformat(DAY)))
    (inbox / "odd.csv").write_text("nothing that anyone knows")
    (inbox / ".part").write_text("on its way")
    old = time.time() - 60
    for path in inbox.iterdir():
        os.utime(path, (old, old))
    (inbox / "new.csv").write_text("still written")
    home.ok("chain", "advance", "--to", f"{date.fromisoformat(DAY) + timedelta(days=1)}T01:00")
    first = home.json("adapter", "settle", "--config", config, code=5)["round"]
    assert first["imported"] == 1
    assert [t["step"] for t in first["troubles"]] == ["inbox 1"]
    assert first["days"] == [DAY]
    assert (first["built"], first["anchored"], first["final"], first["outbox"]) == (1, 1, 1, 0)
    assert sorted(p.relative_to(inbox).as_posix() for p in inbox.rglob("*") if p.is_file()) == [
        ".part",
        "new.csv",
        "taken/day.csv",
        "unfit/odd.csv",
    ]
    assert home.json("meter", "anchor", "--reader", "street")["days"] == []
    again = home.json("adapter", "settle", "--config", config)["round"]
    assert (again["days"], again["anchored"], again["troubles"]) == ([], 1, [])
    assert "1 day on the chain, 1 of them final" in home.ok("adapter", "settle", "--config", config)


def test_before_the_closing_time_a_day_goes_out_as_far_as_it_is_complete(home: CliHome) -> None:
    inbox = home.root / "inbox"
    inbox.mkdir()
    config = str(configured(home, '[anchor]\nmargin_hours = 6\n[[inbox]]\nfolder = "inbox"'))
    rows = interval_file(date.fromisoformat(DAY)).splitlines()
    (inbox / "half.csv").write_text("\n".join(row for row in rows if "DE-bert" not in row) + "\n")
    os.utime(inbox / "half.csv", (1, 1))
    next_day = date.fromisoformat(DAY) + timedelta(days=1)
    home.ok("chain", "advance", "--to", f"{next_day}T01:00")
    early = home.json("adapter", "settle", "--config", config)["round"]
    assert (early["days"], early["waiting"]) == ([], 1)
    home.ok("chain", "advance", "--to", f"{next_day + timedelta(days=1)}T06:30")
    late = home.json("adapter", "settle", "--config", config)["round"]
    assert (late["days"], late["anchored"]) == ([DAY], 1)
    assert late["gaps"] == 1


@pytest.mark.integration
def test_a_node_that_is_down_leaves_the_day_handed_over(home: CliHome) -> None:
    """With a node of its own the days go by the machine's clock, and the packs lie in the mailbox meanwhile."""
    inbox = home.root / "inbox"
    inbox.mkdir()
    config = configured(home, '[[inbox]]\nfolder = "inbox"')
    config.write_text('node = "http://127.0.0.1:9"\n' + config.read_text())
    (inbox / "day.csv").write_text(interval_file(date.fromisoformat(DAY)))
    os.utime(inbox / "day.csv", (1, 1))
    found = home.json("adapter", "settle", "--config", str(config), code=5)["round"]
    assert "node" in [t["step"] for t in found["troubles"]]
    assert DAY in found["days"]
    assert found["anchored"] == 0
    assert found["outbox"] >= 1
    # the key is exchanged meanwhile: what the old one signed goes out under the new one
    home.ok("chain", "advance", "--to", f"{date.fromisoformat(DAY) + timedelta(days=1)}T01:00")
    home.ok("key", "new", "street-2", "--unattended")
    home.ok("reader", "rotate", "street", "--key", "street-2")
    configured(home, '[[inbox]]\nfolder = "inbox"')
    stale = home.json("adapter", "settle", "--config", str(config), code=5)["round"]
    assert ([t["error"] for t in stale["troubles"]], stale["anchored"]) == (["NotTheReadersKey"], 0)
    configured(home, '[[inbox]]\nfolder = "inbox"', key='alias = "street-2"')
    renewed = home.json("adapter", "settle", "--config", str(config))["round"]
    assert renewed["anchored"] == 1
    home.ok("chain", "advance", "--to", f"{date.fromisoformat(DAY) + timedelta(days=2)}T13:00")
    assert "replaced" not in home.ok("operator", "day", DAY)


def checked(home: CliHome, code: int) -> str:
    done = home.run("adapter", "check", "--config", home.path("adapter.toml"), "--seconds", "2")
    assert done.exit_code == code, done.output
    return done.stdout


def test_check_hears_the_meter(wired: CliHome) -> None:
    with playing(wired.root / "line", telegram()):
        said = checked(wired, 0)
    assert "I hear a meter at" in said
    assert "1 DZG00 6072 9108" in said
    assert "what is drawn and what is fed in" in said
    assert "0.1 Wh" in said
    assert "12345" not in said
    assert not list((wired.root / "metering").rglob("*.sml")), "nothing is kept"


def test_check_tells_a_locked_meter_from_noise_from_silence_from_a_wrong_path(wired: CliHome) -> None:
    with playing(wired.root / "line", telegram(scaler=3)):
        assert "Ask the metering operator for its PIN" in checked(wired, 6)
    with playing(wired.root / "line", bytes(range(200))):
        assert "but no telegram. Check speed and parity" in checked(wired, 6)
    with playing(wired.root / "line", b"/ISk5ME3\r\n\r\n1-0:1.8.0(000123.456*kWh)\r\n!\r\n"):
        assert "is dsmr, not sml" in checked(wired, 6)
    assert "Nothing arrives" in checked(wired, 5)
    configured(wired, '[[meter]]\nposition = 2\nsource = "serial:/dev/no-such-head"')
    assert "cannot be opened" in checked(wired, 5)


def test_check_names_what_does_not_fit(wired: CliHome) -> None:
    for table, says in (
        ('[[meter]]\nposition = 9\nsource = "file:line"', "no meter is bound at 9; bound positions: 0, 1, 2"),
        ('[[meter]]\nposition = 0\nsource = "file:line"', "was bound for intervals"),
        ('[[meter]]\nposition = 2\nsource = "file:line"\nformat = "dsmr"', "was bound for sml"),
        ('[[meter]]\nposition = 2\nsource = "mqtt://host"', "mqtt: gives no sml"),
    ):
        configured(wired, table)
        done = wired.run("adapter", "check", "--config", wired.path("adapter.toml"), "--seconds", "1")
        assert (done.exit_code, says in done.stderr.replace("hint: ", "; ")) == (2, True) or says.partition(";")[0] in (
            done.stderr
        ), done.stderr


def test_check_goes_as_far_as_it_can(wired: CliHome, tmp_path: Path) -> None:
    """A home of which the operator's files are not there yet: each missing one is named, and the rest is tried."""
    fresh = CliHome(root=tmp_path / "new")
    fresh.root.mkdir()
    fresh.ok("key", "new", "street", "--unattended")
    (fresh.root / "line").touch()
    configured(fresh, '[[meter]]\nposition = 2\nsource = "file:line"')
    said = checked(fresh, 5)
    assert "There is no community file" in said
    assert "there is no readable set-up" in said
    folder = fresh.root / "metering" / "street"
    folder.mkdir(parents=True)
    (folder / "reader.json").write_text((wired.root / "metering" / "street" / "reader.json").read_text())
    with playing(fresh.root / "line", telegram()):
        assert "I hear a meter" in checked(fresh, 5)


def test_check_says_whose_key_it_is(wired: CliHome) -> None:
    configured(wired, '[[meter]]\nposition = 2\nsource = "file:line"', key='alias = "anna"')
    with playing(wired.root / "line", telegram()):
        assert "is not the reader's on the chain" in checked(wired, 7)
    wired.ok("key", "new", "street-2", "--unattended")
    wired.ok("reader", "rotate", "street", "--key", "street-2")
    configured(wired, '[[meter]]\nposition = 2\nsource = "file:line"', key='alias = "street-2"')
    with playing(wired.root / "line", telegram()):
        assert "is the reader's on the chain" in checked(wired, 0)


def test_keys_come_from_files_and_credentials_alone(home: CliHome, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, box = Home(home.root), home.root / "credentials"
    signer = open_key(KeyPlace(alias="street"), keys)
    assert signer.key == open_key(KeyPlace(file=keys.keys / "street.json"), keys).key
    box.mkdir()
    (box / "roof-key").write_text("0x" + signer.secret.hex() + "\n")
    (box / "roof-pass").write_text((keys.keys / "street.password").read_text())
    with pytest.raises(NoCredential):
        open_key(KeyPlace(credential="roof-key"), keys)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(box))
    assert open_key(KeyPlace(credential="roof-key"), keys).key == signer.key
    assert open_key(KeyPlace(alias="street", password_credential="roof-pass"), keys).key == signer.key
    (box / "roof-key").write_text("0x12")
    with pytest.raises(BadCredential):
        open_key(KeyPlace(credential="roof-key"), keys)
    (box / "roof-pass").write_text("wrong")
    with pytest.raises(WrongPassword):
        open_key(KeyPlace(alias="street", password_credential="roof-pass"), keys)
    beside = keys.keys / "street.password"
    beside.chmod(0o644)
    with pytest.raises(OpenKeyFile):
        open_key(KeyPlace(alias="street"), keys)
    beside.unlink()
    with pytest.raises(NoPassword):
        open_key(KeyPlace(alias="street"), keys)
    assert signer.secret.hex() not in repr(signer)


def started(home: CliHome) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("contracts", "ledger", "cli"))}
    command = [sys.executable, "-m", "lindenstrom_cli", "adapter", "run", "--config", home.path("adapter.toml")]
    return subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def journal(home: CliHome) -> bytes:
    paths = sorted((home.root / "metering").rglob("*.sml"))
    return b"".join(record.payload for path in paths for record in read_journal(path))


@pytest.mark.integration
def test_process_journals_stops_and_goes_on_after_a_kill(wired: CliHome) -> None:
    """Killed, nothing accepted is lost; told to stop, it ends within seconds with 0, and a round may be under way."""
    line = wired.root / "line"
    for end in (signal.SIGKILL, signal.SIGTERM):
        before = len(journal(wired))
        process = started(wired)
        try:
            with playing(line, telegram()):
                deadline = time.monotonic() + 40
                while len(journal(wired)) == before and time.monotonic() < deadline:
                    time.sleep(0.1)
                kept = journal(wired)
                assert len(kept) > before, "nothing was journaled"
                began = time.monotonic()
                process.send_signal(end)
                out, log = process.communicate(timeout=20)
        finally:
            process.kill()
        assert time.monotonic() - began < 10
        assert process.returncode == (0 if end is signal.SIGTERM else -signal.SIGKILL), log
        assert journal(wired).startswith(kept)
    assert json.loads(out)["accepted_bytes"] > 0
    assert "event=stopped" in log
    assert "12345" not in log
    assert "DZG" not in log

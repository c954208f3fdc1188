"""Keys of a home: files, modes, passwords, and what goes wrong with them."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lindenstrom.core.hashing import keccak
from lindenstrom.signing import Curve, is_p256_point, is_signed_by, key_of
from lindenstrom_cli import keyfile
from lindenstrom_cli.errors import (
    BadAlias,
    BadKeyFile,
    KeyExists,
    NoPoint,
    NoSuchKey,
    OpenKeyFile,
    SignsReadingsOnly,
    WrongPassword,
)
from lindenstrom_cli.keys import KeyRing
from lindenstrom_cli.main import cli
from lindenstrom_cli.prompter import Prompter
from lindenstrom_cli.types import PUBLIC_KEY

SECRET = bytes.fromhex("11" * 32)


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args)


def ring(folder: Path, password_file: Path | None = None) -> KeyRing:
    return KeyRing(folder=folder, prompter=Prompter(may_ask=False), password_file=password_file)


def password_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def test_an_unattended_key_opens_alone_and_its_files_are_its_owners(tmp_path: Path) -> None:
    entry = ring(tmp_path).create("roof-7", unattended=True, secret=SECRET)
    signer = ring(tmp_path).unlock("roof-7")
    assert signer.address == entry.address
    assert signer.secret == SECRET
    assert SECRET.hex() not in repr(signer)
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600, 0o600]


def test_a_wrong_password_is_named_as_such(tmp_path: Path) -> None:
    keys = ring(tmp_path, password_file(tmp_path, "right"))
    keyfile_text = keyfile.encrypt(SECRET, bytes(20), b"right", 16)
    (tmp_path / "anna.json").write_text(keyfile_text)
    assert keys.unlock("anna").secret == SECRET
    with pytest.raises(WrongPassword):
        ring(tmp_path, password_file(tmp_path, "wrong")).unlock("anna")


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "anna.json").write_text(keyfile.encrypt(SECRET, bytes(20), b"right", 16))
    with pytest.raises(OpenKeyFile):
        ring(tmp_path, password_file(tmp_path, "right", 0o644)).unlock("anna")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"address": 7}', '{"address": "00"}', "no json"])
def test_a_damaged_key_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "anna.json").write_text(text)
    with pytest.raises(BadKeyFile):
        ring(tmp_path).list()


def test_a_key_is_never_overwritten_and_never_guessed(tmp_path: Path) -> None:
    keys = ring(tmp_path)
    keys.create("anna", unattended=True)
    with pytest.raises(KeyExists):
        keys.create("anna", unattended=True)
    with pytest.raises(NoSuchKey):
        keys.unlock("bert")
    for alias in ("", "../up", "Anna", "a" * 41, ".hidden"):
        with pytest.raises(BadAlias):
            keys.create(alias, unattended=True)


def test_key_files_are_exchanged_with_the_usual_library(tmp_path: Path) -> None:
    eth_keyfile = pytest.importorskip("eth_keyfile")
    ours = json.loads(keyfile.encrypt(SECRET, bytes(20), b"pw", 16))
    assert eth_keyfile.decode_keyfile_json(ours, b"pw") == SECRET
    theirs = eth_keyfile.create_keyfile_json(SECRET, b"pw", kdf="scrypt", iterations=16)
    assert keyfile.decrypt(json.dumps(theirs), b"pw") == SECRET


def test_key_new_and_list(tmp_path: Path) -> None:
    home = ("--home", str(tmp_path))
    made = run("key", "new", "operator", "--unattended", "--json", *home)
    assert made.exit_code == 0, made.stderr
    address = json.loads(made.stdout)["key"]
    listed = json.loads(run("key", "list", "--json", *home).stdout)
    assert listed == {
        "schema": "lindenstrom/keys@1",
        "keys": [{"alias": "operator", "curve": "secp256k1", "key": address, "unattended": True}],
    }
    assert address in run("key", "list", *home).stdout


def test_a_password_is_never_asked_where_nobody_can_answer(tmp_path: Path) -> None:
    refused = run("key", "new", "anna", "--home", str(tmp_path), "--no-input")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: an answer is needed")
    assert "hint: give --password-file FILE, or --unattended" in refused.stderr


def test_passwords_are_asked_through_the_prompter(tmp_path: Path) -> None:
    class Typed(Prompter):
        def new_password(self, alias: str) -> str:
            return f"of {alias}"

        def password(self, alias: str) -> str:
            return f"of {alias}"

    made = CliRunner().invoke(cli, ["key", "new", "anna", "--home", str(tmp_path)], obj=Typed())
    assert made.exit_code == 0, made.stderr
    keys = KeyRing(folder=tmp_path / "keys", prompter=Typed())
    assert keys.unlock("anna").address == keys.entry("anna").address


def test_a_p256_key_signs_readings_and_is_no_account(tmp_path: Path) -> None:
    made = run("key", "new", "roof", "--unattended", "--curve", "p256", "--json", "--home", str(tmp_path))
    assert made.exit_code == 0, made.stderr
    entry = ring(tmp_path / "keys").entry("roof")
    assert (entry.curve, "0x" + entry.key.hex()) == (Curve.P256, json.loads(made.stdout)["key"])
    signer = ring(tmp_path / "keys").unlock("roof")
    assert is_signed_by(entry.key, keccak(b"act"), signer.sign(keccak(b"act")))
    for known in (entry, signer):
        with pytest.raises(SignsReadingsOnly):
            _ = known.address
    listed = run("key", "list", "--home", str(tmp_path)).stdout
    assert f"roof  P-256  alone  0x{entry.key.hex()}" in listed
    assert run("key", "new", "wall", "--curve", "rsa", "--home", str(tmp_path)).exit_code == 2


def test_a_p256_key_has_a_password_like_any_other(tmp_path: Path) -> None:
    key = key_of(SECRET, Curve.P256)
    text = keyfile.encrypt(SECRET, key, b"right", 16)
    assert "version" not in json.loads(text) and SECRET.hex() not in text
    (tmp_path / "roof.json").write_text(text)
    keys = ring(tmp_path, password_file(tmp_path, "right"))
    assert (keys.unlock("roof").secret, keys.unlock("roof").key, keys.find(key)) == (SECRET, key, keys.entry("roof"))
    with pytest.raises(WrongPassword):
        ring(tmp_path, password_file(tmp_path, "wrong")).unlock("roof")
    (tmp_path / "roof.json").write_text(text.replace(key.hex(), key.hex()[2:]))
    with pytest.raises(BadKeyFile):
        keys.list()


def test_a_public_key_that_is_no_point_is_refused() -> None:
    key = key_of(SECRET, Curve.P256)
    assert PUBLIC_KEY.convert("0x" + key.hex(), None, None) == key
    for bad in (bytes(64), key[32:] + key[:32], b"\xff" * 64, key[:63] + bytes([key[63] ^ 1])):
        assert not is_p256_point(bad)
        with pytest.raises(NoPoint):
            PUBLIC_KEY.convert("0x" + bad.hex(), None, None)

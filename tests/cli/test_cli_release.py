"""Contracts that are not this release's: what the commands say, and with which exit code."""

from pathlib import Path

import pytest

from chain.forgery import STORES_SEVEN, planted
from cli.cli_home import BUNDLE, DAY, CliHome
from lindenstrom.chain.client import open_chain
from lindenstrom.chain.community import load_community
from lindenstrom.core.hashing import keccak

pytestmark = pytest.mark.integration

FORGER = bytes([7]) * 32


def forge(home: CliHome, first: bytes, change: int) -> None:
    """Plant a Settlement, and name it in the community file and the bundle, as a forger would who hands out both."""
    file = Path(home.path("community.toml"))
    community = load_community(file)
    real = community.addresses.settlement
    with open_chain(community.node) as chain:
        code = bytearray(chain.code(real))
        code[100] ^= change
        false = planted(chain, bytes(code), key=FORGER, first=first)
    text = file.read_text().replace(real.hex(), false.hex())
    file.write_text(text.replace(community.code_hashes[3].hex(), keccak(bytes(code)).hex()))
    bundle = Path(home.path(BUNDLE))
    bundle.write_text(bundle.read_text().replace(real.hex(), false.hex()))


def test_this_releases_contracts(settled: CliHome) -> None:
    found = settled.json("contracts", "check")
    assert found["verdict"] == "same"
    assert {(line["code"], line["creation"]) for line in found["contracts"]} == {("same", "same")}
    assert settled.ok("contracts", "check").count("matches this release") == 8
    own = settled.ok("contracts", "check", "--community", settled.path("community.toml"))
    assert "the contracts are those of lindenstrom 0.1.0, built for this community" in own


def test_other_code_fails_check_7_and_is_not_asked(day: CliHome) -> None:
    forge(day, b"", 1)
    found = day.json("verify", day.path(BUNDLE), "--member", "2", code=3)
    assert (found["verdict"], found["foreign_contracts"]) == ("not_verified", True)
    status = {check["id"]: check["status"] for check in found["checks"]}
    assert status == {1: "ok", 2: "ok", 3: "ok", 4: "ok", 5: "ok", 6: "not_checked", 7: "failed"}
    shown = day.run("verify", day.path(BUNDLE)).stdout
    assert "Check 7 failed: the code at Settlement's address 0x" in shown
    assert "is not this release's" in shown
    assert "If another release of this program deployed the community" in " ".join(shown.split())
    assert "lindenstrom refute" not in shown

    table = day.run("contracts", "check")
    assert table.exit_code == 3
    assert table.stdout.startswith("Gartenweg: these are not the contracts of lindenstrom 0.1.0")
    assert "other code" in table.stdout


@pytest.mark.parametrize(
    "args",
    [
        ("audit", "run"),
        ("audit", "attest", "1"),
        ("refute", BUNDLE, "--yes"),
        ("demand", "bundle", DAY, "--member", "anna", "--yes"),
    ],
)
def test_nothing_is_done_with_other_contracts(day: CliHome, args: tuple[str, ...]) -> None:
    forge(day, b"", 1)
    done = day.run(*(day.path(BUNDLE) if arg == BUNDLE else arg for arg in args))
    assert (done.exit_code, done.stdout) == (5, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: The code at Settlement's address 0x")
    assert error.endswith(" is not this release's")
    assert hint.startswith("hint: Use the release that deployed the community")


def test_other_constants_in_the_file(day: CliHome) -> None:
    file = Path(day.path("community.toml"))
    file.write_text(file.read_text().replace("objection_period_s = 1209600", "objection_period_s = 1300000"))
    found = day.json("contracts", "check", code=3)
    assert found["contracts"][0]["differing"] == ["objectionPeriod"]
    done = day.run("verify", day.path(BUNDLE))
    assert done.exit_code == 3
    assert "was built for another community: objectionPeriod" in " ".join(done.stdout.split())


def test_the_code_is_right_and_its_creation_was_not(day: CliHome) -> None:
    """`verify` cannot know: it asks for the code only."""
    forge(day, STORES_SEVEN, 0)
    found = day.json("contracts", "check", code=3)
    assert [line["creation"] for line in found["contracts"]] == ["same", "same", "same", "other"]
    assert {line["code"] for line in found["contracts"]} == {"same"}


def test_a_creation_that_is_not_shown_was_not_checked(day: CliHome) -> None:
    file = Path(day.path("community.toml"))
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join("deployment_block = 99\n" if "deployment_block" in line else line for line in lines))
    done = day.run("contracts", "check")
    assert done.exit_code == 5
    assert "How it was created was not checked." in done.stdout
    assert "Ask a node that keeps all blocks" in done.stdout

"""A reader on P-256 by commands alone: a whole day on a local node, and a clear no on the chain in a file."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.cli_home import BUNDLE, DAY, MEMBERS, CliHome, interval_file, settle
from lindenstrom.chain import anvil
from lindenstrom.chain.client import open_chain
from lindenstrom.chain.errors import AnvilMissing
from lindenstrom_cli.main import cli

START = 1_780_300_800  # 2026-06-01


def begun(root: Path) -> CliHome:
    made = CliRunner().invoke(cli, ["init", str(root), "--name", "Gartenweg", "--start", "2026-06-01"])
    assert made.exit_code == 0, made.stderr
    return CliHome(root=root)


def keys(home: CliHome) -> None:
    for alias in (*MEMBERS, "plain"):
        home.ok("key", "new", alias, "--unattended")
    for alias in ("street", "street-2"):
        home.ok("key", "new", alias, "--unattended", "--curve", "p256")


def public_key(home: CliHome, alias: str) -> str:
    return next(str(k["key"]) for k in home.json("key", "list")["keys"] if k["alias"] == alias)


@pytest.fixture
def on_node(tmp_path: Path) -> Iterator[CliHome]:
    try:
        anvil.find_anvil()
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    home = begun(tmp_path / "home")
    home.ok("chain", "start")
    yield home
    home.ok("chain", "start", "--stop")


@pytest.mark.anvil
def test_a_day_of_a_p256_reader(on_node: CliHome) -> None:
    home = on_node
    assert home.json("contracts", "deploy")["node"].startswith("http://127.0.0.1")
    keys(home)
    for member in MEMBERS:
        home.ok("member", "add", member, "--key", member)
    home.ok("reader", "add", "street", "--key", "street")
    assert home.json("reader", "list")["readers"][0]["account"] == public_key(home, "street")
    home.ok("agreement", "offer", "--price", "11.5", "--fee", "0.5", "--label", "Hofstrom", "--public-disputes")
    for member, role in zip(MEMBERS, ("taker", "giver"), strict=True):
        home.ok("agreement", "join", "1", "--member", member, "--role", role)
        home.ok("meter", "bind", f"DE-{member}", "--member", member, "--reader", "street")
    settle(home)
    assert home.run("verify", home.path(BUNDLE), "--packs", home.path("mailbox")).exit_code == 4
    home.ok("audit", "attest", "1")
    rotated = home.ok("reader", "rotate", "street", "--public-key", public_key(home, "street-2"))
    assert public_key(home, "street-2") in rotated
    late = home.root / "late.csv"
    late.write_text(interval_file(date(2026, 6, 4)))
    home.ok("meter", "import", str(late), "--reader", "street")
    assert "anchored" in home.ok("meter", "anchor", "--reader", "street", "--day", "2026-06-04")
    home.ok("chain", "advance", "--days", "15")
    home.ok("operator", "finalise")
    report = home.json("verify", home.path(BUNDLE), "--packs", home.path("mailbox"))
    assert (report["verdict"], {c["status"] for c in report["checks"]}) == ("verified", {"ok"})
    assert home.json("verify", home.path(BUNDLE), "--auditor", "0x" + "11" * 20)["verdict"] == "consistent"
    assert home.ok("audit", "run").startswith("✓ PASSED")


@pytest.mark.anvil
def test_a_community_at_a_nodes_url_takes_it(tmp_path: Path) -> None:
    try:
        node = anvil.start(tmp_path / "node", START, hardfork="osaka")
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    try:
        home = begun(tmp_path / "home")
        with open_chain(node.config) as chain:
            chain.ensure_funds(bytes.fromhex(public_key(home, "operator")[2:]))
        home.ok("contracts", "deploy", "--url", node.url, "--yes")
        keys(home)
        home.ok("reader", "add", "street", "--public-key", public_key(home, "street"))
        home.ok("reader", "add", "plain", "--key", "plain")
        home.ok("reader", "rotate", "street", "--key", "street-2")
        readers = {r["alias"]: r["account"] for r in home.json("reader", "list")["readers"]}
        assert readers == {alias: public_key(home, key) for alias, key in (("plain", "plain"), ("street", "street-2"))}
    finally:
        anvil.stop(tmp_path / "node")


@pytest.mark.integration
def test_the_chain_in_a_file_refuses_it(tmp_path: Path) -> None:
    home = begun(tmp_path / "home")
    home.ok("contracts", "deploy")
    keys(home)
    point, other = public_key(home, "street"), public_key(home, "street")[:-2] + "00"
    home.ok("reader", "add", "plain", "--key", "plain")
    for args, code, says in (
        (("reader", "add", "street", "--key", "street"), 6, "this chain does not verify P-256"),
        (("reader", "add", "street", "--public-key", point), 6, "this chain does not verify P-256"),
        (("reader", "rotate", "plain", "--key", "street"), 6, "this chain does not verify P-256"),
        (("reader", "add", "street", "--public-key", other), 2, "no point of P-256"),
        (("reader", "add", "street", "--public-key", "0x04"), 2, "public key: expected 0x and 128 hex digits"),
        (("reader", "add", "street"), 2, "the key is missing"),
        (("reader", "add", "street", "--key", "street", "--public-key", point), 2, "the key is missing"),
        (("member", "add", "Cora", "--key", "street"), 7, "key street is on P-256"),
        (("demand", "void", "1", "--member", "0", "--key", "street"), 7, "key street is on P-256"),
        (("auditor", "resign", "--key", "street", "--yes"), 7, "key street is on P-256"),
    ):
        refused = home.run(*args)
        assert (refused.exit_code, refused.stdout) == (code, ""), (args, refused.stderr)
        assert says in refused.stderr and refused.stderr.startswith("error: ") and refused.stderr.count("\n") <= 2
    assert not (home.root / "metering" / "street").exists()
    assert DAY in home.ok("contracts", "show")

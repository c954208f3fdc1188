"""The embedded chain: kept in one file, one command at a time, killed at any moment, its own clock."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chain import box
from lindenstrom.chain import embedded
from lindenstrom.chain.chainfile import ChainFile
from lindenstrom.chain.client import Chain, PreparedTx
from lindenstrom.chain.errors import (
    ChainFileBusy,
    ChainFileExists,
    ChainFileMissing,
    ClockGoesBack,
    ContractRefused,
    NodeUnreachable,
    NonceTaken,
    NotAChainFile,
)
from lindenstrom.chain.node import NodeConfig, NodeKind

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from pathlib import Path
sys.path.append(sys.argv.pop(1))  # last: tests/operator would hide a module of the standard library
from chain import box
from lindenstrom.chain import embedded
from lindenstrom.chain.client import Chain
from lindenstrom.chain.node import NodeConfig, NodeKind
path, count = Path(sys.argv[1]), int(sys.argv[2])
node = NodeConfig(kind=NodeKind.EMBEDDED, path=path)
provider = embedded.open_provider(path, 10)
chain = Chain(node, provider, [box.BOX])
place = bytes.fromhex(sys.argv[3]) if len(sys.argv) > 3 else box.deploy(chain)
for i in range(count):
    sent = chain.send(box.put(place, i, i + 1), box.KEY)
    sys.stdout.write(f"{sent.block} {sent.tx_hash.hex()} {place.hex()} {chain.now()}\\n")
    sys.stdout.flush()
provider.close()
"""


def writer(path: Path, count: int, *place: str) -> subprocess.Popen[str]:
    roots = [str(ROOT / name) for name in ("contracts", "ledger")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
    command = [sys.executable, "-c", WRITER, str(ROOT / "tests"), str(path), str(count), *place]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)


def opened(node: NodeConfig) -> Chain:
    assert node.path is not None
    return Chain(node, embedded.open_provider(node.path, node.lock_wait_s), [box.BOX])


@pytest.mark.integration
def test_processes_see_one_chain(node: NodeConfig) -> None:
    assert node.path is not None
    with writer(node.path, 2) as first:
        lines = first.communicate()[0].split()
    place = lines[2]
    with writer(node.path, 2, place) as second:
        later = second.communicate()[0].split()
    assert first.returncode == second.returncode == 0
    assert int(later[0]) == int(lines[4]) + 1
    chain = opened(node)
    assert len(chain.logs(bytes.fromhex(place), [], 0)) == 4
    assert chain.result(bytes.fromhex(lines[1])) is not None
    assert int(later[-1]) == chain.now() == box.START + chain.block_number()
    chain.provider.close()
    assert [entry.name for entry in node.path.parent.iterdir()] == [node.path.name]


def test_second_opener_waits_then_gives_up(node: NodeConfig) -> None:
    chain = opened(node)
    begin = time.monotonic()
    with pytest.raises(ChainFileBusy, match="Another command has the chain"):
        opened(node)
    assert time.monotonic() - begin >= node.lock_wait_s
    chain.provider.close()
    opened(node).provider.close()


@pytest.mark.integration
def test_killed_at_any_moment(node: NodeConfig) -> None:
    assert node.path is not None
    seen: list[tuple[int, bytes]] = []
    place: list[str] = []
    for lines in (1, 4, 9):
        with writer(node.path, 1000, *place) as process:
            assert process.stdout is not None
            for _ in range(lines):
                number, tx_hash, where, _now = process.stdout.readline().split()
                seen.append((int(number), bytes.fromhex(tx_hash)))
                place = [where]
            process.send_signal(signal.SIGKILL)
        chain = opened(node)
        for number, tx_hash in seen:
            result = chain.result(tx_hash)
            assert result is not None
            assert result.block == number
        assert chain.block_number() >= seen[-1][0]
        assert chain.now() == box.START + chain.block_number()
        chain.send(box.put(bytes.fromhex(place[0]), 1, 1), box.KEY)
        assert len(chain.logs(bytes.fromhex(place[0]), [], 0)) >= len(seen)
        chain.provider.close()


def test_nothing_of_an_unfinished_block_stays(node: NodeConfig) -> None:
    assert node.path is not None
    chain = opened(node)
    place = box.deploy(chain)
    before = chain.block_number()
    file: ChainFile = chain.provider._file
    file[b"half"] = b"written"
    chain.provider.close()
    chain = opened(node)
    assert b"half" not in chain.provider._file
    assert chain.block_number() == before
    assert chain.code(place)
    chain.provider.close()


def test_clock(chain: Chain) -> None:
    assert chain.now() == box.START
    box.deploy(chain)
    assert chain.now() == box.START + 2  # the faucet's gift and the deployment
    chain.advance_to(box.START + 86_400)
    chain.advance_to(box.START + 86_400)
    assert chain.now() == box.START + 86_400
    with pytest.raises(ClockGoesBack, match="UTC; it cannot"):
        chain.advance_to(box.START + 86_399)
    assert chain.time_of(0) == box.START


def test_a_failed_write_leaves_the_last_block(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    place = box.deploy(chain)
    before = (chain.block_number(), chain.now(), chain.nonce(box.OWNER))

    def full_disk(_receipt: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr("lindenstrom.chain.chainfile._log_rows", full_disk)
        with pytest.raises(NodeUnreachable, match="OSError"):
            chain.send(box.put(place, 1, 1), box.KEY)
    assert (chain.block_number(), chain.now(), chain.nonce(box.OWNER)) == before
    chain.send(box.put(place, 1, 1), box.KEY)
    assert len(chain.logs(place, [], 0)) == 1


def test_revert_is_decoded_and_leaves_no_trace(chain: Chain) -> None:
    place = box.deploy(chain)
    before = (chain.block_number(), chain.nonce(box.OWNER))
    for attempt in (chain.send, chain.prepare):
        with pytest.raises(ContractRefused) as refused:
            attempt(box.put(place, 1, 0), box.KEY)
        assert (refused.value.name, refused.value.contract, refused.value.exit_code) == ("Zero", "Box", 6)
    with pytest.raises(ContractRefused, match=r"Box refused: Zero\(\)"):
        chain.call(box.put(place, 1, 0))
    assert (chain.block_number(), chain.nonce(box.OWNER)) == before
    chain.send(box.put(place, 1, 1), box.KEY)


def test_broadcast_is_repeatable(chain: Chain) -> None:
    place = box.deploy(chain)
    prepared = chain.prepare(box.put(place, 1, 1), box.KEY)
    assert PreparedTx.from_raw(prepared.raw, box.OWNER) == prepared
    first = chain.broadcast(prepared)
    assert chain.broadcast(prepared) == first
    dearer = chain.reprice(prepared, box.KEY)
    assert (dearer.nonce, dearer.data, dearer.to) == (prepared.nonce, prepared.data, prepared.to)
    assert dearer.max_fee_wei > prepared.max_fee_wei
    assert chain.broadcast(dearer, earlier=[prepared.tx_hash]) == first
    with pytest.raises(NonceTaken):
        chain.broadcast(dearer)


def test_old_receipts_and_logs_come_from_the_index(chain: Chain) -> None:
    place = box.deploy(chain)
    hashes = [chain.send(box.put(place, i, 1), box.KEY).tx_hash for i in range(30)]
    begin = time.monotonic()
    logs = chain.logs(place, ["0x" + (42).to_bytes(32, "big").hex()], 0)
    assert [entry.tx_hash for entry in logs] == hashes
    assert all(chain.result(tx_hash) is not None for tx_hash in hashes)
    assert time.monotonic() - begin < 1
    assert chain.logs(place, ["0x" + bytes(32).hex()], 0) == ()
    assert chain.logs(place, [], logs[3].block, logs[5].block) == logs[3:6]


def test_web3_works_on_the_same_chain(chain: Chain) -> None:
    place = box.deploy(chain)
    assert chain.w3.eth.chain_id == chain.chain_id
    assert chain.w3.eth.get_block("latest")["timestamp"] == chain.now()
    assert chain.w3.eth.get_code(place) == chain.code(place)


def test_same_transactions_same_blocks(tmp_path: Path) -> None:
    heads = []
    for name in ("a", "b"):
        embedded.create(tmp_path / name, box.START)
        provider = embedded.open_provider(tmp_path / name, 0)
        chain = Chain(NodeConfig(kind=NodeKind.EMBEDDED, path=tmp_path / name), provider, [box.BOX])
        box.deploy(chain)
        heads.append(chain._block("latest")["hash"])
        provider.close()
    assert heads[0] == heads[1]


def test_wrong_files(node: NodeConfig, tmp_path: Path) -> None:
    assert node.path is not None
    with pytest.raises(ChainFileExists):
        embedded.create(node.path, box.START)
    with pytest.raises(ChainFileMissing):
        embedded.open_provider(tmp_path / "none", 0)
    other = tmp_path / "other"
    other.write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(NotAChainFile):
        embedded.open_provider(other, 0)
    other.write_bytes(b"")
    with pytest.raises(NotAChainFile):
        embedded.open_provider(other, 0)
    foreign = sqlite3.connect(tmp_path / "foreign")
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    before = (tmp_path / "foreign").read_bytes()
    with pytest.raises(NotAChainFile):
        embedded.open_provider(tmp_path / "foreign", 0)
    assert (tmp_path / "foreign").read_bytes() == before

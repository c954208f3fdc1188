"""A local anvil node: started and stopped from code, bound to 127.0.0.1, its state in a directory of its own.

For trial and tests. Blocks are one second apart whatever the machine's clock says, as on the embedded chain.
"""

import json
import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lindenstrom.chain.errors import AnvilDidNotStart, AnvilMissing, NodeError, NodeUnreachable
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.rpc import Rpc, http_provider

HOST = "127.0.0.1"
START_WAIT_S = 15.0
STOP_WAIT_S = 10.0
CHAIN_ID = 31337
_PID_FILE = "anvil.json"
_STATE_FILE = "state.json"
_LOG_FILE = "anvil.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnvilNode:
    """A node that was started here."""

    pid: int
    url: str
    directory: Path

    @property
    def config(self) -> NodeConfig:
        """How to open it."""
        return NodeConfig(kind=NodeKind.ANVIL, url=self.url)


def find_anvil() -> Path:
    """The anvil program: from contracts/node_modules of a source tree, else from the PATH. Errors: AnvilMissing."""
    tail = Path("contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    for folder in Path(__file__).resolve().parents:
        if (folder / tail).is_file():
            return folder / tail
    found = shutil.which("anvil")
    if found is None:
        raise AnvilMissing
    return Path(found)


def start(
    directory: Path, start_time: int, *, port: int = 0, binary: Path | None = None, hardfork: str = "cancun"
) -> AnvilNode:
    """Start a node, or return the one that runs in this directory already.

    start_time: unix time of the genesis block of a new chain; a chain kept in the directory goes on from its own time.
    port: 0 takes a free one. hardfork: "osaka" verifies P-256. Errors: AnvilMissing, AnvilDidNotStart.
    """
    running = find(directory)
    if running is not None:
        return running
    directory.mkdir(parents=True, exist_ok=True)
    state = directory / _STATE_FILE
    last_time = _last_time(state)
    port = port or _free_port()
    command = [
        str(binary or find_anvil()),
        *("--host", HOST, "--port", str(port), "--chain-id", str(CHAIN_ID), "--hardfork", hardfork),
        *("--state", str(state), "--state-interval", "1", "--preserve-historical-states"),
        *("--timestamp", str(max(start_time, last_time)), "--accounts", "1"),
        *("--enable-tx-gas-limit", "--no-cors", "--quiet"),
    ]
    log = directory / _LOG_FILE
    node = AnvilNode(pid=_spawn(command, log), url=f"http://{HOST}:{port}", directory=directory)
    (directory / _PID_FILE).write_text(json.dumps({"pid": node.pid, "url": node.url}))
    try:
        _wait_until_up(node, log)
    except BaseException:
        stop(directory)
        raise
    return node


def find(directory: Path) -> AnvilNode | None:
    """The node that runs in a directory, None when there is none."""
    try:
        noted = json.loads((directory / _PID_FILE).read_text())
        node = AnvilNode(pid=int(noted["pid"]), url=str(noted["url"]), directory=directory)
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return node if _is_ours(node.pid) else None


def stop(directory: Path) -> bool:
    """Stop the directory's node after it has written its state; False when none was running."""
    node = find(directory)
    if node is None:
        (directory / _PID_FILE).unlink(missing_ok=True)
        return False
    os.kill(node.pid, signal.SIGTERM)
    if not _gone_within(node.pid, STOP_WAIT_S):
        os.kill(node.pid, signal.SIGKILL)
        _gone_within(node.pid, STOP_WAIT_S)
    (directory / _PID_FILE).unlink(missing_ok=True)
    return True


def _wait_until_up(node: AnvilNode, log: Path) -> None:
    rpc = Rpc(http_provider(node.url), node.url, ())
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline:
        if not _is_ours(node.pid):
            break
        with suppress(OSError):
            socket.create_connection((HOST, int(node.url.rsplit(":", 1)[1])), timeout=1).close()
            with suppress(NodeUnreachable, NodeError):
                # Without it anvil would add the machine's elapsed time to every block.
                rpc.ask("anvil_setBlockTimestampInterval", 1)
                return
        time.sleep(0.05)
    raise AnvilDidNotStart(log)


def _spawn(command: list[str], log: Path) -> int:
    # The node outlives its parent and is ended by pid: an object to wait for would only be in the way.
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)


def _last_time(state: Path) -> int:
    try:
        block = json.loads(state.read_text())["block"]
    except (FileNotFoundError, ValueError, KeyError):
        return 0
    return int(str(block.get("timestamp", "0x0")), 16)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ours(pid: int) -> bool:
    # A pid may have been given to another program since.
    try:
        before, after = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
    except OSError:
        return False
    return before.endswith("(anvil") and after.split()[0] != "Z"


def _gone_within(pid: int, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not _is_ours(pid):
            return True
        time.sleep(0.05)
    return False

"""What an adapter hangs on, outside its process: a node behind a line that fails to order, and an anvil to itself."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from lindenstrom.chain.anvil import CHAIN_ID, find_anvil
from lindenstrom.chain.errors import NodeError, NodeUnreachable
from lindenstrom.chain.rpc import Rpc, http_provider


class NodeFault(StrEnum):
    """How a node can be away."""

    NONE = "none"
    DOWN = "down"
    SILENT = "takes it and never answers"
    ANSWER_LOST = "takes transactions, the answer is lost"
    TWICE = "hears everything twice"
    SLOW = "slow"
    STUCK = "mines nothing for a while"
    POOR = "the account has no coin for a while"
    REORG = "a reorganisation takes blocks back"


class NodeLine:
    """An HTTP line to a node."""

    def __init__(self, port: int) -> None:
        self.fault = NodeFault.NONE
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm: ClassVar[bool] = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sends = b"eth_sendRawTransaction" in body
                fault = line.fault
                if fault is NodeFault.DOWN:
                    self.close_connection = True
                    return
                if fault is NodeFault.SLOW:
                    time.sleep(0.02)
                answer = line.forward(port, body)
                if fault is NodeFault.TWICE and sends:
                    answer = line.forward(port, body)
                if fault is NodeFault.SILENT or (fault is NodeFault.ANSWER_LOST and sends):
                    self.close_connection = True
                    return
                with suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that was killed is no error here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @staticmethod
    def forward(port: int, body: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def close(self) -> None:
        """End the line."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def own_anvil(folder: Path, port: int, start: int) -> Iterator[Rpc]:
    """An anvil that keeps its state in memory only, for thousands of blocks. Raises AnvilMissing."""
    command = [
        *(str(find_anvil()), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)),
        *("--hardfork", "cancun", "--timestamp", str(start), "--accounts", "1", "--quiet", "--no-cors"),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "anvil.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    rpc = Rpc(http_provider(f"http://127.0.0.1:{port}"), "anvil", ())
    try:
        for _ in range(200):
            with suppress(NodeUnreachable, NodeError):
                rpc.ask("anvil_setBlockTimestampInterval", 1)
                break
            time.sleep(0.05)
        yield rpc
    finally:
        process.kill()
        process.wait()

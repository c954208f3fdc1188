"""The adapter's health: a page for people, JSON for programs, Prometheus metrics; on this machine only, nothing secret.

`/` for people, `/health` JSON (status 200 while all is well, else 503), `/metrics`. Read only. No reading, name,
metering point or meter number is in it. A request must name this machine (Host), so that no web page can read it.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from lindenstrom.metering.sources import LibraryMissing

LOOPBACK = "127.0.0.1"
HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LONGEST_REQUEST = 8192
PATIENCE_S = 5.0
METRICS = {
    "source_open": "Whether the source is open.",
    "last_bytes_age_seconds": "Since anything was received from the source; absent before.",
    "last_telegram_age_seconds": "Since the last whole telegram; absent before.",
    "telegrams_total": "Whole telegrams since the start.",
    "damaged_total": "Damaged telegrams since the start.",
    "received_bytes_total": "Bytes received since the start.",
    "meter_locked": "Whether the meter gives whole kWh only.",
    "accepted_bytes_total": "Bytes brought onto the disk since the start.",
    "waiting_bytes": "In memory only, waiting for disk or clock.",
    "refused_pieces_total": "Pieces that could not be kept since the start.",
    "commits_total": "Writes forced to the disk since the start.",
    "clock_doubted": "Whether the clock may not stamp readings.",
    "disk_free_bytes": "Free on the disk of the reader's folder.",
    "days_built": "Days built.",
    "days_anchored": "Days on the chain.",
    "days_final": "Days that the chain cannot lose any more.",
    "days_waiting": "Days that are over and not built.",
    "outbox_depth": "Days built and not on the chain.",
    "gaps": "Entries of the gap list.",
    "last_round_age_seconds": "Since the last look for days to build and anchor; absent before.",
    "last_round_ok": "Whether it went through.",
    "node_height": "Newest block seen; 0 before.",
    "node_block_age_seconds": "Since the newest block seen, by its own time; absent on trial chains.",
    "healthy": "Whether all is well.",
}


class HealthPage:
    """Serves what `snapshot` gives; see `Runner.health`."""

    def __init__(self, snapshot: Callable[[], dict[str, Any]]) -> None:
        self._snapshot = snapshot
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Listen on a port of this machine (0: any free one); the port. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, limit=LONGEST_REQUEST)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(PATIENCE_S):
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, kind, body = self.answer(request)
                head = (
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        writer.close()

    def answer(self, request: str) -> tuple[str, str, bytes]:
        """Status, type and body for a request's head."""
        lines = request.split("\r\n")
        method, _, rest = lines[0].partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        hosts = [line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("host:")]
        if any(_without_port(host) not in HOSTS for host in hosts):
            return "421 Misdirected Request", "text/plain", b"ask by 127.0.0.1 or localhost\n"
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", "text/plain", b"only GET\n"
        if path == "/health":
            found = self._snapshot()
            status = "200 OK" if found["healthy"] else "503 Service Unavailable"
            return status, "application/json", (json.dumps(found, indent=2) + "\n").encode()
        if path == "/metrics":
            try:
                return "200 OK", "text/plain; version=0.0.4", metrics(self._snapshot())
            except LibraryMissing as missing:
                return "501 Not Implemented", "text/plain", f"{missing}\n".encode()
        if path == "/":
            return "200 OK", "text/html", _page(self._snapshot()).encode()
        return "404 Not Found", "text/plain", b"/, /health or /metrics\n"


def metrics(found: dict[str, Any]) -> bytes:
    """Prometheus text of a snapshot. Raises LibraryMissing."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
        from prometheus_client.registry import Collector
    except ImportError:
        raise LibraryMissing("prometheus-client") from None
    kinds = {True: CounterMetricFamily, False: GaugeMetricFamily}

    class Snapshot(Collector):
        def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
            for name, what in METRICS.items():
                rows = _rows(found, name)
                if rows:
                    labels = list(rows[0][0])
                    family = kinds[name.endswith("_total")](f"lindenstrom_adapter_{name}", what, labels=labels)
                    for at, value in rows:
                        family.add_metric(list(at.values()), float(value))
                    yield family

    registry = CollectorRegistry()
    registry.register(Snapshot())
    text: bytes = generate_latest(registry)
    return text


def _rows(found: dict[str, Any], name: str) -> list[tuple[dict[str, str], int]]:
    """Labels and value of a metric: one row, or one a source; none where there is nothing yet."""
    if name in found:
        return [] if found[name] is None else [({}, found[name])]
    return [
        ({"position": str(source["position"]), "source": source["source"]}, source[name])
        for source in found["sources"]
        if source.get(name) is not None
    ]


def _page(found: dict[str, Any]) -> str:
    sources = found["sources"]
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in (sources[0] if sources else ()))
    rows = "".join("<tr>" + "".join(f"<td>{_cell(v)}</td>" for v in source.values()) + "</tr>" for source in sources)
    figures = "".join(
        f"<tr><th>{html.escape(k.replace('_', ' '))}</th><td>{_cell(v)}</td></tr>" for k, v in _flat(found)
    )
    state = "all is well" if found["healthy"] else "needs attention: " + ", ".join(found["problems"])
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<title>adapter</title><style>body{font:16px sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left}"
        f"</style><h1>Metering adapter</h1><p><strong>{html.escape(state)}</strong></p>"
        f"<table><tr>{head}</tr>{rows}</table><table>{figures}</table></html>\n"
    )


def _flat(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in found.items() if key not in ("sources", "problems", "healthy"))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None or value == "" else html.escape(str(value))


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()

"""The guard against sockets guards."""

import socket
from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "reach",
    [
        lambda s: socket.create_connection(("127.0.0.1", 9)),
        lambda s: socket.getaddrinfo("localhost", 9),
        lambda s: s.connect(("127.0.0.1", 9)),
        lambda s: s.bind(("127.0.0.1", 0)),
    ],
    ids=["create_connection", "getaddrinfo", "connect", "bind"],
)
def test_unit_test_opens_no_socket(reach: Callable[[socket.socket], object]) -> None:
    with socket.socket() as unbound, pytest.raises(AssertionError, match="opened a socket"):
        reach(unbound)


@pytest.mark.integration
def test_integration_test_may() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        assert server.getsockname()[1]

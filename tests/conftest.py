"""What all tests share: a test opens no socket unless it is marked `integration` or `anvil`."""

import socket
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

# Speed is measured elsewhere; a loaded machine must not fail a property.
settings.register_profile("lindenstrom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lindenstrom")

# Found by its entry point where the project is installed; named here for a bare checkout.
pytest_plugins = ["lindenstrom_contracts.testing.plugin"]

SOCKETED = ("integration", "anvil")


class SocketInUnitTest(AssertionError):
    """A unit test reached for the network."""

    def __init__(self) -> None:
        super().__init__("a unit test opened a socket; mark it `integration`, or test the part below")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test without another marker is a unit test; deep ones run only where they are asked for."""
    if "deep" not in str(config.getoption("markexpr")):
        left_out = [item for item in items if item.get_closest_marker("deep")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if not any(item.get_closest_marker(name) for name in ("unit", *SOCKETED)):
            item.add_marker("unit")


def refuse(*_args: object, **_kwargs: object) -> NoReturn:
    raise SocketInUnitTest


@pytest.fixture(autouse=True)
def _no_socket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if any(request.node.get_closest_marker(name) for name in SOCKETED):
        return
    for name in ("bind", "connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)

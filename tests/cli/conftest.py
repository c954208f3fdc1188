"""One community for all tests of commands: founded once, settled once, and copied where a test changes it."""

from pathlib import Path

import pytest

from cli.cli_home import CliHome, found, settle


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> CliHome:
    """Not to be changed."""
    return found(tmp_path_factory.mktemp("founded") / "home")


@pytest.fixture(scope="session")
def settled(founded: CliHome, tmp_path_factory: pytest.TempPathFactory) -> CliHome:
    """With one day posted. Not to be changed."""
    home = founded.copy(tmp_path_factory.mktemp("settled") / "home")
    settle(home)
    return home


@pytest.fixture
def home(founded: CliHome, tmp_path: Path) -> CliHome:
    """A founded community of the test's own."""
    return founded.copy(tmp_path / "fresh")


@pytest.fixture
def day(settled: CliHome, tmp_path: Path) -> CliHome:
    """A settled day of the test's own."""
    return settled.copy(tmp_path / "home")

"""A community's directory: where its chain, keys, store, readers and mailbox are."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lindenstrom_cli.errors import BadSettings, HomeExists, NotAHome
from lindenstrom_cli.files import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `init` was told, for the deployment. start: unix time at which a new chain of this home begins."""

    name: str
    zone: str
    depth: int
    start: int
    auditors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """Paths inside a home. Nothing is read or made here but by `create` and `require`."""

    root: Path

    @property
    def community(self) -> Path:
        """The community file: contracts, chain, constants."""
        return self.root / "community.toml"

    @property
    def settings(self) -> Path:
        """What `init` was told."""
        return self.root / "home.toml"

    @property
    def keys(self) -> Path:
        """Folder of the key files."""
        return self.root / "keys"

    @property
    def chain(self) -> Path:
        """The embedded chain."""
        return self.root / "chain.sqlite"

    @property
    def anvil(self) -> Path:
        """State of a local node."""
        return self.root / "anvil"

    @property
    def store(self) -> Path:
        """The operator's store."""
        return self.root / "operator" / "store.sqlite"

    @property
    def month_keys(self) -> Path:
        """The operator's month keys: apart from the store, and in no backup of it."""
        return self.root / "month-keys" / "operator.sqlite"

    @property
    def mailbox(self) -> Path:
        """Where packs and bundles are handed over."""
        return self.root / "mailbox"

    @property
    def readers(self) -> Path:
        """Readers' folders, by alias."""
        return self.root / "metering"

    def create(self) -> None:
        """Make the folders. Raises HomeExists."""
        if self.root.exists() and any(self.root.iterdir()):
            raise HomeExists(self.root)
        for folder in (self.root, self.keys, self.store.parent, self.mailbox):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write_settings(self, settings: Settings) -> None:
        """Write home.toml."""
        lines = [
            "# What `lindenstrom init` was told; `lindenstrom contracts deploy` fixes it for good.",
            f"name = {json.dumps(settings.name, ensure_ascii=False)}",
            f"zone = {json.dumps(settings.zone)}",
            f"depth = {settings.depth}",
            f"start = {settings.start}",
            f"auditors = {json.dumps(list(settings.auditors))}",
        ]
        write_atomically(self.settings, "\n".join(lines) + "\n")

    def read_settings(self) -> Settings:
        """Read home.toml. Raises NotAHome, BadSettings."""
        if not self.settings.is_file():
            raise NotAHome(self.root, self.settings.name)
        try:
            data = tomllib.loads(self.settings.read_text(encoding="utf-8"))
            return Settings(
                name=str(data["name"]),
                zone=str(data["zone"]),
                depth=int(data["depth"]),
                start=int(data["start"]),
                auditors=tuple(map(str, data["auditors"])),
            )
        except (ValueError, KeyError, TypeError):
            raise BadSettings(self.settings) from None

    def require(self) -> "Home":
        """This home, when it holds a community. Raises NotAHome."""
        if not self.community.is_file():
            raise NotAHome(self.root, self.community.name)
        return self

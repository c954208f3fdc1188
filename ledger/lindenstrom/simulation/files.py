"""Files of a simulation, in a folder of its own: many small ones that grow day by day, none of them kept open."""

from dataclasses import dataclass
from pathlib import Path

from lindenstrom.errors import UsageError


class FolderNotEmpty(UsageError):
    """A simulation would mix with other files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty; name a new folder, or empty it first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """A simulation's folder."""

    root: Path

    @classmethod
    def fresh(cls, root: Path) -> "Shelves":
        """Make the folder, or take an empty one. Raises FolderNotEmpty."""
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise FolderNotEmpty(root)
        return cls(root=root)

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file, made if need be; nothing is made for nothing."""
        if data:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(data)

    def has(self, name: str) -> bool:
        """Whether a file was begun."""
        return (self.root / name).exists()


def kwh(energy_mwh: int, places: int = 6) -> str:
    """kWh with a point and so many places; what they do not show is floored."""
    whole, rest = divmod(energy_mwh, 1_000_000)
    return f"{whole}.{rest // 10 ** (6 - places):0{places}d}"

"""Writing files that must never be half written, and secrets that others must never read."""

import os
import tempfile
from pathlib import Path

SECRET_MODE = 0o600
PLAIN_MODE = 0o644


def write_atomically(path: Path, text: str, mode: int = PLAIN_MODE) -> None:
    """Replace a file in one step: a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    write_atomically(path, text, SECRET_MODE)


def readable_by_others(path: Path) -> bool:
    """Whether someone besides the owner may read the file."""
    return bool(path.stat().st_mode & 0o077)

"""The sentences that the Solidity sources say about their functions, errors, events and structs."""

import re
from pathlib import Path
from typing import Final

BLOCK: Final = re.compile(
    r"((?:^[ \t]*///.*\n)+)[ \t]*(?:abstract )?(interface|function|error|event|struct) (\w+)", re.MULTILINE
)


class Notices:
    """Sentences by kind and name."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], str] = {}

    def add(self, kind: str, name: str, text: str) -> None:
        """Keep a sentence."""
        self._said[kind, name] = text.replace("\\", "/")

    def get(self, kind: str, name: str) -> str:
        """The sentence, empty where the sources say none."""
        return self._said.get((kind, name), "")


def notices(package: Path) -> Notices:
    """What `@notice` says; the interfaces' words win over the libraries'."""
    said = Notices()
    for path in (*sorted(package.glob("libraries/*.sol")), *sorted(package.glob("interfaces/*.sol"))):
        for block, kind, name in BLOCK.findall(path.read_text("utf-8")):
            text = " ".join(line.strip().removeprefix("///").strip() for line in block.splitlines())
            said.add(kind, name, re.split(r"(?:^|\s)@(?!notice)", text)[0].removeprefix("@notice").strip())
    return said

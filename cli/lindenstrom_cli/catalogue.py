"""Every text that people read, by id: one catalogue a language. English is the first."""

from typing import Final

from lindenstrom_cli.english import ENGLISH
from lindenstrom_cli.english_demo import DEMO

CATALOGUE: Final = ENGLISH | DEMO


def text(message: str, /, **values: object) -> str:
    """The text of an id, with its values put in. An unknown id is a bug."""
    return CATALOGUE[message].format(**values) if values else CATALOGUE[message]

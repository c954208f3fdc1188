"""Progress on stderr: only at a terminal, never with --quiet or --json."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import click

Item = TypeVar("Item")


def track(items: Sequence[Item], label: str, *, shown: bool) -> Iterator[Item]:
    """Go through items, with a bar where someone can see it."""
    if not (shown and sys.stderr.isatty()) or len(items) < 2:
        yield from items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        steps: Iterable[Item] = bar
        yield from steps

"""Progress on stderr: only at a terminal, never with --quiet or --json."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def bar(length: int, label: str, *, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar over so many bytes, and what moves it (done, whole); none where nobody can see it."""
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as made:
        yield lambda done, _: made.update(done - made.pos)

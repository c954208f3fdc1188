"""The only place that prints: results as text or JSON on stdout, everything else on stderr."""

import json
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum, IntFlag
from pathlib import Path
from typing import Any, ClassVar

import click

from lindenstrom.errors import ExitCode

SCHEMA_PREFIX = "lindenstrom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(ABC):
    """What a command returns. SCHEMA names its JSON form; `lines` is its text."""

    SCHEMA: ClassVar[str]

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the command."""
        return ExitCode.OK

    @abstractmethod
    def lines(self) -> Iterable[str]:
        """The text, line by line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Result):
    """A result that is not all there at once: its JSON is one object a line, its exit code is known at the end."""

    @abstractmethod
    def records(self) -> Iterator[Mapping[str, Any]]:
        """What the JSON lines hold, in plain types."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """Shows results and messages."""

    as_json: bool = False
    quiet: bool = False

    def result(self, result: Result) -> None:
        """A command's result, on stdout."""
        if self.as_json and isinstance(result, Stream):
            for record in result.records():
                click.echo(json.dumps(record, ensure_ascii=False))
        elif self.as_json:
            click.echo(json_text(result))
        else:
            for line in result.lines():
                click.echo(line)

    def note(self, message: str) -> None:
        """A passing remark, on stderr, unless --quiet."""
        if not self.quiet:
            click.echo(message, err=True)

    def error(self, message: str, hint: str | None = None) -> None:
        """One clear line on stderr, and what to do."""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
        if hint:
            click.echo(f"{click.style('hint:', fg='cyan')} {hint}", err=True)

    def trace(self, trace: str) -> None:
        """A traceback, on stderr (only with --debug)."""
        click.echo(trace, err=True)


def json_text(result: Result) -> str:
    """JSON of a result: its schema first; bytes as 0x hex, p€ as decimal text (they exceed what JSON readers keep)."""
    document = {"schema": f"{SCHEMA_PREFIX}/{result.SCHEMA}@1", **_plain_fields(result)}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _plain_fields(value: Any) -> dict[str, Any]:
    pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
    return {name: str(v) if name.endswith("_peur") and v is not None else plain(v) for name, v in pairs}


def plain(value: Any) -> Any:
    """A value in JSON's own types."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_fields(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, IntFlag):
        return int(value)
    if isinstance(value, Enum):
        return (value.name or "").lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> Iterator[str]:
    """Lines of a table; the columns in `right` are aligned right."""
    cells = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        columns = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        yield "  ".join(columns).rstrip()


def emphasis(word: str, colour: str) -> str:
    """A coloured word; the colour never carries the meaning alone, and is dropped where there is no terminal."""
    return click.style(word, fg=colour, bold=True)


def wrapped(paragraph: str) -> Iterator[str]:
    """A paragraph as indented lines of at most 100 characters."""
    yield from textwrap.wrap(paragraph, 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def hexed(value: bytes) -> str:
    """0x hex."""
    return "0x" + value.hex()


def trimmed(decimal: str) -> str:
    """A decimal without the zeros at its end, but with two places at least."""
    whole, _, fraction = decimal.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def utc(time: int) -> str:
    """A unix time for people, in UTC."""
    return datetime.fromtimestamp(time, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")

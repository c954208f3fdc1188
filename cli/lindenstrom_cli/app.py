"""What every command shares: its options, its session, and the way from a result to the screen."""

import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from lindenstrom_cli.home import Home
from lindenstrom_cli.keys import KeyRing
from lindenstrom_cli.progress import Item, bar, track
from lindenstrom_cli.prompter import Prompter
from lindenstrom_cli.render import Renderer, Result

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of one command."""

    home: Home
    keys: KeyRing
    prompter: Prompter
    renderer: Renderer
    _cleanups: list[Callable[[], None]] = field(default_factory=list)

    def note(self, message: str) -> None:
        """A passing remark on stderr."""
        self.renderer.note(message)

    def progress(self, message: str) -> None:
        """A step's end, on stderr where someone can see it pass."""
        if not self.renderer.as_json and sys.stderr.isatty():
            self.renderer.note(message)

    def track(self, items: list[Item], label: str) -> Any:
        """Go through items with a progress bar where that helps."""
        return track(items, label, shown=not (self.renderer.quiet or self.renderer.as_json))

    def bar(self, length: int, label: str) -> AbstractContextManager[Callable[[int, int], None] | None]:
        """A progress bar over one long piece of work, where that helps."""
        return bar(length, label, shown=not (self.renderer.quiet or self.renderer.as_json))

    def later(self, cleanup: Callable[[], None]) -> None:
        """Run something when the command ends, however it ends."""
        self._cleanups.append(cleanup)

    def end(self) -> None:
        """Run what was put off, last first."""
        while self._cleanups:
            self._cleanups.pop()()


class Command(click.Command):
    """A command whose help ends with examples."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"), formatter.indentation():
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent - 2}}$ lindenstrom {example}\n")


class Group(click.Group):
    """A group whose list of commands shows each one's first sentence whole."""

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write name and first sentence of every command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(made.help or "")) for name, made in self.commands.items()])


def first_sentence(paragraph: str) -> str:
    """First sentence of a help text."""
    return " ".join(paragraph.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".") + "."


def group(name: str, help_text: str) -> Group:
    """Begin a group."""
    return Group(name, help=help_text, context_settings=CONTEXT)


def command(
    parent: click.Group | None, name: str, *examples: str, password: bool = False
) -> Callable[[Callable[..., Result]], Command]:
    """Make a function `f(session, …) -> Result` a command; its docstring is the help, `examples` end it.

    password: whether the command can unlock keys (adds --password-file).
    """

    def wrap(function: Callable[..., Result]) -> Command:
        @functools.wraps(function)
        def run(**given: Any) -> int:
            session = _session(given)
            try:
                result = function(session, **given)
            finally:
                session.end()
            session.renderer.result(result)
            return int(result.exit_code)

        _append_options(run, _shared_options(password=password))
        made = click.command(name, cls=Command, context_settings=CONTEXT)(run)
        made.examples = examples
        if parent is not None:
            parent.add_command(made)
        return made

    return wrap


def _append_options(function: Callable[..., Any], options: list[Callable[..., Any]]) -> None:
    """Put options after the function's own: click keeps parameters in reverse order until the command is made."""

    def holder() -> None: ...

    for option in reversed(options):
        option(holder)
    own: list[click.Parameter] = getattr(function, "__click_params__", [])
    function.__dict__["__click_params__"] = [*holder.__dict__["__click_params__"], *own]


def _shared_options(*, password: bool) -> list[Callable[..., Any]]:
    folder = click.Path(file_okay=False, path_type=Path)
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    secret = click.option("--password-file", type=file, metavar="FILE", help="Read the key's password from here.")
    return [
        click.option(
            "--home", type=folder, default=Path(), metavar="DIR", help="Community's directory (default: here)."
        ),
        *([secret] if password else []),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--quiet", "-q", is_flag=True, help="No remarks, no progress."),
        click.option("--no-input", is_flag=True, help="Never ask: fail where an answer is needed."),
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
    ]


def _session(given: dict[str, Any]) -> Session:
    """Take the shared options out of what was given. A test may put its own prompter into the context's obj."""
    renderer = Renderer(as_json=given.pop("as_json"), quiet=given.pop("quiet"))
    given.pop("debug")  # read where errors are reported
    no_input = given.pop("no_input")
    injected = click.get_current_context().obj
    prompter = injected if isinstance(injected, Prompter) else Prompter(may_ask=not no_input)
    home = Home(given.pop("home"))
    keys = KeyRing(folder=home.keys, prompter=prompter, password_file=given.pop("password_file", None))
    return Session(home=home, keys=keys, prompter=prompter, renderer=renderer)

"""The `lindenstrom` command: which module holds which command, and what every failure looks like.

Commands are imported when they run, and heavy libraries (web3, SQLAlchemy) inside the functions that need them, so that
`--help` and an offline `verify` answer at once.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from lindenstrom import __version__
from lindenstrom.chain.errors import ContractRefused
from lindenstrom.errors import ExitCode, LindenstromError
from lindenstrom_cli.catalogue import CATALOGUE, text
from lindenstrom_cli.errors import message_and_hint
from lindenstrom_cli.render import Renderer, utc

SECTIONS: dict[str, dict[str, str]] = {
    "start": {"demo": "lindenstrom_cli.demo.run:demo", "init": "init:init", "simulate": "simulate:simulate"},
    "community": {
        "contracts": "contracts:contracts",
        "chain": "chain:chain",
        "key": "key:key",
        "member": "people:member",
        "reader": "people:reader",
        "auditor": "auditors:auditor",
        "agreement": "agreement:agreement",
    },
    "daily": {"meter": "meter:meter", "adapter": "adapter:adapter", "operator": "operator:operator"},
    "check": {
        "statement": "statement:statement",
        "verify": "verify:verify",
        "refute": "refute:refute",
        "demand": "demand:demand",
        "carry": "carry:carry",
        "audit": "audit:audit",
    },
    "tool": {"completion": "completion:completion"},
}
CONTEXT = {"help_option_names": ["-h", "--help"]}
COMMANDS = {name: place for section in SECTIONS.values() for name, place in section.items()}


class Reporting(click.Group):
    """A group that turns every exception into one line and an exit code: the one place that does."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run, and map what goes wrong."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            outcome = super().main(given, *rest, **extra)
            sys.exit(outcome if isinstance(outcome, int) else ExitCode.OK)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            sys.exit(report(error, debug="--debug" in given))


class Root(Reporting):
    """The root group: loads commands lazily."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """All commands, without importing one."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        full = module if "." in module else f"lindenstrom_cli.commands.{module}"
        command: click.Command = getattr(import_module(full), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands by section, in the order in which a newcomer meets them."""
        for section, commands in SECTIONS.items():
            with formatter.section(text(f"section.{section}")):
                formatter.write_dl([(name, text(f"help.{name}")) for name in commands])


def report(error: Exception, *, debug: bool) -> int:
    """Say what went wrong and return the exit code."""
    renderer = Renderer()
    if debug and not isinstance(error, (click.Abort, click.ClickException)):
        renderer.trace("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, LindenstromError):
        message, hint = message_and_hint(error)
        # A contract's own error carries its name: the catalogue says what to do about it.
        hint = hint or CATALOGUE.get(f"refused.{getattr(error, 'name', '')}")
        if isinstance(error, ContractRefused) and hint and "{time}" in hint:
            hint = hint.format(time=utc(int(str(error.values[0]))))
        renderer.error(message, hint)
        return error.exit_code
    if isinstance(error, click.Abort):
        renderer.error(text("error.interrupted"))
        return ExitCode.INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        renderer.note(error.format_message())
        return ExitCode.USAGE
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        path = context.command_path if context else "lindenstrom"
        renderer.error(error.format_message(), text("error.see_help", command=path))
        return ExitCode.USAGE
    if isinstance(error, OSError) and error.filename is not None:
        renderer.error(text("error.file", path=error.filename, reason=error.strerror), text("error.file_hint"))
        return ExitCode.COULD_NOT_CHECK
    renderer.error(text("error.bug", kind=type(error).__name__), None if debug else text("error.bug_hint"))
    return ExitCode.INTERNAL


@click.command(cls=Root, help=text("help.root"), epilog=text("help.root_epilog"), context_settings=CONTEXT)
@click.version_option(__version__, prog_name="lindenstrom")
def cli() -> None:
    """The root; its help text is in the catalogue."""


def main() -> None:
    """Entry point of the installed script. A terminal that lacks a character gets a question mark, not a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    cli.main(prog_name="lindenstrom")

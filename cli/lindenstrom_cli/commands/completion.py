"""completion: the shell's own completion script."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import click
from click.shell_completion import get_completion_class

from lindenstrom_cli.app import Session, command
from lindenstrom_cli.render import Result

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Result):
    """A completion script."""

    SCHEMA: ClassVar[str] = "completion"
    shell: str
    script: str

    def lines(self) -> Iterable[str]:
        """The script."""
        yield self.script


@command(None, "completion", "completion bash > ~/.local/share/bash-completion/completions/lindenstrom")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(session: Session, shell: str) -> Script:  # noqa: ARG001 - every command takes its session
    """Print the script that completes lindenstrom's commands in your shell."""
    from lindenstrom_cli.main import cli

    made = get_completion_class(shell)
    assert made is not None, "click knows the three shells"
    return Script(shell=shell, script=made(cli, {}, "lindenstrom", "_LINDENSTROM_COMPLETE").source())

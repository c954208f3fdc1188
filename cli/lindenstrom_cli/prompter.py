"""Questions to the person. A run that may not ask (--no-input, or no terminal) fails with the option that answers."""

import sys
from dataclasses import dataclass

import click

from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import Declined, InputNeeded


@dataclass(slots=True)
class Prompter:
    """Asks on the terminal; tests put their own in its place."""

    may_ask: bool = True

    def password(self, alias: str) -> str:
        """Password of an existing key. Raises InputNeeded."""
        return self._hidden(text("ask.password", alias=alias), "--password-file FILE", confirm=False)

    def new_password(self, alias: str) -> str:
        """Password for a new key, typed twice. Raises InputNeeded."""
        option = "--password-file FILE, or --unattended"
        return self._hidden(text("ask.new_password", alias=alias), option, confirm=True)

    def confirm(self, question: str) -> None:
        """Go on only after a yes. Raises Declined, InputNeeded."""
        if not self._terminal():
            raise InputNeeded(question, "--yes")
        if not click.confirm(question, default=False, err=True):
            raise Declined

    def _terminal(self) -> bool:
        return self.may_ask and sys.stdin.isatty()

    def _hidden(self, question: str, option: str, *, confirm: bool) -> str:
        if not self._terminal():
            raise InputNeeded(question, option)
        answer: str = click.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True)
        return answer

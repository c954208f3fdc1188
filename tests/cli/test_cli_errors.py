"""Whatever goes wrong: one clear line on stderr, the right exit code, never a traceback."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lindenstrom.errors import ExitCode, LindenstromError
from lindenstrom_cli import errors, main
from lindenstrom_cli.errors import message_and_hint
from lindenstrom_cli.main import Reporting, cli


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["nonsense"], 2),
        (["key"], 2),
        (["key", "new"], 2),
        (["key", "new", "UPPER CASE", "--unattended"], 2),
        (["key", "list", "--nonsense"], 2),
        (["meter", "read", "missing.bin"], 5),
        (["meter", "read", "noise.bin"], 5),
        (["verify", "missing.json"], 2),
        (["completion", "tcsh"], 2),
    ],
)
def test_one_line_and_the_right_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("noise.bin").write_bytes(b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01 and noise")
    outcome = CliRunner().invoke(cli, args)
    assert outcome.exit_code == code
    assert outcome.stdout == "" or outcome.stdout.startswith("Usage:")
    assert "Traceback" not in outcome.stderr
    if code != 2 or "error:" in outcome.stderr:
        assert outcome.stderr.startswith("error: ")
        assert outcome.stderr.count("error:") == 1


def raising(error: BaseException) -> Reporting:
    group = Reporting("trial")

    @group.command("fail")
    @click.option("--debug", is_flag=True)
    def fail(debug: bool) -> None:
        raise error

    return group


def test_an_unforeseen_exception_is_a_bug_and_shows_its_trace_only_on_request() -> None:
    group = raising(ZeroDivisionError("secret value 42"))
    plain = CliRunner().invoke(group, ["fail"])
    assert plain.exit_code == ExitCode.INTERNAL
    assert (
        plain.stderr
        == "error: this is a bug (ZeroDivisionError)\nhint: run again with --debug and report what it prints\n"
    )
    assert "Traceback" in CliRunner().invoke(group, ["fail", "--debug"]).stderr


def test_interrupt_is_130() -> None:
    assert CliRunner().invoke(raising(KeyboardInterrupt()), ["fail"]).exit_code == ExitCode.INTERRUPTED


def test_a_file_that_cannot_be_read_is_no_bug() -> None:
    outcome = CliRunner().invoke(raising(PermissionError(13, "Permission denied", "keys/a.json")), ["fail"])
    assert outcome.exit_code == ExitCode.COULD_NOT_CHECK
    assert "keys/a.json: Permission denied" in outcome.stderr


@pytest.mark.parametrize("code", [c for c in ExitCode if c not in (ExitCode.OK, ExitCode.INTERRUPTED)])
def test_every_exit_code_is_reached_by_its_error(code: ExitCode) -> None:
    class Failure(LindenstromError):
        exit_code = code

    assert CliRunner().invoke(raising(Failure("what is wrong; what to do")), ["fail"]).exit_code == code


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("what; remedy", ("what", "remedy")),
        ("what: a; b; remedy", ("what: a; b", "remedy")),
        ("expected a number, for example 11.5; got 'x'", ("expected a number, for example 11.5; got 'x'", None)),
        ("nothing to do", ("nothing to do", None)),
        ("It is so. Do this.", ("It is so", "Do this.")),
        ("There is no file at a.b/c.toml. Check the path.", ("There is no file at a.b/c.toml", "Check the path.")),
        ("Only one sentence.", ("Only one sentence.", None)),
    ],
)
def test_message_and_hint(message: str, expected: tuple[str, str | None]) -> None:
    assert message_and_hint(LindenstromError(message)) == expected


def test_each_error_of_the_command_line_has_a_family() -> None:
    own = [c for c in vars(errors).values() if isinstance(c, type) and c.__module__ == errors.__name__]
    assert own
    assert all(issubclass(c, LindenstromError) and c.exit_code is not ExitCode.INTERNAL for c in own)


def test_every_command_has_a_place_in_a_section() -> None:
    assert set(main.COMMANDS) == {name for section in main.SECTIONS.values() for name in section}

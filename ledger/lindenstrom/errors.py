"""The root of the error tree and the exit codes it maps to.

    LindenstromError
    ├── UsageError              2  the caller can fix it: wrong argument, wrong file
    ├── VerificationFailed      3  the evidence contradicts the claim
    ├── NotFinalYet             4  nothing is wrong, time has to pass
    ├── CouldNotCheck           5  network, missing file, unreadable evidence
    ├── RefusedByRules          6  the protocol or a contract says no
    └── KeyProblem              7  key or password

Every failure has a class of its own below one of these, and builds its own message: what is wrong, where, what to do.
Messages never carry a reading, an amount, a name or a metering point.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says. 3 and 5 never share a number: "it is false" is not "I could not read it"."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    VERIFICATION_FAILED = 3
    NOT_FINAL = 4
    COULD_NOT_CHECK = 5
    REFUSED = 6
    KEY = 7
    INTERRUPTED = 130


class LindenstromError(Exception):
    """Base of all errors that the project raises on purpose."""

    exit_code: ExitCode = ExitCode.INTERNAL


class UsageError(LindenstromError):
    """The caller gave something that cannot be used."""

    exit_code = ExitCode.USAGE


class VerificationFailed(LindenstromError):
    """The evidence contradicts the claim."""

    exit_code = ExitCode.VERIFICATION_FAILED


class NotFinalYet(LindenstromError):
    """Nothing is wrong so far, but time has to pass."""

    exit_code = ExitCode.NOT_FINAL


class CouldNotCheck(LindenstromError):
    """The check itself was impossible."""

    exit_code = ExitCode.COULD_NOT_CHECK


class RefusedByRules(LindenstromError):
    """A rule of the protocol forbids it."""

    exit_code = ExitCode.REFUSED


class KeyProblem(LindenstromError):
    """A key or its password is missing or wrong."""

    exit_code = ExitCode.KEY

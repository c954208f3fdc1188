"""Failures of the metering side. No message holds a reading, a name or a metering point: a meter is its position.

UsageError      CsvError, FolderError, SourceError, PositionNeeded,
                SeveralMeters, WindowNotBuilt                         the file, the set-up or the order is wrong
CouldNotCheck   JournalDamaged, JournalBusy, OutboxDamaged                what is kept cannot be used as it is
                DiskFull, DiskReadOnly, DiskFailed                        nothing could be written; nothing was accepted
                SenderBusy                                                another process is sending
RefusedByRules  MeterLocked, RegisterFell, RegisterJumped, MeterChanged,
                BreakUnfit, SlotTooLarge, ValueConflict                   the meter or its data needs attention
                ReadingsErased, ReadingsStillNeeded                       a month is erased, or may not be yet
NotFinalYet     WindowNotOver
KeyProblem      MonthKeyError
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lindenstrom.core.calendar import date_of
from lindenstrom.errors import CouldNotCheck, KeyProblem, NotFinalYet, RefusedByRules, UsageError


def clock_text(time_ms: int) -> str:
    """Return unix milliseconds as ISO-8601 UTC to the second."""
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).isoformat().replace("+00:00", "Z")


class CsvError(UsageError):
    """A CSV line cannot be taken."""

    def __init__(self, path: Path | str, line: int, what: str, remedy: str) -> None:
        super().__init__(f"{path}:{line}: {what}; {remedy}")


class JournalDamaged(CouldNotCheck):
    """A record before the end of a journal does not verify."""

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(
            f"{path}: the record at byte {offset} is damaged and others follow it; "
            "restore the file from a backup before going on"
        )


class JournalBusy(CouldNotCheck):
    """Another process writes the same journal."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another process is writing this journal; stop it, then try again")


class OutboxDamaged(CouldNotCheck):
    """The outbox is no database, or a damaged one."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged; move it aside and restore it from a backup (built days are also in the mailbox)"
        )


class StorageError(CouldNotCheck):
    """The disk did not take what was to be written: it was not accepted. What was accepted before is there."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; nothing that was accepted is lost. {remedy}")
        self.path = path


class DiskFull(StorageError):
    """No room, no quota, or the file may not grow."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "there is no room left to write", "Make room on the disk; writing goes on by itself.")


class DiskReadOnly(StorageError):
    """The file system takes no writes, or not from this user."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            "it cannot be written",
            "Check the owner of the folder and whether the disk was mounted read-only after an error.",
        )


class DiskFailed(StorageError):
    """The disk reported an error of its own."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, f"the disk failed ({reason})", "Replace the disk or card before it takes more with it.")


class SenderBusy(CouldNotCheck):
    """Another process is sending this reader's roots."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another process is sending for this reader; let it end, then try again")


class MeterLocked(RefusedByRules):
    """The meter gives whole kWh only, as it does before its PIN is entered."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"meter at position {position} gives whole kWh only: it is locked; "
            "enter its PIN at the meter (ask the metering operator for it) and set InF to On"
        )


class RegisterFell(RefusedByRules):
    """A register is lower than before, and no break is declared between."""

    def __init__(self, position: int, direction: str, time_ms: int) -> None:
        super().__init__(
            f"meter at position {position}: the {direction} register is lower at {clock_text(time_ms)} than before; "
            "declare the meter's swap or rollover (meter swap, meter break) if there was one"
        )


class RegisterJumped(RefusedByRules):
    """A register rises by more than the fuse of the connection lets through, and no break is declared between."""

    def __init__(self, position: int, direction: str, time_ms: int) -> None:
        super().__init__(
            f"meter at position {position}: up to {clock_text(time_ms)} the {direction} register rises by more than "
            "the fuse of its connection allows; declare the meter's swap if there was one (meter swap), "
            "or correct fuse_a of this meter in reader.json (0: no such check)"
        )


class MeterChanged(RefusedByRules):
    """The readings come from another meter, and no break is declared between."""

    def __init__(self, position: int, time_ms: int) -> None:
        super().__init__(
            f"meter at position {position}: from {clock_text(time_ms)} another meter answers; "
            "declare the swap (meter swap), or connect the reading head to the right meter"
        )


class BreakUnfit(RefusedByRules):
    """A declared break does not fit the readings around it, or the window has more than one."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(
            f"meter at position {position}: {what}; declare the break of that time again with the right registers, "
            "or withdraw it (meter break --withdraw)"
        )


class SlotTooLarge(RefusedByRules):
    """A quarter-hour value does not fit 32 bits of mWh (4 294 kWh)."""

    def __init__(self, position: int, time_ms: int) -> None:
        super().__init__(
            f"meter at position {position}: the quarter-hour from {clock_text(time_ms)} exceeds 4294 kWh; "
            "check the unit and the transformer factor of this meter"
        )


class FolderError(UsageError):
    """A reader's folder lacks something or holds something else than asked for."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; {remedy}")


class SourceError(UsageError):
    """Data of one form is offered for a meter that is set up for another."""

    def __init__(self, position: int, given: Sequence[str], wanted: str) -> None:
        *most, last = given
        others = f"{', '.join(most)} or {last}" if most else last
        super().__init__(
            f"meter at position {position} takes {wanted}, not {others}; "
            "import the matching file, or correct the set-up"
        )


class PositionNeeded(UsageError):
    """A file of registers is offered without saying whose they are."""

    def __init__(self) -> None:
        super().__init__("the file has registers of a meter; say which one it is: --position N (see meter list)")


class SeveralMeters(UsageError):
    """A file has several meters, and one position is to take its values."""

    def __init__(self) -> None:
        super().__init__("the file has several meters; say which one is at this position: --meter ID (see meter read)")


class ValueConflict(RefusedByRules):
    """A value for a time already in the journal differs from it."""

    def __init__(self, position: int, time_ms: int) -> None:
        super().__init__(
            f"meter at position {position}: another value for {clock_text(time_ms)} is already in the journal; "
            "a value once taken stays (corrections come as a new revision): remove the line from the file"
        )


class MonthKeyError(KeyProblem):
    """The file of a month key holds something else."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: the month key is not of 32 bytes; restore it from a backup")


class WindowNotBuilt(UsageError):
    """A step is asked for before the one that it needs."""

    def __init__(self, window: int, step: str) -> None:
        super().__init__(f"the packs of {date_of(window)} are not {step} yet; do that first")


class WindowNotOver(NotFinalYet):
    """A day is to be built before it is over."""

    def __init__(self, window: int) -> None:
        super().__init__(f"{date_of(window)} is not over yet; build it after local midnight")


class ReadingsErased(RefusedByRules):
    """A month's readings and key are deleted."""

    def __init__(self, month: str) -> None:
        super().__init__(f"{month} is erased at this reader: nothing of it can be taken, built or delivered again")


class ReadingsStillNeeded(RefusedByRules):
    """A month's readings cannot be erased yet."""

    def __init__(self, month: str, why: str) -> None:
        super().__init__(f"{month} cannot be erased at this reader yet: {why}; erase it after that")

"""What can go wrong at the command line itself.

UsageError      InputNeeded, NotAHome, BadSettings, HomeExists, BadAlias, KeyExists, BadHex, NoPoint, OutOfRange,
                DayOutOfSpan, BadMonth, BadClock, BadInstant, OtherChain, NoRoom, NoSuchMember, NoSuchMembership,
                ReaderExists, NoSuchReader, NoSuchAuditor, SeveralAuditors,
                ForeignBundle, ActFileExists, ActUnfit, NothingGiven, NothingExpected,
                EndBeforeStart
CouldNotCheck   UnreadableFile
RefusedByRules  Declined, NothingWrong, LevelsNotWrong, NotOpenAnyMore, NoOpenPosting, DisputesNotPublic
KeyProblem      WrongPassword, NoSuchKey, NoKeyFor, NotTheReadersKey, SignsReadingsOnly, BadKeyFile, OpenKeyFile
"""

import re
from datetime import date
from pathlib import Path

from lindenstrom.core.verification import PostingState
from lindenstrom.errors import CouldNotCheck, KeyProblem, LindenstromError, RefusedByRules, UsageError

_HINT_MARK = "; "
_LAST_SENTENCE = re.compile(r"\. (?=[A-Z][^.]*(?:\.[^ ][^.]*)*\.$)")


def message_and_hint(error: LindenstromError) -> tuple[str, str | None]:
    """Split a message into what is wrong and what to do: its last sentence, or what follows its last semicolon."""
    message = str(error)
    found = _LAST_SENTENCE.search(message)
    if found:
        return message[: found.start()], message[found.end() :]
    what, mark, remedy = message.rpartition(_HINT_MARK)
    return (message, None) if not mark or remedy.startswith("got ") else (what, remedy)


class InputNeeded(UsageError):
    """A question came up and nobody may be asked."""

    def __init__(self, question: str, option: str) -> None:
        super().__init__(f"an answer is needed ({question}), and this run may not ask; give {option}")


class Declined(RefusedByRules):
    """The person said no."""

    def __init__(self) -> None:
        super().__init__("declined, nothing was sent")


class NothingWrong(RefusedByRules):
    """The contract recomputed a day and found it right."""

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"recomputed by the contract's rules, your day agrees with posting {sequence}, nothing was sent; "
            "if a reading is untrue, ask an auditor: the contract cannot know that"
        )


class NotOpenAnyMore(RefusedByRules):
    """The posting is not the open one."""

    def __init__(self, sequence: int, state: PostingState) -> None:
        how, remedy = {
            PostingState.FINAL: ("final, and cannot be refuted any more", "an auditor can still contest it"),
            PostingState.VOID: ("void already, and binds nobody", "see: lindenstrom statement list"),
        }.get(state, ("not the one in this file", "ask the operator for the file again"))
        super().__init__(f"posting {sequence} is {how}; {remedy}")


class LevelsNotWrong(RefusedByRules):
    """The contract would find nothing in an agreement's levels."""

    def __init__(self, sequence: int, agreement: int) -> None:
        super().__init__(
            f"the levels of agreement {agreement} in posting {sequence} show no fault by themselves, nothing was sent; "
            "whether they are the right ones only an auditor can say"
        )


class NoOpenPosting(RefusedByRules):
    """The day has no posting that can be objected to."""

    def __init__(self, day: date) -> None:
        super().__init__(f"{day} has no posting that is open to objection; see: lindenstrom statement list")


class DisputesNotPublic(RefusedByRules):
    """An agreement's terms do not allow public disputes."""

    def __init__(self, agreement: int) -> None:
        super().__init__(
            f"agreement {agreement} does not allow public disputes; send the file to an auditor, who can void it"
        )


class NotAHome(UsageError):
    """The directory holds no community."""

    def __init__(self, path: Path, lacking: str) -> None:
        remedy = "lindenstrom contracts deploy" if (path / "home.toml").is_file() else "lindenstrom init"
        super().__init__(f"{path} holds no {lacking}; name the community's directory with --home, or make it: {remedy}")


class BadSettings(UsageError):
    """home.toml cannot be used."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged; correct it (name, zone, depth, start, auditors), or make a new home")


class OutOfRange(UsageError):
    """A number that the ledger has no room for."""

    def __init__(self, span: str) -> None:
        super().__init__(f"that value is out of range; give one from {span}")


class EndBeforeStart(UsageError):
    """A period that ends before it begins."""

    def __init__(self, first: date, last: date) -> None:
        super().__init__(f"{last} is before {first}; give the first day of the period first")


class DayOutOfSpan(UsageError):
    """A day that no community can have."""

    def __init__(self, first_year: int, last_year: int) -> None:
        super().__init__(f"that day is outside {first_year} to {last_year}; check the year")


class BadMonth(UsageError):
    """A month that cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"month {text!r} cannot be read; write it as YYYY-MM, for example 2026-06")


class BadClock(UsageError):
    """A date and time that cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"time {text!r} cannot be read; write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM")


class BadInstant(UsageError):
    """A time with seconds and offset that cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"time {text!r} cannot be read; write it with seconds and offset: 2026-06-03T12:00:00+02:00")


class OtherChain(UsageError):
    """The community lives on another chain than a local node."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} names another chain, so a local node would serve nobody; see: lindenstrom chain status"
        )


class NoRoom(UsageError):
    """A reader's tree is full."""

    def __init__(self, depth: int) -> None:
        super().__init__(f"all {2**depth} positions of this reader are taken; add another reader")


class NoSuchMember(UsageError):
    """No member has this name or index."""

    def __init__(self) -> None:
        super().__init__("no member of this name or index; see: lindenstrom member list")


class NoSuchMembership(UsageError):
    """The member is not in the agreement."""

    def __init__(self, member: int, agreement: int) -> None:
        super().__init__(
            f"member {member} has no open membership in agreement {agreement}; see: lindenstrom agreement show"
        )


class ReaderExists(UsageError):
    """A reader's folder is never set up twice."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"this home has that reader already, as {alias}; choose another alias and key")


class NoSuchAuditor(UsageError):
    """No auditor has this number or address."""

    def __init__(self) -> None:
        super().__init__("the community never had that auditor; see: lindenstrom auditor list")


class SeveralAuditors(UsageError):
    """Keys of several auditors are here."""

    def __init__(self) -> None:
        super().__init__("keys of several auditors are in this home; say which one with --key ALIAS")


class NoSuchReader(UsageError):
    """No reader of this home has this alias."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"no reader {alias} in this home; see: lindenstrom reader list")


class HomeExists(UsageError):
    """`init` would overwrite a community."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not empty; give a new directory, a community is never overwritten")


class BadAlias(UsageError):
    """An alias that is no plain file name."""

    def __init__(self) -> None:
        super().__init__("an alias has 1 to 40 characters of a-z, 0-9, '-' and '_'; choose one, for example roof-7")


class KeyExists(UsageError):
    """A key is never overwritten."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"there is a key named {alias} already, and a key is never overwritten; choose another alias")


class BadHex(UsageError):
    """Text that is no hex of the expected length."""

    def __init__(self, what: str, size: int) -> None:
        super().__init__(f"{what}: expected 0x and {2 * size} hex digits; copy it again in full")


class NoPoint(UsageError):
    """Hex that is no public key of P-256."""

    def __init__(self) -> None:
        super().__init__("that public key is no point of P-256; give x and y, 64 bytes without the 04 before them")


class NothingGiven(UsageError):
    """A command was given nothing to work on."""

    def __init__(self, what: str, option: str) -> None:
        super().__init__(f"{what} is missing; give {option}")


class OptionWithoutEffect(UsageError):
    """An option that the agreement's terms would ignore."""

    def __init__(self, option: str, why: str) -> None:
        super().__init__(f"{option} would have no effect here: {why}; leave it out")


class ForeignBundle(UsageError):
    """A bundle of another community."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} belongs to another community; name that community's directory with --home")


class ActFileExists(UsageError):
    """A new act would replace a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} exists already; to complete the act in it leave the agreement's number out, to begin a new one "
            "name another file"
        )


class ActUnfit(UsageError):
    """A signed act's file cannot be used here."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}; ask its sender for a new one")


class NothingExpected(UsageError):
    """A verification without a stated expectation proves nothing."""

    def __init__(self) -> None:
        super().__init__("verify needs your own community file (community.toml); give it with --home or --community")


class UnreadableFile(CouldNotCheck):
    """A file is damaged or not what it should be."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: not {what}; ask its sender again, or give the right file")


class WrongPassword(KeyProblem):
    """The password does not open the key."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"wrong password for key {alias}; try again, passwords are case-sensitive")


class NoSuchKey(KeyProblem):
    """No key has this alias."""

    def __init__(self, alias: str, folder: Path) -> None:
        super().__init__(f"no key named {alias} in {folder}; see: lindenstrom key list")


class NoKeyFor(KeyProblem):
    """None of the keys at hand can sign for a party."""

    def __init__(self, who: str, folder: Path) -> None:
        super().__init__(f"no key in {folder} signs for {who}; run this where that key is kept")


class NotTheReadersKey(KeyProblem):
    """The reader has another key on the chain."""

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"key {alias} is not the reader's on the chain, so nothing is signed with it; "
            "if the reader was rotated, name its new key in adapter.toml, else see: lindenstrom reader list"
        )


class SignsReadingsOnly(KeyProblem):
    """A key on P-256 where an account is needed."""

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"key {alias} is on P-256, which signs a reader's readings and nothing else; name a key of the other kind"
        )


class BadKeyFile(KeyProblem):
    """A key file is damaged or of another kind."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} cannot be read as a key file (version 3, or as `key new` makes it); restore it from a backup"
        )


class OpenKeyFile(KeyProblem):
    """A secret file can be read by others."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} can be read by other users of this machine; run: chmod 600 {path}")

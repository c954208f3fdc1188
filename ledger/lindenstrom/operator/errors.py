"""Errors of the operator's work.

NotFinalYet     WindowTooEarly
CouldNotCheck   PacksNotDelivered, StoredDayDiffers
RefusedByRules  WindowBeforeBeginning, AlreadyPosted, SequenceTaken, NotCorrectable, CorrectionTooLate,
                NothingToCorrect, NotErasableYet, PostingsOpen, ErasedAlready, NotPostedHere,
                NotDemanded, AnswerNotAllowed, AnswerWouldVoid
KeyProblem      NotTheOperator
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lindenstrom.core.calendar import date_of
from lindenstrom.core.refutation import Reason
from lindenstrom.errors import CouldNotCheck, KeyProblem, NotFinalYet, RefusedByRules


class WindowTooEarly(NotFinalYet):
    """The close delay of a window is not over."""

    def __init__(self, window: int, as_of: int, now: int) -> None:
        moment = datetime.fromtimestamp(as_of, UTC)
        super().__init__(
            f"{date_of(window)} cannot be settled before {moment:%Y-%m-%d %H:%M} UTC, when its close delay is over "
            f"(the chain's clock: {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC); settle it then"
        )
        self.as_of = as_of


class PacksNotDelivered(CouldNotCheck):
    """Readers anchored a window, but the operator does not hold what they anchored."""

    def __init__(self, window: int, readers: Mapping[int, str]) -> None:
        named = "; ".join(f"reader {reader}: {why}" for reader, why in sorted(readers.items()))
        super().__init__(
            f"{date_of(window)} cannot be settled: {named}. Ask these readers to deliver their packs again; "
            "if they do not, an auditor can record that they withhold them"
        )
        self.readers = dict(readers)


class StoredDayDiffers(CouldNotCheck):
    """What the store holds of a posting does not lead to the posting's digest."""

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"the store's copy of posting {sequence} does not lead to its digest: the store is damaged or was changed; "
            "restore it from a backup"
        )


class WindowBeforeBeginning(RefusedByRules):
    """The community began later."""

    def __init__(self, window: int, first: int) -> None:
        super().__init__(
            f"{date_of(window)} is before the community began; its first day is {date_of(first)}: "
            "settle that or a later one"
        )


class AlreadyPosted(RefusedByRules):
    """The window has a live posting."""

    def __init__(self, window: int, sequence: int) -> None:
        super().__init__(
            f"{date_of(window)} is posted already (posting {sequence}); it can be posted again only after it was voided"
        )
        self.sequence = sequence


class NotCorrectable(RefusedByRules):
    """A correction follows a final posting, and the window has none that stands."""

    def __init__(self, window: int, live: int) -> None:
        what = f"posting {live} of {date_of(window)} is not final" if live else f"{date_of(window)} has no posting"
        super().__init__(f"{what}; only a final day can be corrected, see: lindenstrom operator status")


class CorrectionTooLate(RefusedByRules):
    """The window ended more than 12 months ago."""

    def __init__(self, window: int, latest: int) -> None:
        super().__init__(
            f"{date_of(window)} could be corrected until {datetime.fromtimestamp(latest, UTC):%Y-%m-%d %H:%M} UTC, "
            "12 months after its end; settle what is left outside the ledger"
        )


class NothingToCorrect(RefusedByRules):
    """The readings are those that the final rests on."""

    def __init__(self, window: int) -> None:
        super().__init__(
            f"{date_of(window)}: the final posting rests on the newest readings already, so a correction would change "
            "nothing; anchor and deliver the newer readings first"
        )


class NotPostedHere(RefusedByRules):
    """The store does not know the posting."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"this store made no posting {sequence}; see: lindenstrom operator status")


class NotDemanded(RefusedByRules):
    """The member has no open demand for the posting."""

    def __init__(self, sequence: int, member: int) -> None:
        super().__init__(
            f"member {member} has no open demand for posting {sequence}: it is answered, or the posting is void or "
            "final; see: lindenstrom operator status"
        )


class AnswerNotAllowed(RefusedByRules):
    """The member does not want the day opened in public."""

    def __init__(self, sequence: int, member: int) -> None:
        super().__init__(
            f"member {member} does not allow a public answer for posting {sequence}; hand over the bundle and let an "
            "auditor confirm it: lindenstrom audit confirm"
        )


class AnswerWouldVoid(RefusedByRules):
    """The answer would show the contract that the posting is wrong."""

    def __init__(self, sequence: int, reason: Reason) -> None:
        name = reason.name.lower().replace("_", " ")
        super().__init__(
            f"the contract would void posting {sequence} if this day were opened ({name}); find out why first: "
            "lindenstrom audit run"
        )


class SequenceTaken(RefusedByRules):
    """Another posting took the place of one that was signed here."""

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"posting {sequence} on the chain is not the one that this store prepared: the operator's key is used with "
            "another store; find out which one is right before settling anything"
        )


class NotTheOperator(KeyProblem):
    """The key is not the community's operator's."""

    def __init__(self) -> None:
        super().__init__(
            "this key is not the community's operator's; settle with the key that the community was deployed for"
        )


class AccountInUse(RefusedByRules):
    """The account belongs to a member of another name."""

    def __init__(self, member: int) -> None:
        super().__init__(
            f"this account is member {member} already, under another name; a new member needs a key of their own"
        )
        self.member = member


class ActBelongsElsewhere(RefusedByRules):
    """An act names a member whom this community does not have."""

    def __init__(self, member: int) -> None:
        super().__init__(f"this community has no member {member}; check that the act was signed for this community")


class AgreementMissing(RefusedByRules):
    """No such agreement."""

    def __init__(self, agreement: int) -> None:
        super().__init__(f"this community has no agreement {agreement}; check the number, or offer the agreement first")


class ParametersDiffer(RefusedByRules):
    """The opened parameters are not those that the member signed."""

    def __init__(self, member: int, agreement: int) -> None:
        super().__init__(
            f"the parameters handed in by member {member} for agreement {agreement} are not the ones that were signed; "
            "ask for the join file again"
        )


class SignatureDiffers(RefusedByRules):
    """The signature is not by the member's account of now."""

    def __init__(self, member: int) -> None:
        super().__init__(
            f"the act is not signed with member {member}'s key, or it was signed for another community; "
            "ask the member to sign it again"
        )


class NotErasableYet(RefusedByRules):
    """A day of the month can still be corrected."""

    def __init__(self, month: str, until: int) -> None:
        moment = datetime.fromtimestamp(until, UTC)
        super().__init__(
            f"{month} can be corrected until {moment:%Y-%m-%d %H:%M} UTC, and a correction needs what would be erased; "
            "until then restrict it instead: note the request, use these data for nothing but corrections and "
            "disputes, and erase after that date"
        )
        self.until = until


class PostingsOpen(RefusedByRules):
    """Postings of the month are neither void nor final."""

    def __init__(self, month: str, sequences: Sequence[int]) -> None:
        named = ", ".join(map(str, sequences))
        super().__init__(
            f"{month} has postings that are not final or not handed over ({named}), so it cannot be erased; "
            "settle the open days and make them final first"
        )


class ErasedAlready(RefusedByRules):
    """There is nothing of it left."""

    def __init__(self, month: str) -> None:
        super().__init__(f"{month} is erased already, as far as asked for; see what was erased: operator erase --done")

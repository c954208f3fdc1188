"""Errors of the auditor's acts.

VerificationFailed  NotAttested, BundleUnfit
CouldNotCheck       NotAudited, ErasedDay, BundleMissing
RefusedByRules      NothingToVoid, PostingMissing, NotPostedAnyMore, NothingDemanded, NotInOffice
KeyProblem          NotAnAuditor
"""

from datetime import UTC, datetime
from pathlib import Path

from lindenstrom.errors import CouldNotCheck, KeyProblem, RefusedByRules, VerificationFailed


class NotAttested(VerificationFailed):
    """The posting did not pass the audit."""

    def __init__(self, first: str) -> None:
        super().__init__(
            f"not attested, because it differs from the rules ({first}); void it, or ask the operator first"
        )


class NotAudited(CouldNotCheck):
    """The audit lacks something, so neither attesting nor voiding is in order."""

    def __init__(self, first: str) -> None:
        super().__init__(f"nothing was sent, because the audit could not be done ({first}); get what is missing first")


class ErasedDay(CouldNotCheck):
    """Readings of the day are erased, so it cannot be recomputed."""

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"readings under posting {sequence} are erased, so it can no longer be recomputed; earlier attestations "
            "stay on the chain"
        )


class BundleUnfit(VerificationFailed):
    """The bundle is not one that a member could check a bill with."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(f"{file}: not confirmed, because {what}; let the operator deliver the right one, or void")


class BundleMissing(CouldNotCheck):
    """No bundle lies where it should."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is not there, so no delivery can be confirmed; ask the operator to deliver it, or give --bundle"
        )


class NothingDemanded(RefusedByRules):
    """The member has no open demand."""

    def __init__(self, sequence: int, member: int) -> None:
        super().__init__(
            f"member {member} has no open demand for posting {sequence}, so there is nothing to confirm; "
            "see: lindenstrom demand list"
        )


class NothingToVoid(RefusedByRules):
    """The posting is right."""

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"posting {sequence} passed the audit: nothing to object to; use --although-right to do it all the same"
        )


class PostingMissing(RefusedByRules):
    """No such posting."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"the chain has no posting {sequence}; check the number")


class NotPostedAnyMore(RefusedByRules):
    """The posting is void or final."""

    def __init__(self, sequence: int, state: str) -> None:
        super().__init__(f"posting {sequence} is {state}; only what is posted and not final can be voided")


class NotAnAuditor(KeyProblem):
    """The key is not an auditor's."""

    def __init__(self) -> None:
        super().__init__("this key is not one of the community's auditors'; see: lindenstrom auditor list")


class NotInOffice(RefusedByRules):
    """The key is an auditor's whose time has not come or is over."""

    def __init__(self, index: int, *, begins: bool, time: int) -> None:
        when = datetime.fromtimestamp(time, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
        super().__init__(
            f"auditor {index} is in office {'from' if begins else 'until'} {when}; see: lindenstrom auditor list"
        )

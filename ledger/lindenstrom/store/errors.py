"""Errors of the store.

UsageError      StoreExists
CouldNotCheck   StoreMissing, NotAStore, StoreTooNew, StoreOfAnotherCommunity, StoreUnreadable
RefusedByRules  StoreConflict, ParametersUnknown
"""

from lindenstrom.errors import CouldNotCheck, RefusedByRules, UsageError


class StoreExists(UsageError):
    """A new store never replaces an old one."""

    def __init__(self, place: str) -> None:
        super().__init__(f"there is a store at {place} already; open it, or choose another place for a new one")


class StoreMissing(CouldNotCheck):
    """No store where one was expected."""

    def __init__(self, place: str) -> None:
        super().__init__(f"there is no store at {place}; check the path, or create the store first")


class NotAStore(CouldNotCheck):
    """The database holds something else."""

    def __init__(self, place: str) -> None:
        super().__init__(f"the database at {place} is no operator's store; check the path")


class StoreTooNew(CouldNotCheck):
    """A newer release wrote the store."""

    def __init__(self, place: str, found: int, known: int) -> None:
        super().__init__(
            f"the store at {place} has schema {found}, this release reads up to {known}; use the release that wrote it"
        )


class StoreOfAnotherCommunity(CouldNotCheck):
    """The store belongs to another deployment."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the store at {place} belongs to another community; check that store and community file go together"
        )


class StoreUnreadable(CouldNotCheck):
    """The database failed: disk, lock or connection."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"the operator's store cannot be used just now ({kind}); check disk space and "
            "that no other command holds it, then run the same command again"
        )


class StoreConflict(RefusedByRules):
    """Something is on record already, and differs from what is to be recorded now."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is on record already and differs; nothing was changed, find out which of the two is right"
        )


class ParametersUnknown(RefusedByRules):
    """A membership's parameters were never received, so nothing can be cleared."""

    def __init__(self, member: int, agreement: int) -> None:
        super().__init__(
            f"the parameters of member {member} in agreement {agreement} are not in the store; "
            "restore them from a backup, or ask the member for the join file and receive it again"
        )

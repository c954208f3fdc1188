"""Errors of the store.

UsageError      StoreExists, KeysBesideData
CouldNotCheck   StoreMissing, KeyBookMissing, NotAStore, StoreTooNew, StoreTooOld, StoreOfAnotherCommunity,
                StoreUnreadable, RowDamaged, MonthKeyLost
RefusedByRules  StoreConflict, ParametersUnknown, MonthErased
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


class KeyBookMissing(CouldNotCheck):
    """A store without the keys that open its rows."""

    def __init__(self, place: str) -> None:
        super().__init__(f"the store's month keys are not at {place}; put them back from their own copy")


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


class StoreTooOld(CouldNotCheck):
    """A release before rows were encrypted wrote the store."""

    def __init__(self, place: str, found: int) -> None:
        super().__init__(
            f"the store at {place} has schema {found}, whose rows cannot be erased; use the release that wrote it"
        )


class KeysBesideData(UsageError):
    """Month keys in the database that they are to be kept apart from, or no place for them at all."""

    def __init__(self) -> None:
        super().__init__(
            "month keys are kept apart from the data, else a backup of the data would hold both; "
            "give them a database of their own"
        )


class RowDamaged(CouldNotCheck):
    """A row does not open under its key."""

    def __init__(self, place: str) -> None:
        super().__init__(f"the store's row {place} is damaged or was changed; restore the store from a backup")


class MonthKeyLost(CouldNotCheck):
    """A row's key is missing although nobody erased it."""

    def __init__(self, month: str) -> None:
        of = f"of {month} " if month else ""
        super().__init__(
            f"a key {of}is missing from the key database although it was never erased: it is older than the store; "
            "put back the newest copy of the key database"
        )


class MonthErased(RefusedByRules):
    """The month's keys are deleted."""

    def __init__(self, month: str) -> None:
        super().__init__(
            f"{month} is erased: its keys are deleted, so nothing of it can be computed, kept or posted again; "
            "corrections had to come before the erasure"
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

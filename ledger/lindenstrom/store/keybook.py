"""The key book: all month keys of an operator, in a database of their own (R9).

It never goes into a backup of the data: a row whose key is gone is erased in every copy of the store. An erased key
leaves its place in the book empty, so that no other key is ever made for that subject and month.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    select,
    update,
)

from lindenstrom.core.calendar import month_name
from lindenstrom.core.salts import Purpose
from lindenstrom.store.database import Database, shown
from lindenstrom.store.errors import (
    KeyBookMissing,
    MonthErased,
    MonthKeyLost,
    StoreMissing,
    StoreOfAnotherCommunity,
    StoreTooNew,
)

Randomness = Callable[[int], bytes]
"""count → that many random bytes."""
VERSION = 1
NO_MONTH = 0
"""Month of keys that no single month ends: those of memberships' parameters."""
EVERYBODY = -1
ERASED = b""
MAX_KNOWN = 64
"""Purposes and months whose keys are held in memory."""

metadata = MetaData()
version = Table(
    "lindenstrom_month_keys",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("community", LargeBinary(32), nullable=False),
)
month_keys = Table(
    "month_keys",
    metadata,
    Column("purpose", String, nullable=False),
    Column("subject", BigInteger, nullable=False),
    Column("month", Integer, nullable=False),
    Column("key", LargeBinary, nullable=False),  # 32 bytes; empty once erased
    PrimaryKeyConstraint("purpose", "subject", "month"),
)
erasures = Table(
    "erasures",
    metadata,
    Column("kind", String, nullable=False),
    Column("month", Integer, nullable=False),
    Column("member", BigInteger, nullable=False),  # EVERYBODY, or one member's index
    Column("begun_at", BigInteger, nullable=False),  # unix time of the chain
    Column("finished_at", BigInteger),
    PrimaryKeyConstraint("kind", "month", "member"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The record of an erasure. member: None for all; times: unix, of the chain; finished_at: None while unfinished."""

    kind: str
    month: int
    member: int | None
    begun_at: int
    finished_at: int | None


class KeyBook:
    """Open with `create` or `open`. Errors: StoreUnreadable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[Purpose, int], dict[int, bytes]] = {}

    @classmethod
    def create(cls, place: str | Path, *, community: bytes) -> Self:
        """New key book at a path (mode 0600) or URL. Raises StoreExists."""
        return cls(Database.create(place, version, {"version": VERSION, "community": community}))

    @classmethod
    def open(cls, place: str | Path, *, community: bytes) -> Self:
        """Existing key book. Raises KeyBookMissing, NotAStore, StoreTooNew, StoreOfAnotherCommunity."""
        try:
            database, row = Database.open(place, version)
        except StoreMissing:
            raise KeyBookMissing(shown(place)) from None
        if row.version > VERSION:
            raise StoreTooNew(database.shown, row.version, VERSION)
        if row.community != community:
            raise StoreOfAnotherCommunity(database.shown)
        return cls(database)

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def keys(
        self, purpose: Purpose, subjects: Iterable[int], month: int, randomness: Randomness = secrets.token_bytes
    ) -> dict[int, bytes]:
        """The month's random 32-byte keys per subject; those that do not exist yet are made, and on disk on return.

        Raises MonthErased where one was erased: nothing may be kept or posted again for that month.
        """
        wanted = set(subjects)
        found = self._found(purpose, month)
        if not wanted <= found.keys():
            with self._database.transaction() as connection:
                found = self._found(purpose, month, again=True)
                fresh = {s: randomness(32) for s in sorted(wanted - found.keys())}
                closed = select(erasures.c.month).where(erasures.c.month == month, erasures.c.member == EVERYBODY)
                if connection.execute(closed).first():
                    raise MonthErased(month_name(month))
                rows = [{"purpose": purpose.value, "subject": s, "month": month, "key": k} for s, k in fresh.items()]
                if rows:
                    connection.execute(insert(month_keys), rows)
            found |= fresh
        if any(found[subject] == ERASED for subject in wanted):
            raise MonthErased(month_name(month))
        return {s: k for s, k in found.items() if k != ERASED}

    def opened(self, purpose: Purpose, month: int) -> "OpenKeys":
        """The month's keys for reading."""
        return OpenKeys(book=self, purpose=purpose, month=month, keys=self._found(purpose, month))

    def erasures(self) -> tuple[Erasure, ...]:
        """Everything that was ever erased, oldest month first."""
        e = erasures
        return tuple(
            Erasure(
                kind=row.kind,
                month=row.month,
                member=None if row.member == EVERYBODY else row.member,
                begun_at=row.begun_at,
                finished_at=row.finished_at,
            )
            for row in self._database.rows(select(e).order_by(e.c.month, e.c.kind, e.c.member))
        )

    def begin_erasure(self, kind: str, month: int, member: int | None, now: int) -> None:
        """Write down what is going to be erased, before anything is. A second time changes nothing."""
        key = {"kind": kind, "month": month, "member": EVERYBODY if member is None else member}
        with self._database.transaction() as connection:
            where = [erasures.c[name] == value for name, value in key.items()]
            if connection.execute(select(erasures).where(*where)).one_or_none() is None:
                connection.execute(insert(erasures).values(**key, begun_at=now))

    def finish_erasure(self, kind: str, month: int, member: int | None, now: int) -> None:
        """Write down that nothing of it is left."""
        e, who = erasures, EVERYBODY if member is None else member
        with self._database.transaction() as connection:
            connection.execute(
                update(e).where(e.c.kind == kind, e.c.month == month, e.c.member == who).values(finished_at=now)
            )

    def destroy(self, purpose: Purpose, month: int, subjects: Iterable[int]) -> None:
        """Delete keys for good, made or not: from now on there is none, and there will never be one."""
        k = month_keys
        with self._database.transaction() as connection:
            known, wanted = set(self._found(purpose, month, again=True)), set(subjects)
            mine = (k.c.purpose == purpose.value, k.c.month == month)
            for subject in sorted(wanted & known):
                connection.execute(update(k).where(*mine, k.c.subject == subject).values(key=ERASED))
            absent = [
                {"purpose": purpose.value, "subject": s, "month": month, "key": ERASED} for s in sorted(wanted - known)
            ]
            if absent:
                connection.execute(insert(k), absent)
        self._known.clear()

    def subjects(self, purpose: Purpose, month: int) -> set[int]:
        """Whoever has or had a key in a month."""
        return set(self._found(purpose, month, again=True))

    def scrub(self) -> None:
        """Rewrite the file, so that deleted keys leave no bytes behind in it."""
        self._database.scrub()

    def _found(self, purpose: Purpose, month: int, *, again: bool = False) -> dict[int, bytes]:
        if again or (purpose, month) not in self._known:
            k = month_keys
            query = select(k.c.subject, k.c.key).where(k.c.purpose == purpose.value, k.c.month == month)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[purpose, month] = {row.subject: row.key for row in self._database.rows(query)}
        return self._known[purpose, month]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenKeys:
    """One purpose's keys of a month, for reading."""

    book: KeyBook
    purpose: Purpose
    month: int
    keys: Mapping[int, bytes]

    def get(self, subject: int) -> bytes | None:
        """A subject's key, None when it was erased. Raises MonthKeyLost."""
        key = self.keys.get(subject)
        if key is None and subject in self.book.subjects(self.purpose, self.month):
            return self.book.opened(self.purpose, self.month).get(subject)
        if key is None:
            raise MonthKeyLost(month_name(self.month) if self.month else "")
        return key or None

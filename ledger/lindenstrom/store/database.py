"""What store and key book share: a SQLite file (mode 0600) or any SQLAlchemy URL, opened with care, emptied well."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, inspect, select, text
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from lindenstrom.store.errors import NotAStore, StoreExists, StoreMissing, StoreUnreadable


class Database:
    """An engine and the transaction that runs on it. Errors: StoreUnreadable."""

    def __init__(self, place: str | Path) -> None:
        self.shown = shown(place)
        self._engine = _engine(place)
        self._current: Connection | None = None

    @classmethod
    def create(cls, place: str | Path, version: Table, row: dict[str, Any]) -> "Database":
        """New database with the tables that belong to a version table, and the row in it. Raises StoreExists."""
        path = file_of(place)
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                raise StoreExists(str(path)) from None
        made = cls(place)
        with made.transaction() as connection:
            if inspect(connection).has_table(version.name):
                raise StoreExists(made.shown)
            version.metadata.create_all(connection)
            connection.execute(insert(version).values(row))
        return made

    @classmethod
    def open(cls, place: str | Path, version: Table) -> tuple["Database", Any]:
        """Existing database and the one row of its version table. Raises StoreMissing, NotAStore."""
        path = file_of(place)
        if path is not None and not path.is_file():
            raise StoreMissing(str(path))
        found = cls(place)
        try:
            with found._engine.connect() as connection:
                if not inspect(connection).has_table(version.name):
                    raise NotAStore(found.shown)
                columns = {c["name"] for c in inspect(connection).get_columns(version.name)}
                known = [c for c in version.c if c.name in columns]
                return found, connection.execute(select(*known)).one()
        except OperationalError as error:
            raise StoreUnreadable(type(error.orig).__name__) from error
        except DatabaseError as error:
            raise NotAStore(found.shown) from error

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing; a transaction inside another joins it."""
        if self._current is not None:
            yield self._current
            return
        with failures(), self._engine.begin() as connection:
            self._current = connection
            try:
                yield connection
            finally:
                self._current = None

    def rows(self, query: Any) -> list[Any]:
        """All rows of a query."""
        with self.transaction() as connection:
            return list(connection.execute(query).all())

    def scrub(self) -> None:
        """Rewrite the database, so that deleted rows leave no bytes behind in it."""
        with failures(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if self._engine.dialect.name == "sqlite":
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
                connection.execute(text("VACUUM"))
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            else:
                connection.execute(text("VACUUM FULL"))


def file_of(place: str | Path) -> Path | None:
    """The file of a SQLite database, None for a URL."""
    return None if "://" in str(place) else Path(place)


def shown(place: str | Path) -> str:
    """A place for messages: a URL's password never shows."""
    path = file_of(place)
    return str(path) if path is not None else str(place).split("://", 1)[0] + " database"


def _engine(place: str | Path) -> Engine:
    path = file_of(place)
    engine = create_engine(str(place) if path is None else f"sqlite:///{path}")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _safe_sqlite)
    return engine


def _safe_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # erasure means that the bytes are gone


@contextmanager
def failures() -> Iterator[None]:
    """The database's own errors as StoreUnreadable."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreUnreadable(type(error).__name__) from error

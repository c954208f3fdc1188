"""The operator's database: one community per store; SQLite in a file, or any SQLAlchemy URL.

Writing something a second time changes nothing; writing something else under the same key is refused (I5, I6).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, func, insert, inspect, select, update
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from lindenstrom.core.calendar import date_of
from lindenstrom.core.packs import pack_leaf
from lindenstrom.core.salts import Purpose
from lindenstrom.core.statements import Header, Source, SourceKind
from lindenstrom.core.terms import Parameters
from lindenstrom.store import schema
from lindenstrom.store.errors import (
    NotAStore,
    StoreConflict,
    StoreExists,
    StoreMissing,
    StoreOfAnotherCommunity,
    StoreTooNew,
    StoreUnreadable,
)
from lindenstrom.store.records import (
    PostingStep,
    StoredDay,
    StoredPack,
    StoredPosting,
    StoredSource,
    StoredStatement,
)

Randomness = Callable[[int], bytes]
"""count → that many random bytes."""


def month_of(window: int) -> int:
    """Month that a window belongs to, counted since year 0: the life span of a key."""
    day = date_of(window)
    return day.year * 12 + day.month - 1


class Store:
    """Open with `create` or `open`; close with `close` or as a context manager.

    Every method is a transaction of its own, or joins the one begun by `transaction`. Errors: StoreUnreadable.
    """

    def __init__(self, engine: Engine, community: bytes, secret: bytes) -> None:
        self._engine = engine
        self._current: Connection | None = None
        self.community = community
        self.secret = secret

    @classmethod
    def create(cls, place: str | Path, *, community: bytes, secret: bytes) -> Self:
        """New store at a path (mode 0600) or URL; secret: the community's 32 random bytes. Raises StoreExists."""
        path = _path(place)
        if path is not None:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                raise StoreExists(str(path)) from None
        engine = _engine(place)
        with _failures(), engine.begin() as connection:
            if inspect(connection).has_table(schema.version.name):
                raise StoreExists(_shown(place))
            schema.metadata.create_all(connection)
            connection.execute(
                insert(schema.version).values(version=schema.SCHEMA_VERSION, community=community, secret=secret)
            )
        return cls(engine, community, secret)

    @classmethod
    def open(cls, place: str | Path, *, community: bytes) -> Self:
        """Existing store. Raises StoreMissing, NotAStore, StoreTooNew, StoreOfAnotherCommunity."""
        path = _path(place)
        if path is not None and not path.is_file():
            raise StoreMissing(str(path))
        engine = _engine(place)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table(schema.version.name):
                    raise NotAStore(_shown(place))
                found = connection.execute(select(schema.version.c.version)).scalar_one()
                if found > schema.SCHEMA_VERSION:
                    raise StoreTooNew(_shown(place), found, schema.SCHEMA_VERSION)
                row = connection.execute(select(schema.version)).one()
        except OperationalError as error:
            raise StoreUnreadable(type(error.orig).__name__) from error
        except DatabaseError as error:
            raise NotAStore(_shown(place)) from error
        if row.community != community:
            raise StoreOfAnotherCommunity(_shown(place))
        return cls(engine, community, row.secret)

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing; a transaction inside another joins it."""
        if self._current is not None:
            yield self._current
            return
        with _failures(), self._engine.begin() as connection:
            self._current = connection
            try:
                yield connection
            finally:
                self._current = None

    # --- names

    def set_name(self, member: int, name: str) -> None:
        """Write or change a member's name in the address book."""
        self._replace(schema.people, {"member": member}, {"name": name})

    def names(self) -> dict[int, str]:
        """Address book: member index → name."""
        return {row.member: row.name for row in self._rows(select(schema.people))}

    def set_metering_point(self, meter: bytes, metering_point: str) -> None:
        """Remember whose name a meter id stands for."""
        self._put(schema.meters, {"meter": meter}, {"metering_point": metering_point}, "the metering point of a meter")

    def metering_points(self) -> dict[bytes, str]:
        """Meter id → metering point."""
        return {row.meter: row.metering_point for row in self._rows(select(schema.meters))}

    def set_agreement_label(self, agreement: int, label: str) -> None:
        """Write or change what people call an agreement."""
        self._replace(schema.agreement_labels, {"agreement": agreement}, {"label": label})

    def agreement_labels(self) -> dict[int, str]:
        """Agreement id → label."""
        return {row.agreement: row.label for row in self._rows(select(schema.agreement_labels))}

    # --- parameters and keys

    def put_parameters(self, member: int, agreement: int, parameters: Parameters) -> None:
        """Keep a membership's opened parameters, before the receipt for them is signed."""
        values = {
            "member": member,
            "agreement": agreement,
            "weight": parameters.weight,
            "share_ppm": parameters.share_ppm,
            "limit_ueur_kwh": parameters.limit_ueur_kwh,
            "salt": parameters.salt,
        }
        self._put(schema.parameters, {"commitment": parameters.commitment}, values, "a membership's parameters")

    def all_parameters(self) -> dict[bytes, Parameters]:
        """Commitment → parameters, of all memberships ever received."""
        return {
            row.commitment: Parameters(
                weight=row.weight, share_ppm=row.share_ppm, limit_ueur_kwh=row.limit_ueur_kwh, salt=row.salt
            )
            for row in self._rows(select(schema.parameters))
        }

    def month_keys(
        self, purpose: Purpose, subjects: Iterable[int], month: int, randomness: Randomness
    ) -> dict[int, bytes]:
        """The month's random 32-byte keys per subject; those that do not exist yet are made and stored."""
        t = schema.month_keys
        with self.transaction() as connection:
            rows = connection.execute(select(t.c.subject, t.c.key).where(t.c.purpose == purpose, t.c.month == month))
            keys = {row.subject: row.key for row in rows}
            fresh = {s: randomness(32) for s in sorted(set(subjects) - keys.keys())}
            if fresh:
                connection.execute(
                    insert(t),
                    [{"purpose": purpose.value, "subject": s, "month": month, "key": k} for s, k in fresh.items()],
                )
        return keys | fresh

    def erase(self, purpose: Purpose, before_window: int) -> int:
        """Delete the keys of all months that ended before the window's (R9), and what they hid; number of keys.

        LEVEL takes packs, replacements and levels with it, LINE the lines, TOTAL the nets.
        """
        t, month = schema.month_keys, month_of(before_window)
        with self.transaction() as connection:
            erased = connection.execute(delete(t).where(t.c.purpose == purpose.value, t.c.month < month)).rowcount
            rows = connection.execute(select(schema.postings.c.sequence, schema.postings.c.window))
            old = [row.sequence for row in rows if month_of(row.window) < month]
            tables = {Purpose.LEVEL: (schema.results, schema.sources), Purpose.TOTAL: (schema.statements,)}
            for table in tables.get(purpose, ()):
                connection.execute(delete(table).where(table.c.sequence.in_(old)))
            if purpose is Purpose.LINE:
                s = schema.statements
                connection.execute(update(s).where(s.c.sequence.in_(old)).values(lines=b""))
            if purpose is Purpose.LEVEL:
                windows = list(connection.execute(select(schema.packs.c.window).distinct()).scalars())
                connection.execute(
                    delete(schema.packs).where(schema.packs.c.window.in_([w for w in windows if month_of(w) < month]))
                )
        return int(erased)

    # --- packs

    def put_packs(self, packs: Sequence[StoredPack]) -> None:
        """Keep packs that were checked. Raises StoreConflict where another pack holds the place (I6)."""
        t = schema.packs
        rows = [
            {
                "binding": p.binding,
                "window": p.window,
                "revision": p.revision,
                "pack": p.pack,
                "proof": b"".join(p.proof),
                "account": p.account,
                "signature": p.signature,
            }
            for p in packs
        ]
        with self.transaction() as connection:
            windows = {p.window for p in packs}
            known = {
                (r.binding, r.window, r.revision): r.pack for r in self._rows(select(t).where(t.c.window.in_(windows)))
            }
            for p in packs:
                if known.get((p.binding, p.window, p.revision), p.pack) != p.pack:
                    raise StoreConflict(f"a pack of binding {p.binding} for window {p.window}")
            fresh = [r for r in rows if (r["binding"], r["window"], r["revision"]) not in known]
            if fresh:
                connection.execute(insert(t), fresh)

    def packs(self, window: int) -> dict[tuple[int, int], StoredPack]:
        """(binding, revision) → pack, of one window."""
        t = schema.packs
        return {(row.binding, row.revision): _pack(row) for row in self._rows(select(t).where(t.c.window == window))}

    def last_packs(self, before_window: int) -> dict[int, StoredPack]:
        """Per binding the newest pack on record of an earlier window."""
        t = schema.packs
        newest = (
            select(t.c.binding, func.max(t.c.window).label("newest"))
            .where(t.c.window < before_window)
            .group_by(t.c.binding)
            .subquery()
        )
        query = (
            select(t)
            .join(newest, (t.c.binding == newest.c.binding) & (t.c.window == newest.c.newest))
            .order_by(t.c.revision)
        )
        return {row.binding: _pack(row) for row in self._rows(query)}

    # --- postings

    def put_intent(self, posting: StoredPosting, day: StoredDay) -> None:
        """Everything of a posting, before anything leaves the machine. Raises StoreConflict."""
        h, sequence = posting.header, posting.sequence
        values = {
            "window": h.window,
            "revision": h.revision,
            "as_of": h.as_of,
            "statements_root": h.statements_root,
            "results_root": h.results_root,
            "sources_root": h.sources_root,
            "digest": posting.digest,
            "call": posting.call,
        }
        with self.transaction() as connection:
            t = schema.postings
            found = connection.execute(select(t).where(t.c.sequence == sequence)).mappings().one_or_none()
            if found is not None:
                if any(found[name] != value for name, value in values.items()):
                    raise StoreConflict(f"posting {sequence}")
                return
            fresh = {"step": PostingStep.INTENT.value, "raw_tx": b"", "tx_hash": b"", "gas": 0}
            connection.execute(insert(t).values(sequence=sequence, **values, **fresh))
            _insert_day(connection, sequence, day)

    def drop_intent(self, sequence: int, *, signed: bool = False) -> None:
        """Forget a posting that was never signed, so that its day is made anew.

        signed: forget a signed one too, which the contract can never take any more.
        """
        steps = [PostingStep.INTENT.value, *([PostingStep.SIGNED.value] if signed else [])]
        with self.transaction() as connection:
            t = schema.postings
            gone = connection.execute(delete(t).where(t.c.sequence == sequence, t.c.step.in_(steps))).rowcount
            for table in (schema.results, schema.statements, schema.sources) if gone else ():
                connection.execute(delete(table).where(table.c.sequence == sequence))

    def put_signed(self, sequence: int, raw_tx: bytes, tx_hash: bytes) -> None:
        """The signed transaction, before it is sent."""
        self._step(sequence, {"step": PostingStep.SIGNED.value, "raw_tx": raw_tx, "tx_hash": tx_hash})

    def mark_posted(self, sequence: int, gas: int) -> None:
        """The chain holds the posting."""
        self._step(sequence, {"step": PostingStep.POSTED.value, "gas": gas})

    def mark_delivered(self, sequence: int) -> None:
        """Bundles and audit file are in the mailbox."""
        self._step(sequence, {"step": PostingStep.DELIVERED.value})

    def postings(self, window: int | None = None, *steps: PostingStep) -> list[StoredPosting]:
        """Postings in order, of one window and of these steps if any are given."""
        t = schema.postings
        query = select(t).order_by(t.c.sequence)
        if window is not None:
            query = query.where(t.c.window == window)
        if steps:
            query = query.where(t.c.step.in_([s.value for s in steps]))
        return [_posting(row) for row in self._rows(query)]

    def posting(self, sequence: int) -> StoredPosting | None:
        """One posting."""
        t = schema.postings
        return next((_posting(row) for row in self._rows(select(t).where(t.c.sequence == sequence))), None)

    def day(self, sequence: int) -> StoredDay:
        """What a posting committed."""

        def rows(table: Table) -> list[Any]:
            return self._rows(select(table).where(table.c.sequence == sequence))

        return StoredDay(
            triples={row.agreement: row.triples for row in rows(schema.results)},
            statements={
                row.member: StoredStatement(lines=row.lines, net_peur=int(row.net_peur))
                for row in rows(schema.statements)
            },
            sources={row.binding: _source(row) for row in rows(schema.sources)},
        )

    def count(self) -> Mapping[str, int]:
        """Number of rows per table."""
        with self.transaction() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in schema.metadata.sorted_tables
            }

    # --- inside

    def _rows(self, query: Any) -> list[Any]:
        with self.transaction() as connection:
            return list(connection.execute(query).all())

    def _put(self, table: Table, key: dict[str, Any], values: dict[str, Any], what: str) -> None:
        with self.transaction() as connection:
            where = [table.c[name] == value for name, value in key.items()]
            found = connection.execute(select(table).where(*where)).mappings().one_or_none()
            if found is None:
                connection.execute(insert(table).values(**key, **values))
            elif any(found[name] != value for name, value in values.items()):
                raise StoreConflict(what)

    def _replace(self, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        with self.transaction() as connection:
            where = [table.c[name] == value for name, value in key.items()]
            connection.execute(delete(table).where(*where))
            connection.execute(insert(table).values(**key, **values))

    def _step(self, sequence: int, values: dict[str, Any]) -> None:
        with self.transaction() as connection:
            t = schema.postings
            connection.execute(update(t).where(t.c.sequence == sequence).values(**values))


def _insert_day(connection: Connection, sequence: int, day: StoredDay) -> None:
    rows: list[tuple[Table, list[dict[str, Any]]]] = [
        (schema.results, [{"agreement": a, "triples": t} for a, t in day.triples.items()]),
        (
            schema.statements,
            [{"member": m, "lines": s.lines, "net_peur": str(s.net_peur)} for m, s in day.statements.items()],
        ),
        (
            schema.sources,
            [
                {
                    "binding": b,
                    "kind": int(s.source.kind),
                    "revision": s.source.revision,
                    "replacement": s.pack,
                    "ground": s.ground,
                }
                for b, s in day.sources.items()
            ],
        ),
    ]
    for table, values in rows:
        if values:
            connection.execute(insert(table), [{"sequence": sequence, **v} for v in values])


def _pack(row: Any) -> StoredPack:
    return StoredPack(
        binding=row.binding,
        window=row.window,
        revision=row.revision,
        pack=row.pack,
        proof=tuple(row.proof[i : i + 32] for i in range(0, len(row.proof), 32)),
        account=row.account,
        signature=row.signature,
    )


def _posting(row: Any) -> StoredPosting:
    return StoredPosting(
        sequence=row.sequence,
        header=Header(
            window=row.window,
            revision=row.revision,
            as_of=row.as_of,
            statements_root=row.statements_root,
            results_root=row.results_root,
            sources_root=row.sources_root,
        ),
        digest=row.digest,
        step=PostingStep(row.step),
        call=row.call,
        raw_tx=row.raw_tx,
        tx_hash=row.tx_hash,
        gas=row.gas,
    )


def _source(row: Any) -> StoredSource:
    if row.kind == SourceKind.ANCHORED:
        return StoredSource(source=Source.anchored(row.revision))
    source = Source.replaced(pack_leaf(row.replacement))
    return StoredSource(source=source, pack=row.replacement, ground=row.ground)


def _path(place: str | Path) -> Path | None:
    """The file of a SQLite store, None for a URL."""
    return None if "://" in str(place) else Path(place)


def _shown(place: str | Path) -> str:
    """A place for messages: a URL's password never shows."""
    path = _path(place)
    return str(path) if path is not None else str(place).split("://", 1)[0] + " database"


def _engine(place: str | Path) -> Engine:
    path = _path(place)
    engine = create_engine(str(place) if path is None else f"sqlite:///{path}")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _safe_sqlite)
    return engine


def _safe_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # erasure means that the bytes are gone


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreUnreadable(type(error).__name__) from error

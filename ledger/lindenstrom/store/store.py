"""The operator's database: one community per store; SQLite in a file, or any SQLAlchemy URL.

Writing something a second time changes nothing; writing something else under the same key is refused (I5, I6).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from lindenstrom.core.calendar import month_name, month_of
from lindenstrom.core.hashing import i128, u32
from lindenstrom.core.salts import Purpose
from lindenstrom.core.statements import Header, Source, SourceKind
from lindenstrom.core.terms import Parameters
from lindenstrom.store import schema
from lindenstrom.store.database import Database, file_of
from lindenstrom.store.errors import (
    KeysBesideData,
    MonthErased,
    StoreConflict,
    StoreExists,
    StoreOfAnotherCommunity,
    StoreTooNew,
    StoreTooOld,
)
from lindenstrom.store.keybook import NO_MONTH, KeyBook, Randomness
from lindenstrom.store.records import (
    PostingStep,
    StoredDay,
    StoredPack,
    StoredPosting,
    StoredSource,
    StoredStatement,
)
from lindenstrom.store.sealing import seal, unseal

KEYS_NAME = "month-keys.sqlite"


class Store:
    """Open with `create` or `open`; close with `close` or as a context manager.

    Every method is a transaction of its own, or joins the one begun by `transaction`. Keys are on disk before the rows
    that need them. Errors: StoreUnreadable, RowDamaged, MonthKeyLost.
    """

    def __init__(self, database: Database, keys: KeyBook, community: bytes, secret: bytes) -> None:
        self._database = database
        self.keys = keys
        self.community = community
        self.secret = secret

    @classmethod
    def create(cls, place: str | Path, *, community: bytes, secret: bytes, keys: str | Path | None = None) -> Self:
        """New store at a path (mode 0600) or URL; secret: the community's 32 random bytes.

        keys: where the month keys are kept, apart from the data; beside a file by default. Raises StoreExists,
        KeysBesideData.
        """
        keys = _keys_place(place, keys)
        path = file_of(place)
        if path is not None and path.exists():
            raise StoreExists(str(path))  # before a key book is made for it
        book = KeyBook.create(keys, community=community)
        row = {"version": schema.SCHEMA_VERSION, "community": community, "secret": secret}
        database = Database.create(place, schema.version, row)
        return cls(database, book, community, secret)

    @classmethod
    def open(cls, place: str | Path, *, community: bytes, keys: str | Path | None = None) -> Self:
        """Existing store with its month keys.

        Raises StoreMissing, KeyBookMissing, KeysBesideData, NotAStore, StoreTooNew, StoreTooOld,
        StoreOfAnotherCommunity.
        """
        keys = _keys_place(place, keys)
        database, row = Database.open(place, schema.version)
        if row.version > schema.SCHEMA_VERSION:
            raise StoreTooNew(database.shown, row.version, schema.SCHEMA_VERSION)
        if row.version < schema.SCHEMA_VERSION:
            raise StoreTooOld(database.shown, row.version)
        if row.community != community:
            raise StoreOfAnotherCommunity(database.shown)
        return cls(database, KeyBook.open(keys, community=community), community, row.secret)

    def close(self) -> None:
        """Give the databases back."""
        self._database.close()
        self.keys.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing; a transaction inside another joins it."""
        with self._database.transaction() as connection:
            yield connection

    def scrub(self) -> None:
        """Rewrite both databases, so that what was deleted leaves no bytes behind in them."""
        self._database.scrub()
        self.keys.scrub()

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
        commitment = parameters.commitment  # it is salted: equal commitments are equal parameters
        with self.transaction() as connection:
            t = schema.parameters
            found = connection.execute(select(t).where(t.c.commitment == commitment)).one_or_none()
            if found is not None:
                if (found.member, found.agreement) != (member, agreement):
                    raise StoreConflict("a membership's parameters")
                return
            key = self.keys.keys(Purpose.PARAMETERS, [member], NO_MONTH)[member]
            sealed = seal(key, f"parameters {commitment.hex()}", parameters_bytes(parameters))
            row = {"commitment": commitment, "member": member, "agreement": agreement, "sealed_opening": sealed}
            connection.execute(insert(t).values(**row))

    def all_parameters(self) -> dict[bytes, Parameters]:
        """Commitment → parameters, of all memberships ever received, but for erased ones."""
        keys = self.keys.opened(Purpose.PARAMETERS, NO_MONTH)
        found = {}
        for row in self._rows(select(schema.parameters)):
            key = keys.get(row.member) if row.sealed_opening else None
            if key is not None:
                found[row.commitment] = read_parameters(
                    unseal(key, f"parameters {row.commitment.hex()}", row.sealed_opening)
                )
        return found

    def month_keys(
        self, purpose: Purpose, subjects: Iterable[int], month: int, randomness: Randomness
    ) -> dict[int, bytes]:
        """The month's random 32-byte keys per subject; those that do not exist yet are made and stored.

        Raises MonthErased.
        """
        return self.keys.keys(purpose, subjects, month, randomness)

    def require_kept(self, window: int) -> None:
        """Raises MonthErased where a window's month is erased for everybody: it can be neither posted nor corrected."""
        month = month_of(window)
        if any(e.month == month and e.member is None for e in self.keys.erasures()):
            raise MonthErased(month_name(month))

    # --- packs

    def put_packs(self, packs: Sequence[StoredPack]) -> None:
        """Keep packs that were checked. Raises StoreConflict where another pack holds the place (I6)."""
        t, rows = schema.packs, []
        windows = {p.window for p in packs}
        with self.transaction() as connection:
            known = {(p.binding, p.window, p.revision): p.pack for w in windows for p in self.packs(w).values()}
            for p in packs:
                if known.get((p.binding, p.window, p.revision), p.pack) != p.pack:
                    raise StoreConflict(f"a pack of binding {p.binding} for window {p.window}")
            fresh = [p for p in packs if (p.binding, p.window, p.revision) not in known]
            for month in sorted({month_of(p.window) for p in fresh}):
                mine = [p for p in fresh if month_of(p.window) == month]
                keys = self.keys.keys(Purpose.PACK, {p.binding for p in mine}, month)
                rows += [
                    {
                        "binding": p.binding,
                        "window": p.window,
                        "revision": p.revision,
                        "sealed_pack": seal(keys[p.binding], _pack_place(p.binding, p.window, p.revision), p.pack),
                        "proof": b"".join(p.proof),
                        "reader_key": p.reader_key,
                        "signature": p.signature,
                    }
                    for p in mine
                ]
            if rows:
                connection.execute(insert(t), rows)

    def packs(self, window: int) -> dict[tuple[int, int], StoredPack]:
        """(binding, revision) → pack, of one window; erased ones are not among them."""
        t = schema.packs
        rows = self._opened_packs(self._rows(select(t).where(t.c.window == window)))
        return {(p.binding, p.revision): p for p in rows}

    def _opened_packs(self, rows: Iterable[Any]) -> Iterator[StoredPack]:
        by_month: dict[int, list[Any]] = {}
        for row in rows:
            by_month.setdefault(month_of(row.window), []).append(row)
        for month, mine in by_month.items():
            keys = self.keys.opened(Purpose.PACK, month)
            for row in mine:
                key = keys.get(row.binding)
                if key is not None:
                    place = _pack_place(row.binding, row.window, row.revision)
                    yield _pack(row, unseal(key, place, row.sealed_pack))

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
            self._insert_day(connection, sequence, month_of(h.window), day)

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
        """What a posting committed, as far as it is not erased.

        Without its key an agreement's triples and a member's statement are not there, lines and a replacement's pack
        are empty.
        """
        posting = self.posting(sequence)
        month = month_of(posting.header.window) if posting else NO_MONTH

        def opened(table: Table, purpose: Purpose, subject: str, column: str) -> dict[int, bytes]:
            keys, found = self.keys.opened(purpose, month), {}
            query = select(table.c[subject], table.c[column]).where(table.c.sequence == sequence)
            for of, sealed in self._rows(query):
                key = keys.get(of) if sealed else None
                if key is not None:
                    found[of] = unseal(key, _place(table, sequence, of, column), sealed)
            return found

        lines = opened(schema.statements, Purpose.LINE, "member", "sealed_lines")
        nets = opened(schema.statements, Purpose.TOTAL, "member", "sealed_net")
        replacements = opened(schema.sources, Purpose.REPLACEMENT, "binding", "sealed_pack")
        sources = self._rows(select(schema.sources).where(schema.sources.c.sequence == sequence))
        return StoredDay(
            triples=opened(schema.results, Purpose.LEVEL, "agreement", "sealed_triples"),
            statements={
                m: StoredStatement(lines=lines.get(m, b""), net_peur=int.from_bytes(net, "big", signed=True))
                for m, net in nets.items()
            },
            sources={row.binding: _source(row, replacements.get(row.binding, b"")) for row in sources},
        )

    # --- erasure

    def subjects(self, purpose: Purpose, month: int) -> set[int]:
        """Whose rows or keys of this purpose a month has: bindings, agreements or members."""
        found, (table, column) = self.keys.subjects(purpose, month), schema.SUBJECTS[purpose]
        if table is schema.packs:
            rows = self._rows(select(table.c.binding, table.c.window).distinct())
            return found | {row.binding for row in rows if month_of(row.window) == month}
        rows = self._rows(select(table.c[column]).where(table.c.sequence.in_(self.sequences(month))))
        return found | {row[0] for row in rows}

    def sequences(self, month: int) -> list[int]:
        """The month's postings."""
        return [p.sequence for p in self.postings() if month_of(p.header.window) == month]

    def months(self) -> set[int]:
        """Months that have postings or packs."""
        windows = self._rows(select(schema.packs.c.window).distinct())
        return {month_of(row.window) for row in windows} | {month_of(p.header.window) for p in self.postings()}

    def erase(self, purpose: Purpose, month: int, subjects: Iterable[int]) -> None:
        """Delete these subjects' keys of a month for good, and then what they open (R9). Repeatable.

        The bytes leave the files with `scrub`. In a copy of the store the rows stay, and nothing opens them any more.
        """
        wanted, mine = sorted(subjects), self.sequences(month)
        self.keys.destroy(purpose, month, wanted)
        with self.transaction() as connection:
            if purpose is Purpose.PACK:
                t = schema.packs
                windows = connection.execute(select(t.c.window).distinct()).scalars()
                days = [w for w in windows if month_of(w) == month]
                connection.execute(delete(t).where(t.c.binding.in_(wanted), t.c.window.in_(days)))
            if purpose is Purpose.LEVEL:
                r = schema.results
                connection.execute(delete(r).where(r.c.agreement.in_(wanted), r.c.sequence.in_(mine)))
            if purpose is Purpose.REPLACEMENT:
                r = schema.sources
                here = (r.c.binding.in_(wanted), r.c.sequence.in_(mine))
                connection.execute(update(r).where(*here).values(sealed_pack=b""))
            if purpose in (Purpose.LINE, Purpose.TOTAL):
                s = schema.statements
                here = (s.c.member.in_(wanted), s.c.sequence.in_(mine))
                if purpose is Purpose.LINE:
                    connection.execute(update(s).where(*here).values(sealed_lines=b""))
                else:
                    connection.execute(delete(s).where(*here))

    def erase_parameters(self, member: int) -> None:
        """Delete a member's parameters with their key: when none of the days they counted for is left. Repeatable."""
        t = schema.parameters
        self.keys.destroy(Purpose.PARAMETERS, NO_MONTH, [member])
        with self.transaction() as connection:
            connection.execute(update(t).where(t.c.member == member).values(sealed_opening=b""))

    def count(self) -> Mapping[str, int]:
        """Number of rows per table."""
        with self.transaction() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in schema.metadata.sorted_tables
            }

    # --- inside

    def _rows(self, query: Any) -> list[Any]:
        return self._database.rows(query)

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

    def _insert_day(self, connection: Connection, sequence: int, month: int, day: StoredDay) -> None:
        def sealed(table: Table, purpose: Purpose, column: str, plain: Mapping[int, bytes]) -> dict[int, bytes]:
            keys = self.keys.keys(purpose, plain, month)
            return {s: seal(keys[s], _place(table, sequence, s, column), data) for s, data in plain.items()}

        triples = sealed(schema.results, Purpose.LEVEL, "sealed_triples", day.triples)
        statements = day.statements
        lines = {m: s.lines for m, s in statements.items()}
        lines = sealed(schema.statements, Purpose.LINE, "sealed_lines", lines)
        nets = {m: i128(s.net_peur) for m, s in statements.items()}
        nets = sealed(schema.statements, Purpose.TOTAL, "sealed_net", nets)
        replaced = {b: s.pack for b, s in day.sources.items() if s.pack}
        packs = sealed(schema.sources, Purpose.REPLACEMENT, "sealed_pack", replaced)
        rows: list[tuple[Table, list[dict[str, Any]]]] = [
            (schema.results, [{"agreement": a, "sealed_triples": t} for a, t in triples.items()]),
            (
                schema.statements,
                [{"member": m, "sealed_lines": lines[m], "sealed_net": nets[m]} for m in statements],
            ),
            (
                schema.sources,
                [
                    {
                        "binding": b,
                        "kind": int(s.source.kind),
                        "revision": s.source.revision,
                        "replacement": s.source.replacement if s.source.kind is SourceKind.REPLACED else b"",
                        "sealed_pack": packs.get(b, b""),
                        "ground": s.ground,
                    }
                    for b, s in day.sources.items()
                ],
            ),
        ]
        for table, values in rows:
            if values:
                connection.execute(insert(table), [{"sequence": sequence, **v} for v in values])

    def _step(self, sequence: int, values: dict[str, Any]) -> None:
        with self.transaction() as connection:
            t = schema.postings
            connection.execute(update(t).where(t.c.sequence == sequence).values(**values))


def _pack(row: Any, pack: bytes) -> StoredPack:
    return StoredPack(
        binding=row.binding,
        window=row.window,
        revision=row.revision,
        pack=pack,
        proof=tuple(row.proof[i : i + 32] for i in range(0, len(row.proof), 32)),
        reader_key=row.reader_key,
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


def _source(row: Any, pack: bytes) -> StoredSource:
    if row.kind == SourceKind.ANCHORED:
        return StoredSource(source=Source.anchored(row.revision))
    return StoredSource(source=Source.replaced(row.replacement), pack=pack, ground=row.ground)


def parameters_bytes(p: Parameters) -> bytes:
    """weight u32 ‖ share u32 ‖ limit u32 ‖ salt."""
    return u32(p.weight) + u32(p.share_ppm) + u32(p.limit_ueur_kwh) + p.salt


def read_parameters(data: bytes) -> Parameters:
    """Parameters of `parameters_bytes`."""
    weight, share, limit = (int.from_bytes(data[i : i + 4], "big") for i in (0, 4, 8))
    return Parameters(weight=weight, share_ppm=share, limit_ueur_kwh=limit, salt=data[12:])


def _pack_place(binding: int, window: int, revision: int) -> str:
    return f"packs {binding} {window} {revision}"


def _place(table: Table, sequence: int, subject: int, column: str) -> str:
    return f"{table.name} {sequence} {subject} {column}"


def _keys_place(place: str | Path, keys: str | Path | None) -> str | Path:
    """Where the month keys lie. Raises KeysBesideData where that is the data's own database, or unknown."""
    if keys is None:
        path = file_of(place)
        if path is None:
            raise KeysBesideData
        return path.with_name(KEYS_NAME)
    if str(keys) == str(place):
        raise KeysBesideData
    return keys

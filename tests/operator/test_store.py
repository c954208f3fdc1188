"""The store: private, versioned, and what is on record stays."""

import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_mock_engine

from lindenstrom.core.calendar import Zone, month_of
from lindenstrom.core.hashing import i128, keccak
from lindenstrom.core.replacement import NOTHING_READ, replacement_pack
from lindenstrom.core.salts import Purpose
from lindenstrom.core.statements import Header, Source
from lindenstrom.core.terms import Parameters
from lindenstrom.store import keybook, schema
from lindenstrom.store.errors import (
    KeyBookMissing,
    KeysBesideData,
    MonthErased,
    MonthKeyLost,
    NotAStore,
    RowDamaged,
    StoreConflict,
    StoreExists,
    StoreMissing,
    StoreOfAnotherCommunity,
    StoreTooNew,
    StoreTooOld,
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
from lindenstrom.store.store import KEYS_NAME, Store
from tests.operator.world import FIRST_DAY, randomness

COMMUNITY, SECRET = keccak(b"community"), keccak(b"secret")
PACK = StoredPack(
    binding=1,
    window=FIRST_DAY,
    revision=0,
    pack=b"pack",
    proof=(SECRET, COMMUNITY),
    reader_key=b"a" * 20,
    signature=b"s",
)
HEADER = Header(
    window=FIRST_DAY, revision=0, as_of=5, statements_root=SECRET, results_root=SECRET, sources_root=COMMUNITY
)
POSTING = StoredPosting(sequence=1, header=HEADER, digest=SECRET, step=PostingStep.INTENT, call=b"call")


def replacement() -> bytes:
    return replacement_pack(
        community=COMMUNITY,
        meter=SECRET,
        window=FIRST_DAY,
        salt=SECRET,
        zone=Zone(),
        last_end=NOTHING_READ,
        measured={},
    ).encode()


def day() -> StoredDay:
    pack = replacement()
    return StoredDay(
        triples={1: b"t" * 20},
        statements={2: StoredStatement(lines=b"l" * 36, net_peur=-(10**30))},
        sources={
            1: StoredSource(source=Source.anchored(0)),
            2: StoredSource(source=Source.replaced(keccak(pack)), pack=pack, ground="why"),
        },
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path):  # type: ignore[no-untyped-def]
    with Store.create(path, community=COMMUNITY, secret=SECRET) as made:
        yield made


def test_only_its_owner_reads_it(store: Store, path: Path) -> None:
    store.set_name(2, "Person 2")
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}


def test_opening(store: Store, path: Path) -> None:
    store.close()
    with Store.open(path, community=COMMUNITY) as opened:
        assert opened.secret == SECRET
    with pytest.raises(StoreOfAnotherCommunity):
        Store.open(path, community=SECRET)
    with pytest.raises(StoreExists):
        Store.create(path, community=COMMUNITY, secret=SECRET)
    with pytest.raises(StoreMissing):
        Store.open(path.with_name("other"), community=COMMUNITY)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE lindenstrom_version SET version = 99")
    raw.close()
    with pytest.raises(StoreTooNew, match="99"):
        Store.open(path, community=COMMUNITY)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE lindenstrom_version SET version = 1")
    raw.close()
    with pytest.raises(StoreTooOld):
        Store.open(path, community=COMMUNITY)


def test_other_files_are_no_stores(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(NotAStore):
        Store.open(path, community=COMMUNITY)
    empty = path.with_name("empty")
    sqlite3.connect(empty).close()
    with pytest.raises(StoreMissing):
        Store.open(path.with_name("none"), community=COMMUNITY)
    with pytest.raises(NotAStore):
        Store.open(empty, community=COMMUNITY)


def test_a_held_database_is_no_internal_error(store: Store, path: Path) -> None:
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    short = Store.open  # a reader is refused as well
    with pytest.raises(StoreUnreadable) as held:
        short(f"sqlite:///{path}?timeout=0.1", community=COMMUNITY, keys=path.with_name(KEYS_NAME))
    holder.rollback()
    holder.close()
    assert held.value.exit_code == 5


def test_keys_are_drawn_once(store: Store, path: Path) -> None:
    first = store.month_keys(Purpose.LINE, [2, 3], 5, randomness(b"a"))
    again = store.month_keys(Purpose.LINE, [2, 3, 4], 5, randomness(b"b"))
    assert {s: again[s] for s in (2, 3)} == first
    assert len({*again.values(), *store.month_keys(Purpose.TOTAL, [2], 5, randomness(b"c")).values()}) == 4


def test_what_is_on_record_stays(store: Store) -> None:
    store.put_packs([PACK])
    store.put_packs([PACK, replace(PACK, binding=2)])
    with pytest.raises(StoreConflict):
        store.put_packs([replace(PACK, pack=b"other"), replace(PACK, binding=3)])
    assert sorted(store.packs(FIRST_DAY)) == [(1, 0), (2, 0)]
    assert store.packs(FIRST_DAY)[1, 0] == PACK
    parameters = Parameters(weight=3, salt=SECRET)
    for _ in range(2):
        store.put_parameters(2, 1, parameters)
    assert store.all_parameters() == {parameters.commitment: parameters}


def test_a_postings_way(store: Store) -> None:
    store.put_intent(POSTING, day())
    store.put_intent(POSTING, day())
    with pytest.raises(StoreConflict):
        store.put_intent(replace(POSTING, digest=COMMUNITY), day())
    assert store.day(1) == day()
    store.put_signed(1, b"raw", b"hash")
    store.drop_intent(1)
    store.mark_posted(1, 77)
    store.mark_delivered(1)
    expected = replace(POSTING, step=PostingStep.DELIVERED, raw_tx=b"raw", tx_hash=b"hash", gas=77)
    assert store.posting(1) == expected
    assert store.postings(FIRST_DAY) == [expected]
    assert store.postings(None, PostingStep.INTENT) == []


def test_an_unsigned_intent_can_be_dropped(store: Store) -> None:
    store.put_intent(POSTING, day())
    store.drop_intent(1)
    assert store.posting(1) is None
    assert store.day(1) == StoredDay(triples={}, statements={}, sources={})


def test_nothing_personal_lies_open(store: Store, path: Path) -> None:
    parameters = Parameters(weight=3, salt=keccak(b"salt"))
    store.put_intent(POSTING, day())
    store.put_packs([replace(PACK, pack=replacement())])
    store.put_parameters(2, 1, parameters)
    store.close()
    data = path.read_bytes()
    for open_text in (replacement(), b"t" * 20, b"l" * 36, str(10**30).encode(), i128(-(10**30)), parameters.salt):
        assert open_text not in data


@pytest.mark.parametrize("gone", [Purpose.LEVEL, Purpose.LINE, Purpose.TOTAL, Purpose.REPLACEMENT, Purpose.PACK])
def test_a_key_takes_what_it_opens_with_it_in_backups_too(store: Store, path: Path, gone: Purpose) -> None:
    store.put_intent(POSTING, day())
    store.put_packs([PACK])
    backup = path.with_name("backup.sqlite")
    shutil.copy(path, backup)
    month = month_of(FIRST_DAY)
    keys = store.keys.keys(gone, store.subjects(gone, month), month)
    assert 1 <= len(keys) <= 2
    for _ in range(2):
        store.erase(gone, month, keys)
    store.scrub()
    left, packs = store.day(1), store.packs(FIRST_DAY)
    store.close()
    for file in path.parent.iterdir():
        assert not any(key in file.read_bytes() for key in keys.values())
    whole = day()
    assert left.triples == ({} if gone is Purpose.LEVEL else whole.triples)
    assert packs == ({} if gone is Purpose.PACK else {(1, 0): PACK})
    if gone is Purpose.TOTAL:
        assert left.statements == {}
    else:
        assert left.statements == {2: replace(whole.statements[2], lines=b"" if gone is Purpose.LINE else b"l" * 36)}
    assert {b: s.source for b, s in left.sources.items()} == {b: s.source for b, s in whole.sources.items()}
    assert left.sources[2].pack == (b"" if gone is Purpose.REPLACEMENT else replacement())
    with Store.open(backup, community=COMMUNITY, keys=path.with_name(KEYS_NAME)) as restored:
        assert (restored.day(1), restored.packs(FIRST_DAY)) == (left, packs)
        with pytest.raises(MonthErased):
            restored.month_keys(gone, keys, month, randomness(b"again"))


def test_parameters_go_with_their_member(store: Store) -> None:
    mine, other = Parameters(weight=3, salt=SECRET), Parameters(weight=4, salt=SECRET)
    store.put_parameters(2, 1, mine)
    store.put_parameters(3, 1, other)
    with pytest.raises(StoreConflict):
        store.put_parameters(4, 1, mine)
    store.erase_parameters(2)
    assert store.all_parameters() == {other.commitment: other}


def test_a_key_book_that_is_older_than_the_store_is_not_taken_for_an_erasure(store: Store, path: Path) -> None:
    book = path.with_name(KEYS_NAME)
    old = book.read_bytes()
    store.put_packs([PACK])
    book.write_bytes(old)
    with pytest.raises(MonthKeyLost), Store.open(path, community=COMMUNITY) as opened:
        opened.packs(FIRST_DAY)


def test_rows_cannot_change_places(store: Store, path: Path) -> None:
    store.put_packs([PACK, replace(PACK, window=FIRST_DAY + 1)])
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE packs SET sealed_pack = (SELECT max(sealed_pack) FROM packs)")
    with pytest.raises(RowDamaged):
        {**store.packs(FIRST_DAY), **store.packs(FIRST_DAY + 1)}


def test_keys_need_a_place_of_their_own(path: Path) -> None:
    for keys in (None, "postgresql://db/one"):
        with pytest.raises(KeysBesideData):
            Store.create("postgresql://db/one", community=COMMUNITY, secret=SECRET, keys=keys)
    with Store.create(path, community=COMMUNITY, secret=SECRET, keys=path.parent / "apart" / "keys.sqlite"):
        assert stat.S_IMODE((path.parent / "apart").stat().st_mode) == 0o700
    with pytest.raises(KeyBookMissing):
        Store.open(path, community=COMMUNITY)
    with pytest.raises(StoreExists):
        Store.create(path, community=COMMUNITY, secret=SECRET)
    assert not path.with_name(KEYS_NAME).exists()


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    with pytest.raises(StoreConflict), store.transaction():  # noqa: PT012
        store.set_name(2, "Person 2")
        raise StoreConflict("something")
    assert store.names() == {}


def test_postgresql_takes_the_tables() -> None:
    statements: list[str] = []
    engine = create_mock_engine(
        "postgresql://", lambda sql, *_: statements.append(str(sql.compile(dialect=engine.dialect)))
    )
    schema.metadata.create_all(engine, checkfirst=False)
    keybook.metadata.create_all(engine, checkfirst=False)
    assert any('"window" BIGINT NOT NULL' in s for s in statements)

"""I13, the drill: settle, back up, erase, and look for what is erased in every byte that is left (R9)."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lindenstrom.audit.acts import attest
from lindenstrom.audit.errors import ErasedDay
from lindenstrom.audit.file import AuditFile, Erasable, Erased, audit_json, read_audit
from lindenstrom.audit.findings import Kind
from lindenstrom.audit.run import audit_run
from lindenstrom.chain.community import community_ref
from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.calendar import month_of, windows_of
from lindenstrom.core.hashing import keccak
from lindenstrom.core.packs import HEADER_BYTES, decode_pack, pack_leaf
from lindenstrom.core.salts import Purpose
from lindenstrom.core.statements import Statement, lines_commitment
from lindenstrom.core.verification import Expectation, verify_bundle
from lindenstrom.facts import ChainFacts
from lindenstrom.mailbox import audit_path, bundle_path, collect_packs
from lindenstrom.operator.day import settle_day
from lindenstrom.operator.erasing import (
    EraseStep,
    Wanted,
    check,
    due,
    due_from,
    erase,
    finish_erasures,
)
from lindenstrom.operator.errors import ErasedAlready, NotErasableYet, PostingsOpen
from lindenstrom.operator.finalise import finalise_due
from lindenstrom.signing import is_signed_by
from lindenstrom.store.errors import MonthErased
from lindenstrom.store.store import KEYS_NAME, Store
from tests.operator.world import AUDITOR_KEY, FIRST_DAY, World, new_world, reopened

pytestmark = pytest.mark.integration
MONTH = month_of(FIRST_DAY)
DAYS = range(FIRST_DAY, FIRST_DAY + 3)
ERASED, OTHER, REPLACED = 3, 2, 5
"""Members: one whose reader reads neighbours too, one of these, and one whose meter was not read on the second day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A community a year later. bundles: members' own copies, by member and day."""

    folder: Path
    meters: Mapping[int, tuple[bytes, int, int]]
    backup: Path
    bundles: Path
    logs: list[str]


@pytest.fixture(scope="module")
def prototype(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """Three days of October settled and final, a backup of the store, and the clock past the month's corrections."""
    folder, apart = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("apart")
    lines: list[str] = ["log"]
    handler = logging.Handler(level=0)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    with new_world(folder) as world:
        for window in DAYS:
            world.run_past(window)
            packs = world.packs(window)
            world.anchor(window, {0: packs[0]} if window == FIRST_DAY + 1 else packs)
            world.run_to_close(window)
            settle_day(world.office, window)
        shutil.copy(folder / "store.sqlite", apart / "backup.sqlite")
        shutil.copytree(folder / "mailbox" / "bundles", apart / "bundles")
        attest(world.office.mailbox, world.chain, world.community, 1, AUDITOR_KEY)
        world.chain.advance_to(world.chain.now() + world.community.constants.objection_period_s + 1)
        with pytest.raises(NotErasableYet) as early:
            check(world.office, Wanted(what=Erasable.INTERVALS, month=MONTH, member=ERASED))
        assert "restrict" in str(early.value)
        world.chain.advance_to(early.value.until + 1)
        with pytest.raises(PostingsOpen):
            check(world.office, Wanted(what=Erasable.INTERVALS, month=MONTH))
        finalise_due(world.chain, world.community, world.office.key)
        meters = dict(world.meters)
    yield Settled(
        folder=folder,
        meters=meters,
        backup=apart / "backup.sqlite",
        bundles=apart / "bundles",
        logs=lines,
    )
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def settled(prototype: Settled, tmp_path: Path) -> Settled:
    home = tmp_path / "home"
    shutil.copytree(prototype.folder, home)
    toml = home / "community.toml"
    toml.write_text(toml.read_text().replace(str(prototype.folder), str(home)))
    return replace(prototype, folder=home)


def interval_needles(packs: list[bytes]) -> list[bytes]:
    """Every way in which a pack's values could lie somewhere: whole, in part, two slots each, as text; and its salt."""
    found = []
    for data in packs:
        pack = decode_pack(data)
        n = len(pack.import_mwh)
        values = data[HEADER_BYTES + n : HEADER_BYTES + 9 * n]
        slots = [values[8 * i : 8 * i + 16] for i in range(n - 1)]  # one alone may equal a price or a time by chance
        texts = [str(pack.end.import_mwh).encode()] if pack.end != pack.start else []
        found += [data, data[104:136], pack.salt, values, *slots, *texts]
    return telling(found)


def telling(needles: list[bytes]) -> list[bytes]:
    """Without those that lie everywhere by chance: zeros."""
    return [needle for needle in needles if len(needle) - needle.count(0) > 2]


def remaining_bytes(settled: Settled) -> Iterator[tuple[Path, bytes]]:
    """Every file that an operator has, the backup, and what was logged."""
    for path in [*settled.folder.rglob("*"), settled.backup]:
        if path.is_file():
            yield path, path.read_bytes()
    yield Path("logs"), "\n".join(settled.logs).encode()


def assert_nowhere(settled: Settled, needles: list[bytes]) -> None:
    """No file holds one of these, as bytes or as hex."""
    assert needles
    for path, data in remaining_bytes(settled):
        folded = data.lower()
        for needle in needles:
            assert needle not in data, path
            assert needle.hex().encode() not in folded, path


def assert_somewhere(settled: Settled, needles: list[bytes]) -> None:
    """The control: a needle that is not erased is found by the same search."""
    with pytest.raises(AssertionError):
        assert_nowhere(settled, needles)


def packs_of(world: World, member: int, windows: range = DAYS) -> list[bytes]:
    """A member's packs, replacements among them, as the store opens them."""
    roster = world.office.reader.roster()
    mine = {b.id for b in roster.bindings.values() if b.member == member}
    store = world.office.store
    found = [p.pack for w in windows for p in store.packs(w).values() if p.binding in mine]
    for posting in store.postings():
        found += [s.pack for b, s in store.day(posting.sequence).sources.items() if b in mine and s.pack]
    return found


def keys_of(world: World, purpose: Purpose, subjects: set[int]) -> list[bytes]:
    return [k for s, k in world.office.store.month_keys(purpose, subjects, MONTH, bytes).items() if s in subjects]


def verify_own_copy(world: World, settled: Settled, member: int, window: int) -> None:
    sequence = window - FIRST_DAY + 1
    bundle = read_bundle(bundle_path(settled.bundles.parent, member, window, sequence).read_bytes())
    expected = Expectation(community=community_ref(world.community), member=member)
    facts = ChainFacts(world.office.contracts, sequence)
    report = verify_bundle(bundle, expected, signed_by=is_signed_by, chain=facts)
    assert {c.status for c in report.checks} == {"ok"}


def audit_file(world: World, window: int) -> AuditFile:
    return read_audit(audit_path(world.office.mailbox, window, window - FIRST_DAY + 1).read_bytes())


def test_one_members_intervals(settled: Settled) -> None:
    """Gone: values, salt, keys. Left and proven: the member's lines and totals, and everything of the others."""
    with reopened(settled.folder, settled.meters) as world:
        office = world.office
        packs = packs_of(world, ERASED) + packs_of(world, REPLACED)
        assert len(packs) == 6
        bindings = {b.id for b in office.reader.roster().bindings.values() if b.member in (ERASED, REPLACED)}
        keys = keys_of(world, Purpose.PACK, bindings)
        keys += keys_of(world, Purpose.REPLACEMENT, {max(bindings)})
        before = {w: audit_file(world, w) for w in DAYS}
        erase(office, [Wanted(what=Erasable.INTERVALS, month=MONTH, member=m) for m in (ERASED, REPLACED)])
        needles = interval_needles(packs)
        assert_nowhere(settled, [*needles, *keys])
        assert_somewhere(settled, interval_needles(packs_of(world, OTHER)))

        report = audit_run(office.mailbox, world.chain, world.community)
        assert (report.passed, len(report.days)) == (True, 3)
        said = tuple(Erased(what=Erasable.INTERVALS, member=m) for m in (ERASED, REPLACED))
        assert {d.erased for d in report.days} == {said}
        with pytest.raises(ErasedDay):
            attest(office.mailbox, world.chain, world.community, 2, AUDITOR_KEY)
        for window in DAYS:
            assert audit_file(world, window).statements == before[window].statements
            for member in (OTHER, ERASED):
                verify_own_copy(world, settled, member, window)
            assert not bundle_path(office.mailbox, ERASED, window, window - FIRST_DAY + 1).exists()
            assert bundle_path(office.mailbox, OTHER, window, window - FIRST_DAY + 1).exists()

    with (
        Store.open(settled.backup, community=world.community.id, keys=settled.folder / KEYS_NAME) as restored,
        reopened(settled.folder, settled.meters) as live,
    ):
        kept = replace(live, office=replace(live.office, store=restored))
        assert packs_of(kept, ERASED) == packs_of(kept, REPLACED) == []
        assert packs_of(kept, OTHER) == packs_of(live, OTHER)
        assert restored.day(1).statements == live.office.store.day(1).statements


def test_the_leaf_that_is_left_cannot_be_guessed(settled: Settled) -> None:
    """Who knows every value, and every key that is left, still cannot tell it from another without the salt."""
    with reopened(settled.folder, settled.meters) as world:
        office = world.office
        pack = decode_pack(packs_of(world, ERASED)[0])
        position = next(p for _, (_, reader, p) in settled.meters.items() if reader == 0 and p == ERASED)
        erase(office, [Wanted(what=Erasable.INTERVALS, month=MONTH, member=ERASED)])
        (delivery,) = [d for d in collect_packs(office.mailbox, FIRST_DAY) if d.reader == 0]
        assert sorted(delivery.erased) == [position] and position not in delivery.packs
        leaf = delivery.erased[position]
        assert leaf == pack_leaf(pack.encode())  # with the salt the leaf is the pack's: without it nothing leads there
        left = [office.store.secret, bytes(32), keccak(pack.meter)]
        for purpose in (Purpose.LEVEL, Purpose.LINE, Purpose.TOTAL):
            left += keys_of(world, purpose, office.store.subjects(purpose, MONTH))
        assert len(left) > 10
        assert all(pack_leaf(replace(pack, salt=guess).encode()) != leaf for guess in left)


def test_one_members_totals_take_lines_and_intervals_along(settled: Settled) -> None:
    with reopened(settled.folder, settled.meters) as world:
        office = world.office
        opened = [next(s for s in audit_file(world, w).statements if s.member == ERASED) for w in DAYS]
        keys = [k for p in (Purpose.LINE, Purpose.TOTAL) for k in keys_of(world, p, {ERASED})]
        needles = interval_needles(packs_of(world, ERASED)) + keys
        for s in opened:
            needles += [s.lines, s.lines_salt, s.salt, s.net_peur.to_bytes(16, "big", signed=True)]
            needles += [str(s.net_peur).encode()]
        erase(office, [Wanted(what=Erasable.TOTALS, month=MONTH, member=ERASED)])
        assert_nowhere(settled, needles)
        report = audit_run(office.mailbox, world.chain, world.community)
        assert report.passed
        assert ERASED not in office.store.day(1).statements and OTHER in office.store.day(1).statements
        for window, s in zip(DAYS, opened, strict=True):
            file = audit_file(world, window)
            (left,) = [x for x in file.statements if x.member == ERASED]
            statement = Statement(
                community=world.community.id,
                window=window,
                revision=0,
                index=ERASED,
                lines_commitment=lines_commitment(s.lines_salt, s.lines),
                net_peur=s.net_peur,
                salt=s.salt,
            )
            assert left.leaf == statement.leaf != replace(statement, salt=bytes(32)).leaf
            verify_own_copy(world, settled, ERASED, window)
            verify_own_copy(world, settled, OTHER, window)
        with pytest.raises(MonthErased):
            office.store.month_keys(Purpose.TOTAL, {ERASED}, MONTH, bytes)
        with pytest.raises(ErasedAlready):
            erase(office, [Wanted(what=Erasable.LINES, month=MONTH, member=ERASED)])


def test_a_whole_month_when_it_is_due(settled: Settled) -> None:
    """At three years intervals and levels go; at eight lines; at ten totals. Nothing can be posted for it again."""
    with reopened(settled.folder, settled.meters) as world:
        office = world.office
        assert due(office) == ()
        packs = [p for m in (ERASED, OTHER, REPLACED) for p in packs_of(world, m)]
        levels = [r.triples for w in DAYS for r in audit_file(world, w).results]
        lines = [s.lines for w in DAYS for s in audit_file(world, w).statements if s.member > 1]
        nets = [str(s.net_peur).encode() for w in DAYS for s in audit_file(world, w).statements if s.member > 1]
        parameters = [p.salt for p in audit_file(world, FIRST_DAY).parameters]
        stages = {
            Erasable.INTERVALS: [*interval_needles(packs), *levels, *parameters],
            Erasable.LINES: telling(lines),
            Erasable.TOTALS: telling(nets),
        }
        gone: list[bytes] = []
        for what, needles in stages.items():
            world.chain.advance_to(due_from(office, what, MONTH))
            (wanted,) = due(office)
            assert wanted == Wanted(what=what, month=MONTH)
            if what is not Erasable.INTERVALS:
                assert_somewhere(settled, needles)
            erase(office, [wanted])
            gone += needles
            assert_nowhere(settled, gone)
            assert due(office) == ()
            assert audit_run(office.mailbox, world.chain, world.community).passed
        assert not list(office.mailbox.rglob("bundles/*/*.json")) + list(office.mailbox.rglob("packs/*/*.json"))
        with pytest.raises(MonthErased):  # a day of the month that was never settled
            settle_day(office, FIRST_DAY + 4)
        with pytest.raises(MonthErased):
            office.store.month_keys(Purpose.LINE, {99}, MONTH, bytes)
        assert [(e.kind, e.member) for e in office.store.keys.erasures()] == [
            ("intervals", None),
            ("lines", None),
            ("totals", None),
        ]


class Cut(Exception):
    """The power fails."""


@pytest.mark.parametrize("step", list(EraseStep))
def test_cut_off_at_any_step(settled: Settled, step: EraseStep) -> None:
    wanted = Wanted(what=Erasable.LINES, month=MONTH, member=ERASED)

    def progress(begun: EraseStep) -> None:
        if begun is step:
            raise Cut

    with reopened(settled.folder, settled.meters) as world:
        needles = interval_needles(packs_of(world, ERASED)) + keys_of(world, Purpose.LINE, {ERASED})
        needles += [s.lines for w in DAYS for s in audit_file(world, w).statements if s.member == ERASED]
        part = audit_path(world.office.mailbox, FIRST_DAY, 1)
        shutil.copy(part, part.with_name(f".{part.name}.77.part"))  # what a crash left behind while it was delivered
        with pytest.raises(Cut):
            erase(world.office, [wanted], progress=progress)
    with reopened(settled.folder, settled.meters) as world:
        assert len(finish_erasures(world.office)) == (0 if step in (EraseStep.RECORD, EraseStep.DONE) else 2)
        if step is EraseStep.RECORD:  # nothing was begun
            erase(world.office, [wanted])
        assert finish_erasures(world.office) == ()
        assert_nowhere(settled, needles)
        assert audit_run(world.office.mailbox, world.chain, world.community).passed


def test_an_audit_sees_through_false_erasures(settled: Settled) -> None:
    """Too early, or with something changed in what is left, an erasure is no way to hide."""
    with reopened(settled.folder, settled.meters) as world:
        office = world.office
        erase(office, [Wanted(what=Erasable.LINES, month=MONTH, member=ERASED)])
        path = audit_path(office.mailbox, FIRST_DAY, 1)
        file = read_audit(path.read_bytes())
        assert audit_json(file).encode() == path.read_bytes()
        first = file.statements[-1]
        changed = replace(first, net_peur=first.net_peur + 1)
        path.write_text(audit_json(replace(file, statements=(*file.statements[:-1], changed))))
        day = audit_run(office.mailbox, world.chain, world.community).days[0]
        assert [d.kind for d in day.differences] == [Kind.STATEMENTS]


def test_erased_too_early_differs(prototype: Settled, tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        settle_day(world.office, FIRST_DAY)
        path = audit_path(world.office.mailbox, FIRST_DAY, 1)
        said = (Erased(what=Erasable.INTERVALS, member=ERASED),)
        path.write_text(audit_json(replace(read_audit(path.read_bytes()), erased=said)))
        (day,) = audit_run(world.office.mailbox, world.chain, world.community).days
        assert [d.kind for d in day.differences] == [Kind.FILE]


def test_months() -> None:
    assert [len(windows_of(m)) for m in (MONTH, MONTH + 1, MONTH + 4)] == [31, 30, 28]
    assert windows_of(MONTH).start <= FIRST_DAY < windows_of(MONTH).stop

"""Readings and replacements in the audit: what counts is what the readers anchored in time (R5, I4)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.audit import acts
from lindenstrom.audit.errors import NotAnAuditor, NothingToVoid
from lindenstrom.audit.findings import AuditedDay, Kind
from lindenstrom.audit.run import audit_run
from lindenstrom.chain.community import community_ref
from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.packs import Registers, decode_pack
from lindenstrom.core.replacement import NOTHING_READ, replacement_pack
from lindenstrom.core.statements import Source
from lindenstrom.core.verification import Expectation, verify_bundle
from lindenstrom.facts import ChainFacts
from lindenstrom.mailbox import list_bundles, pack_path
from lindenstrom.operator import collecting, day
from lindenstrom.operator.collecting import Collected
from lindenstrom.operator.committing import Plan
from lindenstrom.operator.day import settle_day
from lindenstrom.operator.errors import PacksNotDelivered
from lindenstrom.operator.office import Office
from lindenstrom.readings import Ground
from lindenstrom.roster import Roster
from lindenstrom.signing import is_signed_by
from lindenstrom.store.records import StoredSource
from tests.operator.world import AUDITOR_KEY, FIRST_DAY, OPERATOR_KEY, World, new_world

pytestmark = pytest.mark.integration


def audited(world: World) -> tuple[AuditedDay, ...]:
    return audit_run(world.office.mailbox, world.chain, world.community).days


def test_an_empty_place_and_an_unfit_pack_are_replaced(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.run_past(FIRST_DAY)
        packs = world.packs(FIRST_DAY)
        del packs[0][3]
        broken = decode_pack(packs[0][2])
        packs[0][2] = replace(broken, end=Registers(import_mwh=1, export_mwh=1)).encode()
        world.anchor(FIRST_DAY, packs)
        world.run_to_close(FIRST_DAY)
        done = settle_day(world.office, FIRST_DAY)
        assert [(g.member, g.ground) for g in done.gaps] == [(2, Ground.UNFIT), (3, Ground.EMPTY)]
        for member in (2, 3):  # the bundle opens what the reader had anchored
            (posted,) = list_bundles(world.office.mailbox, member)
            bundle = read_bundle(posted.path.read_bytes())
            expected = Expectation(community=community_ref(world.community), member=member)
            facts = ChainFacts(world.office.contracts, 1)
            report = verify_bundle(bundle, expected, signed_by=is_signed_by, chain=facts)
            assert {c.status for c in report.checks} == {"ok"}
            silent = replace(bundle, meters=tuple(replace(m, ground=None) for m in bundle.meters))
            report = verify_bundle(silent, expected, signed_by=is_signed_by, chain=facts)
            assert report.checks[1].finding == "replacement_unproven"
        (found,) = audited(world)
        assert found.passed, found.first
        assert [r.member for r in found.replaced] == [2, 3]
        assert found.slots_not_measured == 2 * 96


def test_a_withholding_reader_is_recorded_and_then_replaced(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        chain, community = world.chain, world.community
        world.run_past(FIRST_DAY)
        packs = world.packs(FIRST_DAY)
        world.anchor(FIRST_DAY, {0: packs[0]})
        world.anchor(FIRST_DAY, {1: packs[1]}, deliver=False)
        world.run_to_close(FIRST_DAY)
        with pytest.raises(PacksNotDelivered):
            settle_day(world.office, FIRST_DAY)
        with pytest.raises(NotAnAuditor):
            acts.record_withheld(chain, community, 1, FIRST_DAY, OPERATOR_KEY)
        since = acts.record_withheld(chain, community, 1, FIRST_DAY, AUDITOR_KEY)
        assert acts.record_withheld(chain, community, 1, FIRST_DAY, AUDITOR_KEY) == since
        assert [g.ground for g in settle_day(world.office, FIRST_DAY).gaps] == [Ground.WITHHELD]
        (found,) = audited(world)
        assert found.passed, found.first


def test_a_broken_file_of_one_reader_is_named(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        path = pack_path(world.office.mailbox, FIRST_DAY, 1, 0)
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(PacksNotDelivered) as missing:
            settle_day(world.office, FIRST_DAY)
        assert list(missing.value.readers) == [1]


def test_packs_under_another_root_or_signature_do_not_count(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        path = pack_path(world.office.mailbox, FIRST_DAY, 1, 0)
        good = path.read_text()
        pack = world.packs(FIRST_DAY)[1][0]
        path.write_text(good.replace(pack.hex(), replace(decode_pack(pack), salt=b"x" * 32).encode().hex()))
        with pytest.raises(PacksNotDelivered, match="root"):
            settle_day(world.office, FIRST_DAY)
        start = good.index('"signature":"0x') + 20
        path.write_text(good[:start] + ("0" if good[start] != "0" else "1") + good[start + 1 :])
        with pytest.raises(PacksNotDelivered, match="signature"):
            settle_day(world.office, FIRST_DAY)
        path.write_text(good)
        assert settle_day(world.office, FIRST_DAY).gaps == ()


def test_the_newest_revision_in_time_counts(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.run_past(FIRST_DAY)
        world.anchor(FIRST_DAY, world.packs(FIRST_DAY))
        world.anchor(FIRST_DAY, {1: world.packs(FIRST_DAY, 1)[1]}, revision=1)
        world.run_to_close(FIRST_DAY)
        world.chain.advance_to(world.chain.now() + 100)
        world.anchor(FIRST_DAY, {1: world.packs(FIRST_DAY, 2)[1]}, revision=2)
        settle_day(world.office, FIRST_DAY)
        revisions = [s.source.revision for _, s in sorted(world.office.store.day(1).sources.items())]
        assert revisions == [0, 0, 0, 1]
        (found,) = audited(world)
        assert found.passed, found.first


def replace_a_good_pack(window: int, office: Office) -> StoredSource:
    pack = replacement_pack(
        community=office.community.id,
        meter=office.contracts.binding(1).meter,
        window=window,
        salt=b"s" * 32,
        zone=office.zone,
        last_end=NOTHING_READ,
        measured={},
    )
    return StoredSource(source=Source.replaced(pack.leaf), pack=pack.encode(), ground="because")


def forget_a_meter(_window: int, _office: Office) -> None:
    return None


def use_another_revision(_window: int, _office: Office) -> StoredSource:
    return StoredSource(source=Source.anchored(1))


@pytest.mark.parametrize(
    ("cheat", "kind"),
    [
        (replace_a_good_pack, Kind.REPLACEMENTS),
        (forget_a_meter, Kind.SOURCES),
        (use_another_revision, Kind.SOURCES),
    ],
)
def test_a_cheating_operators_sources_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheat: Callable[[int, Office], StoredSource | None], kind: Kind
) -> None:
    def choose(
        office: Office, roster: Roster, plan: Plan, collected: Collected
    ) -> tuple[dict[int, StoredSource], dict[int, bytes]]:
        sources, packs = collecting.choose_sources(office, roster, plan, collected)
        false = cheat(plan.window, office)
        if false is None:
            del sources[1]
        else:
            sources[1] = false
        return sources, packs

    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        monkeypatch.setattr(day, "choose_sources", choose)
        # Its own tools cannot even make bundles for some of these; the posting stands all the same.
        monkeypatch.setattr(day, "deliver_bundles", lambda *_: 0)
        settle_day(world.office, FIRST_DAY)
        (found,) = audited(world)
        assert [(d.kind, d.binding, d.member) for d in found.differences] == [(kind, 1, 2)]
        sent = acts.void(world.office.mailbox, world.chain, world.community, 1, AUDITOR_KEY)
        assert sent.gas > 0


def test_registers_run_on_and_jumps_are_listed(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        second, third, fourth = FIRST_DAY + 1, FIRST_DAY + 2, FIRST_DAY + 3
        for window in (FIRST_DAY, second, third, fourth):
            world.run_past(window)
            packs = world.packs(window)
            if window == second:
                del packs[1]
            if window == fourth:  # the registers of binding 1 start again without a declared break
                pack = decode_pack(packs[0][2])
                first = Registers(import_mwh=0, export_mwh=0)
                last = Registers(import_mwh=sum(pack.import_mwh), export_mwh=sum(pack.export_mwh))
                packs[0][2] = replace(pack, start=first, end=last, salt=keccak(u32(4))).encode()
            world.anchor(window, packs)
            world.run_to_close(window)
            settle_day(world.office, window)
        days = audited(world)
        assert [d.passed for d in days] == [True, True, True, False]
        assert [[t.binding for t in d.true_ups] for d in days] == [[], [], [4], []]
        assert [d.register_gaps for d in days] == [(), (), (), ()]
        assert [(d.kind, d.binding) for d in days[3].differences] == [(Kind.REGISTERS, 1)]
        only = audit_run(world.office.mailbox, world.chain, world.community, windows=range(fourth, fourth + 1)).days
        assert only == (days[3],)


def test_void_although_right_has_to_be_said(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        settle_day(world.office, FIRST_DAY)
        args = (world.office.mailbox, world.chain, world.community, 1, AUDITOR_KEY)
        with pytest.raises(NothingToVoid):
            acts.void(*args)
        assert acts.void(*args, although_right=True).gas > 0
        assert audit_run(*args[:3]).not_posted == (FIRST_DAY,)

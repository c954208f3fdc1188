"""Replacements recomputed by the auditor from earlier days, and what a returning meter shows beyond them (R5)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.audit.findings import AuditedDay, Kind, MeterTrueUp
from lindenstrom.audit.run import audit_posting, audit_run
from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.calendar import OPEN_END
from lindenstrom.core.eip712 import Bind
from lindenstrom.core.packs import Pack, Registers, Status, decode_pack
from lindenstrom.core.replacement import TrueUp
from lindenstrom.core.statements import Source
from lindenstrom.mailbox import audit_path, list_bundles, pack_path
from lindenstrom.operator import collecting, day, people
from lindenstrom.operator.collecting import Collected
from lindenstrom.operator.committing import Plan
from lindenstrom.operator.day import SettledDay, correct_day, settle_day
from lindenstrom.operator.finalise import finalise_due
from lindenstrom.operator.office import Office
from lindenstrom.readings import pack_registers
from lindenstrom.roster import Roster
from lindenstrom.store.records import StoredSource
from tests.operator.world import FIRST_DAY, World, member_key, new_world, values

pytestmark = pytest.mark.integration
SECOND, THIRD, FOURTH = FIRST_DAY + 1, FIRST_DAY + 2, FIRST_DAY + 3
AWAY = 4
"""The binding at reader 1, which is silent on the second and third day."""


def settle(world: World, window: int, *, silent: bool = False) -> SettledDay:
    world.run_past(window)
    packs = world.packs(window)
    if silent:
        del packs[1]
    world.anchor(window, packs)
    world.run_to_close(window)
    return settle_day(world.office, window)


def replacement(world: World, sequence: int) -> Pack:
    return decode_pack(world.office.store.day(sequence).sources[AWAY].pack)


def audited(world: World, first: int = FIRST_DAY) -> tuple[AuditedDay, ...]:
    windows = range(first, FOURTH + 1)
    return audit_run(world.office.mailbox, world.chain, world.community, windows=windows).days


def test_absent_days_take_the_mean_and_the_return_trues_up(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        for window in (FIRST_DAY, SECOND, THIRD):
            assert settle(world, window, silent=window in (SECOND, THIRD)).true_ups == ()
        (returned,) = settle(world, FOURTH).true_ups
        first = decode_pack(world.packs(FIRST_DAY)[1][0])
        second, third = replacement(world, 2), replacement(world, 3)
        assert (second.start, second.end) == (first.end, third.start)
        assert third.import_mwh == first.import_mwh
        assert len(second.import_mwh) == 100
        assert second.import_mwh[12:16] == first.import_mwh[8:12]
        assert set(second.status) == set(third.status) == {Status.ESTIMATED}
        back = pack_registers(world.packs(FOURTH)[1][0])[0]
        expected = MeterTrueUp(
            binding=AWAY,
            member=5,
            import_mwh=back.import_mwh - third.end.import_mwh,
            export_mwh=back.export_mwh - third.end.export_mwh,
        )
        assert (returned.binding, returned.import_mwh, returned.export_mwh) == (
            AWAY, expected.import_mwh, expected.export_mwh
        )  # fmt: skip
        real = sum(sum(values(AWAY, w, world.office.zone.slot_count(w), 0)) for w in (SECOND, THIRD))
        assert expected.import_mwh == real - sum(second.import_mwh) - sum(third.import_mwh) != 0
        (*_, posted) = list_bundles(world.office.mailbox, 5)
        (meter,) = read_bundle(posted.path.read_bytes()).meters
        assert meter.true_up == TrueUp(import_mwh=expected.import_mwh, export_mwh=expected.export_mwh)
        days = audited(world)
        assert [d.first for d in days] == [""] * 4
        assert [d.true_ups for d in days] == [(), (), (), (expected,)]
        assert audit_posting(world.office.mailbox, world.chain, world.community, 3) == days[2]


def test_a_correction_of_the_replaced_days_leaves_no_gap(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        for window in (FIRST_DAY, SECOND, THIRD):
            settle(world, window, silent=window == SECOND)
        world.chain.advance_to(world.chain.now() + world.community.constants.objection_period_s)
        finalise_due(world.chain, world.community, world.office.key)
        world.anchor(SECOND, {1: world.packs(SECOND)[1]})
        assert correct_day(world.office, SECOND).true_ups == ()
        days = audited(world)
        assert [(d.window, d.sequence, d.first) for d in days] == [
            (FIRST_DAY, 1, ""), (SECOND, 2, ""), (SECOND, 4, ""), (THIRD, 3, "")
        ]  # fmt: skip
        assert [d.register_gaps for d in days] == [(), (), (), ()]
        assert [len(d.true_ups) for d in days] == [0, 0, 0, 1]  # as posted then; the correction settles it
        assert audit_posting(world.office.mailbox, world.chain, world.community, 3) == days[3]
        assert audit_posting(world.office.mailbox, world.chain, world.community, 4) == days[2]


def test_what_an_earlier_day_lacks_is_said(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        for window in (FIRST_DAY, SECOND):
            settle(world, window, silent=window == SECOND)
        file = audit_path(world.office.mailbox, FIRST_DAY, 1)
        content = file.read_bytes()
        file.write_bytes(content.replace(b'"kind":1', b'"kind":2', 1))
        (found,) = audited(world, SECOND)
        assert [d.kind for d in found.differences] == [Kind.FILE]
        file.unlink()
        (found,) = audited(world, SECOND)
        assert "cannot be recomputed: 2026-10-24" in found.first
        file.write_bytes(content)
        pack_path(world.office.mailbox, FIRST_DAY, 1, 0).unlink()
        (found,) = audited(world, SECOND)
        assert [(d.kind, d.binding) for d in found.differences] == [(Kind.PACKS, AWAY)]


def more(pack: Pack) -> Pack:
    values = (pack.import_mwh[0] + 1, *pack.import_mwh[1:])
    end = replace(pack.end, import_mwh=pack.end.import_mwh + 1)
    return replace(pack, import_mwh=values, end=end)


def nothing(pack: Pack) -> Pack:
    zeros = (0,) * len(pack.status)
    missing = (Status.MISSING,) * len(pack.status)
    return replace(pack, import_mwh=zeros, export_mwh=zeros, end=pack.start, status=missing)


def measured(pack: Pack) -> Pack:
    return replace(pack, status=(Status.MEASURED,) * len(pack.status))


@pytest.mark.parametrize("invent", [more, nothing, measured])
def test_an_invented_replacement_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invent: Callable[[Pack], Pack]
) -> None:
    def choose(
        office: Office, roster: Roster, plan: Plan, collected: Collected
    ) -> tuple[dict[int, StoredSource], dict[int, bytes]]:
        sources, packs = collecting.choose_sources(office, roster, plan, collected)
        if sources[AWAY].pack:
            false = invent(decode_pack(packs[AWAY]))
            packs[AWAY] = false.encode()
            sources[AWAY] = StoredSource(source=Source.replaced(false.leaf), pack=packs[AWAY], ground="because")
        return sources, packs

    with new_world(tmp_path) as world:
        settle(world, FIRST_DAY)
        monkeypatch.setattr(day, "choose_sources", choose)
        settle(world, SECOND, silent=True)
        found = audited(world)[1]
        assert [(d.kind, d.binding, d.member) for d in found.differences] == [(Kind.REPLACEMENTS, AWAY, 5)]
        assert "invented" in found.first


def test_registers_without_history_stand_at_zero(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        settle(world, FIRST_DAY, silent=True)
        pack = replacement(world, 1)
        assert (pack.start, pack.end) == (Registers(import_mwh=0, export_mwh=0),) * 2
        assert set(pack.status) == {Status.MISSING}
        (found,) = audited(world)
        assert found.passed, found.first


def test_history_belongs_to_member_and_meter_over_all_bindings(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        office, (meter, reader, _) = world.office, world.meters[AWAY]
        people.unbind(office, AWAY, SECOND, b"")
        act = Bind(
            member=5,
            meter=meter,
            reader=reader,
            position=9,
            from_day=SECOND,
            end_day=OPEN_END,
            auditors=office.contracts.auditors_hash(),
        )
        again = people.bind(office, act, world.sign(member_key(5), act))
        settle(world, FIRST_DAY)
        settle(world, SECOND, silent=True)
        pack = decode_pack(office.store.day(2).sources[again].pack)
        first = decode_pack(world.packs(FIRST_DAY)[1][0])
        assert (pack.start, pack.import_mwh[0]) == (first.end, first.import_mwh[0])
        assert [d.first for d in audited(world)] == ["", ""]

"""People and agreements: chain and store together, and everything twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom.chain.client import Chain
from lindenstrom.core.calendar import OPEN_END, earliest_change
from lindenstrom.core.eip712 import Bind, Leave, Offer
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from lindenstrom.operator import people
from lindenstrom.operator.errors import (
    AccountInUse,
    ActBelongsElsewhere,
    AgreementMissing,
    NotTheOperator,
    ParametersDiffer,
    SignatureDiffers,
)
from lindenstrom.signing import address_of
from tests.operator.world import FIRST_DAY, READER_KEYS, join, join_request, member_key, new_world

pytestmark = pytest.mark.integration


class Cut(Exception):
    """The power fails."""


def test_filling_twice_changes_nothing(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        office, before = world.office, world.office.reader.roster()
        rows = office.store.count()
        offers = office.contracts.offers_of(0)
        for member in range(2, 6):
            assert people.add_member(office, f"Person {member}", address_of(member_key(member))) == member
            assert join(world, member, 2, Role.BOTH) in (0, 1)
        assert [people.add_reader(office, address_of(k)) for k in READER_KEYS] == [0, 1]
        assert office.reader.roster() == before
        assert office.store.count() == rows
        assert office.contracts.offers_of(0) == offers
        assert office.store.agreement_labels() == {1: "Hausgemeinschaft", 2: "Ahornweg"}


def test_roster_is_what_the_contracts_say(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        contracts, roster = world.office.contracts, world.office.reader.roster()
        places = roster.live_places(FIRST_DAY)
        for member in range(2, 6):
            assert tuple(b for b in roster.live_bindings(FIRST_DAY) if b.member == member) == contracts.live_bindings(
                member, FIRST_DAY
            )
            assert roster.memberships[member] == contracts.memberships_of(member)
            live = contracts.live_memberships(member, FIRST_DAY)
            assert [(p.membership, p.terms) for p in places[member]] == [(m.membership, m.terms) for m in live]
            assert roster.accounts[member] == contracts.account(member)
        assert roster.live_places(FIRST_DAY - 1) == {}


@pytest.mark.parametrize("after", [False, True])
def test_adding_a_member_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    with new_world(tmp_path, members=2) as world:
        real = Chain.broadcast

        def cut(self: Chain, *args: object, **kwargs: object) -> None:
            if after:
                real(self, *args, **kwargs)  # type: ignore[arg-type]
            raise Cut

        account = address_of(member_key(9))
        with monkeypatch.context() as patched:
            patched.setattr(Chain, "broadcast", cut)
            with pytest.raises(Cut):
                people.add_member(world.office, "Person 9", account)
        assert people.add_member(world.office, "Person 9", account) == 4
        assert world.office.contracts.member_count() == 5
        assert world.office.store.names()[4] == "Person 9"


def test_a_steward_among_the_members(tmp_path: Path) -> None:
    with new_world(tmp_path, members=2) as world:
        terms = Terms(
            steward=2, key=Key.PROPORTIONAL, rule=Rule.FIXED, price_a_ueur_kwh=100_000, first_window=FIRST_DAY
        )
        signature = world.sign(member_key(2), Offer(terms=terms, number=0))
        with pytest.raises(SignatureDiffers):
            people.offer(world.office, replace(terms, price_a_ueur_kwh=1), 0, signature, "Zu zweit")
        ids = [people.offer(world.office, terms, 0, signature, "Zu zweit") for _ in range(2)]
        assert ids == [3, 3]


def test_leaving_and_unbinding(tmp_path: Path) -> None:
    with new_world(tmp_path, members=2) as world:
        office = world.office
        world.chain.advance_to(world.chain.now() + 5 * 86_400)
        last = earliest_change(world.chain.now()) + 1
        act = Leave(member=2, membership=1, end_day=last)
        for _ in range(2):
            people.leave(office, act, world.sign(member_key(2), act))
            people.unbind(office, 1, last)
        roster = office.reader.roster()
        assert roster.memberships[2][1].end_day == last == roster.bindings[1].end_day
        assert [p.membership.agreement for p in roster.live_places(last)[2]] == [1]
        assert roster.memberships[2] == office.contracts.memberships_of(2)


def test_what_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with new_world(tmp_path, members=2) as world:
        office = world.office
        rows = office.store.count()
        with pytest.raises(AccountInUse):
            people.add_member(office, "Somebody else", address_of(member_key(2)))
        request = join_request(world, 3, 2, Role.TAKER, share_ppm=7)
        other = Parameters(share_ppm=8, salt=request.parameters.salt)
        with pytest.raises(ParametersDiffer):
            people.join(office, replace(request, parameters=other))
        assert office.store.count() == rows
        with pytest.raises(SignatureDiffers):
            people.join(office, replace(request, by_member=request.by_steward))
        missing = join_request(world, 3, 7, Role.TAKER)
        with pytest.raises(AgreementMissing):
            people.join(office, missing)
        bind = Bind(
            member=77, meter=b"m" * 32, reader=0, position=9, from_day=FIRST_DAY, end_day=OPEN_END,
            auditors=office.contracts.auditors_hash(),
        )  # fmt: skip
        with pytest.raises(ActBelongsElsewhere):
            people.bind(office, bind, world.sign(member_key(3), bind))
        with pytest.raises(SignatureDiffers):
            people.bind(office, replace(bind, member=3), world.sign(member_key(2), replace(bind, member=3)))
        with pytest.raises(NotTheOperator):
            people.add_reader(replace(office, key=member_key(2)), b"\x01" * 20)

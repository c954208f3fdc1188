"""The catalogue of lies: what a cheating operator changes in a day, and who is expected to catch it.

Every lie is told in full: sums, trees and roots are computed honestly over what was changed, as a cheat would.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from lindenstrom.core.allocation import MemberEnergy
from lindenstrom.core.clearing import NOT_LIMITED, ONE, Party, Triple
from lindenstrom.core.packs import REPLACEMENT_REVISION, decode_pack
from lindenstrom.core.refutation import recompute_lines
from lindenstrom.core.statements import (
    Line,
    Source,
    decode_lines,
    decode_triples,
    encode_lines,
    encode_triples,
)
from lindenstrom.core.terms import FEE_ACCOUNT, ROUNDING_ACCOUNT, Terms
from lindenstrom.store.records import StoredDay, StoredSource, StoredStatement

CENT_PEUR = 10_000_000_000


class Way(StrEnum):
    """How a lie is taken to the contract."""

    REFUTE = "refute"
    """The member opens the own day; the contract recomputes it."""
    LEVELS = "levels"
    """A party of the agreement opens its levels."""
    DEMAND = "demand"
    """The member demands the bundle; when nobody answers in time, anyone voids."""
    AUDITOR = "auditor"
    """The contract cannot see it; an auditor recomputes the community's day, and voids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A day to lie about. energy: metered, by member; parties: running order by member; packs by binding."""

    member: int
    binding: int
    agreement: int
    energy: Mapping[int, MemberEnergy]
    parties: Mapping[int, tuple[tuple[int, Party], ...]]
    terms: Mapping[int, Terms]
    packs: Mapping[int, bytes]


Change = Callable[[StoredDay, Scene], StoredDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """A way to cheat. change: None where the lie is not in the day but around it. day: on which it is told."""

    name: str
    way: Way
    change: Change | None = None
    day: int = 1


def _lines(day: StoredDay, member: int, change: Callable[[Line], Line]) -> StoredDay:
    """Change a member's last line, and the net with it."""
    lines = list(decode_lines(day.statements[member].lines))
    lines[-1] = change(lines[-1])
    return _with_lines(day, {member: tuple(lines)})


def _with_lines(day: StoredDay, lines: Mapping[int, tuple[Line, ...]]) -> StoredDay:
    stated = {
        member: StoredStatement(lines=encode_lines(its), net_peur=sum(line.amount_peur for line in its))
        for member, its in lines.items()
    }
    return replace(day, statements={**day.statements, **stated})


def _moved(amount_peur: int) -> Callable[[Line], Line]:
    return lambda line: replace(line, amount_peur=line.amount_peur + amount_peur)


def amount(day: StoredDay, scene: Scene) -> StoredDay:
    """Seven cents from a member's line to the fee account; the books still balance."""
    return _lines(_lines(day, scene.member, _moved(-7 * CENT_PEUR)), FEE_ACCOUNT, _moved(7 * CENT_PEUR))


def energy(day: StoredDay, scene: Scene) -> StoredDay:
    """A member is said to have taken one mWh more than it did, and pays for it."""
    price = scene.terms[scene.agreement].price_a_ueur_kwh + scene.terms[scene.agreement].fee_ueur_kwh
    return _lines(
        day,
        scene.member,
        lambda line: replace(line, taken_mwh=line.taken_mwh + 1, amount_peur=line.amount_peur - price),
    )


def _triple(day: StoredDay, scene: Scene, slot: int, change: Callable[[Triple], Triple]) -> StoredDay:
    triples = list(decode_triples(day.triples[scene.agreement]))
    triples[slot] = change(triples[slot])
    return replace(day, triples={**day.triples, scene.agreement: encode_triples(triples)})


def price(day: StoredDay, scene: Scene) -> StoredDay:
    """One quarter-hour a cent dearer than the terms say."""
    return _triple(day, scene, 40, lambda t: replace(t, price_ueur_kwh=t.price_ueur_kwh + 10_000))


def level(day: StoredDay, scene: Scene) -> StoredDay:
    """A giver level above one: givers would give more than they have."""
    return _triple(day, scene, 40, lambda t: replace(t, giver_level=ONE + 1))


def omitted_meter(day: StoredDay, scene: Scene) -> StoredDay:
    """No source for one of the member's meters."""
    return replace(day, sources={b: s for b, s in day.sources.items() if b != scene.binding})


def omitted_member(day: StoredDay, scene: Scene) -> StoredDay:
    """No statement for a member."""
    return replace(day, statements={m: s for m, s in day.statements.items() if m != scene.member})


def omitted_agreement(day: StoredDay, scene: Scene) -> StoredDay:
    """No result for an agreement."""
    return replace(day, triples={a: t for a, t in day.triples.items() if a != scene.agreement})


def stale_source(day: StoredDay, scene: Scene) -> StoredDay:
    """Settled on an older revision of the reader's, although a newer one had come in time."""
    old = StoredSource(source=Source.anchored(0))
    return replace(day, sources={**day.sources, scene.binding: old})


def invented_replacement(day: StoredDay, scene: Scene) -> StoredDay:
    """Values of the operator's own in place of readings that had arrived in time and were good."""
    return _made_up(day, scene, "nothing anchored")


def invented_values(day: StoredDay, scene: Scene) -> StoredDay:
    """A replacement that was due, with values of the operator's own instead of those of the published rule."""
    return _made_up(day, scene, day.sources[scene.binding].ground)


def _made_up(day: StoredDay, scene: Scene, ground: str) -> StoredDay:
    """The meter's day replaced by one that drew more, and every bill by it."""
    pack = decode_pack(scene.packs[scene.binding])
    more = tuple(value + 250_000 for value in pack.import_mwh)
    end = replace(pack.end, import_mwh=pack.start.import_mwh + sum(more))
    made_up = replace(pack, revision=REPLACEMENT_REVISION, import_mwh=more, end=end)
    source = StoredSource(source=Source.replaced(made_up.leaf), pack=made_up.encode(), ground=ground)
    return _rebooked(replace(day, sources={**day.sources, scene.binding: source}), _metered(scene, made_up.encode()))


def both_curtailed(day: StoredDay, scene: Scene) -> StoredDay:
    """In one quarter-hour takers and givers are both held back; every bill follows from the levels as posted."""
    slot = _shared_slot(day, scene)
    starved = _triple(day, scene, slot, lambda t: replace(t, taker_level=_limited(t) // 2, giver_level=ONE // 4))
    return _rebooked(starved, scene)


def unbalanced_slot(day: StoredDay, scene: Scene) -> StoredDay:
    """In one quarter-hour takers pay for more than givers are paid for; the rounding account keeps the difference."""
    triples = decode_triples(day.triples[scene.agreement])
    slot = next((i for i, t in enumerate(triples) if t.taker_level == NOT_LIMITED and t.giver_level > 1), None)
    if slot is not None:
        changed = _triple(day, scene, slot, lambda t: replace(t, giver_level=t.giver_level // 2))
    else:
        slot = _shared_slot(day, scene)
        changed = _triple(day, scene, slot, lambda t: replace(t, taker_level=min(2 * t.taker_level, NOT_LIMITED)))
    return _rebooked(changed, scene)


def skimmed_fee(day: StoredDay, scene: Scene) -> StoredDay:  # noqa: ARG001 - all changes take a scene
    """The fee account books a euro that nobody paid."""
    return _lines(day, FEE_ACCOUNT, _moved(100 * CENT_PEUR))


def _limited(triple: Triple) -> int:
    return ONE if triple.taker_level == NOT_LIMITED else triple.taker_level


def _shared_slot(day: StoredDay, scene: Scene) -> int:
    """A quarter-hour in which the agreement shares something."""
    triples = decode_triples(day.triples[scene.agreement])
    return next(i for i, t in enumerate(triples) if t.giver_level and t.taker_level >= ONE // 8)


def _metered(scene: Scene, pack: bytes) -> Scene:
    """The scene with another pack for the binding."""
    old, new = decode_pack(scene.packs[scene.binding]), decode_pack(pack)
    own = scene.energy[scene.member]
    changed = zip(own.draw_mwh, old.import_mwh, new.import_mwh, strict=True)
    draw = tuple(whole - before + after for whole, before, after in changed)
    return replace(scene, energy={**scene.energy, scene.member: replace(own, draw_mwh=draw)})


def _rebooked(day: StoredDay, scene: Scene) -> StoredDay:
    """Every line anew from the day's triples, and the fee and rounding accounts so that the books balance."""
    triples = {a: decode_triples(t) for a, t in day.triples.items()}
    lines: dict[int, tuple[Line, ...]] = {}
    for member, parties in scene.parties.items():
        own = scene.energy[member]
        rows = [triples[agreement] for agreement, _ in parties]
        lines[member] = recompute_lines(parties, rows, own.draw_mwh, own.feed_mwh)
    booked = [line for its in lines.values() for line in its]
    for account in (FEE_ACCOUNT, ROUNDING_ACCOUNT):
        own_lines = decode_lines(day.statements[account].lines)
        lines[account] = tuple(
            replace(line, amount_peur=_account(account, line.agreement, booked, scene)) for line in own_lines
        )
    return _with_lines(day, lines)


def _account(account: int, agreement: int, booked: list[Line], scene: Scene) -> int:
    mine = [line for line in booked if line.agreement == agreement]
    fee = sum(line.taken_mwh for line in mine) * scene.terms[agreement].fee_ueur_kwh
    return fee if account == FEE_ACCOUNT else -sum(line.amount_peur for line in mine) - fee


LIES = (
    Lie(name="amount", way=Way.REFUTE, change=amount),
    Lie(name="energy", way=Way.REFUTE, change=energy),
    Lie(name="price", way=Way.REFUTE, change=price),
    Lie(name="level", way=Way.REFUTE, change=level),
    Lie(name="header", way=Way.REFUTE),
    Lie(name="omitted-meter", way=Way.REFUTE, change=omitted_meter),
    Lie(name="omitted-member", way=Way.REFUTE, change=omitted_member),
    Lie(name="omitted-agreement", way=Way.REFUTE, change=omitted_agreement),
    Lie(name="stale-source", way=Way.REFUTE, change=stale_source),
    Lie(name="invented-replacement", way=Way.REFUTE, change=invented_replacement),
    Lie(name="both-curtailed", way=Way.LEVELS, change=both_curtailed),
    Lie(name="withheld-bundle", way=Way.DEMAND, day=2),
    Lie(name="unbalanced-slot", way=Way.AUDITOR, change=unbalanced_slot),
    Lie(name="skimmed-fee", way=Way.AUDITOR, change=skimmed_fee, day=0),
    Lie(name="invented-values", way=Way.AUDITOR, change=invented_values, day=2),
)
"""In the order of the table. An auditor voids a window once, so what only an auditor catches has days of its own.
A demand takes days: it comes when all readings are in."""

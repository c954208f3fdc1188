"""Replacement values recomputed from earlier days, as posted and read (R5). Pure: `earlier` gives the days."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lindenstrom.audit.findings import Difference, Kind
from lindenstrom.core.calendar import Zone, date_of
from lindenstrom.core.packs import decode_pack
from lindenstrom.core.replacement import HISTORY_DAYS, LONGEST_RUN, DayValues, day_values, lookback, replacement_pack
from lindenstrom.core.terms import Binding

Place = tuple[int, bytes]
"""(member, meter): what history belongs to, over all its bindings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierDay:
    """A day before, as far as it can be told. bound: places with a meter on that day; packs: those that were measured.

    unknown: why nothing can be said about the others, by place, or by None for all of them.
    """

    bound: frozenset[Place]
    packs: Mapping[Place, bytes]
    unknown: Mapping[Place | None, Difference]


Earlier = Callable[[int], EarlierDay | None]
"""A window's day as posted before the audited posting, None when it was not."""


def replacement_difference(
    zone: Zone, window: int, binding: Binding, data: bytes, earlier: Earlier
) -> Difference | None:
    """Whether a replacement's values follow the rule; data passed the format check. FILE, PACKS: cannot be told."""
    place = (binding.member, binding.meter)
    measured: dict[int, DayValues] = {}
    for before in lookback(window):
        if len(measured) == HISTORY_DAYS or (not measured and window - before > LONGEST_RUN):
            break
        day = earlier(before)
        if day is None or place not in day.bound:
            continue
        unknown = day.unknown.get(place) or day.unknown.get(None)
        if unknown is not None:
            what = f"its replacement cannot be recomputed: {date_of(before)}, {unknown.what}"
            return Difference(kind=unknown.kind, what=what, member=binding.member, binding=binding.id)
        if place in day.packs:
            measured[before] = day_values(day.packs[place], zone.slot_count(before))
    stated = decode_pack(data)
    due = replacement_pack(
        community=stated.community,
        meter=stated.meter,
        window=window,
        salt=stated.salt,
        zone=zone,
        last_end=stated.start,
        measured=measured,
    )
    if due.encode() == data:
        return None
    rule = "the mean of the last measured days" if measured else "zeros, status missing"
    what = f"an invented replacement: it does not follow the rule ({rule})"
    return Difference(kind=Kind.REPLACEMENTS, what=what, member=binding.member, binding=binding.id)

"""A member's total over a period: the sum of the newest finals of its windows at a named block (R6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lindenstrom.core.bundles import Bundle
from lindenstrom.core.changes import is_committed, stated_lines, stated_net

if TYPE_CHECKING:
    from lindenstrom.chain.contracts import Contracts


class Missing(StrEnum):
    """Why a window is not in a total."""

    NOT_POSTED = "not posted"
    NOT_FINAL = "not final"
    NO_BUNDLE = "no bundle"
    """Final, but its bundle is not at hand."""
    OTHER_BUNDLE = "other bundle"
    """Final, but the bundle at hand is not what was posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDay:
    """A window in a total, by its newest final. open_correction: a later revision waits for finality."""

    window: int
    sequence: int
    revision: int
    net_peur: int
    contested: bool
    open_correction: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTotal:
    """One agreement's lines of all counted days: mWh and p€."""

    agreement: int
    label: str
    taken_mwh: int
    given_mwh: int
    amount_peur: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodTotal:
    """What a member owes (negative) or is owed over a period, by what is final.

    missing: every window of the period that is not in the sum although the member had an agreement on it.
    """

    days: tuple[CountedDay, ...]
    missing: Mapping[int, Missing]
    agreements: tuple[AgreementTotal, ...]

    @property
    def net_peur(self) -> int:
        """Sum of the counted days' nets, p€."""
        return sum(day.net_peur for day in self.days)


def period_total(
    contracts: "Contracts", depth: int, member: int, windows: Iterable[int], bundles: Mapping[int, Bundle]
) -> PeriodTotal:
    """Add up a member's windows. contracts: at the block that the total names; bundles: by posting.

    Errors: those of the chain layer.
    """
    community = contracts.community()
    counted: list[CountedDay] = []
    missing: dict[int, Missing] = {}
    sums: dict[int, AgreementTotal] = {}
    for window in windows:
        newest, live = contracts.newest_final(window), contracts.live(window)
        if not newest:
            if contracts.live_memberships(member, window):
                missing[window] = Missing.NOT_FINAL if live else Missing.NOT_POSTED
            continue
        bundle = bundles.get(newest)
        posting = contracts.posting(newest)
        if bundle is None:
            if contracts.live_memberships(member, window):
                missing[window] = Missing.NO_BUNDLE
            continue
        if bundle.member != member or not is_committed(bundle, community, depth, posting.digest):
            missing[window] = Missing.OTHER_BUNDLE
            continue
        _add(sums, bundle)
        counted.append(
            CountedDay(
                window=window,
                sequence=newest,
                revision=posting.revision,
                net_peur=stated_net(bundle),
                contested=posting.contested_by != 0,
                open_correction=live != newest,
            )
        )
    return PeriodTotal(days=tuple(counted), missing=missing, agreements=tuple(sums[a] for a in sorted(sums)))


def _add(sums: dict[int, AgreementTotal], bundle: Bundle) -> None:
    labels = {a.membership.agreement: a.label for a in bundle.agreements}
    for agreement, line in stated_lines(bundle).items():
        known = sums.get(agreement)
        sums[agreement] = AgreementTotal(
            agreement=agreement,
            label=labels.get(agreement, ""),
            taken_mwh=line.taken_mwh + (known.taken_mwh if known else 0),
            given_mwh=line.given_mwh + (known.given_mwh if known else 0),
            amount_peur=line.amount_peur + (known.amount_peur if known else 0),
        )

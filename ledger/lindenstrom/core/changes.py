"""What a correction changed: a member's statement beside the one of the revision before (R6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from lindenstrom.core.bundles import Bundle
from lindenstrom.core.hashing import EMPTY
from lindenstrom.core.merkle import proves
from lindenstrom.core.statements import Line, decode_lines, lines_commitment


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One agreement's line before and after a correction; None where a statement has no such line."""

    agreement: int
    label: str
    before: Line | None
    after: Line | None

    @property
    def taken_mwh(self) -> int:
        """mWh taken more than before; negative: less."""
        return (self.after.taken_mwh if self.after else 0) - (self.before.taken_mwh if self.before else 0)

    @property
    def given_mwh(self) -> int:
        """mWh given more than before; negative: less."""
        return (self.after.given_mwh if self.after else 0) - (self.before.given_mwh if self.before else 0)

    @property
    def amount_peur(self) -> int:
        """p€ more than before; positive: in the member's favour."""
        return (self.after.amount_peur if self.after else 0) - (self.before.amount_peur if self.before else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A revision beside the one before it. sequence: the earlier posting; nets in p€; changes: lines that differ."""

    sequence: int
    before_peur: int
    after_peur: int
    changes: tuple[Change, ...]

    @property
    def net_peur(self) -> int:
        """p€ by which the day's net changed; positive: in the member's favour."""
        return self.after_peur - self.before_peur


def correction(before: Bundle, after: Bundle) -> Correction:
    """Compare two bundles of one member and window."""
    old, new = stated_lines(before), stated_lines(after)
    labels = {a.membership.agreement: a.label for bundle in (before, after) for a in bundle.agreements}
    return Correction(
        sequence=before.sequence,
        before_peur=stated_net(before),
        after_peur=stated_net(after),
        changes=tuple(
            Change(agreement=a, label=labels.get(a, ""), before=old.get(a), after=new.get(a))
            for a in sorted({*old, *new})
            if old.get(a) != new.get(a)
        ),
    )


def precedes(before: Bundle, after: Bundle) -> bool:
    """Whether one bundle is of the revision before the other's, for the same member and window."""
    same = (before.community.id, before.member, before.header.window) == (
        after.community.id,
        after.member,
        after.header.window,
    )
    return same and before.header.revision + 1 == after.header.revision and before.sequence < after.sequence


def stated_lines(bundle: Bundle) -> Mapping[int, Line]:
    """The statement's lines by agreement; none where the leaf is empty."""
    lines = () if bundle.statement.empty else decode_lines(bundle.statement.lines)
    return {line.agreement: line for line in lines}


def stated_net(bundle: Bundle) -> int:
    """The statement's net in p€, 0 where the leaf is empty."""
    return 0 if bundle.statement.empty else bundle.statement.statement.net_peur


def is_committed(bundle: Bundle, community: bytes, depth: int, posting: bytes) -> bool:
    """Whether a bundle's statement is the one that a posting (its digest) committed for the bundle's member.

    Says nothing about its amounts: that is `verify_bundle`. community and depth: the member's own.
    """
    opened, statement = bundle.statement, bundle.statement.statement
    if bundle.header.digest(community, bundle.sequence) != posting:
        return False
    if not opened.empty and lines_commitment(opened.lines_salt, opened.lines) != statement.lines_commitment:
        return False
    leaf = EMPTY if opened.empty else statement.leaf
    header, member = bundle.header, bundle.member
    fits = (statement.community, statement.window, statement.revision, statement.index) == (
        community,
        header.window,
        header.revision,
        member,
    )
    return (opened.empty or fits) and proves(header.statements_root, leaf, member, opened.proof, depth)

"""refute --levels: have the contract check one agreement's levels, which shows no reading of anybody's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lindenstrom.core.bundles import Bundle, BundleAgreement
from lindenstrom.core.calendar import date_of
from lindenstrom.core.eip712 import RefuteLevels
from lindenstrom.core.levelcheck import LevelFault, first_level_fault
from lindenstrom.core.refutation import Reason, ResultOpening
from lindenstrom.core.verification import PostingState
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.errors import DisputesNotPublic, LevelsNotWrong, NoSuchMembership, NotOpenAnyMore
from lindenstrom_cli.render import Result
from lindenstrom_cli.world import World

if TYPE_CHECKING:
    from lindenstrom.chain.client import TxResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsRefuted(Result):
    """Levels that the contract would void a posting for, or has. slot: index in the day; file: an act to be carried."""

    SCHEMA: ClassVar[str] = "levels-refuted"
    day: date
    sequence: int
    agreement: int
    slot: int
    quarter_hour: str
    reason: Reason
    why: str
    sent: bool
    file: Path | None
    tx: bytes | None
    gas_used: int | None

    def lines(self) -> Iterable[str]:
        """The contract's finding."""
        shown = {"sequence": self.sequence, "day": self.day, "why": self.why, "agreement": self.agreement}
        kind = "refute.levels_voided" if self.sent else "refute.levels_would"
        yield text(kind, **shown, slot=self.quarter_hour)
        if self.file is not None:
            yield text("refute.handed_over", file=self.file)


def refute_levels(
    world: World, bundle: Bundle, agreement: int, *, simulate: bool, yes: bool, hand_over: bool
) -> LevelsRefuted:
    """Find the slot, say what becomes public, sign, and send or put into the mailbox.

    Errors: NotOpenAnyMore, NoSuchMembership, DisputesNotPublic, LevelsNotWrong, BadOpening, Declined.
    """
    opened, fault = _fault(world, bundle, agreement)
    result, file = None, None
    if not simulate:
        world.session.note(_revealed(bundle, opened))
        if not yes:
            world.session.prompter.confirm(text("refute.ask"))
        signer = world.account_signer(bundle.member)
        act = RefuteLevels(member=bundle.member, sequence=bundle.sequence, posting=bundle.digest, agreement=agreement)
        signature = world.sign(signer, act)
        if hand_over:
            file = _handed_over(world, bundle, act, fault, opened.opening.result, signature)
        else:
            call = world.contracts.refute_levels(act, bundle.header, fault.slot, opened.opening.result, signature)
            result = world.carry(call, signer)
    return _shown(world, bundle, agreement, fault, result, file)


def _fault(world: World, bundle: Bundle, agreement: int) -> tuple[BundleAgreement, LevelFault]:
    """The agreement's opening and its first fault, found here: asking a node would show it the levels already."""
    from lindenstrom.facts import ChainFacts

    posting = world.contracts.posting(bundle.sequence)
    if posting.digest != bundle.digest or posting.state is not PostingState.POSTED:
        raise NotOpenAnyMore(
            bundle.sequence, posting.state if posting.digest == bundle.digest else PostingState.UNKNOWN
        )
    window = bundle.header.window
    held = {m.membership.agreement: m.terms for m in world.contracts.live_memberships(bundle.member, window)}
    opened = next((a for a in bundle.agreements if a.membership.agreement == agreement), None)
    if opened is None or agreement not in held:
        raise NoSuchMembership(bundle.member, agreement)
    if not held[agreement].public_disputes:
        raise DisputesNotPublic(agreement)
    facts = ChainFacts(world.contracts, bundle.sequence)
    fault = first_level_fault(facts, bundle.header, agreement, held[agreement], opened.opening.result)
    if fault is None:
        raise LevelsNotWrong(bundle.sequence, agreement)
    return opened, fault


def _revealed(bundle: Bundle, opened: BundleAgreement) -> str:
    """What becomes public, in words."""
    label = opened.label or str(opened.membership.agreement)
    return "\n".join(
        [
            text("refute.reveals"),
            text("refute.reveals_levels_only", agreement=label, day=date_of(bundle.header.window)),
            text("refute.hints"),
            text("refute.for_ever"),
        ]
    )


def _handed_over(
    world: World, bundle: Bundle, act: RefuteLevels, fault: LevelFault, result: ResultOpening, signature: bytes
) -> Path:
    from lindenstrom.actfiles import SignedLevels, hand_over

    signed = SignedLevels(act=act, header=bundle.header, slot=fault.slot, result=result, signature=signature)
    return hand_over(world.session.home.mailbox, world.community.id, signed)


def _shown(
    world: World, bundle: Bundle, agreement: int, fault: LevelFault, result: "TxResult | None", file: Path | None
) -> LevelsRefuted:
    window = bundle.header.window
    return LevelsRefuted(
        day=date_of(window),
        sequence=bundle.sequence,
        agreement=agreement,
        slot=fault.slot,
        quarter_hour=world.zone.slot_label(window, fault.slot),
        reason=fault.reason,
        why=text(f"finding.reason_{fault.reason.name.lower()}"),
        sent=result is not None,
        file=file,
        tx=result.tx_hash if result else None,
        gas_used=result.gas_used if result else None,
    )

"""What happens in the demo, scene by scene; every scene returns facts and prints nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lindenstrom import mailbox
from lindenstrom.audit.acts import attest
from lindenstrom.chain.community import community_ref
from lindenstrom.core.allocation import DayResult
from lindenstrom.core.bundles import Bundle, BundleAgreement, read_bundle
from lindenstrom.core.clearing import Party, member_slot
from lindenstrom.core.eip712 import Refute
from lindenstrom.core.packs import decode_pack
from lindenstrom.core.refutation import Reason
from lindenstrom.core.statements import Line, decode_lines, decode_triples
from lindenstrom.core.terms import FEE_ACCOUNT, Parameters
from lindenstrom.core.verification import Expectation, Outcome, Report, verify_bundle
from lindenstrom.facts import ChainFacts
from lindenstrom.operator.day import Falsify, SettledDay, on_result, settle_day
from lindenstrom.operator.finalise import finalise_due
from lindenstrom.signing import is_signed_by
from lindenstrom_cli.demo.founding import Town
from lindenstrom_cli.demo.picture import DaySums


@dataclass(frozen=True, slots=True, kw_only=True)
class Refutation:
    """A voided lie: what it cost to void it and why the contract did."""

    window: int
    member: int
    taken_cent: int
    sequence: int
    found: Report
    reason: Reason
    gas: int
    opened_bytes: int
    posted_again: int
    posting_gas: int


def settle(town: Town, window: int, falsify: Falsify | None = None) -> SettledDay:
    """Advance to the close of a day's readings and have the operator settle it."""
    town.chain.advance_to(max(town.chain.now(), town.office.as_of(window)))
    return settle_day(town.office, window, falsify=falsify)


def attest_day(town: Town, sequence: int) -> int:
    """The auditor recomputes the day from the mailbox and attests it; the gas of the attestation."""
    return attest(town.home.mailbox, town.chain, town.community, sequence, town.keys["auditor"].secret).gas


def make_final(town: Town) -> int:
    """Let the objection period pass, and make final what is due; the gas of all of it."""
    town.chain.advance_to(town.chain.now() + town.community.constants.objection_period_s + 60)
    run = finalise_due(town.chain, town.community, town.office.key)
    return sum(done.gas for done in run.finalised)


def bundle_file(town: Town, member: int, window: int, sequence: int) -> Path:
    """Where a member's bundle of a posting lies."""
    return mailbox.bundle_path(town.home.mailbox, member, window, sequence)


def bundle_of(town: Town, member: int, window: int, sequence: int) -> Bundle:
    """A member's bundle of a posting."""
    return read_bundle(bundle_file(town, member, window, sequence).read_bytes())


def verify(town: Town, bundle: Bundle) -> Report:
    """The member's own check, with the community file and the chain."""
    expected = Expectation(
        community=community_ref(town.community), member=bundle.member, pinned_auditors=town.community.auditors
    )
    facts = ChainFacts(town.office.contracts, bundle.sequence)
    return verify_bundle(bundle, expected, signed_by=is_signed_by, chain=facts)


def take_from(member: int, taken_peur: int) -> Falsify:
    """Move money from a member's first line to the fee account, before any tree is built: sums stay right."""

    def moved(lines: Sequence[Line], amount_peur: int) -> tuple[Line, ...]:
        last = lines[-1]
        return (*lines[:-1], replace(last, amount_peur=last.amount_peur + amount_peur))

    def falsify(result: DayResult) -> DayResult:
        lines = dict(result.lines)
        lines[member] = moved(lines[member], -taken_peur)
        lines[FEE_ACCOUNT] = moved(lines[FEE_ACCOUNT], taken_peur)
        return replace(result, lines=lines)

    return on_result(falsify)


def cheat_and_refute(town: Town, window: int, member: int, taken_cent: int) -> Refutation:
    """A falsified posting, the member's check, the refutation on chain, and the honest day in its place."""
    lie = settle(town, window, take_from(member, taken_cent * 10_000_000_000))
    bundle = bundle_of(town, member, window, lie.sequence)
    found = verify(town, bundle)
    assert found.outcome is Outcome.NOT_VERIFIED
    act = Refute(member=member, sequence=lie.sequence, posting=lie.digest)
    contracts = town.office.contracts
    call = contracts.refute(act, bundle.header, bundle.opening, town.sign(member, act))
    town.chain.call(call)  # simulate before anything is made public
    sent = town.chain.send(call, town.keys["auditor"].secret)
    (voided,) = (event for event in contracts.events(sent) if event.name == "Voided")
    honest = settle(town, window)
    return Refutation(
        window=window,
        member=member,
        taken_cent=taken_cent,
        sequence=lie.sequence,
        found=found,
        reason=Reason(voided["reason"]),
        gas=sent.gas_used,
        opened_bytes=len(call.data),
        posted_again=honest.sequence,
        posting_gas=honest.gas,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSums:
    """A member's days together: mWh metered and shared, p€ of all final statements."""

    index: int
    name: str
    drew_mwh: int
    fed_in_mwh: int
    taken_mwh: int
    given_mwh: int
    paid_peur: int
    received_peur: int
    net_peur: int


def member_sums(town: Town, sequences: Mapping[int, int]) -> tuple[MemberSums, ...]:
    """Who drew, fed in, got and paid what, from the members' own bundles. sequences: window → final posting."""
    rows = []
    for member in town.model.members:
        bundles = [bundle_of(town, member.index, w, s) for w, s in sequences.items()]
        packs = [decode_pack(m.opening.pack) for b in bundles for m in b.meters]
        lines = [line for b in bundles for line in decode_lines(b.statement.lines)]
        amounts = [line.amount_peur for line in lines]
        rows.append(
            MemberSums(
                index=member.index,
                name=member.name,
                drew_mwh=sum(sum(p.import_mwh) for p in packs),
                fed_in_mwh=sum(sum(p.export_mwh) for p in packs),
                taken_mwh=sum(line.taken_mwh for line in lines),
                given_mwh=sum(line.given_mwh for line in lines),
                paid_peur=-sum(a for a in amounts if a < 0),
                received_peur=sum(a for a in amounts if a > 0),
                net_peur=sum(b.statement.statement.net_peur for b in bundles),
            )
        )
    return tuple(rows)


def day_series(town: Town, window: int, sequence: int) -> tuple[DaySums, tuple[int, ...]]:
    """The community's draw, feed-in and shared energy per slot, from the members' bundles of one day."""
    slots = town.zone.slot_count(window)
    draw, feed, shared = [0] * slots, [0] * slots, [0] * slots
    for member in town.model.members:
        bundle = bundle_of(town, member.index, window, sequence)
        packs = [decode_pack(m.opening.pack) for m in bundle.meters]
        own_draw = [sum(p.import_mwh[i] for p in packs) for i in range(slots)]
        own_feed = [sum(p.export_mwh[i] for p in packs) for i in range(slots)]
        parties = [_party(a) for a in bundle.agreements]
        triples = [decode_triples(a.opening.triples) for a in bundle.agreements]
        for i in range(slots):
            shares = member_slot(own_draw[i], own_feed[i], parties, [row[i] for row in triples])
            shared[i] += sum(taken for taken, _ in shares)
            draw[i] += own_draw[i]
            feed[i] += own_feed[i]
    giving = sum(1 for meter in town.model.meters if meter.roof is not None)
    sums = DaySums(
        draw_mwh=tuple(draw),
        feed_mwh=tuple(feed),
        draw_connections=len(town.model.meters),
        feed_connections=giving,
    )
    return sums, tuple(shared)


def _party(agreement: BundleAgreement) -> Party:
    opened = agreement.opening
    parameters = Parameters(
        weight=opened.weight, share_ppm=opened.share_ppm, limit_ueur_kwh=opened.limit_ueur_kwh, salt=opened.salt
    )
    return Party(role=agreement.membership.role, parameters=parameters, terms=agreement.terms)

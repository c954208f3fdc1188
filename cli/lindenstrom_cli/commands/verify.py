"""verify: recheck a bundle against the community file, the member's own readings, and the chain."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lindenstrom.chain.community import Community, community_ref, load_community
from lindenstrom.chain.errors import ForeignContract
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.bundles import Bundle, read_bundle
from lindenstrom.core.changes import Correction, is_committed
from lindenstrom.core.packs import decode_pack
from lindenstrom.core.statements import SourceKind
from lindenstrom.core.verification import Expectation, verify_bundle
from lindenstrom.mailbox import collect_packs
from lindenstrom.signing import is_signed_by
from lindenstrom_cli.app import Session, command
from lindenstrom_cli.corrected import earlier_bundle
from lindenstrom_cli.errors import NothingExpected, UnreadableFile
from lindenstrom_cli.render import hexed
from lindenstrom_cli.types import ADDRESS
from lindenstrom_cli.verdict import CHECKS, AuditorNote, Sources, Surroundings, Verification, verification

if TYPE_CHECKING:
    from lindenstrom.chain.contracts import Auditor
    from lindenstrom.facts import ChainFacts


@command(
    None,
    "verify",
    "verify mailbox/bundles/2/20607-s1.json --member 2",
    "verify 20607-s1.json --community gartenweg.toml --offline",
    "verify 20607-s1.json --auditor 0x5aF3b2C1d4E5f60718293a4B5c6D7e8F90a1B2c3 --json",
)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--member", type=click.IntRange(0), metavar="INDEX", help="Your own index; a bundle of another fails.")
@click.option(
    "--community",
    "community_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own copy of the community file (default: community.toml in --home).",
)
@click.option(
    "--auditor", "auditors", type=ADDRESS, multiple=True, help="An auditor you trust (default: the file's auditors)."
)
@click.option(
    "--packs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A mailbox with your own copies of the readings.",
)
@click.option("--node", metavar="URL", help="Ask this node instead of the community file's.")
@click.option("--offline", is_flag=True, help="Ask no node: checks 6 and 7 are left out, the verdict is INCOMPLETE.")
@click.option(
    "--explain", type=click.IntRange(CHECKS[0], CHECKS[-1]), metavar="N", help="Show the evidence for check N."
)
def verify(
    session: Session, bundle: Path, member: int | None, community_file: Path | None, auditors: tuple[bytes, ...],
    packs: Path | None, node: str | None, offline: bool, explain: int | None,
) -> Verification:  # fmt: skip
    """Recheck a bill to the last digit: the amounts, the readings, the commitments, and the contract.

    Says VERIFIED or, without an attestation by an auditor you trust, CONSISTENT (exit code 0); NOT VERIFIED (3);
    NOT FINAL YET (4); INCOMPLETE (5).
    """
    file = community_file or session.home.community
    if not file.is_file():
        raise NothingExpected
    community = load_community(file)
    if node is not None:
        community = replace(community, node=NodeConfig(kind=NodeKind.URL, url=node))
    read = read_bundle(bundle.read_bytes())
    own = _own_packs(packs, read) if packs else {}
    pinned = auditors or community.auditors
    expected = Expectation(
        community=community_ref(community), member=member, pinned_auditors=pinned, own_packs=own or None
    )
    with ExitStack() as stack:
        view, foreign = (None, ()) if offline else _view(community, read, stack)
        report = verify_bundle(read, expected, signed_by=is_signed_by, chain=view, foreign=foreign)
        demand = view.own_demand(read.member) if view else None
        around = Surroundings(
            correction=_correction(bundle, read, community, view),
            foreign=bool(foreign),
            demand_due_at=demand.due_at if demand else None,
            auditors=_auditor_notes(view.auditors, pinned, community.auditors) if view else (),
        )
    sources = Sources(
        bundle=bundle,
        community_file=file,
        node=None if offline else community.node.place,
        trial=community.node.is_trial,
        own_packs=sum(meter.binding.meter in own for meter in read.meters),
        pinned=pinned,
    )
    return verification(read, report, sources, around, explain)


def _own_packs(place: Path, bundle: Bundle) -> dict[bytes, bytes]:
    """The member's own packs of the bundle's day, by meter. Raises UnreadableFile."""
    found: dict[bytes, bytes] = {}
    used = {m.binding.meter: m.opening for m in bundle.meters if m.opening.kind == SourceKind.ANCHORED}
    for delivery in collect_packs(place, bundle.header.window):
        for data in delivery.packs.values():
            meter = decode_pack(data).meter
            if meter not in used or used[meter].revision == delivery.revision:
                found[meter] = data  # of a meter without an anchored source, the newest revision comes last
    if not found:
        raise UnreadableFile(place, "a mailbox with readings of this day")
    return found


def _auditor_notes(
    named: "Sequence[Auditor]", pinned: Sequence[bytes], in_file: Sequence[bytes]
) -> tuple[AuditorNote, ...]:
    """What a member should know who pins auditors: ends, strangers, and who came after the community file."""
    known = {a.address: a for a in named}
    notes = []
    for address in pinned:
        if address not in known:
            notes.append(AuditorNote(kind="unknown", address=address, time=0))
        elif known[address].is_ending:
            notes.append(AuditorNote(kind="ending", address=address, time=known[address].end_time))
    notes += [
        AuditorNote(kind="new", address=a.address, time=a.from_time)
        for a in named
        if not a.is_ending and a.address not in (*pinned, *in_file)
    ]
    return tuple(notes)


def _correction(file: Path, bundle: Bundle, community: Community, view: "ChainFacts | None") -> Correction | None:
    """What a correction changed, beside an earlier statement that is really the one posted; None if there is none."""
    earlier, found = earlier_bundle(file, bundle)
    if earlier is None:
        return None
    digest = view.digest(earlier.sequence) if view else earlier.digest
    return found if is_committed(earlier, community.id, community.constants.depth, digest) else None


def _view(community: Community, bundle: Bundle, stack: ExitStack) -> "tuple[ChainFacts | None, tuple[str, ...]]":
    """What the checks ask the chain; or, where the contracts are not this release's, nothing but that finding.

    Errors: those of opening the chain, WrongChain, CodeDiffers.
    """
    from lindenstrom.chain.client import open_chain
    from lindenstrom.facts import ChainFacts

    chain = stack.enter_context(open_chain(community.node))
    try:
        community.check_code(chain)
    except ForeignContract as error:
        found = error.found
        return None, (f"contract_{found.match}", found.contract, hexed(found.address), ", ".join(found.differing))
    return ChainFacts(community.contracts(chain), bundle.sequence), ()

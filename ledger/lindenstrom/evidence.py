"""What a member can add to a bundle's opening: newer records on the chain, and own copies of the readings (R5).

A bundle is the operator's; it will not open what speaks against the operator. A stale source is shown by the record
that came after it, an unfounded replacement by the good pack that the reader had anchored.
"""

from collections.abc import Iterable
from dataclasses import replace

from lindenstrom.core.bundles import Bundle, BundleMeter
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import pack_leaf
from lindenstrom.core.refutation import MeterOpening, Opening
from lindenstrom.core.statements import SourceKind
from lindenstrom.mailbox import PackDelivery
from lindenstrom.roster import Anchorings, newest_at


def sharpened(bundle: Bundle, anchorings: Anchorings, deliveries: Iterable[PackDelivery]) -> Opening:
    """The bundle's opening with everything that may make a source fall; unchanged where nothing does.

    anchorings: of the bundle's window. deliveries: the member's own copies of readers' packs of that window.
    """
    own = {(d.reader, d.revision): d for d in deliveries}
    meters = tuple(_meter(bundle, meter, anchorings, own) for meter in bundle.meters)
    return replace(bundle.opening, meters=meters)


def _meter(
    bundle: Bundle, meter: BundleMeter, anchorings: Anchorings, own: dict[tuple[int, int], PackDelivery]
) -> MeterOpening:
    opened, reader, as_of = meter.opening, meter.binding.reader, bundle.header.as_of
    rows = anchorings.get(reader, ())
    newest = newest_at(rows, as_of)
    if newest is None:
        return opened
    revision = newest.record.revision
    following = rows[revision + 1].opening if len(rows) > revision + 1 else None
    if opened.kind == SourceKind.ANCHORED and revision > opened.revision:
        return replace(opened, next=rows[opened.revision + 1].opening)
    delivery = own.get((reader, revision))
    if opened.kind != SourceKind.REPLACED or delivery is None:
        return opened
    leaves = {position: pack_leaf(pack) for position, pack in delivery.packs.items()}
    tree = PositionalTree(depth=bundle.community.depth, leaves=leaves)
    position = meter.binding.position
    if tree.root != newest.record.root or position not in delivery.packs:
        return opened
    return replace(
        opened,
        challenge=True,
        challenge_revision=revision,
        record=newest.opening,
        next=following,
        pack=delivery.packs[position],
        pack_proof=tree.proof(position),
    )

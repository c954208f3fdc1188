"""Positional trees of constant depth with canonical empty leaves, and the small trees of one transaction's records.

Inner nodes are tagged (RFC 6962 §2.1 uses the same defence), so no leaf can pass as a node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lindenstrom.core.hashing import EMPTY, TAG_NODE, keccak
from lindenstrom.errors import UsageError

MAX_DEPTH = 20
MAX_BATCH = 256


class PositionOutOfTree(UsageError):
    """A leaf does not fit into the community's trees."""

    def __init__(self, position: int, depth: int) -> None:
        super().__init__(f"position {position} does not fit into a tree of depth {depth} (0..{2**depth - 1})")


class BatchSize(UsageError):
    """A batch of records is empty or too long."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a batch holds 1 to {MAX_BATCH} records, not {size}; anchor in several transactions")


def node(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return keccak(TAG_NODE + left + right)


def _empty_roots() -> tuple[bytes, ...]:
    roots = [EMPTY]
    for _ in range(MAX_DEPTH):
        roots.append(node(roots[-1], roots[-1]))
    return tuple(roots)


EMPTY_ROOTS = _empty_roots()


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionalTree:
    """A sparse tree: leaves by position, exactly `depth` levels; everything else is EMPTY."""

    depth: int
    leaves: Mapping[int, bytes]
    _levels: list[dict[int, bytes]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for position in self.leaves:
            if not 0 <= position < 2**self.depth:
                raise PositionOutOfTree(position, self.depth)
        levels = [dict(self.leaves)]
        for height in range(self.depth):
            below, empty = levels[-1], EMPTY_ROOTS[height]
            levels.append(
                {p: node(below.get(2 * p, empty), below.get(2 * p + 1, empty)) for p in {k >> 1 for k in below}}
            )
        object.__setattr__(self, "_levels", levels)

    @property
    def root(self) -> bytes:
        """32-byte root; the canonical empty root when there are no leaves."""
        return self._levels[self.depth].get(0, EMPTY_ROOTS[self.depth])

    def leaf(self, position: int) -> bytes:
        """The leaf at a position, EMPTY when there is none."""
        return self._levels[0].get(position, EMPTY)

    def proof(self, position: int) -> tuple[bytes, ...]:
        """Siblings from the leaf to the root, exactly `depth` of them."""
        if not 0 <= position < 2**self.depth:
            raise PositionOutOfTree(position, self.depth)
        return tuple(self._levels[h].get((position >> h) ^ 1, EMPTY_ROOTS[h]) for h in range(self.depth))


def root_from_proof(leaf: bytes, position: int, proof: Sequence[bytes]) -> bytes:
    """Root that a leaf at a position and its siblings lead to."""
    current = leaf
    for height, sibling in enumerate(proof):
        current = node(sibling, current) if position >> height & 1 else node(current, sibling)
    return current


def proves(root: bytes, leaf: bytes, position: int, proof: Sequence[bytes], depth: int) -> bool:
    """Whether exactly `depth` siblings lead from the leaf at this position to the root. Length is checked first."""
    return len(proof) == depth and 0 <= position < 2**depth and root_from_proof(leaf, position, proof) == root


def batch_depth(size: int) -> int:
    """Depth of the tree over one transaction's records: ⌈log2 size⌉. Raises BatchSize."""
    if not 1 <= size <= MAX_BATCH:
        raise BatchSize(size)
    return (size - 1).bit_length()


def batch_tree(records: Sequence[bytes]) -> PositionalTree:
    """Tree over the record leaves of one anchoring transaction, in their order. Raises BatchSize."""
    return PositionalTree(depth=batch_depth(len(records)), leaves=dict(enumerate(records)))

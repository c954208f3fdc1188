"""The files of tests/vectors/bundles/: every vector of bundle_days and bundle_edges, and their index."""

import json
from typing import Any

from lindenstrom.core.bundles import bundle_json, canonical_json, hex_text
from tests.support.chain_file import chain_json, community_json
from tests.vectors import bundle_days, bundle_edges
from tests.vectors.bundle_days import REF, Vector


def vectors() -> list[Vector]:
    """All, in the order of the index."""
    return [*bundle_days.holding(), *bundle_edges.holding(), *bundle_days.failing(), *bundle_edges.failing()]


def entry(vector: Vector) -> dict[str, Any]:
    """The index's line of a vector."""
    own = {}
    if vector.own_pack is not None:
        meter = next(b.meter for b in vector.day.bindings_held if b.member == vector.member)
        own = {"own_packs": {hex_text(meter): hex_text(vector.own_pack)}}
    return {
        "name": vector.name,
        "bundle": f"{vector.name}.json",
        "chain": f"{vector.name}.chain.json",
        "member": vector.expected_member or vector.member,
        "pinned_auditors": [hex_text(a) for a in vector.pinned],
        **own,
        "outcome": vector.outcome.value,
        "fails": vector.fails,
        "why": vector.why,
    }


def files() -> dict[str, str]:
    """Every file of tests/vectors/bundles/ by name."""
    found = {
        "index.json": json.dumps({"vectors": [entry(v) for v in vectors()]}, indent=1, ensure_ascii=False) + "\n",
        "community.json": json.dumps(community_json(REF), indent=1) + "\n",
    }
    for v in vectors():
        found[f"{v.name}.json"] = bundle_json(v.change(v.day.bundle(v.member)))
        found[f"{v.name}.chain.json"] = canonical_json(chain_json(v.chain or v.day, v.member))
    return found

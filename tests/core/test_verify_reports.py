"""Every word of what verify finds: whole reports of the committed bundles and of a day on other chains, kept beside.

`python -m tests.core.test_verify_reports write` after a change of what verify says.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from lindenstrom.core.verification import Expectation, PostingFacts, PostingState, Report, verify_bundle
from lindenstrom.signing import is_signed_by
from tests.core.test_bundle_vectors import INDEX, verified
from tests.support.example_day import AUDITOR, REF, ExampleDay

KEPT = Path(__file__).with_name("verify_reports.json")
EXPECTED = Expectation(community=REF, member=2, pinned_auditors=(AUDITOR,))


@dataclass(frozen=True, kw_only=True)
class OtherDigest(ExampleDay):
    """A chain on which another digest was posted."""

    def posting(self, sequence: int) -> PostingFacts | None:
        found = super().posting(sequence)
        return replace(found, digest=bytes(32)) if found else None


@dataclass(frozen=True, kw_only=True)
class NothingPosted(ExampleDay):
    """A chain that knows no posting."""

    def posting(self, sequence: int) -> PostingFacts | None:
        return None


def reports() -> Iterator[tuple[str, Report]]:
    """Each report by the name of its case."""
    for vector in INDEX:
        yield vector["name"], verified(vector)
        yield f"{vector['name']}, offline", verified(vector, offline=True)
    day = ExampleDay()
    bundle = day.bundle(2)
    for name, chain in (
        ("posted", replace(day, state=PostingState.POSTED)),
        ("void", replace(day, state=PostingState.VOID)),
        ("another digest", OtherDigest()),
        ("nothing posted", NothingPosted()),
        ("another reader's key", replace(day, readers=tuple(reversed(day.readers)))),
        ("another binding", replace(day, bindings_held=day.bindings_held[1:])),
        (
            "other terms",
            replace(day, terms={k: replace(t, fee_ueur_kwh=t.fee_ueur_kwh + 1) for k, t in day.terms.items()}),
        ),
    ):
        yield f"a day, {name}", verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=chain)
    foreign = ("foreign_code", "Registry")
    yield (
        "a day, foreign contracts",
        verify_bundle(bundle, EXPECTED, signed_by=is_signed_by, chain=None, foreign=foreign),
    )
    for name, expected in (
        ("another member", replace(EXPECTED, member=3)),
        ("another community", replace(EXPECTED, community=replace(REF, id=bytes(31) + b"\x01"))),
        ("no auditor pinned", replace(EXPECTED, pinned_auditors=())),
        ("another pack of one's own", replace(EXPECTED, own_packs={bundle.meters[0].binding.meter: b"another"})),
    ):
        yield f"a day for {name}", verify_bundle(bundle, expected, signed_by=is_signed_by, chain=day)


def plain(value: Any) -> Any:
    """A value in JSON; what is empty is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        items = ((field.name, plain(getattr(value, field.name))) for field in fields(value))
        return {name: inner for name, inner in items if inner not in ("", None, [], {})}
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.hex()
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def all_reports() -> dict[str, Any]:
    return {name: plain(report) for name, report in reports()}


def test_reports_are_as_they_were() -> None:
    kept, now = json.loads(KEPT.read_text("utf-8")), all_reports()
    assert kept.keys() == now.keys()
    assert {name: now[name] for name in now if now[name] != kept[name]} == {}


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    KEPT.write_text(json.dumps(all_reports(), indent=0, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")

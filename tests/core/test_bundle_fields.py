"""Every field of a bundle by its limits: the last value that is read, the first that is not, and what is said of it."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.core.bundles import UnreadableBundle, bundle_json, canonical_json, read_bundle

BUNDLES = Path(__file__).parents[1] / "vectors" / "bundles"
NUMBERS = {
    "header.window": 21, "revision": 16, "challenge_revision": 16, "slot": 16, "as_of": 64, "batch": 64, "time": 64,
    "sequence": 64, "chain_id": 64, "offset_hours": 2, "depth": 5, "priority": 8, "kind": 8,
}  # fmt: skip
NAMED = {"key": "key", "rule": "rule"}
SIGNED = {"net_peur": 128, "import_mwh": 65, "export_mwh": 65}
SIZES = {"registry": 20, "agreements": 20, "reading_log": 20, "settlement": 20}
FREE = {"lines", "pack", "triples", "reader_key", "signature"}
TEXTS = {"name", "label"}
HEX, NUMBER = "expected 0x and {} bytes in hex", "expected a whole number of at most {} bits"
Path_ = tuple[str | int, ...]


def samples() -> Iterator[dict[str, Any]]:
    """One bundle with a replaced meter and its true-up, one with openings of all kinds."""
    found = [
        json.loads(path.read_text("utf-8"))
        for path in sorted(BUNDLES.glob("*.json"))
        if path.name != "index.json" and not path.name.endswith(".chain.json")
    ]
    found = [one for one in found if isinstance(one, dict) and one.get("schema", "").startswith("lindenstrom/bundle")]
    for name in ("ground", "true_up", "next"):
        yield next(one for one in found if any(m[name] for m in one["meters"]) and one["agreements"])


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every place with its value; of a list the first two entries."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        yield path, value
        for index, inner in enumerate(value[:2]):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def changed(bundle: dict[str, Any], path: Path_, value: Any) -> str:
    copy: Any = deepcopy(bundle)
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return canonical_json(copy)


def name_of(path: Path_) -> str:
    return next(str(step) for step in reversed(path) if isinstance(step, str))


def where(path: Path_) -> str:
    return "top" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def refused(bundle: dict[str, Any], path: Path_, value: Any, what: str) -> None:
    with pytest.raises(UnreadableBundle) as error:
        read_bundle(changed(bundle, path, value))
    assert str(error.value) == f"bundle cannot be read at {where(path)}: {what}; ask the operator for the file again"


def read(bundle: dict[str, Any], path: Path_, value: Any) -> None:
    text = changed(bundle, path, value)
    assert bundle_json(read_bundle(text)) == text


def check_number(bundle: dict[str, Any], path: Path_) -> None:
    name = name_of(path)
    bits = NUMBERS.get("header.window" if path == ("header", "window") else name, 32)
    if name in NAMED or name == "role":
        for value in (256, -1, True, None, "1"):
            refused(bundle, path, value, NUMBER.format(8))
        what = f"not a known {NAMED[name]}" if name in NAMED else "expected a role: 1 taker, 2 giver, 3 both"
        refused(bundle, path, 255, what)
        if name == "role":
            refused(bundle, path, 0, what)
            refused(bundle, path, 4, what)
        return
    read(bundle, path, 2**bits - 1)
    read(bundle, path, 0)
    for wrong in (2**bits, -1, True, False, None, "1", 1.0):
        refused(bundle, path, wrong, NUMBER.format(bits))


def check_text(bundle: dict[str, Any], path: Path_, value: str) -> None:
    name = name_of(path)
    if name in TEXTS or name == "schema":
        refused(bundle, path, None, "expected a text")
        if name in TEXTS:
            read(bundle, path, "Lindenstraße 7")
    elif name in SIGNED:
        bits = SIGNED[name]
        for number in (2 ** (bits - 1) - 1, -(2 ** (bits - 1)), 0, -1):
            read(bundle, path, str(number))
        for number in (2 ** (bits - 1), -(2 ** (bits - 1)) - 1, 10**59):
            refused(bundle, path, str(number), NUMBER.format(bits))
        for text in ("", "-", "1x", "1.0", "+1", "--1", "²", "١", "0" * 61, "1" * 61):
            refused(bundle, path, text, "expected a whole number as text")
        refused(bundle, path, 5, "expected a text")
    else:
        free = name in FREE
        size = None if free else SIZES.get(name, 32) if path[0] == "community" else 32
        what = HEX.format("some" if size is None else size)
        for text in (value[2:], "", value.replace("0x", "0X", 1)):
            refused(bundle, path, text, what if text[:2] != "0X" else "expected hex bytes")
        refused(bundle, path, "0xzz", "expected hex bytes")
        refused(bundle, path, 5, "expected a text")
        if not free:
            refused(bundle, path, value + "00", what)
            refused(bundle, path, value[:-2], what)
        else:
            read(bundle, path, value + "00")


@pytest.mark.parametrize("bundle", tuple(samples()), ids=("ground", "true_up", "next"))
def test_every_field_by_its_limits(bundle: dict[str, Any]) -> None:
    assert bundle_json(read_bundle(canonical_json(bundle))) == canonical_json(bundle)
    for path, value in leaves(bundle):
        if isinstance(value, bool):
            read(bundle, path, not value)
            for wrong in (0, 1, None, "true"):
                refused(bundle, path, wrong, "expected true or false")
        elif isinstance(value, int):
            check_number(bundle, path)
        elif isinstance(value, str):
            check_text(bundle, path, value)
        elif isinstance(value, list):
            refused(bundle, path, None, "expected a list")
            refused(bundle, path, {}, "expected a list")


@pytest.mark.parametrize("bundle", tuple(samples()), ids=("ground", "true_up", "next"))
def test_a_missing_field_is_named(bundle: dict[str, Any]) -> None:
    for path, _ in leaves(bundle):
        if not isinstance(path[-1], str):
            continue
        copy = json.loads(canonical_json(bundle))
        place = copy
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        with pytest.raises(UnreadableBundle) as error:
            read_bundle(canonical_json(copy))
        assert f"at {where(path[:-1])}: field {path[-1]!r} is missing;" in str(error.value)


def test_a_ground_has_a_record() -> None:
    bundle = next(samples())
    index = next(i for i, meter in enumerate(bundle["meters"]) if meter["ground"])
    refused(bundle, ("meters", index, "ground", "record"), None, "expected a record")


def test_what_is_no_bundle() -> None:
    for text in ("", "{", "[" * 100_000, '{"schema":1'):
        with pytest.raises(UnreadableBundle, match=r"^bundle cannot be read at top: it is not JSON; ask the operator"):
            read_bundle(text)
    for text, what in (
        ("[]", "at top: field 'schema' is missing;"),
        ('{"schema":"another"}', "at top.schema: expected lindenstrom/bundle@v1, found another schema;"),
    ):
        with pytest.raises(UnreadableBundle) as error:
            read_bundle(text)
        assert what in str(error.value)


def test_canonical_text_is_utf_8_as_it_stands() -> None:
    assert canonical_json({"b": "Straße", "a": [1, None]}) == '{"a":[1,null],"b":"Straße"}\n'

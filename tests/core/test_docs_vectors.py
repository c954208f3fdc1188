"""docs/vectors.md names every vector file and every field that a reader in another language meets."""

import json
from pathlib import Path

import pytest

from tests.vectors import generate

FOLDER = Path(generate.__file__).parent
PAGE = (FOLDER.parent.parent / "docs" / "vectors.md").read_text()


def test_every_file_is_described() -> None:
    files = {path.name for path in FOLDER.glob("*.json")}
    assert files == {f"{name}.json" for name in generate.VECTORS}
    assert [name for name in sorted(files) if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize(
    ("file", "of"),
    [("levels", "cases"), ("levels", "auctions"), ("days", "cases"), ("bundles/index", "vectors")],
)
def test_every_field_is_described(file: str, of: str) -> None:
    entries = json.loads((FOLDER / f"{file}.json").read_text())[of]
    left_to_formats = {"community", "window", "slots", "depth", "salt"}
    fields = {field for entry in entries for field in entry} - left_to_formats
    assert [field for field in sorted(fields) if f"`{field}`" not in PAGE] == []


def test_every_field_of_a_chain_file_is_described() -> None:
    chain = json.loads((FOLDER / "bundles" / "proportional-fixed.chain.json").read_text())
    fields = {*chain, *chain["posting"], *chain["readers"][0]} - {"schema", "reader", "keys"}
    assert [field for field in sorted(fields) if f"`{field}`" not in PAGE] == []

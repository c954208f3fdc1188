"""slither over the contracts: every finding has an answer in slither.json, and every answer a finding."""

import json
from typing import Any

from tests.deep.common import HERE, PACKAGE, DeepCheckFailed, copy_contracts, environment, run, scratch, tools

ANSWERS = HERE / "slither.json"


def findings() -> set[tuple[str, str]]:
    """Detector and place (`Contract.function`) of all that slither reports on the deployed contracts and libraries."""
    programs = tools("contracts")
    with scratch() as folder:
        report, contracts = folder / "report.json", copy_contracts(folder)
        run([programs / "slither", ".", "--json", report], cwd=contracts, env=environment(programs))
        if not report.is_file():
            raise DeepCheckFailed("slither wrote no report; run it by hand in the folder contracts")
        document = json.loads(report.read_text())
    if not document["success"]:
        raise DeepCheckFailed(f"slither: {document['error']}")
    return {(found["check"], place(found["elements"][0])) for found in document["results"].get("detectors", ())}


def place(element: dict[str, Any]) -> str:
    """`Contract.function` of an element, without lines, so that an answer survives edits elsewhere."""
    names = [element["name"]]
    while (parent := element.get("type_specific_fields", {}).get("parent")) is not None:
        element = parent
        if element["type"] != "source":
            names.insert(0, element["name"])
    return ".".join(names) if element["type"] == "contract" else f"{PACKAGE}.{'.'.join(names)}"


def answered() -> dict[tuple[str, str], str]:
    """The committed answers by detector and place."""
    return {
        (entry["check"], where): entry["answer"]
        for entry in json.loads(ANSWERS.read_text("utf-8"))
        for where in entry["where"]
    }


def check() -> str:
    """Raises DeepCheckFailed for a finding without an answer, or an answer without its finding."""
    found, answers = findings(), answered()
    wrong = [f"no answer: {what} at {where}" for what, where in sorted(found - answers.keys())]
    wrong += [f"no longer found: {what} at {where}" for what, where in sorted(answers.keys() - found)]
    if wrong:
        raise DeepCheckFailed("\n".join([*wrong, f"answers stand in {ANSWERS.name}, in words in docs/assurance.md"]))
    return f"{len(found)} findings, all answered"

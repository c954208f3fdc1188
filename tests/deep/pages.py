"""The parts of docs/ that come from the deep checks' files: `python -m tests.deep.pages write`."""

import json
import sys

from tests.deep import static
from tests.deep.common import ROOT

ASSURANCE = ROOT / "docs" / "assurance.md"
START, END = "<!-- from tests/deep/slither.json: python -m tests.deep.pages write -->\n", "<!-- end -->\n"


def assurance() -> str:
    """The page with the present answers."""
    before, _, rest = ASSURANCE.read_text("utf-8").partition(START)
    _, _, after = rest.partition(END)
    rows = [
        f"| {entry['check']} | {', '.join(f'`{where}`' for where in entry['where'])} | {entry['answer']} |\n"
        for entry in json.loads(static.ANSWERS.read_text("utf-8"))
    ]
    return before + START + "| detector | places | answer |\n|---|---|---|\n" + "".join(rows) + END + after


PAGES = {ASSURANCE: assurance}


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    for path, text in PAGES.items():
        path.write_text(text(), "utf-8")

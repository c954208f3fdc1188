"""python3 dev.py gas [--check | --write]

without a word    measure, and print the page
--check           measure, and fail if a figure or the page differs from what is committed, or a budget is exceeded
--write           measure, and write tests/gas/gas.json and docs/gas.md
"""

import sys

from tests.gas import figures
from tests.gas.page import PAGE, render


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"], ["--write"]):
        sys.stderr.write(__doc__ or "")
        return 2
    found = figures.measure()
    page = render(found)
    faults = [
        f"over budget: {b.what}: {b.measured:.1f}, at most {b.ceiling}" for b in figures.budgets(found) if not b.kept
    ]
    if arguments == ["--write"]:
        figures.write(found)
        PAGE.write_text(page, "utf-8")
    elif arguments == ["--check"]:
        faults += figures.differences(figures.read(), found)
        if PAGE.read_text("utf-8") != page:
            faults.append("docs/gas.md does not say what was measured")
    else:
        sys.stdout.write(page)
    if faults:
        faults.append("if this is meant: python3 dev.py gas --write")
    sys.stderr.write("".join(f"gas: {fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

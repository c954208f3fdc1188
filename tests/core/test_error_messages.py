"""Every failure of the core speaks as written down.

    python -m tests.core.test_error_messages write    rewrite error_messages.json, after a change that is meant

The samples carry no reading, amount or name, and so show what a message can carry at all.
"""

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import lindenstrom.core
from lindenstrom.errors import LindenstromError

MESSAGES = Path(__file__).parent / "error_messages.json"
SAMPLES: dict[Any, list[Any]] = {
    int: [3, 5, 8, 13, 21, 34],
    str: ["ash", "birch", "cedar", "elm"],
    bytes: [b"\x0a" * 4, b"\x0b" * 4],
}


def errors() -> Iterator[type[LindenstromError]]:
    """The classes that core modules define, with a message of their own."""
    for module in pkgutil.iter_modules(lindenstrom.core.__path__):
        loaded = importlib.import_module(f"lindenstrom.core.{module.name}")
        for _, found in inspect.getmembers(loaded, inspect.isclass):
            if (
                issubclass(found, LindenstromError)
                and found.__module__ == loaded.__name__
                and "__init__" in vars(found)
            ):
                yield found


def sample(error: type[LindenstromError]) -> LindenstromError:
    """The error with an argument of each parameter's type, all different."""
    hints, taken = get_type_hints(error.__init__), dict.fromkeys(SAMPLES, 0)
    arguments = []
    for name in inspect.signature(error).parameters:
        kind = hints[name]
        assert kind in SAMPLES, f"{error.__name__}: no sample for {name}: {kind}"
        arguments.append(SAMPLES[kind][taken[kind]])
        taken[kind] += 1
    return error(*arguments)


def spoken() -> str:
    """All messages, one a line."""
    return (
        json.dumps({e.__name__: str(sample(e)) for e in errors()}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    )


def test_every_failure_speaks_as_written_down() -> None:
    hint = "if this is meant: python -m tests.core.test_error_messages write"
    assert spoken() == MESSAGES.read_text("utf-8"), hint


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    MESSAGES.write_text(spoken(), "utf-8")

"""JSON from strangers, parsed only if it does not nest deep.

Libraries of the EVM raise the interpreter's recursion limit so far that `json.loads` of a maliciously deep file
overflows the stack and ends the process. So the depth is measured first, without recursion.
"""

import json
import re
from typing import Any

MAX_NESTING = 64
# Strings are passed over whole; possessive, so that a string without an end costs one pass and not one for each quote.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def foreign_json(data: str | bytes) -> Any:
    """A JSON text's value; bytes are UTF-8. Raises ValueError if it is no JSON, RecursionError if too deep."""
    text = data if isinstance(data, str) else data.decode("utf-8")  # no other encoding: its quotes could not be told
    if nests_too_deep(text):
        raise RecursionError
    return json.loads(text)


def nests_too_deep(text: str) -> bool:
    """Whether brackets nest deeper than MAX_NESTING; the text need not be JSON."""
    depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_NESTING:
                    return True
            case "]" | "}":
                depth -= 1
            case _:
                pass
    return False

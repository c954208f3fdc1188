"""Writes the typed Python bindings of the contracts from their artifacts.

    python -m lindenstrom_contracts.bindgen write    write bindings/*.py
    python -m lindenstrom_contracts.bindgen check    exit 1 unless they are what the artifacts say

`compiler build` and `compiler check` do the same after compiling. The sentences come from the sources' NatSpec.
"""

import builtins
import keyword
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lindenstrom.core.hashing import keccak
from lindenstrom.errors import LindenstromError
from lindenstrom_contracts import loader
from lindenstrom_contracts.errors import BindingsDiffer
from lindenstrom_contracts.natspec import Notices, notices

Entry = Mapping[str, Any]
Abis = Mapping[str, Sequence[Entry]]

BINDINGS: Final = Path(__file__).parent / "bindings"
WIDTH: Final = 120
TAKEN: Final = frozenset(keyword.kwlist) | frozenset(dir(builtins))
HEADER: Final = (
    '"""{title}\n\nGenerated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.\n"""\n# fmt: off\n'
)


def render(abis: Abis) -> dict[str, str]:
    """The generated modules of these ABIs: file name → text."""
    said = notices(Path(__file__).parent)
    entries = [entry for abi in abis.values() for entry in abi]
    files = {
        "structs.py": _structs(entries, said),
        "events.py": _events(entries, said),
    }
    return files | _errors(abis, said) | {f"{snake(name)}.py": _contract(name, abi, said) for name, abi in abis.items()}


def committed() -> dict[str, str]:
    """The modules that the committed artifacts ask for."""
    return render({name: loader.load(name).abi for name in loader.CONTRACTS})


def write(files: Mapping[str, str]) -> None:
    """Write the modules beside the hand-written `base.py`."""
    (BINDINGS / "errors").mkdir(exist_ok=True)
    for name, text in files.items():
        (BINDINGS / name).write_text(text, "utf-8")


def check(files: Mapping[str, str]) -> None:
    """Raises BindingsDiffer unless the modules are exactly these."""
    paths = {name: BINDINGS / name for name in files}
    differing = [name for name, path in paths.items() if not path.is_file() or path.read_text("utf-8") != files[name]]
    if differing:
        raise BindingsDiffer(differing)


def snake(name: str) -> str:
    """`liveBindings` is `live_bindings`; `ReadingLog` is `reading_log`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


# --- types


def _abi_type(part: Entry) -> str:
    kind = str(part["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_abi_type(inner) for inner in part['components'])}){kind.removeprefix('tuple')}"


def _struct_name(part: Entry) -> str:
    return re.sub(r"\[\d*\]$", "", str(part["internalType"])).removeprefix("struct ").rpartition(".")[2]


def _python_type(part: Entry, many: str = "tuple[{}, ...]") -> str:
    kind = str(part["type"])
    if kind.endswith("]"):
        inner = {**part, "type": kind[: kind.rindex("[")]}
        return many.format(_python_type(inner))
    if kind == "tuple":
        return _struct_name(part)
    plain = {"bool": "bool", "string": "str", "address": "bytes"}
    return plain.get(kind, "bytes" if kind.startswith("bytes") else "int")


def _from_abi(part: Entry, value: str) -> str:
    """Python that turns a decoded value into the binding's type."""
    kind = str(part["type"])
    if kind.endswith("]"):
        inner = _from_abi({**part, "type": kind[: kind.rindex("[")]}, "v")
        return f"tuple({value})" if inner == "v" else f"tuple({inner} for v in {value})"
    if kind == "tuple":
        return f"{_struct_name(part)}.from_abi({value})"
    if kind == "address":
        return f"address({value})"
    return value


def _structs_in(parts: Iterable[Entry]) -> dict[str, Entry]:
    """Every struct in these parameters by name, the inner ones first."""
    found: dict[str, Entry] = {}
    for part in parts:
        if str(part["type"]).startswith("tuple"):
            found |= _structs_in(part["components"])
            found[_struct_name(part)] = part
    return found


def _named(parts: Sequence[Entry]) -> list[tuple[str, Entry]]:
    names = [snake(part["name"].strip("_")) or f"value{i}" for i, part in enumerate(parts)]
    return [(f"{name}_" if name in TAKEN else name, part) for name, part in zip(names, parts, strict=True)]


# --- text


def _types(parts: Iterable[Entry]) -> str:
    kinds = [f'"{_abi_type(part)}"' for part in parts]
    return f"({', '.join(kinds)}{',' if len(kinds) == 1 else ''})"


def _listed(head: str, items: Sequence[str], tail: str, indent: int = 0) -> list[str]:
    """`head(items)tail` in one line, or an item a line."""
    space = " " * indent
    line = f"{space}{head}({', '.join(items)}){tail}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{space}{head}(", *(f"{space}    {item}," for item in items), f"{space}){tail}"]


def _doc(text: str, indent: int) -> list[str]:
    space = " " * indent
    lines = textwrap.wrap(text, WIDTH - indent - 6)
    if len(lines) == 1:
        return [f'{space}"""{lines[0]}"""']
    first, *rest = lines
    return [f'{space}"""{first}', *(f"{space}{line}" for line in rest), f'{space}"""']


def _signature(entry: Entry) -> str:
    inside = []
    for part in entry["inputs"]:
        kind = str(part["type"])
        shown = kind.replace("tuple", _struct_name(part)) if kind.startswith("tuple") else kind
        inside.append(f"{shown} {part['name']}".strip())
    return f"`{entry['name']}({', '.join(inside)})`"


def _text(title: str, imports: Sequence[str], blocks: Sequence[Sequence[str]], tail: Sequence[str] = ()) -> str:
    body = "\n\n\n".join("\n".join(block) for block in blocks)
    end = "\n\n" + "\n".join(tail) + "\n" if tail else "\n"
    text = "\n".join(imports) + "\n\n\n" + body + end
    wide = any(len(line) > WIDTH for line in text.splitlines())  # a nested struct's type cannot be broken
    return HEADER.format(title=title) + ("# ruff: noqa: E501\n\n" if wide else "\n") + text


def _used(names: Iterable[str], text: str) -> str:
    found = [name for name in set(names) if re.search(rf"\b{name}\b", text)]
    return ", ".join(sorted(found, key=lambda name: (name[0].islower(), name.lower())))


# --- modules


def _structs(entries: Sequence[Entry], said: Notices) -> str:
    found: dict[str, Entry] = {}
    for entry in entries:
        found |= _structs_in([*entry.get("inputs", ()), *entry.get("outputs", ())])
    blocks = []
    for struct, part in found.items():
        members = _named(part["components"])
        values = [f"{name}={_from_abi(kind, f'values[{i}]')}" for i, (name, kind) in enumerate(members)]
        blocks.append(
            [
                "@dataclass(frozen=True, slots=True, kw_only=True)",
                f"class {struct}(Struct):",
                *_doc(said.get("struct", struct) or f"Solidity's struct {struct}.", 4),
                "",
                *(f"    {field}: {_python_type(kind)}" for field, kind in members),
                "",
                "    @classmethod",
                "    def from_abi(cls, values: Any) -> Self:",
                '        """From nested tuples in the ABI\'s order."""',
                *_listed("return cls", values, "", 8),
            ]
        )
    text = "\n".join(line for block in blocks for line in block)
    imports = ["from dataclasses import dataclass", "from typing import Any, Self", ""]
    imports += [f"from lindenstrom_contracts.bindings.base import {_used(['Struct', 'address'], text)}"]
    return _text("The contracts' structs.", imports, blocks)


def _unique(entries: Sequence[Entry], kind: str) -> list[Entry]:
    """The entries of a kind by name, each once: errors and events cross contracts."""
    found = {entry["name"]: entry for entry in entries if entry["type"] == kind}
    return [found[name] for name in sorted(found)]


def _errors(abis: Abis, said: Notices) -> dict[str, str]:
    """A module per contract for errors of its own, one for those that several raise, and a door to all."""
    users: dict[str, list[str]] = {}
    for name, abi in abis.items():
        for entry in _unique(abi, "error"):
            users.setdefault(entry["name"], []).append(name)
    files, doors, all_names = {}, [], []
    for part in ("shared", *abis):
        rows = [
            entry
            for entry in _unique([entry for abi in abis.values() for entry in abi], "error")
            if users[entry["name"]] == [part] or (part == "shared" and len(users[entry["name"]]) > 1)
        ]
        if not rows:
            continue
        title = "Errors that several contracts raise." if part == "shared" else f"Errors that only {part} raises."
        imports = ["from typing import ClassVar", "", "from lindenstrom_contracts.bindings.base import ContractError"]
        files[f"errors/{snake(part)}.py"] = _text(title, imports, [_error(entry, said) for entry in rows])
        names = sorted((entry["name"] for entry in rows), key=str.lower)
        doors.append([f"from lindenstrom_contracts.bindings.errors.{snake(part)} import (", *_rows(names), ")"])
        all_names += names
    table = ["BY_SELECTOR: dict[bytes, type[ContractError]] = {", "    kind.SELECTOR: kind", "    for kind in ("]
    table += [*(f"        {name}," for name in sorted(all_names)), "    )", "}", "", "__all__ = ["]
    table += [*(f'    "{name}",' for name in ["BY_SELECTOR", *sorted(all_names)]), "]"]
    base = "from lindenstrom_contracts.bindings.base import ContractError"
    lines = [base, *(line for door in sorted(doors) for line in door), "", *table]
    files["errors/__init__.py"] = HEADER.format(title="All custom errors of the contracts.") + "\n".join(
        ["", *lines, ""]
    )
    return files


def _rows(names: Sequence[str]) -> list[str]:
    return [f"    {name}," for name in names]


def _error(entry: Entry, said: Notices) -> list[str]:
    members = _named(entry["inputs"])
    lines = [
        f"class {entry['name']}(ContractError):",
        *_doc(said.get("error", entry["name"]) or f"Solidity's {_signature(entry)}.", 4),
        "",
        f'    SELECTOR: ClassVar = bytes.fromhex("{_hash(entry)[:8]}")',
        f"    TYPES: ClassVar = {_types(entry['inputs'])}",
    ]
    if not members:
        return lines
    return [
        *lines,
        "",
        *_listed("def __init__", ["self", *(f"{n}: {_python_type(p)}" for n, p in members)], " -> None:", 4),
        f"        super().__init__({', '.join(name for name, _ in members)})",
        *(f"        self.{name} = {name}" for name, _ in members),
    ]


def _events(entries: Sequence[Entry], said: Notices) -> str:
    blocks = []
    rows = _unique(entries, "event")
    for entry in rows:
        members = _named(entry["inputs"])
        plain = [part for part in entry["inputs"] if not part["indexed"]]
        values, place, at = [], 1, 0
        for name, part in members:
            if part["indexed"]:
                values.append(f'{name}=topic(log, {place}, "{_abi_type(part)}")')
                place += 1
            else:
                values.append(f"{name}={_from_abi(part, f'values[{at}]')}")
                at += 1
        blocks.append(
            [
                "@dataclass(frozen=True, slots=True, kw_only=True)",
                f"class {entry['name']}(Event):",
                *_doc(said.get("event", entry["name"]) or f"Solidity's {_signature(entry)}.", 4),
                "",
                f'    TOPIC: ClassVar = bytes.fromhex("{_hash(entry)}")',
                *(f"    {name}: {_python_type(part)}" for name, part in members),
                "",
                "    @classmethod",
                "    def from_log(cls, log: Log) -> Self:",
                '        """From a log with this event\'s topic."""',
                *([f"        values = words(log, {_types(plain)})"] if plain else []),
                *_listed("return cls", values, "", 8),
            ]
        )
    table = ["BY_TOPIC: dict[bytes, type[Event]] = {", "    kind.TOPIC: kind", "    for kind in ("]
    table += [*(f"        {entry['name']}," for entry in rows), "    )", "}"]
    text = "\n".join(line for block in blocks for line in block)
    structs = {name for entry in rows for name in _structs_in(entry["inputs"])}
    base = _used(["Event", "Log", "address", "topic", "words"], text)
    imports = ["from dataclasses import dataclass", "from typing import ClassVar, Self", ""]
    imports += [f"from lindenstrom_contracts.bindings.base import {base}"]
    imports += [f"from lindenstrom_contracts.bindings.structs import {_used(structs, text)}"] if structs else []
    return _text("The contracts' events.", imports, blocks, ("", *table))


def _contract(name: str, abi: Sequence[Entry], said: Notices) -> str:
    functions = sorted((entry for entry in abi if entry["type"] == "function"), key=lambda entry: str(entry["name"]))
    built = next(entry for entry in abi if entry["type"] == "constructor")
    answers = [lines for entry in functions if (lines := _answer(entry))]
    arguments = [f"{n}: {_python_type(p, 'Sequence[{}]')}" for n, p in _named(built["inputs"])]
    values = [f"{n}" for n, _ in _named(built["inputs"])]
    body = [
        f"class {name}(Contract):",
        *_doc(said.get("interface", f"I{name}") or f"The contract {name}.", 4),
        "",
        f'    NAME: ClassVar = "{name}"',
        f"    CONSTRUCTOR: ClassVar = {_types(built['inputs'])}",
        "",
        "    @classmethod",
        *_listed("def deploy", ["cls", "transport: Transport", "key: bytes", *arguments], " -> Self:", 4),
        '        """Create the contract; the bytecode is the committed artifact\'s."""',
        f"        return cls._deploy(transport, key, ({', '.join(values)}{',' if len(values) == 1 else ''}))",
    ]
    for entry in functions:
        body += ["", *_method(entry, said)]
    blocks = [*answers, body]
    constants = [line for entry in functions for line in _constant(entry)]
    text = "\n".join(line for block in blocks for line in block)
    structs = set(_structs_in(part for e in (*functions, built) for part in [*e["inputs"], *e.get("outputs", ())]))
    base = _used(["Contract", "Function", "Sent", "Transport", "address", "nothing"], text + "\n".join(constants))
    imports = ["from collections.abc import Sequence"] if "Sequence[" in text else []
    imports += [f"from typing import {_used(['ClassVar', 'NamedTuple', 'Self'], text)}", ""]
    imports += [f"from lindenstrom_contracts.bindings.base import {base}"]
    if named := _used(structs, text):
        imports += [f"from lindenstrom_contracts.bindings.structs import {named}"]
    return _text(f"The contract {name}.", [*imports, "", *constants], blocks)


def _answer(entry: Entry) -> list[str]:
    """A named tuple for a function that returns several named values."""
    outputs = _named(entry["outputs"])
    if len(outputs) < 2:
        return []
    return [
        f"class {_answer_name(entry)}(NamedTuple):",
        f'    """What `{entry["name"]}` returns."""',
        "",
        *(f"    {name}: {_python_type(part)}" for name, part in outputs),
    ]


def _answer_name(entry: Entry) -> str:
    return f"{entry['name'][0].upper()}{entry['name'][1:]}Answer"


def _constant(entry: Entry) -> list[str]:
    parts = [f'name="{entry["name"]}"', f'selector=bytes.fromhex("{_hash(entry)[:8]}")']
    parts += [f"inputs={_types(entry['inputs'])}", f"outputs={_types(entry['outputs'])}"]
    return _listed(f"_{snake(entry['name']).upper()} = Function", parts, "")


def _method(entry: Entry, said: Notices) -> list[str]:
    arguments = _named(entry["inputs"])
    outputs = _named(entry["outputs"])
    decoded = [_from_abi(part, f"values[{i}]") for i, (_, part) in enumerate(outputs)]
    if not outputs:
        kind, value = "None", "None"
    elif len(outputs) == 1:
        kind, value = _python_type(outputs[0][1]), decoded[0]
    else:
        kind, value = _answer_name(entry), f"{_answer_name(entry)}({', '.join(decoded)})"
    reads = entry["stateMutability"] in ("view", "pure")
    parameters = ["self", *(f"{n}: {_python_type(p, 'Sequence[{}]')}" for n, p in arguments)]
    given = f"({', '.join(n for n, _ in arguments)}{',' if len(arguments) == 1 else ''})"
    constant = f"_{snake(entry['name']).upper()}"
    result = kind if reads else f"Sent[{kind}]"
    lines = [
        *_listed(f"def {snake(entry['name'])}", parameters, f" -> {result}:", 4),
        *_doc(said.get("function", entry["name"]) or f"Solidity's {_signature(entry)}.", 8),
    ]
    if not reads:
        decode = f"lambda values: {value}" if outputs else "nothing"
        return [*lines, *_listed("return self._send", [constant, given, decode], "", 8)]
    if not outputs:
        return [*lines, f"        self._ask({constant}, {given})"]
    lines.append(f"        values = self._ask({constant}, {given})")
    if len(outputs) > 1:
        return [*lines, *_listed(f"return {kind}", decoded, "", 8)]
    if value != "values[0]":
        return [*lines, f"        return {value}"]
    return [*lines, f"        answer: {kind} = {value}", "        return answer"]


def _hash(entry: Entry) -> str:
    return keccak(f"{entry['name']}({','.join(_abi_type(part) for part in entry['inputs'])})".encode()).hex()


def main(arguments: list[str]) -> int:
    """The two commands of this module; returns the exit code."""
    commands = {"write": write, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write("usage: python -m lindenstrom_contracts.bindgen write|check\n")
        return 2
    files = committed()
    try:
        commands[arguments[0]](files)
    except LindenstromError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{arguments[0]}: {', '.join(files)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

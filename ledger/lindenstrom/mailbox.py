"""The mailbox: one folder through which packs, bundles, audit files and signed acts pass between the roles.

Layout, all files canonical JSON (keys sorted, no spaces, one newline at the end; bytes as lower-case hex with 0x):

    packs/<window>/<reader>-r<revision>.json     reader → operator: a signed root and the packs under it
    bundles/<member>/<window>-s<sequence>.json   operator → member: what the member needs to recheck one posted day
    audit/<window>-s<sequence>.json              operator → auditors: what they need to recheck the whole posting
    acts/<kind>/<id>.json                        member → anyone: a signed act to be carried, `id` 64 hex digits

A file appears whole or not at all and never changes: delivering the same again does nothing, other content under the
same name is refused. Only an erasure (R9) removes files, or puts hashes in the place of what it takes out of them.
Carrying the folder (sync, share, HTTPS) is left to others; names starting with a dot are not part of it. Files may hold
personal data: whoever carries them keeps each member's folder to that member.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from lindenstrom.core.bundles import canonical_json
from lindenstrom.core.nesting import foreign_json
from lindenstrom.core.packs import pack_leaf
from lindenstrom.errors import CouldNotCheck, RefusedByRules, UsageError

PACK_NAME = re.compile(r"(\d+)-r(\d+)\.json")
POSTED_NAME = re.compile(r"(\d+)-s(\d+)\.json")
ACT_KIND = re.compile(r"[a-z][a-z-]{0,31}")
ACT_NAME = re.compile(r"[0-9a-f]{64}\.json")
PACK_ROWS = ({"position", "pack"}, {"position", "leaf"})
"""A pack, or the leaf of one that was erased."""
NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class MailboxFileUnreadable(CouldNotCheck):
    """A file in the mailbox is not of its documented form."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}; ask its sender to deliver it again, after moving this file away")


class DeliveryConflict(RefusedByRules):
    """Something else was delivered under the same name before."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: already delivered with other content; what was delivered stays "
            "(a correction has a new revision or sequence)"
        )


class ActNameError(UsageError):
    """An act's kind or id cannot be a file name of the mailbox."""

    def __init__(self) -> None:
        super().__init__("an act's kind is lower-case letters and dashes, its id 32 bytes; pass the act's digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackDelivery:
    """A reader's signed root for one window, and the encoded packs under it by position; erased ones as leaves."""

    reader: int
    window: int
    revision: int
    root: bytes
    signature: bytes
    packs: Mapping[int, bytes]
    erased: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a bundle or audit file lies, and for which posting it was made."""

    window: int
    sequence: int
    path: Path


def pack_path(mailbox: Path, window: int, reader: int, revision: int) -> Path:
    """Return where a reader's packs of a window lie."""
    return mailbox / "packs" / str(window) / f"{reader}-r{revision}.json"


def bundle_path(mailbox: Path, member: int, window: int, sequence: int) -> Path:
    """Return where a member's bundle of a posting lies."""
    return mailbox / "bundles" / str(member) / f"{window}-s{sequence}.json"


def audit_path(mailbox: Path, window: int, sequence: int) -> Path:
    """Return where a posting's audit file lies."""
    return mailbox / "audit" / f"{window}-s{sequence}.json"


def act_path(mailbox: Path, kind: str, act_id: bytes) -> Path:
    """Return where a signed act lies. Raises ActNameError."""
    if not ACT_KIND.fullmatch(kind) or len(act_id) != 32:
        raise ActNameError
    return mailbox / "acts" / kind / f"{act_id.hex()}.json"


def deliver_packs(mailbox: Path, delivery: PackDelivery) -> Path:
    """Deliver a reader's packs and return the file. Raises DeliveryConflict."""
    path = pack_path(mailbox, delivery.window, delivery.reader, delivery.revision)
    return _deliver(path, _packs_json(delivery))


def collect_packs(mailbox: Path, window: int) -> tuple[PackDelivery, ...]:
    """Return all readers' packs of a window, by reader and revision. Raises MailboxFileUnreadable.

    Only the form is checked here, and that file name and content agree: signatures and packs are the caller's to check.
    """
    found = _matching(mailbox / "packs" / str(window), PACK_NAME)
    return tuple(_read_packs(path, window, reader, revision) for (reader, revision), path in found)


def collect_pack_file(mailbox: Path, window: int, reader: int, revision: int) -> PackDelivery | None:
    """Return one reader's packs of a window, None if not delivered. Raises MailboxFileUnreadable."""
    path = pack_path(mailbox, window, reader, revision)
    return _read_packs(path, window, reader, revision) if path.exists() else None


def deliver_bundle(mailbox: Path, member: int, window: int, sequence: int, content: Mapping[str, Any] | str) -> Path:
    """Deliver a member's bundle, an object or its JSON text, and return the file. Raises DeliveryConflict."""
    return _deliver(bundle_path(mailbox, member, window, sequence), _text(content))


def list_bundles(mailbox: Path, member: int) -> tuple[Posted, ...]:
    """Return a member's bundles by window and sequence."""
    return bundles_in(mailbox / "bundles" / str(member))


def bundles_in(folder: Path) -> tuple[Posted, ...]:
    """Return the bundles in a member's own folder, by window and sequence."""
    return _posted(folder)


def deliver_audit(mailbox: Path, window: int, sequence: int, content: Mapping[str, Any] | str) -> Path:
    """Deliver a posting's audit file, an object or its JSON text, and return the file. Raises DeliveryConflict."""
    return _deliver(audit_path(mailbox, window, sequence), _text(content))


def list_audit(mailbox: Path) -> tuple[Posted, ...]:
    """Return the audit files by window and sequence."""
    return _posted(mailbox / "audit")


def deliver_act(mailbox: Path, kind: str, act_id: bytes, content: Mapping[str, Any] | str) -> Path:
    """Deliver a signed act and return the file. Raises ActNameError, DeliveryConflict."""
    return _deliver(act_path(mailbox, kind, act_id), _text(content))


def list_acts(mailbox: Path, kind: str) -> tuple[Path, ...]:
    """Return the delivered acts of a kind, by id."""
    folder = mailbox / "acts" / kind
    return tuple(sorted(path for path in _entries(folder) if ACT_NAME.fullmatch(path.name)))


def erase_packs(mailbox: Path, window: int, positions: Mapping[int, Collection[int]] | None) -> None:
    """Erase a window's packs: all, or those at readers' positions. Their leaves stay, so that the root is still proven.

    Raises MailboxFileUnreadable. Repeatable.
    """
    folder = mailbox / "packs" / str(window)
    if positions is None:
        _remove(_entries(folder))
        if folder.is_dir():
            folder.rmdir()
        return
    _remove(_parts(folder, ""))
    for delivery in collect_packs(mailbox, window):
        gone = {p: pack_leaf(delivery.packs[p]) for p in positions.get(delivery.reader, ()) if p in delivery.packs}
        if gone:
            left = {p: pack for p, pack in delivery.packs.items() if p not in gone}
            path = pack_path(mailbox, window, delivery.reader, delivery.revision)
            _rewrite(path, _packs_json(replace(delivery, packs=left, erased={**delivery.erased, **gone})))


def erase_bundles(mailbox: Path, window: int, member: int | None) -> None:
    """Erase a window's bundles: a member's, or everybody's. Repeatable."""
    folders = _entries(mailbox / "bundles") if member is None else [mailbox / "bundles" / str(member)]
    for folder in folders:
        mine = [posted.path for posted in _posted(folder) if posted.window == window]
        _remove([*mine, *_parts(folder, f"{window}-")])


def erase_audit(mailbox: Path, window: int, erase: Callable[[bytes], str]) -> None:
    """Rewrite a window's audit files without what is erased. Repeatable."""
    _remove(_parts(mailbox / "audit", f"{window}-"))
    for posted in list_audit(mailbox):
        if posted.window == window:
            data = posted.path.read_bytes()
            text = erase(data)
            if text.encode() != data:
                _rewrite(posted.path, text)


def read_object(path: Path) -> dict[str, Any]:
    """Return a mailbox file's JSON object. Raises MailboxFileUnreadable, which names the file, never its contents."""
    try:
        content = foreign_json(path.read_bytes())
    except OSError as error:
        raise MailboxFileUnreadable(path, error.strerror or "cannot be read") from None
    except (ValueError, RecursionError):
        raise MailboxFileUnreadable(path, "not JSON (cut off while being carried?)") from None
    if not isinstance(content, dict):
        raise MailboxFileUnreadable(path, "not a JSON object")
    return content


def write_once(path: Path, data: bytes) -> None:
    """Write a file whole and for good, forced to the disk. Raises DeliveryConflict if it exists with other content."""
    make_folder(path.parent)
    if not path.exists():
        _place(path, data)
    if path.read_bytes() != data:
        raise DeliveryConflict(path)
    _sync_folder(path.parent)


def _place(path: Path, data: bytes) -> None:
    """Put a complete file under its name, unless another process was faster."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # unlike a rename, a link never replaces what another process delivered meanwhile
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _packs_json(delivery: PackDelivery) -> str:
    rows = [{"position": at, "pack": _hex(pack)} for at, pack in delivery.packs.items()]
    rows += [{"position": at, "leaf": _hex(leaf)} for at, leaf in delivery.erased.items()]
    return canonical_json(
        {
            "reader": delivery.reader,
            "window": delivery.window,
            "revision": delivery.revision,
            "root": _hex(delivery.root),
            "signature": _hex(delivery.signature),
            "packs": sorted(rows, key=itemgetter("position")),
        }
    )


def _rewrite(path: Path, text: str) -> None:
    """Put new content in a file's place, for erasures alone."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _sync_folder(path.parent)


def _remove(paths: Iterable[Path]) -> None:
    """Delete files, forced to the disk."""
    folders = set()
    for path in paths:
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in folders:
        _sync_folder(folder)


def _parts(folder: Path, beginning: str) -> list[Path]:
    """What a crash left of files that were being written."""
    return [p for p in _entries(folder) if p.name.startswith(f".{beginning}") and p.name.endswith(".part")]


def _deliver(path: Path, text: str) -> Path:
    write_once(path, text.encode())
    return path


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, and force their entries to the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(content: Mapping[str, Any] | str) -> str:
    return content if isinstance(content, str) else canonical_json(content)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _matching(folder: Path, pattern: re.Pattern[str]) -> list[tuple[tuple[int, int], Path]]:
    """Return ((first number, second number), file) of the names of a documented form, sorted by number."""
    found = []
    for path in _entries(folder):
        match = pattern.fullmatch(path.name)
        if match and path.name == _spelling(path.name, int(match[1]), int(match[2])):
            found.append(((int(match[1]), int(match[2])), path))
    return sorted(found)


def _spelling(name: str, first: int, second: int) -> str:
    """Return a name's only valid spelling: no leading zeros, so that no two names mean the same."""
    return f"{first}-{name.split('-')[1][0]}{second}.json"


def _posted(folder: Path) -> tuple[Posted, ...]:
    found = _matching(folder, POSTED_NAME)
    return tuple(Posted(window=window, sequence=sequence, path=path) for (window, sequence), path in found)


def _read_packs(path: Path, window: int, reader: int, revision: int) -> PackDelivery:
    content = read_object(path)
    expected = {"window": window, "reader": reader, "revision": revision}
    if set(content) != {*expected, "root", "signature", "packs"}:
        raise MailboxFileUnreadable(path, "fields are missing or unknown")
    for name, value in expected.items():
        if type(content[name]) is not int or content[name] != value:
            raise MailboxFileUnreadable(path, f"its {name} is not the one in its name")
    rows = content["packs"]
    if not isinstance(rows, list):
        raise MailboxFileUnreadable(path, "packs is not a list")
    packs: dict[int, bytes] = {}
    erased: dict[int, bytes] = {}
    for row in rows:
        if not isinstance(row, dict) or set(row) not in PACK_ROWS or type(row["position"]) is not int:
            raise MailboxFileUnreadable(path, "an entry of packs is not a position and a pack")
        if row["position"] in packs or row["position"] in erased or row["position"] < 0:
            raise MailboxFileUnreadable(path, "a position of packs occurs twice or is negative")
        if "pack" in row:
            packs[row["position"]] = _bytes(path, row["pack"], "pack", None)
        else:
            erased[row["position"]] = _bytes(path, row["leaf"], "leaf", 32)
    return PackDelivery(
        reader=reader,
        window=window,
        revision=revision,
        root=_bytes(path, content["root"], "root", 32),
        signature=_bytes(path, content["signature"], "signature", None),
        packs=packs,
        erased=erased,
    )


def _bytes(path: Path, value: object, name: str, length: int | None) -> bytes:
    if isinstance(value, str) and re.fullmatch(r"0x(?:[0-9a-f]{2})*", value):
        data = bytes.fromhex(value[2:])
        if length is None or len(data) == length:
            return data
    raise MailboxFileUnreadable(path, f"its {name} is not hex with 0x" + (f" of {length} bytes" if length else ""))

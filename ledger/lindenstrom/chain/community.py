"""The community file: which contracts on which chain, in TOML. Light: reading it imports no web3."""

import json
import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lindenstrom.chain.acts import Addresses
from lindenstrom.chain.constants import Constants
from lindenstrom.chain.errors import (
    CodeDiffers,
    CommunityFileExists,
    CommunityFileInvalid,
    CommunityFileMissing,
    ForeignContract,
    WrongChain,
)
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.chain.release import Match, compare_release
from lindenstrom.core.bundles import CommunityRef
from lindenstrom.core.hashing import keccak

if TYPE_CHECKING:
    from lindenstrom.chain.client import Chain
    from lindenstrom.chain.contracts import Contracts

SCHEMA = 1
CONTRACT_KEYS = ("registry", "agreements", "reading_log", "settlement")
_CONSTANT_KEYS = ("offset_hours", "close_delay_s", "objection_period_s", "answer_time_s", "depth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """What a community file says. Addresses are 20 bytes; code_hashes follow the order of CONTRACT_KEYS."""

    path: Path
    name: str
    zone: str
    id: bytes
    chain_id: int
    node: NodeConfig
    deployment_block: int
    first_window: int
    addresses: Addresses
    code_hashes: tuple[bytes, ...]
    operator: bytes
    auditors: tuple[bytes, ...]
    constants: Constants

    def check_code(self, chain: "Chain") -> None:
        """Compare chain id and code with this release and with the file.

        Errors: WrongChain, ForeignContract, CodeDiffers, NodeUnreachable.
        """
        codes = self.codes(chain)
        for found in compare_release(self, codes):
            if found.match is not Match.SAME:
                raise ForeignContract(found)
        for key, expected, code in zip(CONTRACT_KEYS, self.code_hashes, codes, strict=True):
            if keccak(code) != expected:
                raise CodeDiffers(key, _hex(getattr(self.addresses, key)), expected, keccak(code))

    def codes(self, chain: "Chain") -> tuple[bytes, ...]:
        """The four codes on chain, in the order of deployment. Errors: WrongChain, NodeUnreachable, NodeError."""
        if chain.chain_id != self.chain_id:
            raise WrongChain(self.chain_id, chain.chain_id)
        return tuple(chain.code(getattr(self.addresses, key)) for key in CONTRACT_KEYS)

    def contracts(self, chain: "Chain") -> "Contracts":
        """The community's contracts on an open chain."""
        from lindenstrom.chain.contracts import Contracts

        return Contracts(chain, self.addresses, self.deployment_block)


def load_community(path: Path) -> Community:
    """Read and validate a community file. Errors: CommunityFileMissing, CommunityFileInvalid."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CommunityFileMissing(path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommunityFileInvalid(path, "file", f"not TOML ({error})") from None
    read = _Reader(path, data)
    if read.number("schema") != SCHEMA:
        raise CommunityFileInvalid(path, "schema", f"this version reads schema {SCHEMA} only")
    return Community(
        path=path,
        name=read.text("name"),
        zone=read.text("zone"),
        id=read.hex("id", length=32),
        chain_id=read.number("chain", "id"),
        node=_node(read),
        deployment_block=read.number("chain", "deployment_block"),
        first_window=read.number("first_window"),
        addresses=Addresses(**{key: read.hex("contracts", key, "address", length=20) for key in CONTRACT_KEYS}),
        code_hashes=tuple(read.hex("contracts", key, "code_hash", length=32) for key in CONTRACT_KEYS),
        operator=read.hex("operator", length=20),
        auditors=read.hexes("auditors", length=20),
        constants=Constants(**{key: read.number("constants", key) for key in _CONSTANT_KEYS}),
    )


def save_community(community: Community) -> None:
    """Write the file whole or not at all. Errors: CommunityFileExists."""
    target = community.path
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(_render(community))
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)
        os.link(temporary, target)  # fails where a rename would replace
    except FileExistsError:
        raise CommunityFileExists(target) from None
    finally:
        Path(temporary).unlink()


def community_ref(community: Community) -> CommunityRef:
    """The community as bundles name it: the holder's own copy of the facts that a bundle must repeat."""
    return CommunityRef(
        name=community.name,
        id=community.id,
        chain_id=community.chain_id,
        offset_hours=community.constants.offset_hours,
        depth=community.constants.depth,
        registry=community.addresses.registry,
        agreements=community.addresses.agreements,
        reading_log=community.addresses.reading_log,
        settlement=community.addresses.settlement,
    )


def refuse_existing(path: Path) -> None:
    """Raise CommunityFileExists before anything is sent for a second deployment."""
    if path.exists():
        raise CommunityFileExists(path)


class _Reader:
    """Typed access by keys; every failure names the place."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self._data = data

    def has(self, *keys: str) -> bool:
        place: Any = self._data
        for key in keys:
            if not isinstance(place, dict) or key not in place:
                return False
            place = place[key]
        return True

    def value(self, *keys: str) -> Any:
        if not self.has(*keys):
            raise CommunityFileInvalid(self.path, ".".join(keys), "is missing")
        place: Any = self._data
        for key in keys:
            place = place[key]
        return place

    def number(self, *keys: str) -> int:
        value = self.value(*keys)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise CommunityFileInvalid(self.path, ".".join(keys), "must be a whole number, 0 or more")
        return value

    def text(self, *keys: str) -> str:
        value = self.value(*keys)
        if not isinstance(value, str) or not value:
            raise CommunityFileInvalid(self.path, ".".join(keys), "must be a text")
        return value

    def hex(self, *keys: str, length: int) -> bytes:
        return self._bytes(self.value(*keys), ".".join(keys), length)

    def hexes(self, *keys: str, length: int) -> tuple[bytes, ...]:
        value = self.value(*keys)
        if not isinstance(value, list):
            raise CommunityFileInvalid(self.path, ".".join(keys), "must be a list")
        return tuple(self._bytes(item, ".".join(keys), length) for item in value)

    def _bytes(self, value: Any, where: str, length: int) -> bytes:
        try:
            if isinstance(value, str) and value.startswith("0x") and len(value) == 2 + 2 * length:
                return bytes.fromhex(value[2:])
        except ValueError:
            pass
        raise CommunityFileInvalid(self.path, where, f"must be 0x and {2 * length} hex digits")


def _node(read: _Reader) -> NodeConfig:
    kind = read.text("node", "kind")
    if kind not in set(NodeKind):
        raise CommunityFileInvalid(read.path, "node.kind", f"must be one of {', '.join(NodeKind)}")
    if kind == NodeKind.EMBEDDED:
        # Relative to the file, so that a folder with both can be moved.
        return NodeConfig(kind=NodeKind.EMBEDDED, path=read.path.parent / read.text("node", "path"))
    return NodeConfig(kind=NodeKind(kind), url=read.text("node", "url"))


def _render(community: Community) -> str:
    node = community.node
    if node.kind is NodeKind.EMBEDDED:
        place = os.path.relpath(node.path or "", community.path.parent)
        where = f"path = {_quoted(place)}"
    else:
        where = f"url = {_quoted(node.url or '')}"
    lines = [
        "# A community: its contracts and the chain they live on. Made by the deployment. Edit nothing but [node].",
        f"schema = {SCHEMA}",
        f"name = {_quoted(community.name)}",
        f"zone = {_quoted(community.zone)}",
        f"id = {_quoted(_hex(community.id))}",
        f"first_window = {community.first_window}",
        f"operator = {_quoted(_hex(community.operator))}",
        f"auditors = [{', '.join(_quoted(_hex(a)) for a in community.auditors)}]",
        *("", "[node]", f"kind = {_quoted(node.kind)}", where),
        *("", "[chain]", f"id = {community.chain_id}", f"deployment_block = {community.deployment_block}"),
        *("", "[constants]", *(f"{key} = {getattr(community.constants, key)}" for key in _CONSTANT_KEYS)),
    ]
    for key, code_hash in zip(CONTRACT_KEYS, community.code_hashes, strict=True):
        address = _hex(getattr(community.addresses, key))
        lines += ["", f"[contracts.{key}]", f"address = {_quoted(address)}", f"code_hash = {_quoted(_hex(code_hash))}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's escapes are a subset of TOML's basic strings, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"

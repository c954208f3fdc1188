"""Errors of the chain layer.

UsageError        NodeConfigInvalid, ClockGoesBack, NoClockControl, ChainFileExists, CommunityFileExists,
                  CommunityFileInvalid
CouldNotCheck     ChainFileMissing, NotAChainFile, ChainFileBusy, NodeUnreachable, NodeError, NotMinedInTime,
                  WrongChain, CodeDiffers, ForeignContract, AnvilMissing, AnvilDidNotStart,
                  CommunityFileMissing, UnexpectedAnswer, DeploymentIncomplete
RefusedByRules    ContractRefused, NonceTaken, NotEnoughFunds
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lindenstrom.errors import CouldNotCheck, RefusedByRules, UsageError

if TYPE_CHECKING:
    from lindenstrom.chain.release import ContractMatch


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")


class NodeConfigInvalid(UsageError):
    """A node's configuration lacks what its kind needs."""

    def __init__(self, kind: str, needed: str) -> None:
        super().__init__(f"A node of kind {kind} needs {needed}. Add it to the node's configuration.")


class ClockGoesBack(UsageError):
    """The chain's clock only goes forward."""

    def __init__(self, now: int, wanted: int) -> None:
        super().__init__(
            f"The chain's clock stands at {_utc(now)}; it cannot go back to {_utc(wanted)}. "
            "Choose a later time or a new chain."
        )
        self.now = now
        self.wanted = wanted


class NoClockControl(UsageError):
    """Only trial chains let a caller move the clock."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"The clock of the node at {place} cannot be moved: it is not a trial chain. Wait for its blocks instead."
        )


class ChainFileExists(UsageError):
    """A new chain never replaces an old one."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already. Open it, or choose another path for a new chain.")


class ChainFileMissing(CouldNotCheck):
    """No embedded chain where one was expected."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no embedded chain at {path}. Check the path, or create the chain first.")


class NotAChainFile(CouldNotCheck):
    """The file is something else, or of another version."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(f"{path} is not an embedded chain that this version can read ({found}). Check the path.")


class ChainFileBusy(CouldNotCheck):
    """Another command has the embedded chain open."""

    def __init__(self, path: Path, waited_s: float) -> None:
        super().__init__(
            f"Another command has the chain {path} open; waited {waited_s:g} s. Let it end, then try again."
        )


class NodeUnreachable(CouldNotCheck):
    """No answer from the node."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The node at {place} does not answer ({reason}). Check the address and that the node runs.")


class NodeError(CouldNotCheck):
    """The node answered with an error that is no contract's."""

    def __init__(self, place: str, method: str, message: str) -> None:
        super().__init__(f"The node at {place} refused {method}: {message}")
        self.message = message


class UnexpectedAnswer(CouldNotCheck):
    """A contract's answer does not have the expected shape: most likely another contract lives there."""

    def __init__(self, contract: str, function: str) -> None:
        super().__init__(
            f"{contract}.{function} answered with something that cannot be read. "
            "Check that the community file belongs to this chain."
        )


class NotMinedInTime(CouldNotCheck):
    """The transaction was sent and is not mined yet."""

    def __init__(self, tx_hash: bytes, waited_s: float) -> None:
        super().__init__(
            f"Transaction 0x{tx_hash.hex()} was not mined within {waited_s:g} s. "
            "It may still be: run the same command again."
        )
        self.tx_hash = tx_hash


class WrongChain(CouldNotCheck):
    """The node serves another chain than the community file names."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"The community file names chain {expected}, the node serves chain {found}. Check the node.")


class CodeDiffers(CouldNotCheck):
    """Another code lives at a contract's address."""

    def __init__(self, contract: str, address: str, expected: bytes, found: bytes) -> None:
        super().__init__(
            f"The code of {contract} at {address} has hash 0x{found.hex()}, "
            f"the community file names 0x{expected.hex()}. "
            "Check that node and community file belong together; do not go on with this pair."
        )


class ForeignContract(CouldNotCheck):
    """A contract of the community is not this release's, or not built for this community. `found` says which."""

    def __init__(self, found: "ContractMatch") -> None:
        where = f"{found.contract}'s address 0x{found.address.hex()}"
        differing = ", ".join(found.differing)
        what = {
            "no_code": f"There is no code at {where}",
            "other_code": f"The code at {where} is not this release's",
            "other_values": f"The code at {where} holds other values than the community's ({differing})",
        }[found.match]
        super().__init__(
            f"{what}. Use the release that deployed the community; if there is none whose `contracts check` fits, "
            "these are not Lindenstrom's contracts: go on with nothing."
        )
        self.found = found


class AnvilMissing(CouldNotCheck):
    """The local node's program is not installed."""

    def __init__(self) -> None:
        super().__init__("The anvil program was not found. Run `npm ci` in contracts/, or put anvil on the PATH.")


class AnvilDidNotStart(CouldNotCheck):
    """The local node ended or stayed silent."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"anvil did not start. Its last words are in {log}.")


class CommunityFileMissing(CouldNotCheck):
    """No community file at the path."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no community file at {path}. Check the path, or deploy the community first.")


class CommunityFileExists(UsageError):
    """A deployment never replaces another's file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already and describes a community. Choose another file for a new deployment.")


class CommunityFileInvalid(UsageError):
    """The community file cannot be used as it stands."""

    def __init__(self, path: Path, where: str, problem: str) -> None:
        super().__init__(f"{path}, {where}: {problem}; take the copy again that you were given when you joined.")
        self.where = where


class DeploymentIncomplete(CouldNotCheck):
    """A contract's creation was mined without an address."""

    def __init__(self, contract: str) -> None:
        super().__init__(f"The node gave no address for the new {contract}. Check that it serves an EVM chain.")


class ContractRefused(RefusedByRules):
    """A contract reverted. `name` is its custom error (or "Error", "Panic", "unknown"), `args_` the error's values."""

    def __init__(self, name: str, values: tuple[object, ...], contract: str) -> None:
        shown = ", ".join(_shown(value) for value in values)
        super().__init__(f"{contract} refused: {name}({shown}).")
        self.name = name
        self.values = values
        self.contract = contract


class NonceTaken(RefusedByRules):
    """Another transaction of the same account has taken the prepared one's place."""

    def __init__(self, sender: str, nonce: int) -> None:
        super().__init__(
            f"Account {sender} has used nonce {nonce} for another transaction: the prepared one can never be mined. "
            "Prepare it anew."
        )


class NotEnoughFunds(RefusedByRules):
    """The sending account cannot pay the fee."""

    def __init__(self, sender: str) -> None:
        super().__init__(f"Account {sender} cannot pay the transaction's fee. Send it coin of this chain.")


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)

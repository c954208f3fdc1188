"""Errors that only ReadingLog raises.

Generated from the artifacts: `python -m lindenstrom_contracts.bindgen write`.
"""
# fmt: off

from typing import ClassVar

from lindenstrom_contracts.bindings.base import ContractError


class AlreadyRecorded(ContractError):
    """Solidity's `AlreadyRecorded(uint32 reader, uint32 window)`."""

    SELECTOR: ClassVar = bytes.fromhex("88862f0d")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, reader: int, window: int) -> None:
        super().__init__(reader, window)
        self.reader = reader
        self.window = window


class BadRecord(ContractError):
    """The opening does not lead to the batch that the chain recorded."""

    SELECTOR: ClassVar = bytes.fromhex("fc068f07")
    TYPES: ClassVar = ("uint32", "uint32", "uint16")

    def __init__(self, reader: int, window: int, revision: int) -> None:
        super().__init__(reader, window, revision)
        self.reader = reader
        self.window = window
        self.revision = revision


class BatchMalformed(ContractError):
    """The groups do not end with the bytes."""

    SELECTOR: ClassVar = bytes.fromhex("ff7a05e5")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length


class BatchSize(ContractError):
    """Solidity's `BatchSize(uint256 count)`."""

    SELECTOR: ClassVar = bytes.fromhex("3e06105a")
    TYPES: ClassVar = ("uint256",)

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class RevisionGap(ContractError):
    """Solidity's `RevisionGap(uint32 reader, uint32 window, uint16 revision, uint16 next)`."""

    SELECTOR: ClassVar = bytes.fromhex("29f79cb1")
    TYPES: ClassVar = ("uint32", "uint32", "uint16", "uint16")

    def __init__(self, reader: int, window: int, revision: int, next_: int) -> None:
        super().__init__(reader, window, revision, next_)
        self.reader = reader
        self.window = window
        self.revision = revision
        self.next_ = next_


class RootConflict(ContractError):
    """The newest known revision of this window has another root."""

    SELECTOR: ClassVar = bytes.fromhex("b169f757")
    TYPES: ClassVar = ("uint32", "uint32", "uint16")

    def __init__(self, reader: int, window: int, revision: int) -> None:
        super().__init__(reader, window, revision)
        self.reader = reader
        self.window = window
        self.revision = revision


class TooManyRevisions(ContractError):
    """Solidity's `TooManyRevisions(uint32 reader, uint32 window)`."""

    SELECTOR: ClassVar = bytes.fromhex("0ede8ba6")
    TYPES: ClassVar = ("uint32", "uint32")

    def __init__(self, reader: int, window: int) -> None:
        super().__init__(reader, window)
        self.reader = reader
        self.window = window


class WindowNotOver(ContractError):
    """The window is not over yet."""

    SELECTOR: ClassVar = bytes.fromhex("91ff4c0c")
    TYPES: ClassVar = ("uint32", "uint256")

    def __init__(self, window: int, end_time: int) -> None:
        super().__init__(window, end_time)
        self.window = window
        self.end_time = end_time

"""The contracts as typed Python, generated from their artifacts: `python -m lindenstrom_contracts.bindgen write`."""

from lindenstrom_contracts.bindings.agreements import Agreements
from lindenstrom_contracts.bindings.base import Contract, ContractError, Event, Sent, Struct, Transport, UnknownRevert
from lindenstrom_contracts.bindings.reading_log import ReadingLog
from lindenstrom_contracts.bindings.registry import Registry
from lindenstrom_contracts.bindings.settlement import Settlement

__all__ = [
    "Agreements", "Contract", "ContractError", "Event", "ReadingLog", "Registry", "Sent", "Settlement", "Struct",
    "Transport", "UnknownRevert",
]  # fmt: skip

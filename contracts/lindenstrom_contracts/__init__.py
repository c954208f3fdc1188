"""The Solidity contracts of Lindenstrom, their committed artifacts and the front end of their compiler."""

from lindenstrom_contracts.loader import CONTRACTS, ContractArtifact, load

__all__ = ["CONTRACTS", "ContractArtifact", "load"]

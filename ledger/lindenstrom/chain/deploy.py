"""Deployment of a community's four contracts and its community file."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from lindenstrom.chain.abi import creation
from lindenstrom.chain.acts import Addresses
from lindenstrom.chain.client import Chain
from lindenstrom.chain.community import Community, refuse_existing, save_community
from lindenstrom.chain.constants import Constants
from lindenstrom.chain.contracts import Contracts
from lindenstrom.chain.errors import DeploymentIncomplete
from lindenstrom.core.calendar import Zone
from lindenstrom.core.hashing import keccak
from lindenstrom.signing import address_of

CLOSE_DELAY_S = 36 * 3600
OBJECTION_PERIOD_S = 14 * 86400
ANSWER_TIME_S = 3 * 86400
DEPTH = 12


def default_constants(zone: str) -> Constants:
    """The floors, for a zone by name. Errors: UnknownZone."""
    return Constants(
        offset_hours=Zone.named(zone).offset_hours, close_delay_s=CLOSE_DELAY_S, objection_period_s=OBJECTION_PERIOD_S,
        answer_time_s=ANSWER_TIME_S, depth=DEPTH,
    )  # fmt: skip


def deploy_community(
    chain: Chain,
    path: Path,
    *,
    name: str,
    zone: str,
    deployer_key: bytes,
    auditors: Sequence[bytes],
    operator: bytes | None = None,
    constants: Constants | None = None,
) -> Community:
    """Deploy the contracts and write the community file.

    deployer_key pays; operator (20 bytes) is the deployer's address by default; constants: `default_constants(zone)`.
    Errors: CommunityFileExists (before anything is sent), ContractRefused, and those of `Chain.send`.
    """
    refuse_existing(path)
    fixed = constants or default_constants(zone)
    officer = operator or address_of(deployer_key)
    chain.ensure_funds(address_of(deployer_key))
    registry, block = _create(chain, deployer_key, "Registry", astuple(fixed), officer, list(auditors))
    agreements, _ = _create(chain, deployer_key, "Agreements", registry)
    reading_log, _ = _create(chain, deployer_key, "ReadingLog", registry)
    settlement, _ = _create(chain, deployer_key, "Settlement", registry, agreements, reading_log)
    addresses = Addresses(registry=registry, agreements=agreements, reading_log=reading_log, settlement=settlement)
    contracts = Contracts(chain, addresses, block)
    community = Community(
        path=path,
        name=name,
        zone=zone,
        id=contracts.community(),
        chain_id=chain.chain_id,
        node=chain.node,
        deployment_block=block,
        first_window=contracts.first_window(),
        addresses=addresses,
        code_hashes=tuple(keccak(chain.code(address)) for address in astuple(addresses)),
        operator=officer,
        auditors=tuple(auditors),
        constants=contracts.constants(),
    )
    save_community(community)
    return community


def _create(chain: Chain, key: bytes, name: str, *values: object) -> tuple[bytes, int]:
    result = chain.send(creation(name, *values), key)
    if result.created is None:
        raise DeploymentIncomplete(name)
    return result.created, result.block

"""One round of an adapter, with its key, its chain and its mailbox."""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from lindenstrom.chain.community import Community, load_community
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.errors import LindenstromError
from lindenstrom.metering.adapter import Adapter
from lindenstrom.metering.config import AdapterConfig, KeyPlace
from lindenstrom.metering.settling import Duties, Round, Trouble, counts, send, take_files, trouble
from lindenstrom.signing import is_signed_by
from lindenstrom_cli.adapterkeys import open_key
from lindenstrom_cli.errors import NotTheReadersKey
from lindenstrom_cli.home import Home
from lindenstrom_cli.keys import KeyRing, Signer
from lindenstrom_cli.prompter import Prompter

if TYPE_CHECKING:
    from lindenstrom.chain.batches import SignedAnchor
    from lindenstrom.chain.client import Chain

TIMEOUT_S = 60.0


def one_round(config: AdapterConfig) -> Round:
    """Do what is due, as far as it goes; what did not work is in the round. Raises what no round can begin without."""
    adapter = Adapter(config.folder, random=secrets.token_bytes)
    community = community_of(config)
    home = Home(config.home)
    signer = open_key(config.key, home)
    with ExitStack() as stack:
        chain, troubles = None, []
        try:
            chain = open_chain_of(community, stack)
        except LindenstromError as error:
            troubles.append(trouble("node", error))
        return _round(config, adapter, community, signer, home, chain, troubles)


def community_of(config: AdapterConfig) -> Community:
    """The community's file, at the node of adapter.toml if one is named there."""
    community = load_community(config.community)
    node = replace(community.node, timeout_s=TIMEOUT_S)
    if config.node:
        node = NodeConfig(kind=NodeKind.URL, url=config.node, timeout_s=TIMEOUT_S)
    return replace(community, node=node)


def open_chain_of(community: Community, stack: ExitStack) -> "Chain":
    """The chain, its code compared with this release. Raises NodeUnreachable, WrongChain, ForeignContract, …"""
    from lindenstrom.chain.client import open_chain

    chain = stack.enter_context(open_chain(community.node))
    community.check_code(chain)
    return chain


def payer_of(config: AdapterConfig, community: Community, signer: Signer, home: Home) -> Signer:
    """Who pays: as configured, else the operator where its key opens alone, else the reader."""
    if config.payer is not None:
        return open_key(config.payer, home)
    entry = KeyRing(folder=home.keys, prompter=Prompter(may_ask=False)).find(community.operator)
    return open_key(KeyPlace(alias=entry.alias), home) if entry and entry.unattended else signer


def _round(
    config: AdapterConfig,
    adapter: Adapter,
    community: Community,
    signer: Signer,
    home: Home,
    chain: "Chain | None",
    troubles: list[Trouble],
) -> Round:
    now, height = int(time.time()), 0
    if chain is not None:
        now, height = chain.now(), chain.block_number()
    duties = Duties(
        adapter=adapter,
        key=signer.secret,
        curve=signer.curve,
        mailbox=config.mailbox,
        partial_from_s=max(0, community.constants.close_delay_s - config.margin_s),
        thin_after_days=config.thin_after_days,
    )
    imported, found = take_files(adapter, config.inboxes, int(time.time()))
    troubles += found
    days: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    # on a trial chain the clock is the chain's alone: without it nobody knows which days are over
    if chain is not None or not community.node.is_trial:
        try:
            _check_key(community, chain, adapter, signer)
            days, found = duties.prepare(now)
            troubles += found
            if chain is not None:
                skipped, found = _send(config, adapter, community, signer, home, chain)
                troubles += found
        except LindenstromError as error:
            troubles.append(trouble("key", error))
        try:
            duties.resume(now)
        except LindenstromError as error:
            troubles.append(trouble("journals", error))
    return Round(
        now=now,
        block_time=now if chain is not None and not community.node.is_trial else 0,
        height=height,
        imported=imported,
        days=days,
        skipped=skipped,
        troubles=tuple(troubles),
        **counts(duties, now),
    )


def _check_key(community: Community, chain: "Chain | None", adapter: Adapter, signer: Signer) -> None:
    if chain is None:
        return
    key = community.contracts(chain).reader(adapter.setup.reader).key
    if key != signer.key:
        raise NotTheReadersKey(signer.alias)


def _send(
    config: AdapterConfig, adapter: Adapter, community: Community, signer: Signer, home: Home, chain: "Chain"
) -> tuple[tuple[str, ...], tuple[Trouble, ...]]:
    from lindenstrom.metering.sender import Sender

    payer = payer_of(config, community, signer, home)
    payer.address  # noqa: B018 - a key on P-256 pays for nothing: raises
    sender = Sender(
        chain=chain,
        community=community,
        outbox=adapter.outbox,
        reader=adapter.setup.reader,
        key=payer.secret,
        renew=_renewed(community, signer),
    )
    return send(adapter, sender)


def _renewed(community: Community, signer: Signer) -> "Callable[[SignedAnchor], SignedAnchor]":
    """A record with a signature of the reader's key of now: it may have been rotated since the day was signed."""

    def renew(record: "SignedAnchor") -> "SignedAnchor":
        digest = record.act.digest(community.id)
        return (
            record
            if is_signed_by(signer.key, digest, record.signature)
            else replace(record, signature=signer.sign(digest))
        )

    return renew

"""contracts: build, deploy, show."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom.chain.community import Community, load_community, refuse_existing
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import date_of
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.home import Home
from lindenstrom_cli.render import Result, hexed
from lindenstrom_cli.types import parse_hex

if TYPE_CHECKING:
    from lindenstrom.chain.constants import Constants

contracts = group("contracts", text("help.contracts"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Result):
    """A community's contracts."""

    SCHEMA: ClassVar[str] = "contracts"
    file: Path
    name: str
    id: bytes
    chain_id: int
    node: str
    zone: str
    registry: bytes
    agreements: bytes
    reading_log: bytes
    settlement: bytes
    operator: bytes
    auditors: tuple[bytes, ...]
    constants: "Constants"
    first_day: date
    deployment_block: int

    def lines(self) -> Iterable[str]:
        """Addresses and constants."""
        yield text("contracts.title", name=self.name, chain=self.chain_id, node=self.node)
        for contract in ("registry", "agreements", "reading_log", "settlement", "operator"):
            yield f"  {contract:<12} {hexed(getattr(self, contract))}"
        yield from (f"  {'auditor':<12} {hexed(auditor)}" for auditor in self.auditors)
        fixed = self.constants
        yield text(
            "contracts.constants",
            zone=self.zone,
            close=fixed.close_delay_s // 3600,
            objection=fixed.objection_period_s // 86_400,
            answer=fixed.answer_time_s // 86_400,
            members=2**fixed.depth,
        )
        yield text("contracts.first_day", day=self.first_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build(Result):
    """Compiled contracts."""

    SCHEMA: ClassVar[str] = "build"
    artifacts: tuple[str, ...]

    def lines(self) -> Iterable[str]:
        """Which."""
        yield text("contracts.built", names=", ".join(self.artifacts))


@command(contracts, "build", "contracts build")
def build(session: Session) -> Build:  # noqa: ARG001 - every command takes its session
    """Compile the contracts from their sources. Needs a source tree; a release brings them compiled."""
    from lindenstrom_contracts.compiler import build as compile_all

    return Build(artifacts=tuple(compile_all()))


@command(contracts, "deploy", "contracts deploy", "contracts deploy --url https://node.example", password=True)
@click.option("--url", help="An EVM node (default: this home's own chain, or its running local node).")
@click.option("--yes", is_flag=True, help="Do not ask before a deployment to --url.")
def deploy(session: Session, url: str | None, yes: bool) -> Deployment:
    """Deploy the community's contracts and write community.toml. Once: a second deployment is refused."""
    from lindenstrom.chain.client import open_chain
    from lindenstrom.chain.deploy import default_constants, deploy_community
    from lindenstrom.store.store import Store

    home = session.home
    settings = home.read_settings()
    refuse_existing(home.community)
    auditors = [parse_hex(address, 20, "auditor") for address in settings.auditors]
    operator = session.keys.unlock("operator")
    with open_chain(_node(home, url)) as chain:
        if url is not None and not yes:
            asked = {"name": settings.name, "chain": chain.chain_id, "payer": hexed(operator.address)}
            session.prompter.confirm(text("contracts.ask", **asked))
        community = deploy_community(
            chain,
            home.community,
            name=settings.name,
            zone=settings.zone,
            deployer_key=operator.secret,
            auditors=auditors,
            constants=replace(default_constants(settings.zone), depth=settings.depth),
        )
    Store.create(home.store, community=community.id, secret=secrets.token_bytes(32), keys=home.month_keys).close()
    session.note(text("contracts.next"))
    return _shown(community)


@command(contracts, "show", "contracts show")
def show(session: Session) -> Deployment:
    """Show the community's contracts and constants, from community.toml; its auditors are those of the beginning."""
    return _shown(load_community(session.home.require().community))


def _node(home: Home, url: str | None) -> NodeConfig:
    from lindenstrom.chain import anvil

    if url is not None:
        return NodeConfig(kind=NodeKind.URL, url=url)
    running = anvil.find(home.anvil)
    return running.config if running else NodeConfig(kind=NodeKind.EMBEDDED, path=home.chain)


def _shown(community: Community) -> Deployment:
    return Deployment(
        file=community.path,
        name=community.name,
        id=community.id,
        chain_id=community.chain_id,
        node=community.node.place,
        zone=community.zone,
        registry=community.addresses.registry,
        agreements=community.addresses.agreements,
        reading_log=community.addresses.reading_log,
        settlement=community.addresses.settlement,
        operator=community.operator,
        auditors=community.auditors,
        constants=community.constants,
        first_day=date_of(community.first_window),
        deployment_block=community.deployment_block,
    )

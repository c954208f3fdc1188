"""contracts: build, deploy, show, check."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from lindenstrom import __version__
from lindenstrom.chain.community import Community, load_community, refuse_existing
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import date_of
from lindenstrom.errors import ExitCode
from lindenstrom_cli.app import Session, command, group
from lindenstrom_cli.catalogue import text
from lindenstrom_cli.home import Home
from lindenstrom_cli.render import Result, hexed, table, wrapped
from lindenstrom_cli.types import parse_hex

if TYPE_CHECKING:
    from lindenstrom.chain.constants import Constants
    from lindenstrom.chain.creation import Creation
    from lindenstrom.chain.release import Match

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLine:
    """One contract beside this release's: its code, what its immutables hold, and the transaction that created it."""

    contract: str
    address: bytes
    code: "Match"
    differing: tuple[str, ...]
    creation: "Creation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCheck(Result):
    """A community's contracts beside this release's."""

    SCHEMA: ClassVar[str] = "contracts-check"
    name: str
    node: str
    release: str
    verdict: str
    contracts: tuple[ContractLine, ...]

    @property
    def exit_code(self) -> ExitCode:
        """0 they are this release's, 3 something differs, 5 their creation was not found."""
        found = {"same": ExitCode.OK, "differs": ExitCode.VERIFICATION_FAILED}
        return found.get(self.verdict, ExitCode.COULD_NOT_CHECK)

    def lines(self) -> Iterable[str]:
        """Verdict, a table, what to do."""
        yield text(f"contracts.check_{self.verdict}", name=self.name, version=self.release)
        rows = [
            (
                line.contract,
                hexed(line.address),
                text(f"contracts.match_{line.code}", differing=", ".join(line.differing)),
                text(f"contracts.creation_{line.creation}"),
            )
            for line in self.contracts
        ]
        yield from table([text(f"head.{name}") for name in ("contract", "address", "code", "creation")], rows)
        if self.verdict == "differs":
            yield from wrapped(text("contracts.check_other_release"))
        elif self.verdict == "not_found":
            yield from wrapped(text("contracts.check_creation"))


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


@command(
    contracts, "check", "contracts check", "contracts check --community gartenweg.toml --node https://node.example"
)
@click.option(
    "--community",
    "community_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own copy of the community file (default: community.toml in --home).",
)
@click.option("--node", metavar="URL", help="Ask this node instead of the community file's.")
def check(session: Session, community_file: Path | None, node: str | None) -> ContractCheck:
    """Compare the contracts on chain with this release's: code, wiring, constants, and how they were created.

    Exit code 0: they are this release's; 3: something differs; 5: the code fits, but the node does not show how the
    contracts were created.
    """
    from lindenstrom.chain.client import open_chain
    from lindenstrom.chain.creation import compare_creations
    from lindenstrom.chain.release import compare_release

    community = load_community(community_file or session.home.require().community)
    if node is not None:
        community = replace(community, node=NodeConfig(kind=NodeKind.URL, url=node))
    with open_chain(community.node) as chain:
        matches = compare_release(community, community.codes(chain))
        creations = compare_creations(community, chain)
    lines = tuple(
        ContractLine(contract=m.contract, address=m.address, code=m.match, differing=m.differing, creation=creation)
        for m, creation in zip(matches, creations, strict=True)
    )
    return ContractCheck(
        name=community.name, node=community.node.place, release=__version__, verdict=_verdict(lines), contracts=lines
    )


def _verdict(lines: Iterable[ContractLine]) -> str:
    """same, not_found where nothing but creations were not found, else differs."""
    found = {(line.code.value, line.creation.value) for line in lines}
    if any(code != "same" or creation == "other" for code, creation in found):
        return "differs"
    return "not_found" if ("same", "not_found") in found else "same"


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

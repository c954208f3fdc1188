"""The example day's community on a real embedded chain, up to the moment at which the day can be posted."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import Community
from lindenstrom.chain.contracts import Contracts
from lindenstrom.chain.deploy import default_constants, deploy_community
from lindenstrom.chain.embedded import create as create_chain
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.bundles import CommunityRef
from lindenstrom.core.eip712 import Act, Anchor, Bind, Countersign, Join, Offer, Receipt, Refute
from lindenstrom.core.hashing import keccak
from lindenstrom.core.refutation import Opening
from lindenstrom.signing import address_of, sign_digest
from tests.support.example_day import DEPTH, FROM_DAY, ExampleDay

OPERATOR_KEY = keccak(b"operator")
AUDITOR_KEY = keccak(b"auditor")
MEMBER_KEYS = {m: keccak(b"member" + bytes([m])) for m in range(2, 6)}
START = (FROM_DAY - 2) * 86_400 + 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleChain:
    """An open chain with the example community on it."""

    chain: Chain
    community: Community
    contracts: Contracts
    day: ExampleDay

    def sign(self, key: bytes, act: Act) -> bytes:
        return sign_digest(key, act.digest(self.contracts.domain_separator()))

    def send(self, call: object, key: bytes = OPERATOR_KEY) -> object:
        self.chain.ensure_funds(address_of(key))
        return self.chain.send(call, key)  # type: ignore[arg-type]

    def post(self, day: ExampleDay) -> ExampleDay:
        """Post a (possibly falsified) day at the next sequence; its bundles then fit."""
        day = replace(day, sequence=self.contracts.next_sequence())
        self.send(self.contracts.post(day.sequence, day.committed().header))
        return day

    def refutation(self, day: ExampleDay, member: int, opening: Opening | None = None, signer: int | None = None):  # type: ignore[no-untyped-def]
        bundle = day.bundle(member)
        act = Refute(member=member, sequence=day.sequence, posting=bundle.digest)
        signature = self.sign(MEMBER_KEYS[signer or member], act)
        return self.contracts.refute(act, bundle.header, opening or bundle.opening, signature)


def example_of(ref: CommunityRef) -> ExampleDay:
    """The example day in a community."""
    return ExampleDay(community=ref.id, ref=ref)


@contextmanager
def example_chain(
    folder: Path,
    before_close: Callable[[ExampleChain], object] = lambda _: None,
    *,
    start: int = START,
    day_of: Callable[[CommunityRef], ExampleDay] = example_of,
) -> Iterator[ExampleChain]:
    """Deploy, register, bind, agree, anchor; the clock stands after the close delay.

    before_close: what else happens just before it. start: unix time of the first block, two days before the day's first
    binding and membership. day_of: the day to be told.
    """
    path = folder / "chain.sqlite"
    create_chain(path, start)
    with open_chain(NodeConfig(kind=NodeKind.EMBEDDED, path=path)) as chain:
        community = deploy_community(
            chain,
            folder / "community.toml",
            name="Example",
            zone="Europe/Berlin",
            deployer_key=OPERATOR_KEY,
            auditors=[address_of(AUDITOR_KEY)],
            constants=replace(default_constants("Europe/Berlin"), depth=DEPTH),
        )
        contracts = community.contracts(chain)
        world = ExampleChain(chain=chain, community=community, contracts=contracts, day=day_of(_ref(community)))
        _people(world)
        _agreements(world)
        chain.advance_to(world.day.as_of - 3_600)
        before_close(world)
        yield replace(world, day=_anchor(world))


def _ref(community: Community) -> CommunityRef:
    a = community.addresses
    return CommunityRef(
        name="Example",
        id=community.id,
        chain_id=community.chain_id,
        offset_hours=1,
        depth=DEPTH,
        registry=a.registry,
        agreements=a.agreements,
        reading_log=a.reading_log,
        settlement=a.settlement,
    )


def _people(world: ExampleChain) -> None:
    contracts = world.contracts
    for member, key in MEMBER_KEYS.items():
        world.send(contracts.add_member(member, address_of(key)))
    for reader, key in enumerate(world.day.readers):
        world.send(contracts.add_reader(reader, address_of(key)))
    for b in world.day.bindings_held:
        act = Bind(
            member=b.member,
            meter=b.meter,
            reader=b.reader,
            position=b.position,
            from_day=b.from_day,
            end_day=b.end_day,
            auditors=contracts.auditors_hash(),
        )
        world.send(contracts.bind(act, world.sign(MEMBER_KEYS[b.member], act)))


def _agreements(world: ExampleChain) -> None:
    contracts = world.contracts
    offered: Counter[int] = Counter()
    for terms in world.day.terms.values():
        offer = Offer(terms=terms, number=offered[terms.steward])
        offered[terms.steward] += 1
        world.send(contracts.offer(offer, world.sign(_key(terms.steward), offer)))
    for p in world.day.places:
        join = Join(
            member=p.member,
            agreement=p.agreement,
            role=int(p.role),
            from_day=world.day.from_day,
            end_day=2**32 - 1,
            parameters=p.parameters.commitment,
        )
        steward = world.sign(_key(world.day.terms[p.agreement].steward), Countersign(join=join.struct_hash))
        receipt = world.sign(OPERATOR_KEY, Receipt(join=join.struct_hash))
        world.send(contracts.join(join, world.sign(MEMBER_KEYS[p.member], join), steward, receipt))


def _key(member: int) -> bytes:
    return MEMBER_KEYS.get(member, OPERATOR_KEY)


def _anchor(world: ExampleChain) -> ExampleDay:
    day = world.day
    ((_, records),) = day.batches().values()
    acts = [Anchor(reader=r.reader, window=r.window, revision=r.revision, root=r.root) for r in records]
    signed = [SignedAnchor(act=a, signature=world.sign(day.readers[a.reader], a)) for a in acts]
    world.send(world.contracts.anchoring(signed))
    anchored = world.contracts.anchored(acts[0].reader, day.window)[0]
    world.chain.advance_to(day.as_of)
    return replace(day, anchor_time=anchored.time, batch_id=anchored.batch)

"""A made-up community on an embedded chain, driven through the operator's own functions."""

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from lindenstrom.chain.batches import SignedAnchor
from lindenstrom.chain.client import Chain, open_chain
from lindenstrom.chain.community import Community, load_community
from lindenstrom.chain.deploy import default_constants, deploy_community
from lindenstrom.chain.embedded import create as create_chain
from lindenstrom.chain.node import NodeConfig, NodeKind
from lindenstrom.core.calendar import OPEN_END, parse_date, window_of
from lindenstrom.core.eip712 import Act, Anchor, Bind, Countersign, Join, Offer
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.merkle import PositionalTree
from lindenstrom.core.packs import Pack, Registers, Status
from lindenstrom.core.terms import Key, Parameters, Role, Rule, Terms
from lindenstrom.mailbox import PackDelivery, deliver_packs
from lindenstrom.operator import people
from lindenstrom.operator.office import Office
from lindenstrom.signing import address_of, sign_digest
from lindenstrom.store.store import Store

OPERATOR_KEY = keccak(b"the operator")
AUDITOR_KEY = keccak(b"the auditor")
READER_KEYS = (keccak(b"reader zero"), keccak(b"reader one"))
FIRST_DAY = window_of(parse_date("2026-10-24"))
"""First day with readings; the next one has 100 slots."""
DEPTH = 8
START = (FIRST_DAY - 2) * 86_400 + 3_600


def member_key(member: int) -> bytes:
    return keccak(b"member" + u32(member))


def randomness(seed: bytes = b"seed"):  # type: ignore[no-untyped-def]
    """Repeatable bytes, different at each call."""
    state = {"n": 0}

    def draw(count: int) -> bytes:
        state["n"] += 1
        return hashlib.shake_256(seed + u32(state["n"])).digest(count)

    return draw


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An open chain with a community, its office, and what readers know."""

    folder: Path
    chain: Chain
    community: Community
    office: Office
    meters: Mapping[int, tuple[bytes, int, int]]
    """binding → (meter id, reader, position)"""

    def sign(self, key: bytes, act: Act) -> bytes:
        return sign_digest(key, act.digest(self.office.contracts.domain_separator()))

    def packs(self, window: int, revision: int = 0) -> dict[int, dict[int, bytes]]:
        """reader → position → pack."""
        found: dict[int, dict[int, bytes]] = {}
        for binding, (meter, reader, position) in self.meters.items():
            pack = make_pack(self, binding, meter, window, revision)
            found.setdefault(reader, {})[position] = pack.encode()
        return found

    def anchor(
        self, window: int, packs: Mapping[int, Mapping[int, bytes]], revision: int = 0, *, deliver: bool = True
    ) -> None:
        """Sign, anchor and deliver readers' packs."""
        signed = []
        for reader, mine in packs.items():
            tree = PositionalTree(depth=DEPTH, leaves={p: keccak(data) for p, data in mine.items()})
            act = Anchor(reader=reader, window=window, revision=revision, root=tree.root)
            signature = self.sign(READER_KEYS[reader], act)
            signed.append(SignedAnchor(act=act, signature=signature))
            delivery = PackDelivery(
                reader=reader, window=window, revision=revision, root=tree.root, signature=signature, packs=mine
            )
            if deliver:
                deliver_packs(self.office.mailbox, delivery)
        self.chain.send(self.office.contracts.anchor_many(signed), OPERATOR_KEY)

    def run_past(self, window: int) -> None:
        """Clock past the window's end, where it is not there yet."""
        self.chain.advance_to(max(self.chain.now(), self.office.zone.window_end(window) + 600))

    def run_to_close(self, window: int) -> None:
        """Clock to the window's cut-off."""
        self.chain.advance_to(max(self.chain.now(), self.office.as_of(window)))

    def read_day(self, window: int) -> None:
        """Everything measured, anchored, delivered; the clock stands at the cut-off."""
        self.run_past(window)
        self.anchor(window, self.packs(window))
        self.run_to_close(window)


def values(binding: int, window: int, slots: int, direction: int) -> tuple[int, ...]:
    """Made-up mWh: even bindings feed in by day."""
    seed = binding * 7_919 + window * 31
    if direction == 0:
        return tuple((i * 104_729 + seed) % 300_000 for i in range(slots))
    return tuple((i * 15_485_863 + seed) % 900_000 if binding % 2 == 0 and 30 < i < 75 else 0 for i in range(slots))


def register(binding: int, window: int, direction: int, zone: object) -> int:
    """Registers run on from the first day."""
    total = 1_000_000 * binding
    for day in range(FIRST_DAY, window):
        total += sum(values(binding, day, zone.slot_count(day), direction))  # type: ignore[attr-defined]
    return total


def make_pack(world: World, binding: int, meter: bytes, window: int, revision: int) -> Pack:
    zone = world.office.zone
    slots = zone.slot_count(window)
    drew, fed = (values(binding, window, slots, d) for d in (0, 1))
    start = Registers(import_mwh=register(binding, window, 0, zone), export_mwh=register(binding, window, 1, zone))
    return Pack(
        community=world.community.id,
        meter=meter,
        window=window,
        revision=revision,
        salt=keccak(b"pack" + u32(binding) + u32(window)),
        start=start,
        end=Registers(import_mwh=start.import_mwh + sum(drew), export_mwh=start.export_mwh + sum(fed)),
        import_mwh=drew,
        export_mwh=fed,
        status=(Status.MEASURED,) * slots,
    )


@contextmanager
def new_world(folder: Path, members: int = 4) -> Iterator[World]:
    """Members 2…, one meter each, the last one at reader 1; a proportional and a static agreement. Made once."""
    made, meters = _prototype(members)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with reopened(folder, meters, b"seed") as world:
        yield world


@cache
def _prototype(members: int) -> tuple[Path, Mapping[int, tuple[bytes, int, int]]]:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    create_chain(folder / "chain.sqlite", START)
    return folder, found(folder, NodeConfig(kind=NodeKind.EMBEDDED, path=folder / "chain.sqlite"), members)


def found(folder: Path, node: NodeConfig, members: int) -> Mapping[int, tuple[bytes, int, int]]:
    """Deploy to a node and fill; the meters."""
    with open_chain(node) as chain:
        community = deploy_community(
            chain,
            folder / "community.toml",
            name="Ahornweg",
            zone="Europe/Berlin",
            deployer_key=OPERATOR_KEY,
            auditors=[address_of(AUDITOR_KEY)],
            constants=replace(default_constants("Europe/Berlin"), depth=DEPTH),
        )
        for key in (OPERATOR_KEY, AUDITOR_KEY):
            chain.ensure_funds(address_of(key))
        with Store.create(folder / "store.sqlite", community=community.id, secret=keccak(b"secret")) as store:
            office = _office(folder, chain, community, store, b"seed")
            world = World(folder=folder, chain=chain, community=community, office=office, meters={})
            return fill(world, members)


@contextmanager
def reopened(
    folder: Path, meters: Mapping[int, tuple[bytes, int, int]], seed: bytes = b"another seed"
) -> Iterator[World]:
    """The same world in another process or after a crash."""
    community = load_community(folder / "community.toml")
    with (
        open_chain(community.node) as chain,
        Store.open(folder / "store.sqlite", community=community.id) as store,
    ):
        office = _office(folder, chain, community, store, seed)
        yield World(folder=folder, chain=chain, community=community, office=office, meters=meters)


def _office(folder: Path, chain: Chain, community: Community, store: Store, seed: bytes) -> Office:
    return Office(
        chain=chain,
        community=community,
        store=store,
        mailbox=folder / "mailbox",
        key=OPERATOR_KEY,
        randomness=randomness(seed),
    )


def fill(world: World, members: int) -> dict[int, tuple[bytes, int, int]]:
    office = world.office
    for reader in READER_KEYS:
        people.add_reader(office, address_of(reader))
    meters = {}
    for member in range(2, 2 + members):
        assert people.add_member(office, f"Person {member}", address_of(member_key(member))) == member
        reader, position = (1, 0) if member == 1 + members else (0, member)
        act = Bind(
            member=member,
            meter=people.meter_of(office, f"DE{member:031d}"),
            reader=reader,
            position=position,
            from_day=FIRST_DAY,
            end_day=OPEN_END,
            auditors=office.contracts.auditors_hash(),
        )
        binding = people.bind(office, act, world.sign(member_key(member), act))
        meters[binding] = (act.meter, reader, position)
    first = Terms(
        steward=0,
        key=Key.STATIC,
        rule=Rule.FIXED,
        price_a_ueur_kwh=90_000,
        first_window=FIRST_DAY,
        public_disputes=True,
    )
    second = replace(
        first,
        key=Key.PROPORTIONAL,
        rule=Rule.MID_MARKET,
        price_a_ueur_kwh=80_000,
        price_b_ueur_kwh=300_001,
        fee_ueur_kwh=5_000,
        priority=1,
    )
    static = _offer(office, first, "Hausgemeinschaft")
    shared = _offer(office, second, "Ahornweg")
    for member in range(2, 2 + members):
        if member < 4:
            join(world, member, static, Role.BOTH, weight=500_000, share_ppm=400_000)
        join(world, member, shared, Role.BOTH)
    return meters


def _offer(office: Office, terms: Terms, label: str) -> int:
    """An agreement of the operator's own."""
    act = Offer(terms=terms, number=office.contracts.offers_of(terms.steward))
    signature = sign_digest(office.key, act.digest(office.contracts.domain_separator()))
    return people.offer(office, terms, act.number, signature, label)


def join(world: World, member: int, agreement: int, role: Role, weight: int = 0, share_ppm: int = 10**6) -> int:
    request = join_request(world, member, agreement, role, weight, share_ppm)
    return people.join(world.office, request)


def join_request(
    world: World, member: int, agreement: int, role: Role, weight: int = 0, share_ppm: int = 10**6
) -> people.JoinRequest:
    salt = keccak(b"parameters" + u32(member) + u32(agreement))
    parameters = Parameters(weight=weight, share_ppm=share_ppm, salt=salt)
    act = Join(
        member=member,
        agreement=agreement,
        role=int(role),
        from_day=FIRST_DAY,
        end_day=OPEN_END,
        parameters=parameters.commitment,
    )
    return people.JoinRequest(
        act=act,
        parameters=parameters,
        by_member=world.sign(member_key(member), act),
        by_steward=world.sign(OPERATOR_KEY, Countersign(join=act.struct_hash)),
    )

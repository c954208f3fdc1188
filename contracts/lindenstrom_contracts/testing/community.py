"""A deployed community and the people in it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lindenstrom.core.calendar import OPEN_END, Zone
from lindenstrom.core.eip712 import Act, Bind, Countersign, Join, Offer, Receipt
from lindenstrom.core.hashing import keccak, u32
from lindenstrom.core.terms import Parameters, Role, Terms
from lindenstrom.signing import address_of, sign_digest
from lindenstrom_contracts.bindings import Agreements, ReadingLog, Registry, Settlement, structs
from lindenstrom_contracts.testing.chain import LocalChain

START = 20_700 * 86_400 + 5 * 3_600
"""2026-09-04, 05:00 UTC: when a chain of the fixtures begins."""
FLOORS = structs.Constants(
    offset_hours=1, close_delay=36 * 3_600, objection_period=14 * 86_400, answer_time=3 * 86_400, depth=8
)
"""The shortest times that the contracts accept, and trees of 256 places."""
CURVE_SECP256K1 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a key; `contract.by(person)` speaks for them."""

    name: str

    @property
    def key(self) -> bytes:
        """32 bytes, made from the name: for tests only."""
        return keccak(self.name.encode())

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return address_of(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays. members and readers by their index in the registry; all have coin."""

    operator: Person
    auditors: tuple[Person, ...]
    members: Mapping[int, Person]
    readers: Mapping[int, Person]
    anyone: Person

    @property
    def steward(self) -> Person:
        """Member 2, who offers the agreement between members 2 and 3."""
        return self.members[2]

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All of them."""
        return (self.operator, *self.auditors, *self.members.values(), *self.readers.values(), self.anyone)


CAST = Cast(
    operator=Person(name="operator"),
    auditors=(Person(name="auditor 0"), Person(name="auditor 1")),
    members={i: Person(name=f"member {i}") for i in range(2, 6)},
    readers={i: Person(name=f"reader {i}") for i in range(2)},
    anyone=Person(name="anyone"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """Four contracts on a chain. Unless a test says `.by(…)`, it is anyone who sends."""

    chain: LocalChain
    cast: Cast
    registry: Registry
    agreements: Agreements
    reading_log: ReadingLog
    settlement: Settlement
    constants: structs.Constants

    @property
    def zone(self) -> Zone:
        """The community's calendar."""
        return Zone(offset_hours=self.constants.offset_hours)

    @property
    def earliest_day(self) -> int:
        """The first day on which a change that is made now can take effect."""
        return self.chain.today + 2

    def key_of(self, member: int) -> bytes:
        """Members 0 and 1 are the operator's own."""
        return (self.cast.operator if member < 2 else self.cast.members[member]).key

    def sign(self, who: Person, act: Act) -> bytes:
        """An EIP-712 signature in this community's domain, 65 bytes."""
        return self.sign_with(who.key, act)

    def sign_with(self, key: bytes, act: Act) -> bytes:
        """The same with a bare key."""
        return sign_digest(key, act.digest(self.registry.domain_separator()))

    def bind(self, member: int, reader: int, position: int, *, from_day: int | None = None) -> int:
        """Bind a made-up meter, open ended, with the member's consent; the binding's id."""
        act = Bind(
            member=member,
            meter=keccak(b"meter" + u32(reader) + u32(position)),
            reader=reader,
            position=position,
            from_day=self.earliest_day if from_day is None else from_day,
            end_day=OPEN_END,
            auditors=self.registry.auditors_hash(),
        )
        self.registry.bind(structs.Bind.from_abi(act.values()), self.sign_with(self.key_of(member), act))
        return self.registry.binding_count()

    def offer(self, terms: Terms) -> int:
        """Offer an agreement with its steward's signature; the agreement's id."""
        act = Offer(terms=terms, number=self.agreements.offers_of(terms.steward))
        signature = self.sign_with(self.key_of(terms.steward), act)
        self.agreements.offer(abi_terms(terms), act.number, signature)
        return self.agreements.agreement_count()

    def join(
        self, member: int, agreement: int, role: Role, parameters: Parameters, *, from_day: int | None = None
    ) -> int:
        """Join, open ended, with all three signatures; the membership's place in the member's list."""
        act = Join(
            member=member,
            agreement=agreement,
            role=int(role),
            from_day=self.earliest_day if from_day is None else from_day,
            end_day=OPEN_END,
            parameters=parameters.commitment,
        )
        steward = self.agreements.terms(agreement).steward
        self.agreements.join(
            structs.Join.from_abi(act.values()),
            self.sign_with(self.key_of(member), act),
            self.sign_with(self.key_of(steward), Countersign(join=act.struct_hash)),
            self.sign(self.cast.operator, Receipt(join=act.struct_hash)),
        )
        return len(self.agreements.memberships_of(member)) - 1


def deploy(chain: LocalChain, *, cast: Cast = CAST, constants: structs.Constants = FLOORS) -> Community:
    """Fund the cast, deploy the contracts, register members and readers."""
    for person in cast.everybody:
        chain.fund(person.address)
    key, anyone = cast.operator.key, cast.anyone
    auditors = [auditor.address for auditor in cast.auditors]
    registry = Registry.deploy(chain, key, constants, cast.operator.address, auditors)
    agreements = Agreements.deploy(chain, key, registry.address)
    reading_log = ReadingLog.deploy(chain, key, registry.address)
    settlement = Settlement.deploy(chain, key, registry.address, agreements.address, reading_log.address)
    for index, member in cast.members.items():
        registry.add_member(index, member.address)
    for index, reader in cast.readers.items():
        registry.add_reader(index, CURVE_SECP256K1, reader.address.rjust(32, b"\0"), bytes(32))
    return Community(
        chain=chain,
        cast=cast,
        registry=registry.by(anyone),
        agreements=agreements.by(anyone),
        reading_log=reading_log.by(anyone),
        settlement=settlement.by(anyone),
        constants=constants,
    )


def abi_terms(terms: Terms) -> structs.Terms:
    """The core's terms as the contract takes them: the fields stand in the same order."""
    return structs.Terms.from_abi([getattr(terms, field.name) for field in fields(terms)])

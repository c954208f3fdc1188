"""Members, readers, bindings, agreements and memberships as they stand, read in bulk from the events.

The views of `Contracts` ask the node once per member; a day of a thousand members needs them all. What is read here
equals the views (a test compares both). Ends never move into the past (R1), so a past window reads the same at any
later block.
"""

from collections.abc import Callable
from dataclasses import replace

from lindenstrom.chain.abi import Event
from lindenstrom.chain.client import Chain
from lindenstrom.chain.contracts import Contracts, LiveMembership, ReaderKey, terms_of
from lindenstrom.core.terms import Binding, Membership, Role, Terms


class Standing:
    """Grows with the chain: `refresh` reads only the blocks since the last one."""

    def __init__(self, chain: Chain, contracts: Contracts, deployment_block: int) -> None:
        self._chain = chain
        self._contracts = contracts
        self._next_block = deployment_block
        self.accounts: dict[int, bytes] = {}
        self.readers: dict[int, ReaderKey] = {}
        self.bindings: dict[int, Binding] = {}
        self.agreements: dict[int, Terms] = {}
        self.memberships: dict[int, list[Membership]] = {}
        self._bindings_of: dict[int, list[int]] = {}
        self._take: dict[str, Callable[[Event], None]] = {
            "MemberAdded": self._member, "AccountRotated": self._account, "ReaderAdded": self._reader,
            "ReaderRotated": self._reader, "MeterBound": self._bound, "MeterUnbound": self._unbound,
            "AgreementOffered": self._offered, "MemberJoined": self._joined, "MemberLeft": self._left,
        }  # fmt: skip

    def refresh(self) -> None:
        """Read up to the latest block. Errors: NodeUnreachable, NodeError, UnexpectedAnswer."""
        last = self._chain.block_number()
        places = self._contracts.addresses
        for address in (places.registry, places.agreements):
            for log in self._chain.logs(address, [], self._next_block, last):
                event = self._contracts.event(log)
                if event is not None and event.name in self._take:
                    self._take[event.name](event)
        self._next_block = last + 1

    @property
    def member_indices(self) -> tuple[int, ...]:
        """All members but the fee and rounding accounts."""
        return tuple(sorted(member for member in self.accounts if member > 1))

    def bindings_of(self, member: int) -> tuple[Binding, ...]:
        """All bindings that a member ever had."""
        return tuple(self.bindings[binding] for binding in self._bindings_of.get(member, ()))

    def live_bindings(self, member: int, window: int) -> tuple[Binding, ...]:
        """As `Contracts.live_bindings`."""
        return tuple(binding for binding in self.bindings_of(member) if binding.live(window))

    def live_memberships(self, member: int, window: int) -> tuple[LiveMembership, ...]:
        """As `Contracts.live_memberships`: in running order (priority, agreement)."""
        live = [
            LiveMembership(membership=membership, terms=self.agreements[membership.agreement])
            for membership in self.memberships.get(member, ())
            if membership.live(window) and self.agreements[membership.agreement].covers(window)
        ]
        return tuple(sorted(live, key=lambda party: (party.terms.priority, party.membership.agreement)))

    def _member(self, event: Event) -> None:
        self.accounts[event["member"]] = event["account"]

    def _account(self, event: Event) -> None:
        self.accounts[event["member"]] = event["newAccount"]

    def _reader(self, event: Event) -> None:
        self.readers[event["reader"]] = ReaderKey(curve=event["curve"], key_a=event["keyA"], key_b=event["keyB"])

    def _bound(self, event: Event) -> None:
        binding = Binding(
            id=event["binding"], member=event["member"], meter=event["meter"], reader=event["reader"],
            position=event["position"], from_day=event["fromDay"], end_day=event["endDay"],
        )  # fmt: skip
        self.bindings[binding.id] = binding
        self._bindings_of.setdefault(binding.member, []).append(binding.id)

    def _unbound(self, event: Event) -> None:
        self.bindings[event["binding"]] = replace(self.bindings[event["binding"]], end_day=event["endDay"])

    def _offered(self, event: Event) -> None:
        self.agreements[event["agreement"]] = terms_of(event["terms"])

    def _joined(self, event: Event) -> None:
        membership = Membership(
            agreement=event["agreement"], role=Role(event["role"]), from_day=event["fromDay"], end_day=event["endDay"],
            parameters=event["parameters"],
        )  # fmt: skip
        self.memberships.setdefault(event["member"], []).append(membership)

    def _left(self, event: Event) -> None:
        own = self.memberships[event["member"]]
        own[event["membership"]] = replace(own[event["membership"]], end_day=event["endDay"])

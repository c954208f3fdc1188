"""What a member's check reads from a chain: the contracts' own storage behind the core's `ChainView`."""

from collections.abc import Sequence
from functools import cached_property

from lindenstrom.chain.contracts import Auditor, Contracts
from lindenstrom.core.calendar import Zone
from lindenstrom.core.terms import Binding, Membership, Terms
from lindenstrom.core.verification import PostingFacts
from lindenstrom.demands import OpenDemand, demand_on, earliest_finality


class ChainFacts:
    """One posting's surroundings, read on demand. Errors: those of the chain layer."""

    def __init__(self, contracts: Contracts, sequence: int) -> None:
        constants = contracts.constants()
        self._contracts = contracts
        self._objection_s = constants.objection_period_s
        self.community = contracts.community()
        self.depth = constants.depth
        self.zone = Zone(offset_hours=constants.offset_hours)
        self._posting = contracts.posting(sequence) if 0 < sequence < contracts.next_sequence() else None
        self._sequence = sequence
        self._anchored: dict[tuple[int, int], dict[int, int]] = {}

    @property
    def posted_at(self) -> int:
        """Unix time of the posting, 0 when there is none."""
        return self._posting.posted_at if self._posting else 0

    def bindings(self, member: int, window: int) -> Sequence[Binding]:
        """The member's live bindings in the contract's order."""
        return self._contracts.live_bindings(member, window)

    def memberships(self, member: int, window: int) -> Sequence[tuple[Membership, Terms]]:
        """The member's live memberships in running order."""
        return [(m.membership, m.terms) for m in self._contracts.live_memberships(member, window)]

    def count(self, reader: int, window: int) -> int:
        """How many revisions are anchored."""
        return self._contracts.count(reader, window)

    def batch(self, batch: int) -> bytes:
        """A batch's digest."""
        return self._contracts.batch_digest(batch)

    def withheld_at(self, reader: int, window: int) -> int:
        """Unix time of an auditor's record, 0 for none."""
        return self._contracts.withheld_at(reader, window)

    def reader_keys(self, reader: int) -> Sequence[bytes]:
        """All keys that the reader has signed with so far, from the registry's events."""
        return self._contracts.reader_keys(reader)

    def anchored_at(self, reader: int, window: int, revision: int) -> int:
        """Unix time at which a revision was anchored. The revision exists (`count`)."""
        times = self._anchored.get((reader, window), {})
        if revision not in times:
            times = {row.record.revision: row.time for row in self._contracts.anchored(reader, window)}
            self._anchored[reader, window] = times
        return times[revision]

    def own_demand(self, member: int) -> OpenDemand | None:
        """The member's open demand for the posting."""
        return demand_on(self._contracts, self._posting, member) if self._posting else None

    @cached_property
    def auditors(self) -> Sequence[Auditor]:
        """All auditors ever named, by the block in which this was first asked."""
        return self._contracts.auditors()

    def digest(self, sequence: int) -> bytes:
        """Digest of any posting, zeros where there is none."""
        return self._contracts.posting(sequence).digest

    def posting(self, sequence: int) -> PostingFacts | None:
        """The posting, None when the chain knows none of that sequence."""
        return self._facts if sequence == self._sequence else None

    @cached_property
    def _facts(self) -> PostingFacts | None:
        found = self._posting
        if found is None:
            return None

        def named(bitmap: int) -> tuple[bytes, ...]:
            return tuple(a.address for a in self.auditors if bitmap >> a.index & 1)

        return PostingFacts(
            window=found.window,
            revision=found.revision,
            as_of=found.as_of,
            posted_at=found.posted_at,
            state=found.state,
            attested_by=named(found.attested_by),
            contested_by=named(found.contested_by),
            digest=found.digest,
            final_at=earliest_finality(self._contracts, found, self._objection_s),
            open_demands=self._contracts.demands(self._sequence).open,
            live=self._contracts.live(found.window),
        )

"""The trees of a stored day: the same bytes however often they are built (I7), from what the store holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lindenstrom.core.allocation import DayResult
from lindenstrom.core.calendar import month_of
from lindenstrom.core.commitment import CommittedDay, DaySalts, commit_day
from lindenstrom.core.salts import Purpose, salt
from lindenstrom.core.statements import decode_lines, decode_triples, encode_lines, encode_triples
from lindenstrom.operator.errors import StoredDayDiffers
from lindenstrom.operator.office import Office
from lindenstrom.store.records import StoredDay, StoredPosting, StoredSource, StoredStatement

FIRST_REVISION = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which posting is being made. as_of: cut-off of its readings, unix time; fixed before anything is computed."""

    window: int
    revision: int
    as_of: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltBook:
    """Salts of one posting, from the month's keys (R9)."""

    community: bytes
    plan: Plan
    keys: Mapping[Purpose, Mapping[int, bytes]]

    def of(self, purpose: Purpose) -> Callable[[int], bytes]:
        """Salt per subject: agreement, member or binding."""

        def one(subject: int) -> bytes:
            return salt(
                key=self.keys[purpose][subject],
                purpose=purpose,
                community=self.community,
                window=self.plan.window,
                revision=self.plan.revision,
                sequence=self.plan.sequence,
                index=subject,
            )

        return one

    @property
    def day(self) -> DaySalts:
        """The three kinds that hide a day's leaves."""
        return DaySalts(level=self.of(Purpose.LEVEL), line=self.of(Purpose.LINE), total=self.of(Purpose.TOTAL))


def salt_book(office: Office, plan: Plan, subjects: Mapping[Purpose, set[int]]) -> SaltBook:
    """The salts for these subjects; keys that the month does not have yet are made and stored."""
    month = month_of(plan.window)
    keys = {
        purpose: office.store.month_keys(purpose, wanted, month, office.randomness)
        for purpose, wanted in subjects.items()
    }
    return SaltBook(community=office.community.id, plan=plan, keys=keys)


def stored_day(result: DayResult, sources: Mapping[int, StoredSource]) -> StoredDay:
    """A result in the store's form, beside its sources by binding."""
    return StoredDay(
        triples={a: encode_triples(t) for a, t in result.triples.items()},
        statements={
            m: StoredStatement(lines=encode_lines(lines), net_peur=result.net_peur(m))
            for m, lines in result.lines.items()
        },
        sources=dict(sources),
    )


def result_of(day: StoredDay) -> DayResult:
    """The result that a stored day holds; what was left over is not stored."""
    return DayResult(
        triples={a: decode_triples(t) for a, t in day.triples.items()},
        lines={m: decode_lines(s.lines) for m, s in day.statements.items()},
        residual={},
    )


def commit(office: Office, plan: Plan, day: StoredDay) -> tuple[CommittedDay, SaltBook]:
    """Trees and header of a stored day."""
    members = set(day.statements)
    subjects = {Purpose.LEVEL: set(day.triples), Purpose.LINE: members, Purpose.TOTAL: members}
    book = salt_book(office, plan, subjects)
    committed = commit_day(
        community=office.community.id,
        window=plan.window,
        revision=plan.revision,
        as_of=plan.as_of,
        sequence=plan.sequence,
        depth=office.community.constants.depth,
        result=result_of(day),
        sources={b: s.source for b, s in day.sources.items()},
        salts=book.day,
    )
    return committed, book


def recommit(office: Office, posting: StoredPosting) -> tuple[StoredDay, CommittedDay, SaltBook]:
    """A stored posting's day with its trees. Raises StoredDayDiffers."""
    day = office.store.day(posting.sequence)
    header = posting.header
    plan = Plan(window=header.window, revision=header.revision, as_of=header.as_of, sequence=posting.sequence)
    committed, book = commit(office, plan, day)
    if committed.digest != posting.digest:
        raise StoredDayDiffers(posting.sequence)
    return day, committed, book

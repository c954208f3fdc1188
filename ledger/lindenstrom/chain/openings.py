"""An opened day in the order of Settlement's structs."""

from typing import Any

from lindenstrom.core.refutation import (
    AgreementOpening,
    MeterOpening,
    Opening,
    RecordOpening,
    ResultOpening,
    StatementOpening,
)

_NO_RECORD = (0, 0, bytes(32), 0, ())


def opening_tuple(opening: Opening) -> tuple[Any, ...]:
    """Settlement's struct Opening as nested tuples."""
    return (
        _statement(opening.statement),
        [_meter(meter) for meter in opening.meters],
        [_agreement(agreement) for agreement in opening.agreements],
    )


def result_tuple(opened: ResultOpening) -> tuple[Any, ...]:
    """Settlement's struct ResultOpening."""
    return (opened.empty, opened.triples_salt, opened.triples, opened.proof)


def record_tuple(record: RecordOpening | None) -> tuple[Any, ...]:
    """ReadingLog's struct RecordOpening; zeros where there is none."""
    if record is None:
        return _NO_RECORD
    return (record.batch, record.time, record.root, record.slot, record.proof)


def _statement(opened: StatementOpening) -> tuple[Any, ...]:
    leaf = opened.statement
    return (
        opened.empty, leaf.community, leaf.window, leaf.revision, leaf.index, leaf.net_peur, leaf.salt,
        opened.lines_salt, opened.lines, opened.proof,
    )  # fmt: skip


def _meter(opened: MeterOpening) -> tuple[Any, ...]:
    return (
        opened.kind, opened.revision, opened.replacement, opened.source_proof, opened.challenge,
        opened.challenge_revision, record_tuple(opened.record), opened.next is not None, record_tuple(opened.next),
        opened.empty_position, opened.pack, opened.pack_proof,
    )  # fmt: skip


def _agreement(opened: AgreementOpening) -> tuple[Any, ...]:
    return (
        opened.weight, opened.share_ppm, opened.limit_ueur_kwh, opened.salt, opened.empty, opened.triples_salt,
        opened.triples, opened.proof,
    )  # fmt: skip

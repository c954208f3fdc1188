"""A community's constants. Light: no web3."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What a community fixed at deployment. Seconds; depth in levels."""

    offset_hours: int
    close_delay_s: int
    objection_period_s: int
    answer_time_s: int
    depth: int

"""Erasure at the operator and at a reader. English."""

from typing import Final

ERASURE: Final[dict[str, str]] = {
    "erase.nothing": "Nothing is due for erasure.",
    "erase.none_yet": "Nothing was erased so far.",
    "erase.finished": "{count} erasure[|s] interrupted before [is|are] finished.",
    "erase.will": "This will be erased for good:",
    "erase.ask": "Erase it?",
    "erase.everybody": "everybody's",
    "erase.member": "member {member}'s",
    "erase.intervals": "quarter-hours and levels",
    "erase.lines": "quarter-hours, levels and lines",
    "erase.totals": "quarter-hours, levels, lines and totals",
    "erase.planned": "  {month}  {whose} {what} of {count} posting[|s] (due from {due})",
    "erase.done": "  {month}  {whose} {what} of {count} posting[|s]: erased {when}",
    "audit.day_erased": "rest fits",
    "audit.erased": "{day}: {whose} {what} are erased; checked: what is left leads to the posted digest",
    "audit.erased_intervals": "quarter-hours and levels",
    "audit.erased_lines": "lines",
    "audit.erased_totals": "totals",
    "meter.would_erase": "  {month}  all readings and packs of reader {reader}",
    "meter.erased": "{month}  erased at reader {reader}",
    "erase.simulated": "Nothing was erased.",
    "erase.copies": "Copies of the month keys made before must go too: replace them with a new copy now.",
}

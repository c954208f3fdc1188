"""What the demo says, in English."""

from typing import Final

DEMO: Final[dict[str, str]] = {
    "demo.founding": "Founding {name}: {members} members, {meters} meters, contracts on a chain of its own …",
    "demo.day": "{day}: readings in, the operator settles, the auditor recomputes and attests …",
    "demo.cheat": "{day}: the operator cheats, a member looks closely …",
    "demo.audit": "The auditor goes over everything …",
    "demo.title": "{name}, {first} to {last}",
    "demo.head.member": "member",
    "demo.head.drew": "drew kWh",
    "demo.head.fed": "fed in kWh",
    "demo.head.got": "from neighbours",
    "demo.head.gave": "to neighbours",
    "demo.head.net": "EUR",
    "demo.table_note": "EUR: what the member gets (+) or pays (-) for the energy shared; the rest is the supplier's.",
    "demo.day_line": "{day}: {slots} quarter-hours, posting {sequence}, attested and final, {gas} gas to settle",
    "demo.missing": "  {count} meter without a reading (reader {reader} was silent): replaced by an estimate",
    "demo.sml": "{telegrams} SML telegrams from three households; the others came in the metering operator's file",
    "demo.gas": "{whole}.{tenth} gas per member and quarter-hour (anchor, post, attest, finalise)",
    "demo.picture": "picture of {day}: {path}",
    "demo.verified": "{verdict}  {name} checks the bill of {day}",
    "demo.checks": "  checks: {checks}; attested by {auditors} of the auditors they trust",
    "demo.lie": (
        "The operator posts {day} as posting {sequence} with {cent} cents less for {name}; every hash in it is right."
    ),
    "demo.found": (
        "{verdict}  check {checks} fails: {agreement}: the bill says {stated} EUR, the rules give {rules} EUR, "
        "{difference} EUR too little for the member"
    ),
    "demo.refuted": (
        "  refute: the contract recomputed the day from the signed readings and voided posting {sequence} "
        "({reason}; {gas} gas, {kilobytes} kB made public)"
    ),
    "demo.again": "  the honest day was posted again as posting {sequence}, attested, and is final",
    "demo.audited": (
        "{verdict}  audit: {postings} postings, {slots} members' quarter-hours recomputed, meters replaced: {missing}"
    ),
    "demo.audit_first": "  first difference: {first}",
    "demo.audit_void": "  void, and binding nobody: posting {postings}",
    "demo.seconds": "Done in {seconds} s.",
    "demo.not_kept": "Keys, chain and mailbox were removed; `demo --keep DIR` leaves them for you to work on.",
    "demo.kept": "Everything is in {home}: community.toml, chain.sqlite, mailbox/, metering/, operator/, keys/. Try:",
    "demo.try_verify": "  lindenstrom verify {bundle} --member {member} --home {home}",
    "demo.try_audit": "  lindenstrom audit run --home {home}",
    "demo.try_status": "  lindenstrom operator status --home {home}",
    "demo.try_how": "In a clone, `lindenstrom` is `python3 dev.py run`.",
    "demo.load_title": "{name}, {days} days from {first} to {last}: {households} measured households, {meters} meters",
    "demo.load_label": "Days settled and attested",
    "demo.load_parts": "one day takes {total} ms on average: {parts}",
    "demo.load_part": "{name} {ms} ms",
    "demo.load_shared": "shared: {shared} kWh of {drew} kWh drawn and {fed} kWh fed in",
    "cheat.unknown": "no lie is called {names}; there are: {known}",
    "cheat.telling": "The operator tells a lie: {lie} …",
    "cheat.title": "{count} lie[|s] told in {name}, and the end of each",
    "cheat.head.lie": "lie",
    "cheat.head.noticed": "own check",
    "cheat.head.by": "voided by",
    "cheat.head.why": "because",
    "cheat.head.gas": "gas",
    "cheat.head.public": "public",
    "cheat.noticed_checks": "fails {checks}",
    "cheat.noticed_nothing": "sees nothing",
    "cheat.noticed_nothing_came": "no bundle",
    "cheat.by_refute": "contract",
    "cheat.by_levels": "contract",
    "cheat.by_demand": "contract",
    "cheat.by_auditor": "auditor",
    "cheat.public_refute": "day",
    "cheat.public_levels": "levels",
    "cheat.public_demand": "–",
    "cheat.public_auditor": "–",
    "cheat.why_more": "{first}, and {count} more",
    "cheat.note_columns": (
        "own check: what the member's `verify` says, by the number of the check. gas: for voiding. public: what that "
        "publishes, that member's day with the levels, or the levels alone."
    ),
    "cheat.note_contract": (
        "The contract: it recomputed what a member opened by a signed act, and voided. Nobody had to be trusted."
    ),
    "cheat.note_auditor": (
        "An auditor: the lie agrees with everything that one member can see. It takes one honest auditor who "
        "recomputes the whole community; `final` says whether one has attested."
    ),
    "cheat.not_in_it": (
        "Not in the table, because nobody catches them here: a reader that lies about its meter, and operator, readers "
        "and all auditors together."
    ),
}

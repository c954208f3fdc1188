"""Readings, days, statements, refutations, audits. English."""

from typing import Final

_METER: Final[dict[str, str]] = {
    "meter.bound": "Meter bound: member {member}, reader {reader}, position {position}, from {day}.",
    "meter.unbound": "Binding {id} ends; last day {day}.",
    "head.point": "metering point",
    "head.member": "member",
    "head.position": "position",
    "meter.imported": "{added} new records taken.",
    "meter.late": "{count} value[|s] came after [its|their] day was built; `lindenstrom meter anchor` corrects it.",
    "meter.outside": "{count} value[ lies|s lie] outside the days on which [its|their] meter is bound.",
    "meter.unknown": "{count} metering point[|s] in the files [is|are] not this reader's.",
    "meter.older": "{count} value[|s] left out: a newer message had come before.",
    "meter.unfit": "{count} value[|s] not taken: {code}",
    "meter.not_used": "{count} not used: {reason}",
    "meter.no_day": "Nothing to anchor: no day is over that is not anchored already.",
    "meter.day_anchored": "{day}  anchored",
    "meter.day_late": "{day}  anchored after its closing time: the operator has to replace it",
    "meter.day_corrected": "{day}  corrected by revision {revision}",
    "meter.swapped": "Meter at position {position} was exchanged at {instant}.",
    "meter.withdrawn": "Meter at position {position}: nothing is declared for {instant} any more.",
    "meter.digits": "Meter at position {position}: its registers start again at 0 after {digits} digits of kWh.",
    "meter.no_gap": "Nothing is missing.",
    "meter.day_open": "{day}  not complete",
    "meter.skipped": "{day}  not taken by the chain: {reason}",
    "meter.gap": "position {position}: {reason}",
    "progress.import": "importing",
    "progress.anchor": "anchoring",
}

_DAYS: Final[dict[str, str]] = {
    "operator.settled": (
        "{day}  posting {sequence}: {meters} meters, {slots} quarter-hours, {members} bundles handed over ({gas} gas)"
    ),
    "operator.resumed": "finished what was interrupted before",
    "operator.corrected": "a correction, revision {revision}; the final before it counts until this one is final",
    "operator.left_out": "{day}  not corrected: {why}",
    "operator.correctable": (
        "{day}  final posting {sequence}: newer readings of reader {readers}; can be corrected until {until} "
        "(lindenstrom operator correct {day})"
    ),
    "operator.waits_for_answer": "{day}  posting {sequence} waits for the answer to {count} demand[|s]",
    "operator.answered": "Member {member}'s day of {day} (posting {sequence}) is public; the demand is answered.",
    "operator.would_answer": "The contract would take this as the answer for posting {sequence}. Nothing was sent.",
    "operator.answer_reveals": "The answer makes public, readable by anyone:",
    "operator.ask_answer": "Open this member's day in public?",
    "operator.gap": "meter binding {binding} of member {member} replaced: {ground}",
    "operator.nothing_due": "Nothing is due.",
    "operator.final": "{day}  posting {sequence} is final",
    "operator.waits": "{day}  posting {sequence} can be final from {when}",
    "operator.nothing_open": "No posting waits for finality.",
    "operator.overview": (
        "{members} member[|s], {readers} reader[|s], {agreements} agreement[|s]; the chain's clock: {now}"
    ),
    "operator.unfinished": "Unfinished postings: {sequences}. Finish them: lindenstrom operator day --due",
    "progress.settle": "settling",
    "head.day": "day",
    "head.state": "state",
    "head.posting": "posting",
    "head.revision": "correction",
    "head.voided": "voided",
    "head.next": "next step from",
    "head.net": "EUR",
    "head.file": "file",
    "head.agreement": "agreement",
    "head.received": "received kWh",
    "head.gave": "gave kWh",
    "head.amount": "EUR",
    "state.due": "due",
    "state.waiting": "waits for readings",
    "state.posted": "posted",
    "state.final": "final",
    "posting.posted": "not final yet",
    "posting.void": "void",
    "posting.final": "final",
    "posting.corrected": "corrected",
    "statement.none": "No statements for member {member} in the mailbox.",
    "statement.total": "Total, of each day the newest final, else what is posted: {total} EUR (positive: to receive)",
    "statement.title": "{community}, {name} (member {member}), {day}",
    "statement.estimated": "{meter}: {count} quarter-hour[ is|s are] estimated or provisional.",
    "statement.missing": "{meter}: {count} quarter-hour[ is|s are] missing; [it counts|they count] as 0.",
    "statement.replaced": "{meter}: the day was not read; the operator used substitute values.",
    "statement.true_up": (
        "{meter}: read again; its registers show {drew} kWh drawn and {fed_in} kWh fed in beyond the substitute values "
        "of the days before. This is not billed here."
    ),
    "statement.check": "Recheck it: lindenstrom verify {bundle}",
    "correction.title": "What this correction changed, beside posting {sequence}:",
    "correction.unknown": "This is correction {revision}; what it corrects does not lie beside it.",
    "correction.nothing": "nothing in your lines",
    "correction.taken": "{label}: received {before} kWh, now {after} kWh ({by})",
    "correction.given": "{label}: gave {before} kWh, now {after} kWh ({by})",
    "correction.amount": "{label}: {before} EUR, now {after} EUR ({by}; positive: to receive)",
    "correction.net": "total: {before} EUR, now {after} EUR ({by}; positive: to receive)",
    "total.title": "{community}, member {member}, {first} to {last}",
    "total.block": "By what was final at block {block} ({when}): {count} day[|s], of each the newest final.",
    "total.not_posted": "Not in this sum, because not posted: {days}",
    "total.not_final": "Not in this sum, because not final yet: {days}",
    "total.no_bundle": "Not in this sum, because your file is not here: {days}. Ask the operator for it.",
    "total.other_bundle": "Not in this sum, because your file is not what was posted: {days}. Send it to the auditor.",
    "total.contested": "Contested by an auditor all the same: {days}",
    "total.open_correction": "A correction is posted and not final yet: {days}",
    "demand.means": (
        "A demand bars this day's finality until an auditor confirms that the bundle was handed over. "
        "The chain shows that your number demanded, and nothing else of you."
    ),
    "demand.means_public": (
        "--public-answer also lets anyone who holds your day answer by opening it in public, for ever: "
        "quarter-hours, registers, parameters, lines, total, and the levels of your agreements. "
        "Without it only an auditor can answer."
    ),
    "demand.at_hand": "A bundle for this posting lies in this mailbox already: lindenstrom statement list",
    "demand.ask": "Demand the bundle?",
    "demand.made": (
        "Member {member} demanded the bundle of {day} (posting {sequence}). It is due until {when}; "
        "after that anyone can void the posting: lindenstrom demand void {sequence} --member {member}"
    ),
    "demand.handed_over": "Signed, and put into the mailbox to be carried by anyone (lindenstrom carry): {file}",
    "demand.none": "No demand is open.",
    "demand.public": "allowed",
    "demand.private": "no",
    "demand.overdue": ", overdue",
    "demand.voided": "Member {member}'s demand was overdue: posting {sequence} of {day} is void.",
    "demand.open": "{day}  posting {sequence}: member {member} demands the bundle, answer due until {when}",
    "carry.none": "No signed acts lie in the mailbox.",
    "carry.carried": "carried",
    "carry.known": "on the chain already",
    "carry.over": "not needed any more: the posting is void, final, or another one",
    "carry.unreadable": "cannot be read",
    "carry.refused": "refused by the contract ({name})",
    "head.public": "public answer",
    "head.due": "due until",
    "refute.reveals_levels_only": "  – price and levels of {agreement} in every quarter-hour of {day}, no readings",
    "refute.hints": "  – levels hint at the readings of all parties; the fewer they are, the more",
    "refute.levels_would": (
        "The contract would void posting {sequence} of {day}: {why} (agreement {agreement}, {slot}). Nothing was sent."
    ),
    "refute.levels_voided": "The contract voided posting {sequence} of {day}: {why} (agreement {agreement}, {slot}).",
    "refute.handed_over": "Signed, and put into the mailbox to be carried by anyone (lindenstrom carry): {file}",
    "refute.reveals": "Sending this makes public, readable by anyone:",
    "refute.reveals_meters": "  – every quarter-hour of your {count} meter[|s] on {day}, and their registers",
    "refute.reveals_parameters": "  – your share and weight in {count} agreement[|s]",
    "refute.reveals_levels": "  – the agreements' levels of that day, which hint at your neighbours' readings",
    "refute.reveals_statement": "  – your lines and your total of that day",
    "refute.for_ever": "It can never be taken back. An auditor can recompute it all without publishing anything.",
    "refute.ask": "Make this day public and void the posting?",
    "refute.would": "The contract would void posting {sequence} of {day}: {why}. Nothing was sent.",
    "refute.voided": "The contract voided posting {sequence} of {day}: {why}. The operator has to post the day anew.",
}

_AUDIT: Final[dict[str, str]] = {
    "days.true_up": (
        "meter binding {binding} of member {member} is read again: beyond its replacements {drew} kWh drawn, "
        "{fed_in} kWh fed in; not priced"
    ),
    "days.span": "{first} to {last}",
    "audit.verdict": "{verdict}   {count} posting[|s] recomputed",
    "audit.passed": "✓ PASSED",
    "audit.differs": "✗ DIFFERS",
    "audit.incomplete": "? INCOMPLETE",
    "audit.difference": "{day}, posting {sequence}: {what}",
    "audit.replaced": "{day}: meter binding {binding} of member {member} replaced: {ground}",
    "audit.not_posted": "Due, and not posted: {days}",
    "audit.correctable": (
        "{day}: newer readings of reader {readers} than final posting {sequence} rests on; the operator can correct it "
        "until {until}"
    ),
    "audit.day_differs": "DIFFERS",
    "audit.attested": "Posting {sequence} fits the rules; attested.",
    "audit.contested": "Posting {sequence} is contested, for all to see.",
    "audit.confirmed": "The delivery for posting {sequence} is confirmed.",
    "audit.demand": "{day}, posting {sequence}: member {member} demands the bundle, answer due until {when}",
    "audit.ask_contest": "Contest posting {sequence}, for good?",
    "audit.voided": "Posting {sequence} is void. The operator has to post the day anew.",
    "audit.withheld": "On record: reader {reader} withholds its readings of {day}, since {since}.",
    "audit.ask_void": "Void posting {sequence}? Each auditor can do this once for a day.",
    "progress.audit": "auditing",
    "progress.audited": "{day} audited",
    "head.slots": "values checked",
    "head.unmeasured": "not measured",
}

DAYS: Final[dict[str, str]] = {**_METER, **_DAYS, **_AUDIT}

"""Homes, contracts, members, agreements. English."""

from typing import Final

_SETUP: Final[dict[str, str]] = {
    "init.made": "Made {home} for {name}; the clock of its trial chain stands at noon of {start}.",
    "init.key": "  key {alias:<10} {address}  (opens alone; for trial)",
    "init.next": (
        "Next, in that directory (cd {home}):\n"
        "  lindenstrom contracts deploy              the community's contracts, on the trial chain\n"
        "  lindenstrom key new anna --unattended     a key for each member and each reader\n"
        "  lindenstrom member add anna --key anna    then readers, meters and agreements: lindenstrom --help"
    ),
    "contracts.title": "{name}, chain {chain} at {node}",
    "contracts.constants": (
        "  zone {zone}, readings close {close} h after the day, objections for {objection} days, "
        "answers within {answer} days, room for {members} members"
    ),
    "contracts.first_day": "  first day that can be settled: {day}",
    "contracts.built": "Compiled: {names}",
    "contracts.check_same": "{name}: the contracts are those of lindenstrom {version}, built for this community",
    "contracts.check_not_found": (
        "{name}: the code is that of lindenstrom {version}, built for this community. "
        "How it was created was not checked."
    ),
    "contracts.check_differs": "{name}: these are not the contracts of lindenstrom {version}, built for this community",
    "contracts.check_other_release": (
        "If another release deployed the community, use that one, and its contracts check. If there is none that fits, "
        "trust nothing that these contracts say, and sign nothing for them."
    ),
    "contracts.check_creation": (
        "The node does not show the transactions that created the contracts, so nobody knows what they began with. "
        "Ask a node that keeps all blocks: --node URL"
    ),
    "contracts.match_same": "matches this release",
    "contracts.match_no_code": "no code",
    "contracts.match_other_code": "other code",
    "contracts.match_other_values": "other wiring or constants: {differing}",
    "contracts.creation_same": "matches this release",
    "contracts.creation_other": "other creation code or arguments",
    "contracts.creation_not_found": "not checked",
    "head.contract": "contract",
    "head.code": "code",
    "head.creation": "creation",
    "contracts.ask": "Deploy {name} to chain {chain}? {payer} pays, and it cannot be undone.",
    "contracts.next": "Next: lindenstrom member add NAME --key ALIAS",
    "chain.status": "{kind} chain {id} at {place}, block {block}",
    "chain.clock": "clock: {utc}, local day {day}",
    "chain.runs": "The node runs at {url} (process {pid}). Stop it: lindenstrom chain start --stop",
    "chain.stopped": "No node runs for this home; its state is kept.",
    "head.index": "index",
    "head.account": "account",
    "member.added": "Member {index}, account {address}",
    "member.rotated": "Member {index} has a new account: {address}",
    "reader.rotated": "Reader {alias} has a new key: {address}",
    "member.fee": "(fee account)",
    "reader.added": "Reader {index} ({alias}), key {address}. Bind a meter to it: lindenstrom meter bind --help",
    "head.reader": "reader",
    "head.meters": "meters",
    "member.rounding": "(rounding account)",
}

_AGREEMENT: Final[dict[str, str]] = {
    "agreement.offered": "Agreement {id} offered, from {day}. To join: lindenstrom agreement join {id} --member NAME",
    "agreement.left": "Member {member} leaves agreement {id}; last day {day}.",
    "agreement.joined": "Member {member} joins agreement {id} from {day}.",
    "agreement.saved": "Saved the act in {file}. Still to sign: {missing}.",
    "agreement.carry": (
        "Carry it to where that key is, and there: lindenstrom agreement join --act {file}\n"
        "The file holds the member's parameters (share, weight): give it to the parties only."
    ),
    "agreement.none": "No agreements yet. Offer one: lindenstrom agreement offer --help",
    "agreement.title": "Agreement {id} {label}",
    "agreement.key": "  divided      {value}",
    "agreement.key_proportional": "in proportion to what each draws",
    "agreement.key_static": "by each member's fixed part",
    "agreement.key_cascading": "in rounds, by each member's parts; who needs less leaves the rest to the others",
    "agreement.key_equal": "in equal parts; who needs less leaves the rest to the others",
    "agreement.key_priority": "by rank; within a rank in proportion to what each draws",
    "agreement.price_auction": "  price        by auction in every quarter-hour, {price} ct/kWh",
    "price.auction": "auction",
    "agreement.price_fixed": "  price        {price} ct/kWh",
    "agreement.price_mid": "  price        {price} ct/kWh, midway between {low} and {high}",
    "agreement.fee": "  fee          {fee} ct/kWh, paid by the taker",
    "agreement.cap": "  cap          {cap} kWh per member and quarter-hour",
    "agreement.days": "  days         {first} to {last}",
    "agreement.open": "open end",
    "agreement.order": "  order        {priority} (lower runs first)",
    "agreement.steward": "  steward      member {steward}",
    "agreement.public": "  disputes     may be public: a member can have the contract decide",
    "agreement.private": "  disputes     not public: an auditor decides",
    "agreement.parties": "  members",
    "head.label": "label",
    "head.price": "ct/kWh",
    "head.fee": "fee",
    "head.first": "from",
    "head.last": "until",
    "head.members": "members",
    "head.role": "role",
    "role.1": "takes",
    "role.2": "gives",
    "role.3": "takes and gives",
    "party.member": "the member",
    "party.steward": "the steward",
    "party.operator": "the operator",
}

_AUDITOR: Final[dict[str, str]] = {
    "auditor.appointed": "Auditor {index}, {address}: in office from {when}.",
    "auditor.dismissed": "Auditor {index}, {address}: in office until {when}.",
    "auditor.resigned": "Auditor {index}, {address}: not in office any more, since {when}.",
    "auditor.consents": (
        "Consents to meters that were signed before this and are not on the chain yet have become void "
        "(AuditorsDiffer): have them signed again, lindenstrom meter bind. Meters that are bound stay bound."
    ),
    "auditor.pin_appointed": "Tell the members: an attestation counts for them once they pin this auditor (--auditor).",
    "auditor.pin_ended": "Tell the members: they pin another one (--auditor). What this one attested stays attested.",
    "auditor.none_left": "After that nobody is an auditor. Appoint one now: it takes 30 days.",
    "auditor.ask_appoint": "Appoint {address}, from 30 days after now? Consents that are not carried yet become void.",
    "auditor.ask_dismiss": "Dismiss auditor {index}, 30 days after now? Consents that are not carried yet become void.",
    "auditor.ask_resign": "Resign as auditor {index}, at once and for good?",
    "auditor.none": "No auditor was ever named. Appoint one: lindenstrom auditor appoint ADDRESS",
    "auditor.announced": "announced",
    "auditor.in_office": "in office",
    "auditor.leaving": "in office, leaving",
    "auditor.ended": "not any more",
    "auditor.open": "–",
}

COMMUNITY: Final[dict[str, str]] = {**_SETUP, **_AGREEMENT, **_AUDITOR}

"""Verdicts, checks and findings of `verify`. English."""

from typing import Final

VERIFICATION: Final[dict[str, str]] = {
    "verify.title": "{verdict}   {community}, {name} (member {member}), {day}",
    "verify.failed": "Check {id} failed: {detail}",
    "verify.failed_next": (
        "Keep the file and send it to the auditor, who can tell a corrected value from a changed copy. "
        "You can also have the contract decide, in public: lindenstrom refute {bundle}"
    ),
    "verify.foreign_next": (
        "Nothing that these contracts say was read. If another release of this program deployed the community, "
        "verify with that one. Otherwise ask an auditor for the community file: lindenstrom contracts check"
    ),
    "verify.other_next": (
        "The file is of another member or community than you named. Take the right one, or ask the operator for it: "
        "lindenstrom statement list"
    ),
    "verify.void_next": (
        "The posting is void and binds nobody. The day has to be posted anew; ask for that file: "
        "lindenstrom statement list"
    ),
    "verify.not_final": "Nothing is wrong so far. It can be final from {when} on, unless it is found wrong before.",
    "verify.demands_open": "Not final before {count} open demand[|s] for bundles [is|are] answered.",
    "verify.own_demand": (
        "Your demand for this bundle is open until {when}. You have it now: an auditor can confirm that, "
        "lindenstrom audit confirm {sequence} --member {member}"
    ),
    "verify.auditor_ending": "Auditor {address}, whom you have pinned, is in office until {when} only.",
    "verify.auditor_unknown": "{address}, whom you have pinned, never was an auditor of this community.",
    "verify.auditor_new": (
        "Auditor {address} is in office from {when} on and not in your community file. "
        "Attestations count for you once you pin it: --auditor {address}"
    ),
    "verify.corrected_by": (
        "The day was corrected by posting {sequence}, which counts in this one's place once it is final: "
        "lindenstrom statement list"
    ),
    "verify.is_verified": "Everything was recomputed and fits; it is final and attested by an auditor you have pinned.",
    "verify.is_consistent": (
        "Everything was recomputed and fits, and it is final. No auditor that you have pinned attested it: "
        "it is consistent with the operator's chain, no more."
    ),
    "verify.is_incomplete": "The file fits together. The chain was not asked: leave out --offline.",
    "verify.not_proven": "  What this does NOT prove",
    "verify.trust": "  You are relying on",
    "verify.more": "  Evidence for a check: lindenstrom verify {bundle} --explain 4     For programs: --json",
    "verify.evidence": "Compared:",
    "verify.by_hand": "By hand:",
    "verify.agreement": "agreement {id}",
    "amount.drew": "You drew    {total} kWh: {part} kWh from neighbours, {rest} kWh from your supplier",
    "amount.fed_in": "You fed in  {total} kWh: {part} kWh to neighbours, {rest} kWh to the grid",
    "amount.owe": "You owe      {net} EUR",
    "amount.owed": "You are owed {net} EUR",
    "amount.even": "You owe nothing and are owed nothing.",
    "amount.substitutes": "{count} quarter-hour value[ was|s were] not measured: provisional, estimated or missing.",
    "amount.true_up": (
        "A meter is read again: its registers show {drew} kWh drawn and {fed_in} kWh fed in beyond the substitute "
        "values. It is not billed here."
    ),
    "difference.taken": "{label}: the rules give you {rules} kWh from neighbours, the statement says {stated} kWh.",
    "difference.given": "{label}: by the rules you gave {rules} kWh, the statement says {stated} kWh.",
    "difference.amount": "{label}: the rules give {rules} EUR, the statement says {stated} EUR (positive: to receive).",
    "difference.yours": "The statement gives you {amount} EUR too little.",
    "difference.theirs": "The statement gives you {amount} EUR too much.",
    "status.ok": "ok",
    "status.failed": "FAILED",
    "status.not_checked": "not checked",
    "check.1": "the file speaks of your community and of you",
    "check.2": "the readings are those that your meters' readers signed",
    "check.3": "your parameters are the signed ones, prices are the agreement's, levels are possible",
    "check.4": "the amounts follow from readings, terms and levels, to the last mWh and p€",
    "check.5": "statement, levels and sources are the ones committed for you",
    "check.6": "the posting stands in the contract",
    "check.7": "meters, memberships, terms, readers and anchors are as this project's contracts hold them",
    "explain.1": "Compare the community id with the one in your own community file.",
    "explain.2": "Recover the signer of the reader's Anchor (docs/formats.md); compare it with the reader's key.",
    "explain.3": "Read the agreement from the contract: Agreements.terms(id), Agreements.membershipsOf(member).",
    "explain.4": "Recompute the day from pack, terms and levels by the rules in docs/protocol.md, in integers.",
    "explain.5": "Hash your statement with its siblings (docs/formats.md); compare with the root in the Posted event.",
    "explain.6": "Call Settlement.posting(sequence) at any node or block explorer; compare the digest, and the state.",
    "explain.7": (
        "Call Registry.liveBindings(member, day) and Agreements.liveMemberships(member, day) at any node. "
        "The contracts' code: lindenstrom contracts check"
    ),
    "not_proven.meter": "that the meter itself measured correctly (ask the metering operator)",
    "not_proven.bank": "that the money has arrived (see your bank account)",
    "not_proven.others": "that your neighbours' statements are right too (that is what an auditor checks)",
    "trust.community": "contract addresses and constants from your community file {file}",
    "trust.node": "the node {node}; --node URL uses another one",
    "trust.trial": "the trial chain {node}: whoever runs it can rewrite it",
    "trust.offline": "no node: the chain was not asked",
    "trust.packs": "your own copies of the readings of {count} meter[|s]",
    "trust.no_packs": "the readers' signatures: you gave no readings of your own (--packs MAILBOX)",
    "trust.pinned": "the auditors that you have pinned: {auditors}",
    "trust.none_pinned": "no auditor: you have pinned none (--auditor ADDRESS)",
    "finding.attested": "attestations: {all}, {pinned} of them by auditors you have pinned",
    "finding.other_community": "the file belongs to another community than your community file",
    "finding.other_member": "the file is member {0}'s, you are member {1}",
    "finding.own_pack_differs": "binding {0}: your own copy of the readings differs from the one used",
    "finding.reader_signature": "the signature over the readings is not reader {0}'s",
    "finding.disputed_source": "binding {0}: the file itself disputes the source of these readings",
    "finding.bindings_differ": "the file's meters are not the ones bound to you on the chain",
    "finding.memberships_differ": "the file's agreements or terms are not those on the chain",
    "finding.reader_key_differs": "reader {0} has another key on the chain",
    "finding.bad_opening": "the opened {0} does not match its commitment",
    "finding.not_reached": "an earlier check failed",
    "finding.offline": "no chain was asked",
    "finding.foreign_contracts": "the contracts were not asked",
    "finding.contract_no_code": "there is no code at {0}'s address {1}",
    "finding.contract_other_code": "the code at {0}'s address {1} is not this release's",
    "finding.contract_other_values": "the code at {0}'s address {1} was built for another community: {2}",
    "finding.not_posted": "the contract knows no posting {0}",
    "finding.other_digest": "posting {0} in the contract is another one",
    "finding.void": "posting {0} is void",
    "finding.reason_statement_field": "the statement committed for you speaks of another community, day or member",
    "finding.reason_source_missing": "the posting names no source for one of your meters",
    "finding.reason_source_malformed": "the source named for one of your meters is impossible",
    "finding.reason_source_not_anchored": "the posting uses readings that were never anchored",
    "finding.reason_source_too_new": "the posting uses readings that came after its closing time",
    "finding.reason_source_stale": "newer readings were anchored before the closing time, and were not used",
    "finding.replacement_unproven": "substitute values were used although the reader had anchored something, and the "
    "file does not open why that did not do",
    "finding.reason_position_empty": "the anchored readings hold nothing for your meter, and were used all the same",
    "finding.reason_pack_unfit": "the readings used fail the format check",
    "finding.reason_replacement_unfounded": "substitute values were used although good readings were anchored",
    "finding.reason_replacement_unfit": "the substitute values fail the format check",
    "finding.reason_result_missing": "there is no result for one of your agreements",
    "finding.reason_result_length": "the result of an agreement does not have one level for each quarter-hour",
    "finding.reason_price_differs": "a price is not the one in the agreement's terms",
    "finding.reason_level_range": "a level is out of range",
    "finding.reason_lines_differ": "the statement's lines are not what the rules give",
    "finding.reason_net_differs": "the statement's total is not the sum of its lines",
    "finding.reason_both_curtailed": "takers and givers of an agreement are both held back in a quarter-hour",
    "finding.reason_demand_overdue": "a member's demand for the bundle was not answered in time",
}

"""The English catalogue. Ids are dotted: command or topic first."""

from typing import Final

from lindenstrom_cli.english_adapter import ADAPTER
from lindenstrom_cli.english_community import COMMUNITY
from lindenstrom_cli.english_days import DAYS
from lindenstrom_cli.english_erase import ERASURE
from lindenstrom_cli.english_refusals import REFUSALS
from lindenstrom_cli.english_verify import VERIFICATION

_HELP: Final[dict[str, str]] = {
    "section.start": "Start here",
    "section.community": "Set up a community",
    "section.daily": "Every day",
    "section.check": "Check and object",
    "section.tool": "The tool itself",
    "help.root": (
        "An open ledger for energy that neighbours share.\n\n"
        "New here? `lindenstrom demo` runs a community's days from readings to checked bills, on a chain of its own. "
        "To build one yourself: `lindenstrom init gartenweg --name Gartenweg --start 2026-06-01`, which tells you what "
        "comes next. Have you been sent a bill? `lindenstrom verify BUNDLE`."
    ),
    "help.root_epilog": "Every command explains itself: lindenstrom COMMAND --help. Exit codes: docs/exit-codes.md.",
    "help.demo": "A community's days on a chain of its own, from readings to a checked bill.",
    "help.simulate": "Made-up meter data of a community, with faults to order, and the truth to compare with.",
    "help.init": "Make a community's directory, with keys and a trial chain.",
    "help.contracts": "Build, deploy and show the contracts.",
    "help.chain": "The chain: its clock, and a local node.",
    "help.key": "Make and list keys.",
    "help.member": "Members: add, list, rotate keys.",
    "help.reader": "Readers, who sign meter readings: add, list, rotate keys.",
    "help.auditor": "Auditors: appoint, dismiss, resign, list.",
    "help.agreement": "Agreements: offer, join, leave, show.",
    "help.meter": "Meters: bind, read, import, anchor.",
    "help.adapter": "The process beside the meter: run, check.",
    "help.operator": "Run the day: clear, post, finalise.",
    "help.statement": "Statements: list and show.",
    "help.verify": "Recheck a bill to the last digit, from a bundle and the chain.",
    "help.refute": "Have the contract recompute a wrong bill, in public.",
    "help.demand": "Insist on a bundle that was not handed over.",
    "help.carry": "Send signed acts that lie in the mailbox.",
    "help.audit": "Recompute days for everyone; attest, void, contest, confirm.",
    "help.completion": "Shell completion.",
    "head.key": "key",
    "head.address": "address",
    "head.curve": "curve",
    "head.opens": "opens",
    "head.id": "id",
    "head.name": "name",
    "head.result": "result",
    "head.checked": "What was checked",
}

_ERRORS: Final[dict[str, str]] = {
    "error.interrupted": "interrupted",
    "error.see_help": "see: {command} --help",
    "error.file": "{path}: {reason}",
    "error.file_hint": "check the path, and that you may read and write there",
    "error.bug": "this is a bug ({kind})",
    "error.bug_hint": "run again with --debug and report what it prints",
    "ask.password": "Password of key {alias}",
    "ask.new_password": "New password for key {alias}",
    "exit.OK": "Done; for `verify`: verified.",
    "exit.INTERNAL": "A bug. `--debug` shows the traceback.",
    "exit.USAGE": "Wrong arguments or an unusable file: the caller can fix it.",
    "exit.VERIFICATION_FAILED": "The evidence contradicts the claim.",
    "exit.NOT_FINAL": "Nothing is wrong so far, but time has to pass.",
    "exit.COULD_NOT_CHECK": "The check itself was impossible: network, missing or unreadable file, unknown chain.",
    "exit.REFUSED": "A rule of the protocol or a contract says no, or you did.",
    "exit.KEY": "A key or its password is missing or wrong.",
    "exit.INTERRUPTED": "Interrupted with Ctrl-C.",
}

_KEY: Final[dict[str, str]] = {
    "key.made": "Key {alias}: {address}",
    "key.p256": "On P-256: it signs a reader's readings, nothing else: lindenstrom reader add --key {alias}",
    "key.attended": "It opens with your password. Keep a copy of keys/{alias}.json: nothing replaces it.",
    "key.unattended": "It opens alone, with keys/{alias}.password. Whoever can read both files can sign with it.",
    "key.none": "No keys yet. Make one: lindenstrom key new ALIAS",
    "key.curve_secp256k1": "secp256k1",
    "key.curve_p256": "P-256",
    "key.opens_alone": "alone",
    "key.opens_asked": "with a password",
}

ENGLISH: Final[dict[str, str]] = {
    **_HELP,
    **_ERRORS,
    **_KEY,
    **ADAPTER,
    **COMMUNITY,
    **DAYS,
    **ERASURE,
    **VERIFICATION,
    **REFUSALS,
}

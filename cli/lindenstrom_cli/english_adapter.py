"""The adapter, to the person who stands before the meter. English."""

from typing import Final

ADAPTER: Final[dict[str, str]] = {
    "adapter.ended": "Stopped. {bytes} bytes received were brought onto the disk.",
    "adapter.refused": "{count} piece[|s] could not be kept; see the log.",
    "adapter.day_out": "{day}  signed and handed over",
    "adapter.round": (
        "{anchored} day[|s] on the chain, {final} of them final; {outbox} wait[s|] for the chain, {waiting} for "
        "readings; gap list: {gaps}"
    ),
    "adapter.skipped": "not taken by the chain: {what}",
    "adapter.trouble": "{step}: {what}",
    "check.ok": "fine",
    "check.doubtful": "please note",
    "check.unfit": "to do",
    "check.failed": "not so",
    "check.key": "key",
    "check.config": "configuration",
    "check.home": "home",
    "check.disk": "disk",
    "check.mailbox": "mailbox",
    "check.clock": "clock",
    "check.node": "node",
    "check.source": "meter at position {position}",
    "check.config_ok": (
        "{path} is understood: reader {reader}, {meters} meter[|s] heard live, {inboxes} folder[|s] for files."
    ),
    "check.key_ok": "The key opens, and is the reader's on the chain.",
    "check.key_unknown": "The key opens. Whether it is the reader's could not be asked: the node did not answer.",
    "check.payer_empty": (
        "The account that pays ({address}) holds no coin. Where transactions cost something, give it some, or "
        "name another [payer]."
    ),
    "check.disk_ok": "{folder} can be written; {free} MiB free, enough for {days} days at a telegram a second.",
    "check.disk_small": (
        "Only {free} MiB are free on the disk of {folder}; make room: a telegram a second takes 30 MiB a day."
    ),
    "check.disk_bad": "{folder} cannot be written ({why}). Who runs the adapter must own it: chown -R that user.",
    "check.mailbox_ok": "{folder} can be written.",
    "check.clock_ok": "The clock is set, and not behind the chain.",
    "check.clock_unset": (
        "Nobody sets this machine's clock (the kernel says). Readings must be stamped to within seconds: turn "
        "network time on (timedatectl set-ntp true)."
    ),
    "check.clock_behind": (
        "The clock is behind the chain's newest block; set it. Until then the adapter stamps no reading."
    ),
    "check.node_ok": "The node answers; newest block {height}, and the contracts are this release's.",
    "check.node_bad": "{why}",
    "check.running": (
        "An adapter runs on this folder and listens already: http://127.0.0.1:{port}/ says what it hears. Stop "
        "it to try the sources here."
    ),
    "check.meter": "I hear a meter at {source}: {meter}. It gives {registers}.",
    "check.nameless": "one that does not say its name",
    "check.draw": "what is drawn",
    "check.feed": "what is fed in",
    "check.both": "what is drawn and what is fed in",
    "check.step": " Its last digit stands for {wh} Wh.",
    "check.damaged": " {count} telegram[ was|s were] damaged; shift the reading head a little until none is.",
    "check.locked": (
        "I hear a meter at {source}: {meter}. It gives whole kWh only: it is locked. Ask the metering operator "
        "for its PIN, enter it at the meter (with the button or a torch), and set InF to On."
    ),
    "check.no-register": (
        "I hear a meter at {source}, but it sends no register of energy. Enter its PIN and set InF to On; on a "
        "P1 port ask the grid operator to enable it."
    ),
    "check.other-format": (
        "What comes from {source} is {other}, not {format}. Bind the meter for it: lindenstrom meter bind … "
        "--source {other}"
    ),
    "check.bytes": (
        "Bytes arrive from {source} ({count} in {seconds} s), but no telegram. Check speed and parity (SML: 9600 "
        "8N1; P1: 115200 8N1), and turn or shift the reading head: its cable points down on most meters."
    ),
    "check.better": (
        "Bytes arrive from {source}, and with {baud} baud, {bits} bits, parity {parity} they are telegrams. "
        'Write source = "serial:{source}?baud={baud}&bits={bits}&parity={parity}"'
    ),
    "check.nothing": (
        "Nothing arrives from {source} in {seconds} s. Is the reading head on the meter's infrared window, and "
        "the right way round? Some meters send only after their PIN was entered; a P1 port needs its data "
        "request line (pin 2) at 5 V."
    ),
    "check.closed": "{source}: {why}. {remedy}",
    "check.remedy_device": (
        "Connected now: {devices}. Whoever runs the adapter must be in the group of the device (dialout)."
    ),
    "check.no_device": "no serial device at all",
    "check.remedy_host": "Check address and port, and that the bridge or broker runs.",
    "progress.check": "listening",
}

"""From meters to signed packs: live streams and files of many formats in, journal, quarter-hours, outbox, mailbox."""

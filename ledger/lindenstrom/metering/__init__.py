"""From meters to signed packs: SML and CSV in, journal, quarter-hour values, outbox, mailbox."""

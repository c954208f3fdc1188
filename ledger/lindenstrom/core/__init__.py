"""The pure core: units, calendar, packs, terms, clearing, statements, trees, salts, refutation.

Nothing here does I/O, reads a clock, draws randomness or logs. Twin of the contracts: same inputs, same bytes (I7).
"""

"""The operator's work: people and agreements, a day's settlement from packs to posting, finality."""

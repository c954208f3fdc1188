"""The audit on an embedded chain."""

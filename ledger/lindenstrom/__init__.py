"""Lindenstrom: an open ledger for energy that neighbours share."""

__version__ = "0.1.0"

"""The checks that take longer than a developer waits: `python3 dev.py deep [NAME…]`; see docs/assurance.md."""

"""The command line: commands return frozen dataclasses, one renderer shows them as text or JSON."""

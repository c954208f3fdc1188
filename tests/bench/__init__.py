"""Speed and memory, measured on demand. Nothing here is asserted: a machine's speed is no test."""

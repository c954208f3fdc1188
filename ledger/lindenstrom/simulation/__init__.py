"""Made-up communities from a seed: what their meters count, and how that comes out of reading heads and operators."""

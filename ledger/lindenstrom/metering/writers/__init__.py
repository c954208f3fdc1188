"""Meter data in the forms that others send them: for simulations, benchmarks and tests."""

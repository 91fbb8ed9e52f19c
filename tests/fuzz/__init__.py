"""Fuzz the parsers of strangers' bytes in the worker: `make fuzz`."""

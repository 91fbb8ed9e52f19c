"""The upload service: its use cases and its routes on memory adapters."""

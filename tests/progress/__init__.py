"""The progress service: what it tells, to whom, and what it must not tell."""

"""The janitor: what it erases, and what it must leave alone."""

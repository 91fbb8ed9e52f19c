"""The whole system over HTTP, as its clients see it."""

"""Test the whole system over HTTP, as clients use it."""

"""Test what the janitor deletes, and what it must keep."""

"""Test that clients of other people work as they are, unchanged."""

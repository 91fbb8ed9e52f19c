"""Test the whole system on LocalStack, and in containers."""

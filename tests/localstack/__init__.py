"""The whole system on LocalStack, and in containers."""

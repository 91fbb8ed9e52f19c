"""Test the progress service: what it sends, and to whom."""

"""Erases what is no longer wanted."""

"""Turns uploads into other formats."""

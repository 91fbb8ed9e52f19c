"""Measure how the code reads: names, docstrings, lines, file sizes."""

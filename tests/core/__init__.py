"""Tests of the domain, and of what only one technology has."""

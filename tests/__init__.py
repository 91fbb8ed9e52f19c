"""Test everything, in folders that mirror the tree."""

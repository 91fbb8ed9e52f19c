"""Test the upload service on memory adapters."""

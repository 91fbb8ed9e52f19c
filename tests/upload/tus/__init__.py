"""Test the tus 1.0.0 endpoint over HTTP."""

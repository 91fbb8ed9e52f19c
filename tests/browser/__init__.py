"""Test the page in a real Chromium, against the whole local stack."""

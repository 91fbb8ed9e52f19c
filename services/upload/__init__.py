"""Receive files in parts and assemble them in S3."""

"""Test the domain, the shared web parts, and details of the AWS adapters."""

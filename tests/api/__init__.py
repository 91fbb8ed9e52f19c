"""Check the services against the OpenAPI documents that they publish."""

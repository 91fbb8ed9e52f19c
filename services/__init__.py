"""The services: each deployable by itself."""

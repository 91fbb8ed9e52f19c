"""Hold the services, each of which can be deployed by itself."""

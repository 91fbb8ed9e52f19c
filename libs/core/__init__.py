"""Hold what all services share: the domain model, ports, adapters, and the web framework."""

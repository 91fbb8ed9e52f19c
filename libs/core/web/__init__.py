"""Share what all services need of HTTP: errors, sessions, request ids, health."""

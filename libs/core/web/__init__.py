"""HTTP as all services speak it: problems, sessions, request ids, health."""

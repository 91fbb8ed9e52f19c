"""Hold the code that the services share."""

"""Show the progress of items, by polling and by server-sent events."""

"""Shows how far things are, by poll and by server-sent events."""

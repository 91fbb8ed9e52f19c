"""Shows how far items are, by poll and by server-sent events."""

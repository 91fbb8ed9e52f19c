"""Run queued conversions in slots, each under a lease."""

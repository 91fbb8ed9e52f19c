"""Break a system on one machine: processes, storage and networks."""

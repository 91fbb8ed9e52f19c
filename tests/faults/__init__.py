"""What breaks on one machine: processes killed, stopped and told to end, storage that pauses, networks that lie."""

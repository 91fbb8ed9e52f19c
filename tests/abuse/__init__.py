"""Let one visitor do its worst, and see what a bystander notices."""
